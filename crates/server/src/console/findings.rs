//! What is found in a cluster: filtered, in pages, each with why it matters, what to do, and the pages that show how
//! it comes about.

use entryway_analysis::Place;
use entryway_analysis::finding::{Check, Finding, Grant, Holder, Severity, Standing, check, checks};
use maud::{Markup, html};

use super::analysis::Seen;
use super::cluster::{Cluster, may_see_access};
use super::entries::principal;
use super::form::Form;
use super::page::{Problem, Reply};
use super::part::{self, Field, Paging};
use super::subject::Subject;
use super::visit::Visit;
use super::words;

const PAGE: usize = 40;
/// The most grants that are told of one finding.
const MOST: usize = 20;

/// What is searched for. Empty fields fit everything.
struct Filter<'a> {
    severity: &'a str,
    check: &'a str,
    text: String,
    /// Also what goes without saying, and what Kubernetes gives its own parts.
    all: bool,
}

impl Filter<'_> {
    fn of(query: &Form) -> Filter<'_> {
        Filter {
            severity: query.text("severity"),
            check: query.text("check"),
            text: query.text("q").to_lowercase(),
            all: query.is_on("all"),
        }
    }

    fn fits(&self, finding: &Finding) -> bool {
        (self.all || finding.standing == Standing::Own)
            && (self.severity.is_empty() || finding.severity.as_str() == self.severity)
            && (self.check.is_empty() || finding.check.id == self.check)
            && (self.text.is_empty() || finding.holder.to_string().to_lowercase().contains(&self.text))
    }
}

/// `GET …/findings?severity=…&check=…&q=…`.
pub(super) async fn page(visit: &Visit<'_>, cluster: &Cluster) -> Result<Reply, Problem> {
    may_see_access(visit, cluster)?;
    let seen = cluster.analysis(visit).await?;
    let filter = Filter::of(&visit.query);
    let found = seen.last().map(|analysis| &analysis.findings);
    let all = found.into_iter().flat_map(|found| &found.all);
    let fitting: Vec<&Finding> = all.filter(|finding| filter.fits(finding)).collect();
    let paging = Paging::of(&visit.query, PAGE, fitting.len());
    let content = html! {
        (seen.notice(visit))
        (search(&visit.query))
        @if let Some(check) = check(filter.check) { (explained(check)) }
        @if found.is_none() { "" } @else if fitting.is_empty() {
            (part::empty(words::NO_FINDING, html! { @if !visit.query.to_query().is_empty() { p { a href="?" { "Show all" } } } }))
        } @else {
            @let here: Vec<&Finding> = fitting.iter().skip(paging.skip()).take(PAGE).copied().collect();
            (table(cluster, &here))
            (paging.links(&visit.query, "findings"))
        }
        @if let Some(found) = found.filter(|found| !found.left_out.is_empty()) {
            p.muted { (words::LEFT_OUT) " " @for (index, check) in found.left_out.iter().enumerate() { @if index > 0 { "; " } (check.title) } "." }
        }
    };
    Ok(cluster.page("findings", "Findings", content).live(cluster.live_findings()).into())
}

fn search(query: &Form) -> Markup {
    let option = |value: &str, text: &str| (value.to_owned(), text.to_owned());
    let severities = Severity::ALL.map(|severity| option(severity.as_str(), severity.as_str()));
    let severities: Vec<_> = std::iter::once(option("", words::ANY_SEVERITY)).chain(severities).collect();
    let field = |name, label| Field { name, label, value: query.text(name), help: "", error: None };
    html! {
        form.search role="search" method="get" {
            (field("severity", "Severity").choice(&severities))
            (field("check", "Finding").choice(&check_options(words::ANY_FINDING)))
            (field("q", "Who").line())
            label.tick { input type="checkbox" name="all" value="on" checked[query.is_on("all")]; " " (words::ALL_FINDINGS) }
            button.quiet type="submit" { "Filter" }
        }
    }
}

/// The checks, for choosing one; `any` for none.
pub(super) fn check_options(any: &str) -> Vec<(String, String)> {
    let all = checks().into_iter().map(|check| (check.id.to_owned(), check.title.to_owned()));
    std::iter::once((String::new(), any.to_owned())).chain(all).collect()
}

fn explained(check: &Check) -> Markup {
    html! {
        section.effect aria-labelledby="check" {
            h2 #check { (check.title) " " (badge(check.severity)) }
            (reasons(check))
        }
    }
}

fn reasons(check: &Check) -> Markup {
    html! {
        dl.facts {
            dt { (words::FOUND_BY) } dd { (part::coded(&check.trigger_text())) }
            dt { (words::WHY) } dd { (part::coded(check.why)) }
            dt { (words::WHAT_TO_DO) } dd { (part::coded(check.remedy)) }
        }
    }
}

/// A severity: the colour says nothing that the word does not.
pub(super) fn badge(severity: Severity) -> Markup {
    let kind = match severity {
        Severity::Critical => "bad",
        Severity::High => "warn",
        Severity::Medium | Severity::Low => "",
    };
    part::badge(kind, severity.as_str())
}

fn row(cluster: &Cluster, finding: &Finding) -> Markup {
    html! {
        tr {
            td data-label="Severity" { (badge(finding.severity)) (standing(finding.standing)) }
            th scope="row" data-label="Who" {
                @match holder_url(cluster, &finding.holder) {
                    Some(url) => a href=(url) { (principal(&finding.holder.to_string())) },
                    None => (principal(&finding.holder.to_string())),
                }
                br; span.muted { (finding.holder.kind()) }
            }
            td data-label="What" {
                details {
                    summary { strong { (finding.check.title) } ": " (part::spaced(&finding.line())) }
                    (reasons(finding.check))
                    @if finding.grants.len() > 1 {
                        ul { @for grant in finding.grants.iter().take(MOST) { li { (part::spaced(&told(grant))) } } }
                        @if finding.grants.len() > MOST { p.muted { (words::and_more(finding.grants.len() - MOST)) } }
                    }
                    (links(cluster, finding))
                }
            }
        }
    }
}

fn told(grant: &Grant) -> String {
    words::grant(&grant.permissions, grant.for_names, &grant.place, &grant.through)
}

fn standing(standing: Standing) -> Markup {
    html! {
        @match standing {
            Standing::Own => "",
            Standing::Implied => { br; span.muted { (words::AS_ADMINISTRATOR) } },
            Standing::WellKnown => { br; span.muted { (words::KUBERNETES_OWN) } },
        }
    }
}

/// Where it can be seen how it comes about.
fn links(cluster: &Cluster, finding: &Finding) -> Markup {
    let question = finding.grants.first().and_then(question);
    let who = subject(&finding.holder);
    html! {
        p {
            @if let Some(question) = &question {
                @if let Some(who) = &who {
                    @let form = question.with("kind", who.kind()).with("subject", who.name());
                    a href=(cluster.url(&format!("/explain?{}", form.to_query()))) { (words::EXPLAIN) span.unseen { " " (finding.check.title) " of " (finding.holder.to_string()) } }
                    " · "
                }
                a href=(cluster.url(&format!("/who-can?{}", question.to_query()))) { (words::WHO_ELSE) span.unseen { ": " (finding.check.title) ", asked of " (finding.holder.to_string()) } }
                " · "
            }
            @let form = Form::of(&[("q", &finding.holder.to_string()), ("direct", "on")]);
            a href=(cluster.url(&format!("/paths?{}", form.to_query()))) { (words::PATHS_FROM) span.unseen { " of " (finding.holder.to_string()) " (" (finding.check.title) ")" } }
        }
    }
}

/// The first permission of a grant as a question of the pages that answer them.
fn question(grant: &Grant) -> Option<Form> {
    let (verb, group, pattern) = grant.permissions.questions().next()?;
    let (resource, sub) =
        pattern.split_once('/').map_or((pattern, String::new()), |(one, sub)| (one, format!("/{sub}")));
    let group = if group.is_empty() { String::new() } else { format!(".{group}") };
    let namespace = match &grant.place {
        Place::Cluster => String::new(),
        // One of the namespaces of a pattern.
        Place::In(pattern) => pattern.replace('*', "x"),
    };
    let resource = format!("{resource}{group}{sub}");
    Some(Form::of(&[("verb", verb), ("resource", &resource), ("namespace", &namespace)]))
}

/// Whom the pages of questions know by that.
pub(super) fn subject(holder: &Holder) -> Option<Subject> {
    match holder {
        Holder::Principal(arn) => Some(Subject::Principal(arn.to_string())),
        Holder::User(name) => Some(Subject::User(name.clone())),
        Holder::Group(name) => Some(Subject::Group(name.clone())),
        Holder::ServiceAccount { namespace, name } => Some(Subject::ServiceAccount(format!("{namespace}/{name}"))),
        Holder::Cluster | Holder::OthersOf(_) | Holder::Binding { .. } => None,
    }
}

/// The page that tells what somebody can do.
pub(super) fn holder_url(cluster: &Cluster, holder: &Holder) -> Option<String> {
    let subject = subject(holder)?;
    let form = Form::of(&[("kind", subject.kind()), ("subject", subject.name())]);
    Some(cluster.url(&format!("/explain?{}", form.to_query())))
}

/// How many there are of each severity, each with a link to them; `None` for who may not see.
pub(super) fn counts(visit: &Visit<'_>, seen: Option<&Seen>, url: &str) -> Markup {
    let Some(seen) = seen else { return html! { span.muted { (words::NOT_SEEN) } } };
    let own = seen.last().map(|analysis| analysis.findings.own().map(|finding| finding.severity).collect::<Vec<_>>());
    html! {
        (seen.notice(visit))
        @if let Some(all) = &own {
            @if all.is_empty() { "none" }
            ul.counts {
                @for severity in Severity::ALL {
                    @let number = all.iter().filter(|one| **one == severity).count();
                    @if number > 0 { li { a href={ (url) "?severity=" (severity.as_str()) } { (number) " " (severity.as_str()) } } }
                }
            }
        }
    }
}

/// The count of a principal's, the worst said.
pub(super) fn count(cluster: &Cluster, seen: &Seen, arn: &str) -> Markup {
    let found = seen.last().map(|analysis| analysis.of_principal(arn));
    let url = cluster.url(&format!("/findings?{}", Form::of(&[("q", arn)]).to_query()));
    html! {
        @match found.as_deref() {
            None => span.muted { "…" },
            Some([]) => span.muted { "none" },
            Some([worst, ..]) => a href=(url) { (found.iter().flatten().count()) span.unseen { " findings" } ", worst " (worst.severity.as_str()) },
        }
    }
}

/// The section of an entry's page.
pub(super) fn section(visit: &Visit<'_>, cluster: &Cluster, seen: &Seen, arn: &str) -> Markup {
    let found = seen.last().map(|analysis| analysis.of_principal(arn));
    html! {
        section aria-labelledby="findings" {
            h2 #findings { "Findings" }
            (seen.notice(visit))
            @match found.as_deref() {
                None => "",
                Some([]) => p.muted { (words::NO_FINDING_OF_ENTRY) },
                Some(found) => (table(cluster, found)),
            }
        }
    }
}

fn table(cluster: &Cluster, findings: &[&Finding]) -> Markup {
    html! {
        table.cards {
            caption.unseen { "Findings" }
            thead { tr { th scope="col" { "Severity" } th scope="col" { "Who" } th scope="col" { (words::WHAT_WHERE) } } }
            tbody { @for finding in findings { (row(cluster, finding)) } }
        }
    }
}

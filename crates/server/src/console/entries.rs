//! The Access tab: entries and aws-auth lines, searched, filtered, sorted, in pages.

use entryway_access::{AuthenticationMode, CandidateOutcome, MappedPrincipal, Mapping, PolicyArn, Template};
use entryway_analysis::finding::{Finding, Severity};
use maud::{Markup, html};
use serde_json::Value;

use super::act::{self, cluster_path};
use super::analysis::{Analysis, Seen};
use super::cluster::{Cluster, mode_badge};
use super::findings;
use super::form::Form;
use super::page::{Problem, Reply};
use super::part::{self, Field, Paging};
use super::subject::Subject;
use super::visit::Visit;
use super::words;
use crate::eks::EntryRecord;

const PAGE: usize = 50;

/// What is searched for. Empty fields fit everything.
struct Filter<'a> {
    text: String,
    policy: &'a str,
    namespace: &'a str,
    kind: &'a str,
    /// `any`, a check or a severity.
    finding: &'a str,
}

impl Filter<'_> {
    fn of(query: &Form) -> Filter<'_> {
        Filter {
            text: query.text("q").to_lowercase(),
            policy: query.text("policy"),
            namespace: query.text("namespace"),
            kind: query.text("type"),
            finding: query.text("finding"),
        }
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty() && !self.is_deep()
    }

    /// Whether it asks for more than the ARN, which only those may know who may describe the entry.
    fn is_deep(&self) -> bool {
        !(self.policy.is_empty() && self.namespace.is_empty() && self.kind.is_empty() && self.finding.is_empty())
    }

    /// Whether something of the kind was found of it; who may not see findings finds none.
    fn finds(&self, entry: &EntryRecord, analysis: Option<&Analysis>) -> bool {
        let alike = |finding: &&Finding| {
            self.finding == "any" || finding.check.id == self.finding || finding.severity.as_str() == self.finding
        };
        self.finding.is_empty()
            || analysis.is_some_and(|analysis| analysis.of_principal(&entry.principal).iter().any(alike))
    }

    fn fits(&self, entry: &EntryRecord, described: bool) -> bool {
        if !described {
            return !self.is_deep() && entry.principal.to_lowercase().contains(&self.text);
        }
        let texts = [&entry.principal, &entry.username].into_iter().chain(&entry.groups);
        let found = self.text.is_empty() || texts.into_iter().any(|text| text.to_lowercase().contains(&self.text));
        let reaches = |association: &crate::eks::AssociationRecord| {
            let scope = entryway_access::AccessScope::from_parts(&association.scope, &association.namespaces);
            scope.is_ok_and(|scope| scope.covers(self.namespace))
        };
        found
            && (self.kind.is_empty() || entry.kind == self.kind)
            && (self.policy.is_empty() || entry.policies.keys().any(|arn| short(arn) == self.policy))
            && (self.namespace.is_empty() || entry.policies.values().any(reaches))
    }
}

/// A policy's name.
pub(super) fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// `GET …/access`.
pub(super) async fn page(visit: &Visit<'_>, cluster: &Cluster) -> Result<Reply, Problem> {
    let mode = cluster.snapshot.mode();
    // It tells who has access as entries do, so it is for who may see those.
    let shows_aws_auth = super::cluster::may_see_access(visit, cluster).is_ok()
        && (mode != AuthenticationMode::Api || !cluster.snapshot.aws_auth().roles.is_empty());
    let content = html! {
        (head(visit, cluster))
        @if mode.has_api() { (entries(visit, cluster).await?) } @else { p.notice { (words::MODE_WITHOUT_ENTRIES) } }
        @if shows_aws_auth { (aws_auth(visit, cluster)) }
    };
    let title = cluster.record.name.clone();
    Ok(cluster.page("access", title, content).live(cluster.live_findings()).into())
}

fn head(visit: &Visit<'_>, cluster: &Cluster) -> Markup {
    let host = &visit.plane.host;
    html! {
        dl.facts {
            dt { "Authentication mode" }
            dd { (mode_badge(&cluster.record.mode)) @if next_modes(cluster) && cluster.offers(visit, "UpdateClusterConfig") { " " a href=(cluster.url("/access/change?do=mode")) { "Change" } } }
            dt { "Kubernetes endpoint" } dd { code { (cluster.record.endpoint(host)) } }
            dt { "Made" } dd { (part::time(cluster.record.created_at, visit.now)) }
        }
    }
}

/// Whether there is a mode to change to.
fn next_modes(cluster: &Cluster) -> bool {
    AuthenticationMode::ALL
        .into_iter()
        .any(|to| to != cluster.snapshot.mode() && cluster.snapshot.mode().step(to).is_ok())
}

async fn entries(visit: &Visit<'_>, cluster: &Cluster) -> Result<Markup, Problem> {
    // Whether the caller may list at all is the operation's to say, and to record.
    let path = cluster_path(&cluster.record.name, "/access-entries");
    act::eks(visit, &cluster.place, "GET", &path, "maxResults=1", &Value::Null).await?;
    let seen = cluster.analysis_if_seen(visit).await?;
    let seen = seen.as_ref();
    let any = cluster.running.runtime.entry_count() > 0;
    let (fitting, paging) = fitting(visit, cluster, seen.and_then(Seen::last)).await?;
    let may_create = cluster.offers(visit, "CreateAccessEntry");
    let create = html! { @if may_create { p { a.button href=(cluster.url("/access/change?do=create")) { "Create access entry" } } } };
    Ok(html! {
        section aria-labelledby="entries" {
            div.headed { h2 #entries { "Access entries" } (create) }
            @if let Some(seen) = seen { (seen.notice(visit)) }
            (search(&visit.query, cluster, seen.is_some()))
            @if fitting.is_empty() {
                (part::empty(if any { words::NO_ENTRIES } else { words::FIRST_ENTRY }, html! { @if any { p { a href="?" { "Show all" } } } }))
            } @else {
                table.cards {
                    caption.unseen { "Access entries" }
                    thead { tr {
                        (sortable(&visit.query, "principal", "Principal"))
                        (sortable(&visit.query, "type", "Type"))
                        (sortable(&visit.query, "username", "Username and groups"))
                        th scope="col" { "Policies" }
                        @if seen.is_some() { th scope="col" { "Findings" } }
                        (sortable(&visit.query, "modified", "Last change"))
                    } }
                    tbody { @for (entry, described) in &fitting { (row(visit, cluster, entry, *described, seen)) } }
                }
                (paging.links(&visit.query, "entries"))
            }
        }
    })
}

/// The entries of this page, each with whether the visitor may describe it.
async fn fitting(
    visit: &Visit<'_>,
    cluster: &Cluster,
    analysis: Option<&Analysis>,
) -> Result<(Vec<(EntryRecord, bool)>, Paging), Problem> {
    let filter = Filter::of(&visit.query);
    let by = visit.query.text("sort");
    let described = |entry: &EntryRecord| cluster.offers_on(visit, "DescribeAccessEntry", entry);
    if filter.is_empty() && by.is_empty() {
        // The whole list in its own order: of ten thousand records only those of the page are read.
        let all = cluster.snapshot.entries();
        let paging = Paging::of(&visit.query, PAGE, all.len());
        let mut shown = Vec::with_capacity(PAGE);
        for entry in all.iter().skip(paging.skip()).take(PAGE) {
            let found = cluster.stored_entry(visit, entry.principal.as_str()).await?;
            shown.extend(found.map(|found| (described(&found.record), found.record)).map(|(may, entry)| (entry, may)));
        }
        return Ok((shown, paging));
    }
    // Whatever fits without being described fits when it is, so IAM is asked of what fits alone.
    let all = cluster.entries(visit).await?;
    let all = all
        .iter()
        .filter(|entry| filter.fits(entry, true) && filter.finds(entry, analysis))
        .map(|entry| (entry, described(entry)));
    let mut fitting: Vec<(&EntryRecord, bool)> = all.filter(|(entry, may)| filter.fits(entry, *may)).collect();
    sort(&mut fitting, by);
    let paging = Paging::of(&visit.query, PAGE, fitting.len());
    let shown = fitting.into_iter().skip(paging.skip()).take(PAGE);
    Ok((shown.map(|(entry, may)| (entry.clone(), may)).collect(), paging))
}

/// What may not be described comes last: its place must not tell of it.
fn sort(entries: &mut [(&EntryRecord, bool)], by: &str) {
    match by {
        "type" => entries.sort_by_key(|(entry, may)| (!may, may.then_some(&entry.kind))),
        "username" => entries.sort_by_key(|(entry, may)| (!may, may.then_some(&entry.username))),
        "modified" => entries.sort_by_key(|(entry, may)| (!may, may.then_some(std::cmp::Reverse(entry.modified_at)))),
        // They come in this order.
        _ => {}
    }
}

fn sortable(query: &Form, by: &str, text: &str) -> Markup {
    let now = if query.text("sort").is_empty() { "principal" } else { query.text("sort") };
    let order = if by == "modified" { "descending" } else { "ascending" };
    let url = format!("?{}", query.with("sort", by).without(&["page"]).to_query());
    html! { th scope="col" aria-sort=[(now == by).then_some(order)] { a href=(url) { (text) } } }
}

fn search(query: &Form, cluster: &Cluster, with_findings: bool) -> Markup {
    let none = |text: &str| (String::new(), text.to_owned());
    let names = cluster.snapshot.catalogue().arns(cluster.place.partition()).map(|arn| arn.name().to_string());
    let policies: Vec<(String, String)> =
        std::iter::once(none("Any policy")).chain(names.map(|name| (name.clone(), name))).collect();
    let kinds = entryway_access::EntryType::ALL.map(|kind| (kind.as_str().to_owned(), kind.as_str().to_owned()));
    let kinds: Vec<(String, String)> = std::iter::once(none("Any type")).chain(kinds).collect();
    let field = |name, label| Field { name, label, value: query.text(name), help: "", error: None };
    html! {
        form.search role="search" method="get" {
            (field("q", "Principal, username or group").line())
            (field("policy", "Policy").choice(&policies))
            (field("namespace", "Reaches namespace").suggesting(&cluster.url("/namespaces")))
            (field("type", "Type").choice(&kinds))
            @if with_findings { (field("finding", "Finding").choice(&finding_options())) }
            @if !query.text("sort").is_empty() { input type="hidden" name="sort" value=(query.text("sort")); }
            button.quiet type="submit" { "Filter" }
        }
    }
}

/// Any, of a severity, or of a check.
fn finding_options() -> Vec<(String, String)> {
    let mut options = findings::check_options("With or without");
    let severities = Severity::ALL.map(|severity| (severity.as_str().to_owned(), format!("Any that is {severity}")));
    let any = ("any".to_owned(), "Any at all".to_owned());
    options.splice(1..1, std::iter::once(any).chain(severities));
    options
}

fn row(visit: &Visit<'_>, cluster: &Cluster, entry: &EntryRecord, described: bool, seen: Option<&Seen>) -> Markup {
    let link = Form::of(&[("principal", &entry.principal)]).to_query();
    html! {
        tr {
            th scope="row" data-label="Principal" {
                @if described { a href=(cluster.url(&format!("/access/entry?{link}"))) { (principal(&entry.principal)) } }
                @else { (principal(&entry.principal)) }
            }
            @if described {
                td data-label="Type" { (entry.kind) (ended(entry, visit)) }
                td data-label="Username and groups" { code { (entry.username) } @if !entry.groups.is_empty() { br; span.muted { "groups " } (part::words(&entry.groups)) } }
                td data-label="Policies" { (policies(entry)) }
                @if let Some(seen) = seen { td data-label="Findings" { (findings::count(cluster, seen, &entry.principal)) } }
                td data-label="Last change" { (part::time(entry.modified_at, visit.now)) }
            } @else {
                td colspan=(if seen.is_some() { "5" } else { "4" }) { span.muted { (words::NOT_DESCRIBED) } }
            }
        }
    }
}

fn ended(entry: &EntryRecord, visit: &Visit<'_>) -> Markup {
    let over = entry.to_core().is_ok_and(|core| !core.is_in_force(visit.now));
    html! { @if over { " " (part::badge("bad", "ended")) } }
}

/// An ARN, its name standing out.
pub(super) fn principal(arn: &str) -> Markup {
    let (head, name) = arn.rfind('/').map_or(("", arn), |at| arn.split_at(at + 1));
    let (account, path) = head.rfind(':').map_or(("", head), |at| head.split_at(at + 1));
    html! { span.arn { @if !head.is_empty() { span.muted { (account) wbr; (path) } wbr; } strong { (name) } } }
}

fn policies(entry: &EntryRecord) -> Markup {
    html! {
        @if entry.policies.is_empty() { span.muted { "none" } }
        @else { ul.plain { @for (arn, association) in &entry.policies { li { (short(arn)) " " (scope(&association.scope, &association.namespaces)) } } } }
    }
}

/// Where a policy reaches.
pub(super) fn scope(kind: &str, namespaces: &[String]) -> Markup {
    html! { @if kind == "cluster" { (part::badge("", "cluster")) } @else { span.muted { "in " } (part::words(namespaces)) } }
}

/// The lines of aws-auth, and what becomes of each.
fn aws_auth(visit: &Visit<'_>, cluster: &Cluster) -> Markup {
    let aws_auth = cluster.snapshot.aws_auth();
    let lines = |key: &'static str, lines: &[Mapping]| -> Vec<Markup> {
        lines.iter().map(|line| aws_auth_row(visit, cluster, key, line)).collect()
    };
    let rows = [lines("mapRoles", &aws_auth.roles), lines("mapUsers", &aws_auth.users)].concat();
    html! {
        section aria-labelledby="aws-auth" {
            h2 #aws-auth { "aws-auth" }
            @if rows.is_empty() { p.muted { (words::NO_AWS_AUTH) } }
            @else {
                table.cards {
                    caption.unseen { "Lines of aws-auth" }
                    thead { tr { th scope="col" { "Principal" } th scope="col" { "Where" } th scope="col" { "Username and groups" } th scope="col" { "What becomes of it" } } }
                    tbody { @for row in rows.iter().take(500) { (row) } }
                }
            }
            @if !aws_auth.accounts.is_empty() {
                p { "mapAccounts takes in everybody else of " (part::words(&aws_auth.accounts.iter().map(ToString::to_string).collect::<Vec<_>>())) "." }
            }
        }
    }
}

fn aws_auth_row(visit: &Visit<'_>, cluster: &Cluster, key: &str, line: &Mapping) -> Markup {
    let (name, outcome) = match &line.principal {
        MappedPrincipal::Unusable(text) => (text.clone(), part::badge("bad", "matches nobody")),
        MappedPrincipal::Arn(arn) => {
            (arn.to_string(), outcome(visit, cluster, &Subject::Principal(arn.to_string()), line))
        }
    };
    let groups: Vec<String> = line.groups.iter().map(|group| group.as_str().to_owned()).collect();
    let username = line.username.as_ref().map(Template::as_str);
    html! {
        tr {
            th scope="row" data-label="Principal" { (principal(&name)) }
            td data-label="Where" { (key) ", " (line.position.to_string()) }
            td data-label="Username and groups" { @if let Some(name) = username { code { (name) } } @else { span.muted { "no username" } } @if !groups.is_empty() { br; span.muted { "groups " } (part::words(&groups)) } }
            td data-label="What becomes of it" { (outcome) }
        }
    }
}

fn outcome(visit: &Visit<'_>, cluster: &Cluster, subject: &Subject, line: &Mapping) -> Markup {
    let Some(caller) = subject.caller(&cluster.snapshot, visit.now) else {
        return part::badge("bad", "matches nobody");
    };
    let candidates = cluster.snapshot.candidates(&caller, None, visit.now);
    let own = candidates.iter().find(|(candidate, _)| matches!(candidate, entryway_access::Candidate::Line { mapping, .. } if std::ptr::eq(*mapping, line)));
    let by_entry = candidates.iter().any(|(candidate, outcome)| {
        matches!(candidate, entryway_access::Candidate::Entry(_)) && matches!(outcome, CandidateOutcome::Maps)
    });
    match own.map(|(_, outcome)| outcome) {
        Some(CandidateOutcome::Maps) => part::badge("good", "maps it"),
        Some(CandidateOutcome::NotInMode) => part::badge("warn", "not in force: mode API"),
        Some(CandidateOutcome::Overridden) if by_entry => part::badge("warn", "overridden by its access entry"),
        Some(CandidateOutcome::Overridden) => part::badge("warn", "overridden"),
        Some(CandidateOutcome::MapsToNobody) => part::badge("bad", "gives no identity"),
        Some(CandidateOutcome::Missed(_)) => part::badge("bad", "matches nobody"),
        // Of several lines for one principal the core lists the one that counts.
        None => part::badge("warn", "a later line counts"),
    }
}

/// The names of a policy and its ARN, for choosing.
pub(super) fn policy_options(cluster: &Cluster) -> Vec<(String, String)> {
    let arns = cluster.snapshot.catalogue().arns(cluster.place.partition());
    arns.map(|arn: PolicyArn| (arn.to_string(), arn.name().to_string())).collect()
}

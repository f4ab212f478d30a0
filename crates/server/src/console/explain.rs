//! Why somebody can or can't do something: who it is in the cluster, and everything that was looked at.

use entryway_access::{Candidate, CandidateOutcome, Considered, Request};
use entryway_analysis::KnownPrincipals;
use maud::{Markup, html};

use super::cluster::Cluster;
use super::entries::principal;
use super::page::{Problem, Reply};
use super::part;
use super::question::{Question, fields};
use super::subject::Subject;
use super::visit::Visit;
use super::words;

/// `GET …/explain?kind=…&subject=…&verb=…`.
pub(super) async fn page(visit: &Visit<'_>, cluster: &Cluster) -> Result<Reply, Problem> {
    super::cluster::may_see_access(visit, cluster)?;
    let (kind, name) = (visit.query.text("kind"), visit.query.text("subject"));
    let subject = Subject::parse(kind, name)
        .ok_or_else(|| Problem::bad(format!("`{name}` names nobody that can be asked about")))?;
    let user = subject.user(&cluster.snapshot, visit.now);
    let content = html! {
        p.lead { (principal(subject.name())) }
        (mapping(visit, cluster, &subject))
        @if let Some(user) = &user {
            dl.facts {
                dt { "Username" } dd { code { (user.username) } }
                dt { "Groups" } dd { (part::words(&user.groups)) }
            }
        } @else { p.notice.bad { (words::NOT_LET_IN) } }
        form.search role="search" method="get" {
            input type="hidden" name="kind" value=(subject.kind()); input type="hidden" name="subject" value=(subject.name());
            (fields(cluster, &visit.query))
            button type="submit" { "Explain" }
        }
        @if let (Some(user), Some(question)) = (&user, Question::of(&visit.query)) { (explained(visit, cluster, user, &question)) }
        @else if let Subject::Principal(arn) = &subject { (abilities(visit, cluster, arn)) }
    };
    Ok(cluster.page("who-can", "Explain access", content).live(cluster.live(false)).into())
}

fn explained(visit: &Visit<'_>, cluster: &Cluster, user: &entryway_access::UserInfo, question: &Question) -> Markup {
    let request = Request { user, attributes: question.attributes() };
    let explanation = cluster.snapshot.explain(&request, visit.now);
    let allowed = explanation.decision.is_allowed();
    html! {
        section aria-labelledby="answer" {
            h2 #answer { (question.text()) ": " @if allowed { (part::badge("good", "yes")) } @else { (part::badge("bad", "no")) } }
            @if let entryway_access::Decision::Allowed(reason) = explanation.decision { p { (reason.to_string()) } }
            h3 { "What was looked at" }
            ul.considered { @for one in &explanation.considered { li { (symbol(one)) " " (one.to_string()) } } }
            @if explanation.considered.is_empty() { p.muted { (words::NOTHING_NAMES_IT) } }
        }
    }
}

/// A sign and its meaning, so that colour says nothing alone.
fn symbol(considered: &Considered<'_>) -> Markup {
    if considered.allows() { part::badge("good", "✓ allows") } else { part::badge("", "– no") }
}

/// What could map it, in the order in which it counts.
fn mapping(visit: &Visit<'_>, cluster: &Cluster, subject: &Subject) -> Markup {
    let Some(caller) = subject.caller(&cluster.snapshot, visit.now) else { return html! {} };
    let candidates = cluster.snapshot.candidates(&caller, None, visit.now);
    html! {
        @if candidates.len() > 1 || candidates.iter().any(|(_, outcome)| !matches!(outcome, CandidateOutcome::Maps)) {
            ul.considered { @for (candidate, outcome) in &candidates { li { (named(candidate)) ": " (outcome_text(*outcome)) } } }
        }
    }
}

fn named(candidate: &Candidate<'_>) -> String {
    match candidate {
        Candidate::Entry(entry) => format!("access entry {}", entry.principal),
        Candidate::BootstrapCreator => "the cluster's creator".to_owned(),
        Candidate::Line { key, mapping, .. } => format!("aws-auth {key}, {}", mapping.position),
        Candidate::Account => "aws-auth mapAccounts".to_owned(),
    }
}

fn outcome_text(outcome: CandidateOutcome) -> String {
    match outcome {
        CandidateOutcome::Maps => "maps it".to_owned(),
        CandidateOutcome::MapsToNobody => "counts, and gives no identity".to_owned(),
        CandidateOutcome::Missed(why) => why.to_string(),
        CandidateOutcome::NotInMode => "not in force in this authentication mode".to_owned(),
        CandidateOutcome::Overridden => "overridden by what comes before".to_owned(),
    }
}

/// All that it can do, in few lines.
fn abilities(visit: &Visit<'_>, cluster: &Cluster, arn: &str) -> Markup {
    let Ok(parsed) = arn.parse() else { return html! {} };
    let subject = entryway_analysis::Subject::Principal(parsed);
    let found = entryway_analysis::abilities(&cluster.snapshot, &subject, &KnownPrincipals::default(), visit.now);
    html! {
        section aria-labelledby="abilities" {
            h2 #abilities { "What it can do" }
            @match found {
                None => p { "Nothing." },
                Some((_, abilities)) => {
                    @let lines = entryway_analysis::lines(&abilities);
                    @if lines.is_empty() { p { (words::ONLY_EVERYBODYS) } }
                    ul { @for line in lines.iter().take(500) { li { (part::spaced(line)) } } }
                }
            }
        }
    }
}

//! Who can do something, and why; and who nearly can.

use entryway_access::{Considered, Decision, EntryMiss, PolicyOutcome, Request, UserInfo};
use maud::{Markup, html};

use super::cluster::Cluster;
use super::entries::principal;
use super::page::{Problem, Reply};
use super::part;
use super::question::{Question, fields};
use super::subject::Subject;
use super::visit::Visit;
use super::words;

/// The most that are listed of each kind of answer.
const MOST: usize = 100;
/// Of so many who can't it is worked out whether they nearly can.
const MOST_NEARLY: usize = 500;

/// What was found of one subject.
enum Found {
    Can(String),
    /// It has something of the kind that does not reach.
    Nearly(String),
    Cannot,
}

/// `GET …/who-can?verb=…`: the URL is the question, and can be shared.
pub(super) async fn page(visit: &Visit<'_>, cluster: &Cluster) -> Result<Reply, Problem> {
    super::cluster::may_see_access(visit, cluster)?;
    let content = html! {
        form.search role="search" method="get" {
            (fields(cluster, &visit.query))
            label.tick { input type="checkbox" name="system" value="on" checked[visit.query.is_on("system")]; " Kubernetes' own users and groups too" }
            button type="submit" { "Ask" }
        }
        @match Question::of(&visit.query) {
            Some(question) => (answers(visit, cluster, &question)),
            None => (part::empty(words::ASK, html! {})),
        }
    };
    Ok(cluster.page("who-can", "Who can…", content).live(cluster.live(false)).into())
}

fn answers(visit: &Visit<'_>, cluster: &Cluster, question: &Question) -> Markup {
    let (mut can, mut nearly, mut cannot) = (Vec::new(), Vec::new(), 0_usize);
    let people = cluster.people(visit);
    for (subject, user) in people.iter(visit.query.is_on("system")) {
        // An explanation costs many times what a decision does.
        match user.map_or(Found::Cannot, |user| {
            ask(visit, cluster, user, question, cannot < MOST_NEARLY && nearly.len() < MOST)
        }) {
            Found::Can(why) => can.push((subject, why)),
            Found::Nearly(why) => nearly.push((subject, why)),
            Found::Cannot => cannot += 1,
        }
    }
    html! {
        section aria-labelledby="can" {
            h2 #can { "Who can " (question.text()) }
            @if can.is_empty() { p { (words::NOBODY_CAN) } } @else { (table(cluster, question, &can, "Why")) }
        }
        @if !nearly.is_empty() {
            section aria-labelledby="nearly" { h2 #nearly { "Near misses" } (table(cluster, question, &nearly, "Why not") ) }
        }
        p.muted {
            (cannot) " others can't."
            @if cannot >= MOST_NEARLY || nearly.len() >= MOST { " " (words::NEARLY_AMONG_SOME) }
        }
    }
}

fn table(cluster: &Cluster, question: &Question, found: &[(&Subject, String)], why: &str) -> Markup {
    html! {
        table.cards {
            thead { tr { th scope="col" { "Who" } th scope="col" { "Kind" } th scope="col" { (why) } th scope="col" { span.unseen { "More" } } } }
            tbody { @for (subject, text) in found.iter().take(MOST) {
                tr {
                    th scope="row" data-label="Who" { (principal(subject.name())) }
                    td data-label="Kind" { (kind(subject)) }
                    td data-label=(why) { (text) }
                    td data-label="" { a href=(explain_url(cluster, subject, question)) { "Explain" span.unseen { " " (subject.name()) } } }
                }
            } }
        }
        @if found.len() > MOST { p.muted { "and " (found.len() - MOST) " more" } }
    }
}

/// The page that explains an answer.
pub(super) fn explain_url(cluster: &Cluster, subject: &Subject, question: &Question) -> String {
    let form = question.to_form().with("kind", subject.kind()).with("subject", subject.name());
    cluster.url(&format!("/explain?{}", form.to_query()))
}

fn kind(subject: &Subject) -> &'static str {
    match subject {
        Subject::Principal(_) => "IAM principal",
        Subject::User(_) => "Kubernetes user",
        Subject::Group(_) => "Kubernetes group",
        Subject::ServiceAccount(_) => "service account",
    }
}

fn ask(visit: &Visit<'_>, cluster: &Cluster, user: &UserInfo, question: &Question, nearly: bool) -> Found {
    let snapshot = &cluster.snapshot;
    let request = Request { user, attributes: question.attributes() };
    if let Decision::Allowed(reason) = snapshot.decide(&request, visit.now) {
        return Found::Can(reason.to_string());
    }
    if !nearly {
        return Found::Cannot;
    }
    let explanation = snapshot.explain(&request, visit.now);
    explanation
        .considered
        .iter()
        .find(|one| is_near(one, question))
        .map_or(Found::Cannot, |one| Found::Nearly(one.to_string()))
}

/// Whether something would allow it, were it not ended, elsewhere, or for another.
fn is_near(considered: &Considered<'_>, question: &Question) -> bool {
    match considered {
        Considered::EntryNotUsed { why, .. } => matches!(why, EntryMiss::Ended(_) | EntryMiss::OtherUniqueId),
        Considered::Policy { outcome, .. } => matches!(outcome, PolicyOutcome::Ended(_) | PolicyOutcome::OutOfScope),
        Considered::Binding { outcome, .. } => {
            !question.namespace.is_empty() && matches!(outcome, entryway_access::BindingOutcome::OtherNamespace)
        }
        Considered::NoPrincipal { .. } | Considered::ModeWithoutEntries | Considered::NoEntry => false,
    }
}

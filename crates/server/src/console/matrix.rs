//! Who can do what in a namespace: principals down, resources across, a letter for each verb. It zooms from areas to
//! resources to the verbs of one.

use entryway_access::{Attributes, Request, Resource, UserInfo};
use maud::{Markup, html};

use super::cluster::Cluster;
use super::entries::principal;
use super::form::Form;
use super::kinds::{KINDS, Kind, VERBS};
use super::page::{Problem, Reply};
use super::part::{self, Field, Paging};
use super::question::Question;
use super::subject::Subject;
use super::visit::Visit;
use super::who_can::explain_url;
use super::words;

const PAGE: usize = 40;

/// How much of what a column stands for somebody can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    None,
    /// Some reading.
    Part,
    /// All reading.
    Read,
    /// Reading and some changing.
    Change,
    All,
}

impl Level {
    fn letter(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Level::None => ("none", "·", "nothing"),
            Level::Part => ("part", "p", "a part of reading"),
            Level::Read => ("read", "R", "reads"),
            Level::Change => ("change", "W", "reads or changes some"),
            Level::All => ("all", "A", "every verb"),
        }
    }
}

/// What a column asks about.
struct Column {
    title: String,
    /// The query that shows it closer; none at the closest.
    closer: Option<(&'static str, String)>,
    kinds: Vec<&'static Kind>,
    verbs: Vec<&'static str>,
}

/// `GET …/matrix?namespace=…&area=…&of=…`.
pub(super) async fn page(visit: &Visit<'_>, cluster: &Cluster) -> Result<Reply, Problem> {
    super::cluster::may_see_access(visit, cluster)?;
    let namespace = visit.query.text("namespace");
    let columns = columns(&visit.query);
    let people = cluster.people(visit);
    let text = visit.query.text("q").to_lowercase();
    let fits = |subject: &Subject| text.is_empty() || subject.name().to_lowercase().contains(&text);
    let all: Vec<(&Subject, Option<&UserInfo>)> = people.iter(false).filter(|(subject, _)| fits(subject)).collect();
    let paging = Paging::of(&visit.query, PAGE, all.len());
    let field = |name, label| Field { name, label, value: visit.query.text(name), help: "", error: None };
    let place = if namespace.is_empty() { "in all namespaces".to_owned() } else { format!("in namespace {namespace}") };
    let content = html! {
        form.search role="search" method="get" {
            (field("namespace", "Namespace (empty: all of them)").suggesting(&cluster.url("/namespaces")))
            (field("q", "Who").line())
            @for name in ["area", "of"] { @if !visit.query.text(name).is_empty() { input type="hidden" name=(name) value=(visit.query.text(name)); } }
            button type="submit" { "Show" }
        }
        @if !visit.query.text("area").is_empty() || !visit.query.text("of").is_empty() {
            p { a href=(format!("?{}", visit.query.without(&["area", "of", "page"]).to_query())) { "Back to all areas" } }
        }
        (legend())
        @if all.is_empty() { (part::empty(words::NOBODY_FITS, html! {})) }
        @else {
            (part::wide(&format!("Who can do what {place}"), html! {
                table.matrix {
                    caption { "Who can do what " (place) }
                    thead { tr { th scope="col" { "Who" } @for column in &columns { th scope="col" { (header(&visit.query, column)) } } } }
                    tbody { @for (subject, user) in all.iter().skip(paging.skip()).take(PAGE) { (row(visit, cluster, subject, *user, namespace, &columns)) } }
                }
            }))
            (paging.links(&visit.query, "principals"))
        }
    };
    Ok(cluster.page("matrix", "Matrix", content).live(cluster.live(false)).into())
}

fn legend() -> Markup {
    html! {
        ul.legend aria-label="Letters" {
            @for level in [Level::All, Level::Change, Level::Read, Level::Part, Level::None] {
                @let (class, letter, text) = level.letter();
                li { span class={ "cell " (class) } { (letter) } " " (text) }
            }
        }
    }
}

fn columns(query: &Form) -> Vec<Column> {
    let all_verbs: Vec<&'static str> = VERBS.iter().map(|(verb, _)| *verb).collect();
    if let Some(kind) = KINDS.iter().find(|kind| kind.resource == query.text("of")) {
        return all_verbs
            .iter()
            .map(|verb| Column {
                title: format!("{verb} {}", kind.resource),
                closer: None,
                kinds: vec![kind],
                verbs: vec![verb],
            })
            .collect();
    }
    let one = |kind: &'static Kind| Column {
        title: kind.resource.to_owned(),
        closer: Some(("of", kind.resource.to_owned())),
        kinds: vec![kind],
        verbs: all_verbs.clone(),
    };
    let of_area: Vec<Column> = KINDS.iter().filter(|kind| kind.area == query.text("area")).map(one).collect();
    if !of_area.is_empty() {
        return of_area;
    }
    let mut areas: Vec<&'static str> = KINDS.iter().map(|kind| kind.area).collect();
    areas.dedup();
    areas
        .into_iter()
        .map(|area| Column {
            title: area.to_owned(),
            closer: Some(("area", area.to_owned())),
            kinds: KINDS.iter().filter(|kind| kind.area == area).collect(),
            verbs: all_verbs.clone(),
        })
        .collect()
}

fn header(query: &Form, column: &Column) -> Markup {
    html! {
        @match &column.closer {
            Some((name, value)) => a href=(format!("?{}", query.with(name, value).to_query())) { (column.title) },
            None => (column.title),
        }
    }
}

fn row(
    visit: &Visit<'_>,
    cluster: &Cluster,
    subject: &Subject,
    user: Option<&UserInfo>,
    namespace: &str,
    columns: &[Column],
) -> Markup {
    html! {
        tr {
            th scope="row" { (principal(subject.name())) @if user.is_none() { " " (part::badge("bad", "no identity")) } }
            @for column in columns {
                @let level = user.map_or(Level::None, |user| level(visit, cluster, user, namespace, column));
                @let (class, letter, text) = level.letter();
                td {
                    @match column.kinds.first() {
                        Some(kind) => a class={ "cell " (class) } href=(explain_url(cluster, subject, &question(kind, column, namespace))) { span aria-hidden="true" { (letter) } span.unseen { (column.title) ": " (text) } },
                        None => "",
                    }
                }
            }
        }
    }
}

fn question(kind: &Kind, column: &Column, namespace: &str) -> Question {
    Question {
        verb: column.verbs.first().copied().unwrap_or("get").to_owned(),
        group: kind.group.to_owned(),
        resource: kind.resource.to_owned(),
        subresource: String::new(),
        namespace: if kind.namespaced { namespace.to_owned() } else { String::new() },
        name: String::new(),
    }
}

fn level(visit: &Visit<'_>, cluster: &Cluster, user: &UserInfo, namespace: &str, column: &Column) -> Level {
    let may = |kind: &Kind, verb: &str| {
        let namespace = if kind.namespaced { namespace } else { "" };
        let resource = Resource { group: kind.group, resource: kind.resource, subresource: "", namespace, name: "" };
        let attributes = Attributes::Resource { verb, resource };
        cluster.snapshot.decide(&Request { user, attributes }, visit.now).is_allowed()
    };
    let is_read = |verb: &str| matches!(verb, "get" | "list" | "watch");
    let (mut reads, mut all_reads, mut changes, mut all) = (false, true, false, true);
    for kind in &column.kinds {
        for verb in &column.verbs {
            let allowed = may(kind, verb);
            all &= allowed;
            match is_read(verb) {
                true => (reads, all_reads) = (reads | allowed, all_reads & allowed),
                false => changes |= allowed,
            }
        }
    }
    match (all, changes, reads, reads && all_reads) {
        (true, ..) => Level::All,
        (false, true, ..) => Level::Change,
        (false, false, true, true) => Level::Read,
        (false, false, true, false) => Level::Part,
        (false, false, false, _) => Level::None,
    }
}

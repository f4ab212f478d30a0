//! Who can come to administer the cluster, and how: a picture, and the same as a list with the reason of each step.

use std::collections::BTreeSet;

use entryway_analysis::path::{Edge, Graph, Node, Reason};
use maud::{Markup, html};

use super::cluster::{Cluster, may_see_access};
use super::entries::principal;
use super::findings::holder_url;
use super::form::Form;
use super::graph::{Picture, letter};
use super::page::{Problem, Reply};
use super::part::{self, Field, Paging};
use super::visit::Visit;
use super::words;

/// So many ways make a picture that can still be read.
const PAGE: usize = 12;
/// The most policies and bindings that are told of one reason.
const MOST: usize = 5;

/// `GET …/paths?q=…&direct=on`.
pub(super) async fn page(visit: &Visit<'_>, cluster: &Cluster) -> Result<Reply, Problem> {
    may_see_access(visit, cluster)?;
    let seen = cluster.analysis(visit).await?;
    let content = html! {
        p { (words::PATHS_LEAD) }
        (seen.notice(visit))
        (search(&visit.query))
        @if let Some(analysis) = seen.last() { (ways(visit, cluster, &analysis.graph)) }
    };
    Ok(cluster.page("paths", "Paths", content).live(cluster.live_findings()).into())
}

/// The ways of this page.
fn ways(visit: &Visit<'_>, cluster: &Cluster, graph: &Graph) -> Markup {
    let text = visit.query.text("q").to_lowercase();
    let named = |index: &usize| {
        text.is_empty() || graph.node(*index).is_some_and(|node| node.to_string().to_lowercase().contains(&text))
    };
    let all: Vec<usize> = graph.origins().into_iter().filter(named).collect();
    let (direct, indirect): (Vec<usize>, Vec<usize>) = all.iter().partition(|index| is_outright(graph, **index));
    let shown = if visit.query.is_on("direct") { all } else { indirect };
    let paging = Paging::of(&visit.query, PAGE, shown.len());
    let here: Vec<usize> = shown.iter().skip(paging.skip()).take(PAGE).copied().collect();
    let picture = Picture::of(graph, &here);
    html! {
        @if here.is_empty() { (part::empty(if text.is_empty() { words::NO_PATHS } else { words::NO_PATHS_OF }, html! {})) }
        @else {
            (legend(graph, &here))
            (part::wide(words::PICTURE, picture.svg()))
            section aria-labelledby="ways" {
                h2 #ways { (words::STEP_BY_STEP) }
                @let mut told = BTreeSet::new();
                @for origin in &here { (way(cluster, graph, &picture, *origin, &mut told)) }
            }
            (paging.links(&visit.query, "ways"))
        }
        @if !visit.query.is_on("direct") && !direct.is_empty() {
            p.muted { (words::more_outright(direct.len())) " " a href=(format!("?{}", visit.query.with("direct", "on").to_query())) { (words::SHOW_THEM_TOO) } }
        }
    }
}

/// Whether somebody is administrator already, and need not become anybody.
fn is_outright(graph: &Graph, index: usize) -> bool {
    let outright = |edge: &&Edge| {
        edge.reasons
            .iter()
            .any(|reason| reason.check.is_some_and(|check| matches!(check.id, "cluster-admin" | "system-masters")))
    };
    graph.distance(index) == Some(1) && graph.way(index).is_some_and(|way| way.first().is_some_and(outright))
}

fn search(query: &Form) -> Markup {
    let field = Field { name: "q", label: "Who", value: query.text("q"), help: "", error: None };
    html! {
        form.search role="search" method="get" {
            (field.line())
            label.tick { input type="checkbox" name="direct" value="on" checked[query.is_on("direct")]; " " (words::DIRECT) }
            button.quiet type="submit" { "Show" }
        }
    }
}

/// The letters that the picture has.
fn legend(graph: &Graph, origins: &[usize]) -> Markup {
    let ways = origins.iter().flat_map(|origin| graph.way(*origin).into_iter().flatten());
    let nodes = origins.iter().copied().chain(ways.map(|edge| edge.to));
    let letters: BTreeSet<_> = nodes.filter_map(|index| graph.node(index)).map(letter).collect();
    html! {
        ul.legend aria-label="Letters" { @for (letter, kind) in letters { li { strong { (letter) } " " (kind) } } }
    }
}

/// A way. Its steps that stand above already are named there by their numbers; what follows one is the same, too.
fn way(cluster: &Cluster, graph: &Graph, picture: &Picture<'_>, origin: usize, told: &mut BTreeSet<usize>) -> Markup {
    let Some(way) = graph.way(origin) else { return html! {} };
    let steps: Vec<(usize, &Edge)> = way.into_iter().map(|edge| (picture.number(edge), edge)).collect();
    let new = steps.iter().take_while(|(number, _)| told.insert(*number)).count();
    let (new, above) = steps.split_at(new);
    html! {
        h3 { (node(cluster, graph, origin)) }
        ul.considered {
            @for (number, edge) in new { (step(cluster, graph, *number, edge)) }
            @if !above.is_empty() {
                li { (words::AS_ABOVE) " " @for (number, edge) in above { span.badge { (number) } " to " (node(cluster, graph, edge.to)) " " } }
            }
        }
    }
}

fn step(cluster: &Cluster, graph: &Graph, number: usize, edge: &Edge) -> Markup {
    html! {
        li {
            span.badge { (number) } " " (node(cluster, graph, edge.from)) " " (words::CAN_BECOME) " " (node(cluster, graph, edge.to)) ":"
            ul { @for reason in &edge.reasons { li { (told(cluster, reason)) } } }
        }
    }
}

fn told(cluster: &Cluster, reason: &Reason) -> Markup {
    html! {
        @match reason.check {
            Some(check) => a href=(cluster.url(&format!("/findings?check={}", check.id))) { (reason.said) },
            None => (reason.said),
        }
        @if !reason.through.is_empty() {
            ", " (words::THROUGH) " "
            @for (index, through) in reason.through.iter().take(MOST).enumerate() { @if index > 0 { "; " } (through.to_string()) }
            @if reason.through.len() > MOST { "; " (words::AND_MORE) }
        }
    }
}

fn node(cluster: &Cluster, graph: &Graph, index: usize) -> Markup {
    html! {
        @match graph.node(index) {
            Some(Node::Holder(holder)) => {
                @match holder_url(cluster, holder) {
                    Some(url) => a href=(url) { (principal(&holder.to_string())) },
                    None => (principal(&holder.to_string())),
                }
            },
            Some(other) => strong { (other.to_string()) },
            None => "",
        }
    }
}

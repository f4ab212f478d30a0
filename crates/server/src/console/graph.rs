//! A picture of ways through a graph, as SVG: who is the furthest away stands left, the end right. Kinds are told by
//! letters, steps by numbers; whoever can't see it has the list beside it. There is no style in it: the page's own
//! rules for its classes colour it, dark and light. Its elements are closed one by one, as those of HTML need not be.

use std::collections::{BTreeMap, BTreeSet};

use entryway_analysis::finding::Holder;
use entryway_analysis::path::{Edge, Graph, Node};
use maud::{Markup, html};

use super::words;

const BOX_WIDTH: usize = 196;
const BOX_HEIGHT: usize = 40;
const COLUMN: usize = 240;
const ROW: usize = 58;
const MARGIN: usize = 8;
/// So many characters fit a box.
const FITS: usize = 22;

/// What is drawn, and the numbers of its steps.
pub(super) struct Picture<'g> {
    graph: &'g Graph,
    /// Of each node that is drawn its column, from the right, and its row.
    places: BTreeMap<usize, (usize, usize)>,
    /// The steps, numbered from 1 in the order in which they are told.
    steps: Vec<&'g Edge>,
}

/// The letter of a node's kind, and what it means.
pub(super) fn letter(node: &Node) -> (&'static str, &'static str) {
    match node {
        Node::Holder(Holder::Principal(_) | Holder::OthersOf(_)) => ("P", words::KIND_PRINCIPAL),
        Node::Holder(Holder::User(_)) => ("U", words::KIND_USER),
        Node::Holder(Holder::Group(_)) => ("G", words::KIND_GROUP),
        Node::Holder(Holder::ServiceAccount { .. }) => ("S", words::KIND_SERVICE_ACCOUNT),
        Node::Holder(Holder::Cluster | Holder::Binding { .. }) => ("C", words::KIND_CLUSTER),
        Node::ServiceAccountsOf(_) | Node::AnyServiceAccount => ("∗S", words::KIND_ANY_SERVICE_ACCOUNT),
        Node::AnyUser | Node::AnyGroup => ("∗", words::KIND_ANYBODY),
        Node::Administrator => ("A", words::KIND_ADMINISTRATOR),
    }
}

impl<'g> Picture<'g> {
    /// Of the shortest ways from these nodes.
    pub(super) fn of(graph: &'g Graph, origins: &[usize]) -> Picture<'g> {
        let mut steps: Vec<&Edge> = Vec::new();
        let mut nodes: BTreeSet<usize> = BTreeSet::new();
        let mut next: BTreeMap<usize, usize> = BTreeMap::new();
        for origin in origins {
            nodes.insert(*origin);
            for edge in graph.way(*origin).into_iter().flatten() {
                nodes.extend([edge.from, edge.to]);
                // A node has one shortest way, so one step.
                if next.insert(edge.from, edge.to).is_none() {
                    steps.push(edge);
                }
            }
        }
        let mut columns: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for node in nodes {
            columns.entry(graph.distance(node).unwrap_or_default()).or_default().push(node);
        }
        // From the end on, each stands as near as can be to where it goes.
        let mut places: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        for (column, mut members) in columns {
            members.sort_by_key(|node| next.get(node).and_then(|to| places.get(to)).map(|(_, row)| *row));
            places.extend(members.into_iter().enumerate().map(|(row, node)| (node, (column, row))));
        }
        Picture { graph, places, steps }
    }

    /// The number of a step.
    pub(super) fn number(&self, edge: &Edge) -> usize {
        self.steps.iter().position(|step| (step.from, step.to) == (edge.from, edge.to)).map_or(0, |index| index + 1)
    }

    fn columns(&self) -> usize {
        self.places.values().map(|(column, _)| column + 1).max().unwrap_or_default()
    }

    fn rows(&self) -> usize {
        self.places.values().map(|(_, row)| row + 1).max().unwrap_or_default()
    }

    /// The left upper corner of a node's box.
    fn corner(&self, node: usize) -> (usize, usize) {
        let (column, row) = self.places.get(&node).copied().unwrap_or_default();
        // A short column stands in the middle of the picture.
        let in_column = self.places.values().filter(|(other, _)| *other == column).count();
        let lead = (self.rows() - in_column.min(self.rows())) * ROW / 2;
        (MARGIN + (self.columns() - 1 - column) * COLUMN, MARGIN + lead + row * ROW)
    }

    /// The picture itself.
    pub(super) fn svg(&self) -> Markup {
        let width = 2 * MARGIN + self.columns().saturating_sub(1) * COLUMN + BOX_WIDTH;
        let height = 2 * MARGIN + self.rows().saturating_sub(1) * ROW + BOX_HEIGHT;
        html! {
            svg.graph role="img" aria-labelledby="graph-title" width=(width) height=(height) viewBox={ "0 0 " (width) " " (height) } {
                title #graph-title { (words::PICTURE_TITLE) }
                defs { marker #arrow viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto" { path.head d="M0 0 8 4 0 8z" {} } }
                @for step in &self.steps { (self.arrow(step)) }
                @for node in self.places.keys() { (self.boxed(*node)) }
                @for step in &self.steps { (self.label(step)) }
            }
        }
    }

    /// Both ends of a step.
    fn ends(&self, step: &Edge) -> ((usize, usize), (usize, usize)) {
        let ((x, y), (to_x, to_y)) = (self.corner(step.from), self.corner(step.to));
        ((x + BOX_WIDTH, y + BOX_HEIGHT / 2), (to_x, to_y + BOX_HEIGHT / 2))
    }

    fn arrow(&self, step: &Edge) -> Markup {
        let ((x, y), (to_x, to_y)) = self.ends(step);
        let middle = usize::midpoint(x, to_x);
        let line = format!("M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}");
        html! { path.step d=(line) marker-end="url(#arrow)" {} }
    }

    /// A step's number, near its beginning: where several come together it is still its own.
    fn label(&self, step: &Edge) -> Markup {
        let ((x, y), _) = self.ends(step);
        html! {
            circle.number cx=(x + 16) cy=(y) r="11" {}
            text.number x=(x + 16) y=(y + 4) text-anchor="middle" { (self.number(step)) }
        }
    }

    fn boxed(&self, node: usize) -> Markup {
        let Some(named) = self.graph.node(node) else { return html! {} };
        let (x, y) = self.corner(node);
        let (letter, kind) = letter(named);
        let class = if *named == Node::Administrator { "node end" } else { "node" };
        html! {
            g class=(class) {
                title { (kind) " " (named.to_string()) }
                rect x=(x) y=(y) width=(BOX_WIDTH) height=(BOX_HEIGHT) rx="7" {}
                text.letter x=(x + 16) y=(y + 25) text-anchor="middle" { (letter) }
                text x=(x + 32) y=(y + 25) { (short(&named.to_string())) }
            }
        }
    }
}

/// What fits of a name: of an ARN its last part.
fn short(name: &str) -> String {
    let name = if name.starts_with("arn:") { name.rsplit(['/', ':']).next().unwrap_or(name) } else { name };
    if name.chars().count() <= FITS {
        return name.to_owned();
    }
    let kept: String = name.chars().take(FITS - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn names_fit() {
        assert_eq!(short("arn:aws:iam::111122223333:role/team/x/Dev"), "Dev");
        assert_eq!(short("arn:aws:iam::111122223333:root"), "root");
        assert_eq!(short("web/operator"), "web/operator");
        assert_eq!(short(&"ü".repeat(40)).chars().count(), 22);
    }
}

//! Who can become whom: a graph whose nodes are subjects, and whose edges say "can become", each with its reason;
//! and the shortest ways to administering the cluster.
//!
//! What is true of many at once has a node of its own ("any service account of namespace X"), so that the graph is
//! as large as what it is made of. It tells what is possible as far as the model shows: whether a pod of a service
//! account runs just now, or a secret holds a token, is not known to it.

mod build;
mod moves;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use entryway_access::Snapshot;
use jiff::Timestamp;

use crate::KnownPrincipals;
use crate::finding::{Check, Holder, Surroundings, Through};

/// Somebody, or any of some.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    /// Somebody.
    Holder(Holder),
    /// Any service account of a namespace.
    ServiceAccountsOf(String),
    /// Any service account of any namespace.
    AnyServiceAccount,
    /// Any user whom a binding names.
    AnyUser,
    /// Any group that a binding names, but for system:masters.
    AnyGroup,
    /// Whoever administers the cluster.
    Administrator,
}

/// The name alone.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Holder(holder) => write!(f, "{holder}"),
            Node::ServiceAccountsOf(namespace) => write!(f, "any service account of {namespace}"),
            Node::AnyServiceAccount => f.write_str("any service account"),
            Node::AnyUser => f.write_str("any user"),
            Node::AnyGroup => f.write_str("any group"),
            Node::Administrator => f.write_str("cluster administrator"),
        }
    }
}

/// One way from a node to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What is done, after the name of who does it: `starts a pod that runs as it`.
    pub said: String,
    /// The check that finds the permissions it takes, where one does.
    pub check: Option<&'static Check>,
    /// What gives the permissions, each once; of very many the first.
    pub through: Vec<Arc<Through>>,
}

/// That a node can become another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The index of who.
    pub from: usize,
    /// The index of whom.
    pub to: usize,
    /// How; at least one.
    pub reasons: Vec<Reason>,
}

/// The graph. Nodes and edges are in a fixed order: equal models give equal graphs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    /// Of each node how many steps it is from administering the cluster, and the edge of the first of them.
    ways: Vec<Option<Step>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    distance: usize,
    /// None at the end.
    edge: Option<usize>,
}

impl Graph {
    /// The graph of a cluster at a time. Linear in its entries, bindings and namespaces.
    pub fn of(state: &Snapshot, around: &Surroundings, known: &KnownPrincipals, now: Timestamp) -> Graph {
        let (nodes, edges) = build::build(state, around, known, now);
        Graph::new(nodes, edges)
    }

    fn new(nodes: BTreeMap<Node, usize>, mut edges: Vec<Edge>) -> Graph {
        // Those found first have lower numbers; the order is that of the nodes.
        let mut places = vec![0; nodes.len()];
        for (place, number) in nodes.values().enumerate() {
            places.get_mut(*number).into_iter().for_each(|slot| *slot = place);
        }
        let place = |number: usize| places.get(number).copied().unwrap_or_default();
        for edge in &mut edges {
            (edge.from, edge.to) = (place(edge.from), place(edge.to));
        }
        edges.sort_by_key(|edge| (edge.from, edge.to));
        let nodes: Vec<Node> = nodes.into_keys().collect();
        let ways = ways(&nodes, &edges);
        Graph { nodes, edges, ways }
    }

    /// The nodes, sorted.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The edges, by their ends.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The node at an index of an edge.
    pub fn node(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }

    /// How many steps a node is from administering the cluster; none where no way leads there.
    pub fn distance(&self, index: usize) -> Option<usize> {
        self.ways.get(index).copied().flatten().map(|step| step.distance)
    }

    /// A shortest way from a node to administering the cluster, the same one each time.
    pub fn way(&self, from: usize) -> Option<Vec<&Edge>> {
        let mut at = from;
        let mut way = Vec::new();
        loop {
            match self.ways.get(at).copied().flatten()?.edge {
                None => return Some(way),
                Some(edge) => {
                    let edge = self.edges.get(edge)?;
                    way.push(edge);
                    at = edge.to;
                }
            }
        }
    }

    /// Those of whom it matters: principals, users, groups and service accounts that are no part of Kubernetes or
    /// EKS themselves, and can come to administer the cluster. The nearest first, then in the order of nodes.
    pub fn origins(&self) -> Vec<usize> {
        let of_people = |index: &usize| match self.nodes.get(*index) {
            Some(Node::Holder(holder)) => !holder.is_of_system(),
            Some(_) | None => false,
        };
        let mut all: Vec<usize> = (0..self.nodes.len()).filter(of_people).collect();
        all.retain(|index| self.distance(*index).is_some());
        all.sort_by_key(|index| self.distance(*index));
        all
    }
}

/// Breadth first, backwards from the end.
fn ways(nodes: &[Node], edges: &[Edge]) -> Vec<Option<Step>> {
    let mut incoming: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (index, edge) in edges.iter().enumerate() {
        incoming.get_mut(edge.to).into_iter().for_each(|list| list.push(index));
    }
    let mut ways = vec![None; nodes.len()];
    let mut waiting = VecDeque::new();
    if let Some(end) = nodes.iter().position(|node| *node == Node::Administrator) {
        ways.get_mut(end).into_iter().for_each(|way| *way = Some(Step { distance: 0, edge: None }));
        waiting.push_back((end, 0));
    }
    while let Some((at, distance)) = waiting.pop_front() {
        for index in incoming.get(at).into_iter().flatten() {
            let Some(from) = edges.get(*index).map(|edge| edge.from) else { continue };
            let Some(way) = ways.get_mut(from).filter(|way| way.is_none()) else { continue };
            *way = Some(Step { distance: distance + 1, edge: Some(*index) });
            waiting.push_back((from, distance + 1));
        }
    }
    ways
}

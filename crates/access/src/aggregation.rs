//! Aggregated ClusterRoles: label selectors, and the union of what they name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::{PolicyRule, Role};

/// A Kubernetes label selector. An empty one names everything; all its parts must hold.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct LabelSelector {
    match_labels: Option<BTreeMap<String, String>>,
    match_expressions: Option<Vec<Requirement>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Requirement {
    key: String,
    operator: Operator,
    #[serde(default)]
    values: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl LabelSelector {
    /// Reads one; the message says what is wrong with it.
    pub(crate) fn parse(value: &Value) -> Result<LabelSelector, String> {
        let selector = LabelSelector::deserialize(value).map_err(|error| error.to_string())?;
        for requirement in selector.match_expressions.iter().flatten() {
            let values = requirement.values.as_deref().unwrap_or_default();
            match requirement.operator {
                Operator::In | Operator::NotIn if values.is_empty() => {
                    return Err(format!("the expression on `{}` needs values", requirement.key));
                }
                Operator::Exists | Operator::DoesNotExist if !values.is_empty() => {
                    return Err(format!("the expression on `{}` must have no values", requirement.key));
                }
                Operator::In | Operator::NotIn | Operator::Exists | Operator::DoesNotExist => {}
            }
        }
        Ok(selector)
    }

    pub(crate) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().flatten().all(|requirement| requirement.matches(labels))
    }
}

impl Requirement {
    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        let listed = || value.is_some_and(|value| self.values.iter().flatten().any(|one| one == value));
        match self.operator {
            Operator::In => listed(),
            Operator::NotIn => !listed(),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

/// The rules of each role, aggregation resolved, in the order of `roles`. An aggregated ClusterRole has
/// the rules of all ClusterRoles that its selectors reach, also through other aggregated ones, by name,
/// each rule once; what is written in itself does not count (Kubernetes' controller overwrites it).
pub(crate) fn resolve(roles: &[Role]) -> Vec<Arc<[PolicyRule]>> {
    let mut by_name: Vec<(usize, &Role)> =
        roles.iter().enumerate().filter(|(_, role)| role.namespace.is_none()).collect();
    by_name.sort_by_key(|(_, role)| role.name.as_str());
    let children: Vec<Option<Vec<usize>>> = roles.iter().map(|role| selected(role, &by_name)).collect();
    roles
        .iter()
        .enumerate()
        .map(|(index, role)| match children.get(index) {
            Some(Some(_)) => union_of(index, &children, roles),
            Some(None) | None => role.rules.as_slice().into(),
        })
        .collect()
}

/// The ClusterRoles that an aggregated one names; `None` where it is not aggregated. A selector that
/// can't be read names none: it can only be missing rules, not have some too many.
fn selected(role: &Role, by_name: &[(usize, &Role)]) -> Option<Vec<usize>> {
    let aggregation = role.aggregation.as_ref().filter(|_| role.namespace.is_none())?;
    let selectors: Vec<LabelSelector> = aggregation.iter().filter_map(|raw| LabelSelector::parse(raw).ok()).collect();
    let named = |other: &&(usize, &Role)| selectors.iter().any(|selector| selector.matches(&other.1.labels));
    Some(by_name.iter().filter(named).map(|(index, _)| *index).collect())
}

/// The union over everything reachable; a circle of aggregated roles adds nothing to itself.
fn union_of(start: usize, children: &[Option<Vec<usize>>], roles: &[Role]) -> Arc<[PolicyRule]> {
    let mut seen = BTreeSet::from([start]);
    let mut rules: Vec<&PolicyRule> = Vec::new();
    let mut once = hashbrown::HashSet::new();
    let mut todo = vec![start];
    while let Some(index) = todo.pop() {
        match children.get(index) {
            // Pushed in reverse, so that they are taken by name.
            Some(Some(next)) => todo.extend(next.iter().rev().filter(|&&child| seen.insert(child))),
            Some(None) | None => {
                let own = roles.get(index).map(|role| role.rules.as_slice()).unwrap_or_default();
                rules.extend(own.iter().filter(|rule| once.insert(*rule)));
            }
        }
    }
    rules.into_iter().cloned().collect()
}

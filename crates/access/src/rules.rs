//! What one rule allows, and sets of rules made quick to ask.
//!
//! The meaning of a rule is [`PolicyRule::allows`] alone. [`RuleSet`] puts three 64-bit filters in front
//! of each rule: a filter may let a request through that the rule then refuses, never the reverse. So
//! most rules cost three ANDs, and no table of names has to be kept or shared.

use std::sync::Arc;

use crate::{Attributes, PolicyRule, Resource};

impl PolicyRule {
    /// Whether the rule allows a request, as Kubernetes' RBAC authorizer reads it. Where the rule is in
    /// force (namespace, scope) is not its own matter.
    pub fn allows(&self, attributes: &Attributes<'_>) -> bool {
        match attributes {
            Attributes::Resource { verb, resource } => {
                has_or_all(&self.verbs, verb)
                    && has_or_all(&self.api_groups, resource.group)
                    && self.resources.iter().any(|pattern| names_resource(pattern, resource))
                    && (self.resource_names.is_empty() || self.resource_names.iter().any(|name| name == resource.name))
            }
            Attributes::NonResource { verb, path } => {
                has_or_all(&self.verbs, verb) && self.non_resource_urls.iter().any(|pattern| names_path(pattern, path))
            }
        }
    }
}

/// Whether a list of verbs or groups holds a text, or `*`.
fn has_or_all(list: &[String], text: &str) -> bool {
    list.iter().any(|item| item == "*" || item == text)
}

/// `*`, `pods`, `pods/log` or `*/log`. `pods/*` is a name like any other: Kubernetes knows no such pattern.
fn names_resource(pattern: &str, asked: &Resource<'_>) -> bool {
    if pattern == "*" {
        return true;
    }
    if asked.subresource.is_empty() {
        return pattern == asked.resource;
    }
    // What stands before the slash and the subresource, if the pattern ends with both.
    match pattern.strip_suffix(asked.subresource).and_then(|rest| rest.strip_suffix('/')) {
        Some(before) => before == "*" || before == asked.resource,
        None => false,
    }
}

/// A path exactly, or its beginning where the pattern ends with `*`.
fn names_path(pattern: &str, path: &str) -> bool {
    pattern == path || (pattern.ends_with('*') && path.starts_with(pattern.trim_end_matches('*')))
}

/// The rules of a role or policy with their filters.
#[derive(Debug, Clone)]
pub(crate) struct RuleSet {
    rules: Arc<[PolicyRule]>,
    /// INVARIANT (one filter a rule): as many as rules, in their order.
    filters: Box<[Filter]>,
    has_paths: bool,
}

/// One bit of 64 for each name; all bits for a wildcard.
#[derive(Debug, Clone, Copy)]
struct Filter {
    verbs: u64,
    groups: u64,
    resources: u64,
}

/// A request, with its bits found once for all rules.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) attributes: Attributes<'a>,
    filter: Filter,
}

impl<'a> Question<'a> {
    pub(crate) fn new(attributes: Attributes<'a>) -> Self {
        let filter = match attributes {
            Attributes::Resource { verb, resource } => Filter {
                verbs: bit(verb),
                groups: bit(resource.group),
                resources: resource_bit(resource.resource, resource.subresource),
            },
            // Paths are compared as they are.
            Attributes::NonResource { verb, .. } => Filter { verbs: bit(verb), groups: 0, resources: 0 },
        };
        Question { attributes, filter }
    }

    /// The namespace; empty for requests of the cluster and of paths.
    pub(crate) fn namespace(&self) -> &'a str {
        match self.attributes {
            Attributes::Resource { resource, .. } => resource.namespace,
            Attributes::NonResource { .. } => "",
        }
    }
}

impl RuleSet {
    pub(crate) fn new(rules: Arc<[PolicyRule]>) -> RuleSet {
        let filters = rules.iter().map(Filter::of).collect();
        let has_paths = rules.iter().any(|rule| !rule.non_resource_urls.is_empty());
        RuleSet { rules, filters, has_paths }
    }

    pub(crate) fn rules(&self) -> &[PolicyRule] {
        &self.rules
    }

    /// The first rule that allows it.
    pub(crate) fn find(&self, question: &Question<'_>) -> Option<&PolicyRule> {
        match question.attributes {
            Attributes::Resource { .. } => self
                .filters
                .iter()
                .zip(self.rules.iter())
                .find(|(filter, rule)| filter.lets_through(&question.filter) && rule.allows(&question.attributes))
                .map(|(_, rule)| rule),
            Attributes::NonResource { .. } if self.has_paths => {
                self.rules.iter().find(|rule| rule.allows(&question.attributes))
            }
            Attributes::NonResource { .. } => None,
        }
    }
}

impl Filter {
    fn of(rule: &PolicyRule) -> Filter {
        let resources = rule.resources.iter().fold(0, |bits, pattern| {
            bits | match pattern.split_once('/') {
                _ if pattern == "*" => u64::MAX,
                Some(("*", _)) => u64::MAX,
                Some((resource, subresource)) => resource_bit(resource, subresource),
                None => resource_bit(pattern, ""),
            }
        });
        Filter { verbs: bits(&rule.verbs), groups: bits(&rule.api_groups), resources }
    }

    fn lets_through(&self, asked: &Filter) -> bool {
        // Without short cuts: one branch to guess for the processor, and not three.
        (self.verbs & asked.verbs != 0) & (self.groups & asked.groups != 0) & (self.resources & asked.resources != 0)
    }
}

fn bits(names: &[String]) -> u64 {
    names.iter().fold(0, |bits, name| bits | if name == "*" { u64::MAX } else { bit(name) })
}

fn bit(name: &str) -> u64 {
    1 << (sketch(name) >> 58)
}

/// The bit of a resource and subresource. A request may also carry `pods/log` whole as its resource.
fn resource_bit(resource: &str, subresource: &str) -> u64 {
    match resource.split_once('/') {
        Some((resource, rest)) if subresource.is_empty() => resource_bit(resource, rest),
        Some(_) => u64::MAX,
        None => 1 << ((sketch(resource) ^ sketch(subresource).rotate_left(32)) >> 58),
    }
}

/// A few bytes of a name, mixed: cheap, and different for the names that Kubernetes has. Not a hash to
/// rely on; nothing does.
fn sketch(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let at = |index: usize| u64::from(bytes.get(index).copied().unwrap_or_default());
    let length = bytes.len();
    let mixed = at(0)
        | (at(1) << 8)
        | (at(length / 2) << 16)
        | (at(length.wrapping_sub(2)) << 24)
        | (at(length.wrapping_sub(4)) << 32)
        | ((length as u64) << 40);
    mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

//! What one rule allows. This is the only place that says so; [`crate::rule_table`] makes many rules quick
//! to ask.

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
    list.iter().any(|item| item == "*" || same(item, text))
}

/// Whether two names are one. Empty ones, such as the core's API group, are told by their length: the C
/// library's comparison of no bytes at an address where nothing is, as that of an empty `String`, takes
/// 100 ns on processors with AVX-512.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && (one.is_empty() || one == other)
}

/// `*`, `pods`, `pods/log` or `*/log`. `pods/*` is a name like any other: Kubernetes knows no such pattern.
pub(crate) fn names_resource(pattern: &str, asked: &Resource<'_>) -> bool {
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

//! Own policies: named lists of rules in RBAC's words.

use entryway_access::{PolicyName, PolicyRule};

use crate::OwnPolicy;
use crate::reader::Reader;
use crate::tree::{Node, Pair};

pub(super) const POLICY_KEYS: [&str; 2] = ["description", "rules"];
pub(super) const RULE_KEYS: [&str; 5] = ["verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs"];

/// Reads `policies` of the file.
pub(super) fn read_policies(node: &Node, reader: &mut Reader<'_>) -> Vec<OwnPolicy> {
    if !node.is_mapping() && !node.is_null() {
        let kind = node.kind();
        reader.error(&node.bytes, format!("`policies` must be a mapping from names to policies, not {kind}"));
    }
    node.pairs().iter().filter_map(|pair| read_policy(pair, reader)).collect()
}

fn read_policy(pair: &Pair, reader: &mut Reader<'_>) -> Option<OwnPolicy> {
    let Pair { key, key_bytes, value } = pair;
    reader.unknown_keys(value, &POLICY_KEYS, "a policy", true);
    let description = value.get("description").and_then(|node| reader.text(node, "description")).map(str::to_owned);
    let rules: Vec<PolicyRule> = match value.get("rules") {
        Some(node) if node.is_sequence() => node.items().iter().filter_map(|rule| read_rule(rule, reader)).collect(),
        Some(node) => {
            let kind = node.kind();
            reader.error(&node.bytes, format!("`rules` must be a list, not {kind}"));
            Vec::new()
        }
        None => {
            reader.error(key_bytes, format!("the policy `{key}` has no `rules`"));
            Vec::new()
        }
    };
    let name: PolicyName = match key.parse() {
        Ok(name) => name,
        Err(error) => {
            reader.error(key_bytes, format!("{error}"));
            return None;
        }
    };
    if reader.options.catalogue.aws().any(|policy| policy.name == name) {
        reader.error(key_bytes, format!("`{key}` is the name of a policy of AWS; choose another"));
        return None;
    }
    Some(OwnPolicy { name: reader.placed(name, key_bytes), rules, description })
}

fn read_rule(node: &Node, reader: &mut Reader<'_>) -> Option<PolicyRule> {
    if !node.is_mapping() {
        let kind = node.kind();
        reader.error(&node.bytes, format!("a rule must be a mapping with `verbs`, not {kind}"));
        return None;
    }
    reader.unknown_keys(node, &RULE_KEYS, "a rule", true);
    let mut list = |key: &str| -> Vec<String> {
        let texts = node.get(key).map(|value| reader.texts(value, key)).unwrap_or_default();
        texts.into_iter().map(|text| text.value).collect()
    };
    let rule = PolicyRule {
        verbs: list("verbs"),
        api_groups: list("apiGroups"),
        resources: list("resources"),
        resource_names: list("resourceNames"),
        non_resource_urls: list("nonResourceURLs"),
    };
    let problem = match (rule.verbs.is_empty(), rule.resources.is_empty(), rule.non_resource_urls.is_empty()) {
        (true, _, _) => "a rule needs `verbs`",
        (_, true, true) => "a rule needs `resources` (with `apiGroups`) or `nonResourceURLs`",
        (_, false, false) => "a rule can't have both `resources` and `nonResourceURLs`; make two of it",
        (_, false, true) if rule.api_groups.is_empty() => {
            "a rule for `resources` needs `apiGroups`; `\"\"` is the core's"
        }
        _ => return Some(rule),
    };
    reader.error(&node.bytes, problem);
    None
}

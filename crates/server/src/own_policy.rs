//! Users' own access policies: their record in the store, and the rules that a policy must keep.
//!
//! Rules are in RBAC's words and validated as Kubernetes validates those of a ClusterRole, in its texts. A name must not
//! be, or be taken for, that of a policy of AWS: `ClusterAdmin` written on a command line means AWS's, always.

use std::sync::Arc;

use entryway_access::{AccessPolicy, Partition, PolicyArn, PolicyCatalogue, PolicyName, PolicyRule, PolicyRules};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::keys::Place;

/// The most policies of an account in a region.
pub(crate) const MAX_POLICIES: usize = 500;
/// The most rules of a policy.
const MAX_RULES: usize = 200;
/// The most items of one list of a rule.
const MAX_ITEMS: usize = 200;
/// The longest item, in bytes.
const MAX_ITEM: usize = 256;
/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 1000;
/// What the names of AWS's policies begin with, also of those that are yet to come.
const AWS_PREFIX: &str = "AmazonEKS";

/// An own policy as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OwnPolicyRecord {
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// What it grants.
    pub(crate) rules: Vec<PolicyRule>,
    pub(crate) created_at: Timestamp,
    pub(crate) modified_at: Timestamp,
}

impl OwnPolicyRecord {
    /// Reads a stored record.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("an own policy's record is damaged: {error}"))
    }

    /// For the core.
    pub(crate) fn to_core(&self, name: &PolicyName) -> AccessPolicy {
        let source = self.description.as_ref().map_or_else(String::new, |text| format!(": {text}"));
        AccessPolicy {
            name: name.clone(),
            rules: PolicyRules::Known(Arc::from(self.rules.clone())),
            service_linked_only: false,
            source: format!("own policy{source}"),
        }
    }

    /// As the API shows it, but for the version.
    pub(crate) fn to_json(&self, arn: &PolicyArn) -> Value {
        let mut shown = json!({
            "name": arn.name().as_str(),
            "arn": arn.to_string(),
            "rules": self.rules,
            "createdAt": self.created_at.to_string(),
            "modifiedAt": self.modified_at.to_string(),
        });
        if let (Some(description), Some(members)) = (&self.description, shown.as_object_mut()) {
            members.insert("description".to_owned(), json!(description));
        }
        shown
    }
}

/// The ARN of a place's own policy.
pub(crate) fn arn_of(place: &Place, name: PolicyName) -> PolicyArn {
    let (region, account) = (place.region.clone(), place.account.clone());
    PolicyArn::Own { partition: place.partition(), region, account, name }
}

/// The ARN of the policy that is kept under a key.
pub(crate) fn arn(place: &Place, key: &str) -> Option<PolicyArn> {
    Some(arn_of(place, key.strip_prefix(&place.policies())?.parse().ok()?))
}

/// Reads a stored policy for the core.
pub(crate) fn parse(name: &PolicyName, bytes: &[u8]) -> Result<AccessPolicy, String> {
    OwnPolicyRecord::parse(bytes).map(|record| record.to_core(name))
}

/// A rule as it is sent: every list may be absent or null, and nothing else may be there. A misspelt member would
/// leave a rule wider than it was meant (`resourceName` for `resourceNames`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RuleInput {
    verbs: Option<Vec<String>>,
    api_groups: Option<Vec<String>>,
    resources: Option<Vec<String>>,
    resource_names: Option<Vec<String>>,
    #[serde(rename = "nonResourceURLs")]
    non_resource_urls: Option<Vec<String>>,
}

/// A name for a policy of one's own.
pub(crate) fn check_name(text: &str, catalogue: &PolicyCatalogue) -> Result<PolicyName, String> {
    let name: PolicyName = text.parse().map_err(|error: entryway_access::ArnError| error.to_string())?;
    if text.get(..AWS_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(AWS_PREFIX)) {
        return Err(format!("the policy name {name} is invalid: names that begin with {AWS_PREFIX} are AWS's"));
    }
    // Any partition: AWS's names are the same in all.
    if let Ok(taken) = catalogue.resolve(text, Partition::Aws) {
        return Err(format!("the policy name {name} is invalid: it means AWS's policy {}", taken.name()));
    }
    Ok(name)
}

/// The rules of a policy, or everything that is wrong with them.
pub(crate) fn check_rules(given: Vec<RuleInput>) -> Result<Vec<PolicyRule>, String> {
    if given.is_empty() {
        return Err("rules: Required value: a policy must contain at least one rule".to_owned());
    }
    if given.len() > MAX_RULES {
        return Err(format!("rules: Too many: {}: must have at most {MAX_RULES} items", given.len()));
    }
    let mut problems = Vec::new();
    let rules: Vec<PolicyRule> = given
        .into_iter()
        .enumerate()
        .map(|(index, rule)| {
            let rule = PolicyRule {
                verbs: rule.verbs.unwrap_or_default(),
                api_groups: rule.api_groups.unwrap_or_default(),
                resources: rule.resources.unwrap_or_default(),
                resource_names: rule.resource_names.unwrap_or_default(),
                non_resource_urls: rule.non_resource_urls.unwrap_or_default(),
            };
            check_rule(&rule, &format!("rules[{index}]"), &mut problems);
            rule
        })
        .collect();
    if problems.is_empty() { Ok(rules) } else { Err(problems.join(", ")) }
}

/// Kubernetes' checks, then the limits.
fn check_rule(rule: &PolicyRule, at: &str, problems: &mut Vec<String>) {
    let missing = [
        (&rule.verbs, "verbs", "verbs must contain at least one value"),
        (&rule.api_groups, "apiGroups", "resource rules must supply at least one api group"),
        (&rule.resources, "resources", "resource rules must supply at least one resource"),
    ];
    let of_paths = !rule.non_resource_urls.is_empty();
    for (list, field, text) in missing {
        if list.is_empty() && (field == "verbs" || !of_paths) {
            problems.push(format!("{at}.{field}: Required value: {text}"));
        }
    }
    if of_paths && !(rule.api_groups.is_empty() && rule.resources.is_empty() && rule.resource_names.is_empty()) {
        let urls = json!(rule.non_resource_urls);
        problems.push(format!(
            "{at}.nonResourceURLs: Invalid value: {urls}: rules cannot apply to both regular resources and non-resource URLs"
        ));
    }
    for (field, list) in [
        ("verbs", &rule.verbs),
        ("apiGroups", &rule.api_groups),
        ("resources", &rule.resources),
        ("resourceNames", &rule.resource_names),
        ("nonResourceURLs", &rule.non_resource_urls),
    ] {
        if list.len() > MAX_ITEMS {
            problems.push(format!("{at}.{field}: Too many: {}: must have at most {MAX_ITEMS} items", list.len()));
        }
        for (index, item) in list.iter().enumerate() {
            if item.len() > MAX_ITEM {
                problems.push(format!("{at}.{field}[{index}]: Too long: may not be more than {MAX_ITEM} bytes"));
            }
        }
    }
}

/// A description's length.
pub(crate) fn check_description(text: &str) -> Result<(), String> {
    let length = text.chars().count();
    if length <= MAX_DESCRIPTION {
        Ok(())
    } else {
        Err(format!("description: Too long: {length} characters, may not be more than {MAX_DESCRIPTION}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules(value: Value) -> Result<Vec<PolicyRule>, String> {
        let given: Vec<RuleInput> = serde_json::from_value(value).map_err(|error| error.to_string())?;
        check_rules(given)
    }

    #[test]
    fn rules_as_of_a_cluster_role() {
        for good in [
            json!([{ "verbs": ["get"], "apiGroups": [""], "resources": ["pods/log"], "resourceNames": null }]),
            json!([{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }, { "verbs": ["get"], "nonResourceURLs": ["/metrics"] }]),
        ] {
            assert!(rules(good.clone()).is_ok(), "{good}");
        }
        for (bad, wrong) in [
            (json!([]), "rules: Required value"),
            (json!([{}]), "rules[0].verbs: Required value: verbs must contain at least one value, rules[0].apiGroups"),
            (
                json!([{ "verbs": ["get"], "resources": ["pods"] }]),
                "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
            ),
            (json!([{ "verbs": ["get"], "apiGroups": [""] }]), "rules[0].resources: Required value"),
            (
                json!([{ "verbs": ["get"], "nonResourceURLs": ["/x"], "resources": ["pods"] }]),
                "rules[0].nonResourceURLs: Invalid value: [\"/x\"]: rules cannot apply to both",
            ),
            (
                json!([{ "verbs": ["get"], "apiGroups": [""], "resources": ["x".repeat(257)] }]),
                "resources[0]: Too long",
            ),
            (json!([{ "verb": ["get"] }]), "unknown field `verb`"),
            (json!([{ "verbs": "get" }]), "expected a sequence"),
            (json!(vec![json!({ "verbs": ["get"], "nonResourceURLs": ["/x"] }); 201]), "rules: Too many: 201"),
        ] {
            let problem = rules(bad).unwrap_err();
            assert!(problem.contains(wrong), "{problem}");
        }
    }

    #[test]
    fn names_are_not_awss() {
        let catalogue = PolicyCatalogue::builtin();
        for good in ["crd-reader", "Team.A_Edit", "AmazonLike"] {
            assert!(check_name(good, &catalogue).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a b",
            "AmazonEKSViewPolicy",
            "amazoneksviewpolicy",
            "AmazonEKSNew",
            "ClusterAdmin",
            "view",
            "cluster-admin",
            "a/b",
        ] {
            assert!(check_name(bad, &catalogue).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn anything_stored_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = OwnPolicyRecord::parse(&bytes);
        }
    }
}

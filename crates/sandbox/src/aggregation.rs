//! Keeps the rules of aggregated ClusterRoles what the roles that they select have together.
//!
//! Decisions do not wait for it: the core resolves aggregation itself. This is for whoever reads the objects.

use entryway_objects::selector::LabelSelector;
use entryway_objects::status::Status;
use serde_json::Value;

use crate::api::Api;
use crate::controllers::{Seen, again};
use crate::escalate::RBAC;
use crate::meta;
use crate::storage::Target;

/// Follows ClusterRoles.
#[derive(Default)]
pub(crate) struct Aggregation {
    changed: bool,
}

impl Aggregation {
    pub(crate) fn observe(&mut self, seen: &Seen) {
        self.changed |= seen.is(RBAC, "clusterroles");
    }

    pub(crate) async fn work(&mut self, api: &Api) -> bool {
        if self.changed {
            match aggregate(api).await {
                Ok(done) => self.changed = !done,
                Err(status) => again("aggregating", "clusterroles", &status),
            }
        }
        self.changed
    }
}

/// Writes what is not up to date; whether all is now.
async fn aggregate(api: &Api) -> Result<bool, Status> {
    let Some(target) = Target::find(&api.registry.load(), RBAC, "v1", "clusterroles") else { return Ok(true) };
    let roles = api.storage.all(&target, None).await?;
    let mut done = true;
    for role in &roles {
        let Some(selectors) = role.pointer("/aggregationRule/clusterRoleSelectors").and_then(Value::as_array) else {
            continue;
        };
        let rules = union(role, selectors, &roles);
        if role.get("rules").unwrap_or(&Value::Null) == &rules {
            continue;
        }
        let name = meta::name(role);
        let Some(stored) = api.storage.get(&target, None, name).await? else { continue };
        let mut object = stored.object;
        if let Some(object) = object.as_object_mut() {
            object.insert("rules".into(), rules);
        }
        done &= api.storage.replace(&target, None, name, stored.revision, object).await?.is_some();
    }
    Ok(done)
}

/// The rules of the roles that the selectors take, in the order of selectors and names, each rule once.
fn union(own: &Value, selectors: &[Value], roles: &[Value]) -> Value {
    let mut rules: Vec<Value> = Vec::new();
    for selector in selectors.iter().filter_map(LabelSelector::from_value) {
        let selected = roles.iter().filter(|role| meta::name(role) != meta::name(own) && selector.matches(role));
        for rule in selected.filter_map(|role| role.get("rules")).filter_map(Value::as_array).flatten() {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
    }
    if rules.is_empty() { Value::Null } else { rules.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_come_in_order_and_once() {
        let role = |name: &str, label: &str, resource: &str| json!({"metadata": {"name": name, "labels": {label: "yes"}}, "rules": [{"resources": [resource]}]});
        let own = json!({"metadata": {"name": "all", "labels": {"a": "yes"}}, "rules": [{"resources": ["own"]}]});
        let roles = [own.clone(), role("b", "a", "pods"), role("c", "a", "pods"), role("d", "x", "secrets")];
        let selectors = [json!({"matchLabels": {"a": "yes"}})];
        assert_eq!(union(&own, &selectors, &roles), json!([{"resources": ["pods"]}]));
        assert_eq!(union(&own, &[json!({"matchLabels": {"z": "yes"}})], &roles), Value::Null);
    }
}

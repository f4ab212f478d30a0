//! Nobody grants what he does not have: the check on roles and bindings as they are written.

use std::collections::HashMap;

use entryway_access::{Attributes, MASTERS, PolicyRule, Request, Resource, RoleKind, RoleRef, Snapshot, UserInfo};
use entryway_objects::registry::ResourceType;
use entryway_objects::status::Status;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::authorize::missing_roles;
use crate::failure::forbidden;
use crate::text::{aggregate, quote, quote_all};
use crate::{meta, request_info::ResourcePath};

/// The group of roles and bindings.
pub(crate) const RBAC: &str = "rbac.authorization.k8s.io";

/// The facts the check needs besides the object.
pub(crate) struct Granting<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) user: &'a UserInfo,
    pub(crate) resource: &'a ResourceType,
    pub(crate) path: &'a ResourcePath,
    pub(crate) now: Timestamp,
}

impl Granting<'_> {
    /// Checks a write of `new` over `old`. Objects of other groups pass.
    ///
    /// # Errors
    /// 403 with the permissions that are missing, 404 where the role of a binding does not exist.
    pub(crate) fn check(&self, old: Option<&Value>, new: &Value) -> Result<(), Status> {
        if self.resource.group != RBAC || self.user.groups.iter().any(|group| group == MASTERS) {
            return Ok(());
        }
        if old.is_some_and(|old| only_collects(old, new)) {
            return Ok(());
        }
        match self.resource.plural.as_str() {
            "roles" | "clusterroles" => self.role(old, new),
            "rolebindings" | "clusterrolebindings" => self.binding(new),
            _ => Ok(()),
        }
    }

    fn role(&self, old: Option<&Value>, new: &Value) -> Result<(), Status> {
        let escalate = Resource {
            group: RBAC,
            resource: &self.resource.plural,
            namespace: &self.path.namespace,
            name: &self.path.name,
            subresource: "",
        };
        if self.may("escalate", escalate) {
            return Ok(());
        }
        self.confirm(meta::name(new), &rules_of(new)?)?;
        // What an aggregated role will grant is not known yet, and one that is tightened can't be held to it: all must
        // be held.
        let aggregates = aggregates(new) || old.is_some_and(aggregates);
        if aggregates && self.confirm(meta::name(new), &everything()).is_err() {
            return Err(self.refused(meta::name(new), "must have cluster-admin privileges to use the aggregationRule"));
        }
        Ok(())
    }

    fn binding(&self, new: &Value) -> Result<(), Status> {
        let text =
            |member: &str| new.pointer(&format!("/roleRef/{member}")).and_then(Value::as_str).unwrap_or_default();
        let (kind, plural) = match text("kind") {
            "ClusterRole" => (RoleKind::ClusterRole, "clusterroles"),
            "Role" => (RoleKind::Role, "roles"),
            other => {
                return Err(Status {
                    code: 500,
                    reason: "",
                    message: format!("unsupported role reference kind: {}", quote(other)),
                    details: None,
                });
            }
        };
        let bind = Resource {
            group: text("apiGroup"),
            resource: plural,
            namespace: &self.path.namespace,
            name: text("name"),
            subresource: "",
        };
        if self.may("bind", bind) {
            return Ok(());
        }
        let role = RoleRef { kind, name: text("name").to_owned() };
        match self.snapshot.role_rules(&role, &self.path.namespace) {
            Some(rules) => self.confirm(meta::name(new), rules),
            // The real server names the resource of the request here, not that of the role.
            None => Err(Status::not_found(RBAC, &self.resource.plural, &role.name)),
        }
    }

    fn may(&self, verb: &str, resource: Resource<'_>) -> bool {
        let request = Request { user: self.user, attributes: Attributes::Resource { verb, resource } };
        self.snapshot.decide(&request, self.now).is_allowed()
    }

    fn confirm(&self, name: &str, wanted: &[PolicyRule]) -> Result<(), Status> {
        let held = self.snapshot.rules_for(self.user, &self.path.namespace);
        let Some(missing) = uncovered(&held, wanted) else {
            let user = quote(&self.user.username);
            return Err(self.refused(
                name,
                &format!("user {user} is attempting to grant more than {MOST_ATOMS} RBAC permissions at once"),
            ));
        };
        if missing.is_empty() {
            return Ok(());
        }
        let mut lines: Vec<String> = compact(missing).iter().map(describe).collect();
        lines.sort();
        lines.dedup();
        let mut why = format!(
            "user {} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
            quote(&self.user.username),
            quote_all(&self.user.groups),
            lines.join("\n")
        );
        let problems: Vec<String> = missing_roles(self.snapshot, self.user, &self.path.namespace)
            .iter()
            .map(|role| Status::not_found(RBAC, &self.resource.plural, &role.name).message)
            .collect();
        if !problems.is_empty() {
            why.push_str(&format!("; resolution errors: [{}]", aggregate(&problems)));
        }
        Err(self.refused(name, &why))
    }

    fn refused(&self, name: &str, why: &str) -> Status {
        forbidden(RBAC, &self.resource.plural, name, why)
    }
}

/// Whether an update only lets garbage collection go on: finalizers and owners, nothing else.
fn only_collects(old: &Value, new: &Value) -> bool {
    let stripped = |object: &Value| {
        let mut object = object.clone();
        for member in ["finalizers", "ownerReferences", "managedFields", "resourceVersion"] {
            meta::set(&mut object, member, Value::Null);
        }
        object
    };
    let changed =
        |member: &str| old.pointer(&format!("/metadata/{member}")) != new.pointer(&format!("/metadata/{member}"));
    (changed("finalizers") || changed("ownerReferences")) && stripped(old) == stripped(new)
}

fn aggregates(role: &Value) -> bool {
    role.pointer("/aggregationRule/clusterRoleSelectors").and_then(Value::as_array).is_some_and(|list| !list.is_empty())
}

/// Every verb on every resource and every path.
fn everything() -> [PolicyRule; 2] {
    let any = || vec!["*".to_owned()];
    [
        PolicyRule { verbs: any(), api_groups: any(), resources: any(), ..PolicyRule::default() },
        PolicyRule { verbs: any(), non_resource_urls: any(), ..PolicyRule::default() },
    ]
}

/// The rules of a role, as the authorizer will read them. One that can't be read can't be checked: no write has it.
fn rules_of(role: &Value) -> Result<Vec<PolicyRule>, Status> {
    match role.get("rules") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(rules) => Vec::deserialize(rules)
            .map_err(|error| Status::bad_request(format!("the rules of the role can't be read: {error}"))),
    }
}

/// One verb on one thing: the atoms that a rule is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Atom {
    Resource { verb: String, group: String, resource: String, name: Option<String> },
    Path { verb: String, path: String },
}

fn atoms(rule: &PolicyRule) -> Vec<Atom> {
    let mut atoms = Vec::new();
    for group in &rule.api_groups {
        for resource in &rule.resources {
            for verb in &rule.verbs {
                let atom = |name: Option<&String>| Atom::Resource {
                    verb: verb.clone(),
                    group: group.clone(),
                    resource: resource.clone(),
                    name: name.cloned(),
                };
                if rule.resource_names.is_empty() {
                    atoms.push(atom(None));
                } else {
                    atoms.extend(rule.resource_names.iter().map(|name| atom(Some(name))));
                }
            }
        }
    }
    for path in &rule.non_resource_urls {
        atoms.extend(rule.verbs.iter().map(|verb| Atom::Path { verb: verb.clone(), path: path.clone() }));
    }
    atoms
}

/// The most atoms that are looked at one by one. The real server has no such limit, and can be kept busy with a few
/// kilobytes of long lists.
const MOST_ATOMS: usize = 20_000;

/// How many atoms a rule is made of.
fn atom_count(rule: &PolicyRule) -> usize {
    let names = rule.resource_names.len().max(1);
    let resources =
        [rule.api_groups.len(), rule.resources.len(), names].into_iter().fold(1_usize, usize::saturating_mul);
    resources.saturating_add(rule.non_resource_urls.len()).saturating_mul(rule.verbs.len())
}

/// What is wanted and not held; `None` where that is too much to look at.
fn uncovered(held: &[&PolicyRule], wanted: &[PolicyRule]) -> Option<Vec<Atom>> {
    let wanted: Vec<&PolicyRule> =
        wanted.iter().filter(|rule| !held.iter().any(|held| covers_whole(held, rule))).collect();
    let count = wanted.iter().map(|rule| atom_count(rule)).fold(0, usize::saturating_add);
    let missing = || wanted.into_iter().flat_map(atoms).filter(|atom| !held.iter().any(|rule| covers(rule, atom)));
    (count <= MOST_ATOMS).then(|| missing().collect())
}

/// Whether one rule covers all atoms of another, as far as their members alone tell.
fn covers_whole(held: &PolicyRule, wanted: &PolicyRule) -> bool {
    let all = |own: &[String], others: &[String]| others.iter().all(|one| has(own, one));
    let names = held.resource_names.is_empty()
        || !wanted.resource_names.is_empty()
            && wanted.resource_names.iter().all(|name| held.resource_names.contains(name));
    all(&held.verbs, &wanted.verbs)
        && all(&held.api_groups, &wanted.api_groups)
        && all(&held.resources, &wanted.resources)
        && all(&held.non_resource_urls, &wanted.non_resource_urls)
        && names
}

fn has(list: &[String], one: &str) -> bool {
    list.iter().any(|own| own == "*" || own == one)
}

fn covers(rule: &PolicyRule, atom: &Atom) -> bool {
    match atom {
        Atom::Resource { verb, group, resource, name } => {
            let below_any = |own: &String| {
                let subresource = resource.split_once('/').map(|(_, subresource)| subresource);
                subresource.is_some() && own.strip_prefix("*/") == subresource
            };
            has(&rule.verbs, verb)
                && has(&rule.api_groups, group)
                && (has(&rule.resources, resource) || rule.resources.iter().any(below_any))
                && (rule.resource_names.is_empty()
                    || name.as_ref().is_some_and(|name| rule.resource_names.contains(name)))
        }
        Atom::Path { verb, path } => {
            let path_covered = rule.non_resource_urls.iter().any(|own| {
                own == "*" || own == path || own.strip_suffix('*').is_some_and(|start| path.starts_with(start))
            });
            has(&rule.verbs, verb) && path_covered
        }
    }
}

/// Puts the verbs of one resource together again, where no name is involved.
fn compact(missing: Vec<Atom>) -> Vec<PolicyRule> {
    let mut rules: Vec<PolicyRule> = Vec::new();
    let mut of_resource: HashMap<(String, String), usize> = HashMap::new();
    for atom in missing {
        match atom {
            Atom::Path { verb, path } => {
                rules.push(PolicyRule { verbs: vec![verb], non_resource_urls: vec![path], ..PolicyRule::default() });
            }
            Atom::Resource { verb, group, resource, name } => {
                let at = match &name {
                    Some(_) => rules.len(),
                    None => *of_resource.entry((group.clone(), resource.clone())).or_insert(rules.len()),
                };
                match rules.get_mut(at) {
                    Some(rule) => rule.verbs.push(verb),
                    None => rules.push(PolicyRule {
                        verbs: vec![verb],
                        api_groups: vec![group],
                        resources: vec![resource],
                        resource_names: name.into_iter().collect(),
                        non_resource_urls: Vec::new(),
                    }),
                }
            }
        }
    }
    rules
}

fn describe(rule: &PolicyRule) -> String {
    let parts = [
        ("APIGroups", &rule.api_groups),
        ("Resources", &rule.resources),
        ("NonResourceURLs", &rule.non_resource_urls),
        ("ResourceNames", &rule.resource_names),
        ("Verbs", &rule.verbs),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(name, values)| format!("{name}:{}", quote_all(values)))
        .collect();
    format!("{{{}}}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(verbs: &str, groups: &str, resources: &str, names: &str) -> PolicyRule {
        let split = |text: &str| -> Vec<String> {
            if text.is_empty() { Vec::new() } else { text.split(',').map(|part| part.replace('-', "")).collect() }
        };
        PolicyRule {
            verbs: split(verbs),
            api_groups: split(groups),
            resources: split(resources),
            resource_names: split(names),
            ..PolicyRule::default()
        }
    }

    fn missing(held: &[PolicyRule], wanted: &[PolicyRule]) -> Vec<String> {
        let held: Vec<&PolicyRule> = held.iter().collect();
        let mut lines: Vec<String> = compact(uncovered(&held, wanted).unwrap()).iter().map(describe).collect();
        lines.sort();
        lines
    }

    #[test]
    fn what_is_missing_is_said_by_resource() {
        let held = [rule("get,list", "-", "pods", "")];
        assert!(missing(&held, &[rule("get", "-", "pods", "a")]).is_empty());
        assert_eq!(
            missing(&held, &[rule("get,delete", "-", "secrets,pods", "")]),
            [
                r#"{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}"#,
                r#"{APIGroups:[""], Resources:["secrets"], Verbs:["get" "delete"]}"#
            ]
        );
    }

    #[test]
    fn no_rule_goes_unchecked() {
        let rules = |rules: Value| rules_of(&serde_json::json!({ "rules": rules }));
        let any = serde_json::json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "resourceNames": null}]);
        assert_eq!(rules(any).unwrap(), [rule("*", "*", "*", "")]);
        assert!(rules(serde_json::json!([{"verbs": ["*"], "resources": "*"}])).is_err());
        assert!(rules(serde_json::json!({"verbs": ["*"]})).is_err());
        assert!(rules(Value::Null).unwrap().is_empty());
    }

    #[test]
    fn a_name_never_covers_all_names() {
        let held = [rule("get", "-", "pods", "a")];
        assert!(missing(&held, &[rule("get", "-", "pods", "a")]).is_empty());
        assert_eq!(missing(&held, &[rule("get", "-", "pods", "")]).len(), 1);
    }

    #[test]
    fn a_star_covers_subresources_only_as_written() {
        assert!(missing(&[rule("*", "*", "*/log", "")], &[rule("get", "-", "pods/log", "")]).is_empty());
        assert_eq!(missing(&[rule("*", "*", "*/log", "")], &[rule("get", "-", "pods", "")]).len(), 1);
    }

    /// Lists of a few kilobytes are many millions of atoms.
    #[test]
    fn too_much_is_not_looked_at() {
        let many = |kind: &str| (0..300).map(|n| format!("{kind}{n}")).collect::<Vec<_>>().join(",");
        let wanted = [rule(&many("v"), &many("g"), &many("r"), &many("n"))];
        assert_eq!(uncovered(&[&rule("get", "-", "pods", "")], &wanted), None);
        assert_eq!(uncovered(&[&rule("*", "*", "*", "")], &wanted), Some(Vec::new()));
        assert_eq!(missing(&[], &[rule("get", "-", &many("r"), "")]).len(), 300);
    }
}

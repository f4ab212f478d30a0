//! Own policies on EKS, which has none: a ClusterRole, and bindings of it for a group that says policy and
//! scope. An entry that carries the group has the policy.

use entryway_access::{AccessScope, Binding, NamespacePattern, PolicyName, PolicyRule, RbacObjects, Role};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::step::ObjectKind;

/// What the names of all groups and objects begin with that Entryway makes. Others are never touched.
pub(crate) const PREFIX: &str = "entryway:";
/// A group's scope is written out up to this length, and by a digest beyond it.
const LONGEST_SCOPE: usize = 120;

/// `entryway:deployer:cluster`, `entryway:deployer:dev-*,prod`.
pub(crate) fn group_name(policy: &PolicyName, scope: &AccessScope) -> String {
    let mut names: Vec<&str> = scope.namespaces().iter().map(NamespacePattern::as_str).collect();
    names.sort_unstable();
    let text = match scope {
        AccessScope::Cluster => "cluster".to_owned(),
        // A namespace may be called `cluster`.
        AccessScope::Namespaces(_) if names == ["cluster"] => "cluster,".to_owned(),
        AccessScope::Namespaces(_) => names.join(","),
    };
    if text.len() <= LONGEST_SCOPE {
        return format!("{PREFIX}{policy}:{text}");
    }
    let digest = hex::encode(Sha256::digest(text.as_bytes()));
    format!("{PREFIX}{policy}:#{}", digest.get(..16).unwrap_or_default())
}

/// Policy and scope of such a group; the scope is absent where only a digest of it is there.
pub(crate) fn read_group(group: &str) -> Option<(PolicyName, Option<AccessScope>)> {
    let (policy, scope) = group.strip_prefix(PREFIX)?.split_once(':')?;
    let policy = policy.parse().ok()?;
    let scope = match scope {
        "cluster" => Some(AccessScope::Cluster),
        digest if digest.starts_with('#') => None,
        names => {
            let names: Vec<String> = names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            Some(AccessScope::from_parts("namespace", &names).ok()?)
        }
    };
    Some((policy, scope))
}

/// The name of a policy's ClusterRole.
pub(crate) fn role_name(policy: &PolicyName) -> String {
    format!("{PREFIX}{policy}")
}

fn metadata(name: &str, namespace: Option<&str>) -> Value {
    let mut metadata = json!({ "name": name, "labels": { "app.kubernetes.io/managed-by": "entryway" } });
    if let (Some(namespace), Some(map)) = (namespace, metadata.as_object_mut()) {
        map.insert("namespace".to_owned(), Value::from(namespace));
    }
    metadata
}

/// The ClusterRole of a policy.
pub(crate) fn cluster_role(policy: &PolicyName, rules: &[PolicyRule]) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": metadata(&role_name(policy), None),
        "rules": rules,
    })
}

/// The bindings of a policy in a scope. RBAC knows no patterns: each stands for the namespaces of `existing`
/// that it matches now.
pub(crate) fn bindings(policy: &PolicyName, scope: &AccessScope, existing: &[String]) -> Vec<Value> {
    let group = group_name(policy, scope);
    let binding = |kind: ObjectKind, namespace: Option<&str>| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": kind.to_string(),
            "metadata": metadata(&group, namespace),
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role_name(policy) },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group }],
        })
    };
    match scope {
        AccessScope::Cluster => vec![binding(ObjectKind::ClusterRoleBinding, None)],
        AccessScope::Namespaces(patterns) => {
            let mut names: Vec<&str> = Vec::new();
            for pattern in patterns {
                match pattern.as_str().contains('*') {
                    false => names.push(pattern.as_str()),
                    true => names.extend(existing.iter().map(String::as_str).filter(|name| pattern.matches(name))),
                }
            }
            names.sort_unstable();
            names.dedup();
            names.into_iter().map(|name| binding(ObjectKind::RoleBinding, Some(name))).collect()
        }
    }
}

/// Whether a scope needs the names of the namespaces there are.
pub(crate) fn has_pattern(scope: &AccessScope) -> bool {
    scope.namespaces().iter().any(|pattern| pattern.as_str().contains('*'))
}

/// An RBAC object as Entryway tells them apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectId {
    pub(crate) kind: ObjectKind,
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
}

impl ObjectId {
    pub(crate) fn of_role(role: &Role) -> Option<ObjectId> {
        role.namespace.is_none().then(|| ObjectId {
            kind: ObjectKind::ClusterRole,
            namespace: None,
            name: role.name.clone(),
        })
    }
    pub(crate) fn of_binding(binding: &Binding) -> ObjectId {
        let kind = match binding.namespace {
            None => ObjectKind::ClusterRoleBinding,
            Some(_) => ObjectKind::RoleBinding,
        };
        ObjectId { kind, namespace: binding.namespace.clone(), name: binding.name.clone() }
    }
    /// `RoleBinding entryway:deployer:prod in prod`.
    pub(crate) fn shown(&self) -> String {
        match &self.namespace {
            None => format!("{} {}", self.kind, self.name),
            Some(namespace) => format!("{} {} in {namespace}", self.kind, self.name),
        }
    }
}

/// A manifest that Entryway wrote, read back.
pub(crate) fn read_object(manifest: &Value) -> RbacObjects {
    RbacObjects::from_values([manifest]).0
}

/// The objects of a cluster that Entryway made.
pub(crate) fn owned(rbac: &RbacObjects) -> RbacObjects {
    RbacObjects {
        roles: rbac
            .roles
            .iter()
            .filter(|role| role.namespace.is_none() && role.name.starts_with(PREFIX))
            .cloned()
            .collect(),
        bindings: rbac.bindings.iter().filter(|binding| binding.name.starts_with(PREFIX)).cloned().collect(),
    }
}

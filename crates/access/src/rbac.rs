//! Kubernetes RBAC objects, as values.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::UserInfo;
use crate::standing::SERVICE_ACCOUNT_PREFIX;

/// A rule of a role or of an access policy, with RBAC's own meaning of every field. Each list may be `null`, as Go
/// writes an empty one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyRule {
    /// Verbs, `*` for all.
    #[serde(deserialize_with = "list_or_null")]
    pub verbs: Vec<String>,
    /// API groups, `""` for the core, `*` for all.
    #[serde(deserialize_with = "list_or_null", skip_serializing_if = "Vec::is_empty")]
    pub api_groups: Vec<String>,
    /// `resource`, `resource/subresource`, `*/subresource`, `*`.
    #[serde(deserialize_with = "list_or_null", skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Names; none for all.
    #[serde(deserialize_with = "list_or_null", skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<String>,
    /// Paths, exact or with a final `*`.
    #[serde(rename = "nonResourceURLs", deserialize_with = "list_or_null", skip_serializing_if = "Vec::is_empty")]
    pub non_resource_urls: Vec<String>,
}

fn list_or_null<'d, D: Deserializer<'d>>(from: D) -> Result<Vec<String>, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// Role or ClusterRole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum RoleKind {
    ClusterRole,
    Role,
}

/// RoleBinding or ClusterRoleBinding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum BindingKind {
    ClusterRoleBinding,
    RoleBinding,
}

impl RoleKind {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            RoleKind::ClusterRole => "ClusterRole",
            RoleKind::Role => "Role",
        }
    }
}

impl BindingKind {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            BindingKind::ClusterRoleBinding => "ClusterRoleBinding",
            BindingKind::RoleBinding => "RoleBinding",
        }
    }
}

/// A Role (with a namespace) or ClusterRole (without).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Absent for a ClusterRole.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// Labels (aggregation selects by them).
    pub labels: BTreeMap<String, String>,
    /// The rules written in it. An aggregated ClusterRole's are computed when compiling.
    pub rules: Vec<PolicyRule>,
    /// Label selectors of `aggregationRule.clusterRoleSelectors`, raw; absent where it is not aggregated.
    pub aggregation: Option<Vec<Value>>,
}

/// A reference to a role.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleRef {
    /// The kind.
    pub kind: RoleKind,
    /// The name.
    pub name: String,
}

/// Who a binding is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Subject {
    User(String),
    Group(String),
    ServiceAccount { namespace: String, name: String },
}

impl Subject {
    /// Whether a user with this name is meant. A service account is the user
    /// `system:serviceaccount:NAMESPACE:NAME`.
    pub fn is_user(&self, username: &str) -> bool {
        match self {
            Subject::User(name) => name == username,
            Subject::Group(_) => false,
            Subject::ServiceAccount { namespace, name } => username
                .strip_prefix(SERVICE_ACCOUNT_PREFIX)
                .and_then(|rest| rest.strip_prefix(namespace.as_str()))
                .and_then(|rest| rest.strip_prefix(':'))
                .is_some_and(|rest| rest == name),
        }
    }

    /// Whether the user is meant, by name or as a member of a group.
    pub fn means(&self, user: &UserInfo) -> bool {
        self.is_user(&user.username) || user.groups.iter().any(|group| self.is_group(group))
    }

    /// Whether members of this group are meant.
    pub fn is_group(&self, group: &str) -> bool {
        match self {
            Subject::Group(name) => name == group,
            Subject::User(_) | Subject::ServiceAccount { .. } => false,
        }
    }
}

/// A RoleBinding (with a namespace) or ClusterRoleBinding (without).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Absent for a ClusterRoleBinding.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// For whom.
    pub subjects: Vec<Subject>,
    /// Which role.
    pub role: RoleRef,
}

impl Binding {
    /// Which of the two it is.
    pub fn kind(&self) -> BindingKind {
        match self.namespace {
            None => BindingKind::ClusterRoleBinding,
            Some(_) => BindingKind::RoleBinding,
        }
    }
}

/// A RBAC object that could not be taken in: it grants nothing, and is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RbacProblem {
    /// `Kind namespace/name` as far as known.
    pub object: String,
    /// What is wrong.
    pub message: String,
}

/// All RBAC objects of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RbacObjects {
    /// Roles and ClusterRoles.
    pub roles: Vec<Role>,
    /// RoleBindings and ClusterRoleBindings.
    pub bindings: Vec<Binding>,
}

/// The RBAC objects of a fresh Kubernetes 1.36 cluster, as JSON (a `List`).
pub fn bootstrap_rbac() -> &'static str {
    include_str!("../data/bootstrap-rbac.json")
}

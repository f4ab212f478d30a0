//! Steps: one call of an API each. Changes: what people see of them.

use std::collections::BTreeMap;
use std::fmt;

use entryway_access::{AccessScope, AuthenticationMode, EntryType, PolicyArn, PolicyName, PolicyRule, PrincipalArn};
use entryway_analysis::as_text;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::scope_text;

/// The kinds of RBAC objects that Entryway makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ObjectKind {
    ClusterRole,
    ClusterRoleBinding,
    RoleBinding,
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ObjectKind::ClusterRole => "ClusterRole",
            ObjectKind::ClusterRoleBinding => "ClusterRoleBinding",
            ObjectKind::RoleBinding => "RoleBinding",
        })
    }
}

/// What one call does. Every one may be made twice: `live` takes "already so" for done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Action {
    /// UpdateClusterConfig, and wait until it is done. EKS has no way back.
    SetMode {
        /// The mode that it is in.
        #[serde(with = "as_text")]
        from: AuthenticationMode,
        /// The next one.
        #[serde(with = "as_text")]
        to: AuthenticationMode,
    },
    /// A Kubernetes object applied as it stands here (server-side apply).
    PutObject {
        /// The manifest.
        object: Value,
    },
    /// A Kubernetes object deleted; one that is gone is fine.
    DeleteObject {
        /// Its kind.
        kind: ObjectKind,
        /// Its namespace, for a RoleBinding.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        /// Its name.
        name: String,
    },
    /// An own policy put on Entryway's control plane.
    PutPolicy {
        /// Its name.
        #[serde(with = "as_text")]
        name: PolicyName,
        /// Its rules.
        rules: Vec<PolicyRule>,
    },
    /// CreateAccessEntry.
    CreateEntry {
        /// Whose.
        #[serde(with = "as_text")]
        principal: PrincipalArn,
        /// Its type.
        #[serde(rename = "type", with = "as_text")]
        kind: EntryType,
        /// A username of one's own; absent for EKS's default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        username: Option<String>,
        /// Its groups.
        groups: Vec<String>,
        /// Its tags.
        tags: BTreeMap<String, String>,
        /// Whether EKS may have made it meanwhile (on leaving CONFIG_MAP mode it makes some itself): then
        /// ResourceInUseException is taken for done if the entry is as it is to be.
        may_exist: bool,
    },
    /// UpdateAccessEntry, always with both: some clients reset the one that is absent.
    UpdateEntry {
        /// Whose.
        #[serde(with = "as_text")]
        principal: PrincipalArn,
        /// The username.
        username: String,
        /// All groups.
        groups: Vec<String>,
    },
    /// TagResource on the entry.
    TagEntry {
        /// Whose.
        #[serde(with = "as_text")]
        principal: PrincipalArn,
        /// The entry's ARN; empty where this very plan makes the entry: DescribeAccessEntry tells it then.
        entry_arn: String,
        /// Tags to set.
        tags: BTreeMap<String, String>,
    },
    /// UntagResource on the entry.
    UntagEntry {
        /// Whose.
        #[serde(with = "as_text")]
        principal: PrincipalArn,
        /// The entry's ARN.
        entry_arn: String,
        /// Tags to take off.
        keys: Vec<String>,
    },
    /// AssociateAccessPolicy; of one that is associated, it changes the scope in place.
    AssociatePolicy {
        /// Whose.
        #[serde(with = "as_text")]
        principal: PrincipalArn,
        /// The policy.
        #[serde(with = "as_text")]
        policy: PolicyArn,
        /// Where.
        #[serde(with = "scope_text")]
        scope: AccessScope,
    },
    /// DisassociateAccessPolicy.
    DisassociatePolicy {
        /// Whose.
        #[serde(with = "as_text")]
        principal: PrincipalArn,
        /// The policy.
        #[serde(with = "as_text")]
        policy: PolicyArn,
    },
    /// DeleteAccessEntry, with all its policies.
    DeleteEntry {
        /// Whose.
        #[serde(with = "as_text")]
        principal: PrincipalArn,
    },
}

impl Action {
    /// The principal whose entry it is about.
    pub fn principal(&self) -> Option<&PrincipalArn> {
        match self {
            Action::CreateEntry { principal, .. }
            | Action::UpdateEntry { principal, .. }
            | Action::TagEntry { principal, .. }
            | Action::UntagEntry { principal, .. }
            | Action::AssociatePolicy { principal, .. }
            | Action::DisassociatePolicy { principal, .. }
            | Action::DeleteEntry { principal } => Some(principal),
            Action::SetMode { .. }
            | Action::PutObject { .. }
            | Action::DeleteObject { .. }
            | Action::PutPolicy { .. } => None,
        }
    }
}

/// As progress and errors name it: `create the entry of arn:…`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::SetMode { from, to } => write!(f, "set the authentication mode from {from} to {to}"),
            Action::PutObject { object } => {
                let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
                write!(f, "apply {} {}", text("/kind"), text("/metadata/name"))?;
                match text("/metadata/namespace") {
                    "" => Ok(()),
                    namespace => write!(f, " in {namespace}"),
                }
            }
            Action::DeleteObject { kind, namespace, name } => {
                write!(f, "delete {kind} {name}")?;
                namespace.as_ref().map_or(Ok(()), |namespace| write!(f, " in {namespace}"))
            }
            Action::PutPolicy { name, .. } => write!(f, "put the policy {name}"),
            Action::CreateEntry { principal, .. } => write!(f, "create the entry of {principal}"),
            Action::UpdateEntry { principal, .. } => write!(f, "update the entry of {principal}"),
            Action::TagEntry { principal, .. } => write!(f, "tag the entry of {principal}"),
            Action::UntagEntry { principal, .. } => write!(f, "take tags off the entry of {principal}"),
            Action::AssociatePolicy { principal, policy, scope } => {
                write!(f, "associate {} ({scope}) with {principal}", policy.name())
            }
            Action::DisassociatePolicy { principal, policy } => {
                write!(f, "disassociate {} from {principal}", policy.name())
            }
            Action::DeleteEntry { principal } => write!(f, "delete the entry of {principal}"),
        }
    }
}

/// A call, in its place in the order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What it does.
    #[serde(flatten)]
    pub action: Action,
    /// `clientRequestToken`: the same for the same step of the same plan, so that a repeated call is one.
    pub token: String,
    /// Where this step begins a moment in which its principal has less than before and after: why EKS leaves
    /// no other way. The moment ends with the last of the steps that follow for the same principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
}

/// How a change is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangeKind {
    /// `+`
    Create,
    /// `~`
    Update,
    /// `-/+`
    Replace,
    /// `-`
    Delete,
}

impl ChangeKind {
    /// Terraform's sign.
    pub fn sign(self) -> &'static str {
        match self {
            ChangeKind::Create => "+",
            ChangeKind::Update => "~",
            ChangeKind::Replace => "-/+",
            ChangeKind::Delete => "-",
        }
    }
}

/// What is changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Item {
    /// The authentication mode.
    Mode,
    /// An own policy, on either control plane.
    Policy(#[serde(with = "as_text")] PolicyName),
    /// A Kubernetes object: `ClusterRole entryway:deployer`.
    Object(String),
    /// An access entry.
    Entry(#[serde(with = "as_text")] PrincipalArn),
}

/// A field's change. Absent: not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Its name as EKS has it, or `policy NAME`.
    pub field: String,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it will be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl FieldChange {
    pub(crate) fn new(field: impl Into<String>, before: Option<String>, after: Option<String>) -> FieldChange {
        FieldChange { field: field.into(), before, after }
    }
}

/// A change as people see it; one or more steps carry it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// How.
    pub kind: ChangeKind,
    /// Of what.
    pub item: Item,
    /// What the file calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Why, where the fields do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The fields that change (all, for one that is created).
    pub fields: Vec<FieldChange>,
}

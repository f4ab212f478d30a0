//! The decision and why.

use std::fmt;

use crate::{AccessScope, BindingKind, PolicyArn, PolicyRule, PrincipalArn, RoleRef, Subject};

/// Why a request is allowed. Borrows from the snapshot: nothing is allocated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason<'s> {
    /// The user is in `system:masters`, which no authorizer is asked about.
    SystemMasters,
    /// An access policy of the caller's entry.
    AccessPolicy {
        /// The entry's principal.
        principal: &'s PrincipalArn,
        /// The unique id that the entry was made for, where it is known.
        unique_id: Option<&'s str>,
        /// The policy.
        policy: &'s PolicyArn,
        /// Its scope.
        scope: &'s AccessScope,
        /// The rule that matched.
        rule: &'s PolicyRule,
    },
    /// A RBAC binding.
    Rbac {
        /// RoleBinding or ClusterRoleBinding.
        binding_kind: BindingKind,
        /// The binding's namespace; empty for a ClusterRoleBinding.
        binding_namespace: &'s str,
        /// The binding's name.
        binding: &'s str,
        /// The role it refers to.
        role: &'s RoleRef,
        /// Through which subject.
        subject: &'s Subject,
        /// The rule that matched.
        rule: &'s PolicyRule,
    },
}

/// Allowed with a reason, or no opinion. There is no denial: nothing here ever takes access away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decision<'s> {
    /// Allowed, by this.
    Allowed(Reason<'s>),
    /// Nothing grants it.
    NoOpinion,
}

impl Decision<'_> {
    /// Whether it is allowed.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Decision::Allowed(_))
    }
}

/// The reason as Kubernetes' and EKS's audit logs have it (`eks-observed.md`): a policy as a
/// ClusterRoleBinding that nobody made.
impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::SystemMasters => f.write_str("allowed to every member of Group \"system:masters\""),
            Reason::AccessPolicy { principal, unique_id, policy, .. } => {
                let user = unique_id.unwrap_or(principal.as_str());
                write!(
                    f,
                    "EKS Access Policy: allowed by ClusterRoleBinding \"{principal}+{policy}\" of ClusterRole \"{policy}\" to User \"{user}\""
                )
            }
            Reason::Rbac { binding_kind, binding_namespace, binding, role, subject, .. } => {
                let (kind, role_kind, role) = (binding_kind.as_str(), role.kind.as_str(), &role.name);
                write!(f, "RBAC: allowed by {kind} \"{binding}")?;
                if !binding_namespace.is_empty() {
                    write!(f, "/{binding_namespace}")?;
                }
                write!(f, "\" of {role_kind} \"{role}\" to {subject}")
            }
        }
    }
}

/// `User "jo"`, `ServiceAccount "name/namespace"`: Kubernetes' own form in reasons.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::User(name) => write!(f, "User \"{name}\""),
            Subject::Group(name) => write!(f, "Group \"{name}\""),
            Subject::ServiceAccount { namespace, name } => write!(f, "ServiceAccount \"{name}/{namespace}\""),
        }
    }
}

//! The decision and why.

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

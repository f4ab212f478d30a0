//! The decision and why.

use std::fmt;

use crate::grants::RbacIndex;
use crate::{AccessScope, Binding, PolicyArn, PolicyRule, PrincipalArn, Subject};

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
        /// The binding, and through which subject.
        by: RbacGrant<'s>,
        /// The rule that matched.
        rule: &'s PolicyRule,
    },
}

/// That a binding gives its role to a subject. What was bound is read when it is asked for: a decision
/// does without.
#[derive(Clone, Copy)]
pub struct RbacGrant<'s> {
    pub(crate) index: &'s RbacIndex,
    /// INVARIANT (there): of a grant of `index`.
    pub(crate) number: usize,
}

impl<'s> RbacGrant<'s> {
    /// The binding.
    pub fn binding(self) -> &'s Binding {
        self.source().0
    }

    /// The one of its subjects that the request's user is, or is in.
    pub fn subject(self) -> &'s Subject {
        self.source().1
    }

    #[expect(clippy::expect_used, reason = "INVARIANT (there), INVARIANT (source)")]
    fn source(self) -> (&'s Binding, &'s Subject) {
        self.index.source(self.number).expect("every grant has its source")
    }
}

impl PartialEq for RbacGrant<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

impl fmt::Debug for RbacGrant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (binding, subject) = self.source();
        f.debug_struct("RbacGrant").field("binding", binding).field("subject", subject).finish()
    }
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
            Reason::Rbac { by, .. } => {
                let (binding, subject) = by.source();
                let role = &binding.role;
                write!(f, "RBAC: allowed by {} \"{}", binding.kind().as_str(), binding.name)?;
                if let Some(namespace) = &binding.namespace {
                    write!(f, "/{namespace}")?;
                }
                write!(f, "\" of {} \"{}\" to {subject}", role.kind.as_str(), role.name)
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

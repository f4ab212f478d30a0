//! What gives a right: an access policy in its scope, or a binding of a role.

use std::fmt;
use std::sync::Arc;

use entryway_access::{PolicyArn, PolicyRule, PolicyRules, RoleRef, Snapshot, Subject as RbacSubject};

use super::vocabulary::Powers;
use crate::Place;

/// What gives a right.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Through {
    /// An access policy of the principal's entry.
    Policy {
        /// The policy.
        policy: PolicyArn,
        /// Its scope, as people read it.
        scope: String,
    },
    /// A binding.
    Binding {
        /// Absent for a ClusterRoleBinding.
        namespace: Option<String>,
        /// Its name.
        name: String,
        /// Its role.
        role: RoleRef,
        /// Which of its subjects.
        subject: RbacSubject,
    },
}

impl Through {
    /// The rules of the policy or role.
    pub fn rules<'s>(&self, state: &'s Snapshot) -> &'s [PolicyRule] {
        match self {
            Through::Policy { policy, .. } => policy_rules(state, policy),
            Through::Binding { namespace, role, .. } => {
                state.role_rules(role, namespace.as_deref().unwrap_or_default()).unwrap_or_default()
            }
        }
    }
}

/// `AmazonEKSEditPolicy in payments-*`, `RoleBinding web/deployers of ClusterRole deployer to Group "deployers"`.
impl fmt::Display for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Through::Policy { policy, scope } if scope == "cluster" => write!(f, "{} for the cluster", policy.name()),
            Through::Policy { policy, scope } => write!(f, "{} in {scope}", policy.name()),
            Through::Binding { namespace, name, role, subject } => {
                let of = |role: &RoleRef| format!("of {} {} to {subject}", role.kind.as_str(), role.name);
                match namespace {
                    None => write!(f, "ClusterRoleBinding {name} {}", of(role)),
                    Some(namespace) => write!(f, "RoleBinding {namespace}/{name} {}", of(role)),
                }
            }
        }
    }
}

pub(super) fn policy_rules<'s>(state: &'s Snapshot, policy: &PolicyArn) -> &'s [PolicyRule] {
    match state.catalogue().get(policy).map(|policy| &policy.rules) {
        Some(PolicyRules::Known(rules)) => rules,
        Some(PolicyRules::Unpublished) | None => &[],
    }
}

/// Powers in a place, and what gives them.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) place: Place,
    pub(crate) powers: Powers,
    pub(crate) through: Arc<Through>,
}

//! Who made a cluster, where EKS maps them without a trace: the hidden `system:masters` mapping.

use crate::{Caller, PrincipalArn};

/// The creator of a cluster that was made in mode CONFIG_MAP (`entries.md` §2: EKS user guide, "Grant IAM users
/// access to Kubernetes with a ConfigMap").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapCreator {
    /// Who.
    pub principal: PrincipalArn,
    /// The principal's unique id when the cluster was made, where it is known: one made again under the same ARN
    /// is somebody else.
    pub unique_id: Option<String>,
}

impl BootstrapCreator {
    /// Whether the caller is the one who made the cluster.
    pub fn is(&self, caller: &Caller) -> bool {
        self.principal.same_principal(&caller.principal)
            && self.unique_id.as_ref().is_none_or(|id| *id == caller.unique_id)
    }
}

//! What a model does not hold, and some checks need. Whoever could not read a part says so with `None`: the checks
//! that need it are then left out, and named as such.

use std::collections::{BTreeMap, BTreeSet};

use entryway_access::PrincipalArn;

/// What was found out beside the model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The namespaces that exist, each with whether its Pod Security enforces `baseline` or `restricted`.
    pub namespaces: Option<BTreeMap<String, bool>>,
    /// The service accounts that exist, by namespace and name, each with the ARN of the IAM role that it carries.
    pub service_accounts: Option<BTreeMap<(String, String), Option<String>>>,
    /// What IAM allows the principals that it has.
    pub iam: Option<Vec<IamRights>>,
}

/// What IAM allows a principal that has to do with a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IamRights {
    /// Whom.
    pub principal: PrincipalArn,
    /// `eks:CreateAccessEntry` on the cluster.
    pub creates_entries: bool,
    /// `eks:AssociateAccessPolicy` on entries of the cluster.
    pub associates_policies: bool,
    /// `eks:UpdateClusterConfig` on the cluster.
    pub changes_mode: bool,
    /// `iam:PassRole` on some role.
    pub passes_roles: bool,
    /// The roles that it may assume, by its own policies and their trust policies.
    pub assumes: BTreeSet<PrincipalArn>,
}

impl IamRights {
    /// Whether it may give itself any access policy. `has_entry`: whether it has an entry already.
    pub fn makes_itself_administrator(&self, has_entry: bool) -> bool {
        self.associates_policies && (self.creates_entries || has_entry)
    }
}

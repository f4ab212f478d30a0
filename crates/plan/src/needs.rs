//! What of the world has to be read for what files declare.

use std::collections::BTreeSet;

use entryway_access::{AccountId, PrincipalArn};
use entryway_formats::{ClusterSelector, Declared, PolicyRef, PrincipalRef};

/// What to read. Accounts that are absent are the cluster's own.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// The clusters, as declared; those by tags need all clusters of their region and account described.
    pub clusters: Vec<ClusterSelector>,
    /// Accounts whose SSO roles are wanted (`iam:ListRoles` under `/aws-reserved/sso.amazonaws.com/`).
    pub sso_accounts: BTreeSet<Option<AccountId>>,
    /// IAM groups whose users are wanted.
    pub iam_groups: BTreeSet<(Option<AccountId>, String)>,
    /// Principals of which existence, unique id and age are worth knowing (`iam:GetRole`, `iam:GetUser`).
    pub principals: BTreeSet<PrincipalArn>,
    /// Whether RBAC has to be read, not only for the comparison: own policies are made of it on EKS.
    pub rbac: bool,
}

/// What declarations need.
pub fn needs(declared: &Declared) -> Needs {
    let mut needs = Needs::default();
    let mut note = |principal: &PrincipalRef| match principal {
        PrincipalRef::Arn(arn) => {
            needs.principals.insert(arn.clone());
        }
        PrincipalRef::SsoPermissionSet { account, .. } => {
            needs.sso_accounts.insert(account.clone());
        }
        PrincipalRef::IamGroup { name, account } => {
            needs.iam_groups.insert((account.clone(), name.clone()));
        }
        // Its account is known with the cluster.
        PrincipalRef::InAccount(_) | PrincipalRef::Unknown { .. } => {}
    };
    for cluster in &declared.clusters {
        cluster.entries.iter().for_each(|entry| note(&entry.principal.value));
    }
    declared.protected.iter().for_each(|principal| note(&principal.value));
    let policies = declared.clusters.iter().flat_map(|cluster| &cluster.entries).flat_map(|entry| &entry.policies);
    needs.rbac = policies.into_iter().any(|policy| matches!(policy.policy.value, PolicyRef::Own(_)));
    needs.clusters = declared.clusters.iter().map(|cluster| cluster.selector.value.clone()).collect();
    needs
}

//! A cluster as files alone tell it: for a migration or a question without a cluster at hand.

use std::collections::BTreeMap;

use entryway_access::{AccessEntry, AuthenticationMode, ClusterArn, PolicyCatalogue};
use entryway_formats::{DeclaredCluster, DeclaredEntry, PolicyRef, PrincipalRef};

use crate::{ActualAssociation, ActualCluster, ActualEntry, ControlPlane, Readable};

impl ActualCluster {
    /// The cluster that a file describes. The mode is the declared one, else CONFIG_MAP where the file has an
    /// aws-auth and no entries (EKS's own default), else API_AND_CONFIG_MAP. What the file does not hold
    /// (RBAC, aws-auth) counts as unread. Entries whose principal or policy the text does not name are left out.
    pub fn from_declared(declared: &DeclaredCluster, arn: ClusterArn, catalogue: PolicyCatalogue) -> ActualCluster {
        let guessed = match declared.aws_auth.is_some() && declared.entries.is_empty() {
            true => AuthenticationMode::ConfigMap,
            false => AuthenticationMode::ApiAndConfigMap,
        };
        let rbac = &declared.rbac;
        let has_rbac = !rbac.roles.is_empty() || !rbac.bindings.is_empty();
        let absent = |what: &str| format!("the file has no {what}");
        ActualCluster {
            control_plane: ControlPlane::Eks,
            tags: BTreeMap::new(),
            mode: declared.mode.as_ref().map_or(guessed, |mode| mode.value),
            created_at: None,
            entries: declared.entries.iter().filter_map(|entry| read_entry(entry, &arn)).collect(),
            aws_auth: match &declared.aws_auth {
                Some(aws_auth) => Readable::Read(aws_auth.map.clone()),
                None => Readable::Unreadable(absent("aws-auth")),
            },
            rbac: match has_rbac {
                true => Readable::Read(rbac.clone()),
                false => Readable::Unreadable(absent("RBAC objects")),
            },
            namespaces: Readable::Unreadable(absent("namespaces")),
            own_policies: BTreeMap::new(),
            catalogue,
            caller: None,
            bootstrap_creator: None,
            arn,
        }
    }
}

fn read_entry(declared: &DeclaredEntry, cluster: &ClusterArn) -> Option<ActualEntry> {
    let principal = match &declared.principal.value {
        PrincipalRef::Arn(principal) => principal.clone(),
        PrincipalRef::InAccount(kind) => {
            entryway_access::PrincipalArn::new(cluster.partition, cluster.account.clone(), kind.clone()).ok()?
        }
        PrincipalRef::SsoPermissionSet { .. } | PrincipalRef::IamGroup { .. } | PrincipalRef::Unknown { .. } => {
            return None;
        }
    };
    let kind = declared.kind.value;
    let groups: Vec<String> = declared.groups.iter().flatten().map(|group| group.value.clone()).collect();
    let username = declared.username.as_ref().map(|username| username.value.as_str());
    let entry = AccessEntry::new(principal, kind, username, Some(&groups), &cluster.account).ok()?;
    let policies = declared.policies.iter().filter_map(|policy| match &policy.policy.value {
        PolicyRef::Arn(arn) => Some(ActualAssociation { policy: arn.clone(), scope: policy.scope.value.clone() }),
        PolicyRef::Own(_) | PolicyRef::Unknown { .. } => None,
    });
    Some(ActualEntry {
        principal: entry.principal,
        entry_arn: String::new(),
        kind,
        username: entry.username.as_str().to_owned(),
        groups: entry.groups,
        tags: declared.tags.clone(),
        created_at: None,
        unique_id: None,
        policies: policies.collect(),
    })
}

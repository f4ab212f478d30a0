//! Entries that EKS makes itself: recognised, and never touched unless a file names them.

use std::fmt;

use entryway_access::{AccessScope, EntryType};
use serde::{Deserialize, Serialize};

use crate::{ActualCluster, ActualEntry};

/// Who made an entry, where it was not a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Made {
    /// For a service-linked role; nobody else may change it.
    ForServiceLinkedRole,
    /// For a node group, a Fargate profile or other nodes.
    ForNodes,
    /// For whoever made the cluster, when it was made.
    ForCreator,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Made::ForServiceLinkedRole => "EKS made it for a service-linked role",
            Made::ForNodes => "it is for nodes",
            Made::ForCreator => "EKS made it for the creator of the cluster",
        })
    }
}

/// How long after a cluster its creator's entry may be made.
const CREATOR_SECONDS: i64 = 60;

impl Made {
    /// What EKS made it for, as far as can be told. An entry that is managed from files is nobody's but theirs.
    pub fn by_eks(entry: &ActualEntry, cluster: &ActualCluster) -> Option<Made> {
        if entry.principal.is_service_linked() || entry.principal.name().starts_with("AWSServiceRoleFor") {
            return Some(Made::ForServiceLinkedRole);
        }
        if entry.is_managed() {
            return None;
        }
        match entry.kind {
            EntryType::Standard => is_creators(entry, cluster).then_some(Made::ForCreator),
            EntryType::Ec2Linux
            | EntryType::Ec2Windows
            | EntryType::Ec2
            | EntryType::FargateLinux
            | EntryType::HybridLinux
            | EntryType::HyperpodLinux => Some(Made::ForNodes),
        }
    }
}

/// Cluster administration and nothing else, untagged, as old as the cluster.
fn is_creators(entry: &ActualEntry, cluster: &ActualCluster) -> bool {
    let (Some(cluster_made), Some(entry_made)) = (cluster.created_at, entry.created_at) else { return false };
    let seconds = entry_made.as_second() - cluster_made.as_second();
    let only_admin = match entry.policies.as_slice() {
        [one] => one.policy.name().as_str() == "AmazonEKSClusterAdminPolicy" && one.scope == AccessScope::Cluster,
        _ => false,
    };
    (0..=CREATOR_SECONDS).contains(&seconds) && only_admin && entry.groups.is_empty() && entry.tags.is_empty()
}

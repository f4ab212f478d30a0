//! What each cluster is to be: declarations resolved against the world.

use std::collections::BTreeMap;

use entryway_access::{Association, AuthenticationMode, ClusterArn, EntryType, PolicyName, PolicyRule, PrincipalArn};
use entryway_formats::Place;
use serde_json::Value;

/// All clusters that files are about.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// In the order of the files.
    pub clusters: Vec<DesiredCluster>,
    /// Principals that must keep what they have.
    pub protected: Vec<PrincipalArn>,
}

/// One cluster.
#[derive(Debug, Clone)]
pub struct DesiredCluster {
    /// Which.
    pub arn: ClusterArn,
    /// The mode; left as it is where absent.
    pub mode: Option<AuthenticationMode>,
    /// Its entries, one a principal, sorted by ARN.
    pub entries: Vec<DesiredEntry>,
    /// RBAC objects that stand for own policies on EKS, as Kubernetes has them.
    pub objects: Vec<Value>,
    /// Own policies on Entryway's control plane.
    pub policies: BTreeMap<PolicyName, Vec<PolicyRule>>,
    /// What has ended and is therefore left out, in words.
    pub ended: Vec<String>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredEntry {
    /// What the file calls it.
    pub label: String,
    /// Whose.
    pub principal: PrincipalArn,
    /// What it was resolved from, where the file does not name the ARN: `SSO permission set Admins`.
    pub resolved_from: Option<String>,
    /// Its type.
    pub kind: EntryType,
    /// Its username: one's own, or EKS's default.
    pub username: String,
    /// The groups that the file names; absent where it says nothing of them: those there are stay.
    pub groups: Option<Vec<String>>,
    /// The groups that stand for own policies on EKS.
    pub own_groups: Vec<String>,
    /// Tags that must be there, Entryway's own among them.
    pub tags: BTreeMap<String, String>,
    /// Policies, one each, sorted.
    pub policies: Vec<Association>,
    /// Where it stands.
    pub place: Option<Place>,
}

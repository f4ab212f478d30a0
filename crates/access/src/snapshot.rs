//! What is in force on one cluster, compiled per subject.

use jiff::Timestamp;
use std::sync::Arc;

use crate::{
    AccessEntry, AuthenticationMode, AwsAuth, Caller, Decision, Identity, PolicyCatalogue, PolicyRule, PrincipalArn,
    RbacObjects, Request, UserInfo,
};

/// All that decides on one cluster, as values.
#[derive(Debug, Clone)]
pub struct ClusterModel {
    /// The mode.
    pub mode: AuthenticationMode,
    /// Its access entries.
    pub entries: Vec<Arc<AccessEntry>>,
    /// Its aws-auth.
    pub aws_auth: AwsAuth,
    /// Its RBAC objects.
    pub rbac: RbacObjects,
    /// The policies that exist.
    pub catalogue: PolicyCatalogue,
    /// The creator's hidden `system:masters` mapping (clusters made in CONFIG_MAP mode).
    pub bootstrap_creator: Option<PrincipalArn>,
}

/// A compiled [`ClusterModel`]: immutable, shared without locks. Compiling is linear in the model; the
/// parts (`with_entries`, `with_rbac`) can be replaced alone.
#[derive(Debug, Clone)]
pub struct Snapshot {
    model: Arc<ClusterModel>,
}

impl Snapshot {
    /// Compiles everything.
    pub fn compile(model: ClusterModel) -> Snapshot {
        let _ = model;
        todo!()
    }

    /// What it was made of.
    pub fn model(&self) -> &ClusterModel {
        &self.model
    }

    /// Who a caller is here; `None` where nothing maps it (401, not 403). `now` decides whether an entry
    /// has ended.
    pub fn identity(&self, caller: &Caller, ec2_private_dns_name: Option<&str>, now: Timestamp) -> Option<Identity> {
        let _ = (caller, ec2_private_dns_name, now);
        todo!()
    }

    /// Whether the request is allowed: `system:masters`, then the policies of the caller's entry, then
    /// RBAC. Costs what the subject's own grants cost; allocates nothing.
    pub fn decide(&self, request: &Request<'_>, now: Timestamp) -> Decision<'_> {
        let _ = (request, now);
        todo!()
    }

    /// Like `decide`, RBAC alone (what an impersonated user has, what escalation is checked against).
    pub fn decide_rbac(&self, request: &Request<'_>) -> Decision<'_> {
        let _ = request;
        todo!()
    }

    /// The RBAC rules that hold for a user in a namespace (`""`: cluster-wide ones alone), each once, in
    /// a fixed order: for SelfSubjectRulesReview and the escalation check.
    pub fn rules_for<'s>(&'s self, user: &UserInfo, namespace: &str) -> Vec<&'s PolicyRule> {
        let _ = (user, namespace);
        todo!()
    }

    /// The rules of a role with aggregation resolved; `None` where it does not exist. `namespace` is the
    /// binding's, for a Role.
    pub fn role_rules(&self, role: &crate::RoleRef, namespace: &str) -> Option<&[PolicyRule]> {
        let _ = (role, namespace);
        todo!()
    }
}

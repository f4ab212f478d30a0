//! What there is, as plain values: whoever read it (`live`, a test) fills these in.

use std::collections::BTreeMap;
use std::sync::Arc;

use entryway_access::{
    AccessEntry, AccessPolicy, AccessScope, AccountId, Association, AuthenticationMode, AwsAuth, BootstrapCreator,
    ClusterArn, ClusterModel, ClusterName, EXPIRES_AT, EntryType, PolicyArn, PolicyCatalogue, PolicyName, PolicyRule,
    PolicyRules, PrincipalArn, RbacObjects, Region, Template, end_of, expires_key,
};
use entryway_analysis::KnownPrincipals;
use jiff::Timestamp;

use crate::tags::{MANAGED_BY, MIGRATED_FROM};

/// Something that may or may not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readable<T> {
    /// It was read.
    Read(T),
    /// It could not be, for this reason (or nobody tried).
    Unreadable(String),
}

impl<T> Readable<T> {
    /// What was read.
    pub fn get(&self) -> Option<&T> {
        match self {
            Readable::Read(value) => Some(value),
            Readable::Unreadable(_) => None,
        }
    }
}

/// All that was read.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The clusters that could be read.
    pub clusters: Vec<ActualCluster>,
    /// Those that could not: they are named, and the rest is planned.
    pub failed: Vec<FailedCluster>,
    /// The caller's account, for what names none.
    pub account: Option<AccountId>,
    /// The caller's region, for what names none.
    pub region: Option<Region>,
    /// The roles of accounts, with their paths: for permission sets.
    pub roles: BTreeMap<AccountId, Readable<Vec<PrincipalArn>>>,
    /// The users of IAM groups, by account and group.
    pub group_members: BTreeMap<(AccountId, String), Readable<Vec<PrincipalArn>>>,
    /// What IAM says of principals.
    pub known: KnownPrincipals,
}

/// A cluster that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedCluster {
    /// Its name.
    pub name: ClusterName,
    /// Its region, where known.
    pub region: Option<Region>,
    /// Its account, where known.
    pub account: Option<AccountId>,
    /// What went wrong.
    pub message: String,
}

/// Whose control plane a cluster is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlPlane {
    /// Amazon's: no policies of one's own, tags of ends mean nothing to it.
    Eks,
    /// Entryway's: has both.
    Entryway,
}

/// A cluster as it is.
#[derive(Debug, Clone)]
pub struct ActualCluster {
    /// Which.
    pub arn: ClusterArn,
    /// On what.
    pub control_plane: ControlPlane,
    /// Its tags, for selectors.
    pub tags: BTreeMap<String, String>,
    /// Its mode.
    pub mode: AuthenticationMode,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// Its entries; none in CONFIG_MAP mode, where nobody can read them.
    pub entries: Vec<ActualEntry>,
    /// Its aws-auth (an empty one where the ConfigMap is not there).
    pub aws_auth: Readable<AwsAuth>,
    /// Its RBAC objects.
    pub rbac: Readable<RbacObjects>,
    /// The names of its namespaces.
    pub namespaces: Readable<Vec<String>>,
    /// Users' own policies of its account and region; none on EKS.
    pub own_policies: BTreeMap<PolicyName, Vec<PolicyRule>>,
    /// AWS's policies.
    pub catalogue: PolicyCatalogue,
    /// Who asks, where known.
    pub caller: Option<PrincipalArn>,
    /// The creator's hidden mapping in CONFIG_MAP mode, where known (EKS does not tell).
    pub bootstrap_creator: Option<BootstrapCreator>,
}

/// An access entry as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActualEntry {
    /// Whose.
    pub principal: PrincipalArn,
    /// `accessEntryArn`: what its tags are set on.
    pub entry_arn: String,
    /// Its type.
    pub kind: EntryType,
    /// Its username, as a template.
    pub username: String,
    /// Its groups.
    pub groups: Vec<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// The unique id of the principal that it was made for (Entryway tells, EKS does not).
    pub unique_id: Option<String>,
    /// Its policies.
    pub policies: Vec<ActualAssociation>,
}

/// A policy of an entry as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActualAssociation {
    /// The policy.
    pub policy: PolicyArn,
    /// Where.
    pub scope: AccessScope,
}

impl ActualEntry {
    /// Whether it is managed from files.
    pub fn is_managed(&self) -> bool {
        self.tags.contains_key(MANAGED_BY)
    }

    /// Whether a migration made it of a line of aws-auth.
    pub fn is_migrated(&self) -> bool {
        self.tags.contains_key(MIGRATED_FROM)
    }

    /// As the core knows it. `ends_count` is whether the control plane honours the tags that say when.
    pub(crate) fn access_entry(&self, ends_count: bool) -> AccessEntry {
        let end = |key: &str| end_of(&self.tags, key).filter(|_| ends_count);
        let association = |actual: &ActualAssociation| Association {
            policy: actual.policy.clone(),
            scope: actual.scope.clone(),
            expires: end(&expires_key(actual.policy.name())),
        };
        AccessEntry {
            principal: self.principal.clone(),
            unique_id: self.unique_id.clone(),
            kind: self.kind,
            username: Template::new(self.username.as_str()),
            groups: self.groups.clone(),
            policies: self.policies.iter().map(association).collect(),
            expires: end(EXPIRES_AT),
        }
    }
}

impl ActualCluster {
    /// The entry of a principal, by its whole ARN.
    pub fn entry(&self, principal: &PrincipalArn) -> Option<&ActualEntry> {
        self.entries.iter().find(|entry| entry.principal == *principal)
    }

    /// The ARN of a user's own policy on this cluster's control plane.
    pub fn own_policy_arn(&self, name: &PolicyName) -> PolicyArn {
        PolicyArn::Own {
            partition: self.arn.partition,
            region: self.arn.region.clone(),
            account: self.arn.account.clone(),
            name: name.clone(),
        }
    }

    /// All that decides on it, for the core. What could not be read is taken as empty: [`ActualCluster::blind_spots`]
    /// names it.
    pub fn model(&self) -> ClusterModel {
        let ends_count = self.control_plane == ControlPlane::Entryway;
        let own = self.own_policies.iter().map(|(name, rules)| {
            let policy = AccessPolicy {
                name: name.clone(),
                rules: PolicyRules::Known(rules.clone().into()),
                service_linked_only: false,
                source: "own policy".to_owned(),
            };
            (self.own_policy_arn(name), policy)
        });
        ClusterModel {
            mode: self.mode,
            entries: self.entries.iter().map(|entry| Arc::new(entry.access_entry(ends_count))).collect(),
            aws_auth: self.aws_auth.get().cloned().unwrap_or_default(),
            rbac: self.rbac.get().cloned().unwrap_or_default(),
            catalogue: self.catalogue.with_own(own.collect()),
            bootstrap_creator: self.bootstrap_creator.clone(),
        }
    }

    /// What of the cluster could not be read and makes an answer about it incomplete.
    pub fn blind_spots(&self) -> Vec<String> {
        let mut spots = Vec::new();
        if let Readable::Unreadable(why) = &self.rbac {
            spots
                .push(format!("RBAC could not be read ({why}): what groups and usernames may do is not in the answer"));
        }
        if self.mode.has_config_map()
            && let Readable::Unreadable(why) = &self.aws_auth
        {
            spots.push(format!("aws-auth could not be read ({why}): whom it maps is not in the answer"));
        }
        spots
    }
}

//! Access policies and the catalogue of them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::{AccountId, ArnError, Partition, PolicyRule, Region};

/// The name of an access policy, such as `AmazonEKSViewPolicy`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyName(String);

impl PolicyName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PolicyName {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Self, ArnError> {
        let _ = text;
        todo!()
    }
}

/// An access policy's ARN: AWS's own (`arn:P:eks::aws:cluster-access-policy/NAME`) or a user's
/// (`arn:P:eks:REGION:ACCOUNT:cluster-access-policy/NAME`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyArn {
    /// AWS's.
    Aws {
        /// The partition.
        partition: Partition,
        /// The name.
        name: PolicyName,
    },
    /// One's own (Entryway's control plane only).
    Own {
        /// The partition.
        partition: Partition,
        /// The region.
        region: Region,
        /// The account.
        account: AccountId,
        /// The name.
        name: PolicyName,
    },
}

impl PolicyArn {
    /// The policy's name.
    pub fn name(&self) -> &PolicyName {
        match self {
            PolicyArn::Aws { name, .. } | PolicyArn::Own { name, .. } => name,
        }
    }
    /// The partition.
    pub fn partition(&self) -> Partition {
        match self {
            PolicyArn::Aws { partition, .. } | PolicyArn::Own { partition, .. } => *partition,
        }
    }
}

impl fmt::Display for PolicyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = f;
        todo!()
    }
}

impl FromStr for PolicyArn {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Self, ArnError> {
        let _ = text;
        todo!()
    }
}

/// What a policy grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyRules {
    /// These rules.
    Known(Arc<[PolicyRule]>),
    /// AWS has not published them: the policy may be associated and grants nothing here.
    Unpublished,
}

/// An access policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPolicy {
    /// Its name.
    pub name: PolicyName,
    /// What it grants.
    pub rules: PolicyRules,
    /// Only for service-linked roles: associating it is refused.
    pub service_linked_only: bool,
    /// Where the rules are from, one line for people.
    pub source: String,
}

/// The policies that exist: AWS's by name (for every partition), and users' own by ARN.
/// Cheap to clone (shared inside).
#[derive(Debug, Clone, Default)]
pub struct PolicyCatalogue {
    aws: Arc<BTreeMap<PolicyName, AccessPolicy>>,
    own: Arc<BTreeMap<PolicyArn, AccessPolicy>>,
}

impl PolicyCatalogue {
    /// AWS's policies as published (`data/policies.json`), parsed once for the process.
    pub fn builtin() -> PolicyCatalogue {
        todo!()
    }
    /// Reads a catalogue in the form of `data/policies.json`.
    pub fn from_json(text: &str) -> Result<PolicyCatalogue, String> {
        let _ = text;
        todo!()
    }
    /// The same, with users' own policies in place of those it had.
    #[must_use]
    pub fn with_own(&self, own: BTreeMap<PolicyArn, AccessPolicy>) -> PolicyCatalogue {
        let _ = own;
        todo!()
    }
    /// The policy of that ARN.
    pub fn get(&self, arn: &PolicyArn) -> Option<&AccessPolicy> {
        let _ = (arn, &self.own);
        todo!()
    }
    /// AWS's policies by name.
    pub fn aws(&self) -> impl Iterator<Item = &AccessPolicy> {
        self.aws.values()
    }
    /// Users' own, by ARN.
    pub fn own(&self) -> impl Iterator<Item = (&PolicyArn, &AccessPolicy)> {
        self.own.iter()
    }
    /// What a person may write for a policy: its ARN, its name, or the name's middle (`ClusterAdmin` for
    /// `AmazonEKSClusterAdminPolicy`), without regard to case. `Err` lists the nearest names.
    pub fn resolve(&self, text: &str, partition: Partition) -> Result<PolicyArn, String> {
        let _ = (text, partition);
        todo!()
    }
}

//! Access entries: the mapping of an IAM principal to a Kubernetes identity and access policies.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::{AccessScope, PolicyArn, PrincipalArn, Template};

/// The type of an entry (`entries.md` §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum EntryType {
    Standard,
    Ec2Linux,
    Ec2Windows,
    Ec2,
    FargateLinux,
    HybridLinux,
    HyperpodLinux,
}

impl EntryType {
    /// All of them, in the order of EKS's messages.
    pub const ALL: [EntryType; 7] = [
        EntryType::Standard,
        EntryType::Ec2Linux,
        EntryType::Ec2Windows,
        EntryType::Ec2,
        EntryType::FargateLinux,
        EntryType::HybridLinux,
        EntryType::HyperpodLinux,
    ];
    /// `STANDARD`, `EC2_LINUX`, …
    pub fn as_str(self) -> &'static str {
        todo!()
    }
    /// STANDARD and EC2 take policies.
    pub fn takes_policies(self) -> bool {
        todo!()
    }
    /// Only STANDARD takes groups and a username of one's own.
    pub fn takes_groups_and_username(self) -> bool {
        self == EntryType::Standard
    }
}

impl fmt::Display for EntryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EntryType {
    type Err = EntryError;
    fn from_str(text: &str) -> Result<Self, EntryError> {
        let _ = text;
        todo!()
    }
}

/// Why an entry can't be. `Display` is EKS's own text (`entries.md` §3) wherever EKS has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum EntryError {
    #[error(
        "AccessEntry type must be one of [STANDARD, EC2_LINUX, EC2_WINDOWS, EC2, FARGATE_LINUX, HYBRID_LINUX, HYPERPOD_LINUX]"
    )]
    UnknownType,
}

/// A group of an entry: no reserved prefix, not empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupName(String);

impl GroupName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GroupName {
    type Err = EntryError;
    fn from_str(text: &str) -> Result<Self, EntryError> {
        let _ = text;
        todo!()
    }
}

/// A username of an entry as written by its owner: no reserved prefix, a `:` before `{{SessionName}}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Username(Template);

impl Username {
    /// As written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
    /// Its template.
    pub fn template(&self) -> &Template {
        &self.0
    }
}

impl FromStr for Username {
    type Err = EntryError;
    fn from_str(text: &str) -> Result<Self, EntryError> {
        let _ = text;
        todo!()
    }
}

/// A policy of an entry, and where it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Association {
    /// The policy.
    pub policy: PolicyArn,
    /// Where.
    pub scope: AccessScope,
    /// From then on it grants nothing (tag `entryway:expires/<policy name>`).
    pub expires: Option<Timestamp>,
}

/// An access entry as the core knows it. Dates, tags and ids for show are the server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessEntry {
    /// Whose it is.
    pub principal: PrincipalArn,
    /// The principal's unique id (`AROA…`, `AIDA…`) when the entry was made, where it is known: a
    /// principal made again under the same ARN has another, and no longer matches.
    pub unique_id: Option<String>,
    /// Its type.
    pub kind: EntryType,
    /// The username in the cluster; EKS's default for the type and principal is [`AccessEntry::default_username`].
    pub username: Template,
    /// Groups in the cluster, as given for STANDARD, EKS's own for node types.
    pub groups: Vec<String>,
    /// Policies, one each.
    pub policies: Vec<Association>,
    /// From then on the entry maps nobody (tag `entryway:expires-at`).
    pub expires: Option<Timestamp>,
}

impl AccessEntry {
    /// Builds a checked entry from what a caller of the API gave: form of the principal (not an STS
    /// session, not service-linked), type against principal, groups and username against type, reserved
    /// prefixes; fills in EKS's default username and groups. `cluster_account` is the cluster's own.
    pub fn new(
        principal: PrincipalArn,
        kind: EntryType,
        username: Option<&str>,
        groups: Option<&[String]>,
        cluster_account: &crate::AccountId,
    ) -> Result<AccessEntry, EntryError> {
        let _ = (principal, kind, username, groups, cluster_account);
        todo!()
    }
    /// EKS's username for a principal and type when none is given.
    pub fn default_username(principal: &PrincipalArn, kind: EntryType) -> Template {
        let _ = (principal, kind);
        todo!()
    }
    /// EKS's groups for a type.
    pub fn default_groups(kind: EntryType) -> &'static [&'static str] {
        let _ = kind;
        todo!()
    }
}

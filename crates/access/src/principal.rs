//! IAM principals, as access entries and aws-auth lines name them.

use std::fmt;
use std::str::FromStr;

use crate::{AccountId, ArnError, Partition};

/// What kind of principal an ARN names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalKind {
    /// `role/[path/]name`. The path is `/` or `/a/b/`.
    Role {
        /// `/` or `/team/x/`.
        path: String,
        /// The name, unique in its account whatever the path.
        name: String,
    },
    /// `user/[path/]name`.
    User {
        /// `/` or `/team/x/`.
        path: String,
        /// The name.
        name: String,
    },
    /// The root user of the account (`root`).
    Root,
    /// `arn:P:sts::A:federated-user/NAME`: never in an entry, only in aws-auth and from STS.
    FederatedUser {
        /// The name.
        name: String,
    },
}

/// The canonical ARN of a principal: an IAM role, user or root, or a federated user. Never a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PrincipalArn {
    partition: Partition,
    account: AccountId,
    kind: PrincipalKind,
    text: String,
}

impl PrincipalArn {
    /// Puts one together from checked parts; `Err` where a name or path breaks IAM's rules.
    pub fn new(partition: Partition, account: AccountId, kind: PrincipalKind) -> Result<Self, ArnError> {
        let _ = (partition, account, kind);
        todo!()
    }
    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// The partition.
    pub fn partition(&self) -> Partition {
        self.partition
    }
    /// The account.
    pub fn account(&self) -> &AccountId {
        &self.account
    }
    /// What it is.
    pub fn kind(&self) -> &PrincipalKind {
        &self.kind
    }
    /// Role or user name; `root` for the root user.
    pub fn name(&self) -> &str {
        todo!()
    }
    /// True for a role under `/aws-service-role/`.
    pub fn is_service_linked(&self) -> bool {
        todo!()
    }
    /// The ARN without the path of role or user, as STS and aws-auth have it.
    pub fn without_path(&self) -> PrincipalArn {
        todo!()
    }
    /// Whether an entry for `self` matches the principal `other` that STS named: the same partition,
    /// account, kind and name, whatever the path (STS never tells a role's path).
    pub fn same_principal(&self, other: &PrincipalArn) -> bool {
        let _ = other;
        todo!()
    }
}

impl fmt::Display for PrincipalArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for PrincipalArn {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Self, ArnError> {
        let _ = text;
        todo!()
    }
}

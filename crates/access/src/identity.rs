//! From what STS says of a caller to who it is in a cluster.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::PrincipalArn;

/// Why an STS answer names no principal (`authn.md` §3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CallerError(pub String);

/// An authenticated AWS caller: what `GetCallerIdentity` answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The canonical principal: the role behind an assumed-role session, else itself. A role known from
    /// STS alone has no path.
    pub principal: PrincipalArn,
    /// The ARN as STS gave it (`…:assumed-role/Dev/jo`).
    pub arn: String,
    /// `AROA…`, `AIDA…`, the account for root, `A:NAME` for a federated user.
    pub unique_id: String,
    /// The session's name; empty for users.
    pub session_name: String,
    /// The access key the request was signed with; may be empty.
    pub access_key_id: String,
}

impl Caller {
    /// From the members of a GetCallerIdentity answer and the token's access key id.
    pub fn from_sts(account: &str, arn: &str, user_id: &str, access_key_id: &str) -> Result<Caller, CallerError> {
        let _ = (account, arn, user_id, access_key_id);
        todo!()
    }
}

/// Kubernetes' `UserInfo`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserInfo {
    /// The username.
    pub username: String,
    /// The uid; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Further attributes, keys with their case.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Vec<String>>,
}

/// What mapped a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySource {
    /// The access entry of this principal (its ARN with path).
    Entry(PrincipalArn),
    /// A line of `mapRoles` or `mapUsers`, by its place in [`crate::AwsAuth`].
    AwsAuthLine {
        /// `mapRoles` or `mapUsers`.
        key: &'static str,
        /// Index in the list.
        index: usize,
    },
    /// `mapAccounts`.
    AwsAuthAccount,
    /// The hidden `system:masters` mapping of the creator of a CONFIG_MAP cluster.
    BootstrapCreator,
}

/// A caller's identity in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// As the authentication webhook answers it (`authn.md` §6), without `system:authenticated`, which
    /// the API server adds.
    pub user: UserInfo,
    /// What mapped it.
    pub source: IdentitySource,
}

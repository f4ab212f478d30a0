//! Clusters: names, ARNs, authentication modes.

use std::fmt;
use std::str::FromStr;

use crate::{AccountId, ArnError, Partition, Region};

/// `^[0-9A-Za-z][A-Za-z0-9_-]*$`, 1 to 100 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterName(String);

impl ClusterName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ClusterName {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Self, ArnError> {
        let _ = text;
        todo!()
    }
}

/// `arn:P:eks:REGION:ACCOUNT:cluster/NAME`: what identifies a cluster everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterArn {
    /// The partition.
    pub partition: Partition,
    /// The region.
    pub region: Region,
    /// The account.
    pub account: AccountId,
    /// The cluster's name.
    pub name: ClusterName,
}

impl fmt::Display for ClusterArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:{}:eks:{}:{}:cluster/{}", self.partition, self.region, self.account, self.name)
    }
}

impl FromStr for ClusterArn {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Self, ArnError> {
        let _ = text;
        todo!()
    }
}

/// Where a cluster takes its mappings from (`authn.md` §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AuthenticationMode {
    /// The aws-auth ConfigMap alone.
    ConfigMap,
    /// Entries first, then aws-auth.
    ApiAndConfigMap,
    /// Entries alone.
    Api,
}

/// A step that EKS does not take: back, two at once, or to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Unsupported authentication mode update from {from} to {to}")]
pub struct ModeStepError {
    /// The mode now.
    pub from: AuthenticationMode,
    /// The mode asked for.
    pub to: AuthenticationMode,
}

impl AuthenticationMode {
    /// `CONFIG_MAP`, `API_AND_CONFIG_MAP` or `API`.
    pub fn as_str(self) -> &'static str {
        match self {
            AuthenticationMode::ConfigMap => "CONFIG_MAP",
            AuthenticationMode::ApiAndConfigMap => "API_AND_CONFIG_MAP",
            AuthenticationMode::Api => "API",
        }
    }
    /// Whether access entries are in force.
    pub fn has_api(self) -> bool {
        !matches!(self, AuthenticationMode::ConfigMap)
    }
    /// Whether aws-auth is in force.
    pub fn has_config_map(self) -> bool {
        !matches!(self, AuthenticationMode::Api)
    }
    /// The one-way step to `to`.
    pub fn step(self, to: AuthenticationMode) -> Result<AuthenticationMode, ModeStepError> {
        let _ = to;
        todo!()
    }
}

impl fmt::Display for AuthenticationMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AuthenticationMode {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Self, ArnError> {
        let _ = text;
        todo!()
    }
}

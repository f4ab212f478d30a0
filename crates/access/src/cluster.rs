//! Clusters: names, ARNs, authentication modes.

use std::fmt;
use std::str::FromStr;

use crate::{AccountId, Arn, ArnError, Partition, Region};

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
        let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        let all = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if first && all && text.len() <= 100 {
            Ok(ClusterName(text.to_owned()))
        } else {
            let rule = "must be 1 to 100 letters, digits, `-` and `_`, beginning with a letter or digit";
            Err(ArnError::new("cluster name", text, rule))
        }
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
        let arn: Arn = text.parse()?;
        let name = arn.resource().strip_prefix("cluster/").filter(|_| arn.service() == "eks");
        let form = "must have the form arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME";
        let name = name.ok_or_else(|| ArnError::new("cluster ARN", text, form))?;
        Ok(ClusterArn {
            partition: arn.partition().parse()?,
            region: arn.region().parse()?,
            account: arn.account().parse()?,
            name: name.parse()?,
        })
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
    /// All of them, in the order of their steps.
    pub const ALL: [AuthenticationMode; 3] =
        [AuthenticationMode::ConfigMap, AuthenticationMode::ApiAndConfigMap, AuthenticationMode::Api];

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
        use AuthenticationMode::{Api, ApiAndConfigMap, ConfigMap};
        match (self, to) {
            (ConfigMap, ApiAndConfigMap) | (ApiAndConfigMap, Api) => Ok(to),
            (ConfigMap, ConfigMap | Api)
            | (ApiAndConfigMap, ConfigMap | ApiAndConfigMap)
            | (Api, ConfigMap | ApiAndConfigMap | Api) => Err(ModeStepError { from: self, to }),
        }
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
        AuthenticationMode::ALL.into_iter().find(|mode| mode.as_str() == text).ok_or_else(|| {
            ArnError::new("authentication mode", text, "must be one of CONFIG_MAP, API_AND_CONFIG_MAP, API")
        })
    }
}

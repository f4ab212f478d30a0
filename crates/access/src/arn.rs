//! Amazon Resource Names and their parts.

use std::fmt;
use std::str::FromStr;

/// Why a text is no ARN (or part of one). The message names the value and the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a valid {what}: {rule}")]
pub struct ArnError {
    /// What was expected: `ARN`, `account id`, `IAM principal ARN` …
    pub what: &'static str,
    /// The text.
    pub value: String,
    /// The rule that it broke.
    pub rule: String,
}

/// An AWS partition that Entryway knows (`authn.md` lists their STS domains).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Partition {
    Aws,
    AwsCn,
    AwsUsGov,
    AwsIso,
    AwsIsoB,
    AwsIsoE,
    AwsIsoF,
    AwsEusc,
}

impl Partition {
    /// All of them.
    pub const ALL: [Partition; 8] = [
        Partition::Aws,
        Partition::AwsCn,
        Partition::AwsUsGov,
        Partition::AwsIso,
        Partition::AwsIsoB,
        Partition::AwsIsoE,
        Partition::AwsIsoF,
        Partition::AwsEusc,
    ];

    /// As written in ARNs: `aws`, `aws-cn`, …
    pub fn as_str(self) -> &'static str {
        todo!()
    }

    /// The partition that a region belongs to, by its prefix (`cn-`, `us-gov-`, `us-iso-`, …; else `aws`).
    pub fn of_region(region: &Region) -> Partition {
        let _ = region;
        todo!()
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Partition {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Self, ArnError> {
        let _ = text;
        todo!()
    }
}

/// Twelve digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(String);

impl AccountId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AccountId {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Self, ArnError> {
        let _ = text;
        todo!()
    }
}

/// A region's name, such as `us-east-1`: `^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$`, at most 63 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(String);

impl Region {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Region {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Self, ArnError> {
        let _ = text;
        todo!()
    }
}

/// Any ARN in its six parts: `arn:partition:service:region:account:resource`. Region and account may be
/// empty, and the account may be `aws`; the partition is not checked against [`Partition`] here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arn {
    text: String,
    /// Byte offsets where service, region, account and resource begin.
    starts: [u16; 4],
}

impl Arn {
    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// The partition's text.
    pub fn partition(&self) -> &str {
        todo!()
    }
    /// The service, such as `iam`.
    pub fn service(&self) -> &str {
        todo!()
    }
    /// The region, may be empty.
    pub fn region(&self) -> &str {
        todo!()
    }
    /// The account, may be empty.
    pub fn account(&self) -> &str {
        todo!()
    }
    /// Everything after the fifth colon.
    pub fn resource(&self) -> &str {
        let _ = self.starts;
        todo!()
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Arn {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Self, ArnError> {
        let _ = text;
        todo!()
    }
}

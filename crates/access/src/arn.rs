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

impl ArnError {
    pub(crate) fn new(what: &'static str, value: &str, rule: impl Into<String>) -> ArnError {
        ArnError { what, value: shown(value), rule: rule.into() }
    }
}

/// What of a text stands in a message: all of it, or its beginning where it is very long.
fn shown(value: &str) -> String {
    const LONGEST: usize = 256;
    match value.char_indices().nth(LONGEST) {
        None => value.to_owned(),
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
    }
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
        match self {
            Partition::Aws => "aws",
            Partition::AwsCn => "aws-cn",
            Partition::AwsUsGov => "aws-us-gov",
            Partition::AwsIso => "aws-iso",
            Partition::AwsIsoB => "aws-iso-b",
            Partition::AwsIsoE => "aws-iso-e",
            Partition::AwsIsoF => "aws-iso-f",
            Partition::AwsEusc => "aws-eusc",
        }
    }

    /// The partition of that name, without an error to build: for paths that allocate nothing.
    pub(crate) fn find(text: &str) -> Option<Partition> {
        Partition::ALL.into_iter().find(|partition| partition.as_str() == text)
    }

    /// The partition that a region belongs to, by its prefix (`cn-`, `us-gov-`, `us-iso-`, …; else `aws`).
    pub fn of_region(region: &Region) -> Partition {
        const PREFIXES: [(&str, Partition); 7] = [
            ("cn-", Partition::AwsCn),
            ("us-gov-", Partition::AwsUsGov),
            ("us-iso-", Partition::AwsIso),
            ("us-isob-", Partition::AwsIsoB),
            ("eu-isoe-", Partition::AwsIsoE),
            ("us-isof-", Partition::AwsIsoF),
            ("eusc-", Partition::AwsEusc),
        ];
        let name = region.as_str();
        PREFIXES
            .into_iter()
            .find(|(prefix, _)| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
            .map_or(Partition::Aws, |(_, partition)| partition)
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
        Partition::find(text).ok_or_else(|| {
            let known = Partition::ALL.map(Partition::as_str).join(", ");
            ArnError::new("AWS partition", text, format!("must be one of {known}"))
        })
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

/// The rule of an account id, for all who meet one.
pub(crate) fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

impl FromStr for AccountId {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Self, ArnError> {
        if is_account_id(text) {
            Ok(AccountId(text.to_owned()))
        } else {
            Err(ArnError::new("account id", text, "must be 12 digits"))
        }
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
        let inner = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let ends = !text.is_empty() && !text.starts_with('-') && !text.ends_with('-');
        if inner && ends && text.len() <= 63 {
            Ok(Region(text.to_owned()))
        } else {
            let rule = "must be letters, digits and `-` (not first or last), at most 63 characters";
            Err(ArnError::new("region", text, rule))
        }
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
        self.between(ARN_PREFIX.len(), self.starts[0])
    }
    /// The service, such as `iam`.
    pub fn service(&self) -> &str {
        self.between(usize::from(self.starts[0]), self.starts[1])
    }
    /// The region, may be empty.
    pub fn region(&self) -> &str {
        self.between(usize::from(self.starts[1]), self.starts[2])
    }
    /// The account, may be empty.
    pub fn account(&self) -> &str {
        self.between(usize::from(self.starts[2]), self.starts[3])
    }
    /// Everything after the fifth colon.
    pub fn resource(&self) -> &str {
        self.text.get(usize::from(self.starts[3])..).unwrap_or_default()
    }
    /// The part that begins at `from` and ends before the colon in front of `next`.
    fn between(&self, from: usize, next: u16) -> &str {
        self.text.get(from..usize::from(next).saturating_sub(1)).unwrap_or_default()
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

const ARN_PREFIX: &str = "arn:";
/// AWS's own bound for an ARN.
const LONGEST_ARN: usize = 2048;

impl FromStr for Arn {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Self, ArnError> {
        let error = |rule: &str| ArnError::new("ARN", text, rule);
        if text.len() > LONGEST_ARN {
            return Err(error("must be at most 2048 bytes long"));
        }
        if !text.starts_with(ARN_PREFIX) {
            return Err(error("must begin with `arn:`"));
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(error("must not hold spaces or control characters"));
        }
        let mut colons = text.match_indices(':').map(|(at, _)| at).skip(1);
        let mut starts = [0u16; 4];
        for start in &mut starts {
            let colon = colons.next().and_then(|at| u16::try_from(at + 1).ok());
            *start =
                colon.ok_or_else(|| error("must have six parts: arn:partition:service:region:account:resource"))?;
        }
        let arn = Arn { text: text.to_owned(), starts };
        match (arn.partition(), arn.service(), arn.resource()) {
            ("", _, _) => Err(error("the partition is empty")),
            (_, "", _) => Err(error("the service is empty")),
            (_, _, "") => Err(error("the resource is empty")),
            _ => Ok(arn),
        }
    }
}

//! ARNs of IAM's own resources.

use entryway_access::{AccountId, Partition};

use crate::{EntityPath, Name};

/// `arn:P:iam::A:KIND/path/NAME`.
pub(crate) fn entity(partition: Partition, account: &AccountId, kind: &str, path: &EntityPath, name: &Name) -> String {
    format!("arn:{partition}:iam::{account}:{kind}{path}{name}")
}

/// A managed policy's ARN, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PolicyArnParts<'a> {
    /// `aws` for AWS's own, else an account id.
    pub(crate) owner: &'a str,
    pub(crate) partition: &'a str,
    /// What comes after the last slash.
    pub(crate) name: &'a str,
}

/// Takes `arn:P:iam::OWNER:policy/[path/]NAME` apart; `None` for any other text.
pub(crate) fn policy_parts(arn: &str) -> Option<PolicyArnParts<'_>> {
    let rest = arn.strip_prefix("arn:")?;
    let (partition, rest) = rest.split_once(":iam::")?;
    let (owner, resource) = rest.split_once(':')?;
    let path = resource.strip_prefix("policy/")?;
    let name = path.rsplit('/').next()?;
    let plain = |text: &str| !text.is_empty() && !text.contains(':');
    (plain(partition) && plain(owner) && plain(name)).then_some(PolicyArnParts { owner, partition, name })
}

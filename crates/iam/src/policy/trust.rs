//! Trust policies: who may assume a role.

use entryway_access::{AccountId, Caller, PrincipalArn};

use super::{Context, Denied, PolicyError, PolicySet, StatementRef};

/// A role's valid trust policy.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustPolicy {}

/// An `AWS` principal that a trust policy names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AwsPrincipal {
    /// `*`.
    Anyone,
    /// An account: its id or its root's ARN. Its principals are trusted as far as their own policies go.
    Account(AccountId),
    /// A role or user.
    Principal(PrincipalArn),
    /// One session, by its exact ARN (`arn:P:sts::A:assumed-role/NAME/SESSION`, or a federated user's).
    Session(String),
}

/// Who wants the role.
#[derive(Debug, Clone, Copy)]
pub enum Trustee<'a> {
    /// A caller with a signature.
    Aws(&'a Caller),
    /// An AWS service, such as `ec2.amazonaws.com`.
    Service(&'a str),
    /// A federated provider.
    Federated(&'a str),
}

/// What a trust policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustVerdict {
    /// The caller itself is named (or `*`): enough within the account.
    Direct(StatementRef),
    /// The caller's account is named: the caller's own policies have to allow it too.
    Account(StatementRef),
    /// No.
    Denied(Denied),
}

impl TrustPolicy {
    /// Reads a trust policy's JSON. The error is IAM's `MalformedPolicyDocument`.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let _ = text;
        todo!()
    }

    /// Every `AWS` principal that it names, so that the directory can refuse those that do not exist.
    pub fn aws_principals(&self) -> Vec<&AwsPrincipal> {
        todo!()
    }

    /// Whether it lets the trustee do `action` (`sts:AssumeRole`).
    pub fn evaluate(&self, trustee: Trustee<'_>, action: &str, context: &Context) -> TrustVerdict {
        let _ = (trustee, action, context);
        todo!()
    }
}

/// Whether a caller may assume a role, all in one: the trust policy, and the caller's own policies where they count
/// (always for an explicit deny; for an allow when the role is another account's or trusts only the account).
pub fn assume_role(
    caller: &Caller,
    role: &PrincipalArn,
    trust: &TrustPolicy,
    own: &PolicySet<'_>,
    context: &Context,
) -> Result<(), Denied> {
    let _ = (caller, role, trust, own, context);
    todo!()
}

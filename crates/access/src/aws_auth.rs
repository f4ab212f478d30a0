//! The aws-auth ConfigMap: one parser, with positions within each string (`authn.md` §4, `formats.md` §6).

use std::collections::BTreeMap;

use crate::{AccountId, PrincipalArn, Template};

/// A place within the text of one key of the ConfigMap, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

/// Whom a line maps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MappedPrincipal {
    /// An ARN that parsed.
    Arn(PrincipalArn),
    /// Something else that stands in `rolearn` or `userarn` (kept to be shown; matches nobody).
    Unusable(String),
}

/// One line of `mapRoles` or `mapUsers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Whom.
    pub principal: MappedPrincipal,
    /// Username; absent where the line has none (it then maps nobody).
    pub username: Option<Template>,
    /// Groups.
    pub groups: Vec<Template>,
    /// Where the element begins.
    pub position: Position,
}

/// What is wrong or worth knowing in the text. Never takes the rest of the map down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsAuthProblem {
    /// `mapRoles`, `mapUsers` or `mapAccounts` (or the key that is none of them).
    pub key: String,
    /// Where.
    pub position: Position,
    /// What, and what to do.
    pub message: String,
    /// Whether the element (or key) is out of force because of it.
    pub dropped: bool,
}

/// The parsed aws-auth: what is in force, in the order of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsAuth {
    /// `mapRoles`.
    pub roles: Vec<Mapping>,
    /// `mapUsers`.
    pub users: Vec<Mapping>,
    /// `mapAccounts`.
    pub accounts: Vec<AccountId>,
}

impl AwsAuth {
    /// Parses the `data` of the ConfigMap. Never fails: what can't be read is a problem, and the other
    /// keys and elements stay in force.
    pub fn parse(data: &BTreeMap<String, String>) -> (AwsAuth, Vec<AwsAuthProblem>) {
        let _ = data;
        todo!()
    }
}

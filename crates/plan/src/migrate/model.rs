//! A migration as values: what it stands on, and what comes of it.

use std::collections::BTreeMap;

use entryway_access::{AwsAuthProblem, PrincipalArn};
use entryway_analysis::{Difference, KnownPrincipals, as_text};
use entryway_formats::Place;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ActualCluster, DesiredEntry, Plan};

/// What IAM says of a line's principal. The lookup is by the exact ARN of the line, in the line's own account:
/// a role of the same name in another account is another role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookedUp {
    /// It is there, under this ARN (with its path).
    Found(PrincipalArn),
    /// It is not there: nobody can be it.
    NotFound,
    /// Nobody could ask, for this reason (another account, no permission).
    Unknown(String),
}

/// What a migration stands on.
#[derive(Debug, Clone)]
pub struct MigrationInput<'a> {
    /// The cluster with its aws-auth and RBAC.
    pub cluster: &'a ActualCluster,
    /// What is wrong in aws-auth, with places of a file where it came from one.
    pub problems: &'a [(AwsAuthProblem, Option<Place>)],
    /// Places of the lines in a file: of `mapRoles`, then of `mapUsers`; may be empty.
    pub places: &'a [Option<Place>],
    /// By the line's ARN without path. One that is missing counts as unknown.
    pub lookup: &'a BTreeMap<PrincipalArn, LookedUp>,
    /// What is known of principals.
    pub known: &'a KnownPrincipals,
    /// Principals that must keep what they have.
    pub protected: &'a [PrincipalArn],
    /// The time.
    pub now: Timestamp,
}

/// Where a line stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineSource {
    /// `mapRoles`, `mapUsers` or `mapAccounts`.
    pub key: String,
    /// Line within the key's text, from 1; of the file where `file` is there. 0 where it is not known.
    pub line: u32,
    /// Column, likewise.
    pub column: u32,
    /// The file, where it came from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

impl std::fmt::Display for LineSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.file, self.line) {
            (Some(file), line) => write!(f, "{file}:{line}:{}", self.column),
            (None, 0) => f.write_str(&self.key),
            (None, line) => write!(f, "{}:{line}:{}", self.key, self.column),
        }
    }
}

/// What becomes of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "fate", rename_all_fields = "camelCase")]
pub enum Fate {
    /// It becomes an entry.
    Carried {
        /// Of this principal.
        #[serde(with = "as_text")]
        principal: PrincipalArn,
    },
    /// It maps nobody today, so there is nothing to carry over.
    Dead {
        /// Why, and what to do if somebody was meant.
        why: String,
    },
    /// Its principal has an entry already, which wins over the line whole.
    HasEntry,
    /// It can't become an entry.
    NotCarried,
    /// It could not be read.
    Broken {
        /// What is wrong.
        why: String,
    },
}

/// A line and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineReport {
    /// Where.
    pub source: LineSource,
    /// Whom it maps, as written.
    pub principal: String,
    /// What becomes of it.
    #[serde(flatten)]
    pub fate: Fate,
}

/// Something of a line that an entry can't say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotCarried {
    /// Where it stands.
    pub source: LineSource,
    /// Whose line.
    pub principal: String,
    /// What: ``group `system:foo` ``.
    pub what: String,
    /// Why.
    pub why: String,
    /// The nearest safe thing to do instead.
    pub proposal: String,
    /// Kubernetes objects that belong to the proposal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<Value>,
}

/// What has to hold after `--apply`: the live decision is asked, and compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// For this principal.
    #[serde(with = "as_text")]
    pub principal: PrincipalArn,
    /// The entry's username, as a template.
    pub username: String,
    /// Its groups.
    pub groups: Vec<String>,
    /// The names of its policies.
    pub policies: Vec<String>,
}

/// The steps of the way, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MigrationPhase {
    /// Nothing is done yet.
    Check,
    /// The API is on, and entries stand beside aws-auth.
    Applied,
    /// The mode is API: aws-auth no longer counts, and EKS has no way back.
    Finished,
}

/// The whole migration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Migration {
    /// Where the cluster is on the way.
    pub phase: MigrationPhase,
    /// Every line, in the order of the text.
    pub lines: Vec<LineReport>,
    /// What can't be carried over, with proposals.
    pub not_carried: Vec<NotCarried>,
    /// Worth knowing.
    pub notes: Vec<String>,
    /// Who would gain or lose what in the end (mode API), against now.
    pub comparison: Vec<Difference>,
    /// `--apply`: the API on, entries made; nothing deleted.
    pub apply: Plan,
    /// What has to hold then.
    pub verify: Vec<Verification>,
    /// `--finish`: the mode API, from the state after `apply`. EKS has no way back from it.
    pub finish: Plan,
    /// `--rollback`, as long as `finish` is not done: the entries that `apply` made go, and aws-auth, which was
    /// never touched, maps their principals again. The mode stays API_AND_CONFIG_MAP: EKS has no way back.
    pub rollback: Plan,
    /// The entries, for `export`.
    #[serde(skip)]
    pub entries: Vec<DesiredEntry>,
}

impl Migration {
    /// Whether anybody would gain or lose anything: `--check` then exits 1.
    pub fn changes_access(&self) -> bool {
        self.comparison.iter().any(|difference| difference.is_gain() || difference.is_loss())
    }
}

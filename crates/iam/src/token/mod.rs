//! `k8s-aws-v1` tokens: from bytes to "check it locally" or "ask STS this", by the rules of aws-iam-authenticator
//! (and some of our own: no user info, bounded answers, no dates in the future).
//!
//! A token is a presigned `GetCallerIdentity` URL. What is checked here is everything short of the signature of
//! foreign keys: so that the request which the server then sends goes to a real STS endpoint, asks only who the
//! caller is, and is bound to one cluster. The URL is sent on exactly as it was checked.

mod build;
mod error;
mod exec_credential;
mod parse;
#[cfg(test)]
mod tests;
mod url;

pub use build::{build, presigned_url};
pub use error::TokenError;
pub use exec_credential::{ExecApiVersion, exec_credential};
pub use parse::{LocalToken, ParsedToken, StsRequest, StsToken, parse};

use entryway_access::Partition;

/// What every token begins with.
pub const PREFIX: &str = "k8s-aws-v1.";
/// The longest token that is looked at, in bytes.
pub const MAX_BYTES: usize = 4096;
/// The signed header that binds a token to a cluster.
pub const CLUSTER_HEADER: &str = "x-k8s-aws-id";

/// Where identities come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sources {
    /// Only identities that this control plane keeps; nothing is fetched.
    Local,
    /// Only AWS's STS.
    Aws,
    /// Both: local keys are checked here, all others by STS.
    LocalAndAws,
}

/// What a verifier takes for its own.
#[derive(Debug, Clone, Copy)]
pub struct TokenRules<'a> {
    /// The partition whose STS endpoints are asked.
    pub partition: Partition,
    /// Addresses that this control plane itself serves, scheme and authority, such as `http://127.0.0.1:4780`.
    pub local_endpoints: &'a [String],
    /// Where identities come from.
    pub sources: Sources,
}

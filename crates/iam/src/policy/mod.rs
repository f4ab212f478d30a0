//! IAM policies: reading them as IAM does, and deciding by them.
//!
//! A document that parsed is valid: unknown elements, operators and forms are refused when a policy is created (with
//! IAM's own texts), so that evaluation never meets one. [`evaluate`] decides for identity policies with a
//! permissions boundary and session policies; [`assume_role`] adds a role's trust policy.
//!
//! Not done: resource policies other than trust policies, organizations' policies, `iam:PassRole`.

mod condition;
mod context;
mod document;
mod error;
mod evaluate;
mod json;
mod parse;
mod pattern;
#[cfg(test)]
mod tests;
mod trust;

pub use context::Context;
pub use document::PolicyDocument;
pub use error::PolicyError;
pub use evaluate::{Denied, Layer, PolicySet, Request, StatementRef, evaluate};
pub use trust::{AwsPrincipal, TrustPolicy, TrustVerdict, Trustee, assume_role};

/// The longest policy text that is read, in bytes (IAM's limit for the parameter).
pub const MAX_POLICY_BYTES: usize = 131_072;

/// A policy's size as IAM's quotas count it: characters without white space.
pub fn counted_size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

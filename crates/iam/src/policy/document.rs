//! Identity policies: inline, managed, boundaries and session policies are all of this form.

use super::PolicyError;

/// A valid identity policy.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyDocument {}

impl PolicyDocument {
    /// Reads a policy's JSON. The error is IAM's `MalformedPolicyDocument`.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let _ = text;
        todo!()
    }
}

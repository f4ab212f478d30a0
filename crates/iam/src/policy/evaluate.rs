//! The decision: explicit deny, then allow in every layer, else implicit deny.

use super::{Context, PolicyDocument};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Such as `eks:DescribeCluster`.
    pub action: &'a str,
    /// The resource's ARN, or `*` for an action that has none.
    pub resource: &'a str,
    /// The facts for conditions.
    pub context: &'a Context,
}

/// All policies in force for a caller.
#[derive(Debug, Clone, Default)]
pub struct PolicySet<'a> {
    /// Inline and attached policies.
    pub identity: Vec<&'a PolicyDocument>,
    /// The permissions boundary.
    pub boundary: Option<&'a PolicyDocument>,
    /// Session policies (the policy and the policy ARNs of AssumeRole); empty for none.
    pub session: Vec<&'a PolicyDocument>,
}

/// Where a policy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Layer {
    Identity,
    Boundary,
    Session,
    Trust,
}

/// The statement that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementRef {
    /// Which list of policies.
    pub layer: Layer,
    /// The policy's index in its list.
    pub policy: usize,
    /// The statement's index in the policy.
    pub statement: usize,
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// A statement denies it.
    Explicit(StatementRef),
    /// Nothing in this layer allows it.
    Implicit(Layer),
}

impl Denied {
    /// AWS's AccessDenied text. `user` is the caller's ARN.
    pub fn message(&self, user: &str, action: &str, resource: &str) -> String {
        let _ = (user, action, resource);
        todo!()
    }
}

/// Decides by identity policies, boundary and session policies; gives the allowing identity statement or why not.
pub fn evaluate(policies: &PolicySet<'_>, request: &Request<'_>) -> Result<StatementRef, Denied> {
    let _ = (policies, request);
    todo!()
}

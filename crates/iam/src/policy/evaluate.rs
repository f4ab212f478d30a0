//! The decision: explicit deny, then allow in every layer, else implicit deny.

use super::document::Effect;
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
        let reason = match self {
            Denied::Implicit(Layer::Identity) => {
                format!(" because no identity-based policy allows the {action} action")
            }
            Denied::Implicit(Layer::Boundary) => format!(" because no permissions boundary allows the {action} action"),
            Denied::Implicit(Layer::Session) => format!(" because no session policy allows the {action} action"),
            // STS gives no reason where the role trusts somebody else.
            Denied::Implicit(Layer::Trust) => String::new(),
            Denied::Explicit(StatementRef { layer, .. }) => format!(
                " with an explicit deny in {}",
                match layer {
                    Layer::Identity => "an identity-based policy",
                    Layer::Boundary => "a permissions boundary",
                    Layer::Session => "a session policy",
                    Layer::Trust => "the role trust policy",
                }
            ),
        };
        format!("User: {user} is not authorized to perform: {action} on resource: {resource}{reason}")
    }
}

/// Decides by identity policies, boundary and session policies; gives the allowing identity statement or why not.
/// A deny anywhere wins; then the layers are asked in the order in which AWS names them.
pub fn evaluate(policies: &PolicySet<'_>, request: &Request<'_>) -> Result<StatementRef, Denied> {
    let allowed = allow_in(Layer::Identity, &policies.identity, request);
    let limited = within_limits(policies, request);
    match (allowed, limited) {
        (Err(denied @ Denied::Explicit(_)), _) | (_, Err(denied @ Denied::Explicit(_))) => Err(denied),
        (Err(denied), _) | (_, Err(denied)) => Err(denied),
        (Ok(statement), Ok(())) => Ok(statement),
    }
}

/// Whether the permissions boundary and the session policies, where there are some, allow the request.
fn within_limits(policies: &PolicySet<'_>, request: &Request<'_>) -> Result<(), Denied> {
    let boundary = policies.boundary.map(|policy| allow_in(Layer::Boundary, &[policy], request));
    let session = match policies.session.as_slice() {
        [] => None,
        session => Some(allow_in(Layer::Session, session, request)),
    };
    let verdicts: Vec<Denied> = [boundary, session].into_iter().flatten().filter_map(Result::err).collect();
    let explicit = verdicts.iter().find(|denied| matches!(denied, Denied::Explicit(_)));
    explicit.or(verdicts.first()).map_or(Ok(()), |denied| Err(*denied))
}

/// What the caller's policies say where something else (a trust policy that names the caller) already allows: they
/// need not allow, but no statement may deny, and boundary and session policies still limit.
pub(super) fn evaluate_allowed_elsewhere(policies: &PolicySet<'_>, request: &Request<'_>) -> Result<(), Denied> {
    match allow_in(Layer::Identity, &policies.identity, request) {
        Err(denied @ Denied::Explicit(_)) => Err(denied),
        Err(Denied::Implicit(_)) | Ok(_) => within_limits(policies, request),
    }
}

fn allow_in(layer: Layer, policies: &[&PolicyDocument], request: &Request<'_>) -> Result<StatementRef, Denied> {
    let mut allowed = None;
    for (policy, document) in policies.iter().enumerate() {
        for (statement, effect) in document.applying(request) {
            let found = StatementRef { layer, policy, statement };
            match effect {
                Effect::Deny => return Err(Denied::Explicit(found)),
                Effect::Allow => allowed = allowed.or(Some(found)),
            }
        }
    }
    allowed.ok_or(Denied::Implicit(layer))
}

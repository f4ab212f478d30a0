//! Trust policies: who may assume a role.

use std::fmt;

use entryway_access::{AccountId, Arn, Caller, Partition, PrincipalArn, PrincipalKind};

use super::document::{Clause, Effect, Selection};
use super::evaluate::{evaluate, evaluate_allowed_elsewhere};
use super::json::Json;
use super::parse::{Kind, RawStatement, Reader, texts};
use super::{Context, Denied, Layer, PolicyError, PolicySet, Request, StatementRef};

/// A role's valid trust policy.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustPolicy {
    statements: Vec<TrustStatement>,
}

#[derive(Debug, Clone, PartialEq)]
struct TrustStatement {
    clause: Clause,
    principals: Selection<Principal>,
}

#[derive(Debug, Clone, PartialEq)]
enum Principal {
    Aws(AwsPrincipal),
    Service(String),
    Federated(String),
    /// S3's; trusts nobody here.
    CanonicalUser,
}

/// How closely a statement names a trustee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    Account,
    Direct,
}

/// An `AWS` principal that a trust policy names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AwsPrincipal {
    /// `*`.
    Anyone,
    /// An account: its principals are trusted as far as their own policies go.
    Account {
        /// Its id.
        id: AccountId,
        /// Its partition where the ARN of its root was written; `None` for the bare id, which means one's own.
        partition: Option<Partition>,
    },
    /// A role, user or federated user.
    Principal(PrincipalArn),
    /// One session, by its exact ARN (`arn:P:sts::A:assumed-role/NAME/SESSION`).
    Session(String),
}

impl fmt::Display for AwsPrincipal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AwsPrincipal::Anyone => f.write_str("*"),
            AwsPrincipal::Account { id, partition: None } => id.fmt(f),
            AwsPrincipal::Account { id, partition: Some(partition) } => write!(f, "arn:{partition}:iam::{id}:root"),
            AwsPrincipal::Principal(principal) => principal.fmt(f),
            AwsPrincipal::Session(arn) => f.write_str(arn),
        }
    }
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
        let (reader, statements) = Reader::open(text, Kind::Trust)?;
        let statements = statements
            .iter()
            .map(|statement| {
                let clause = reader.clause(statement)?;
                let principals = principals(&reader, statement)?;
                // Whoever is not named, but allowed: IAM does not take that.
                if clause.effect == Effect::Allow && matches!(principals, Selection::AllBut(_)) {
                    return Err(PolicyError::ProhibitedField("NotPrincipal".into()));
                }
                Ok(TrustStatement { clause, principals })
            })
            .collect::<Result<_, _>>()?;
        Ok(TrustPolicy { statements })
    }

    /// Every `AWS` principal that it names, so that the directory can refuse those that do not exist.
    pub fn aws_principals(&self) -> Vec<&AwsPrincipal> {
        let named = self.statements.iter().flat_map(|statement| match &statement.principals {
            Selection::Only(principals) | Selection::AllBut(principals) => principals,
        });
        named
            .filter_map(|principal| match principal {
                Principal::Aws(principal) => Some(principal),
                Principal::Service(_) | Principal::Federated(_) | Principal::CanonicalUser => None,
            })
            .collect()
    }

    /// Whether it lets the trustee do `action` (`sts:AssumeRole`).
    pub fn evaluate(&self, trustee: Trustee<'_>, action: &str, context: &Context) -> TrustVerdict {
        let mut best: Option<(Closeness, StatementRef)> = None;
        for (statement, rule) in self.statements.iter().enumerate() {
            let Some(closeness) = rule.names(trustee) else { continue };
            if !rule.clause.applies(action, context) {
                continue;
            }
            let found = StatementRef { layer: Layer::Trust, policy: 0, statement };
            match rule.clause.effect {
                Effect::Deny => return TrustVerdict::Denied(Denied::Explicit(found)),
                Effect::Allow if best.is_none_or(|(other, _)| closeness > other) => best = Some((closeness, found)),
                Effect::Allow => {}
            }
        }
        match best {
            Some((Closeness::Direct, statement)) => TrustVerdict::Direct(statement),
            Some((Closeness::Account, statement)) => TrustVerdict::Account(statement),
            None => TrustVerdict::Denied(Denied::Implicit(Layer::Trust)),
        }
    }
}

impl TrustStatement {
    fn names(&self, trustee: Trustee<'_>) -> Option<Closeness> {
        match &self.principals {
            Selection::Only(principals) => principals.iter().filter_map(|principal| principal.names(trustee)).max(),
            // An account in the list spares its root, not its users and roles, as IAM has it.
            Selection::AllBut(principals) => {
                let spared = principals.iter().any(|one| one.names(trustee) == Some(Closeness::Direct));
                (!spared).then_some(Closeness::Direct)
            }
        }
    }
}

impl Principal {
    fn names(&self, trustee: Trustee<'_>) -> Option<Closeness> {
        match (self, trustee) {
            (Principal::Aws(principal), Trustee::Aws(caller)) => principal.names(caller),
            (Principal::Service(name), Trustee::Service(service)) => (name == service).then_some(Closeness::Direct),
            (Principal::Federated(name), Trustee::Federated(provider)) => {
                (name == provider).then_some(Closeness::Direct)
            }
            (
                Principal::Aws(_) | Principal::Service(_) | Principal::Federated(_) | Principal::CanonicalUser,
                Trustee::Aws(_) | Trustee::Service(_) | Trustee::Federated(_),
            ) => None,
        }
    }
}

impl AwsPrincipal {
    /// The partition that is written; none for `*` and for an account's bare id.
    pub fn partition(&self) -> Option<Partition> {
        match self {
            AwsPrincipal::Anyone => None,
            AwsPrincipal::Account { partition, .. } => *partition,
            AwsPrincipal::Principal(principal) => Some(principal.partition()),
            AwsPrincipal::Session(arn) => arn.parse::<Arn>().ok()?.partition().parse().ok(),
        }
    }

    fn names(&self, caller: &Caller) -> Option<Closeness> {
        let direct = |named: bool| named.then_some(Closeness::Direct);
        match self {
            AwsPrincipal::Anyone => Some(Closeness::Direct),
            AwsPrincipal::Account { id, partition } => {
                let principal = &caller.principal;
                let same = id == principal.account() && partition.is_none_or(|p| p == principal.partition());
                let root = *principal.kind() == PrincipalKind::Root;
                same.then_some(if root { Closeness::Direct } else { Closeness::Account })
            }
            AwsPrincipal::Principal(principal) => direct(principal.same_principal(&caller.principal)),
            AwsPrincipal::Session(arn) => direct(*arn == caller.arn),
        }
    }
}

fn principals(reader: &Reader, statement: &RawStatement) -> Result<Selection<Principal>, PolicyError> {
    match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(only), None) => Ok(Selection::Only(principal_list(only)?)),
        (None, Some(but)) => Ok(Selection::AllBut(principal_list(but)?)),
        (None, None) => Err(reader.missing("Principal", PolicyError::Principal)),
        (Some(_), Some(_)) => Err(PolicyError::Syntax),
    }
}

fn principal_list(json: &Json) -> Result<Vec<Principal>, PolicyError> {
    let kinds = match json {
        Json::String(text) if text == "*" => return Ok(vec![Principal::Aws(AwsPrincipal::Anyone)]),
        Json::String(text) => return Err(PolicyError::InvalidPrincipal(format!("\"STAR\":\"{text}\""))),
        Json::Object(kinds) if !kinds.is_empty() => kinds,
        _ => return Err(PolicyError::Syntax),
    };
    let mut all = Vec::new();
    for (kind, names) in kinds {
        let invalid = |name: &str| PolicyError::InvalidPrincipal(format!("\"{kind}\":\"{name}\""));
        all.extend(texts(names, |name| {
            let principal = match kind.as_str() {
                "AWS" => aws_principal(name).map(Principal::Aws),
                "Service" => name.contains('.').then(|| Principal::Service(name.to_owned())),
                "Federated" => (!name.is_empty() && name != "*").then(|| Principal::Federated(name.to_owned())),
                "CanonicalUser" => Some(Principal::CanonicalUser),
                _ => None,
            };
            principal.ok_or_else(|| invalid(name))
        })?);
    }
    Ok(all)
}

fn aws_principal(text: &str) -> Option<AwsPrincipal> {
    if text == "*" {
        return Some(AwsPrincipal::Anyone);
    }
    if let Ok(id) = text.parse::<AccountId>() {
        return Some(AwsPrincipal::Account { id, partition: None });
    }
    if let Ok(principal) = text.parse::<PrincipalArn>() {
        return Some(match principal.kind() {
            PrincipalKind::Root => {
                AwsPrincipal::Account { id: principal.account().clone(), partition: Some(principal.partition()) }
            }
            PrincipalKind::Role { .. } | PrincipalKind::User { .. } | PrincipalKind::FederatedUser { .. } => {
                AwsPrincipal::Principal(principal)
            }
        });
    }
    is_session(text).then(|| AwsPrincipal::Session(text.to_owned()))
}

/// `arn:P:sts::A:assumed-role/NAME/SESSION`, without wildcards.
fn is_session(text: &str) -> bool {
    let Ok(arn) = text.parse::<Arn>() else { return false };
    let parts: Vec<&str> = arn.resource().split('/').collect();
    let named = |part: &str| {
        (1..=64).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
    };
    arn.service() == "sts"
        && arn.region().is_empty()
        && arn.partition().parse::<Partition>().is_ok()
        && arn.account().parse::<AccountId>().is_ok()
        && matches!(parts.as_slice(), ["assumed-role", role, session] if named(role) && named(session))
}

/// Whether a caller may assume a role, all in one: the trust policy, and the caller's own policies where they count
/// (always for a deny; for an allow when the role is another account's or trusts only the account).
pub fn assume_role(
    caller: &Caller,
    role: &PrincipalArn,
    trust: &TrustPolicy,
    own: &PolicySet<'_>,
    context: &Context,
) -> Result<(), Denied> {
    const ACTION: &str = "sts:AssumeRole";
    let request = Request { action: ACTION, resource: role.as_str(), context };
    let same_account = caller.principal.account() == role.account() && caller.principal.partition() == role.partition();
    match trust.evaluate(Trustee::Aws(caller), ACTION, context) {
        TrustVerdict::Denied(denied) => Err(denied),
        TrustVerdict::Direct(_) if same_account => evaluate_allowed_elsewhere(own, &request),
        TrustVerdict::Direct(_) | TrustVerdict::Account(_) => evaluate(own, &request).map(|_| ()),
    }
}

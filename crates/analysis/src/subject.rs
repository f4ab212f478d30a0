//! Who there is to ask about: the principals that a state knows, and callers that stand in for them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use entryway_access::{
    AccountId, Caller, IdentitySource, MappedPrincipal, Partition, PrincipalArn, PrincipalKind, Snapshot,
    Subject as RbacSubject, Template,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::as_text;
use crate::mapped::templates_of;

/// What somebody found out about a principal in IAM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrincipalFacts {
    /// Whether it exists; absent where nobody could ask.
    pub exists: Option<bool>,
    /// Its unique id (`AROA…`, `AIDA…`).
    pub unique_id: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}

/// What is known of principals, found without regard to a role's path, as STS names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownPrincipals(BTreeMap<PrincipalArn, PrincipalFacts>);

impl KnownPrincipals {
    /// Puts in what is known of one.
    pub fn insert(&mut self, principal: &PrincipalArn, facts: PrincipalFacts) {
        self.0.insert(principal.without_path(), facts);
    }
    /// What is known of one.
    pub fn get(&self, principal: &PrincipalArn) -> Option<&PrincipalFacts> {
        self.0.get(&principal.without_path())
    }
    /// Whether somebody asked, and it is not there. Nobody can sign in as such a one.
    pub fn is_gone(&self, principal: &PrincipalArn) -> bool {
        self.get(principal).is_some_and(|facts| facts.exists == Some(false))
    }
}

/// Whom an answer is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    /// A principal, by its ARN as entries have it (with path where that is known).
    Principal(#[serde(with = "as_text")] PrincipalArn),
    /// Any principal of an account that nothing names: those whom `mapAccounts` takes in.
    OthersOf(#[serde(with = "as_text")] AccountId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Principal(arn) => write!(f, "{arn}"),
            Subject::OthersOf(account) => write!(f, "any other principal of account {account}"),
        }
    }
}

/// Everybody whom either state knows: entries, aws-auth lines, the creator of the cluster, and a stand-in for
/// the rest of each account in `mapAccounts`. Sorted; each principal once, with the path where one has it.
pub fn subjects(states: &[&Snapshot]) -> Vec<Subject> {
    let mut principals: BTreeMap<PrincipalArn, PrincipalArn> = BTreeMap::new();
    let mut accounts = BTreeSet::new();
    for state in states {
        let entries = state.entries();
        let entries = entries.iter().map(|entry| &entry.principal);
        for principal in entries.chain(state.bootstrap_creator().map(|creator| &creator.principal)) {
            principals.insert(principal.without_path(), principal.clone());
        }
        let aws_auth = state.aws_auth();
        for mapping in aws_auth.roles.iter().chain(&aws_auth.users) {
            if let MappedPrincipal::Arn(principal) = &mapping.principal {
                principals.entry(principal.without_path()).or_insert_with(|| principal.clone());
            }
        }
        accounts.extend(aws_auth.accounts.iter().cloned());
    }
    let named = principals.into_values().map(Subject::Principal);
    named.chain(accounts.into_iter().map(Subject::OthersOf)).collect()
}

/// A name for a session that nobody has a rule for.
const ANY_SESSION: &str = "SESSION";
/// A session named by an instance, as nodes have it, and what EC2 would say of it.
const INSTANCE_SESSION: &str = "i-0123456789abcdef0";
pub(crate) const INSTANCE_DNS_NAME: &str = "ip-10-0-0-1.ec2.internal";
/// An access key that nobody has; every real caller has one, and usernames may hold it.
const ANY_KEY: &str = "ACCESSKEYID";
/// Stands in for the rest of an account.
const NOBODY_IN_PARTICULAR: &str = "entryway-any-other-principal";

/// A caller to ask with, and the session's name where it matters.
pub(crate) struct StandIn {
    pub(crate) caller: Caller,
    /// Only sessions of this name; absent for one that no rule names.
    pub(crate) session: Option<String>,
}

/// Who can be asked about in some states, with what has to be found once for all of them.
pub(crate) struct Cast<'a> {
    states: &'a [&'a Snapshot],
    known: &'a KnownPrincipals,
    now: Timestamp,
    /// The unique ids that entries were made for, by ARN without path.
    noted: BTreeMap<PrincipalArn, String>,
    /// Of each state, whom its bindings name.
    names: Vec<BoundNames<'a>>,
}

/// The users and groups that bindings name, sorted, so that those of one beginning stand together.
struct BoundNames<'a> {
    users: Vec<&'a str>,
    groups: Vec<&'a str>,
}

impl<'a> BoundNames<'a> {
    fn of(state: &'a Snapshot) -> BoundNames<'a> {
        let (mut users, mut groups) = (Vec::new(), Vec::new());
        for subject in state.rbac().bindings.iter().flat_map(|binding| &binding.subjects) {
            match subject {
                RbacSubject::User(name) => users.push(name.as_str()),
                RbacSubject::Group(name) => groups.push(name.as_str()),
                RbacSubject::ServiceAccount { .. } => {}
            }
        }
        users.sort_unstable();
        groups.sort_unstable();
        BoundNames { users, groups }
    }

    /// The sessions that make one of these names by a template.
    fn sessions(sorted: &[&str], parts: &Around, into: &mut BTreeSet<String>) {
        let first = sorted.partition_point(|name| *name < parts.before.as_str());
        let alike = sorted.iter().skip(first).take_while(|name| name.starts_with(&parts.before));
        into.extend(alike.filter_map(|name| parts.session(name)));
    }
}

impl<'a> Cast<'a> {
    pub(crate) fn new(states: &'a [&'a Snapshot], known: &'a KnownPrincipals, now: Timestamp) -> Cast<'a> {
        let mut noted = BTreeMap::new();
        for entry in states.iter().flat_map(|state| state.entries()) {
            if let Some(id) = &entry.unique_id {
                noted.entry(entry.principal.without_path()).or_insert_with(|| id.clone());
            }
        }
        Cast { states, known, now, noted, names: states.iter().map(|state| BoundNames::of(state)).collect() }
    }

    /// The callers that tell all about a subject: one session that nothing names, and each session that a
    /// binding names through the placeholders of a username or group. None for one that is gone from IAM:
    /// nobody can sign in as it.
    pub(crate) fn stand_ins(&self, subject: &Subject) -> Vec<StandIn> {
        let principal = match subject {
            Subject::Principal(principal) if self.known.is_gone(principal) => return Vec::new(),
            Subject::Principal(principal) => principal.without_path(),
            Subject::OthersOf(account) => {
                let kind = PrincipalKind::Role { path: "/".to_owned(), name: NOBODY_IN_PARTICULAR.to_owned() };
                match PrincipalArn::new(self.partition_of(account), account.clone(), kind) {
                    Ok(principal) => principal,
                    Err(_) => return Vec::new(),
                }
            }
        };
        let node = self.caller(&principal, INSTANCE_SESSION);
        let mut sessions = BTreeSet::new();
        let any = match self.states.iter().any(|state| state.needs_ec2_name(&node, self.now)) {
            // Those who are no instance may fare otherwise: a name that EC2 gives maps instances alone.
            true => {
                sessions.insert(ANY_SESSION.to_owned());
                node
            }
            false => self.caller(&principal, ANY_SESSION),
        };
        if principal.is_role() {
            for (state, names) in self.states.iter().zip(&self.names) {
                let identity = state.identity(&any, Some(INSTANCE_DNS_NAME), self.now);
                if let Some(source) = identity.map(|identity| identity.source) {
                    sessions_named(state, names, &source, &principal, &mut sessions);
                }
            }
        }
        let named = sessions.into_iter().map(|session| {
            let caller = self.caller(&principal, &session);
            StandIn { caller, session: Some(session) }
        });
        std::iter::once(StandIn { caller: any, session: None }).chain(named).collect()
    }

    fn caller(&self, principal: &PrincipalArn, session: &str) -> Caller {
        let (partition, account, name) = (principal.partition(), principal.account(), principal.name());
        let (arn, session_name) = match principal.is_role() {
            true => (format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}"), session.to_owned()),
            false => (principal.as_str().to_owned(), String::new()),
        };
        let unique_id = self.unique_id(principal);
        Caller { principal: principal.clone(), arn, unique_id, session_name, access_key_id: ANY_KEY.to_owned() }
    }

    /// The id that a caller of this principal has now: the one that IAM tells, else the one that an entry was
    /// made for, else one of its own.
    fn unique_id(&self, principal: &PrincipalArn) -> String {
        let told = self.known.get(principal).and_then(|facts| facts.unique_id.as_ref());
        told.or_else(|| self.noted.get(principal)).cloned().unwrap_or_else(|| "UNKNOWN-UNIQUE-ID".to_owned())
    }

    /// The partition of an account: that of a principal that is known to be in it, else of anybody.
    fn partition_of(&self, account: &AccountId) -> Partition {
        let mut any = None;
        for subject in subjects(self.states) {
            match subject {
                Subject::Principal(principal) if principal.account() == account => return principal.partition(),
                Subject::Principal(principal) => any = any.or(Some(principal.partition())),
                Subject::OthersOf(_) => {}
            }
        }
        any.unwrap_or(Partition::Aws)
    }
}

/// The sessions whose username or group some binding names.
fn sessions_named(
    state: &Snapshot,
    names: &BoundNames<'_>,
    source: &IdentitySource,
    principal: &PrincipalArn,
    into: &mut BTreeSet<String>,
) {
    let (username, groups) = templates_of(state, source);
    if let Some(parts) = username.and_then(|template| around_session(template, principal)) {
        BoundNames::sessions(&names.users, &parts, into);
    }
    for parts in groups.iter().filter_map(|template| around_session(template, principal)) {
        BoundNames::sessions(&names.groups, &parts, into);
    }
}

/// What stands before and after a template's session name.
struct Around {
    before: String,
    after: String,
}

fn around_session(template: &Template, principal: &PrincipalArn) -> Option<Around> {
    let text = template.as_str().replace("{{AccountID}}", principal.account().as_str());
    let (before, after) =
        ["{{SessionName}}", "{{SessionNameRaw}}"].into_iter().find_map(|name| text.split_once(name))?;
    Some(Around { before: before.to_owned(), after: after.to_owned() })
}

impl Around {
    /// The session that makes this name, if one can (STS's rule: 2 to 64 of these characters).
    fn session(&self, name: &str) -> Option<String> {
        let session = name.strip_prefix(&self.before)?.strip_suffix(&self.after)?;
        let good = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
        ((2..=64).contains(&session.len()) && session.bytes().all(good)).then(|| session.to_owned())
    }
}

//! Whom questions are asked about: everybody whom entries, aws-auth or RBAC name.

use std::collections::BTreeSet;
use std::fmt;

use entryway_access::{Caller, Candidate, MappedPrincipal, PrincipalArn, Snapshot, Subject as RbacSubject, UserInfo};
use jiff::Timestamp;

/// The session name that questions about a role are asked with.
const SESSION: &str = "console-question";
/// The session of a node, and what EC2 would say of it.
const INSTANCE: &str = "i-0123456789abcdef0";
const INSTANCE_NAME: &str = "ip-10-0-0-1.ec2.internal";

/// Somebody who may have access.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// An IAM role or user.
    Principal(String),
    /// A Kubernetes user whom RBAC names.
    User(String),
    /// A Kubernetes group whom RBAC names.
    Group(String),
    /// A service account, `NAMESPACE/NAME`.
    ServiceAccount(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Subject {
    /// The word of the kind, in links.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Subject::Principal(_) => "principal",
            Subject::User(_) => "user",
            Subject::Group(_) => "group",
            Subject::ServiceAccount(_) => "service-account",
        }
    }

    /// The name within the kind.
    pub(super) fn name(&self) -> &str {
        match self {
            Subject::Principal(name) | Subject::User(name) | Subject::Group(name) | Subject::ServiceAccount(name) => {
                name
            }
        }
    }

    /// Whether it is Kubernetes' or EKS's own, not somebody's whom people gave access.
    pub(super) fn is_system(&self) -> bool {
        let own = ["system:", "eks:", "kube-system/"];
        !matches!(self, Subject::Principal(_)) && own.iter().any(|start| self.name().starts_with(start))
    }

    /// From a link's two words.
    pub(super) fn parse(kind: &str, name: &str) -> Option<Subject> {
        let name = name.to_owned();
        match kind {
            "" | "principal" => {
                name.parse::<PrincipalArn>().ok().map(|principal| Subject::Principal(principal.to_string()))
            }
            "user" => Some(Subject::User(name)),
            "group" => Some(Subject::Group(name)),
            "service-account" => name.contains('/').then_some(Subject::ServiceAccount(name)),
            _ => None,
        }
    }

    /// What STS would say of a principal; nothing of anybody else.
    pub(super) fn caller(&self, snapshot: &Snapshot, now: Timestamp) -> Option<Caller> {
        let Subject::Principal(text) = self else { return None };
        let full: PrincipalArn = text.parse().ok()?;
        let principal = full.without_path();
        let caller = |session: &str, unique_id: String| {
            let (partition, account, name) = (principal.partition(), principal.account(), principal.name());
            let (arn, session_name) = match principal.is_role() {
                true => (format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}"), session.to_owned()),
                false => (full.to_string(), String::new()),
            };
            Caller { principal: principal.clone(), arn, unique_id, session_name, access_key_id: String::new() }
        };
        let unique_id = unique_id(snapshot, &full, &caller(SESSION, String::new()), now);
        let node = caller(INSTANCE, unique_id.clone());
        Some(if snapshot.needs_ec2_name(&node, now) { node } else { caller(SESSION, unique_id) })
    }

    /// Who it is in the cluster, with the group of everybody; `None` where nothing maps it.
    pub(super) fn user(&self, snapshot: &Snapshot, now: Timestamp) -> Option<UserInfo> {
        let user = match self {
            Subject::Principal(_) => snapshot.identity(&self.caller(snapshot, now)?, Some(INSTANCE_NAME), now)?.user,
            Subject::User(name) => UserInfo { username: name.clone(), ..UserInfo::default() },
            Subject::Group(name) => UserInfo { groups: vec![name.clone()], ..UserInfo::default() },
            Subject::ServiceAccount(name) => {
                let (namespace, account) = name.split_once('/')?;
                UserInfo::service_account(namespace, account)
            }
        };
        Some(user.with_standing_group())
    }
}

/// The unique id that a principal is asked about with: the one that its entry was made for.
fn unique_id(snapshot: &Snapshot, full: &PrincipalArn, caller: &Caller, now: Timestamp) -> String {
    let candidates = snapshot.candidates(caller, None, now);
    let mut entries: Vec<_> = candidates
        .iter()
        .filter_map(|(candidate, _)| match candidate {
            Candidate::Entry(entry) => Some(entry),
            Candidate::BootstrapCreator | Candidate::Line { .. } | Candidate::Account => None,
        })
        .collect();
    // A line of aws-auth has no path; of entries with one name, the one that was asked about comes first.
    entries.sort_by_key(|entry| entry.principal != *full);
    entries.first().and_then(|entry| entry.unique_id.clone()).unwrap_or_default()
}

/// IAM principals whom the cluster knows, each once, in order.
pub(super) fn principals(snapshot: &Snapshot) -> Vec<Subject> {
    let mut seen = BTreeSet::new();
    let mut all = BTreeSet::new();
    let aws_auth = snapshot.aws_auth();
    let entries = snapshot.entries();
    let entries = entries.iter().map(|entry| &entry.principal);
    let lines = aws_auth.roles.iter().chain(&aws_auth.users).filter_map(|line| match &line.principal {
        MappedPrincipal::Arn(principal) => Some(principal),
        MappedPrincipal::Unusable(_) => None,
    });
    for principal in entries.chain(snapshot.bootstrap_creator().map(|creator| &creator.principal)).chain(lines) {
        if seen.insert(principal.without_path()) {
            all.insert(Subject::Principal(principal.to_string()));
        }
    }
    all.into_iter().collect()
}

/// Everybody: principals, then whom RBAC names by itself.
pub(super) fn everybody(snapshot: &Snapshot) -> Vec<Subject> {
    let mut all: BTreeSet<Subject> = principals(snapshot).into_iter().collect();
    for subject in snapshot.rbac().bindings.iter().flat_map(|binding| &binding.subjects) {
        all.insert(match subject {
            RbacSubject::User(name) => Subject::User(name.clone()),
            RbacSubject::Group(name) => Subject::Group(name.clone()),
            RbacSubject::ServiceAccount { namespace, name } => Subject::ServiceAccount(format!("{namespace}/{name}")),
        });
    }
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_name_subjects() {
        let role = "arn:aws:iam::111122223333:role/team/x";
        for subject in [
            Subject::Principal(role.to_owned()),
            Subject::User("jo".to_owned()),
            Subject::Group("dev".to_owned()),
            Subject::ServiceAccount("web/app".to_owned()),
        ] {
            assert_eq!(Subject::parse(subject.kind(), subject.name()), Some(subject));
        }
        for (kind, name) in [("principal", "jo"), ("service-account", "app"), ("x", "y")] {
            assert_eq!(Subject::parse(kind, name), None);
        }
    }
}

//! Who signed in to a cluster since it runs here, and what mapped them: what has to be known before aws-auth is turned
//! off. Kept in memory alone, so that no request waits for it; [`SignIns::since`] says how far it reaches back.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use entryway_access::{IdentitySource, PrincipalArn};
use jiff::Timestamp;

/// The most pairs of source and principal that are kept.
const MOST: usize = 10_000;

/// What mapped somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    AccessEntry,
    AwsAuthLine,
    AwsAuthAccount,
    ClusterCreator,
}

impl Source {
    fn of(source: &IdentitySource) -> Source {
        match source {
            IdentitySource::Entry(_) => Source::AccessEntry,
            IdentitySource::AwsAuthLine { .. } => Source::AwsAuthLine,
            IdentitySource::AwsAuthAccount => Source::AwsAuthAccount,
            IdentitySource::BootstrapCreator => Source::ClusterCreator,
        }
    }

    /// As answers name it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Source::AccessEntry => "accessEntry",
            Source::AwsAuthLine => "awsAuth",
            Source::AwsAuthAccount => "awsAuthAccount",
            Source::ClusterCreator => "clusterCreator",
        }
    }
}

/// The sign-ins of one principal by one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Requests that came with a token of it.
    pub(crate) count: u64,
    /// The last one.
    pub(crate) last: Timestamp,
}

#[derive(Debug, Default)]
struct Table {
    seen: BTreeMap<(PrincipalArn, Source), Seen>,
    is_full: bool,
}

/// The sign-ins of one cluster.
#[derive(Debug)]
pub(crate) struct SignIns {
    since: Timestamp,
    table: Mutex<Table>,
}

/// One line of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignIn {
    pub(crate) principal: PrincipalArn,
    pub(crate) source: Source,
    pub(crate) seen: Seen,
}

impl SignIns {
    pub(crate) fn new(since: Timestamp) -> Self {
        SignIns { since, table: Mutex::default() }
    }

    /// Since when they are counted.
    pub(crate) fn since(&self) -> Timestamp {
        self.since
    }

    /// Counts one.
    pub(crate) fn note(&self, principal: &PrincipalArn, source: &IdentitySource, now: Timestamp) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (principal.clone(), Source::of(source));
        if let Some(seen) = table.seen.get_mut(&key) {
            seen.count = seen.count.saturating_add(1);
            seen.last = seen.last.max(now);
        } else if table.seen.len() < MOST {
            table.seen.insert(key, Seen { count: 1, last: now });
        } else {
            table.is_full = true;
        }
    }

    /// All of them, by principal and source, and whether these are all.
    pub(crate) fn all(&self) -> (Vec<SignIn>, bool) {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |((principal, source), seen): (&(PrincipalArn, Source), &Seen)| SignIn {
            principal: principal.clone(),
            source: *source,
            seen: *seen,
        };
        (table.seen.iter().map(line).collect(), !table.is_full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_ins_are_told_apart_by_what_mapped_them() {
        let [first, second] = ["2026-01-02T03:04:05Z", "2026-01-02T04:00:00Z"].map(|t| t.parse::<Timestamp>().unwrap());
        let sign_ins = SignIns::new(first);
        let jo: PrincipalArn = "arn:aws:iam::111122223333:user/jo".parse().unwrap();
        let line = IdentitySource::AwsAuthLine { key: "mapUsers", index: 3 };
        sign_ins.note(&jo, &line, second);
        sign_ins.note(&jo, &line, first);
        sign_ins.note(&jo, &IdentitySource::Entry(jo.clone()), first);
        let (all, whole) = sign_ins.all();
        assert!(whole);
        let told: Vec<_> = all.iter().map(|one| (one.source.as_str(), one.seen.count, one.seen.last)).collect();
        assert_eq!(told, [("accessEntry", 1, first), ("awsAuth", 2, second)]);
    }

    #[test]
    fn a_table_that_is_full_says_so() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let sign_ins = SignIns::new(now);
        for n in 0..=MOST {
            let user: PrincipalArn = format!("arn:aws:iam::111122223333:user/u{n}").parse().unwrap();
            sign_ins.note(&user, &IdentitySource::AwsAuthAccount, now);
        }
        let (all, whole) = sign_ins.all();
        assert_eq!((all.len(), whole), (MOST, false));
    }
}

//! What pages over large clusters need again and again, kept for as long as it is true: records of entries, and who
//! is asked about. Both are made anew after a change; a page never shows less than what has been acknowledged.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use entryway_access::{Snapshot, UserInfo};
use entryway_store::Revision;
use jiff::Timestamp;

use super::subject::{self, Subject};
use crate::eks::EntryRecord;

/// Clusters that something is kept of; with more, all is forgotten.
const MOST: usize = 16;

/// By a cluster's id.
#[derive(Debug)]
struct ByCluster<T>(Mutex<HashMap<String, T>>);

impl<T> Default for ByCluster<T> {
    fn default() -> Self {
        ByCluster(Mutex::default())
    }
}

impl<T: Clone> ByCluster<T> {
    fn get(&self, cluster: &str) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(cluster).cloned()
    }

    fn put(&self, cluster: &str, value: T) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST && !all.contains_key(cluster) {
            all.clear();
        }
        all.insert(cluster.to_owned(), value);
    }
}

/// A cluster's records, and the revision of entries that they are at least of.
type Records = (Revision, Arc<Vec<EntryRecord>>);

/// What is kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    records: ByCluster<Records>,
    people: ByCluster<Arc<People>>,
}

impl Kept {
    /// The records of a revision.
    pub(super) fn records(&self, cluster: &str, revision: Revision) -> Option<Arc<Vec<EntryRecord>>> {
        self.records.get(cluster).filter(|(own, _)| *own == revision).map(|(_, records)| records)
    }

    /// Keeps records that were read once everything up to `revision` was in force.
    pub(super) fn put_records(&self, cluster: &str, revision: Revision, records: &Arc<Vec<EntryRecord>>) {
        self.records.put(cluster, (revision, Arc::clone(records)));
    }

    /// Everybody in a state of a cluster.
    pub(super) fn people(&self, cluster: &str, snapshot: &Arc<Snapshot>, now: Timestamp) -> Arc<People> {
        if let Some(people) = self.people.get(cluster).filter(|people| people.are_of(snapshot, now)) {
            return people;
        }
        let people = Arc::new(People::of(snapshot, now));
        self.people.put(cluster, Arc::clone(&people));
        people
    }
}

/// Everybody whom a cluster names, and who each is there.
#[derive(Debug)]
pub(super) struct People {
    snapshot: Arc<Snapshot>,
    made: Timestamp,
    /// When the next entry ends, and with it what it maps.
    until: Option<Timestamp>,
    all: Vec<(Subject, Option<UserInfo>)>,
}

impl People {
    fn of(snapshot: &Arc<Snapshot>, now: Timestamp) -> People {
        let ends = snapshot.entries();
        let until = ends.iter().filter_map(|entry| entry.expires).filter(|end| *end > now).min();
        let all = subject::everybody(snapshot).into_iter();
        let all = all.map(|subject| {
            let user = subject.user(snapshot, now);
            (subject, user)
        });
        People { snapshot: Arc::clone(snapshot), made: now, until, all: all.collect() }
    }

    fn are_of(&self, snapshot: &Arc<Snapshot>, now: Timestamp) -> bool {
        Arc::ptr_eq(&self.snapshot, snapshot) && now >= self.made && self.until.is_none_or(|until| now < until)
    }

    /// Each with who it is; `None` for one whom nothing maps. Kubernetes' own users and groups are left out unless
    /// `system` is set.
    pub(super) fn iter(&self, system: bool) -> impl Iterator<Item = (&Subject, Option<&UserInfo>)> {
        let own = self.all.iter().filter(move |(subject, _)| system || !subject.is_system());
        own.map(|(subject, user)| (subject, user.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entryway_access::{AccessEntry, AuthenticationMode, AwsAuth, ClusterModel, PolicyCatalogue, RbacObjects};

    #[test]
    fn people_are_true_until_something_changes_or_ends() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let entry = |name: &str, end: Option<i64>| {
            let principal = format!("arn:aws:iam::111122223333:role/{name}").parse().unwrap();
            let account = "111122223333".parse().unwrap();
            let kind = entryway_access::EntryType::Standard;
            let entry = AccessEntry::new(principal, kind, None, None, &account).unwrap();
            Arc::new(AccessEntry { expires: end.map(at), ..entry })
        };
        let snapshot = Arc::new(Snapshot::compile(ClusterModel {
            mode: AuthenticationMode::Api,
            entries: vec![entry("a", None), entry("b", Some(100))],
            aws_auth: AwsAuth::default(),
            rbac: RbacObjects::default(),
            catalogue: PolicyCatalogue::builtin(),
            bootstrap_creator: None,
        }));
        let kept = Kept::default();
        let mapped = |snapshot: &Arc<Snapshot>, now| {
            let people = kept.people("id", snapshot, at(now));
            people.iter(false).filter(|(_, user)| user.is_some()).count()
        };
        assert_eq!((mapped(&snapshot, 10), mapped(&snapshot, 99), mapped(&snapshot, 100)), (2, 2, 1));
        let next = Arc::new(snapshot.with_entry(entry("c", None)));
        assert_eq!((mapped(&next, 100), mapped(&snapshot, 50)), (2, 2), "of another state, and of a time before");
        assert!(kept.records("id", 1).is_none());
        kept.put_records("id", 1, &Arc::default());
        assert!(
            kept.records("id", 1).is_some() && kept.records("id", 2).is_none() && kept.records("other", 1).is_none()
        );
    }
}

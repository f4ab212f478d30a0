//! Who signed in to a cluster since it runs here, and what mapped them: what has to be known before aws-auth is turned
//! off. Counted in memory, so that no request waits for it, and written behind: who is new within a second, mere counts
//! every half minute, and all when the cluster stops. [`SignIns::since`] says how far it reaches back, over restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entryway_access::{IdentitySource, PrincipalArn};
use entryway_store::{ListOptions, Store, StoreError, Txn};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use crate::keys;

/// The most pairs of source and principal that are kept.
const MOST: usize = 10_000;
/// How soon somebody new is written.
const NEW: Duration = Duration::from_secs(1);
/// How soon a count is written.
const COUNTS: Duration = Duration::from_secs(30);
/// The most lines of one transaction.
const STEP: usize = 100;

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

    fn parse(text: &str) -> Option<Source> {
        let all = [Source::AccessEntry, Source::AwsAuthLine, Source::AwsAuthAccount, Source::ClusterCreator];
        all.into_iter().find(|source| source.as_str() == text)
    }
}

/// The sign-ins of one principal by one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// Requests that came with a token of it.
    pub(crate) count: u64,
    /// The last one.
    pub(crate) last: Timestamp,
}

type Key = (PrincipalArn, Source);

#[derive(Debug, Default)]
struct Table {
    seen: BTreeMap<Key, Seen>,
    is_full: bool,
    /// What is not written yet.
    unwritten: BTreeSet<Key>,
    /// Whether the head is written, and with which `is_full`.
    head: Option<bool>,
}

/// What is stored beside the lines.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    since: Timestamp,
    is_full: bool,
}

/// The sign-ins of one cluster.
#[derive(Debug)]
pub(crate) struct SignIns {
    since: Timestamp,
    cluster_id: String,
    /// Of its keys.
    prefix: String,
    table: Mutex<Table>,
    /// Somebody new is to be written.
    fresh: Notify,
}

/// One line of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignIn {
    pub(crate) principal: PrincipalArn,
    pub(crate) source: Source,
    pub(crate) seen: Seen,
}

impl SignIns {
    /// What is known of the cluster of that id; counted from `now` on where nothing is.
    pub(crate) async fn load(store: &dyn Store, cluster_id: &str, now: Timestamp) -> Result<Self, StoreError> {
        let prefix = format!("{}{cluster_id}/", keys::SIGN_INS);
        let (mut head, mut table) = (None, Table::default());
        for item in store.list(&prefix, ListOptions::default()).await?.items {
            let rest = item.key.strip_prefix(&prefix).unwrap_or_default();
            // What can't be read is counted anew; nothing that is written here is so.
            match rest.split_once('/') {
                None => head = serde_json::from_slice::<Head>(&item.value).ok(),
                Some((source, principal)) => {
                    let key = Source::parse(source).and_then(|source| Some((principal.parse().ok()?, source)));
                    table.seen.extend(key.zip(serde_json::from_slice::<Seen>(&item.value).ok()));
                }
            }
        }
        let head: Option<Head> = head;
        table.is_full = head.is_some_and(|head| head.is_full);
        table.head = head.map(|head| head.is_full);
        let since = head.map_or(now, |head| head.since);
        Ok(SignIns { since, cluster_id: cluster_id.to_owned(), prefix, table: Mutex::new(table), fresh: Notify::new() })
    }

    /// Writes what is new until `stop` turns true, and then the rest.
    pub(crate) async fn keep(self: Arc<Self>, store: Arc<dyn Store>, mut stop: watch::Receiver<bool>) {
        loop {
            let wait = async {
                tokio::select! {
                    () = self.fresh.notified() => tokio::time::sleep(NEW).await,
                    () = tokio::time::sleep(COUNTS) => {}
                }
            };
            let is_over = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => true,
                () = wait => false,
            };
            if let Err(error) = self.write(store.as_ref()).await {
                tracing::error!(%error, "who signed in could not be written; it is tried again");
            }
            if is_over {
                return;
            }
        }
    }

    /// Writes what is not written yet.
    async fn write(&self, store: &dyn Store) -> Result<(), StoreError> {
        loop {
            let (mut txn, taken) = self.unwritten();
            if txn.ops.is_empty() {
                return Ok(());
            }
            let head = Head { since: self.since, is_full: taken.is_full };
            if taken.with_head {
                txn = txn.put(format!("{}head", self.prefix), encoded(&head));
            }
            // Of a deleted cluster, nothing is left behind.
            let written = store.commit(txn.absent(format!("{}{}", keys::GONE, self.cluster_id))).await;
            let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            match written {
                Ok(_) if taken.with_head => table.head = Some(taken.is_full),
                Ok(_) => {}
                Err(error) => {
                    table.unwritten.extend(taken.keys);
                    return Err(error);
                }
            }
        }
    }

    /// Some lines that are to be written. The head goes with the first that there ever are.
    fn unwritten(&self) -> (Txn, Taken) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let keys: Vec<Key> = table.unwritten.iter().take(STEP).cloned().collect();
        let mut txn = Txn::new();
        for key in &keys {
            table.unwritten.remove(key);
            if let Some(seen) = table.seen.get(key) {
                txn = txn.put(format!("{}{}/{}", self.prefix, key.1.as_str(), key.0), encoded(seen));
            }
        }
        let (is_full, with_head) = (table.is_full, table.head != Some(table.is_full));
        (txn, Taken { keys, is_full, with_head })
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
            table.unwritten.insert(key);
        } else if table.seen.len() < MOST {
            table.seen.insert(key.clone(), Seen { count: 1, last: now });
            table.unwritten.insert(key);
            self.fresh.notify_one();
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

/// What [`SignIns::unwritten`] took.
struct Taken {
    keys: Vec<Key>,
    is_full: bool,
    with_head: bool,
}

fn encoded(value: &impl Serialize) -> Vec<u8> {
    // Numbers, times and truth values can always be written.
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use entryway_store::MemoryStore;

    async fn none(now: Timestamp) -> SignIns {
        SignIns::load(&MemoryStore::new(), "id", now).await.unwrap()
    }

    #[tokio::test]
    async fn they_outlive_a_restart() {
        let [first, later] = ["2026-01-02T03:04:05Z", "2026-01-03T00:00:00Z"].map(|t| t.parse::<Timestamp>().unwrap());
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let load = async |now| Arc::new(SignIns::load(store.as_ref(), "id", now).await.unwrap());
        let sign_ins = load(first).await;
        let user = |n: usize| format!("arn:aws:iam::111122223333:user/u{n}").parse::<PrincipalArn>().unwrap();
        for n in 0..STEP + 20 {
            sign_ins.note(&user(n), &IdentitySource::AwsAuthAccount, first);
        }
        // Told to stop, it writes all that there is.
        let (stop, stopping) = watch::channel(true);
        Arc::clone(&sign_ins).keep(Arc::clone(&store), stopping).await;
        drop(stop);
        let again = load(later).await;
        assert_eq!((again.since(), again.all()), (first, sign_ins.all()));
        again.note(&user(3), &IdentitySource::AwsAuthAccount, later);
        again.write(store.as_ref()).await.unwrap();
        let (all, whole) = load(later).await.all();
        let third = all.iter().find(|one| one.principal == user(3)).unwrap();
        assert_eq!((third.seen, whole), (Seen { count: 2, last: later }, true));
        // Another cluster's are its own.
        let other = SignIns::load(store.as_ref(), "id2", later).await.unwrap();
        assert_eq!((other.since(), other.all()), (later, (Vec::new(), true)));
    }

    #[tokio::test]
    async fn sign_ins_are_told_apart_by_what_mapped_them() {
        let [first, second] = ["2026-01-02T03:04:05Z", "2026-01-02T04:00:00Z"].map(|t| t.parse::<Timestamp>().unwrap());
        let sign_ins = none(first).await;
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

    #[tokio::test]
    async fn a_table_that_is_full_says_so() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let sign_ins = none(now).await;
        for n in 0..=MOST {
            let user: PrincipalArn = format!("arn:aws:iam::111122223333:user/u{n}").parse().unwrap();
            sign_ins.note(&user, &IdentitySource::AwsAuthAccount, now);
        }
        let (all, whole) = sign_ins.all();
        assert_eq!((all.len(), whole), (MOST, false));
    }
}

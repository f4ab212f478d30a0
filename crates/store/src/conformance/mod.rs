//! What every [`Store`] promises, as tests that run on any implementation.
//!
//! Each case is a plain async function that takes a store in which nothing has been written, and panics
//! where a promise is broken; [`conformance_tests!`](crate::conformance_tests) makes a test of each. The
//! cases count revisions from where they find the store and wait for nothing but what they have caused, so a
//! remote store (etcd, one namespace a case) can be tested the same way.
//!
//! Durability is not here: it needs a process that dies (`tests/kill.rs`).

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests: a panic is their verdict"
)]

pub mod compaction;
pub mod reads;
pub mod transactions;
pub mod watches;

use std::sync::Arc;
use std::time::Duration;

use crate::{Change, ChangeBatch, KeyValue, ListOptions, Listing, Revision, Store, StoreError, Txn, TxnOutcome, Watch};

/// A store under test, with no writes in it yet that a case could see.
pub type Subject = Arc<dyn Store>;

/// How long a case waits for what must happen, before it says that it did not.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes a `#[tokio::test]` of every case. The argument is an expression that gives a fresh [`Subject`], and
/// optionally something to keep until the case is over (a temporary folder).
///
/// ```no_run
/// entryway_store::conformance_tests!((std::sync::Arc::new(entryway_store::MemoryStore::new()), ()));
/// ```
#[macro_export]
macro_rules! conformance_tests {
    ($fresh:expr) => {
        $crate::conformance_tests! { @cases $fresh;
            transactions: put_and_get, revisions_grow_by_one, all_or_nothing, first_failed_condition,
                modified_at, created_and_modified, delete_of_absent, conditions_see_the_state_before,
                nothing_to_write, invalid_transactions, limits, concurrent_counter;
            reads: any_utf8, prefix_is_bytes, pages, pages_of_the_past, past_revisions, future, large_values;
            watches: resume, from_the_past, whole_revisions, previous_state, prefixes, marks, exactly_once,
                slow_watcher, watch_of_the_future, many_watchers, dropped_in_the_middle;
            compaction: keeps_the_state, refuses_the_past, ends_late_watchers, spares_watchers_in_time,
                of_the_future, again, many_revisions;
        }
    };
    (@cases $fresh:expr; $($group:ident: $($case:ident),+;)+) => {
        $(mod $group {
            #[allow(unused_imports, reason = "the expression may name anything of the file")]
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (store, _kept) = $fresh;
                $crate::conformance::$group::$case(store).await;
            })+
        })+
    };
}

/// Commits what must come through; the revision.
async fn commit(store: &Subject, txn: Txn) -> Revision {
    match store.commit(txn).await.unwrap() {
        TxnOutcome::Committed(revision) => revision,
        conflict @ TxnOutcome::Conflict { .. } => panic!("a conflict where there is none: {conflict:?}"),
    }
}

/// Commits what must fail; the position of the condition and the key's state.
async fn conflict(store: &Subject, txn: Txn) -> (usize, Option<KeyValue>) {
    match store.commit(txn).await.unwrap() {
        TxnOutcome::Conflict { failed, current } => (failed, current),
        TxnOutcome::Committed(revision) => panic!("committed at {revision} in spite of a condition"),
    }
}

async fn put(store: &Subject, key: &str, value: &str) -> Revision {
    commit(store, Txn::new().put(key, value.to_owned())).await
}

async fn delete(store: &Subject, key: &str) -> Revision {
    commit(store, Txn::new().delete(key)).await
}

async fn list(store: &Subject, prefix: &str) -> Listing {
    store.list(prefix, ListOptions::default()).await.unwrap()
}

async fn list_at(store: &Subject, prefix: &str, at: Revision) -> Result<Listing, StoreError> {
    store.list(prefix, ListOptions { at: Some(at), ..ListOptions::default() }).await
}

fn kv(key: &str, value: &str, created: Revision, modified: Revision) -> KeyValue {
    KeyValue { key: key.to_owned(), value: value.to_owned().into(), created, modified }
}

/// `key=value` of each item.
fn texts(listing: &Listing) -> Vec<String> {
    listing.items.iter().map(|kv| format!("{}={}", kv.key, String::from_utf8_lossy(&kv.value))).collect()
}

/// `key=value` of what was set and `-key` of what was removed.
fn changes(batch: &ChangeBatch) -> Vec<String> {
    let text = |change: &Change| match &change.current {
        Some(kv) => format!("{}={}", kv.key, String::from_utf8_lossy(&kv.value)),
        None => format!("-{}", change.key),
    };
    batch.changes.iter().map(text).collect()
}

async fn next(watch: &mut Box<dyn Watch>) -> Result<ChangeBatch, StoreError> {
    match tokio::time::timeout(PATIENCE, watch.next()).await {
        Ok(result) => result,
        Err(_) => panic!("the watch says nothing"),
    }
}

/// The next batch that has changes.
async fn next_changes(watch: &mut Box<dyn Watch>) -> ChangeBatch {
    loop {
        let batch = next(watch).await.unwrap();
        if !batch.changes.is_empty() {
            return batch;
        }
    }
}

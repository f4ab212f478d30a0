//! Records that go along with changes which are made below, by code that knows nothing of records: the directory.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use entryway_store::{KeyValue, ListOptions, Listing, Revision, Store, StoreError, Txn, TxnOutcome, Watch};

use super::Record;

tokio::task_local! {
    /// The record that goes along with the next change of this task.
    static PENDING: Cell<Option<Record>>;
}

/// A store that adds the pending record of a task to the first change that the task commits. The directory writes
/// through it, which knows nothing of records.
pub(crate) struct ChangeRecorder {
    store: Arc<dyn Store>,
    changes: Arc<AtomicU64>,
}

impl ChangeRecorder {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        ChangeRecorder { store, changes: Arc::default() }
    }

    /// Counts the changes that were made.
    pub(crate) fn changes(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.changes)
    }
}

/// Runs `work`, whose first change takes `record` along; tells whether there was a change.
pub(crate) async fn with_change<T>(record: Record, work: impl Future<Output = T>) -> (T, bool) {
    let work = async {
        let done = work.await;
        (done, PENDING.with(Cell::take).is_none())
    };
    PENDING.scope(Cell::new(Some(record)), work).await
}

#[async_trait]
impl Store for ChangeRecorder {
    async fn commit(&self, mut txn: Txn) -> Result<TxnOutcome, StoreError> {
        let pending = if txn.ops.is_empty() { None } else { PENDING.try_with(Cell::take).ok().flatten() };
        if let Some((key, record)) = &pending {
            txn = txn.put(key.clone(), record.clone());
        }
        let changes = !txn.ops.is_empty();
        let outcome = self.store.commit(txn).await;
        // Also after an error: it may have been made.
        if changes {
            self.changes.fetch_add(1, Ordering::AcqRel);
        }
        if pending.is_some() && !matches!(outcome, Ok(TxnOutcome::Committed(_))) {
            // The change is tried again, or is none.
            let _ = PENDING.try_with(|place| place.set(pending));
        }
        outcome
    }

    async fn revision(&self) -> Result<Revision, StoreError> {
        self.store.revision().await
    }
    async fn get(&self, key: &str) -> Result<Option<KeyValue>, StoreError> {
        self.store.get(key).await
    }
    async fn list(&self, prefix: &str, options: ListOptions) -> Result<Listing, StoreError> {
        self.store.list(prefix, options).await
    }
    async fn watch(&self, prefix: &str, after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        self.store.watch(prefix, after).await
    }
    async fn compact(&self, revision: Revision) -> Result<(), StoreError> {
        self.store.compact(revision).await
    }
    async fn oldest(&self) -> Result<Revision, StoreError> {
        self.store.oldest().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entryway_store::MemoryStore;

    #[tokio::test]
    async fn a_change_takes_its_record_along() {
        let store = MemoryStore::new();
        let recorder = ChangeRecorder::new(Arc::new(store.clone()));
        let record = || ("/audit/x".to_owned(), b"{}".to_vec());
        let (_, changed) = with_change(record(), recorder.get("/a")).await;
        assert!(!changed);
        let work = async {
            let conflict = recorder.commit(Txn::new().present("/a").put("/a", "1")).await.unwrap();
            assert!(matches!(conflict, TxnOutcome::Conflict { .. }));
            assert_eq!(store.get("/audit/x").await.unwrap(), None);
            let _ = recorder.commit(Txn::new().absent("/a").put("/a", "1")).await.unwrap();
            let _ = recorder.commit(Txn::new().put("/b", "1")).await.unwrap();
        };
        let ((), changed) = with_change(record(), work).await;
        assert!(changed);
        let at = async |key: &str| store.get(key).await.unwrap().unwrap().modified;
        assert_eq!(at("/audit/x").await, at("/a").await);
        assert_ne!(at("/audit/x").await, at("/b").await);
        let _ = recorder.commit(Txn::new().put("/c", "outside of any call")).await.unwrap();
    }
}

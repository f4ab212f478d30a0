//! How long records are kept, and removing those that are too old or too much.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use entryway_store::{ListOptions, Store, StoreError, Txn};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::{Audit, key};
use crate::keys;

/// How long records are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The greatest age.
    pub age: SignedDuration,
    /// The greatest size of all records together, in bytes.
    pub bytes: u64,
}

impl Default for Retention {
    /// 90 days, 1 GB.
    fn default() -> Self {
        Retention { age: SignedDuration::from_hours(90 * 24), bytes: 1_000_000_000 }
    }
}

/// How often old records are looked for.
const CLEAN_EVERY: Duration = Duration::from_secs(600);
/// Records that one step of cleaning looks at.
const CLEAN_STEP: usize = 500;

/// Removes what is to be removed, every ten minutes, until `stop` turns true.
pub(super) async fn clean(
    audit: Arc<Audit>,
    store: Arc<dyn Store>,
    retention: Retention,
    mut stop: watch::Receiver<bool>,
) {
    let mut counted = false;
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(CLEAN_EVERY) => {}
        }
        let result = async {
            if !counted {
                audit.bytes.store(total(store.as_ref()).await?, Ordering::Relaxed);
                counted = true;
            }
            remove_old(&audit, store.as_ref(), retention, Timestamp::now()).await
        };
        if let Err(error) = result.await {
            tracing::error!(%error, "old audit records could not be removed");
        }
    }
}

/// The size of all records.
async fn total(store: &dyn Store) -> Result<u64, StoreError> {
    let (mut bytes, mut after) = (0u64, None);
    loop {
        let page = store.list(keys::AUDIT, ListOptions { after, limit: CLEAN_STEP, at: None }).await?;
        bytes += page.items.iter().map(|item| item.value.len() as u64).sum::<u64>();
        after = page.items.last().map(|item| item.key.clone());
        if page.remaining == 0 || after.is_none() {
            return Ok(bytes);
        }
    }
}

/// Removes what is too old, and the oldest of what is too much.
async fn remove_old(audit: &Audit, store: &dyn Store, retention: Retention, now: Timestamp) -> Result<(), StoreError> {
    let oldest = now.checked_sub(retention.age).unwrap_or(Timestamp::UNIX_EPOCH);
    let oldest = key(oldest, "");
    loop {
        let page = store.list(keys::AUDIT, ListOptions { after: None, limit: CLEAN_STEP, at: None }).await?;
        let mut txn = Txn::new();
        let mut bytes = audit.bytes.load(Ordering::Relaxed);
        for item in page.items {
            if item.key >= oldest && bytes <= retention.bytes {
                break;
            }
            bytes = bytes.saturating_sub(item.value.len() as u64);
            txn = txn.delete(item.key);
        }
        let removed = txn.ops.len();
        if removed == 0 {
            return Ok(());
        }
        let _ = store.commit(txn).await?;
        audit.bytes.store(bytes, Ordering::Relaxed);
        if removed < CLEAN_STEP {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entryway_store::MemoryStore;

    #[tokio::test]
    async fn the_oldest_go_first() {
        let store = MemoryStore::new();
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let mut txn = Txn::new();
        for day in 0..200 {
            txn = txn.put(key(now - SignedDuration::from_hours(24 * day), "x"), vec![b'x'; 100]);
        }
        let _ = store.commit(txn).await.unwrap();
        let (_, stop) = watch::channel(false);
        let (audit, _) = Audit::start(Arc::new(store.clone()), Retention::default(), stop);
        audit.count(20_000);
        let count = async || store.list(keys::AUDIT, ListOptions::default()).await.unwrap().items.len();
        remove_old(&audit, &store, Retention::default(), now).await.unwrap();
        assert_eq!(count().await, 91);
        remove_old(&audit, &store, Retention { bytes: 5000, ..Retention::default() }, now).await.unwrap();
        assert_eq!(count().await, 50);
        assert_eq!(total(&store).await.unwrap(), 5000);
    }
}

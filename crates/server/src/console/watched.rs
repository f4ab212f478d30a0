//! What lies under some prefixes of the store, read once, and again when the store's watch tells of a change: listing
//! ten thousand objects at every visit costs more than the page.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use entryway_store::{KeyValue, ListOptions, Store, StoreError, Watch};
use futures::FutureExt;

/// So many prefixes are kept; with more, all is read anew.
const MOST: usize = 64;

/// By prefix.
#[derive(Default)]
pub(super) struct Watched(Mutex<HashMap<String, Listing>>);

struct Listing {
    items: Arc<Vec<KeyValue>>,
    watch: Box<dyn Watch>,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}

impl Watched {
    /// What lies there now.
    pub(super) async fn list(&self, store: &dyn Store, prefix: &str) -> Result<Arc<Vec<KeyValue>>, StoreError> {
        if let Some(items) = self.unchanged(prefix) {
            return Ok(items);
        }
        // Watched first, then read: what is written in between is read, and read once more.
        let watch = store.watch(prefix, store.revision().await?).await?;
        let items = Arc::new(store.list(prefix, ListOptions::default()).await?.items);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(prefix.to_owned(), Listing { items: Arc::clone(&items), watch });
        Ok(items)
    }

    /// What was read last, if the watch has nothing new.
    fn unchanged(&self, prefix: &str) -> Option<Arc<Vec<KeyValue>>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let listing = all.get_mut(prefix)?;
        loop {
            // Unconstrained: a task that has used up its turn would be told that there is nothing.
            match tokio::task::unconstrained(listing.watch.next()).now_or_never() {
                None => return Some(Arc::clone(&listing.items)),
                Some(Ok(batch)) if batch.changes.is_empty() => {}
                Some(_) => break,
            }
        }
        all.remove(prefix);
        None
    }
}

#[cfg(test)]
mod tests {
    use entryway_store::{EmbeddedStore, Txn};

    use super::*;

    #[tokio::test]
    async fn it_is_read_again_after_a_change_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(folder.path()).unwrap();
        let put = |key: &'static str, value: &'static str| store.commit(Txn::new().put(key, value.as_bytes().to_vec()));
        let watched = Watched::default();
        for round in 0..50 {
            let before = watched.list(&store, "a/").await.unwrap();
            let _ = put("b/elsewhere", "x").await.unwrap();
            let same = watched.list(&store, "a/").await.unwrap();
            assert!(Arc::ptr_eq(&before, &same), "round {round}: nothing changed there");
            let _ = put("a/1", "x").await.unwrap();
            let after = watched.list(&store, "a/").await.unwrap();
            assert_eq!(after.first().map(|item| item.modified), Some(store.revision().await.unwrap()), "round {round}");
            let _ = store.commit(Txn::new().delete("a/1")).await.unwrap();
            assert!(watched.list(&store, "a/").await.unwrap().is_empty(), "round {round}");
        }
    }
}

//! Records in and out of the store.

use entryway_store::{ListOptions, Revision, Store, Txn, TxnOutcome};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::DirectoryError;

/// How often a change is tried again when others got in between. Each failure means that somebody else's change
/// was made, so this is only ever reached under a storm.
pub(crate) const ATTEMPTS: usize = 256;

/// A record and the revision that wrote it, to compare against.
#[derive(Debug, Clone)]
pub(crate) struct Loaded<R> {
    pub(crate) key: String,
    pub(crate) record: R,
    pub(crate) revision: Revision,
}

impl<R: Serialize> Loaded<R> {
    /// Replaces the record, if it is still what was read.
    pub(crate) fn replace(&self, txn: Txn) -> Result<Txn, DirectoryError> {
        Ok(txn.modified_at(&self.key, self.revision).put(&self.key, encode(&self.key, &self.record)?))
    }

    /// Removes the record, if it is still what was read.
    pub(crate) fn remove(&self, txn: Txn) -> Txn {
        txn.modified_at(&self.key, self.revision).delete(&self.key)
    }
}

/// Adds a record that must not exist yet.
pub(crate) fn create<R: Serialize>(txn: Txn, key: &str, record: &R) -> Result<Txn, DirectoryError> {
    Ok(txn.absent(key).put(key, encode(key, record)?))
}

/// Reads one record.
pub(crate) async fn load<R: DeserializeOwned>(
    store: &dyn Store,
    key: &str,
) -> Result<Option<Loaded<R>>, DirectoryError> {
    let Some(found) = store.get(key).await? else { return Ok(None) };
    let record = decode(key, &found.value)?;
    Ok(Some(Loaded { key: found.key, record, revision: found.modified }))
}

/// Reads all records under a prefix, ascending by key.
pub(crate) async fn load_all<R: DeserializeOwned>(
    store: &dyn Store,
    prefix: &str,
) -> Result<Vec<Loaded<R>>, DirectoryError> {
    let listing = store.list(prefix, ListOptions::default()).await?;
    listing
        .items
        .into_iter()
        .map(|item| {
            let record = decode(&item.key, &item.value)?;
            Ok(Loaded { key: item.key, record, revision: item.modified })
        })
        .collect()
}

/// Whether the transaction was made; `false`: something it compared has changed, so read again.
pub(crate) async fn commit(store: &dyn Store, txn: Txn) -> Result<bool, DirectoryError> {
    Ok(match store.commit(txn).await? {
        TxnOutcome::Committed(_) => true,
        TxnOutcome::Conflict { .. } => false,
    })
}

fn encode<R: Serialize>(key: &str, record: &R) -> Result<Vec<u8>, DirectoryError> {
    serde_json::to_vec(record).map_err(|error| corrupt(key, &error))
}

fn decode<R: DeserializeOwned>(key: &str, value: &[u8]) -> Result<R, DirectoryError> {
    serde_json::from_slice(value).map_err(|error| corrupt(key, &error))
}

/// Only the place and the kind of the fault are told: serde's own message may quote the record, secrets and all.
fn corrupt(key: &str, error: &serde_json::Error) -> DirectoryError {
    let problem = format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column());
    DirectoryError::Corrupt { key: key.to_owned(), problem }
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Only what comes after this position, a [`Page::next`] of before.
    pub after: Option<String>,
    /// At most this many.
    pub limit: usize,
}

impl PageRequest {
    /// Everything.
    pub const ALL: PageRequest = PageRequest { after: None, limit: usize::MAX };
}

/// Part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where the next page begins; none on the last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The page of a list whose positions ascend. What comes or goes meanwhile moves nothing else: the position is
    /// an item's own, not a count.
    pub fn of(items: impl IntoIterator<Item = T>, position: impl Fn(&T) -> String, request: &PageRequest) -> Self {
        let mut page = Page { items: Vec::new(), next: None };
        let mut last = None;
        for item in items {
            let at = position(&item);
            if request.after.as_ref().is_some_and(|after| at <= *after) {
                continue;
            }
            if page.items.len() >= request.limit {
                page.next = last;
                break;
            }
            last = Some(at);
            page.items.push(item);
        }
        page
    }

    /// The same page of other things.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_broken_record_tells_no_secret() {
        let error = decode::<u64>("/iam/1/keys/X", br#""very-secret""#).unwrap_err().to_string();
        assert!(error.contains("/iam/1/keys/X") && !error.contains("secret"), "{error}");
    }

    proptest! {
        #[test]
        fn pages_together_are_the_list(items in proptest::collection::btree_set("[a-d]{0,3}", 0..20), limit in 1usize..6) {
            let mut all = Vec::new();
            let mut after = None;
            loop {
                let page = Page::of(items.clone(), Clone::clone, &PageRequest { after, limit });
                prop_assert!(page.items.len() <= limit);
                all.extend(page.items);
                after = page.next;
                if after.is_none() { break; }
            }
            prop_assert_eq!(all, items.into_iter().collect::<Vec<_>>());
        }
    }
}

//! The store in memory: for tests and for worlds that need not outlive the process. It keeps every promise
//! of the crate but durability.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use bytes::Bytes;

use crate::listing::{self, Row};
use crate::sync::{read, write};
use crate::watching::{self, Bounds, Committed, Hub, STEP_BYTES, STEP_REVISIONS, Source, Span, Step};
use crate::{
    Change, ChangeBatch, KeyValue, ListOptions, Listing, Op, Revision, Store, StoreError, Txn, TxnOutcome, Watch,
    limits,
};

/// A store in memory. Clones share the data.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

impl MemoryStore {
    /// An empty store, at revision 0.
    pub fn new() -> Self {
        Self::default()
    }
}

#[derive(Debug)]
struct Shared {
    state: RwLock<State>,
    hub: Hub,
}

impl Default for Shared {
    fn default() -> Self {
        Self { state: RwLock::default(), hub: Hub::new(0) }
    }
}

/// The keys now, and for each write still remembered what it replaced. Forgetting a revision is then just
/// removing what it replaced.
#[derive(Debug, Default)]
struct State {
    oldest: Revision,
    newest: Revision,
    current: BTreeMap<String, Entry>,
    /// key → revision of a write → the state before that write.
    past: BTreeMap<String, BTreeMap<Revision, Option<Entry>>>,
    /// revision → the keys that it wrote, in the order of the transaction.
    log: BTreeMap<Revision, Vec<String>>,
}

#[derive(Debug, Clone)]
struct Entry {
    value: Bytes,
    created: Revision,
    modified: Revision,
}

impl Entry {
    fn named(&self, key: &str) -> KeyValue {
        KeyValue { key: key.to_owned(), value: self.value.clone(), created: self.created, modified: self.modified }
    }
}

impl State {
    fn bounds(&self) -> Bounds {
        Bounds { oldest: self.oldest, newest: self.newest }
    }

    fn get(&self, key: &str) -> Option<KeyValue> {
        self.current.get(key).map(|entry| entry.named(key))
    }

    /// Applies a transaction whose conditions hold; the keys that changed.
    fn apply(&mut self, ops: Vec<Op>) -> Vec<String> {
        let revision = self.newest + 1;
        let mut changed = Vec::new();
        for op in ops {
            let (key, value) = match op {
                Op::Put(key, value) => (key, Some(value)),
                Op::Delete(key) => (key, None),
            };
            let before = self.current.remove(&key);
            if before.is_none() && value.is_none() {
                continue;
            }
            if let Some(value) = value {
                let created = before.as_ref().map_or(revision, |before| before.created);
                self.current.insert(key.clone(), Entry { value, created, modified: revision });
            }
            self.past.entry(key.clone()).or_default().insert(revision, before);
            changed.push(key);
        }
        if !changed.is_empty() {
            self.newest = revision;
            self.log.insert(revision, changed.clone());
        }
        changed
    }

    /// The state of a key as of `revision`.
    fn at(&self, key: &str, revision: Revision) -> Option<KeyValue> {
        match self.past.get(key).and_then(|past| first_after(past, revision)) {
            Some(before) => before.as_ref().map(|entry| entry.named(key)),
            None => self.get(key),
        }
    }

    fn list(&self, prefix: &str, options: &ListOptions) -> Result<Listing, StoreError> {
        let revision = options.at.unwrap_or(self.newest);
        self.bounds().check(revision)?;
        let start = match options.after.as_deref() {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let range = (start, Bound::Unbounded);
        let current = self
            .current
            .range::<str, _>(range)
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, entry)| Ok(Stored { key, entry: Some(entry) }));
        let past = self
            .past
            .range::<str, _>(range)
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter_map(|(key, past)| Some(Ok(Stored { key, entry: first_after(past, revision)?.as_ref() })));
        listing::page(current, past, options.limit, revision)
    }

    fn step(&self, prefix: &str, span: Span) -> Result<Step, StoreError> {
        self.bounds().check(span.first.saturating_sub(1))?;
        let last = span.last.min(span.first.saturating_add(STEP_REVISIONS));
        let mut step = Step { batches: Vec::new(), reached: last };
        let mut bytes = 0;
        for (&revision, keys) in self.log.range(span.first..=last) {
            let changes: Vec<Change> = keys
                .iter()
                .filter(|key| key.starts_with(prefix))
                .map(|key| Change {
                    key: key.clone(),
                    current: self.at(key, revision),
                    previous: self.at(key, revision - 1),
                })
                .collect();
            if changes.is_empty() {
                continue;
            }
            bytes += changes.iter().map(Change::bytes).sum::<usize>();
            step.batches.push(ChangeBatch { revision, changes });
            if bytes >= STEP_BYTES {
                step.reached = revision;
                break;
            }
        }
        Ok(step)
    }

    fn compact(&mut self, revision: Revision) {
        let kept = self.log.split_off(&(revision + 1));
        for (gone, keys) in std::mem::replace(&mut self.log, kept) {
            for key in keys {
                if let Some(past) = self.past.get_mut(&key) {
                    past.remove(&gone);
                    if past.is_empty() {
                        self.past.remove(&key);
                    }
                }
            }
        }
        self.oldest = revision;
    }
}

/// What the first write after `revision` replaced.
fn first_after(past: &BTreeMap<Revision, Option<Entry>>, revision: Revision) -> Option<&Option<Entry>> {
    past.range((Bound::Excluded(revision), Bound::Unbounded)).next().map(|(_, before)| before)
}

/// A row of a listing.
struct Stored<'a> {
    key: &'a str,
    entry: Option<&'a Entry>,
}

impl Row for Stored<'_> {
    type Error = StoreError;
    fn key(&self) -> &str {
        self.key
    }
    fn is_present(&self) -> bool {
        self.entry.is_some()
    }
    fn load(self) -> Option<KeyValue> {
        self.entry.map(|entry| entry.named(self.key))
    }
}

impl Source for Shared {
    fn hub(&self) -> &Hub {
        &self.hub
    }
    fn bounds(&self) -> Result<Bounds, StoreError> {
        Ok(read(&self.state).bounds())
    }
    fn step(&self, prefix: &str, span: Span) -> Result<Step, StoreError> {
        read(&self.state).step(prefix, span)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn revision(&self) -> Result<Revision, StoreError> {
        Ok(read(&self.shared.state).newest)
    }

    async fn get(&self, key: &str) -> Result<Option<KeyValue>, StoreError> {
        Ok(read(&self.shared.state).get(key))
    }

    async fn list(&self, prefix: &str, options: ListOptions) -> Result<Listing, StoreError> {
        read(&self.shared.state).list(prefix, &options)
    }

    async fn commit(&self, txn: Txn) -> Result<TxnOutcome, StoreError> {
        limits::check(&txn)?;
        let mut state = write(&self.shared.state);
        for (failed, compare) in txn.compares.iter().enumerate() {
            let current = state.current.get(compare.key());
            if !compare.holds(current.map(|entry| entry.modified)) {
                return Ok(TxnOutcome::Conflict { failed, current: state.get(compare.key()) });
            }
        }
        let changed = state.apply(txn.ops);
        if !changed.is_empty() {
            // Still under the lock, so that commits are published in their order.
            self.shared.hub.publish(vec![Committed::Keys(state.newest, changed)]);
        }
        Ok(TxnOutcome::Committed(state.newest))
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        watching::open(&self.shared, prefix, after)
    }

    async fn compact(&self, revision: Revision) -> Result<(), StoreError> {
        let mut state = write(&self.shared.state);
        if revision > state.newest {
            return Err(StoreError::Future { requested: revision, newest: state.newest });
        }
        if revision > state.oldest {
            state.compact(revision);
        }
        Ok(())
    }

    async fn oldest(&self) -> Result<Revision, StoreError> {
        Ok(read(&self.shared.state).oldest)
    }
}

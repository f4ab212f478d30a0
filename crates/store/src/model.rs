//! The words of the store: revisions, keys and values, transactions, listings, watches.

use async_trait::async_trait;
use bytes::Bytes;

use crate::StoreError;

/// The store's clock: grows by one with each committed transaction that writes. 0 is the empty store.
pub type Revision = u64;

/// One key as it stood at some revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValue {
    /// The key, a `/`-separated path by convention.
    pub key: String,
    /// The value, opaque to the store.
    pub value: Bytes,
    /// The revision that created the key (since it was last absent).
    pub created: Revision,
    /// The revision of the last write.
    pub modified: Revision,
}

/// A condition of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compare {
    /// The key has no value now.
    Absent(String),
    /// The key has a value now.
    Present(String),
    /// The key was last written at exactly this revision.
    ModifiedAt(String, Revision),
}

impl Compare {
    /// The key that the condition is about.
    pub fn key(&self) -> &str {
        match self {
            Self::Absent(key) | Self::Present(key) | Self::ModifiedAt(key, _) => key,
        }
    }

    /// Whether the condition holds for a key last written at `modified` (`None`: it has no value).
    pub fn holds(&self, modified: Option<Revision>) -> bool {
        match self {
            Self::Absent(_) => modified.is_none(),
            Self::Present(_) => modified.is_some(),
            Self::ModifiedAt(_, expected) => modified == Some(*expected),
        }
    }
}

/// A write of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Set the key.
    Put(String, Bytes),
    /// Remove the key; nothing happens where it is absent.
    Delete(String),
}

impl Op {
    /// The key that is written.
    pub fn key(&self) -> &str {
        match self {
            Self::Put(key, _) | Self::Delete(key) => key,
        }
    }

    /// The value that is set; `None` for a removal.
    pub fn value(&self) -> Option<&Bytes> {
        match self {
            Self::Put(_, value) => Some(value),
            Self::Delete(_) => None,
        }
    }
}

/// All comparisons hold and all writes happen, or nothing does.
/// A key may be written once only in a transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Txn {
    /// Conditions, checked in order.
    pub compares: Vec<Compare>,
    /// Writes, all at one revision.
    pub ops: Vec<Op>,
}

impl Txn {
    /// An empty transaction.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the condition that `key` has no value.
    #[must_use]
    pub fn absent(mut self, key: impl Into<String>) -> Self {
        self.compares.push(Compare::Absent(key.into()));
        self
    }

    /// Adds the condition that `key` has a value.
    #[must_use]
    pub fn present(mut self, key: impl Into<String>) -> Self {
        self.compares.push(Compare::Present(key.into()));
        self
    }

    /// Adds the condition that `key` was last written at `revision`.
    #[must_use]
    pub fn modified_at(mut self, key: impl Into<String>, revision: Revision) -> Self {
        self.compares.push(Compare::ModifiedAt(key.into(), revision));
        self
    }

    /// Adds a write.
    #[must_use]
    pub fn put(mut self, key: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.ops.push(Op::Put(key.into(), value.into()));
        self
    }

    /// The size of its keys and values, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.ops.iter().map(|op| op.key().len() + op.value().map_or(0, |value| value.len())).sum()
    }

    /// Adds a removal.
    #[must_use]
    pub fn delete(mut self, key: impl Into<String>) -> Self {
        self.ops.push(Op::Delete(key.into()));
        self
    }
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum TxnOutcome {
    /// Done and durable, at this revision (the current one where nothing was written).
    Committed(Revision),
    /// A condition did not hold; nothing was written.
    Conflict {
        /// The position of the first condition that failed, in [`Txn::compares`].
        failed: usize,
        /// The key of that condition as it stands, if it has a value.
        current: Option<KeyValue>,
    },
}

/// How to list a prefix.
#[derive(Debug, Clone, Default)]
pub struct ListOptions {
    /// Only keys strictly greater than this one (the last key of the page before).
    pub after: Option<String>,
    /// At most this many keys; 0 for all.
    pub limit: usize,
    /// As of this revision; the newest where absent.
    pub at: Option<Revision>,
}

/// Keys under a prefix, ascending by bytes, as of one revision.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The keys and values.
    pub items: Vec<KeyValue>,
    /// How many more follow the last item under the prefix, at that revision.
    pub remaining: u64,
    /// The revision the listing is of.
    pub revision: Revision,
}

/// One change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// The new state; absent where the key was removed.
    pub current: Option<KeyValue>,
    /// The state before, where the key existed. (Watches with selectors need it.)
    pub previous: Option<KeyValue>,
}

impl Change {
    /// Roughly how much memory the change holds, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let state = |state: &Option<KeyValue>| state.as_ref().map_or(0, |kv| kv.key.len() + kv.value.len());
        self.key.len() + state(&self.current) + state(&self.previous)
    }
}

/// All changes of one revision under the watched prefix. Empty `changes` is a progress mark: everything
/// up to `revision` has been delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeBatch {
    /// The revision.
    pub revision: Revision,
    /// The changes, in the order of the transaction.
    pub changes: Vec<Change>,
}

/// A running watch. Dropping it ends it.
#[async_trait]
pub trait Watch: Send {
    /// The next batch. Cancel-safe. `Err(Compacted)` when the watcher fell so far behind that the store
    /// dropped it (it is never buffered without bound): list again, then watch from there.
    async fn next(&mut self) -> Result<ChangeBatch, StoreError>;
}

/// A key-value store with etcd's model. Implementations are cheap to share behind an `Arc`.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The newest committed revision. O(1).
    async fn revision(&self) -> Result<Revision, StoreError>;

    /// One key, newest state.
    async fn get(&self, key: &str) -> Result<Option<KeyValue>, StoreError>;

    /// The keys under `prefix`. Cost is that of the keys returned (counting `remaining` may add the rest
    /// of the prefix when a limit cut the page).
    async fn list(&self, prefix: &str, options: ListOptions) -> Result<Listing, StoreError>;

    /// Commits a transaction, or says which condition failed.
    async fn commit(&self, txn: Txn) -> Result<TxnOutcome, StoreError>;

    /// Watches `prefix` for changes after revision `after` (exclusive). `Err(Compacted)` where that
    /// history is gone. Progress marks arrive at least once a second while the store moves on elsewhere.
    async fn watch(&self, prefix: &str, after: Revision) -> Result<Box<dyn Watch>, StoreError>;

    /// Forgets history before `revision` (states as of `revision` stay readable).
    async fn compact(&self, revision: Revision) -> Result<(), StoreError>;

    /// The oldest revision that can be read.
    async fn oldest(&self) -> Result<Revision, StoreError>;
}

//! What can go wrong in a store.

use crate::Revision;

/// Why a store could not answer. None of these is ever a reason to grant anything.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The revision asked for is older than what is kept. List again and watch from there.
    #[error("revision {requested} has been compacted, the oldest kept is {oldest}")]
    Compacted {
        /// The revision that was asked for.
        requested: Revision,
        /// The oldest revision that can still be read.
        oldest: Revision,
    },
    /// The revision asked for has not happened yet.
    #[error("revision {requested} is in the future, the newest is {newest}")]
    Future {
        /// The revision that was asked for.
        requested: Revision,
        /// The newest revision.
        newest: Revision,
    },
    /// The file or folder is in use by another process. Retry when that one has stopped.
    #[error("{path} is in use by another process")]
    InUse {
        /// The file.
        path: String,
    },
    /// The file is not a store, is cut short or damaged, or of another format version; never retried.
    #[error("{path} can't be read as a store: {problem}")]
    Broken {
        /// The file.
        path: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// This process has no right to the file or its folder. Never retried.
    #[error("{path} can't be opened: {problem}")]
    NoAccess {
        /// The file or folder.
        path: String,
        /// What was refused, and what to do.
        problem: String,
    },
    /// The transaction can't be asked of any store; a mistake of the caller, never retried.
    #[error("the transaction is not valid: {0}")]
    Invalid(String),
    /// A key, value or transaction is over its limit. Never retried.
    #[error("{what} has {size} bytes, the limit is {limit}")]
    TooLarge {
        /// What is too large: the key or value (with the key's beginning), or the transaction.
        what: String,
        /// Its size in bytes.
        size: usize,
        /// The most that is taken, in bytes.
        limit: usize,
    },
    /// The disk (or the remote store) failed, or the store is closed. Nothing was acknowledged, but the
    /// transaction may still have happened: read before writing again.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
}

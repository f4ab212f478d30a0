//! A small key-value store with etcd's data model, so that everything above it (conflict rules of the
//! EKS API, `resourceVersion` of the Kubernetes API, the refresh of compiled snapshots) has one idea of
//! order: the global [`Revision`].
//!
//! What every implementation promises, and the shared suite [`conformance`] checks:
//! - **One order.** Each committed transaction that writes something gets the next revision; all its
//!   writes carry it.
//! - **Durable.** A transaction that answered [`TxnOutcome::Committed`] survives `kill -9` right after
//!   (the memory store excepted: it says so).
//! - **Reads at a revision** see exactly what was committed up to it, until it is compacted.
//! - **Watches resume.** A watch from a revision delivers every later change under its prefix, in order,
//!   each once, whole revisions at a time; or says that history is gone.
//!
//! It does not: cluster, lease, or range over arbitrary key intervals.

mod compactor;
pub mod conformance;
mod embedded;
mod error;
mod limits;
mod listing;
mod memory;
mod model;
mod recent;
mod sync;
mod watching;

pub use compactor::{Compactor, Keep, spawn_compactor};
pub use embedded::EmbeddedStore;
pub use error::StoreError;
pub use limits::{MAX_KEY_BYTES, MAX_TXN_BYTES, MAX_VALUE_BYTES};
pub use memory::MemoryStore;
pub use model::{
    Change, ChangeBatch, Compare, KeyValue, ListOptions, Listing, Op, Revision, Store, Txn, TxnOutcome, Watch,
};

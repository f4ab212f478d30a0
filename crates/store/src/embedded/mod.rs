//! The store in one file, on redb: what an acknowledged transaction wrote is on disk.
//!
//! - Reads go to the file through redb's small page cache; nothing else is kept in memory, so memory does
//!   not grow with the data. Single keys are read in place (microseconds); listings, which may be long, run
//!   on the runtime's blocking threads.
//! - All writes go through one thread ([`writer`]), which commits whatever is waiting as one redb
//!   transaction: concurrent writers share one flush.
//! - Watches read the log of revisions ([`crate::watching`]).
//!
//! It does not share the file: while a process has it open, others are told [`StoreError::InUse`].

mod fault;
mod file;
mod tables;
#[cfg(test)]
mod tests;
mod writer;

use std::cell::Cell;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once, RwLock, mpsc};
use std::thread::JoinHandle;

use async_trait::async_trait;
use redb::{Database, ReadTransaction, ReadableDatabase};
use tokio::sync::oneshot;

use self::fault::Fault;
use self::writer::Job;
use crate::sync::{read, write};
use crate::watching::{self, Bounds, Hub, Source, Span, Step, closed};
use crate::{KeyValue, ListOptions, Listing, Revision, Store, StoreError, Txn, TxnOutcome, Watch, limits};

/// A store in the file [`EmbeddedStore::FILE`] of a folder. Dropping it closes the file, after the writes
/// that are under way.
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
}

/// What readers, watches and the writer share.
struct Shared {
    path: PathBuf,
    open: Open,
    /// Absent while the file is closed after a failed write and could not be opened again.
    db: RwLock<Option<Database>>,
    hub: Hub,
}

/// How the file is opened; a value so that tests can give a file that fails.
type Open = Box<dyn Fn(&Path) -> Result<Database, Fault> + Send + Sync>;

impl EmbeddedStore {
    /// The name of the file in the folder.
    pub const FILE: &str = "entryway.redb";

    /// Opens the store in `folder`; makes the folder (mode 0700) and the file (mode 0600) where they are
    /// missing.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while another process has it open, [`StoreError::NoAccess`] without rights,
    /// [`StoreError::Broken`] for a file that is not a store of this version, or is damaged.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(file::in_folder(folder.as_ref())?, Box::new(file::open))
    }

    fn open_with(path: PathBuf, open: Open) -> Result<Self, StoreError> {
        let opened = guarded(|| {
            let db = open(&path)?;
            let bounds = tables::bounds(&db.begin_read()?)?;
            Ok((db, bounds))
        });
        let (db, bounds) = opened.map_err(|fault| fault.at(&path))?;
        let shared = Arc::new(Shared { path, open, db: RwLock::new(Some(db)), hub: Hub::new(bounds.newest) });
        let (jobs, queue) = mpsc::channel();
        let writer = writer::start(Arc::clone(&shared), queue)?;
        Ok(Self { shared, jobs: Some(jobs), writer: Some(writer) })
    }

    /// Hands a job to the writer and waits for its answer.
    async fn ask<T>(&self, job: impl FnOnce(writer::Reply<T>) -> Job) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(closed)?;
        jobs.send(job(reply)).map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

/// The file is closed: the store has been dropped, or a write has failed and the file could not be opened again.
fn not_open() -> StoreError {
    StoreError::Unavailable(
        "the store's file is closed; after a failed write it is opened again in a second".to_owned(),
    )
}

/// The writer is gone without an answer: it panicked.
fn stopped() -> StoreError {
    StoreError::Unavailable("the store's writer has stopped, restart the server".to_owned())
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!(path = %self.shared.path.display(), "the store's writer had stopped");
        }
        // Watches and listings that still run must not keep the file open.
        self.shared.close();
    }
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedStore").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

impl Shared {
    /// Reads from one consistent, committed state.
    fn read<T>(&self, query: impl FnOnce(&ReadTransaction) -> Result<T, Fault>) -> Result<T, StoreError> {
        guarded(|| {
            let txn = read(&self.db).as_ref().ok_or_else(not_open)?.begin_read()?;
            query(&txn)
        })
        .map_err(|fault| fault.at(&self.path))
    }

    /// Opens the file again after it had to be closed. A commit that failed may be in it all the same, whole;
    /// then watchers hear of it now.
    fn reopen_if_closed(&self) -> Result<(), StoreError> {
        if read(&self.db).is_some() {
            return Ok(());
        }
        let opened = guarded(|| {
            let db = (self.open)(&self.path)?;
            let unheard = tables::committed_after(&db.begin_read()?, self.hub.newest())?;
            Ok((db, unheard))
        });
        let (db, unheard) = opened.map_err(|fault| fault.at(&self.path))?;
        *write(&self.db) = Some(db);
        self.hub.publish(unheard);
        Ok(())
    }

    /// Closes the file. Reads that are under way fail.
    fn close(&self) {
        let db = write(&self.db).take();
        // What redb has not written it recovers when the file is opened again.
        let _ = guarded(|| {
            drop(db);
            Ok(())
        });
    }
}

thread_local! {
    /// Whether a panic of this thread will be told as an error, and so need not be printed.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// redb may panic on a file that something else has damaged. That must be an error with its text, and end nothing else.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if GUARDED.get() {
                tracing::debug!("{info}");
            } else {
                others(info);
            }
        }));
    });
    let before = GUARDED.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(before);
    done.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Fault::damaged(&format!("redb can't make sense of it: {}", text.unwrap_or("no reason given"))))
    })
}

impl Source for Shared {
    fn hub(&self) -> &Hub {
        &self.hub
    }
    fn bounds(&self) -> Result<Bounds, StoreError> {
        self.read(tables::bounds)
    }
    fn step(&self, prefix: &str, span: Span) -> Result<Step, StoreError> {
        self.read(|txn| tables::step(txn, prefix, span))
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn revision(&self) -> Result<Revision, StoreError> {
        Ok(self.shared.bounds()?.newest)
    }

    async fn get(&self, key: &str) -> Result<Option<KeyValue>, StoreError> {
        self.shared.read(|txn| tables::get(txn, key))
    }

    async fn list(&self, prefix: &str, options: ListOptions) -> Result<Listing, StoreError> {
        let shared = Arc::clone(&self.shared);
        let prefix = prefix.to_owned();
        tokio::task::spawn_blocking(move || shared.read(|txn| tables::list(txn, &prefix, &options)))
            .await
            .map_err(|_| closed())?
    }

    async fn commit(&self, txn: Txn) -> Result<TxnOutcome, StoreError> {
        limits::check(&txn)?;
        self.ask(|reply| Job::Commit(txn, reply)).await
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        watching::open(&self.shared, prefix, after)
    }

    async fn compact(&self, revision: Revision) -> Result<(), StoreError> {
        self.ask(|reply| Job::Compact(revision, reply)).await
    }

    async fn oldest(&self) -> Result<Revision, StoreError> {
        Ok(self.shared.bounds()?.oldest)
    }
}

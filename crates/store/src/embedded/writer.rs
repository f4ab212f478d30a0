//! The one writer: takes what is waiting, commits it as one redb transaction, then answers all of it.
//!
//! Nobody is answered before the commit is on disk, not even a conflict, which may rest on a write of the
//! same batch. When the file fails, everybody in the batch is told, and the file is closed and opened again
//! (redb refuses to go on after an I/O error). Where that fails too, it is tried again with the next batch, and
//! every second, so that reads come back by themselves.
//!
//! Who has just been answered is likely to ask again at once, and who asks while a flush is under way is left out of
//! it. So that these two groups do not wait for each other's flushes in turn, a batch waits for as many jobs as were
//! answered last and are waiting now, for at most half the time that the last commit took. A lone writer never waits.
//!
//! A commit costs one flush. After one, redb would have to walk the whole file to recover from a crash, so
//! the writer makes one more commit, of the kind that is quick to recover from but costs two flushes, as
//! soon as nothing has come for a while.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redb::Database;
use tokio::sync::oneshot;

use super::fault::Fault;
use super::tables::Writing;
use super::{Shared, guarded, not_open};
use crate::sync::read;
use crate::watching::Committed;
use crate::{ChangeBatch, Revision, StoreError, Txn, TxnOutcome};

/// Where an answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is asked to do.
pub(super) enum Job {
    Commit(Txn, Reply<TxnOutcome>),
    Compact(Revision, Reply<()>),
}

/// The most jobs that share a commit, so that no one waits long for the first answer.
const BATCH_JOBS: usize = 512;
/// The most bytes of keys and values that share a commit.
const BATCH_BYTES: usize = crate::MAX_TXN_BYTES;
/// The longest that a batch waits for company.
const GATHER_MOST: Duration = Duration::from_millis(5);
/// How many forgotten revisions are removed with each commit.
const TRIM_REVISIONS: usize = 256;
/// After how much silence the file is made quick to recover.
const SETTLE_AFTER: Duration = Duration::from_millis(200);
/// How often a file that could not be opened again after a failed write is tried, when no job comes.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

/// Starts the writer's thread. It ends when all senders of the queue are gone.
pub(super) fn start(shared: Arc<Shared>, queue: mpsc::Receiver<Job>) -> Result<JoinHandle<()>, StoreError> {
    std::thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || Writer { shared, queue, trimming: true, settled: false, last: Last::default() }.run())
        .map_err(|error| StoreError::Unavailable(format!("the store's writer can't be started: {error}")))
}

struct Writer {
    shared: Arc<Shared>,
    queue: Receiver<Job>,
    /// Rows of forgotten revisions may be left.
    trimming: bool,
    /// The last commit was one that is quick to recover from.
    settled: bool,
    last: Last,
}

/// The last batch that was not empty.
#[derive(Default)]
struct Last {
    jobs: usize,
    took: Duration,
}

/// An answer that waits for the commit.
enum Answer {
    Commit(Reply<TxnOutcome>, TxnOutcome),
    Compact(Reply<()>, Result<(), StoreError>),
}

impl Answer {
    fn send(self) {
        // A caller that has gone away is not interested in the answer.
        match self {
            Self::Commit(reply, outcome) => drop(reply.send(Ok(outcome))),
            Self::Compact(reply, result) => drop(reply.send(result)),
        }
    }

    fn fail(self, error: &StoreError) {
        match self {
            Self::Commit(reply, _) => drop(reply.send(Err(error.clone()))),
            Self::Compact(reply, _) => drop(reply.send(Err(error.clone()))),
        }
    }
}

impl Job {
    fn bytes(&self) -> usize {
        match self {
            Self::Commit(txn, _) => txn.bytes(),
            Self::Compact(..) => 0,
        }
    }

    fn fail(self, error: &StoreError) {
        match self {
            Self::Commit(_, reply) => drop(reply.send(Err(error.clone()))),
            Self::Compact(_, reply) => drop(reply.send(Err(error.clone()))),
        }
    }
}

/// Jobs that will share a commit.
#[derive(Default)]
struct Batch {
    jobs: Vec<Job>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, job: Job) {
        self.bytes += job.bytes();
        self.jobs.push(job);
    }

    fn is_full(&self) -> bool {
        self.jobs.len() >= BATCH_JOBS || self.bytes >= BATCH_BYTES
    }

    fn take_waiting(&mut self, queue: &Receiver<Job>) {
        while !self.is_full()
            && let Ok(job) = queue.try_recv()
        {
            self.push(job);
        }
    }
}

impl Writer {
    fn run(mut self) {
        while let Some(batch) = self.next_batch() {
            self.write(batch);
        }
    }

    /// How long to wait for jobs before there is something else to do; `None` where there is nothing else.
    fn patience(&self) -> Option<Duration> {
        if read(&self.shared.db).is_none() {
            Some(REOPEN_AFTER)
        } else if self.trimming {
            Some(Duration::ZERO)
        } else if self.settled {
            None
        } else {
            Some(SETTLE_AFTER)
        }
    }

    /// Waits for jobs and takes all that are there. An empty batch is time for housekeeping; `None` the end.
    fn next_batch(&mut self) -> Option<Vec<Job>> {
        let mut batch = Batch::default();
        batch.take_waiting(&self.queue);
        let waiting = batch.jobs.len();
        if waiting == 0 {
            let first = match self.patience() {
                Some(patience) => match self.queue.recv_timeout(patience) {
                    Ok(job) => job,
                    Err(RecvTimeoutError::Timeout) => return Some(Vec::new()),
                    Err(RecvTimeoutError::Disconnected) => return None,
                },
                None => self.queue.recv().ok()?,
            };
            batch.push(first);
            batch.take_waiting(&self.queue);
        }
        let until = Instant::now() + (self.last.took / 2).min(GATHER_MOST);
        while batch.jobs.len() < self.last.jobs + waiting
            && !batch.is_full()
            && let Ok(job) = self.queue.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            batch.push(job);
        }
        Some(batch.jobs)
    }

    fn write(&mut self, batch: Vec<Job>) {
        let (jobs, began) = (batch.len(), Instant::now());
        self.write_now(batch);
        if jobs > 0 {
            self.last = Last { jobs, took: began.elapsed() };
        }
    }

    fn write_now(&mut self, batch: Vec<Job>) {
        if let Err(error) = self.shared.reopen_if_closed() {
            batch.into_iter().for_each(|job| job.fail(&error));
            return;
        }
        // Outside of what is guarded: whatever happens in there, each job is here or in `answers`.
        let mut batch = batch.into_iter();
        let (mut answers, mut commits) = (Vec::new(), Vec::new());
        let settle = batch.len() == 0 && !self.trimming;
        let result = guarded(|| {
            let db = read(&self.shared.db);
            commit(db.as_ref().ok_or_else(not_open)?, &mut batch, &mut answers, &mut commits, settle)
        });
        match result {
            Ok((trimming, oldest)) => {
                self.trimming = trimming;
                self.settled = settle;
                self.shared.hub.publish(commits);
                self.shared.hub.forget(oldest);
                answers.into_iter().for_each(Answer::send);
            }
            Err(fault) => {
                let error = fault.at(&self.shared.path);
                tracing::error!(%error, "a write to the store failed");
                // Closed and opened before anybody is told, so that a retry finds the store at work.
                self.shared.close();
                if let Err(error) = self.shared.reopen_if_closed() {
                    tracing::error!(%error, "the store could not be opened again, it is tried every second");
                }
                answers.into_iter().for_each(|answer| answer.fail(&error));
                batch.for_each(|job| job.fail(&error));
                // No housekeeping until the next job: it could fail over and over.
                self.trimming = false;
                self.settled = true;
            }
        }
    }
}

/// Commits the jobs as one transaction; whether rows of forgotten revisions are left to remove, and the oldest revision
/// that is not forgotten.
fn commit(
    db: &Database,
    batch: &mut impl Iterator<Item = Job>,
    answers: &mut Vec<Answer>,
    commits: &mut Vec<Committed>,
    settle: bool,
) -> Result<(bool, Revision), Fault> {
    let mut txn = db.begin_write()?;
    txn.set_quick_repair(settle);
    let mut writing = Writing::open(&txn)?;
    for job in batch {
        match job {
            Job::Commit(asked, reply) => {
                // Answered with an error unless the commit comes through.
                answers.push(Answer::Commit(reply, TxnOutcome::Committed(writing.bounds.newest)));
                let (outcome, changes) = writing.apply(asked)?;
                if !changes.is_empty() {
                    commits.push(Committed::Changes(ChangeBatch { revision: writing.bounds.newest, changes }));
                }
                if let Some(Answer::Commit(_, pending)) = answers.last_mut() {
                    *pending = outcome;
                }
            }
            Job::Compact(revision, reply) => {
                let result = writing.compact(revision);
                answers.push(Answer::Compact(reply, result));
            }
        }
    }
    let trimming = writing.trim(TRIM_REVISIONS)?;
    let oldest = writing.bounds.oldest;
    if writing.finish()? || settle {
        txn.commit()?;
    } else {
        txn.abort()?;
    }
    Ok((trimming, oldest))
}

//! Watches as cursors over the store's log of revisions. A watcher buffers nothing while nobody reads it:
//! the [`Hub`] only notes the span of revisions that concern it, and the changes are read when they are asked for, from
//! [`Recent`] or else from history. So a slow watcher costs nothing until history it still needs is compacted; then it is
//! told [`StoreError::Compacted`].

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::recent::Recent;
use crate::sync::lock;
use crate::{ChangeBatch, Revision, StoreError, Watch};

/// How long a watcher stays silent while the store moves on elsewhere (the contract says: at most a second).
const MARK_EVERY: Duration = Duration::from_millis(500);

/// How many revisions are looked at in one step, so that a long way to catch up does not hold up the runtime.
pub(crate) const STEP_REVISIONS: u64 = 512;
/// How many bytes of values one step collects, roughly; at least one revision is always taken whole.
pub(crate) const STEP_BYTES: usize = 1024 * 1024;

/// The revisions that can be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The oldest state that is readable.
    pub(crate) oldest: Revision,
    /// The newest revision.
    pub(crate) newest: Revision,
}

impl Bounds {
    /// Whether the state as of `revision`, and the changes after it, can be read.
    pub(crate) fn check(self, revision: Revision) -> Result<(), StoreError> {
        if revision > self.newest {
            Err(StoreError::Future { requested: revision, newest: self.newest })
        } else if revision < self.oldest {
            Err(StoreError::Compacted { requested: revision, oldest: self.oldest })
        } else {
            Ok(())
        }
    }
}

/// Some revisions, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: Revision,
    pub(crate) last: Revision,
}

/// What one step over the log found.
#[derive(Debug)]
pub(crate) struct Step {
    /// The batches with at least one change.
    pub(crate) batches: Vec<ChangeBatch>,
    /// The last revision that was looked at.
    pub(crate) reached: Revision,
}

/// A store that a cursor can read.
pub(crate) trait Source: Send + Sync + 'static {
    /// Where watchers are registered.
    fn hub(&self) -> &Hub;
    /// What can be read now. Newer than or equal to what the hub has published.
    fn bounds(&self) -> Result<Bounds, StoreError>;
    /// The changes under `prefix` of the span's first revisions, as many as fit a step.
    fn step(&self, prefix: &str, span: Span) -> Result<Step, StoreError>;
}

/// Tells watchers what has been committed.
#[derive(Debug)]
pub(crate) struct Hub {
    newest: watch::Sender<Revision>,
    slots: Mutex<Vec<Weak<Slot>>>,
    recent: Recent,
}

/// A committed revision.
#[derive(Debug)]
pub(crate) enum Committed {
    /// With its changes.
    Changes(ChangeBatch),
    /// With the keys that it changed; what they were and are is to be read.
    Keys(Revision, Vec<String>),
}

impl Committed {
    fn revision(&self) -> Revision {
        match self {
            Self::Changes(batch) => batch.revision,
            Self::Keys(revision, _) => *revision,
        }
    }

    fn concerns(&self, prefix: &str) -> bool {
        match self {
            Self::Changes(batch) => batch.changes.iter().any(|change| change.key.starts_with(prefix)),
            Self::Keys(_, keys) => keys.iter().any(|key| key.starts_with(prefix)),
        }
    }
}

/// What the hub notes for one watcher.
#[derive(Debug)]
struct Slot {
    prefix: String,
    pending: Mutex<Option<Span>>,
    wake: Notify,
}

impl Hub {
    pub(crate) fn new(newest: Revision) -> Self {
        Self { newest: watch::Sender::new(newest), slots: Mutex::new(Vec::new()), recent: Recent::default() }
    }

    /// Makes commits known, in the order of their revisions. Only watchers that they concern wake up.
    pub(crate) fn publish(&self, commits: Vec<Committed>) {
        let Some(newest) = commits.last().map(Committed::revision) else { return };
        // Noted here and told below, when what they wake up for is in `recent`.
        let mut concerned = Vec::new();
        lock(&self.slots).retain(|slot| {
            let Some(slot) = slot.upgrade() else { return false };
            let mut concerning = commits.iter().filter(|commit| commit.concerns(&slot.prefix)).map(Committed::revision);
            if let Some(first) = concerning.next() {
                let last = concerning.next_back().unwrap_or(first);
                concerned.push((slot, Span { first, last }));
            }
            true
        });
        for commit in commits {
            if let Committed::Changes(batch) = commit {
                self.recent.push(batch);
            }
        }
        concerned.into_iter().for_each(|(slot, span)| slot.add(span));
        // INVARIANT (marks): a revision is shown as newest only after every slot knows of it, so a watcher
        // that sees it and has nothing pending has nothing to read up to it.
        self.newest.send_replace(newest);
    }

    /// History up to a revision is gone.
    pub(crate) fn forget(&self, revision: Revision) {
        self.recent.forget(revision);
    }

    /// The newest revision that has been published.
    pub(crate) fn newest(&self) -> Revision {
        *self.newest.borrow()
    }

    fn register(&self, prefix: &str) -> Arc<Slot> {
        let slot = Arc::new(Slot { prefix: prefix.to_owned(), pending: Mutex::new(None), wake: Notify::new() });
        let mut slots = lock(&self.slots);
        slots.retain(|slot| slot.strong_count() > 0);
        slots.push(Arc::downgrade(&slot));
        slot
    }
}

impl Slot {
    fn add(&self, span: Span) {
        let mut pending = lock(&self.pending);
        *pending = Some(match *pending {
            None => span,
            Some(old) => Span { first: old.first.min(span.first), last: old.last.max(span.last) },
        });
        self.wake.notify_one();
    }

    /// What is to read after `scanned`. The caller gives back what it does not read.
    fn take(&self, scanned: Revision) -> Option<Span> {
        let span = lock(&self.pending).take()?;
        Some(Span { first: span.first.max(scanned + 1), ..span }).filter(|span| span.first <= span.last)
    }
}

/// Opens a watch of `source` for changes after `after`.
pub(crate) fn open<S: Source>(source: &Arc<S>, prefix: &str, after: Revision) -> Result<Box<dyn Watch>, StoreError> {
    // First registered, then looked at the bounds: what is committed in between is noted in the slot.
    let slot = source.hub().register(prefix);
    let newest = source.hub().newest.subscribe();
    let bounds = source.bounds()?;
    bounds.check(after)?;
    if after < bounds.newest {
        slot.add(Span { first: after + 1, last: bounds.newest });
    }
    Ok(Box::new(Cursor {
        source: Arc::downgrade(source),
        slot,
        newest,
        delivered: after,
        scanned: after,
        ready: VecDeque::new(),
        mark_due: Instant::now() + MARK_EVERY,
    }))
}

/// A running watch. It does not keep the store open.
struct Cursor<S> {
    source: Weak<S>,
    slot: Arc<Slot>,
    newest: watch::Receiver<Revision>,
    /// Everything up to here has been handed out.
    delivered: Revision,
    /// Everything up to here has been handed out or is in `ready`.
    scanned: Revision,
    ready: VecDeque<ChangeBatch>,
    mark_due: Instant,
}

impl<S: Source> Cursor<S> {
    fn deliver(&mut self, batch: ChangeBatch) -> ChangeBatch {
        self.delivered = batch.revision;
        self.scanned = self.scanned.max(batch.revision);
        self.mark_due = Instant::now() + MARK_EVERY;
        batch
    }

    /// Reads on in the log; false where there was nothing to read.
    fn read_on(&mut self) -> Result<bool, StoreError> {
        let Some(span) = self.slot.take(self.scanned) else { return Ok(false) };
        let step = self.source.upgrade().ok_or_else(closed).and_then(|source| {
            let prefix = &self.slot.prefix;
            source.hub().recent.step(prefix, span).map_or_else(|| source.step(prefix, span), Ok)
        });
        match &step {
            Ok(step) if step.reached >= span.last => {}
            Ok(step) => self.slot.add(Span { first: step.reached + 1, ..span }),
            Err(_) => self.slot.add(span),
        }
        let step = step?;
        self.scanned = step.reached;
        self.ready.extend(step.batches);
        Ok(true)
    }
}

#[async_trait]
impl<S: Source> Watch for Cursor<S> {
    async fn next(&mut self) -> Result<ChangeBatch, StoreError> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(self.deliver(batch));
            }
            let newest = *self.newest.borrow_and_update();
            if self.read_on()? {
                if self.ready.is_empty() {
                    tokio::task::yield_now().await;
                }
                continue;
            }
            if newest > self.delivered && Instant::now() >= self.mark_due {
                return Ok(self.deliver(ChangeBatch { revision: newest, changes: Vec::new() }));
            }
            tokio::select! {
                () = self.slot.wake.notified() => {}
                moved = moved_on(&mut self.newest, self.delivered, self.mark_due) => moved?,
            }
        }
    }
}

/// Waits until the store has passed `delivered` and a mark is due. Sleeps without a timer while it has not.
async fn moved_on(
    newest: &mut watch::Receiver<Revision>,
    delivered: Revision,
    mark_due: Instant,
) -> Result<(), StoreError> {
    newest.wait_for(|newest| *newest > delivered).await.map_err(|_| closed())?;
    tokio::time::sleep_until(mark_due).await;
    Ok(())
}

/// What is answered once the store is closed.
pub(crate) fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

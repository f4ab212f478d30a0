//! When history is forgotten: a task that compacts a store by age and by number, so that a store that is
//! written to for years stays as large as its data.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use crate::{Revision, Store, StoreError};

/// How much history is kept. What either rule keeps is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Revisions younger than this. Watchers that were away for less can resume, and pages of a listing can
    /// be fetched for so long. Kubernetes' API server keeps five minutes by default.
    pub age: Duration,
    /// At least this many revisions, however old.
    pub revisions: u64,
}

impl Default for Keep {
    /// Five minutes and a thousand revisions.
    fn default() -> Self {
        Self { age: Duration::from_secs(5 * 60), revisions: 1_000 }
    }
}

/// A running compactor. Dropping it ends it.
#[derive(Debug)]
#[must_use = "dropping it ends it"]
pub struct Compactor(JoinHandle<()>);

impl Drop for Compactor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Compacts `store` from now on, looking ten times in [`Keep::age`] (at most once a second). It does not keep
/// the store open, and ends with it. A compaction that fails is logged and tried again next time.
///
/// Must be called within a tokio runtime.
pub fn spawn_compactor(store: &Arc<dyn Store>, keep: Keep) -> Compactor {
    Compactor(tokio::spawn(run(Arc::downgrade(store), keep)))
}

async fn run(store: Weak<dyn Store>, keep: Keep) {
    let mut ticks = tokio::time::interval((keep.age / 10).max(Duration::from_secs(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut past = Past::default();
    loop {
        ticks.tick().await;
        let Some(store) = store.upgrade() else { return };
        if let Err(error) = look(store.as_ref(), keep, &mut past).await {
            tracing::warn!(%error, "the store's history could not be compacted, it is tried again later");
        }
    }
}

async fn look(store: &dyn Store, keep: Keep, past: &mut Past) -> Result<(), StoreError> {
    let newest = store.revision().await?;
    if let Some(to) = past.note(newest, Instant::now(), keep)
        && to > store.oldest().await?
    {
        store.compact(to).await?;
    }
    Ok(())
}

/// What the newest revision was, and when: one note a look, none older than is needed.
#[derive(Debug, Default)]
struct Past(VecDeque<(Instant, Revision)>);

impl Past {
    /// Notes the newest revision; the revision to compact to, if there is one.
    fn note(&mut self, newest: Revision, now: Instant, keep: Keep) -> Option<Revision> {
        self.0.push_back((now, newest));
        let is_old = |noted: Instant| now.duration_since(noted) >= keep.age;
        // Of the notes that are old enough, the youngest counts.
        while self.0.get(1).is_some_and(|(noted, _)| is_old(*noted)) {
            self.0.pop_front();
        }
        let (noted, revision) = *self.0.front()?;
        let by_number = newest.checked_sub(keep.revisions)?;
        is_old(noted).then_some(revision.min(by_number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryStore, Txn};

    const KEEP: Keep = Keep { age: Duration::from_secs(100), revisions: 10 };

    #[test]
    fn keeps_what_is_young() {
        let start = Instant::now();
        let mut past = Past::default();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(past.note(50, at(0), KEEP), None);
        assert_eq!(past.note(70, at(99), KEEP), None);
        assert_eq!(past.note(90, at(100), KEEP), Some(50));
        assert_eq!(past.note(90, at(198), KEEP), Some(50));
        assert_eq!(past.note(90, at(199), KEEP), Some(70));
        assert_eq!(past.note(95, at(1_000), KEEP), Some(85), "ten revisions stay");
        assert!(past.0.len() <= 2);
    }

    #[test]
    fn keeps_what_is_little() {
        let mut past = Past::default();
        let start = Instant::now();
        past.note(5, start, KEEP);
        assert_eq!(past.note(9, start + Duration::from_secs(500), KEEP), None);
    }

    #[tokio::test(start_paused = true)]
    async fn compacts_and_ends_with_the_store() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let compactor = spawn_compactor(&store, KEEP);
        for i in 0..50u8 {
            assert!(store.commit(Txn::new().put("/a", vec![i])).await.is_ok());
        }
        tokio::time::sleep(Duration::from_secs(150)).await;
        assert!(matches!(store.oldest().await, Ok(40)));
        drop(store);
        tokio::time::sleep(Duration::from_secs(150)).await;
        assert!(compactor.0.is_finished());
    }
}

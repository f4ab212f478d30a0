//! The last changes, in memory: watchers that keep up read them here, all of them the same bytes, and only those that
//! have fallen behind read the log. So a write costs one copy of what it replaced, however many watch.

use std::collections::VecDeque;
use std::sync::RwLock;

use crate::sync::{read, write};
use crate::watching::{STEP_BYTES, STEP_REVISIONS, Span, Step};
use crate::{Change, ChangeBatch, Revision};

/// How much is kept, in bytes of keys and values.
const MOST_BYTES: usize = 2 * 1024 * 1024;

/// Changes of successive revisions.
#[derive(Debug, Default)]
pub(crate) struct Recent(RwLock<Batches>);

/// INVARIANT (no gap): each batch's revision is one more than that of the batch before it.
#[derive(Debug, Default)]
struct Batches {
    all: VecDeque<ChangeBatch>,
    bytes: usize,
}

impl Recent {
    /// Adds the next revision.
    pub(crate) fn push(&self, batch: ChangeBatch) {
        let mut batches = write(&self.0);
        if batches.all.back().is_some_and(|last| last.revision + 1 != batch.revision) {
            *batches = Batches::default();
        }
        batches.bytes += size(&batch);
        batches.all.push_back(batch);
        while batches.bytes > MOST_BYTES {
            batches.drop_first();
        }
    }

    /// Forgets everything up to a revision.
    pub(crate) fn forget(&self, revision: Revision) {
        let mut batches = write(&self.0);
        while batches.all.front().is_some_and(|first| first.revision <= revision) {
            batches.drop_first();
        }
    }

    /// The changes under `prefix` of the span's first revisions; `None` where they are not all here.
    pub(crate) fn step(&self, prefix: &str, span: Span) -> Option<Step> {
        let batches = read(&self.0);
        let (first, last) = (batches.all.front()?.revision, batches.all.back()?.revision);
        if span.last > last {
            return None;
        }
        let skipped = usize::try_from(span.first.checked_sub(first)?).ok()?;
        let mut step = Step { batches: Vec::new(), reached: span.last.min(span.first.saturating_add(STEP_REVISIONS)) };
        let mut bytes = 0;
        for batch in batches.all.iter().skip(skipped).take_while(|batch| batch.revision <= step.reached) {
            let changes: Vec<Change> =
                batch.changes.iter().filter(|change| change.key.starts_with(prefix)).cloned().collect();
            if changes.is_empty() {
                continue;
            }
            bytes += changes.iter().map(Change::bytes).sum::<usize>();
            step.batches.push(ChangeBatch { revision: batch.revision, changes });
            if bytes >= STEP_BYTES {
                step.reached = batch.revision;
                break;
            }
        }
        Some(step)
    }
}

impl Batches {
    fn drop_first(&mut self) {
        if let Some(first) = self.all.pop_front() {
            self.bytes -= size(&first);
        }
    }
}

fn size(batch: &ChangeBatch) -> usize {
    batch.changes.iter().map(Change::bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyValue;

    fn batch(revision: Revision, keys: &[&str], size: usize) -> ChangeBatch {
        let change = |key: &&str| {
            let current = KeyValue { key: (*key).into(), value: vec![0; size].into(), created: 1, modified: revision };
            Change { key: (*key).into(), current: Some(current), previous: None }
        };
        ChangeBatch { revision, changes: keys.iter().map(change).collect() }
    }

    /// The revisions that a step finds, and how far it has looked.
    fn step(recent: &Recent, prefix: &str, first: Revision, last: Revision) -> Option<(Vec<Revision>, Revision)> {
        let step = recent.step(prefix, Span { first, last })?;
        Some((step.batches.iter().map(|batch| batch.revision).collect(), step.reached))
    }

    #[test]
    fn what_is_not_all_there_is_not_given() {
        let recent = Recent::default();
        assert_eq!(step(&recent, "/", 1, 1), None);
        for revision in 5..=9 {
            let keys = if revision % 2 == 0 { ["/a/1", "/b/1"] } else { ["/b/1", "/b/2"] };
            recent.push(batch(revision, &keys, 10));
        }
        assert_eq!(step(&recent, "/a/", 5, 9), Some((vec![6, 8], 9)));
        assert_eq!(step(&recent, "/b/", 7, 8), Some((vec![7, 8], 8)));
        assert_eq!((step(&recent, "/", 4, 9), step(&recent, "/", 5, 10)), (None, None));
        recent.forget(6);
        assert_eq!((step(&recent, "/", 6, 9), step(&recent, "/a/", 7, 9)), (None, Some((vec![8], 9))));
        // One revision was not told: what was before it is of no use.
        recent.push(batch(11, &["/a/1"], 10));
        assert_eq!((step(&recent, "/", 9, 11), step(&recent, "/", 11, 11)), (None, Some((vec![11], 11))));
    }

    #[test]
    fn it_is_bounded() {
        let recent = Recent::default();
        for revision in 1..=100 {
            recent.push(batch(revision, &["/a"], 100_000));
        }
        assert!(read(&recent.0).bytes <= MOST_BYTES);
        assert_eq!(step(&recent, "/", 95, 100).map(|(revisions, _)| revisions.len()), Some(6));
        assert_eq!(step(&recent, "/", 50, 100), None);
        assert_eq!(step(&recent, "/", 82, 100).map(|(_, reached)| reached), Some(92), "a step's worth at a time");
        recent.push(batch(101, &["/a"], 2 * MOST_BYTES));
        assert_eq!((step(&recent, "/", 101, 101), read(&recent.0).bytes), (None, 0));
    }
}

//! The tables in the file, and the questions asked of them. Every question takes one transaction, so that
//! its answer is of one revision.
//!
//! INVARIANT (past): for each write still remembered, `past` holds what it replaced, under the key and the
//! write's revision, and `log` names it. The state of a key as of R is what its first write after R
//! replaced, or, without one, its current state. Forgetting a revision is removing its rows in both.

use redb::{
    AccessGuard, Database, ReadTransaction, ReadableDatabase, ReadableTable, StorageError, Table, TableDefinition,
    WriteTransaction,
};

use bytes::Bytes;

use super::fault::Fault;
use crate::listing::{self, Row};
use crate::watching::{Bounds, Committed, STEP_BYTES, STEP_REVISIONS, Span, Step};
use crate::{Change, ChangeBatch, KeyValue, ListOptions, Listing, Op, Revision, StoreError, Txn, TxnOutcome};

/// The format of the tables below. Another number is another, unreadable format.
const FORMAT: u64 = 1;

/// created, modified, value.
type State<'a> = (Revision, Revision, &'a [u8]);

const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
const CURRENT: TableDefinition<&str, State> = TableDefinition::new("current");
const PAST: TableDefinition<(&str, Revision), Option<State>> = TableDefinition::new("past");
const LOG: TableDefinition<Revision, Vec<&str>> = TableDefinition::new("log");

const META_FORMAT: &str = "format";
const META_OLDEST: &str = "oldest";
const META_NEWEST: &str = "newest";

/// Writes the tables of an empty store.
pub(super) fn create(db: &Database) -> Result<(), Fault> {
    let txn = db.begin_write()?;
    {
        let mut meta = txn.open_table(META)?;
        meta.insert(META_FORMAT, FORMAT)?;
        meta.insert(META_OLDEST, 0)?;
        meta.insert(META_NEWEST, 0)?;
    }
    txn.open_table(CURRENT)?;
    txn.open_table(PAST)?;
    txn.open_table(LOG)?;
    Ok(txn.commit()?)
}

/// Refuses files that are not a store, or not of this format.
pub(super) fn check_format(db: &Database) -> Result<(), Fault> {
    let txn = db.begin_read()?;
    let format = txn.open_table(META)?.get(META_FORMAT)?.map(|format| format.value());
    match format {
        Some(FORMAT) => {}
        Some(other) => return Err(Fault::OtherFormat { found: other, known: FORMAT }),
        None => return Err(Fault::damaged("it names no format")),
    }
    txn.open_table(CURRENT)?;
    txn.open_table(PAST)?;
    txn.open_table(LOG)?;
    Ok(())
}

pub(super) fn bounds(txn: &ReadTransaction) -> Result<Bounds, Fault> {
    bounds_in(&txn.open_table(META)?)
}

fn bounds_in(meta: &impl ReadableTable<&'static str, u64>) -> Result<Bounds, Fault> {
    let number = |name: &str| match meta.get(name)? {
        Some(number) => Ok::<u64, Fault>(number.value()),
        None => Err(Fault::damaged("its revision is missing")),
    };
    Ok(Bounds { oldest: number(META_OLDEST)?, newest: number(META_NEWEST)? })
}

pub(super) fn get(txn: &ReadTransaction, key: &str) -> Result<Option<KeyValue>, Fault> {
    get_in(&txn.open_table(CURRENT)?, key)
}

fn get_in(current: &impl ReadableTable<&'static str, State<'static>>, key: &str) -> Result<Option<KeyValue>, Fault> {
    Ok(current.get(key)?.map(|state| named(key, state.value())))
}

fn named(key: &str, (created, modified, value): State<'_>) -> KeyValue {
    KeyValue { key: key.to_owned(), value: value.to_vec().into(), created, modified }
}

pub(super) fn list(txn: &ReadTransaction, prefix: &str, options: &ListOptions) -> Result<Listing, Fault> {
    let bounds = bounds(txn)?;
    let revision = options.at.unwrap_or(bounds.newest);
    bounds.check(revision)?;
    let after = options.after.as_deref().filter(|after| *after >= prefix);
    let start = after.unwrap_or(prefix);
    let belongs = |key: &str| key.starts_with(prefix) && after.is_none_or(|after| key > after);
    // `start` itself may come first and not belong; what comes after the prefix ends the listing.
    let done = |key: &str| key > start && !key.starts_with(prefix);

    let current = txn.open_table(CURRENT)?;
    let current = current
        .range(start..)?
        .map(|row| row.map(|(key, state)| CurrentRow { key, state }))
        .take_while(|row| row.as_ref().map_or(true, |row| !done(row.key())))
        .filter(|row| row.as_ref().map_or(true, |row| belongs(row.key())));
    if revision == bounds.newest {
        return Ok(listing::page(current, std::iter::empty::<Result<PastRow<'_>, _>>(), options.limit, revision)?);
    }
    let past = txn.open_table(PAST)?;
    let mut last = None;
    let past = past
        .range((start, 0)..)?
        .map(|row| row.map(|(key, state)| (key.value().0.to_owned(), key.value().1, state)))
        .take_while(|row| row.as_ref().map_or(true, |(key, ..)| !done(key)))
        .filter(|row| row.as_ref().map_or(true, |(key, written, _)| *written > revision && belongs(key)))
        .filter(move |row| {
            // Of several writes after the revision, the first has replaced the state asked for.
            let Ok((key, ..)) = row else { return true };
            let first = last.as_ref() != Some(key);
            last = Some(key.clone());
            first
        })
        .map(|row| row.map(|(key, _, state)| PastRow { key, state }));
    Ok(listing::page(current, past, options.limit, revision)?)
}

struct CurrentRow<'a> {
    key: AccessGuard<'a, &'static str>,
    state: AccessGuard<'a, State<'static>>,
}

struct PastRow<'a> {
    key: String,
    state: AccessGuard<'a, Option<State<'static>>>,
}

impl Row for CurrentRow<'_> {
    type Error = StorageError;
    fn key(&self) -> &str {
        self.key.value()
    }
    fn is_present(&self) -> bool {
        true
    }
    fn load(self) -> Option<KeyValue> {
        Some(named(self.key.value(), self.state.value()))
    }
}

impl Row for PastRow<'_> {
    type Error = StorageError;
    fn key(&self) -> &str {
        &self.key
    }
    fn is_present(&self) -> bool {
        self.state.value().is_some()
    }
    fn load(self) -> Option<KeyValue> {
        self.state.value().map(|state| named(&self.key, state))
    }
}

/// The changes under `prefix` of the span's first revisions.
pub(super) fn step(txn: &ReadTransaction, prefix: &str, span: Span) -> Result<Step, Fault> {
    bounds(txn)?.check(span.first.saturating_sub(1))?;
    let (log, past, current) = (txn.open_table(LOG)?, txn.open_table(PAST)?, txn.open_table(CURRENT)?);
    let last = span.last.min(span.first.saturating_add(STEP_REVISIONS));
    let mut step = Step { batches: Vec::new(), reached: last };
    let mut bytes = 0;
    for row in log.range(span.first..=last)? {
        let (revision, keys) = row?;
        let (revision, keys) = (revision.value(), keys.value());
        let mut changes = Vec::new();
        for key in keys.into_iter().filter(|key| key.starts_with(prefix)) {
            changes.push(change(&past, &current, key, revision)?);
        }
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

/// The transactions after `revision`, in order.
pub(super) fn committed_after(txn: &ReadTransaction, revision: Revision) -> Result<Vec<Committed>, Fault> {
    let log = txn.open_table(LOG)?;
    let rows = log.range(revision.saturating_add(1)..)?;
    rows.map(|row| {
        let (revision, keys) = row?;
        Ok(Committed::Keys(revision.value(), keys.value().into_iter().map(str::to_owned).collect()))
    })
    .collect()
}

fn change(
    past: &impl ReadableTable<(&'static str, Revision), Option<State<'static>>>,
    current: &impl ReadableTable<&'static str, State<'static>>,
    key: &str,
    revision: Revision,
) -> Result<Change, Fault> {
    let mut writes = past.range((key, revision)..=(key, Revision::MAX))?;
    let previous = writes.next().transpose()?.ok_or_else(|| Fault::damaged("a write in the log has no row"))?;
    let after = match writes.next().transpose()? {
        Some((_, state)) => state.value().map(|state| named(key, state)),
        None => get_in(current, key)?,
    };
    let previous = previous.1.value().map(|state| named(key, state));
    Ok(Change { key: key.to_owned(), current: after, previous })
}

/// The tables opened for writing, and where the store stands while a batch is applied.
pub(super) struct Writing<'txn> {
    meta: Table<'txn, &'static str, u64>,
    current: Table<'txn, &'static str, State<'static>>,
    past: Table<'txn, (&'static str, Revision), Option<State<'static>>>,
    log: Table<'txn, Revision, Vec<&'static str>>,
    pub(super) bounds: Bounds,
    /// Something has been written.
    dirty: bool,
}

impl<'txn> Writing<'txn> {
    pub(super) fn open(txn: &'txn WriteTransaction) -> Result<Self, Fault> {
        let meta = txn.open_table(META)?;
        let bounds = bounds_in(&meta)?;
        Ok(Self {
            meta,
            current: txn.open_table(CURRENT)?,
            past: txn.open_table(PAST)?,
            log: txn.open_table(LOG)?,
            bounds,
            dirty: false,
        })
    }

    /// Checks and applies one transaction; also what changed.
    pub(super) fn apply(&mut self, txn: Txn) -> Result<(TxnOutcome, Vec<Change>), Fault> {
        for (failed, compare) in txn.compares.iter().enumerate() {
            let modified = self.current.get(compare.key())?.map(|state| state.value().1);
            if !compare.holds(modified) {
                let current = get_in(&self.current, compare.key())?;
                return Ok((TxnOutcome::Conflict { failed, current }, Vec::new()));
            }
        }
        let revision = self.bounds.newest + 1;
        let mut changed = Vec::new();
        for op in txn.ops {
            match op {
                Op::Put(key, value) => changed.push(self.put(key, value, revision)?),
                Op::Delete(key) => changed.extend(self.delete(key, revision)?),
            }
        }
        if !changed.is_empty() {
            self.log.insert(revision, changed.iter().map(|change| change.key.as_str()).collect::<Vec<_>>())?;
            self.bounds.newest = revision;
            self.dirty = true;
        }
        Ok((TxnOutcome::Committed(self.bounds.newest), changed))
    }

    fn put(&mut self, key: String, value: Bytes, revision: Revision) -> Result<Change, Fault> {
        let before = self.current.get(key.as_str())?;
        let previous = before.as_ref().map(|before| named(&key, before.value()));
        self.past.insert((key.as_str(), revision), before.as_ref().map(AccessGuard::value))?;
        drop(before);
        let created = previous.as_ref().map_or(revision, |previous| previous.created);
        self.current.insert(key.as_str(), (created, revision, value.as_ref()))?;
        let current = Some(KeyValue { key: key.clone(), value, created, modified: revision });
        Ok(Change { key, current, previous })
    }

    fn delete(&mut self, key: String, revision: Revision) -> Result<Option<Change>, Fault> {
        let Some(before) = self.current.remove(key.as_str())? else { return Ok(None) };
        self.past.insert((key.as_str(), revision), Some(before.value()))?;
        let previous = Some(named(&key, before.value()));
        drop(before);
        Ok(Some(Change { key, current: None, previous }))
    }

    /// Makes `revision` the oldest that can be read. The rows go later, with [`Writing::trim`].
    pub(super) fn compact(&mut self, revision: Revision) -> Result<(), StoreError> {
        if revision > self.bounds.newest {
            return Err(StoreError::Future { requested: revision, newest: self.bounds.newest });
        }
        if revision > self.bounds.oldest {
            self.bounds.oldest = revision;
            self.dirty = true;
        }
        Ok(())
    }

    /// Removes the rows of up to `count` forgotten revisions; true where more may be left.
    pub(super) fn trim(&mut self, count: usize) -> Result<bool, Fault> {
        let mut forgotten = Vec::new();
        for row in self.log.range(..=self.bounds.oldest)?.take(count) {
            let (revision, keys) = row?;
            forgotten.push((revision.value(), keys.value().into_iter().map(str::to_owned).collect::<Vec<_>>()));
        }
        self.dirty |= !forgotten.is_empty();
        for (revision, keys) in &forgotten {
            for key in keys {
                self.past.remove((key.as_str(), *revision))?;
            }
            self.log.remove(revision)?;
        }
        Ok(forgotten.len() == count)
    }

    /// Writes down where the store stands; false where nothing has been written and there is nothing to commit.
    pub(super) fn finish(mut self) -> Result<bool, Fault> {
        if self.dirty {
            self.meta.insert(META_OLDEST, self.bounds.oldest)?;
            self.meta.insert(META_NEWEST, self.bounds.newest)?;
        }
        Ok(self.dirty)
    }
}

//! The last changes as watchers see them: read once, and framed once in each form, however many watch. Whoever comes
//! later, or wants another form, makes his own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::body::Bytes;
use entryway_objects::status::Status;
use entryway_store::{Change, KeyValue, Revision};
use serde_json::Value;

use super::frame::{FrameForm, Framer, Kind};
use crate::list::Selection;
use crate::storage::Target;

/// The most changes that are kept.
const MOST: usize = 64;
/// The most that their stored values may have together, in bytes; frames are several times that.
const MOST_BYTES: usize = 1024 * 1024;

/// The most forms of a change that are kept. Those of Tables hold the second in which they were made.
const MOST_FORMS: usize = 8;

/// The last changes of a cluster.
#[derive(Default)]
pub(crate) struct SharedChanges(Mutex<VecDeque<Arc<SharedChange>>>);

/// A change of an object, in one version of its type.
pub(crate) struct SharedChange {
    target: Target,
    revision: Revision,
    change: Change,
    previous: OnceLock<Result<Option<Value>, Status>>,
    current: OnceLock<Result<Option<Value>, Status>>,
    frames: Mutex<Vec<(FrameForm, Bytes)>>,
}

impl SharedChanges {
    /// The change, as others have read it.
    pub(super) fn of(&self, target: &Target, change: &Change, revision: Revision) -> Arc<SharedChange> {
        let mut all = lock(&self.0);
        if let Some(found) = all.iter().rev().find(|one| one.is(target, change, revision)) {
            return Arc::clone(found);
        }
        let made = Arc::new(SharedChange {
            target: target.clone(),
            revision,
            change: change.clone(),
            previous: OnceLock::new(),
            current: OnceLock::new(),
            frames: Mutex::default(),
        });
        all.push_back(Arc::clone(&made));
        while all.len() > MOST || all.iter().map(|one| one.bytes()).sum::<usize>() > MOST_BYTES {
            all.pop_front();
        }
        made
    }
}

impl SharedChange {
    fn is(&self, target: &Target, change: &Change, revision: Revision) -> bool {
        let same_type = Arc::ptr_eq(&self.target.served, &target.served);
        self.revision == revision && same_type && self.change.key == change.key
    }

    fn bytes(&self) -> usize {
        let value = |kv: &Option<KeyValue>| kv.as_ref().map_or(0, |kv| kv.value.len());
        value(&self.change.previous) + value(&self.change.current)
    }

    fn previous(&self) -> Result<Option<&Value>, Status> {
        self.read(&self.previous, &self.change.previous)
    }

    fn current(&self) -> Result<Option<&Value>, Status> {
        self.read(&self.current, &self.change.current)
    }

    fn read<'a>(
        &self,
        place: &'a OnceLock<Result<Option<Value>, Status>>,
        state: &Option<KeyValue>,
    ) -> Result<Option<&'a Value>, Status> {
        let read = || state.as_ref().map(|kv| self.target.read_at(kv, self.revision)).transpose();
        place.get_or_init(read).as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    /// What it is to somebody who selects: what enters is added, what leaves is deleted.
    fn kind(&self, selection: &Selection) -> Result<Option<Kind>, Status> {
        let (before, after) = match selection.is_empty() {
            true => (self.change.previous.is_some(), self.change.current.is_some()),
            false => {
                let matches = |object: Option<&Value>| object.is_some_and(|one| selection.matches(&self.target, one));
                (matches(self.previous()?), matches(self.current()?))
            }
        };
        Ok(match (before, after) {
            (false, true) => Some(Kind::Added),
            (true, true) => Some(Kind::Modified),
            (true, false) => Some(Kind::Deleted),
            (false, false) => None,
        })
    }

    /// Its frame in the form of a watch; `None` where it does not concern who watches.
    pub(super) fn frame(&self, selection: &Selection, framer: &mut Framer) -> Result<Option<Bytes>, Status> {
        let Some(kind) = self.kind(selection)? else { return Ok(None) };
        let form = framer.next_form(kind);
        let made = lock(&self.frames).iter().find(|(made, _)| *made == form).map(|(_, frame)| frame.clone());
        if made.is_some() {
            return Ok(made);
        }
        let object = if kind == Kind::Deleted { self.previous()? } else { self.current()? };
        let Some(object) = object else { return Ok(None) };
        let frame = framer.frame(&form, object)?;
        let mut frames = lock(&self.frames);
        if frames.len() == MOST_FORMS {
            frames.remove(0);
        }
        frames.push((form, frame.clone()));
        Ok(Some(frame))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use entryway_objects::registry::Registry;
    use entryway_objects::table::IncludeObject;

    use crate::negotiate::{Encoding, Form, MetaVersion, Output, PLAIN};

    fn change(value: &str) -> Change {
        let current = KeyValue { key: "/k".into(), value: value.to_owned().into(), created: 1, modified: 1 };
        Change { key: "/k".into(), current: Some(current), previous: None }
    }

    #[test]
    fn equal_forms_are_the_same_bytes() {
        let target = Target::find(&Registry::builtin(), "", "v1", "configmaps").unwrap();
        let shared = SharedChanges::default();
        let change = change(r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#);
        let frame = |output: Output, revision: Revision| {
            let clock = || jiff::Timestamp::UNIX_EPOCH;
            let mut framer = Framer::new(target.clone(), output, IncludeObject::None, clock);
            shared.of(&target, &change, revision).frame(&Selection::default(), &mut framer).unwrap().unwrap()
        };
        let first = frame(PLAIN, 7);
        assert!(first.starts_with(br#"{"type":"ADDED","object":{"#) && first.ends_with(b"}\n"));
        assert_eq!(frame(PLAIN, 7).as_ptr(), first.as_ptr());
        assert_ne!(frame(PLAIN, 8).as_ptr(), first.as_ptr());
        let table = Output { encoding: Encoding::Json, form: Form::Table(MetaVersion::V1) };
        assert_eq!(frame(table, 7).as_ptr(), frame(table, 7).as_ptr());
        assert_ne!(frame(table, 7), first);
    }

    #[test]
    fn they_are_bounded() {
        let target = Target::find(&Registry::builtin(), "", "v1", "configmaps").unwrap();
        let shared = SharedChanges::default();
        let count = || lock(&shared.0).len();
        for revision in 1..=1_000 {
            shared.of(&target, &change("{}"), revision);
        }
        assert_eq!(count(), MOST);
        shared.of(&target, &change(&"x".repeat(2 * MOST_BYTES)), 1_001);
        assert_eq!(count(), 0);
    }
}

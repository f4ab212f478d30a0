//! From a user's or group's name to the place of its grants.
//!
//! An open table of 16-byte slots and one run of all names: a probe reads a slot, then the name, which must
//! be the very one.

use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;

use crate::grants::Who;

/// Where the grants of a subject begin, and how many they are; none for a name that is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) start: u32,
    pub(crate) length: u32,
}

impl Run {
    pub(crate) fn range(self) -> std::ops::Range<usize> {
        let start = self.start as usize;
        start..start + self.length as usize
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// The upper half of the name's hash.
    tag: u32,
    /// Where the name begins; zero for an empty slot.
    name: u32,
    run: Run,
}

/// The table. Two fifths of it are empty, so most probes end where they begin.
#[derive(Debug, Default)]
pub(crate) struct SubjectTable {
    hasher: DefaultHashBuilder,
    /// INVARIANT (power of two): its length is one, and at least one slot is empty.
    slots: Vec<Slot>,
    /// A byte that nothing begins at, then of each subject its kind, its name and `END`.
    names: Vec<u8>,
}

const USER: u8 = b'u';
const GROUP: u8 = b'g';
/// In no text of UTF-8.
const END: u8 = 0xff;

impl SubjectTable {
    /// A table of different names.
    pub(crate) fn new<'w>(subjects: impl IntoIterator<Item = (Who<'w>, Run)>) -> SubjectTable {
        let subjects: Vec<(Who<'_>, Run)> = subjects.into_iter().collect();
        let hasher = DefaultHashBuilder::default();
        let mut slots = vec![Slot::default(); (subjects.len() + subjects.len() / 2 + 1).next_power_of_two()];
        let mask = slots.len() - 1;
        let mut names = vec![END];
        for (who, run) in subjects {
            let hash = hasher.hash_one(who);
            let mut at = hash as usize & mask;
            while slots.get(at).is_some_and(|slot| slot.name != 0) {
                at = (at + 1) & mask;
            }
            // Four gigabytes of names: a subject beyond them is left out, and has no grants.
            let Ok(name) = u32::try_from(names.len()) else { break };
            let (kind, text) = parts(who);
            names.push(kind);
            names.extend_from_slice(text);
            names.push(END);
            if let Some(slot) = slots.get_mut(at) {
                *slot = Slot { tag: tag(hash), name, run };
            }
        }
        SubjectTable { hasher, slots, names }
    }

    /// Where the grants of exactly this user or group are.
    pub(crate) fn find(&self, who: Who<'_>) -> Run {
        let Some(mask) = self.slots.len().checked_sub(1) else { return Run::default() };
        let hash = self.hasher.hash_one(who);
        let mut at = hash as usize & mask;
        while let Some(slot) = self.slots.get(at).filter(|slot| slot.name != 0) {
            if slot.tag == tag(hash) && self.is_name(slot.name as usize, who) {
                return slot.run;
            }
            at = (at + 1) & mask;
        }
        Run::default()
    }

    fn is_name(&self, at: usize, who: Who<'_>) -> bool {
        let (kind, text) = parts(who);
        let end = at + 1 + text.len();
        self.names.get(at) == Some(&kind)
            && self.names.get(at + 1..end) == Some(text)
            && self.names.get(end) == Some(&END)
    }
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

fn parts(who: Who<'_>) -> (u8, &[u8]) {
    match who {
        Who::User(name) => (USER, name.as_bytes()),
        Who::Group(name) => (GROUP, name.as_bytes()),
    }
}

//! From a user's or group's name to its grants, in one step through memory.
//!
//! With a million bindings the price of a decision is not its work but the way to memory, where each step
//! has to wait for the one before it. So all that is asked of a subject stands in one block, its name
//! first, which must be the very one asked for; and a small directory, by hash, says where each block is.
//! The places of several subjects are looked up first, and their blocks only then: so the processor waits
//! for all of them at once.

use std::hint::black_box;
use std::num::NonZeroU32;
use std::ops::Range;

use crate::grants::Who;

/// The grants of a subject.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Grants<'t> {
    /// The number of its first grant, in the order in which all were put into the table.
    pub(crate) first: usize,
    /// The roles that it has everywhere.
    pub(crate) cluster_wide: &'t [Number],
    /// The namespaces of the grants after those, ascending.
    pub(crate) namespaces: &'t [Number],
    /// Their roles, in the same order.
    pub(crate) roles: &'t [Number],
}

/// A 32-bit number, little-endian, as the blocks hold it.
pub(crate) type Number = [u8; 4];

/// Where the blocks of a name's bucket are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    /// From the first block of the bucket to where the next bucket's begin, in numbers.
    start: u32,
    end: u32,
    tag: u32,
}

/// The table.
#[derive(Debug, Default)]
pub(crate) struct SubjectTable {
    /// How far a hash is shifted to be the number of a bucket.
    shift: u32,
    /// INVARIANT (one more): where each bucket begins, and where the last one ends.
    starts: Vec<u32>,
    /// Of each subject its head, its name, padded, and its grants as [`Grants`] has them.
    blocks: Vec<Number>,
}

/// What a block begins with: tag, name's length and kind, the numbers of grants of both sorts, the first one.
const HEAD: usize = 5;

impl SubjectTable {
    /// A table for `count` subjects.
    pub(crate) fn for_subjects(count: usize) -> SubjectTable {
        let buckets = count.next_power_of_two().max(2);
        SubjectTable { shift: u64::BITS - buckets.ilog2(), starts: Vec::with_capacity(buckets + 1), blocks: Vec::new() }
    }

    /// Puts a subject in, after all of lesser hashes, with its grants: the namespace of each (none for the
    /// whole cluster) and its role, ascending. `first` is the number of the first grant.
    pub(crate) fn push(&mut self, hash: u64, who: Who<'_>, first: u32, grants: &[(Option<NonZeroU32>, u32)]) {
        // Sixteen gigabytes: subjects beyond them are left out, and have no grants.
        let Ok(start) = u32::try_from(self.blocks.len()) else { return };
        while self.starts.len() <= self.bucket(hash) {
            self.starts.push(start);
        }
        let cluster_wide = grants.partition_point(|(namespace, _)| namespace.is_none());
        let (cluster_wide, local) = grants.split_at(cluster_wide);
        let (kind_and_length, name) = parts(who);
        let lengths = [cluster_wide, local].map(|grants| u32::try_from(grants.len()).unwrap_or_default());
        let mut put = |number: u32| self.blocks.push(number.to_le_bytes());
        put(tag(hash));
        put(kind_and_length);
        lengths.into_iter().for_each(&mut put);
        put(first);
        for bytes in name.chunks(UNIT) {
            let mut padded = Number::default();
            padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            put(u32::from_le_bytes(padded));
        }
        cluster_wide.iter().for_each(|(_, role)| put(*role));
        local.iter().for_each(|(namespace, _)| put(namespace.map_or(0, NonZeroU32::get)));
        local.iter().for_each(|(_, role)| put(*role));
    }

    /// Notes that no subject comes after those that were put in.
    pub(crate) fn finish(&mut self) {
        let end = u32::try_from(self.blocks.len()).unwrap_or(u32::MAX);
        self.starts.resize(self.starts.capacity(), end);
        self.blocks.shrink_to_fit();
    }

    fn bucket(&self, hash: u64) -> usize {
        (hash >> self.shift) as usize
    }

    /// Where the block of a name with this hash is, if it has one. Reads the directory alone.
    pub(crate) fn place(&self, hash: u64) -> Place {
        let bucket = self.bucket(hash);
        match self.starts.get(bucket..bucket + 2) {
            Some(&[start, end]) => Place { start, end, tag: tag(hash) },
            Some(_) | None => Place::default(),
        }
    }

    /// Reads the beginning of a block, so that it is on its way when it is asked for: a tenth of the time of
    /// a decision with a million bindings, where one way to memory was 300 ns. A second line gained nothing.
    pub(crate) fn fetch(&self, place: &Place) {
        black_box(self.blocks.get(place.start as usize).copied());
    }

    /// The grants of exactly this user or group, none where it has none.
    pub(crate) fn grants(&self, place: &Place, who: Who<'_>) -> Grants<'_> {
        let mut blocks = self.blocks.get(place.start as usize..place.end as usize).unwrap_or_default();
        while let Some((head, rest)) = blocks.split_first_chunk::<HEAD>() {
            let [tag, kind_and_length, cluster_wide, local, first] = head.map(u32::from_le_bytes);
            let length = (kind_and_length >> 1) as usize;
            let (cluster_wide, local) = (cluster_wide as usize, local as usize);
            let Some((name, rest)) = rest.split_at_checked(length.div_ceil(UNIT)) else { break };
            if tag == place.tag
                && parts(who) == (kind_and_length, name.as_flattened().get(..length).unwrap_or_default())
                && let Some((cluster_wide, rest)) = rest.split_at_checked(cluster_wide)
                && let Some((namespaces, rest)) = rest.split_at_checked(local)
            {
                let roles = rest.get(..local).unwrap_or_default();
                return Grants { first: first as usize, cluster_wide, namespaces, roles };
            }
            blocks = rest.get(cluster_wide + 2 * local..).unwrap_or_default();
        }
        Grants::default()
    }
}

impl Grants<'_> {
    /// The grants that hold in a namespace, cluster-wide ones first: the number and role of each.
    pub(crate) fn of_namespace(&self, namespace: Option<NonZeroU32>) -> impl Iterator<Item = (usize, u32)> {
        let local = namespace.map_or(0..0, |id| self.range_of(id.get()));
        let roles = self.roles.get(local.clone()).unwrap_or_default();
        let local_number = self.first + self.cluster_wide.len() + local.start;
        let cluster_wide = (self.first..).zip(self.cluster_wide);
        cluster_wide.chain((local_number..).zip(roles)).map(|(number, role)| (number, u32::from_le_bytes(*role)))
    }

    fn range_of(&self, namespace: u32) -> Range<usize> {
        let before = |other: &Number| u32::from_le_bytes(*other) < namespace;
        // Halving makes each step wait for the one before it: few are read faster in a row.
        let start = if self.namespaces.len() <= READ_IN_A_ROW {
            self.namespaces.iter().filter(|other| before(other)).count()
        } else {
            self.namespaces.partition_point(before)
        };
        let rest = self.namespaces.get(start..).unwrap_or_default();
        start..start + rest.iter().take_while(|other| u32::from_le_bytes(**other) == namespace).count()
    }
}

/// Few enough to be read one after the other.
const READ_IN_A_ROW: usize = 64;

const UNIT: usize = size_of::<Number>();

fn tag(hash: u64) -> u32 {
    (hash & u64::from(u32::MAX)) as u32
}

/// A name's kind and length, and the name. Of a name longer than two gigabytes, which nobody has, the
/// length would be another's; the names still have to be equal.
fn parts(who: Who<'_>) -> (u32, &[u8]) {
    let (kind, name) = match who {
        Who::User(name) => (0, name.as_bytes()),
        Who::Group(name) => (1, name.as_bytes()),
    };
    (((name.len() as u32) << 1) | kind, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hash finds a place; only the very name has the grants.
    #[test]
    fn equal_hashes_are_told_apart_by_name() {
        let everywhere = |role| [(None, role)];
        let in_namespaces: Vec<_> = (0..200).map(|role| (NonZeroU32::new(role / 2 + 1), role)).collect();
        let mut table = SubjectTable::for_subjects(4);
        table.push(5, Who::User("jo"), 0, &everywhere(7));
        table.push(5, Who::Group("jo"), 1, &everywhere(8));
        table.push(5, Who::User("joe"), 2, &in_namespaces);
        table.push(u64::MAX, Who::User(""), 202, &everywhere(9));
        table.finish();
        let roles = |hash, who, namespace| -> Vec<(usize, u32)> {
            let place = table.place(hash);
            table.fetch(&place);
            table.grants(&place, who).of_namespace(NonZeroU32::new(namespace)).collect()
        };
        assert_eq!(roles(5, Who::User("jo"), 3), [(0, 7)]);
        assert_eq!(roles(5, Who::Group("jo"), 0), [(1, 8)]);
        assert_eq!(roles(5, Who::User("joe"), 3), [(6, 4), (7, 5)]);
        assert_eq!(roles(5, Who::User("joe"), 101), []);
        assert_eq!(roles(u64::MAX, Who::User(""), 1), [(202, 9)]);
        for (hash, who) in [(5, Who::User("jo\0")), (5, Who::User("")), (5, Who::Group("joe")), (9, Who::User("jo"))] {
            assert_eq!(roles(hash, who, 1), [], "{who:?}");
        }
        assert!(SubjectTable::default().grants(&Place::default(), Who::User("jo")).cluster_wide.is_empty());
    }
}

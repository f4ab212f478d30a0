//! From a name to its numbers, in one step through memory.
//!
//! With a million bindings the price of a decision is not its work but the way to memory, where each step
//! has to wait for the one before it. So what is known of a name stands in one block, and a small directory,
//! by hash, says where each block is. The places of several names are looked up first, and their blocks
//! only then: so the processor waits for all of them at once.
//!
//! A block whose tag is that of the name is nearly always the name's own. Only the name itself says so, and
//! it has to be asked ([`Block::is_of`]) before anything follows from the block: that is left to the caller,
//! since most blocks grant nothing, whosever they are.

use std::hint::black_box;

use crate::grants::Who;

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
pub(crate) struct NameTable {
    /// How far a hash is shifted to be the number of a bucket.
    shift: u32,
    /// INVARIANT (one more): where each bucket begins, and where the last one ends.
    starts: Vec<u32>,
    /// Of each name: head, numbers, and the name, padded, or where in `long_names` it is.
    blocks: Vec<Number>,
    /// The names too long for a block.
    long_names: Vec<u8>,
}

/// What is known of a name, as far as its tag tells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'t> {
    pub(crate) numbers: &'t [Number],
    kind_and_length: u32,
    name: &'t [Number],
    long_names: &'t [u8],
}

/// What a block begins with: tag, the name's length and kind, how many numbers it has.
const HEAD: usize = 3;

/// Longer names than this, in bytes, are not in the blocks: a user's ARN would be two thirds of its block,
/// and is read only where one of the user's grants allows.
const LONGEST_IN_BLOCK: usize = 32;

impl NameTable {
    /// A table for `count` names.
    pub(crate) fn for_names(count: usize) -> NameTable {
        let buckets = count.next_power_of_two().max(2);
        let starts = Vec::with_capacity(buckets + 1);
        NameTable { shift: u64::BITS - buckets.ilog2(), starts, ..NameTable::default() }
    }

    /// Puts a name in, after all of lesser hashes, with its numbers: two, then the others.
    pub(crate) fn push(&mut self, hash: u64, who: Who<'_>, two: [u32; 2], others: &[u32]) {
        let (kind_and_length, name) = parts(who);
        // Sixteen gigabytes of blocks, four of long names: names beyond them are left out, and have no numbers.
        let (Ok(start), Ok(long_name), Ok(count)) = (
            u32::try_from(self.blocks.len()),
            u32::try_from(self.long_names.len()),
            u32::try_from(two.len() + others.len()),
        ) else {
            return;
        };
        while self.starts.len() <= self.bucket(hash) {
            self.starts.push(start);
        }
        self.blocks.extend([tag(hash), kind_and_length, count].map(u32::to_le_bytes));
        self.blocks.extend(two.iter().chain(others).copied().map(u32::to_le_bytes));
        if name.len() > LONGEST_IN_BLOCK {
            self.long_names.extend_from_slice(name);
            self.blocks.push(long_name.to_le_bytes());
            return;
        }
        self.blocks.extend(name.chunks(UNIT).map(|bytes| {
            let mut padded = Number::default();
            padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            padded
        }));
    }

    /// Notes that no name comes after those that were put in.
    pub(crate) fn finish(&mut self) {
        let end = u32::try_from(self.blocks.len()).unwrap_or(u32::MAX);
        self.starts.resize(self.starts.capacity(), end);
        self.blocks.shrink_to_fit();
        self.long_names.shrink_to_fit();
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

    /// Reads the beginning of a block, so that it is on its way when it is asked for.
    pub(crate) fn fetch(&self, place: Place) {
        black_box(self.blocks.get(place.start as usize).copied());
    }

    /// The blocks that are the name's by their tags: hardly ever more than one.
    pub(crate) fn blocks(&self, place: Place) -> impl Iterator<Item = Block<'_>> {
        let mut rest = self.blocks.get(place.start as usize..place.end as usize).unwrap_or_default();
        std::iter::from_fn(move || {
            while let Some((head, body)) = rest.split_first_chunk::<HEAD>() {
                let [tag, kind_and_length, count] = head.map(u32::from_le_bytes);
                let (numbers, body) = body.split_at_checked(count as usize)?;
                let (name, next) = body.split_at_checked(room(length(kind_and_length)))?;
                rest = next;
                if tag == place.tag {
                    return Some(Block { numbers, kind_and_length, name, long_names: &self.long_names });
                }
            }
            None
        })
    }
}

impl Block<'_> {
    /// Whether it is the block of this very name.
    pub(crate) fn is_of(&self, who: Who<'_>) -> bool {
        let length = length(self.kind_and_length);
        let start = match self.name {
            [at] if length > LONGEST_IN_BLOCK => u32::from_le_bytes(*at) as usize,
            _ => 0,
        };
        let names = if length > LONGEST_IN_BLOCK { self.long_names } else { self.name.as_flattened() };
        parts(who) == (self.kind_and_length, names.get(start..start + length).unwrap_or_default())
    }
}

const UNIT: usize = size_of::<Number>();

/// How many numbers a name of this length takes.
fn room(length: usize) -> usize {
    if length > LONGEST_IN_BLOCK { 1 } else { length.div_ceil(UNIT) }
}

fn tag(hash: u64) -> u32 {
    (hash & u64::from(u32::MAX)) as u32
}

fn length(kind_and_length: u32) -> usize {
    (kind_and_length >> 1) as usize
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

    /// A hash finds a place; only the very name has the numbers.
    #[test]
    fn equal_hashes_are_told_apart_by_name() {
        let long = "n".repeat(LONGEST_IN_BLOCK + 1);
        let longest_in_block = "n".repeat(LONGEST_IN_BLOCK);
        let names = [
            (5, Who::User("jo")),
            (5, Who::Group("jo")),
            (5, Who::User("joe")),
            (5, Who::User(&long)),
            (5, Who::Group(&long)),
            (5, Who::User(&longest_in_block)),
            (u64::MAX, Who::User("")),
        ];
        let mut table = NameTable::for_names(4);
        for (number, (hash, who)) in (0..).zip(names) {
            table.push(hash, who, [number, 7], &vec![8; number as usize]);
        }
        table.finish();
        let find = |hash, who| -> Option<(u32, usize)> {
            let place = table.place(hash);
            table.fetch(place);
            let block = table.blocks(place).find(|block| block.is_of(who))?;
            Some((u32::from_le_bytes(*block.numbers.first()?), block.numbers.len()))
        };
        for (number, (hash, who)) in (0..).zip(names) {
            assert_eq!(find(hash, who), Some((number, 2 + number as usize)), "{who:?}");
        }
        let other = "m".repeat(LONGEST_IN_BLOCK + 1);
        for (hash, who) in [
            (5, Who::User("jo\0")),
            (5, Who::User("")),
            (5, Who::Group("joe")),
            (5, Who::User(&other)),
            (9, Who::User("jo")),
        ] {
            assert_eq!(find(hash, who), None, "{who:?}");
        }
        assert!(NameTable::default().blocks(Place::default()).next().is_none());
    }
}

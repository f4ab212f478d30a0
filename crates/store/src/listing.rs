//! One page of a listing, from rows in key order: the same rule for every implementation, and the merge
//! that turns "the keys now" and "what they were before" into "the keys as of then".

use std::cmp::Ordering;
use std::iter::Peekable;

use crate::{KeyValue, Listing, Revision};

/// A row that is only copied when it ends up on the page.
pub(crate) trait Row {
    /// What can go wrong while the rows are read.
    type Error;
    /// The key.
    fn key(&self) -> &str;
    /// False for a key that had no value.
    fn is_present(&self) -> bool;
    /// The state, where there is one.
    fn load(self) -> Option<KeyValue>;
}

/// Takes up to `limit` (0: all) present rows and counts the rest.
///
/// `current` holds the keys with their newest states. `past` holds, for keys written after the revision
/// asked for, the state they had then (at most one row a key); it wins over `current`. Both ascend by key
/// and hold only rows that belong to the listing.
pub(crate) fn page<C, P>(
    current: impl Iterator<Item = Result<C, C::Error>>,
    past: impl Iterator<Item = Result<P, C::Error>>,
    limit: usize,
    revision: Revision,
) -> Result<Listing, C::Error>
where
    C: Row,
    P: Row<Error = C::Error>,
{
    let mut listing = Listing { items: Vec::new(), remaining: 0, revision };
    let mut current = current.peekable();
    let mut past = past.peekable();
    while let Some(order) = order(&mut current, &mut past) {
        // At most one of the two stays: where both have the key, the past state hides the current one.
        let newest = if order.is_le() { current.next().transpose()? } else { None };
        let before = if order.is_ge() { past.next().transpose()? } else { None };
        match before {
            Some(row) => add(&mut listing, limit, row),
            None => newest.into_iter().for_each(|row| add(&mut listing, limit, row)),
        }
    }
    Ok(listing)
}

/// Puts the row on the page, or counts it where the page is full.
fn add(listing: &mut Listing, limit: usize, row: impl Row) {
    if !row.is_present() {
        return;
    }
    if limit == 0 || listing.items.len() < limit {
        listing.items.extend(row.load());
    } else {
        listing.remaining += 1;
    }
}

/// Which side has the smaller key next. An error counts as smallest, so that it surfaces at once.
fn order<C, P>(
    current: &mut Peekable<impl Iterator<Item = Result<C, C::Error>>>,
    past: &mut Peekable<impl Iterator<Item = Result<P, C::Error>>>,
) -> Option<Ordering>
where
    C: Row,
    P: Row,
{
    match (current.peek(), past.peek()) {
        (None, None) => None,
        (Some(Ok(c)), Some(Ok(p))) => Some(c.key().cmp(p.key())),
        (Some(_), None) | (Some(Err(_)), _) => Some(Ordering::Less),
        (None, Some(_)) | (_, Some(Err(_))) => Some(Ordering::Greater),
    }
}

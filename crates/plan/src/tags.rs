//! The tags that Entryway puts on entries.

use std::collections::BTreeMap;

use entryway_access::{EXPIRES_AT, EXPIRES_POLICY, parse_end};
use jiff::Timestamp;

/// Marks an entry that is managed from files.
pub const MANAGED_BY: &str = "entryway:managed-by";
/// Its value.
pub const MANAGED_BY_VALUE: &str = "entryway";
/// Marks an entry that a migration made of a line of aws-auth: what a rollback may delete.
pub(crate) const MIGRATED_FROM: &str = "entryway:migrated-from";
/// Its value.
pub(crate) const MIGRATED_FROM_VALUE: &str = "aws-auth";

/// Whether a tag says when something ends.
pub(crate) fn is_expiry(key: &str) -> bool {
    key == EXPIRES_AT || key.starts_with(EXPIRES_POLICY)
}

/// How long a grant was given for, where the file says `for`: what has ended stays as an entry that grants
/// nothing, or it would begin anew.
pub(crate) const GRANTED_FOR: &str = "entryway:granted-for";

/// Whether a tag has to do with ends.
pub(crate) fn is_time(key: &str) -> bool {
    key == GRANTED_FOR || is_expiry(key)
}

/// Whether a tag is Entryway's own.
pub(crate) fn is_own(key: &str) -> bool {
    key == MANAGED_BY || key == MIGRATED_FROM || is_time(key)
}

/// The end that a tag states; `None` where it is not there or is no time.
pub(crate) fn stated_end(tags: &BTreeMap<String, String>, key: &str) -> Option<Timestamp> {
    parse_end(tags.get(key)?).ok()
}

/// Whether the end that a tag states is over. Of one that can't be read nobody knows that: nothing is taken away for it.
pub(crate) fn is_over(tags: &BTreeMap<String, String>, key: &str, now: Timestamp) -> bool {
    stated_end(tags, key).is_some_and(|end| end <= now)
}

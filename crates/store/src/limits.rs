//! What a transaction may ask: the one place for the limits and the shape rules, called by every
//! implementation before anything else happens.

use std::collections::HashSet;

use crate::{StoreError, Txn};

/// The longest key, in bytes. An access entry's key with the longest ARN needs about half of it.
pub const MAX_KEY_BYTES: usize = 4 * 1024;
/// The largest value, in bytes. Kubernetes takes request bodies up to 3 MiB.
pub const MAX_VALUE_BYTES: usize = 8 * 1024 * 1024;
/// The largest transaction: keys and values of its writes together, in bytes.
pub const MAX_TXN_BYTES: usize = 32 * 1024 * 1024;

/// How much of a key an error message repeats, in bytes.
const SHOWN_KEY_BYTES: usize = 64;

/// Checks what can be checked without looking at the store.
pub(crate) fn check(txn: &Txn) -> Result<(), StoreError> {
    let mut written = HashSet::with_capacity(txn.ops.len());
    for compare in &txn.compares {
        check_key(compare.key())?;
    }
    for op in &txn.ops {
        let key = op.key();
        check_key(key)?;
        if !written.insert(key) {
            return Err(StoreError::Invalid(format!("the key `{}` is written twice", beginning(key))));
        }
        let size = op.value().map_or(0, |value| value.len());
        at_most(MAX_VALUE_BYTES, size, || format!("the value of `{}`", beginning(key)))?;
    }
    at_most(MAX_TXN_BYTES, txn.bytes(), || "the transaction".to_owned())
}

fn check_key(key: &str) -> Result<(), StoreError> {
    if key.is_empty() {
        return Err(StoreError::Invalid("a key is empty".to_owned()));
    }
    at_most(MAX_KEY_BYTES, key.len(), || format!("the key `{}`", beginning(key)))
}

fn at_most(limit: usize, size: usize, what: impl FnOnce() -> String) -> Result<(), StoreError> {
    if size > limit { Err(StoreError::TooLarge { what: what(), size, limit }) } else { Ok(()) }
}

/// The key itself, or its first bytes with an ellipsis.
fn beginning(key: &str) -> String {
    if key.len() <= SHOWN_KEY_BYTES {
        return key.to_owned();
    }
    let cut = key.floor_char_boundary(SHOWN_KEY_BYTES);
    format!("{}…", key.get(..cut).unwrap_or_default())
}

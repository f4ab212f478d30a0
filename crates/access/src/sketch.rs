//! Sketches of names: a few bytes of a text, mixed into eight bits.
//!
//! Cheap, and different for most names that Kubernetes has. A sketch says nothing for certain: equal names
//! have equal ones, and that is all.

use crate::Resource;

/// That of a verb, an API group, or `resource/subresource` in one.
pub(crate) fn of_name(name: &str) -> usize {
    let bytes = name.as_bytes();
    let (first, last) = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => (*first, *last),
        _ => {
            let short = short(|at| bytes.get(at).copied());
            (short, short)
        }
    };
    mix(first, last, bytes.len())
}

/// That of `resource/subresource`, the same wherever between the two the text is cut.
pub(crate) fn of_resource(asked: &Resource<'_>) -> usize {
    if asked.subresource.is_empty() {
        return of_name(asked.resource);
    }
    let (resource, subresource) = (asked.resource.as_bytes(), asked.subresource.as_bytes());
    let length = resource.len() + 1 + subresource.len();
    let byte = |at: usize| match at.checked_sub(resource.len()) {
        None => resource.get(at).copied(),
        Some(0) => Some(b'/'),
        Some(after) => subresource.get(after - 1).copied(),
    };
    let first = short(byte);
    let last = length.checked_sub(ENDS).map_or(first, |start| short(|at| byte(start + at)));
    mix(first, last, length)
}

/// So many bytes of each end.
const ENDS: usize = 4;

/// The first bytes of a text, zeros where it has fewer.
fn short(byte: impl Fn(usize) -> Option<u8>) -> [u8; ENDS] {
    std::array::from_fn(|at| byte(at).unwrap_or_default())
}

fn mix(first: [u8; ENDS], last: [u8; ENDS], length: usize) -> usize {
    let ends = u64::from(u32::from_le_bytes(first)) | u64::from(u32::from_le_bytes(last)) << 32;
    ((ends ^ (length as u64).rotate_left(27)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize
}

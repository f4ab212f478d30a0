//! Server-side apply, and who manages which field.

use jiff::Timestamp;
use serde_json::Value;

use crate::{registry::ResourceType, status::Status};

/// Who changes an object, for `managedFields`.
#[derive(Debug, Clone, Copy)]
pub struct Manager<'a> {
    /// `fieldManager`, or the default: the first part of the User-Agent before `/`.
    pub name: &'a str,
    /// The subresource the request went to, if any.
    pub subresource: Option<&'a str>,
    /// Time for the entry, truncated to seconds.
    pub now: Timestamp,
}

/// Applies a configuration: merges `applied` (already decoded and retyped without defaults) into `current` (`None`
/// when the object does not exist), removes what this manager no longer applies, and writes `metadata.managedFields`.
/// The result is what [`crate::lifecycle`] takes next.
///
/// # Errors
/// 409 `Conflict` with one cause for each field that another manager holds with another value, unless `force`.
pub fn apply(
    resource: &ResourceType,
    current: Option<&Value>,
    applied: &Value,
    manager: Manager<'_>,
    force: bool,
) -> Result<Value, Status> {
    todo!()
}

/// Writes `metadata.managedFields` of `new` for a create (`old` is `None`), update or patch: what changed against
/// `old` belongs to `manager` from now on. `new` is the object as it will be stored (after [`crate::lifecycle`]).
/// An update that sends `managedFields: []` resets them; one that sends none keeps the old ones.
pub fn track_update(resource: &ResourceType, old: Option<&Value>, new: &mut Value, manager: Manager<'_>) {
    todo!()
}

//! JSON patch, merge patch and strategic merge patch.

use serde_json::Value;

use crate::{registry::ResourceType, status::Status};

/// The kinds of patch, by content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchType {
    /// `application/json-patch+json`.
    Json,
    /// `application/merge-patch+json`.
    Merge,
    /// `application/strategic-merge-patch+json`; custom resources don't have it (415).
    Strategic,
    /// `application/apply-patch+yaml` (or `+cbor`, not served); see [`crate::apply`].
    Apply,
}

impl PatchType {
    /// Of a `Content-Type` header's value (parameters are ignored).
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        todo!()
    }
}

/// Applies a patch other than `Apply` to the current object. The result is not checked yet: give it to
/// [`crate::body::retype`]. Errors are the server's: 400 for a patch that is no patch, 422 for one that does not fit.
pub fn apply(resource: &ResourceType, patch_type: PatchType, current: &Value, patch: &[u8]) -> Result<Value, Status> {
    todo!()
}

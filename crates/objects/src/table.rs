//! Tables: the columns and cells that `kubectl get` prints.

use jiff::Timestamp;
use serde_json::Value;

use crate::registry::ResourceType;

/// What a row carries of its object: the query parameter `includeObject`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// `PartialObjectMetadata`: the default.
    #[default]
    Metadata,
    /// The whole object.
    Object,
}

impl IncludeObject {
    /// From the query parameter; `None` for an unknown word.
    pub fn parse(text: &str) -> Option<Self> {
        todo!()
    }
}

/// The Table of some objects. `list_metadata` is the list's `metadata` (or, for one object, `resourceVersion` alone).
/// Watch events after the first leave the columns out: `with_columns`. `now` is for ages.
/// `version` is `v1` or `v1beta1`.
pub fn table<'a>(
    resource: &ResourceType,
    objects: impl IntoIterator<Item = &'a Value>,
    list_metadata: Value,
    include: IncludeObject,
    with_columns: bool,
    now: Timestamp,
) -> Value {
    todo!()
}

/// An object's `PartialObjectMetadata` (`meta.k8s.io/v1`).
pub fn partial_metadata(object: &Value) -> Value {
    todo!()
}

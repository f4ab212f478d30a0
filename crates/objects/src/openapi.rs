//! OpenAPI v3 documents: what `kubectl explain`, client-side validation and older clients read.

use serde_json::Value;

use crate::registry::Registry;

/// `GET /openapi/v3`: for each group-version path its document's URL, with a hash that changes when it changes.
pub fn index(registry: &Registry) -> Value {
    todo!()
}
/// `GET /openapi/v3/PATH`, where `path` is `api/v1` or `apis/GROUP/VERSION`; `None` when it is not served.
pub fn document(registry: &Registry, path: &str) -> Option<Value> {
    todo!()
}

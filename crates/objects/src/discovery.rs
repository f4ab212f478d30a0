//! Discovery documents: the aggregated form and the older ones.

use serde_json::Value;

use crate::registry::Registry;

/// Content type of the aggregated form.
pub const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// `GET /api`, aggregated.
pub fn aggregated_core(registry: &Registry) -> Value {
    todo!()
}
/// `GET /apis`, aggregated.
pub fn aggregated_groups(registry: &Registry) -> Value {
    todo!()
}
/// `GET /api`, old form. `server_address` is host and port as the client reached them.
pub fn api_versions(server_address: &str) -> Value {
    todo!()
}
/// `GET /apis`, old form.
pub fn api_group_list(registry: &Registry) -> Value {
    todo!()
}
/// `GET /apis/GROUP`; `None` when there is no such group.
pub fn api_group(registry: &Registry, group: &str) -> Option<Value> {
    todo!()
}
/// `GET /api/v1` or `/apis/GROUP/VERSION`; `None` when it is not served.
pub fn api_resource_list(registry: &Registry, group: &str, version: &str) -> Option<Value> {
    todo!()
}
/// A strong hash of a document, for `ETag` and the `hash` of the OpenAPI index: upper-case hexadecimal.
pub fn hash(document: &[u8]) -> String {
    todo!()
}

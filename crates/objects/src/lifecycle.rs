//! What the server does to an object between reading a request and storing it: defaults, the fields that only the
//! server sets, admission's additions, validation.

use jiff::Timestamp;
use serde_json::Value;

use crate::{registry::ResourceType, status::Status};

/// What a create gets from outside.
#[derive(Debug, Clone, Copy)]
pub struct Creation<'a> {
    /// Namespace in the path, `None` for cluster-scoped resources.
    pub namespace: Option<&'a str>,
    /// The new object's uid.
    pub uid: &'a str,
    /// Creation time.
    pub now: Timestamp,
    /// Randomness for generated names, volume suffixes and cluster addresses.
    pub seed: u64,
}

/// Prepares and checks a new object: metadata (uid, creationTimestamp, namespace, generated name, generation), what
/// admission adds, type defaults, empty status, then validation. The result has no `resourceVersion`: the store's
/// revision is put there later.
///
/// # Errors
/// 400 where the namespace differs from the path's, 422 with all causes where it is invalid.
pub fn create(resource: &ResourceType, object: Value, with: &Creation<'_>) -> Result<Value, Status> {
    todo!()
}

/// Prepares and checks an update of `old` to `new`, both whole objects: system metadata is kept, `status` stays on the
/// main resource where there is a status subresource, only status (and metadata as there) changes on `status`,
/// generation grows when the spec changed. `resourceVersion` is `old`'s: compare the client's before.
///
/// # Errors
/// 422 with all causes, immutable fields among them.
pub fn update(resource: &ResourceType, subresource: Option<&str>, old: &Value, new: Value) -> Result<Value, Status> {
    todo!()
}

/// Whether two versions differ in nothing but `managedFields` times and `resourceVersion`: then nothing is written.
pub fn same(old: &Value, new: &Value) -> bool {
    todo!()
}

/// Turns an object of one served version into another of the same resource (HPA, events; others only change
/// `apiVersion`).
pub fn convert(object: Value, from: &ResourceType, to: &ResourceType) -> Value {
    todo!()
}

/// The `autoscaling/v1 Scale` of a scalable object; `None` where the type has none.
pub fn scale_of(resource: &ResourceType, object: &Value) -> Option<Value> {
    todo!()
}

/// Sets the replicas that a `Scale` asks for.
pub fn set_scale(resource: &ResourceType, object: &mut Value, scale: &Value) -> Result<(), Status> {
    todo!()
}

//! `Status` objects: every answer that is not an object, and how errors of this crate become one.

use serde_json::Value;

/// One cause of an `Invalid` or `Conflict` answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusCause {
    /// Such as `FieldValueInvalid`; see [`crate::validate::FieldError`].
    pub reason: String,
    /// Text without the field.
    pub message: String,
    /// Path of the field, such as `spec.containers[0].name`.
    pub field: String,
}

/// A failure, as the API server answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// HTTP status.
    pub code: u16,
    /// `reason`, `""` where Kubernetes gives none.
    pub reason: &'static str,
    /// `message`.
    pub message: String,
    /// `details`; `None` leaves the member out, an empty one is `{}`.
    pub details: Option<StatusDetails>,
}

/// `details` of a [`Status`]; empty members are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusDetails {
    /// Name of the object.
    pub name: String,
    /// Its API group.
    pub group: String,
    /// Its resource (or kind, in validation errors).
    pub kind: String,
    /// Its uid.
    pub uid: String,
    /// What is wrong.
    pub causes: Vec<StatusCause>,
    /// Seconds after which a retry makes sense, 0 for unsaid.
    pub retry_after_seconds: u32,
}

impl Status {
    /// 400 `BadRequest` without details.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self { code: 400, reason: "BadRequest", message: message.into(), details: None }
    }
    /// 404 `NotFound` of one object: `configmaps "x" not found`. `group` and `resource` as in the path.
    pub fn not_found(group: &str, resource: &str, name: &str) -> Self {
        todo!()
    }
    /// 409 `AlreadyExists`.
    pub fn already_exists(group: &str, resource: &str, name: &str) -> Self {
        todo!()
    }
    /// 409 `Conflict`: `Operation cannot be fulfilled on configmaps "x": WHY`.
    pub fn conflict(group: &str, resource: &str, name: &str, why: &str) -> Self {
        todo!()
    }
    /// 422 `Invalid` with its causes: `ConfigMap "x" is invalid: …`. `kind` without group.
    pub fn invalid(group: &str, kind: &str, name: &str, errors: &[crate::validate::FieldError]) -> Self {
        todo!()
    }
    /// 404 `NotFound` of a path that no resource has, with `details: {}`.
    pub fn unknown_path() -> Self {
        todo!()
    }
    /// 405 `MethodNotAllowed`, with `details: {}`.
    pub fn method_not_allowed() -> Self {
        todo!()
    }
    /// The JSON object (`kind: Status`, `apiVersion: v1`).
    pub fn to_value(&self) -> Value {
        todo!()
    }
}

//! `Status` objects: every answer that is not an object, and how errors of this crate become one.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::validate::{FieldError, go_quote};

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
        let message = format!("{} {} not found", qualified(group, resource), go_quote(name));
        Self { code: 404, reason: "NotFound", message, details: Some(StatusDetails::of(group, resource, name)) }
    }

    /// 409 `AlreadyExists`.
    pub fn already_exists(group: &str, resource: &str, name: &str) -> Self {
        let message = format!("{} {} already exists", qualified(group, resource), go_quote(name));
        Self { code: 409, reason: "AlreadyExists", message, details: Some(StatusDetails::of(group, resource, name)) }
    }

    /// 409 `Conflict`: `Operation cannot be fulfilled on configmaps "x": WHY`.
    pub fn conflict(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let what = qualified(group, resource);
        let message = format!("Operation cannot be fulfilled on {what} {}: {why}", go_quote(name));
        Self { code: 409, reason: "Conflict", message, details: Some(StatusDetails::of(group, resource, name)) }
    }

    /// 403 `Forbidden`: `configmaps "x" is forbidden: WHY` (`configmaps is forbidden: WHY` without a name).
    pub fn forbidden(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let what = qualified(group, resource);
        let message = if name.is_empty() {
            format!("{what} is forbidden: {why}")
        } else {
            format!("{what} {} is forbidden: {why}", go_quote(name))
        };
        Self { code: 403, reason: "Forbidden", message, details: Some(StatusDetails::of(group, resource, name)) }
    }

    /// 422 `Invalid` with its causes: `ConfigMap "x" is invalid: …`. `kind` without group.
    pub fn invalid(group: &str, kind: &str, name: &str, errors: &[FieldError]) -> Self {
        let mut seen = HashSet::new();
        let texts: Vec<String> =
            errors.iter().map(FieldError::to_string).filter(|text| seen.insert(text.clone())).collect();
        let what = format!("{} {} is invalid", qualified(group, kind), go_quote(name));
        let message = match texts.as_slice() {
            [] => what,
            [one] => format!("{what}: {one}"),
            many => format!("{what}: [{}]", many.join(", ")),
        };
        let causes = errors.iter().map(FieldError::cause).collect();
        let details = StatusDetails { causes, ..StatusDetails::of(group, kind, name) };
        Self { code: 422, reason: "Invalid", message, details: Some(details) }
    }

    /// 422 of a patch that does not fit its object.
    pub fn unfit_patch() -> Self {
        let message = "the server rejected our request due to an error in our request".to_owned();
        Self { code: 422, reason: "Invalid", message, details: Some(StatusDetails::default()) }
    }

    /// 404 `NotFound` of a path that no resource has, with `details: {}`.
    pub fn unknown_path() -> Self {
        let message = "the server could not find the requested resource".to_owned();
        Self { code: 404, reason: "NotFound", message, details: Some(StatusDetails::default()) }
    }

    /// 405 `MethodNotAllowed`, with `details: {}`.
    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource".to_owned();
        Self { code: 405, reason: "MethodNotAllowed", message, details: Some(StatusDetails::default()) }
    }

    /// 500 `InternalError`.
    pub fn internal(message: &str) -> Self {
        let cause = StatusCause { reason: String::new(), message: message.to_owned(), field: String::new() };
        let details = StatusDetails { causes: vec![cause], ..StatusDetails::default() };
        let message = format!("Internal error occurred: {message}");
        Self { code: 500, reason: "InternalError", message, details: Some(details) }
    }

    /// The JSON object (`kind: Status`, `apiVersion: v1`).
    pub fn to_value(&self) -> Value {
        let mut out = Map::new();
        out.insert("kind".to_owned(), json!("Status"));
        out.insert("apiVersion".to_owned(), json!("v1"));
        out.insert("metadata".to_owned(), json!({}));
        out.insert("status".to_owned(), json!("Failure"));
        put(&mut out, "message", &self.message);
        put(&mut out, "reason", self.reason);
        if let Some(details) = &self.details {
            out.insert("details".to_owned(), details.to_value());
        }
        out.insert("code".to_owned(), json!(self.code));
        Value::Object(out)
    }
}

/// The `Success` answer to the deletion of an object that is gone at once.
pub fn deleted(group: &str, resource: &str, name: &str, uid: &str) -> Value {
    let details = StatusDetails { uid: uid.to_owned(), ..StatusDetails::of(group, resource, name) };
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details.to_value()})
}

fn qualified(group: &str, name: &str) -> String {
    match (group, name) {
        ("", name) => name.to_owned(),
        (group, name) => format!("{name}.{group}"),
    }
}

fn put(out: &mut Map<String, Value>, key: &str, text: &str) {
    if !text.is_empty() {
        out.insert(key.to_owned(), json!(text));
    }
}

impl StatusDetails {
    fn of(group: &str, kind: &str, name: &str) -> Self {
        Self { name: name.to_owned(), group: group.to_owned(), kind: kind.to_owned(), ..Self::default() }
    }

    fn to_value(&self) -> Value {
        let mut out = Map::new();
        put(&mut out, "name", &self.name);
        put(&mut out, "group", &self.group);
        put(&mut out, "kind", &self.kind);
        put(&mut out, "uid", &self.uid);
        if !self.causes.is_empty() {
            let causes = self.causes.iter().map(|cause| {
                let mut out = Map::new();
                put(&mut out, "reason", &cause.reason);
                put(&mut out, "message", &cause.message);
                put(&mut out, "field", &cause.field);
                Value::Object(out)
            });
            out.insert("causes".to_owned(), causes.collect());
        }
        if self.retry_after_seconds > 0 {
            out.insert("retryAfterSeconds".to_owned(), json!(self.retry_after_seconds));
        }
        Value::Object(out)
    }
}

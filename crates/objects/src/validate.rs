//! Validation errors as Kubernetes words them.

use serde_json::Value;

/// One thing wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Path, such as `spec.containers[0].name`; `<nil>` where there is none.
    pub field: String,
    /// What is wrong.
    pub kind: FieldErrorKind,
    /// Further words, `""` for none.
    pub detail: String,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldErrorKind {
    /// `Required value`.
    Required,
    /// `Invalid value: VALUE`; the value as Kubernetes prints it.
    Invalid(Value),
    /// `Unsupported value: VALUE: supported values: …`.
    NotSupported(Value, Vec<String>),
    /// `Forbidden`.
    Forbidden,
    /// `Duplicate value: VALUE`.
    Duplicate(Value),
    /// `Not found: VALUE`.
    NotFound(Value),
    /// `Too long: may not be more than N bytes`.
    TooLong(usize),
    /// `Too many: ACTUAL: must have at most MAX items`.
    TooMany(usize, usize),
    /// `Invalid value: VALUE: TEXT` from a schema's type check, reason `FieldValueTypeInvalid`.
    TypeInvalid(Value),
}

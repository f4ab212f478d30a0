//! Validation errors as Kubernetes words them.

use serde_json::Value;

use crate::status::StatusCause;

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldErrorKind {
    /// `Required value`.
    Required,
    /// `Invalid value: VALUE`.
    Invalid,
    /// `Unsupported value: VALUE`.
    NotSupported,
    /// `Forbidden`.
    Forbidden,
    /// `Duplicate value: VALUE`.
    Duplicate,
    /// `Not found: VALUE`.
    NotFound,
    /// `Too long`.
    TooLong,
    /// `Too many: NUMBER`.
    TooMany,
    /// `Invalid value: VALUE` of a wrong type.
    TypeInvalid,
}

/// One thing wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Path, such as `spec.containers[0].name`; `<nil>` where there is none.
    pub field: String,
    /// What is wrong.
    pub kind: FieldErrorKind,
    /// The value as Kubernetes prints it; unused by `Required`, `Forbidden` and `TooLong`.
    pub value: String,
    /// Further words, `""` for none.
    pub detail: String,
}

impl FieldError {
    fn new(field: impl Into<String>, kind: FieldErrorKind, value: String, detail: impl Into<String>) -> Self {
        Self { field: field.into(), kind, value, detail: detail.into() }
    }

    /// A value that must be there.
    pub fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(field, FieldErrorKind::Required, String::new(), detail)
    }

    /// A value that breaks a rule.
    pub fn invalid(field: impl Into<String>, value: &Value, detail: impl Into<String>) -> Self {
        Self::new(field, FieldErrorKind::Invalid, printed(value), detail)
    }

    /// A text that breaks a rule.
    pub fn invalid_text(field: impl Into<String>, value: &str, detail: impl Into<String>) -> Self {
        Self::new(field, FieldErrorKind::Invalid, go_quote(value), detail)
    }

    /// A value that breaks a rule, already printed as Kubernetes does.
    pub fn invalid_printed(field: impl Into<String>, printed: String, detail: impl Into<String>) -> Self {
        Self::new(field, FieldErrorKind::Invalid, printed, detail)
    }

    /// A value that is none of the allowed ones.
    pub fn not_supported(field: impl Into<String>, value: &Value, allowed: &[&str]) -> Self {
        Self::not_supported_printed(field, printed(value), allowed)
    }

    /// A value that is none of the allowed ones, already printed as Kubernetes does.
    pub(crate) fn not_supported_printed(field: impl Into<String>, printed: String, allowed: &[&str]) -> Self {
        let allowed: Vec<String> = allowed.iter().map(|a| go_quote(a)).collect();
        let detail =
            if allowed.is_empty() { String::new() } else { format!("supported values: {}", allowed.join(", ")) };
        Self::new(field, FieldErrorKind::NotSupported, printed, detail)
    }

    /// A change or combination that is not allowed.
    pub fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(field, FieldErrorKind::Forbidden, String::new(), detail)
    }

    /// A value that stands there twice.
    pub fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self::new(field, FieldErrorKind::Duplicate, printed(value), "")
    }

    /// A value that stands there twice, already printed as Kubernetes does.
    pub(crate) fn duplicate_printed(field: impl Into<String>, printed: String) -> Self {
        Self::new(field, FieldErrorKind::Duplicate, printed, "")
    }

    /// A reference to nothing.
    pub fn not_found(field: impl Into<String>, value: &Value) -> Self {
        Self::new(field, FieldErrorKind::NotFound, printed(value), "")
    }

    /// A value of more than `max` bytes.
    pub fn too_long(field: impl Into<String>, max: usize) -> Self {
        let unit = if max == 1 { "byte" } else { "bytes" };
        Self::new(field, FieldErrorKind::TooLong, String::new(), format!("may not be more than {max} {unit}"))
    }

    /// A list of more than `max` items.
    pub fn too_many(field: impl Into<String>, actual: usize, max: usize) -> Self {
        let unit = if max == 1 { "item" } else { "items" };
        let detail = format!("must have at most {max} {unit}");
        Self::new(field, FieldErrorKind::TooMany, actual.to_string(), detail)
    }

    /// A value of a wrong JSON type, by a schema.
    pub fn type_invalid(field: impl Into<String>, value: &Value, detail: impl Into<String>) -> Self {
        Self::new(field, FieldErrorKind::TypeInvalid, printed(value), detail)
    }

    /// The text without the field.
    pub fn body(&self) -> String {
        let value = &self.value;
        let body = match self.kind {
            FieldErrorKind::Required => "Required value".to_owned(),
            FieldErrorKind::Forbidden => "Forbidden".to_owned(),
            FieldErrorKind::TooLong => "Too long".to_owned(),
            FieldErrorKind::Invalid | FieldErrorKind::TypeInvalid => format!("Invalid value: {value}"),
            FieldErrorKind::NotSupported => format!("Unsupported value: {value}"),
            FieldErrorKind::Duplicate => format!("Duplicate value: {value}"),
            FieldErrorKind::NotFound => format!("Not found: {value}"),
            FieldErrorKind::TooMany => format!("Too many: {value}"),
        };
        if self.detail.is_empty() { body } else { format!("{body}: {}", self.detail) }
    }

    /// The cause of a `Status`.
    pub fn cause(&self) -> StatusCause {
        let reason = match self.kind {
            FieldErrorKind::Required => "FieldValueRequired",
            FieldErrorKind::Forbidden => "FieldValueForbidden",
            FieldErrorKind::TooLong => "FieldValueTooLong",
            FieldErrorKind::Invalid => "FieldValueInvalid",
            FieldErrorKind::TypeInvalid => "FieldValueTypeInvalid",
            FieldErrorKind::NotSupported => "FieldValueNotSupported",
            FieldErrorKind::Duplicate => "FieldValueDuplicate",
            FieldErrorKind::NotFound => "FieldValueNotFound",
            FieldErrorKind::TooMany => "FieldValueTooMany",
        };
        StatusCause { reason: reason.to_owned(), message: self.body(), field: self.field.clone() }
    }
}

impl std::fmt::Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

/// A value as Kubernetes prints it in an error: strings quoted as Go does, the rest as JSON.
fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => go_quote(text),
        other => other.to_string(),
    }
}

/// A text as Go's `%q` prints it, which Kubernetes' messages have throughout.
pub fn go_quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\u{b}' => out.push_str("\\v"),
            c if u32::from(c) < 0x20 || c == '\u{7f}' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_control() || c == '\u{feff}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts() {
        let text = |e: FieldError| e.to_string();
        assert_eq!(text(FieldError::required("a.b", "")), "a.b: Required value");
        assert_eq!(text(FieldError::invalid("a", &json!(3), "no")), "a: Invalid value: 3: no");
        assert_eq!(text(FieldError::invalid("a", &json!(null), "no")), "a: Invalid value: null: no");
        assert_eq!(
            text(FieldError::not_supported("k", &json!(["Some"]), &["All"])),
            "k: Unsupported value: [\"Some\"]: supported values: \"All\""
        );
        assert_eq!(text(FieldError::too_long("a", 3)), "a: Too long: may not be more than 3 bytes");
        assert_eq!(text(FieldError::too_many("a", 5, 1)), "a: Too many: 5: must have at most 1 item");
        assert_eq!(go_quote("a\"\n\u{1}é"), "\"a\\\"\\n\\x01é\"");
    }
}

//! JSON patch, merge patch and strategic merge patch.

mod operations;
mod restore;
mod strategic;

use serde_json::Value;

use crate::{
    body::{self, Decoded, FieldValidation},
    json,
    registry::ResourceType,
    status::{Status, StatusDetails},
    typed,
    validate::FieldError,
};

/// The kinds of patch, by content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchType {
    /// `application/json-patch+json`.
    Json,
    /// `application/merge-patch+json`.
    Merge,
    /// `application/strategic-merge-patch+json`; custom resources don't have it (415).
    Strategic,
    /// `application/apply-patch+yaml`; see [`crate::apply`].
    Apply,
}

impl PatchType {
    /// Of a `Content-Type` header's value (parameters are ignored).
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or("").trim() {
            "application/json-patch+json" => Some(Self::Json),
            "application/merge-patch+json" => Some(Self::Merge),
            "application/strategic-merge-patch+json" => Some(Self::Strategic),
            "application/apply-patch+yaml" => Some(Self::Apply),
            _ => None,
        }
    }
}

/// Why a patch gives no object.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PatchError {
    /// It is no patch: 400 with this text.
    Bad(String),
    /// It does not fit the object: 422.
    Unfit,
    /// It lacks what the type needs: 500 with this text.
    Broken(String),
    /// It has too many operations: 413 with this text.
    TooLarge(String),
}

impl From<PatchError> for Status {
    fn from(error: PatchError) -> Self {
        match error {
            PatchError::Bad(text) => Status::bad_request(text),
            PatchError::Unfit => Status::unfit_patch(),
            PatchError::Broken(message) => Status { code: 500, reason: "", message, details: None },
            PatchError::TooLarge(message) => {
                Status { code: 413, reason: "RequestEntityTooLarge", message, details: Some(StatusDetails::default()) }
            }
        }
    }
}

/// Applies a patch other than `Apply` to the current object. The result is not checked yet: give it to
/// [`crate::body::retype`].
///
/// # Errors
/// The server's: 400 for a patch that is no patch, 422 for one that does not fit.
pub fn apply(resource: &ResourceType, patch_type: PatchType, current: &Value, patch: &[u8]) -> Result<Value, Status> {
    match patch_type {
        PatchType::Json => Ok(operations::apply(current, patch)?),
        PatchType::Merge => {
            let patch =
                json::parse(patch).map_err(|why| Status::bad_request(format!("error decoding patch: {why}")))?;
            if !patch.value.is_object() {
                let seen = typed::kind_of(&patch.value);
                let text = format!(
                    "error decoding patch: json: cannot unmarshal {seen} into Go value of type map[string]interface {{}}"
                );
                return Err(Status::bad_request(text));
            }
            let mut out = current.clone();
            merge(&mut out, patch.value);
            Ok(out)
        }
        PatchType::Strategic => {
            let patch = json::parse(patch).map_err(Status::bad_request)?;
            let Value::Object(map) = &patch.value else {
                let seen = typed::kind_of(&patch.value);
                let text = format!("json: cannot unmarshal {seen} into Go value of type map[string]interface {{}}");
                return Err(Status::bad_request(text));
            };
            let out = strategic::apply(resource.message(), current, map)?;
            let problem = |id| restore::check(id, &out).or_else(|| typed::read(id, &out).error);
            if let Some(error) = resource.message().and_then(problem) {
                let error = FieldError::invalid_text("patch", &go_map(&patch.value), error);
                return Err(Status::invalid("", "", "", &[error]));
            }
            Ok(out)
        }
        PatchType::Apply => {
            Err(Status::bad_request("an apply patch is not merged into the object as other patches are"))
        }
    }
}

/// Applies a patch other than `Apply` and checks what comes of it, as [`crate::body::retype`] does; a strategic merge
/// patch is what the error shows, for the others the patched object.
///
/// # Errors
/// As [`apply`], and 422 with the cause `patch` for unknown fields under strict validation.
pub fn apply_checked(
    resource: &ResourceType,
    patch_type: PatchType,
    current: &Value,
    patch: &[u8],
    validation: FieldValidation,
) -> Result<Decoded, Status> {
    let mut problems = Vec::new();
    if validation != FieldValidation::Ignore && patch_type == PatchType::Json {
        problems = operations::check(patch)?;
    }
    let patched = apply(resource, patch_type, current, patch)?;
    if patch_type != PatchType::Json {
        let twice = json::parse(patch).map(|parsed| parsed.duplicates).unwrap_or_default();
        problems = twice.iter().map(|path| format!("duplicate field {path:?}")).collect();
    }
    let shown = match patch_type {
        PatchType::Strategic => json::parse(patch).map(|parsed| go_map(&parsed.value)).unwrap_or_default(),
        _ => typed::ordered(resource, &patched),
    };
    let patched = match patch_type {
        // What a strategic patch says of the type is not heard.
        PatchType::Strategic => of_own_type(resource, patched),
        _ => patched,
    };
    body::retype_shown(resource, patched, problems, &shown, validation)
}

fn of_own_type(resource: &ResourceType, mut object: Value) -> Value {
    if let Value::Object(fields) = &mut object {
        fields.insert("apiVersion".to_owned(), Value::from(resource.api_version()));
        fields.insert("kind".to_owned(), Value::from(resource.kind.clone()));
    }
    object
}

/// RFC 7386.
pub(crate) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(&key);
        } else {
            merge(target.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// A value as Go's `%+v` prints it.
fn go_map(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let entries: Vec<String> = object.iter().map(|(k, v)| format!("{k}:{}", go_map(v))).collect();
            format!("map[{}]", entries.join(" "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(go_map).collect::<Vec<_>>().join(" ")),
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;

//! Request bodies: bytes in, an object of the expected type out, or Kubernetes' own words for what is wrong.

use serde_json::Value;

use crate::{registry::ResourceType, status::Status};

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/json`.
    Json,
    /// `application/yaml`.
    Yaml,
    /// `application/vnd.kubernetes.protobuf`.
    Protobuf,
}

impl Format {
    /// The format of a `Content-Type` header's value (parameters are ignored); JSON when it is empty.
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        todo!()
    }
}

/// The query parameter `fieldValidation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FieldValidation {
    /// Unknown and duplicate fields are an error.
    Strict,
    /// They are warnings: the default.
    #[default]
    Warn,
    /// They are dropped silently.
    Ignore,
}

impl FieldValidation {
    /// From the query parameter; `None` for an unknown word.
    pub fn parse(text: &str) -> Option<Self> {
        todo!()
    }
}

/// A body that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The object, canonical (see [`crate::typed`]), with `apiVersion` and `kind`.
    pub object: Value,
    /// Texts for `Warning: 299 - "TEXT"` headers (unquoted).
    pub warnings: Vec<String>,
}

/// Reads the body of a create or update of `kind`. A body without `apiVersion` and `kind` is taken as what is expected.
/// `expected` may be a resource's own type; for subresources of another kind use [`decode_kind`].
pub fn decode(
    expected: &ResourceType,
    format: Format,
    body: &[u8],
    validation: FieldValidation,
) -> Result<Decoded, Status> {
    todo!()
}

/// Reads a body of a kind that is no resource of its own: `Scale`, `TokenRequest`, `Eviction`, `Binding`,
/// `DeleteOptions` (group `meta.k8s.io` or any).
pub fn decode_kind(
    group: &str,
    version: &str,
    kind: &str,
    format: Format,
    body: &[u8],
    validation: FieldValidation,
) -> Result<Decoded, Status> {
    todo!()
}

/// Reads `DeleteOptions`; an empty body is `{}`.
pub fn decode_delete_options(format: Format, body: &[u8]) -> Result<Value, Status> {
    todo!()
}

/// Checks the object that a patch led to and drops what its type does not know. Unknown fields are judged by
/// `validation`, wrong types are errors, as for a body.
pub fn retype(expected: &ResourceType, object: Value, validation: FieldValidation) -> Result<Decoded, Status> {
    todo!()
}

/// Parses JSON and notes duplicate fields, as paths (`data.a`). Errors read as Go's (`invalid character …`).
pub fn parse_json(body: &[u8]) -> Result<(Value, Vec<String>), String> {
    todo!()
}

/// Parses one YAML document into JSON, and notes duplicate keys.
pub fn parse_yaml(body: &[u8]) -> Result<(Value, Vec<String>), String> {
    todo!()
}

/// Writes a value as YAML, as `application/yaml` answers do.
pub fn to_yaml(value: &Value) -> String {
    todo!()
}

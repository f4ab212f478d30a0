//! Request bodies: bytes in, an object of the expected type out, or Kubernetes' own words for what is wrong.

mod types;

use serde_json::Value;

use self::types::{check_type, type_of, type_problem, with_defaults};
use crate::{
    crd, json,
    protobuf::{self, ProtobufError},
    registry::{ResourceType, join_api_version, split_api_version},
    status::Status,
    typed::{self, Reading},
    validate::FieldError,
    yaml,
};

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
        match content_type.split(';').next().unwrap_or("").trim() {
            "" | "*/*" | "application/json" => Some(Self::Json),
            "application/yaml" => Some(Self::Yaml),
            "application/vnd.kubernetes.protobuf" => Some(Self::Protobuf),
            _ => None,
        }
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
        match text {
            "" | "Warn" => Some(Self::Warn),
            "Strict" => Some(Self::Strict),
            "Ignore" => Some(Self::Ignore),
            _ => None,
        }
    }
}

/// A body that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The object, canonical: unknown and empty fields dropped, times and quantities in their one form, with `apiVersion` and `kind`.
    pub object: Value,
    /// Texts for `Warning: 299 - "TEXT"` headers (unquoted).
    pub warnings: Vec<String>,
}

/// The type a body is to be of.
#[derive(Clone, Copy)]
struct Expected<'a> {
    group: &'a str,
    version: &'a str,
    kind: &'a str,
    custom: Option<&'a crd::CustomVersion>,
}

impl<'a> Expected<'a> {
    fn of(resource: &'a ResourceType) -> Self {
        let ResourceType { group, version, kind, custom, .. } = resource;
        Self { group, version, kind, custom: custom.as_deref() }
    }

    fn read(&self, value: &Value) -> Reading {
        match self.custom {
            Some(custom) => crd::read(custom, value),
            None => typed::read_kind(self.group, self.version, self.kind, value).unwrap_or_default(),
        }
    }
}

/// Reads the body of a create or update of `kind`. A body without `apiVersion` and `kind` is taken as what is expected.
/// `expected` may be a resource's own type; for subresources of another kind use [`decode_kind`].
///
/// # Errors
/// 400 with the server's words: unreadable, of another type, of wrong field types, or strictly checked and unknown.
pub fn decode(
    expected: &ResourceType,
    format: Format,
    body: &[u8],
    validation: FieldValidation,
) -> Result<Decoded, Status> {
    decode_expected(Expected::of(expected), format, body, validation)
}

/// Reads a body of a kind that is no resource of its own: `Scale`, `TokenRequest`, `Eviction`, `Binding`.
///
/// # Errors
/// As [`decode`].
pub fn decode_kind(
    group: &str,
    version: &str,
    kind: &str,
    format: Format,
    body: &[u8],
    validation: FieldValidation,
) -> Result<Decoded, Status> {
    decode_expected(Expected { group, version, kind, custom: None }, format, body, validation)
}

fn decode_expected(
    expected: Expected<'_>,
    format: Format,
    body: &[u8],
    validation: FieldValidation,
) -> Result<Decoded, Status> {
    let unrecognized = |why: &str| {
        let summary = summary(body);
        let kind = expected.kind;
        Status::bad_request(format!("the object provided is unrecognized (must be of type {kind}): {why} ({summary})"))
    };
    let parsed = match format {
        Format::Protobuf => return decode_protobuf(expected, body, &unrecognized),
        Format::Json => json::parse(body)
            .map_err(|why| unrecognized(&format!("couldn't get version/kind; json parse error: {why}")))?,
        Format::Yaml => yaml::parse(body).map_err(|why| unrecognized(&why))?,
    };
    let (api_version, kind) = type_of(&parsed.value)
        .map_err(|why| unrecognized(&format!("couldn't get version/kind; json parse error: {why}")))?;
    let (api_version, kind) = with_defaults(api_version, kind, expected);
    check_type(expected, &api_version, &kind)?;
    let mut reading = expected.read(&parsed.value);
    let (_, version) = split_api_version(&api_version);
    let unfit = |why: String| {
        let kind = expected.kind;
        Status::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {why}"))
    };
    if let Some(error) = reading.error.take() {
        return Err(unfit(error));
    }
    let (duplicates, unknown) = (&parsed.duplicates, &reading.unknown);
    if format == Format::Yaml {
        // Of YAML the reader itself tells what stands there twice.
        let unknown = problems(&[], unknown, b"");
        if validation == FieldValidation::Strict && !(duplicates.is_empty() && unknown.is_empty()) {
            let twice = (!duplicates.is_empty()).then(|| not_unmarshaled(duplicates));
            let all: Vec<String> = twice.into_iter().chain(unknown).collect();
            return Err(unfit(format!("strict decoding error: {}", all.join(", "))));
        }
        let problems = duplicates.iter().cloned().chain(unknown).collect();
        return Ok(finish(expected, reading.value, problems, validation));
    }
    let problems = problems(duplicates, unknown, body);
    if validation == FieldValidation::Strict && !problems.is_empty() {
        return Err(unfit(format!("strict decoding error: {}", problems.join(", "))));
    }
    Ok(finish(expected, reading.value, problems, validation))
}

/// The YAML reader's error of several lines.
fn not_unmarshaled(duplicates: &[String]) -> String {
    format!("yaml: unmarshal errors:\n  {}", duplicates.join("\n  "))
}

fn finish(expected: Expected<'_>, mut object: Value, problems: Vec<String>, validation: FieldValidation) -> Decoded {
    if let Value::Object(fields) = &mut object {
        fields.insert("apiVersion".to_owned(), Value::from(join_api_version(expected.group, expected.version)));
        fields.insert("kind".to_owned(), Value::from(expected.kind));
    }
    let warnings = if validation == FieldValidation::Warn { problems } else { Vec::new() };
    Decoded { object, warnings }
}

fn decode_protobuf(
    expected: Expected<'_>,
    body: &[u8],
    unrecognized: &dyn Fn(&str) -> Status,
) -> Result<Decoded, Status> {
    let envelope = protobuf::envelope(body).map_err(|why| unrecognized(&why.to_string()))?;
    let (api_version, kind) = with_defaults(envelope.api_version, envelope.kind, expected);
    check_type(expected, &api_version, &kind)?;
    let default = (expected.group, expected.version, expected.kind);
    let object = protobuf::decode_object(body, Some(default)).map_err(|why| match why {
        ProtobufError::NoMessage(_) | ProtobufError::Prefix => unrecognized(&why.to_string()),
        why => {
            let (kind, version) = (expected.kind, expected.version);
            Status::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {why}"))
        }
    })?;
    Ok(finish(expected, object, Vec::new(), FieldValidation::Ignore))
}

/// What is wrong with fields, in the order of the body where that is known.
fn problems(duplicates: &[String], unknown: &[String], body: &[u8]) -> Vec<String> {
    let mut paths: Vec<(&String, bool)> =
        duplicates.iter().map(|p| (p, true)).chain(unknown.iter().map(|p| (p, false))).collect();
    if paths.len() > 1 {
        let order = json::field_order(body, paths.iter().map(|(path, _)| *path));
        paths.sort_by_key(|(path, _)| order.get(*path).copied());
    }
    paths
        .into_iter()
        .map(|(path, twice)| format!("{} field {path:?}", if twice { "duplicate" } else { "unknown" }))
        .collect()
}

/// The first bytes of a body, as the server shows them.
fn summary(body: &[u8]) -> String {
    const MAX: usize = 30;
    let cut = body.get(..MAX.min(body.len())).unwrap_or(body);
    let more = if body.len() > MAX { " ..." } else { "" };
    match body.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{more}", String::from_utf8_lossy(cut)),
        Some(_) => format!("{}{more}", cut.iter().map(|b| format!("{b:02x}")).collect::<String>()),
    }
}

/// Reads the body of an apply patch as it was sent: nothing is filled in or dropped, for what it names is what the
/// applier will own. [`crate::apply::apply`] checks its fields.
///
/// # Errors
/// 400 for what is no YAML, is of another type, or has a key twice under strict validation.
pub fn decode_apply(expected: &ResourceType, body: &[u8], validation: FieldValidation) -> Result<Decoded, Status> {
    let unreadable = |why: &str| Status::bad_request(format!("error decoding YAML: {why}"));
    let mut parsed = yaml::parse(body).map_err(|why| unreadable(&format!("error converting YAML to JSON: {why}")))?;
    if parsed.value.is_null() {
        parsed.value = Value::Object(serde_json::Map::new());
    }
    if !parsed.value.is_object() {
        let seen = typed::kind_of(&parsed.value);
        return Err(unreadable(&format!(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {seen} into Go value of type \
             map[string]interface {{}}"
        )));
    }
    let text = |member: &str| parsed.value.get(member).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if api_version != expected.api_version() || kind != expected.kind {
        let (group, version) = split_api_version(api_version);
        return Err(Status::bad_request(format!("invalid object type: {group}/{version}, Kind={kind}")));
    }
    if parsed.value.pointer("/metadata/managedFields").is_some_and(|fields| !fields.is_null()) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    let twice = parsed.duplicates;
    if validation == FieldValidation::Strict && !twice.is_empty() {
        let why = not_unmarshaled(&twice);
        return Err(Status::bad_request(format!("error strict decoding YAML: error converting YAML to JSON: {why}")));
    }
    let warnings = if validation == FieldValidation::Warn { twice } else { Vec::new() };
    Ok(Decoded { object: parsed.value, warnings })
}

/// Reads `DeleteOptions` of any group; an empty body is `{}`.
///
/// # Errors
/// 400 with the server's words.
pub fn decode_delete_options(format: Format, body: &[u8]) -> Result<Value, Status> {
    if body.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let expected = Expected { group: "meta.k8s.io", version: "v1", kind: "DeleteOptions", custom: None };
    let unreadable = |why: String| format!("couldn't get version/kind; json parse error: {why}");
    let value = match format {
        Format::Protobuf => {
            let default = Some(("meta.k8s.io", "v1", "DeleteOptions"));
            return protobuf::decode_object(body, default).map_err(|why| Status::bad_request(why.to_string()));
        }
        Format::Json => json::parse(body).map(|p| p.value).map_err(unreadable),
        Format::Yaml => yaml::parse(body).map(|p| p.value),
    };
    // The server passes on the decoder's own words here.
    let value = value.map_err(Status::bad_request)?;
    let (api_version, kind) = type_of(&value).map_err(|why| Status::bad_request(unreadable(why)))?;
    if !kind.is_empty() && kind != "DeleteOptions" {
        let scheme = "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27";
        return Err(Status::bad_request(format!(
            "no kind {kind:?} is registered for version {api_version:?} in scheme {scheme:?}"
        )));
    }
    let reading = expected.read(&value);
    match reading.error {
        None => Ok(reading.value),
        Some(why) => Err(Status::bad_request(why)),
    }
}

/// Checks the object that a patch led to and drops what its type does not know. Unknown fields are judged by
/// `validation`, wrong types are errors, as for a body.
///
/// # Errors
/// 422 with the cause `patch`.
pub fn retype(expected: &ResourceType, object: Value, validation: FieldValidation) -> Result<Decoded, Status> {
    let shown = object.to_string();
    retype_shown(expected, object, Vec::new(), &shown, validation)
}

/// As [`retype`], with what is wrong with the patch's own fields and the text that an error shows.
pub(crate) fn retype_shown(
    expected: &ResourceType,
    object: Value,
    mut of_patch: Vec<String>,
    shown: &str,
    validation: FieldValidation,
) -> Result<Decoded, Status> {
    let expected = Expected::of(expected);
    let mut reading = expected.read(&object);
    let invalid = |why: &str| Status::invalid("", "", "", &[FieldError::invalid_text("patch", shown, why)]);
    let (api_version, kind) = type_of(&object).map_err(|why| invalid(&why))?;
    let (api_version, kind) = with_defaults(api_version, kind, expected);
    if let Some(why) = type_problem(expected, &api_version, &kind) {
        return Err(invalid(&why));
    }
    if let Some(error) = reading.error.take() {
        return Err(invalid(&error));
    }
    let mut problems = problems(&[], &reading.unknown, b"");
    of_patch.append(&mut problems);
    let problems = of_patch;
    if validation == FieldValidation::Strict && !problems.is_empty() {
        return Err(invalid(&format!("strict decoding error: {}", problems.join(", "))));
    }
    Ok(finish(expected, reading.value, problems, validation))
}

/// Parses JSON and notes duplicate fields, as paths (`data.a`). Errors read as Go's (`invalid character …`).
///
/// # Errors
/// Go's text of the first thing wrong.
pub fn parse_json(body: &[u8]) -> Result<(Value, Vec<String>), String> {
    json::parse(body).map(|parsed| (parsed.value, parsed.duplicates))
}

/// A member of an object as Kubernetes' own encoder writes it, fields in the order of their type.
pub fn member_text(resource: &ResourceType, object: &Value, member: &str) -> String {
    let value = object.get(member).cloned().unwrap_or_default();
    let alone = Value::Object([(member.to_owned(), value)].into_iter().collect());
    let text = typed::ordered(resource, &alone);
    let prefix = format!("{{{}:", Value::from(member));
    text.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix('}')).unwrap_or(&text).to_owned()
}

/// Writes a value as YAML, as `application/yaml` answers do.
pub fn to_yaml(value: &Value) -> String {
    yaml::write(value)
}

#[cfg(test)]
mod tests;

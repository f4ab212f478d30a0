//! Answers on the wire: transformed, encoded, compressed.

use std::collections::HashSet;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use entryway_objects::registry::ResourceType;
use entryway_objects::status::Status;
use entryway_objects::table::{self, IncludeObject};
use entryway_objects::{body, protobuf};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::failure::{Failure, internal};
use crate::negotiate::{Encoding, Form, Output, negotiate_error};

/// Answers of at least this size are compressed, as on the real server.
const COMPRESSED_FROM: usize = 128 * 1024;

/// What a handler answers before it is encoded.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) content: Content,
    /// Texts of `Warning` headers.
    pub(crate) warnings: Vec<String>,
}

/// The object of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// One object of the request's resource.
    Object(Value),
    /// Several, with the list's own metadata.
    List { items: Vec<Value>, metadata: Value },
    /// Anything else that is never transformed: a `Status`, a `Scale`, a review.
    Other(Value),
    /// Nothing at all: 204.
    Nothing,
}

impl Answer {
    /// 200 with one object.
    pub(crate) fn object(object: Value) -> Answer {
        Answer { code: 200, content: Content::Object(object), warnings: Vec::new() }
    }
    /// 201 with one object.
    pub(crate) fn created(object: Value) -> Answer {
        Answer { code: 201, ..Answer::object(object) }
    }
    /// An object that is not of the request's resource.
    pub(crate) fn other(code: u16, object: Value) -> Answer {
        Answer { code, content: Content::Other(object), warnings: Vec::new() }
    }
    /// 204 without a body.
    pub(crate) fn nothing() -> Answer {
        Answer { code: 204, content: Content::Nothing, warnings: Vec::new() }
    }
    /// The same with warnings.
    pub(crate) fn with_warnings(self, warnings: Vec<String>) -> Answer {
        Answer { warnings, ..self }
    }
}

/// The pieces of a request that shape its answer.
#[derive(Debug, Clone)]
pub(crate) struct Shape<'a> {
    pub(crate) resource: &'a ResourceType,
    pub(crate) output: Output,
    pub(crate) include: IncludeObject,
    pub(crate) pretty: bool,
    pub(crate) gzip: bool,
    pub(crate) now: Timestamp,
}

/// Writes an answer.
pub(crate) fn write(answer: Answer, shape: &Shape<'_>) -> Result<Response, Failure> {
    if matches!(answer.content, Content::Nothing) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        return Ok(response);
    }
    let value = transform(answer.content, shape)?;
    let mut response = encode(answer.code, &value, shape.output.encoding, shape.pretty, shape.gzip)?;
    add_warnings(response.headers_mut(), &answer.warnings);
    Ok(response)
}

/// The most characters of all warnings together, and of each where that is not enough; the real server's numbers.
const WARNED: usize = 4 * 1024;
const WARNED_EACH: usize = 256;

/// Adds what a client should tell its user; most of them print it.
pub(crate) fn add_warnings(headers: &mut HeaderMap, warnings: &[String]) {
    let mut seen = HashSet::new();
    let warnings: Vec<&String> = warnings.iter().filter(|warning| seen.insert(warning.as_str())).collect();
    let total: usize = warnings.iter().map(|warning| warning.chars().count()).sum();
    let each = if total > WARNED { WARNED_EACH } else { WARNED };
    let mut written = 0;
    for warning in warnings {
        let text: String = warning.chars().take(each).collect();
        written += text.chars().count();
        let text: String = text.chars().filter(|character| !character.is_control()).collect();
        if let Ok(value) = HeaderValue::from_str(&format!("299 - {}", crate::text::quote(&text))) {
            headers.append(header::WARNING, value);
        }
        if written >= WARNED {
            return;
        }
    }
}

fn transform(content: Content, shape: &Shape<'_>) -> Result<Value, Failure> {
    Ok(match (content, shape.output.form) {
        (Content::Nothing, _) => Value::Null,
        (Content::Other(value), _) | (Content::Object(value), Form::Whole) => value,
        (Content::List { items, metadata }, Form::Whole) => list(shape.resource, items, metadata),
        (Content::Object(object), Form::Table(version)) => {
            let metadata =
                json!({"resourceVersion": object.pointer("/metadata/resourceVersion").cloned().unwrap_or(Value::Null)});
            let value = table::table(shape.resource, [&object], metadata, shape.include, true, shape.now);
            versioned(value, version.api_version())
        }
        (Content::List { items, metadata }, Form::Table(version)) => {
            let value = table::table(shape.resource, items.iter(), metadata, shape.include, true, shape.now);
            versioned(value, version.api_version())
        }
        (Content::Object(object), Form::Metadata { version, list: false }) => {
            versioned(table::partial_metadata(&object), version.api_version())
        }
        (Content::List { items, metadata }, Form::Metadata { version, list: true }) => json!({
            "kind": "PartialObjectMetadataList",
            "apiVersion": version.api_version(),
            "metadata": metadata,
            "items": items.iter().map(|item| versioned(table::partial_metadata(item), version.api_version())).collect::<Vec<_>>(),
        }),
        (Content::Object(_), Form::Metadata { .. }) => {
            return Err(not_that_form(
                "you requested PartialObjectMetadataList, but the requested object is not a list",
            ));
        }
        (Content::List { .. }, Form::Metadata { .. }) => {
            return Err(not_that_form("you requested PartialObjectMetadata, but the requested object is a list"));
        }
    })
}

fn not_that_form(message: &str) -> Failure {
    Status { code: 406, reason: "NotAcceptable", message: message.to_owned(), details: None }.into()
}

fn versioned(mut value: Value, api_version: &str) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.insert("apiVersion".into(), api_version.into());
    }
    value
}

/// The list object; items of built-in types are without kind and apiVersion, as Go's structs are.
fn list(resource: &ResourceType, mut items: Vec<Value>, metadata: Value) -> Value {
    if resource.custom.is_none() {
        for item in &mut items {
            if let Some(object) = item.as_object_mut() {
                object.remove("kind");
                object.remove("apiVersion");
            }
        }
    }
    json!({"kind": resource.list_kind, "apiVersion": resource.api_version(), "metadata": metadata, "items": items})
}

/// Encodes one value.
pub(crate) fn encode(
    code: u16,
    value: &Value,
    encoding: Encoding,
    pretty: bool,
    gzip: bool,
) -> Result<Response, Failure> {
    let (bytes, media_type) = match encoding {
        Encoding::Protobuf => match protobuf::encode_object(value) {
            Ok(bytes) => (bytes, Encoding::Protobuf.media_type()),
            // What has no message (custom resources, Tables) is said in JSON.
            Err(protobuf::ProtobufError::NoMessage(_)) => (json_bytes(value, pretty)?, Encoding::Json.media_type()),
            Err(error) => return Err(internal(&error.to_string()).into()),
        },
        Encoding::Yaml => (body::to_yaml(value).into_bytes(), Encoding::Yaml.media_type()),
        Encoding::Json => (json_bytes(value, pretty)?, Encoding::Json.media_type()),
    };
    raw(code, media_type, bytes, gzip)
}

fn json_bytes(value: &Value, pretty: bool) -> Result<Vec<u8>, Failure> {
    let written = if pretty { serde_json::to_vec_pretty(value) } else { serde_json::to_vec(value) };
    let mut bytes = written.map_err(|error| internal(&error.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// An answer of these bytes.
pub(crate) fn raw(code: u16, media_type: &'static str, bytes: Vec<u8>, gzip: bool) -> Result<Response, Failure> {
    let compress = gzip && bytes.len() >= COMPRESSED_FROM;
    let bytes = if compress { compressed(&bytes)? } else { bytes };
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    if compress {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    Ok(response)
}

fn compressed(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).map_err(|error| internal(&error.to_string()).into())
}

/// Writes a refusal.
pub(crate) fn refuse(failure: &Failure, accept: &str) -> Response {
    let response = match failure {
        Failure::NoPage => raw(404, "text/plain; charset=utf-8", b"404 page not found\n".to_vec(), false),
        Failure::Status(status) => {
            encode(status.code, &status.to_value(), negotiate_error(accept), false, false).map(|mut response| {
                if let Some(seconds) =
                    status.details.as_ref().map(|details| details.retry_after_seconds).filter(|s| *s > 0)
                {
                    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                }
                response
            })
        }
    };
    response.unwrap_or_else(|_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

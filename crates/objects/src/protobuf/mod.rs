//! Protobuf in and out, by the recorded message table.
//!
//! An object travels in an envelope: the bytes `k8s\0`, then `runtime.Unknown` with the type and the object's own bytes.
//! Decoding gives the same canonical JSON as a JSON body would; encoding takes canonical JSON and writes what Go's
//! generated code writes, field by field in order, empty scalars included. Custom resources have no protobuf form.

mod read;
mod wire;
mod write;

use serde_json::Value;

use crate::{
    model::{MODEL, MessageId},
    registry::{join_api_version, split_api_version},
    typed,
};

/// What every enveloped object begins with.
pub const MAGIC: [u8; 4] = *b"k8s\0";

/// Why bytes are no object, or an object has no protobuf form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    /// The four bytes `k8s\0` are missing.
    #[error("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    Prefix,
    /// The bytes end in the middle of a value.
    #[error("unexpected EOF")]
    Truncated,
    /// The bytes are no protobuf.
    #[error("proto: {0}")]
    Malformed(String),
    /// The type has no message (custom resources).
    #[error("object {0} has no protobuf form")]
    NoMessage(String),
    /// The object does not fit its message.
    #[error("{0}")]
    Unfit(String),
}

/// An envelope's members.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope<'a> {
    /// `apiVersion`, `""` where it says none.
    pub api_version: String,
    /// `kind`, `""` where it says none.
    pub kind: String,
    /// The object's own bytes.
    pub raw: &'a [u8],
    /// Content type of `raw`; `""` is protobuf.
    pub content_type: String,
}

/// Reads an envelope.
pub fn envelope(bytes: &[u8]) -> Result<Envelope<'_>, ProtobufError> {
    let mut bytes = wire::Bytes::new(bytes.strip_prefix(&MAGIC).ok_or(ProtobufError::Prefix)?);
    let mut out = Envelope::default();
    while let Some((number, value)) = bytes.field()? {
        match (number, value) {
            (1, wire::Value::Bytes(meta)) => {
                let mut meta = wire::Bytes::new(meta);
                while let Some((number, value)) = meta.field()? {
                    match (number, value) {
                        (1, wire::Value::Bytes(text)) => out.api_version = wire::text(text)?,
                        (2, wire::Value::Bytes(text)) => out.kind = wire::text(text)?,
                        _ => {}
                    }
                }
            }
            (2, wire::Value::Bytes(raw)) => out.raw = raw,
            (4, wire::Value::Bytes(text)) => out.content_type = wire::text(text)?,
            _ => {}
        }
    }
    Ok(out)
}

/// Reads an enveloped object (`k8s\0` and `runtime.Unknown`), with `apiVersion` and `kind` from the envelope.
/// `default` (group, version, kind) names the type where the envelope has none.
pub fn decode_object(bytes: &[u8], default: Option<(&str, &str, &str)>) -> Result<Value, ProtobufError> {
    decode_enveloped(bytes, default, 0)
}

fn decode_enveloped(bytes: &[u8], default: Option<(&str, &str, &str)>, depth: usize) -> Result<Value, ProtobufError> {
    let mut envelope = envelope(bytes)?;
    if let Some((group, version, kind)) = default {
        if envelope.kind.is_empty() {
            kind.clone_into(&mut envelope.kind);
        }
        if envelope.api_version.is_empty() {
            envelope.api_version = join_api_version(group, version);
        }
    }
    if envelope.content_type == "application/json" {
        return serde_json::from_slice(envelope.raw).map_err(|e| ProtobufError::Malformed(e.to_string()));
    }
    let id = message_of(&envelope.api_version, &envelope.kind)
        .ok_or_else(|| ProtobufError::NoMessage(format!("{}, Kind={}", envelope.api_version, envelope.kind)))?;
    let mut object = read::message(id, envelope.raw, depth)?;
    if let Value::Object(fields) = &mut object {
        fields.insert("apiVersion".to_owned(), Value::String(envelope.api_version));
        fields.insert("kind".to_owned(), Value::String(envelope.kind));
    }
    let reading = typed::read(id, &object);
    match reading.error {
        Some(error) => Err(ProtobufError::Unfit(error)),
        None => Ok(reading.value),
    }
}

fn message_of(api_version: &str, kind: &str) -> Option<MessageId> {
    let (group, version) = split_api_version(api_version);
    MODEL.of_kind(group, version, kind)
}

/// Writes an object, list, `Status` … as an envelope; its `apiVersion` and `kind` choose the message.
/// Custom resources have none: answer those in JSON.
pub fn encode_object(value: &Value) -> Result<Vec<u8>, ProtobufError> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("");
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let id =
        message_of(api_version, kind).ok_or_else(|| ProtobufError::NoMessage(format!("{api_version}, Kind={kind}")))?;
    let raw = write::message(id, value)?;
    let mut meta = Vec::new();
    wire::put_bytes(&mut meta, 1, api_version.as_bytes());
    wire::put_bytes(&mut meta, 2, kind.as_bytes());
    let mut out = Vec::with_capacity(raw.len() + meta.len() + 24);
    out.extend_from_slice(&MAGIC);
    wire::put_bytes(&mut out, 1, &meta);
    wire::put_bytes(&mut out, 2, &raw);
    wire::put_bytes(&mut out, 3, b"");
    wire::put_bytes(&mut out, 4, b"");
    Ok(out)
}

/// Whether objects of that kind have a protobuf form.
pub fn has_message(api_version: &str, kind: &str) -> bool {
    message_of(api_version, kind).is_some()
}

/// A watch frame, with its 4-byte big-endian length: a bare `WatchEvent` whose object is enveloped.
pub fn encode_watch_event(event_type: &str, object: &Value) -> Result<Vec<u8>, ProtobufError> {
    let inner = encode_object(object)?;
    let mut extension = Vec::new();
    wire::put_bytes(&mut extension, 1, &inner);
    let mut event = Vec::new();
    wire::put_bytes(&mut event, 1, event_type.as_bytes());
    wire::put_bytes(&mut event, 2, &extension);
    let length = u32::try_from(event.len()).map_err(|_| ProtobufError::Unfit("event is too large".to_owned()))?;
    let mut out = length.to_be_bytes().to_vec();
    out.append(&mut event);
    Ok(out)
}

#[cfg(test)]
mod tests;

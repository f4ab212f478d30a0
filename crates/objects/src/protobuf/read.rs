//! Messages to JSON. The result is not canonical yet: zero scalars are there, as Go writes them.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::{
    MAGIC, ProtobufError, decode_enveloped,
    wire::{self, Bytes},
};
use crate::{
    duration,
    model::{Field, MODEL, Message, MessageId, Special, Type},
    typed,
};

/// Nested messages, envelopes and JSON below which nothing is read: real objects have about twenty levels.
const MAX_DEPTH: usize = 64;

fn too_deep() -> ProtobufError {
    ProtobufError::Malformed("exceeded max depth".to_owned())
}

/// Reads a message's own bytes.
pub(super) fn message(id: MessageId, bytes: &[u8], depth: usize) -> Result<Value, ProtobufError> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    let message = MODEL.get(id);
    match message.special {
        Special::Fields => Ok(Value::Object(fields(message, bytes, depth)?)),
        Special::Time | Special::MicroTime => time(bytes, message.special),
        Special::Duration => {
            let nanos = first_varint(bytes, 1)?.unwrap_or(0);
            Ok(Value::from(duration::go_text(nanos.cast_signed())))
        }
        Special::Quantity => Ok(match first_bytes(bytes, 1)? {
            Some(text) if !text.is_empty() => Value::from(wire::text(text)?),
            _ => Value::from("0"),
        }),
        Special::IntOrString => {
            if first_varint(bytes, 1)?.unwrap_or(0) == 1 {
                Ok(Value::from(wire::text(first_bytes(bytes, 3)?.unwrap_or(b""))?))
            } else {
                Ok(Value::from(int32(first_varint(bytes, 2)?.unwrap_or(0))))
            }
        }
        Special::Raw => match first_bytes(bytes, 1)? {
            Some(raw) if raw.starts_with(&MAGIC) => decode_enveloped(raw, None, depth + 1),
            Some(raw) if !raw.is_empty() => json(raw),
            _ => Ok(Value::Null),
        },
        Special::Json => match first_bytes(bytes, 1)? {
            Some(raw) if !raw.is_empty() => json(raw),
            _ => Ok(Value::Null),
        },
        Special::Strings => {
            let mut out = Vec::new();
            let mut bytes = Bytes::new(bytes);
            while let Some((number, value)) = bytes.field()? {
                if let (1, wire::Value::Bytes(text)) = (number, value) {
                    out.push(Value::from(wire::text(text)?));
                }
            }
            Ok(Value::Array(out))
        }
        Special::SchemaOrArray | Special::SchemaOrBool | Special::SchemaOrStrings => {
            let mut own = fields(message, bytes, depth)?;
            if let Some(schema) = own.remove("schema").or_else(|| own.remove("Schema")) {
                return Ok(schema);
            }
            let other = own.into_iter().next().map(|(_, v)| v);
            let empty = if message.special == Special::SchemaOrBool { Value::Bool(false) } else { Value::Null };
            Ok(other.unwrap_or(empty))
        }
    }
}

fn json(raw: &[u8]) -> Result<Value, ProtobufError> {
    serde_json::from_slice(raw).map_err(|e| ProtobufError::Malformed(format!("embedded JSON: {e}")))
}

fn fields(message: &'static Message, bytes: &[u8], depth: usize) -> Result<Map<String, Value>, ProtobufError> {
    let mut out = Map::new();
    let mut bytes = Bytes::new(bytes);
    while let Some((number, value)) = bytes.field()? {
        let Ok(at) = message.fields.binary_search_by_key(&number, |f| f.number) else { continue };
        let Some(field) = message.fields.get(at) else { continue };
        match &field.ty {
            Type::Message(id) if field.json.is_empty() => {
                let wire::Value::Bytes(inner) = value else { return Err(wrong_type(message, field)) };
                if depth > MAX_DEPTH {
                    return Err(too_deep());
                }
                out.append(&mut fields(MODEL.get(*id), inner, depth + 1)?);
            }
            Type::List(item) => {
                let list = out.entry(field.json).or_insert_with(|| Value::Array(Vec::new()));
                let Value::Array(list) = list else { continue };
                match (item.as_ref(), value) {
                    (Type::Bool | Type::Int32 | Type::Int64, wire::Value::Bytes(packed)) => {
                        let mut packed = Bytes::new(packed);
                        while !packed.is_empty() {
                            let value = wire::Value::Varint(packed.varint()?);
                            list.push(scalar(message, field, item, value, depth)?);
                        }
                    }
                    (item, value) => list.push(scalar(message, field, item, value, depth)?),
                }
            }
            Type::Map(item) => {
                let wire::Value::Bytes(entry) = value else { return Err(wrong_type(message, field)) };
                let (key, value) = map_entry(message, field, item, entry, depth)?;
                let map = out.entry(field.json).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(map) = map {
                    map.insert(key, value);
                }
            }
            ty => {
                let value = scalar(message, field, ty, value, depth)?;
                out.insert(field.json.to_owned(), value);
            }
        }
    }
    Ok(out)
}

fn map_entry(
    message: &Message,
    field: &Field,
    item: &Type,
    entry: &[u8],
    depth: usize,
) -> Result<(String, Value), ProtobufError> {
    let mut bytes = Bytes::new(entry);
    let (mut key, mut value) = (String::new(), None);
    while let Some((number, wire_value)) = bytes.field()? {
        match (number, wire_value) {
            (1, wire::Value::Bytes(text)) => key = wire::text(text)?,
            (2, wire_value) => value = Some(scalar(message, field, item, wire_value, depth)?),
            _ => {}
        }
    }
    let value = match (value, item) {
        (Some(value), _) => value,
        (None, Type::Message(id)) => self::message(*id, b"", depth + 1)?,
        (None, _) => Value::from(""),
    };
    Ok((key, value))
}

fn wrong_type(message: &Message, field: &Field) -> ProtobufError {
    ProtobufError::Malformed(format!("wrong wireType for field {} of {}", field.json, message.short()))
}

fn scalar(
    holder: &Message,
    field: &Field,
    ty: &Type,
    value: wire::Value<'_>,
    depth: usize,
) -> Result<Value, ProtobufError> {
    Ok(match (ty, value) {
        (Type::String, wire::Value::Bytes(text)) => Value::from(wire::text(text)?),
        (Type::Bytes, wire::Value::Bytes(bytes)) => Value::from(STANDARD.encode(bytes)),
        (Type::Bool, wire::Value::Varint(v)) => Value::from(v != 0),
        (Type::Int32, wire::Value::Varint(v)) => Value::from(int32(v)),
        (Type::Int64, wire::Value::Varint(v)) => Value::from(v.cast_signed()),
        (Type::Double, wire::Value::Fixed64(bits)) => {
            let number = f64::from_bits(bits);
            // Whole numbers have no fraction in Go's JSON.
            if number.fract() == 0.0 && number.abs() < 9e15 {
                #[expect(clippy::cast_possible_truncation, reason = "whole and bounded")]
                Value::from(number as i64)
            } else {
                serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number)
            }
        }
        (Type::Message(id), wire::Value::Bytes(bytes)) => message(*id, bytes, depth + 1)?,
        _ => return Err(wrong_type(holder, field)),
    })
}

/// The low 32 bits, as protobuf cuts an `int32`.
fn int32(value: u64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "protobuf keeps the low bits")]
    let low = value as u32;
    low.cast_signed()
}

fn first_varint(bytes: &[u8], wanted: u32) -> Result<Option<u64>, ProtobufError> {
    let mut bytes = Bytes::new(bytes);
    let mut out = None;
    while let Some((number, value)) = bytes.field()? {
        if let (true, wire::Value::Varint(v)) = (number == wanted, value) {
            out = Some(v);
        }
    }
    Ok(out)
}

fn first_bytes(bytes: &[u8], wanted: u32) -> Result<Option<&[u8]>, ProtobufError> {
    let mut bytes = Bytes::new(bytes);
    let mut out = None;
    while let Some((number, value)) = bytes.field()? {
        if let (true, wire::Value::Bytes(v)) = (number == wanted, value) {
            out = Some(v);
        }
    }
    Ok(out)
}

/// No bytes are no time.
fn time(bytes: &[u8], special: Special) -> Result<Value, ProtobufError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let seconds = first_varint(bytes, 1)?.unwrap_or(0).cast_signed();
    let nanos = int32(first_varint(bytes, 2)?.unwrap_or(0));
    match jiff::Timestamp::new(seconds, nanos.clamp(0, 999_999_999)) {
        Ok(time) => Ok(Value::from(typed::time_text(time, special == Special::MicroTime))),
        Err(_) => Err(ProtobufError::Malformed(format!("time out of range: {seconds} s"))),
    }
}

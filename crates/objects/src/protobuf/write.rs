//! Canonical JSON to messages.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::{ProtobufError, encode_object, message_of, wire};
use crate::{
    duration,
    model::{Field, MODEL, Message, MessageId, Special, Type},
};

const MAX_DEPTH: usize = 128;

/// The bytes of a message.
pub(super) fn message(id: MessageId, value: &Value) -> Result<Vec<u8>, ProtobufError> {
    let mut out = Vec::new();
    put_message(&mut out, MODEL.get(id), value, 0)?;
    Ok(out)
}

fn unfit(message: &Message, value: &Value) -> ProtobufError {
    ProtobufError::Unfit(format!("cannot write {} as {}", crate::typed::kind_of(value), message.name))
}

fn put_message(out: &mut Vec<u8>, message: &Message, value: &Value, depth: usize) -> Result<(), ProtobufError> {
    if depth > MAX_DEPTH {
        return Err(ProtobufError::Unfit("exceeded max depth".to_owned()));
    }
    match (message.special, value) {
        (Special::Fields, Value::Object(object)) => put_fields(out, message, object, depth),
        (Special::Time | Special::MicroTime, Value::String(text)) => {
            let time: jiff::Timestamp = text.parse().map_err(|_| unfit(message, value))?;
            put_number(out, 1, time.as_second());
            put_number(out, 2, i64::from(time.subsec_nanosecond()));
            Ok(())
        }
        (Special::Duration, Value::String(text)) => {
            put_number(out, 1, duration::parse_go(text).ok_or_else(|| unfit(message, value))?);
            Ok(())
        }
        (Special::Quantity, Value::String(text)) => {
            wire::put_bytes(out, 1, text.as_bytes());
            Ok(())
        }
        (Special::IntOrString, Value::String(text)) => {
            put_number(out, 1, 1);
            put_number(out, 2, 0);
            wire::put_bytes(out, 3, text.as_bytes());
            Ok(())
        }
        (Special::IntOrString, Value::Number(number)) => {
            put_number(out, 1, 0);
            put_number(out, 2, number.as_i64().unwrap_or(0));
            wire::put_bytes(out, 3, b"");
            Ok(())
        }
        (Special::Raw, Value::Object(object)) => {
            let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or("");
            let bytes = if message_of(text("apiVersion"), text("kind")).is_some() {
                encode_object(value)?
            } else {
                value.to_string().into_bytes()
            };
            wire::put_bytes(out, 1, &bytes);
            Ok(())
        }
        (Special::Raw | Special::Json, value) => {
            wire::put_bytes(out, 1, value.to_string().as_bytes());
            Ok(())
        }
        (Special::Strings, Value::Array(items)) => {
            for item in items {
                wire::put_bytes(out, 1, item.as_str().ok_or_else(|| unfit(message, value))?.as_bytes());
            }
            Ok(())
        }
        (Special::SchemaOrBool, value) => {
            let (allows, schema) = match value {
                Value::Bool(allows) => (*allows, None),
                schema => (true, Some(schema)),
            };
            wire::put_tag(out, 1, 0);
            out.push(u8::from(allows));
            put_schema(out, message, schema, depth)
        }
        (Special::SchemaOrArray | Special::SchemaOrStrings, Value::Array(items)) => {
            let Some(field) = message.fields.iter().find(|f| matches!(f.ty, Type::List(_))) else {
                return Err(unfit(message, value));
            };
            let Type::List(item) = &field.ty else { return Err(unfit(message, value)) };
            items.iter().try_for_each(|v| put_value(out, message, field.number, item, v, depth))
        }
        (Special::SchemaOrArray | Special::SchemaOrStrings, value) => put_schema(out, message, Some(value), depth),
        (_, Value::Null) => Ok(()),
        (_, value) => Err(unfit(message, value)),
    }
}

fn put_schema(out: &mut Vec<u8>, message: &Message, schema: Option<&Value>, depth: usize) -> Result<(), ProtobufError> {
    let Some(schema) = schema.filter(|s| !s.is_null()) else { return Ok(()) };
    let field = message.fields.iter().find(|f| f.json == "schema").ok_or_else(|| unfit(message, schema))?;
    put_value(out, message, field.number, &field.ty, schema, depth)
}

fn put_fields(
    out: &mut Vec<u8>,
    message: &Message,
    object: &Map<String, Value>,
    depth: usize,
) -> Result<(), ProtobufError> {
    for field in &message.fields {
        if let (true, Type::Message(id)) = (field.json.is_empty(), &field.ty) {
            let mut inner = Vec::new();
            put_fields(&mut inner, MODEL.get(*id), object, depth + 1)?;
            if !field.pointer || !inner.is_empty() {
                wire::put_bytes(out, field.number, &inner);
            }
            continue;
        }
        let value = object.get(field.json).filter(|v| !v.is_null());
        match (&field.ty, value) {
            (Type::List(item), Some(Value::Array(items))) => {
                items.iter().try_for_each(|v| put_value(out, message, field.number, item, v, depth))?;
            }
            (Type::Map(item), Some(Value::Object(entries))) => {
                for (key, value) in entries {
                    let mut entry = Vec::new();
                    wire::put_bytes(&mut entry, 1, key.as_bytes());
                    put_value(&mut entry, message, 2, item, value, depth)?;
                    wire::put_bytes(out, field.number, &entry);
                }
            }
            (Type::List(_) | Type::Map(_), Some(other)) => return Err(unfit(message, other)),
            (ty, Some(value)) => put_value(out, message, field.number, ty, value, depth)?,
            (ty, None) if !field.pointer => put_zero(out, field, ty, depth)?,
            (_, None) => {}
        }
    }
    Ok(())
}

/// What Go's generated code writes for a field that is no pointer and empty.
fn put_zero(out: &mut Vec<u8>, field: &Field, ty: &Type, depth: usize) -> Result<(), ProtobufError> {
    match ty {
        Type::String => wire::put_bytes(out, field.number, b""),
        Type::Bool | Type::Int32 | Type::Int64 => {
            wire::put_tag(out, field.number, 0);
            out.push(0);
        }
        Type::Double => {
            wire::put_tag(out, field.number, 1);
            out.extend_from_slice(&[0; 8]);
        }
        Type::Message(id) => {
            let message = MODEL.get(*id);
            let mut inner = Vec::new();
            if message.special == Special::Fields && depth < MAX_DEPTH {
                put_fields(&mut inner, message, &Map::new(), depth + 1)?;
            }
            wire::put_bytes(out, field.number, &inner);
        }
        Type::Bytes | Type::List(_) | Type::Map(_) => {}
    }
    Ok(())
}

fn put_number(out: &mut Vec<u8>, number: u32, value: i64) {
    wire::put_tag(out, number, 0);
    wire::put_varint(out, value.cast_unsigned());
}

fn put_value(
    out: &mut Vec<u8>,
    holder: &Message,
    number: u32,
    ty: &Type,
    value: &Value,
    depth: usize,
) -> Result<(), ProtobufError> {
    match (ty, value) {
        (Type::String, Value::String(text)) => wire::put_bytes(out, number, text.as_bytes()),
        (Type::Bytes, Value::String(text)) => {
            let bytes = STANDARD.decode(text).map_err(|_| unfit(holder, value))?;
            wire::put_bytes(out, number, &bytes);
        }
        (Type::Bool, Value::Bool(flag)) => {
            wire::put_tag(out, number, 0);
            out.push(u8::from(*flag));
        }
        (Type::Int32 | Type::Int64, Value::Number(n)) => {
            put_number(out, number, n.as_i64().ok_or_else(|| unfit(holder, value))?);
        }
        (Type::Double, Value::Number(n)) => {
            wire::put_tag(out, number, 1);
            out.extend_from_slice(&n.as_f64().unwrap_or(0.0).to_bits().to_le_bytes());
        }
        (Type::Message(id), value) => {
            let mut inner = Vec::new();
            put_message(&mut inner, MODEL.get(*id), value, depth + 1)?;
            wire::put_bytes(out, number, &inner);
        }
        // A null entry of a map of bytes or list is an empty value.
        (Type::String | Type::Bytes, Value::Null) => wire::put_bytes(out, number, b""),
        _ => return Err(unfit(holder, value)),
    }
    Ok(())
}

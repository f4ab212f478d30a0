//! Whether a strategically patched object can become one of its type, in the words of the converter that does it.

use serde_json::Value;

use crate::model::{MODEL, MessageId, Special, Type};

/// The first thing that does not fit.
pub(super) fn check(id: MessageId, value: &Value) -> Option<String> {
    let message = MODEL.get(id);
    if message.special != Special::Fields {
        return None;
    }
    match value {
        Value::Null => None,
        Value::Object(object) => message
            .fields
            .iter()
            .filter_map(|field| Some((field, object.get(field.json)?)))
            .find_map(|(field, value)| check_type(&field.ty, value)),
        other => Some(format!("cannot restore struct from: {}", kind_of(other))),
    }
}

fn check_type(ty: &'static Type, value: &Value) -> Option<String> {
    let simple = |go: &str| match (value, go) {
        (Value::Number(n), "string") if n.is_f64() => Some("unrecognized type: string".to_owned()),
        (Value::Number(_), "string") => Some("cannot convert int64 to string".to_owned()),
        (Value::Number(n), "int32" | "int64") if n.is_f64() && n.as_f64().is_some_and(|f| f.fract() != 0.0) => {
            Some(format!("cannot convert float64 to {go}"))
        }
        _ => Some(format!("unrecognized type: {go}")),
    };
    match (ty, value) {
        (_, Value::Null) | (Type::String | Type::Bytes, Value::String(_)) | (Type::Bool, Value::Bool(_)) => None,
        (Type::Double, Value::Number(_)) => None,
        (Type::Int32 | Type::Int64, Value::Number(n))
            if !n.is_f64() || n.as_f64().is_some_and(|f| f.fract() == 0.0) =>
        {
            None
        }
        (Type::String, _) => simple("string"),
        (Type::Bool, _) => simple("bool"),
        (Type::Int32, _) => simple("int32"),
        (Type::Int64, _) => simple("int64"),
        (Type::Double, _) => simple("float64"),
        (Type::Bytes, other) => Some(format!("cannot restore slice from {}", kind_of(other))),
        (Type::Message(id), value) => check(*id, value),
        (Type::List(item), Value::Array(items)) => items.iter().find_map(|value| check_type(item, value)),
        (Type::List(_), other) => Some(format!("cannot restore slice from {}", kind_of(other))),
        (Type::Map(item), Value::Object(entries)) => entries.values().find_map(|value| check_type(item, value)),
        (Type::Map(_), other) => Some(format!("cannot restore map from {}", kind_of(other))),
    }
}

/// Go's kind of a value that was read from JSON.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "invalid",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
    }
}

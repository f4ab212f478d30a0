//! Values that a type can't hold, as the merge of applied configurations words them.

use serde_json::Value;

use crate::{
    model::{MODEL, Message, Special, Type},
    validate::go_quote,
};

/// Adds what is wrong with a message's value and all that it holds; `path` is as `.spec.replicas`.
pub(super) fn check(message: &'static Message, value: &Value, path: &str, problems: &mut Vec<String>) {
    if message.special != Special::Fields {
        return;
    }
    match value {
        Value::Null => {}
        Value::Object(object) => {
            for (name, value) in object {
                if let Some(field) = message.field(name) {
                    check_type(&field.ty, value, &format!("{path}.{name}"), problems);
                }
            }
        }
        other => problems.push(format!("{path}: expected map, got &{{{}}}", plain(other))),
    }
}

fn check_type(ty: &'static Type, value: &Value, path: &str, problems: &mut Vec<String>) {
    let mut wrong = |text: String| problems.push(format!("{path}: expected {text}"));
    match (ty, value) {
        (_, Value::Null) => {}
        (Type::String | Type::Bytes, Value::String(_)) | (Type::Bool, Value::Bool(_)) => {}
        (Type::Int32 | Type::Int64 | Type::Double, Value::Number(_)) => {}
        (Type::String | Type::Bytes, other) => {
            wrong(format!("string, got &value.valueUnstructured{{Value:{}}}", syntax(other)));
        }
        (Type::Bool, other) => wrong(format!("boolean, got &{{{}}}", plain(other))),
        (Type::Int32 | Type::Int64 | Type::Double, other) => {
            wrong(format!("numeric (int or float), got {}", type_of(other)));
        }
        (Type::Message(id), value) => check(MODEL.get(*id), value, path, problems),
        (Type::List(item), Value::Array(items)) => {
            for (i, value) in items.iter().enumerate() {
                check_type(item, value, &format!("{path}{}", index(value, i)), problems);
            }
        }
        (Type::List(_), other) => wrong(format!("list, got &{{{}}}", plain(other))),
        (Type::Map(item), Value::Object(entries)) => {
            for (key, value) in entries {
                check_type(item, value, &format!("{path}.{key}"), problems);
            }
        }
        (Type::Map(_), other) => wrong(format!("map, got &{{{}}}", plain(other))),
    }
}

/// How an item is named: by its name, which is the key of most lists, or by its place.
fn index(item: &Value, i: usize) -> String {
    match item.get("name").and_then(Value::as_str) {
        Some(name) => format!("[name={}]", go_quote(name)),
        None => format!("[{i}]"),
    }
}

/// A number as Go prints a float: six digits before it turns to an exponent.
fn number(value: &Value) -> String {
    let float = value.as_f64().unwrap_or(0.0);
    let exponent = if float == 0.0 { 0.0 } else { float.abs().log10().floor() };
    if (-4.0..6.0).contains(&exponent) || float == 0.0 {
        return format!("{float}");
    }
    let text = format!("{float:e}");
    match text.split_once('e') {
        Some((mantissa, power)) => match power.strip_prefix('-') {
            Some(power) => format!("{mantissa}e-{power:0>2}"),
            None => format!("{mantissa}e+{power:0>2}"),
        },
        None => text,
    }
}

/// Go's `%v`.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Number(_) => number(value),
        Value::String(text) => text.clone(),
        Value::Bool(bool) => bool.to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(" ")),
        Value::Object(object) => {
            let entries: Vec<String> = object.iter().map(|(k, v)| format!("{k}:{}", plain(v))).collect();
            format!("map[{}]", entries.join(" "))
        }
    }
}

/// Go's `%#v`.
fn syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::String(text) => go_quote(text),
        Value::Array(items) => {
            format!("[]interface {{}}{{{}}}", items.iter().map(syntax).collect::<Vec<_>>().join(", "))
        }
        Value::Object(object) => {
            let entries: Vec<String> = object.iter().map(|(k, v)| format!("{}:{}", go_quote(k), syntax(v))).collect();
            format!("map[string]interface {{}}{{{}}}", entries.join(", "))
        }
        other => plain(other),
    }
}

/// Go's `%T`.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

//! Structural schemas: pruning, defaults and validation, with the real server's texts. CEL rules
//! (`x-kubernetes-validations`) are not evaluated.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex},
};

use regex::Regex;
use serde_json::{Map, Value};

use crate::validate::FieldError;

fn flag(schema: &Value, key: &str) -> bool {
    schema.get(key) == Some(&Value::Bool(true))
}

fn word<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema.get(key).and_then(Value::as_str).unwrap_or("")
}

fn property<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    schema.get("properties").and_then(|p| p.get(name))
}

/// Drops the fields of a root object that the schema does not have, and names them.
pub(super) fn prune(schema: &Value, object: &mut Map<String, Value>) -> Vec<String> {
    let mut unknown = Vec::new();
    prune_object(schema, object, &mut String::new(), true, &mut unknown);
    unknown
}

fn prune_object(
    schema: &Value,
    object: &mut Map<String, Value>,
    path: &mut String,
    resource: bool,
    unknown: &mut Vec<String>,
) {
    let keep_all = flag(schema, "x-kubernetes-preserve-unknown-fields");
    let resource = resource || flag(schema, "x-kubernetes-embedded-resource");
    let start = path.len();
    object.retain(|key, value| {
        if resource && matches!(key.as_str(), "apiVersion" | "kind" | "metadata") {
            return true;
        }
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
        let child = property(schema, key).or_else(|| schema.get("additionalProperties").filter(|s| s.is_object()));
        let kept = match child {
            Some(child) => {
                prune_value(child, value, path, unknown);
                true
            }
            None => keep_all || schema.get("additionalProperties") == Some(&Value::Bool(true)),
        };
        if !kept {
            crate::paths::note(unknown, path);
        }
        path.truncate(start);
        kept
    });
}

fn prune_value(schema: &Value, value: &mut Value, path: &mut String, unknown: &mut Vec<String>) {
    match value {
        Value::Object(object) => prune_object(schema, object, path, false, unknown),
        Value::Array(items) => {
            let Some(schema) = schema.get("items").filter(|s| s.is_object()) else { return };
            let start = path.len();
            for (i, item) in items.iter_mut().enumerate() {
                path.push_str(&format!("[{i}]"));
                prune_value(schema, item, path, unknown);
                path.truncate(start);
            }
        }
        _ => {}
    }
}

/// Fills in the schema's defaults, wherever the object that they are in exists. A null that may not be one gives way
/// to the default.
pub(crate) fn fill_defaults(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (name, child) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                let missing = match object.get(name) {
                    None => true,
                    Some(value) => value.is_null() && !flag(child, "nullable"),
                };
                if let (true, Some(default)) = (missing, child.get("default")) {
                    object.insert(name.clone(), default.clone());
                }
                if let Some(value) = object.get_mut(name) {
                    fill_defaults(child, value);
                }
            }
            if let Some(child @ Value::Object(_)) = schema.get("additionalProperties") {
                for (_, value) in object.iter_mut().filter(|(name, _)| property(schema, name).is_none()) {
                    fill_defaults(child, value);
                }
            }
        }
        Value::Array(items) => {
            if let Some(child) = schema.get("items") {
                items.iter_mut().for_each(|item| fill_defaults(child, item));
            }
        }
        _ => {}
    }
}

/// Checks an object against the schema. What was as wrong before is let pass on an update (ratcheting): `old` is the
/// object before.
pub(crate) fn validate(schema: &Value, new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    if schema.is_object() {
        check(schema, new, old, "", errors);
    }
}

fn check(schema: &Value, value: &Value, old: Option<&Value>, path: &str, errors: &mut Vec<FieldError>) {
    if old == Some(value) {
        return;
    }
    if value.is_null() && flag(schema, "nullable") {
        return;
    }
    if !check_type(schema, value, path, errors) {
        return;
    }
    let before = errors.len();
    check_enum(schema, value, path, errors);
    match value {
        Value::String(text) => check_text(schema, text, path, errors),
        Value::Number(number) => check_number(schema, number, value, path, errors),
        Value::Array(items) => check_list(schema, items, value, old, path, errors),
        Value::Object(object) => check_object(schema, object, value, old, path, errors),
        _ => {}
    }
    check_junctions(schema, value, path, errors);
    // Errors keep the order in which a reader meets the fields.
    errors.get_mut(before..).unwrap_or_default().sort_by(|a, b| a.field.cmp(&b.field));
}

fn place(path: &str) -> String {
    if path.is_empty() { "<nil>".to_owned() } else { path.to_owned() }
}

fn body(path: &str, text: &str) -> String {
    if path.is_empty() { format!("in body {text}") } else { format!("{path} in body {text}") }
}

fn invalid(path: &str, value: &Value, text: &str, errors: &mut Vec<FieldError>) {
    errors.push(FieldError::invalid(place(path), value, body(path, text)));
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_i64() || n.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether the type fits; else an error.
fn check_type(schema: &Value, value: &Value, path: &str, errors: &mut Vec<FieldError>) -> bool {
    let seen = type_of(value);
    let wanted = word(schema, "type");
    let fits = if flag(schema, "x-kubernetes-int-or-string") {
        matches!(seen, "integer" | "string")
    } else {
        wanted.is_empty() || wanted == seen || (wanted == "number" && seen == "integer")
    };
    if !fits {
        let wanted = if wanted.is_empty() { "integer,string" } else { wanted };
        let detail = body(path, &format!("must be of type {wanted}: {seen:?}"));
        errors.push(FieldError::type_invalid(place(path), &Value::from(seen), detail));
    }
    fits
}

fn check_enum(schema: &Value, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let Some(allowed) = schema.get("enum").and_then(Value::as_array) else { return };
    if allowed.contains(value) {
        return;
    }
    let texts: Vec<String> = allowed.iter().map(|a| a.as_str().map_or_else(|| a.to_string(), str::to_owned)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    errors.push(FieldError::not_supported(place(path), value, &texts));
}

fn number(schema: &Value, key: &str) -> Option<usize> {
    schema.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok())
}

fn check_text(schema: &Value, text: &str, path: &str, errors: &mut Vec<FieldError>) {
    let length = text.chars().count();
    if let Some(max) = number(schema, "maxLength").filter(|max| length > *max) {
        errors.push(FieldError::too_long(place(path), max));
    }
    if let Some(min) = number(schema, "minLength").filter(|min| length < *min) {
        invalid(path, &Value::from(text), &format!("should be at least {min} chars long"), errors);
    }
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
        && !matches_pattern(pattern, text)
    {
        invalid(path, &Value::from(text), &format!("should match '{pattern}'"), errors);
    }
    let format = word(schema, "format");
    if !fits_format(format, text) {
        let detail = body(path, &format!("must be of type {format}: {text:?}"));
        errors.push(FieldError::invalid(place(path), &Value::from(text), detail));
    }
}

fn fits_format(format: &str, text: &str) -> bool {
    match format {
        "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "date" => text.parse::<jiff::civil::Date>().is_ok(),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "ip" => text.parse::<std::net::IpAddr>().is_ok(),
        "byte" => {
            use base64::{Engine, engine::general_purpose::STANDARD};
            STANDARD.decode(text).is_ok()
        }
        "duration" => crate::duration::parse_go(text).is_some(),
        _ => true,
    }
}

/// Most that a compiled pattern may take, in bytes.
const MAX_COMPILED: usize = 1 << 20;

/// Whether a pattern can be compiled; why not.
pub(super) fn is_valid_pattern(pattern: &str) -> Result<(), String> {
    compile(pattern).map(drop).map_err(|error| error.to_string())
}

fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    regex::RegexBuilder::new(pattern).size_limit(MAX_COMPILED).build()
}

/// Patterns are compiled once, as there are few. One that can't be compiled, which no definition is created with any
/// longer, matches nothing.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    const MAX_KEPT: usize = 256;
    static COMPILED: LazyLock<Mutex<BTreeMap<String, Option<Arc<Regex>>>>> = LazyLock::new(Mutex::default);
    let kept = COMPILED.lock().ok().and_then(|compiled| compiled.get(pattern).cloned());
    let regex = kept.unwrap_or_else(|| {
        // Not under the lock: it may take its time, and others' patterns are there.
        let regex = compile(pattern).ok().map(Arc::new);
        if let Ok(mut compiled) = COMPILED.lock() {
            if compiled.len() > MAX_KEPT {
                compiled.clear();
            }
            compiled.insert(pattern.to_owned(), regex.clone());
        }
        regex
    });
    regex.is_some_and(|regex| regex.is_match(text))
}

fn check_number(schema: &Value, given: &serde_json::Number, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let given = given.as_f64().unwrap_or(0.0);
    let bound = |key: &str| schema.get(key).and_then(|n| n.as_f64().map(|f| (f, n.to_string())));
    if let Some((min, text)) = bound("minimum") {
        if flag(schema, "exclusiveMinimum") {
            if given <= min {
                invalid(path, value, &format!("should be greater than {text}"), errors);
            }
        } else if given < min {
            invalid(path, value, &format!("should be greater than or equal to {text}"), errors);
        }
    }
    if let Some((max, text)) = bound("maximum") {
        if flag(schema, "exclusiveMaximum") {
            if given >= max {
                invalid(path, value, &format!("should be less than {text}"), errors);
            }
        } else if given > max {
            invalid(path, value, &format!("should be less than or equal to {text}"), errors);
        }
    }
    if let Some((of, text)) = bound("multipleOf").filter(|(of, _)| *of > 0.0)
        && (given / of).fract().abs() > f64::EPSILON
    {
        invalid(path, value, &format!("should be a multiple of {text}"), errors);
    }
}

fn check_list(
    schema: &Value,
    items: &[Value],
    value: &Value,
    old: Option<&Value>,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    if let Some(max) = number(schema, "maxItems").filter(|max| items.len() > *max) {
        errors.push(FieldError::too_many(place(path), items.len(), max));
    }
    if let Some(min) = number(schema, "minItems").filter(|min| items.len() < *min) {
        invalid(path, value, &format!("should have at least {min} items"), errors);
    }
    match word(schema, "x-kubernetes-list-type") {
        "set" => {
            for (i, item) in items.iter().enumerate() {
                if items.get(..i).is_some_and(|before| before.contains(item)) {
                    errors.push(FieldError::duplicate(format!("{path}[{i}]"), item));
                }
            }
        }
        "map" => {
            let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
            let key = |item: &Value| -> Map<String, Value> {
                let names = keys.into_iter().flatten().filter_map(Value::as_str);
                names.filter_map(|n| item.get(n).map(|v| (n.to_owned(), v.clone()))).collect()
            };
            let all: Vec<_> = items.iter().map(key).collect();
            for (i, own) in all.iter().enumerate() {
                if all.get(..i).is_some_and(|before| before.contains(own)) {
                    errors.push(FieldError::duplicate(format!("{path}[{i}]"), &Value::Object(own.clone())));
                }
            }
        }
        _ => {}
    }
    if let Some(child) = schema.get("items").filter(|s| s.is_object()) {
        for (i, item) in items.iter().enumerate() {
            check(child, item, old.and_then(|o| o.get(i)), &format!("{path}[{i}]"), errors);
        }
    }
}

fn check_object(
    schema: &Value,
    object: &Map<String, Value>,
    value: &Value,
    old: Option<&Value>,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    if let Some(max) = number(schema, "maxProperties").filter(|max| object.len() > *max) {
        errors.push(FieldError::too_many(place(path), object.len(), max));
    }
    if let Some(min) = number(schema, "minProperties").filter(|min| object.len() < *min) {
        invalid(path, value, &format!("should have at least {min} properties"), errors);
    }
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !object.contains_key(name) {
            errors.push(FieldError::required(join(name), ""));
        }
    }
    for (name, value) in object {
        if path.is_empty() && matches!(name.as_str(), "metadata" | "apiVersion" | "kind") {
            continue;
        }
        let child = property(schema, name).or_else(|| schema.get("additionalProperties").filter(|s| s.is_object()));
        if let Some(child) = child {
            check(child, value, old.and_then(|o| o.get(name)), &join(name), errors);
        }
    }
}

/// `allOf`, `anyOf`, `oneOf` and `not`.
fn check_junctions(schema: &Value, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let list = |key: &str| schema.get(key).and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
    let fits = |schema: &Value| {
        let mut own = Vec::new();
        check(schema, value, None, path, &mut own);
        own.is_empty()
    };
    for part in list("allOf") {
        check(part, value, None, path, errors);
    }
    let name = if path.is_empty() { "<nil>" } else { path };
    if !list("anyOf").is_empty() && !list("anyOf").iter().any(fits) {
        let detail = format!("{name:?} must validate at least one schema (anyOf)");
        errors.push(FieldError::invalid(place(path), &Value::from(""), detail));
    }
    if !list("oneOf").is_empty() {
        let found = list("oneOf").iter().filter(|s| fits(s)).count();
        if found != 1 {
            let found = if found == 0 { "none valid".to_owned() } else { format!("{found} valid alternatives") };
            let detail = format!("{name:?} must validate one and only one schema (oneOf). Found {found}");
            errors.push(FieldError::invalid(place(path), &Value::from(""), detail));
        }
    }
    if schema.get("not").is_some_and(fits) {
        let detail = format!("{name:?} must not validate the schema (not)");
        errors.push(FieldError::invalid(place(path), &Value::from(""), detail));
    }
}

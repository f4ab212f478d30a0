//! Printer columns: a value found by a JSONPath, as the column's type prints it.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kinds::cells;

/// The cell of a printer column.
pub(crate) fn cell(column: &Value, object: &Value, now: Timestamp) -> Value {
    let text = |key: &str| column.get(key).and_then(Value::as_str).unwrap_or("");
    let found = find(object, text("jsonPath"));
    let Some(first) = found.first() else { return Value::Null };
    match (text("type"), *first) {
        (_, Value::Null) => Value::Null,
        ("integer", value) => value.as_i64().map_or(Value::Null, |n| json!(n)),
        ("number", value) => value.as_f64().map_or(Value::Null, |n| json!(n)),
        ("boolean", value) => value.as_bool().map_or(Value::Null, |b| json!(b)),
        ("date", value) => json!(value.as_str().map_or_else(|| "<invalid>".to_owned(), |time| cells::since(time, now))),
        (_, Value::String(_)) if found.len() == 1 => (*first).clone(),
        (_, value) if found.len() == 1 => json!(value.to_string()),
        _ => {
            let all: Vec<String> =
                found.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect();
            json!(all.join(" "))
        }
    }
}

/// One step of a path.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(i64),
    All,
    /// Items whose field equals a text.
    Where(Vec<String>, String),
}

/// The values at a JSONPath: fields, indexes, `[*]`, and filters of the form `[?(@.a.b=="c")]`.
fn find<'a>(object: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = vec![object];
    for step in steps(path).unwrap_or_default() {
        found = found.into_iter().flat_map(|value| follow(value, &step)).collect();
    }
    found
}

fn follow<'a>(value: &'a Value, step: &Step) -> Vec<&'a Value> {
    match (step, value) {
        (Step::Field(name), value) => value.get(name).into_iter().collect(),
        (Step::Index(at), Value::Array(items)) => {
            let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
            let at = if *at < 0 { at.saturating_add(length) } else { *at };
            usize::try_from(at).ok().and_then(|at| items.get(at)).into_iter().collect()
        }
        (Step::All, Value::Array(items)) => items.iter().collect(),
        (Step::All, Value::Object(object)) => object.values().collect(),
        (Step::Where(field, wanted), Value::Array(items)) => items
            .iter()
            .filter(|item| {
                let found = field.iter().try_fold(*item, |at, part| at.get(part));
                found.is_some_and(|f| f.as_str().map_or_else(|| f.to_string(), str::to_owned) == *wanted)
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The steps of a path; `None` for one that is beyond what columns use.
fn steps(path: &str) -> Option<Vec<Step>> {
    let path = path.strip_prefix('{').and_then(|p| p.strip_suffix('}')).unwrap_or(path);
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    let mut out = Vec::new();
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let end = inner.find(']')?;
            let (inside, after) = inner.split_at(end);
            out.push(bracket(inside)?);
            rest = after.get(1..)?;
        } else {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let (name, after) = field_name(rest);
            if name.is_empty() {
                return None;
            }
            out.push(if name == "*" { Step::All } else { Step::Field(name) });
            rest = after;
        }
    }
    Some(out)
}

/// A name up to the next step; a backslash escapes a dot.
fn field_name(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '\\' if !escaped => escaped = true,
            '.' | '[' if !escaped => return (name, text.get(at..).unwrap_or("")),
            c => {
                name.push(c);
                escaped = false;
            }
        }
    }
    (name, "")
}

fn bracket(inside: &str) -> Option<Step> {
    let unquoted = |text: &str| {
        let text = text.trim();
        ["'", "\""].iter().find_map(|q| text.strip_prefix(q)?.strip_suffix(q)).map(str::to_owned)
    };
    if inside == "*" {
        return Some(Step::All);
    }
    if let Some(name) = unquoted(inside) {
        return Some(Step::Field(name));
    }
    if let Some(filter) = inside.strip_prefix("?(").and_then(|f| f.strip_suffix(')')) {
        let (left, right) = filter.split_once("==")?;
        let field = left.trim().strip_prefix("@.")?.split('.').map(str::to_owned).collect();
        return Some(Step::Where(field, unquoted(right).unwrap_or_else(|| right.trim().to_owned())));
    }
    inside.parse().ok().map(Step::Index)
}

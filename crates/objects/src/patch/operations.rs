//! RFC 6902: JSON patch.

use serde_json::{Map, Value};

use super::PatchError;
use crate::{json, paths, typed};

const MAX_OPERATIONS: usize = 10_000;
/// What `copy` may add in all, as on the real server: 3 MiB of JSON.
const MAX_COPIED: usize = 3 * 1024 * 1024;

/// The members of an operation.
const MEMBERS: [&str; 4] = ["op", "path", "from", "value"];

/// What is strictly wrong with a patch's operations: unknown and duplicate members.
///
/// # Errors
/// A patch that is no list of operations, or has members of other types.
pub(super) fn check(patch: &[u8]) -> Result<Vec<String>, PatchError> {
    let bad = |why: String| PatchError::Bad(format!("error decoding patch: {why}"));
    let parsed = json::parse(patch).map_err(bad)?;
    let wrong =
        |value: &Value, place: &str| bad(format!("json: cannot unmarshal {} into Go {place}", typed::kind_of(value)));
    let operations = match &parsed.value {
        Value::Array(operations) => operations.as_slice(),
        Value::Null => &[],
        other => return Err(wrong(other, "value of type []handlers.jsonPatchOp")),
    };
    let mut problems: Vec<String> =
        parsed.duplicates.iter().map(|path| format!("json patch duplicate field {path:?}")).collect();
    for (i, operation) in operations.iter().enumerate() {
        let Value::Object(operation) = operation else {
            return Err(wrong(operation, "value of type handlers.jsonPatchOp"));
        };
        for (member, value) in operation {
            if !MEMBERS.contains(&member.as_str()) {
                paths::note(&mut problems, &format!("json patch unknown field \"[{i}].{member}\""));
            } else if member != "value" && !value.is_string() && !value.is_null() {
                return Err(wrong(value, &format!("struct field jsonPatchOp.{member} of type string")));
            }
        }
    }
    Ok(problems)
}

/// Applies a patch's operations in order.
pub(super) fn apply(current: &Value, patch: &[u8]) -> Result<Value, PatchError> {
    let parsed = json::parse(patch).map_err(PatchError::Bad)?;
    let wrong = |value: &Value, ty: &str| {
        PatchError::Bad(format!("json: cannot unmarshal {} into Go value of type {ty}", typed::kind_of(value)))
    };
    let Value::Array(operations) = &parsed.value else { return Err(wrong(&parsed.value, "jsonpatch.Patch")) };
    if operations.len() > MAX_OPERATIONS {
        let count = operations.len();
        return Err(PatchError::TooLarge(format!(
            "The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {count}"
        )));
    }
    let mut document = current.clone();
    let mut copied = 0;
    for operation in operations {
        let Value::Object(operation) = operation else { return Err(wrong(operation, "jsonpatch.Operation")) };
        run(&mut document, operation, &mut copied)?;
    }
    Ok(document)
}

fn run(document: &mut Value, operation: &Map<String, Value>, copied: &mut usize) -> Result<(), PatchError> {
    let text = |key: &str| operation.get(key).and_then(Value::as_str);
    let path = pointer(text("path").ok_or(PatchError::Unfit)?)?;
    let value = || operation.get("value").cloned().unwrap_or(Value::Null);
    match text("op").ok_or(PatchError::Unfit)? {
        "add" => add(document, &path, value()),
        "remove" => remove(document, &path).map(drop),
        "replace" => {
            let target = find(document, &path)?;
            *target = value();
            Ok(())
        }
        "move" => {
            let from = pointer(text("from").ok_or(PatchError::Unfit)?)?;
            if path.len() > from.len() && path.starts_with(&from) {
                return Err(PatchError::Unfit);
            }
            let value = remove(document, &from)?;
            add(document, &path, value)
        }
        "copy" => {
            let from = pointer(text("from").ok_or(PatchError::Unfit)?)?;
            let value = find(document, &from)?.clone();
            *copied += value.to_string().len();
            if *copied > MAX_COPIED {
                return Err(PatchError::Unfit);
            }
            add(document, &path, value)
        }
        "test" => {
            let wanted = value();
            match find(document, &path) {
                Ok(found) if same(found, &wanted) => Ok(()),
                Err(_) if wanted.is_null() => Ok(()),
                _ => Err(PatchError::Unfit),
            }
        }
        _ => Err(PatchError::Unfit),
    }
}

/// Equal as JSON: 1 and 1.0 are.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

fn pointer(text: &str) -> Result<Vec<String>, PatchError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let parts = text.strip_prefix('/').ok_or(PatchError::Unfit)?;
    Ok(parts.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect())
}

/// An array index; negative ones count from the end, as the real server's library has it.
fn index(part: &str, length: usize) -> Result<usize, PatchError> {
    let (negative, digits) = part.strip_prefix('-').map_or((false, part), |d| (true, d));
    let number: usize = digits.parse().map_err(|_| PatchError::Unfit)?;
    if negative { length.checked_sub(number).ok_or(PatchError::Unfit) } else { Ok(number) }
}

fn find<'a>(document: &'a mut Value, path: &[String]) -> Result<&'a mut Value, PatchError> {
    let mut at = document;
    for part in path {
        at = match at {
            Value::Object(object) => object.get_mut(part),
            Value::Array(items) => {
                let i = index(part, items.len())?;
                items.get_mut(i)
            }
            _ => None,
        }
        .ok_or(PatchError::Unfit)?;
    }
    Ok(at)
}

fn add(document: &mut Value, path: &[String], value: Value) -> Result<(), PatchError> {
    let Some((last, parents)) = path.split_last() else {
        *document = value;
        return Ok(());
    };
    match find(document, parents)? {
        Value::Object(object) => {
            object.insert(last.clone(), value);
            Ok(())
        }
        Value::Array(items) if last == "-" => {
            items.push(value);
            Ok(())
        }
        Value::Array(items) => {
            let i = index(last, items.len() + 1)?;
            if i > items.len() {
                return Err(PatchError::Unfit);
            }
            items.insert(i, value);
            Ok(())
        }
        _ => Err(PatchError::Unfit),
    }
}

fn remove(document: &mut Value, path: &[String]) -> Result<Value, PatchError> {
    let Some((last, parents)) = path.split_last() else { return Err(PatchError::Unfit) };
    match find(document, parents)? {
        Value::Object(object) => object.remove(last).ok_or(PatchError::Unfit),
        Value::Array(items) => {
            let i = index(last, items.len())?;
            if i < items.len() { Ok(items.remove(i)) } else { Err(PatchError::Unfit) }
        }
        _ => Err(PatchError::Unfit),
    }
}

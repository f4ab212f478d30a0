//! Strategic merge patch: lists merge by the keys that the type declares, and directives say the rest.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{PatchError, go_map};
use crate::model::{Field, MODEL, Message, MessageId, Type};

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const DELETE: &str = "$deleteFromPrimitiveList/";

/// Merges a patch into an object.
pub(super) fn apply(
    message: Option<MessageId>,
    current: &Value,
    patch: &Map<String, Value>,
) -> Result<Value, PatchError> {
    let original = current.as_object().cloned().unwrap_or_default();
    merge_map(original, patch, message.map(|id| MODEL.get(id))).map(Value::Object)
}

fn bad(text: &str) -> PatchError {
    PatchError::Bad(text.to_owned())
}

fn unknown_directive(word: &Value, map: &Map<String, Value>) -> PatchError {
    let map = go_map(&Value::Object(map.clone()));
    PatchError::Broken(format!("unknown patch type: {} in map: {map}", go_map(word)))
}

fn merge_map(
    mut original: Map<String, Value>,
    patch: &Map<String, Value>,
    message: Option<&'static Message>,
) -> Result<Map<String, Value>, PatchError> {
    match patch.get(DIRECTIVE) {
        None => {}
        Some(Value::String(word)) if word == "replace" => {
            let mut out = patch.clone();
            out.remove(DIRECTIVE);
            return Ok(out);
        }
        Some(Value::String(word)) if word == "delete" => return Ok(Map::new()),
        Some(Value::String(word)) if word == "merge" => {}
        Some(other) => return Err(unknown_directive(other, patch)),
    }
    if let Some(retain) = patch.get(RETAIN) {
        let keys = retain.as_array().ok_or_else(|| bad("Invalid patch format of retainKeys"))?;
        let kept = |key: &String| keys.iter().any(|k| k.as_str() == Some(key));
        if patch.iter().any(|(k, v)| !k.starts_with('$') && !v.is_null() && !kept(k)) {
            return Err(bad("Invalid patch format of retainKeys"));
        }
        original.retain(|key, _| kept(key));
    }
    for (key, value) in patch {
        if let Some(name) = key.strip_prefix(DELETE) {
            delete_values(&mut original, name, value)?;
            continue;
        }
        if key.starts_with('$') {
            continue;
        }
        if value.is_null() {
            original.remove(key);
            continue;
        }
        let field = message.and_then(|m| m.field(key));
        let merged = match (original.remove(key), value) {
            (Some(Value::Object(before)), Value::Object(patch)) => {
                if replaces(field) {
                    without_directives(value)
                } else {
                    Value::Object(merge_map(before, patch, field.and_then(nested))?)
                }
            }
            (Some(Value::Array(before)), Value::Array(patch)) => Value::Array(merge_list(before, patch, field)?),
            (_, value) => without_directives(value),
        };
        original.insert(key.clone(), merged);
    }
    for (key, order) in patch {
        let Some(name) = key.strip_prefix(ORDER) else { continue };
        let wrong = || bad("Invalid patch format of setElementOrder list");
        let order = order.as_array().ok_or_else(wrong)?;
        let field = message.and_then(|m| m.field(name));
        if let Some(Value::Array(items)) = original.get_mut(name) {
            let before = std::mem::take(items);
            *items = ordered(before.clone(), order, &before, field.and_then(|f| f.patch_key));
        }
    }
    Ok(original)
}

/// The message of an object's or list item's or map value's type.
fn nested(field: &'static Field) -> Option<&'static Message> {
    fn of(ty: &'static Type) -> Option<&'static Message> {
        match ty {
            Type::Message(id) => Some(MODEL.get(*id)),
            Type::List(item) => of(item),
            _ => None,
        }
    }
    of(&field.ty)
}

fn replaces(field: Option<&Field>) -> bool {
    field.is_some_and(|f| f.patch_strategy.split(',').any(|s| s == "replace"))
}

fn delete_values(original: &mut Map<String, Value>, name: &str, values: &Value) -> Result<(), PatchError> {
    let values = values.as_array().ok_or_else(|| bad("Invalid patch format of primitive list"))?;
    if let Some(Value::Array(items)) = original.get_mut(name) {
        let values: HashSet<&Value> = values.iter().collect();
        items.retain(|item| !values.contains(item));
    }
    Ok(())
}

/// A new value: directives and nulls say nothing about what is not there.
fn without_directives(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let kept = object.iter().filter(|(k, v)| {
                let directive = *k == DIRECTIVE || *k == RETAIN || k.starts_with(ORDER) || k.starts_with(DELETE);
                !directive && !v.is_null()
            });
            Value::Object(kept.map(|(k, v)| (k.clone(), without_directives(v))).collect())
        }
        Value::Array(items) => {
            let deleted = |v: &&Value| v.get(DIRECTIVE).and_then(Value::as_str) == Some("delete");
            let only_directive = |v: &&Value| v.as_object().is_some_and(|o| o.len() == 1 && o.contains_key(DIRECTIVE));
            items.iter().filter(|v| !deleted(v) && !only_directive(v)).map(without_directives).collect()
        }
        other => other.clone(),
    }
}

fn merge_list(before: Vec<Value>, patch: &[Value], field: Option<&'static Field>) -> Result<Vec<Value>, PatchError> {
    let merges = field.is_some_and(|f| f.patch_strategy.split(',').any(|s| s == "merge"));
    let replace = patch.iter().any(|v| v.get(DIRECTIVE).and_then(Value::as_str) == Some("replace"));
    if !merges || replace {
        let items = Value::Array(patch.to_vec());
        return Ok(without_directives(&items).as_array().cloned().unwrap_or_default());
    }
    let Some(key) = field.and_then(|f| f.patch_key) else {
        let there: HashSet<&Value> = before.iter().collect();
        let new: Vec<Value> = patch.iter().filter(|v| !there.contains(v)).cloned().collect();
        let merged = [before.clone(), new].concat();
        return Ok(ordered(merged, patch, &before, None));
    };
    let message = field.and_then(nested);
    // What is deleted leaves a gap, so that places stay what they are.
    let mut merged: Vec<Option<Value>> = before.iter().cloned().map(Some).collect();
    let mut places: HashMap<Value, Vec<usize>> = HashMap::new();
    for (at, item) in before.iter().enumerate() {
        if let Some(id) = item.get(key) {
            places.entry(id.clone()).or_default().push(at);
        }
    }
    let mut mentioned = Vec::new();
    for item in patch {
        let Value::Object(item_map) = item else {
            return Err(PatchError::Bad("cannot use a list of maps and a list of primitives together".to_owned()));
        };
        let Some(id) = item_map.get(key) else {
            let text = format!("map: {} does not contain declared merge key: {key}", go_map(item));
            return Err(PatchError::Broken(text));
        };
        match item_map.get(DIRECTIVE).map(|d| (d, d.as_str())) {
            Some((_, Some("delete"))) => {
                for at in places.remove(id).unwrap_or_default() {
                    merged.get_mut(at).map(Option::take);
                }
                continue;
            }
            None | Some((_, Some("merge"))) => {}
            Some((other, _)) => return Err(unknown_directive(other, item_map)),
        }
        mentioned.push(item.clone());
        match places.get(id).and_then(|places| merged.get_mut(*places.first()?)) {
            Some(slot) => {
                let old = slot.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
                *slot = Some(Value::Object(merge_map(old, item_map, message)?));
            }
            None => {
                places.insert(id.clone(), vec![merged.len()]);
                merged.push(Some(without_directives(item)));
            }
        }
    }
    Ok(ordered(merged.into_iter().flatten().collect(), &mentioned, &before, Some(key)))
}

/// The positions of a list's items, by key or value.
struct Positions<'a> {
    first: HashMap<&'a Value, usize>,
    key: Option<&'a str>,
}

impl<'a> Positions<'a> {
    fn of(list: &'a [Value], key: Option<&'a str>) -> Self {
        let mut positions = Positions { first: HashMap::new(), key };
        for (at, item) in list.iter().enumerate() {
            if let Some(id) = positions.id(item) {
                positions.first.entry(id).or_insert(at);
            }
        }
        positions
    }

    fn id<'v>(&self, item: &'v Value) -> Option<&'v Value> {
        self.key.map_or(Some(item), |key| item.get(key))
    }

    fn get(&self, item: &Value) -> Option<usize> {
        self.first.get(self.id(item)?).copied()
    }
}

/// Puts merged items into order: those that the patch names as the patch has them, the others as they were before,
/// and both woven together by the order before.
fn ordered(merged: Vec<Value>, order: &[Value], before: &[Value], key: Option<&str>) -> Vec<Value> {
    let (order, before) = (Positions::of(order, key), Positions::of(before, key));
    let (mut named, mut others): (Vec<Value>, Vec<Value>) =
        merged.into_iter().partition(|item| order.get(item).is_some());
    named.sort_by_key(|item| order.get(item));
    others.sort_by_key(|item| before.get(item).unwrap_or(usize::MAX));
    let mut out = Vec::with_capacity(named.len() + others.len());
    let (mut named, mut others) = (named.into_iter().peekable(), others.into_iter().peekable());
    loop {
        let other_first = match (others.peek(), named.peek()) {
            (None, None) => return out,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(other), Some(name)) => match (before.get(other), before.get(name)) {
                (Some(other), Some(name)) => other < name,
                _ => false,
            },
        };
        out.extend(if other_first { others.next() } else { named.next() });
    }
}

//! Server-side apply, and who manages which field.
//!
//! Managers own sets of fields. An update takes what it changed; an applied configuration owns what it names, conflicts
//! with what others own and have set otherwise, and what its last version named and this one does not is removed.

mod fields;
mod managers;
mod shape;
mod types;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use self::{
    fields::{Fields, compare, item_steps, of_value},
    managers::Entry,
    shape::{Parts, Shape},
};
use crate::{
    crd,
    model::MODEL,
    registry::ResourceType,
    status::{Status, StatusCause, StatusDetails},
    typed,
};

/// Who changes an object, for `managedFields`.
#[derive(Debug, Clone, Copy)]
pub struct Manager<'a> {
    /// `fieldManager`, or the default: the first part of the User-Agent before `/`.
    pub name: &'a str,
    /// The subresource the request went to, if any.
    pub subresource: Option<&'a str>,
    /// Time for the entry, truncated to seconds.
    pub now: Timestamp,
}

/// Applies a configuration: merges `applied` into `current` (`None` when the object does not exist), removes what this
/// manager no longer applies, and writes `metadata.managedFields`. `applied` is best as it was sent
/// ([`crate::body::decode_apply`]); what other decoding adds (empty fields that the type always shows) is not taken as
/// applied.
/// The result is what [`crate::lifecycle`] takes next.
///
/// # Errors
/// 409 `Conflict` with one cause for each field that another manager holds with another value, unless `force`; 500 with
/// the real server's text for a configuration that the type can't hold.
pub fn apply(
    resource: &ResourceType,
    current: Option<&Value>,
    applied: &Value,
    manager: Manager<'_>,
    force: bool,
) -> Result<Value, Status> {
    let shape = Shape::of(resource);
    check_fields(resource, applied)?;
    let applied = named_only(resource, applied);
    let live = current.map_or_else(|| empty(resource), without_managers);
    let mut entries = managers::read(current);
    let mut own = Entry::new(resource, manager, "Apply");
    own.fields = of_value(shape, &applied);
    let last = entries.iter().position(|e| e.is(&own)).map(|at| entries.remove(at));

    let mut merged = live.clone();
    merge(shape, &mut merged, &applied);
    if let Value::Object(fields) = &mut merged {
        fields.insert("apiVersion".to_owned(), json!(resource.api_version()));
        fields.insert("kind".to_owned(), json!(resource.kind));
    }
    if let Some(last) = &last {
        let mut dropped = last.fields.clone();
        dropped.subtract(&own.fields);
        for other in &entries {
            dropped.subtract(&other.fields);
        }
        prune(shape, &mut merged, &dropped, &own.fields, &entries, &mut Vec::new());
    }
    let changes = compare(shape, Some(&live), Some(&merged));
    let conflicts: Vec<(String, Vec<String>)> = entries
        .iter()
        .map(|e| (e.printed(), e.fields.intersection(&changes.set).paths()))
        .filter(|(_, paths)| !paths.is_empty())
        .collect();
    if !conflicts.is_empty() && !force {
        return Err(conflict(&conflicts));
    }
    for entry in &mut entries {
        let taken = entry.fields.intersection(&changes.set);
        entry.fields.subtract(&taken);
        entry.fields.subtract(&changes.removed);
    }
    if let Some(last) = last
        && last.fields == own.fields
        && changes.set.is_empty()
        && changes.removed.is_empty()
    {
        own.time = last.time;
    }
    entries.push(own);
    managers::write(&mut merged, entries);
    // The shape has what the type's own fields are, which its name is not among.
    if let Some(fields) = merged.as_object_mut() {
        fields.insert("apiVersion".to_owned(), json!(resource.api_version()));
        fields.insert("kind".to_owned(), json!(resource.kind));
    }
    Ok(merged)
}

/// Writes `metadata.managedFields` of `new` for a create (`old` is `None`), update or patch: what changed against
/// `old` belongs to `manager` from now on. For an update `new` is the object as it will be stored (after
/// [`crate::lifecycle::update`]). For a create the real server looks before admission and its own additions, so that
/// those are nobody's: call it on [`crate::lifecycle::default`]'s result, then [`crate::lifecycle::create`].
/// An update that sends `managedFields: [{}]` resets them; one that sends none keeps the old ones.
pub fn track_update(resource: &ResourceType, old: Option<&Value>, new: &mut Value, manager: Manager<'_>) {
    let shape = Shape::of(resource);
    let mut entries = if managers::is_reset(new) {
        Vec::new()
    } else {
        let sent = managers::read(Some(new));
        if sent.is_empty() { managers::read(old) } else { sent }
    };
    let before = old.map_or_else(|| empty(resource), without_managers);
    let after = without_managers(new);
    let changes = compare(shape, Some(&before), Some(&after));
    let mut own = Entry::new(resource, manager, "Update");
    for entry in &mut entries {
        entry.fields.subtract(&changes.removed);
        if !entry.is(&own) {
            let taken = entry.fields.intersection(&changes.set);
            entry.fields.subtract(&taken);
        }
    }
    own.fields = changes.set;
    managers::strip(&mut own.fields);
    if !own.fields.is_empty() {
        match entries.iter_mut().find(|e| e.is(&own)) {
            Some(entry) => {
                entry.fields.union(&own.fields);
                entry.time = own.time;
            }
            None => entries.push(own),
        }
    }
    managers::write(new, entries);
}

/// What an object of the type is before anything is set: its always-shown fields.
fn empty(resource: &ResourceType) -> Value {
    match resource.message() {
        Some(id) => typed::read(id, &json!({})).value,
        None => json!({"metadata": {}}),
    }
}

fn without_managers(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

/// Fields and types that the type does not have.
fn check_fields(resource: &ResourceType, applied: &Value) -> Result<(), Status> {
    let reading = match (resource.message(), &resource.custom) {
        (Some(id), _) => typed::read(id, applied),
        (None, Some(custom)) => crd::read(custom, applied),
        (None, None) => return Ok(()),
    };
    let mut unknown: Vec<String> =
        reading.unknown.iter().map(|path| format!(".{path}: field not declared in schema")).collect();
    if let Some(id) = resource.message() {
        types::check(MODEL.get(id), applied, "", &mut unknown);
    }
    check_keys(Shape::of(resource), applied, "", &mut unknown);
    let problem = match (unknown.as_slice(), reading.error) {
        ([], None) => return Ok(()),
        ([], Some(error)) => error,
        ([one], _) => one.clone(),
        (many, _) => format!("errors:\n  {}", many.join("\n  ")),
    };
    let text = |field: &str| applied.pointer(&format!("/metadata/{field}")).and_then(Value::as_str).unwrap_or("");
    let message = format!(
        "failed to create typed patch object ({}/{}; {}, Kind={}): {problem}",
        text("namespace"),
        text("name"),
        if resource.group.is_empty() { format!("/{}", resource.version) } else { resource.api_version() },
        resource.kind
    );
    Err(Status { code: 500, reason: "", message, details: None })
}

/// Items of keyed lists that lack a key, or have one twice.
fn check_keys(shape: Shape<'_>, value: &Value, path: &str, problems: &mut Vec<String>) {
    let parts = shape.parts(value);
    match &parts {
        Parts::Whole => {}
        Parts::Fields(object) => {
            for (name, value) in object.iter() {
                if let Some(child) = shape.child(name) {
                    check_keys(child, value, &format!("{path}.{name}"), problems);
                }
            }
        }
        Parts::Keyed(items) => {
            for (i, item) in items.iter().enumerate().filter(|(_, item)| shape.key(item).is_none()) {
                let keys = shape.key_names();
                let key = keys.iter().find(|k| item.get(k.as_str()).is_none()).map_or("", String::as_str);
                problems.push(format!(
                    "{path}: element {i}: associative list with keys has an element that omits key field {key:?} (and \
                     doesn't have default value)"
                ));
            }
            check_items(shape, &parts, path, problems);
        }
        Parts::Set(_) => check_items(shape, &parts, path, problems),
    }
}

fn check_items(shape: Shape<'_>, parts: &Parts<'_>, path: &str, problems: &mut Vec<String>) {
    let steps = item_steps(shape, parts);
    for (i, (step, item)) in steps.iter().enumerate() {
        let printed = fields::printed(step);
        if steps.iter().take(i).any(|(other, _)| other == step) {
            problems.push(format!("{path}: duplicate entries for key {printed}"));
        }
        check_keys(shape.item(), item, &format!("{path}{printed}"), problems);
    }
}

/// The configuration without nulls and without what decoding filled in.
fn named_only(resource: &ResourceType, applied: &Value) -> Value {
    fn strip(applied: &Value, filled: &Value) -> Value {
        match (applied, filled) {
            (Value::Object(object), filled) => {
                let mut out = Map::new();
                for (key, value) in object {
                    let shown = filled.get(key);
                    let only_shown = shown == Some(value) && (value.is_null() || is_hollow(value));
                    if value.is_null() || only_shown {
                        continue;
                    }
                    let stripped = strip(value, shown.unwrap_or(&Value::Null));
                    if !(is_hollow(&stripped) && shown.is_some() && !is_hollow(value)) {
                        out.insert(key.clone(), stripped);
                    }
                }
                Value::Object(out)
            }
            (other, _) => other.clone(),
        }
    }
    let filled = empty(resource);
    let mut out = strip(applied, &filled);
    if let Some(metadata) = out.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in ["creationTimestamp", "managedFields", "generation", "resourceVersion", "uid", "selfLink"] {
            metadata.remove(field);
        }
    }
    out
}

/// An empty object, perhaps with empty objects inside.
fn is_hollow(value: &Value) -> bool {
    value.as_object().is_some_and(|o| o.values().all(|v| v.is_null() || is_hollow(v)))
}

fn merge(shape: Shape<'_>, target: &mut Value, applied: &Value) {
    let parts = shape.parts(applied);
    match &parts {
        Parts::Whole => target.clone_from(applied),
        Parts::Fields(object) => {
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            let Value::Object(fields) = target else { return };
            for (name, value) in object.iter() {
                let Some(child) = shape.child(name) else { continue };
                merge(child, fields.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        Parts::Set(_) | Parts::Keyed(_) => {
            if !target.is_array() {
                *target = Value::Array(Vec::new());
            }
            let before = target.clone();
            let known: Vec<String> =
                item_steps(shape, &shape.parts(&before)).into_iter().map(|(step, _)| step).collect();
            let Value::Array(items) = target else { return };
            for (step, item) in item_steps(shape, &parts) {
                match known.iter().position(|k| *k == step).and_then(|at| items.get_mut(at)) {
                    Some(slot) => merge(shape.item(), slot, item),
                    None => items.push(item.clone()),
                }
            }
        }
    }
}

/// Removes the fields that nobody holds any more, and what they leave empty.
fn prune(
    shape: Shape<'_>,
    value: &mut Value,
    dropped: &Fields,
    own: &Fields,
    others: &[Entry],
    path: &mut Vec<String>,
) {
    let held = |path: &[String]| {
        own.at(path).is_some_and(|f| !f.is_empty())
            || others.iter().any(|o| o.fields.at(path).is_some_and(|f| !f.is_empty()))
    };
    let is_keyed = matches!(shape.parts(value), Parts::Set(_) | Parts::Keyed(_));
    for (step, inner) in &dropped.children {
        path.push(step.clone());
        let gone = !held(path);
        if is_keyed {
            let before = value.clone();
            let at = item_steps(shape, &shape.parts(&before)).iter().position(|(s, _)| s == step);
            if let (Some(at), Value::Array(items)) = (at, &mut *value) {
                if gone && inner.own && at < items.len() {
                    items.remove(at);
                } else if let Some(item) = items.get_mut(at) {
                    prune(shape.item(), item, inner, own, others, path);
                }
            }
        } else if let (Some(name), Value::Object(fields)) = (step.strip_prefix("f:"), &mut *value)
            && let Some(child) = shape.child(name)
        {
            let leaf = inner.own && (inner.children.is_empty() || gone);
            if leaf && gone {
                fields.remove(name);
            } else if let Some(field) = fields.get_mut(name) {
                prune(child, field, inner, own, others, path);
                let hollow =
                    field.as_object().is_some_and(Map::is_empty) || field.as_array().is_some_and(Vec::is_empty);
                if hollow && gone {
                    fields.remove(name);
                }
            }
        }
        path.pop();
    }
}

fn conflict(conflicts: &[(String, Vec<String>)]) -> Status {
    let causes: Vec<StatusCause> = conflicts
        .iter()
        .flat_map(|(manager, paths)| {
            paths.iter().map(move |path| StatusCause {
                reason: "FieldManagerConflict".to_owned(),
                message: format!("conflict with {manager}"),
                field: path.clone(),
            })
        })
        .collect();
    let message = match (causes.as_slice(), conflicts) {
        ([only], [(manager, _)]) => format!("Apply failed with 1 conflict: conflict with {manager}: {}", only.field),
        _ => {
            let mut lines = Vec::new();
            for (manager, paths) in conflicts {
                lines.push(format!("conflicts with {manager}:"));
                lines.extend(paths.iter().map(|path| format!("- {path}")));
            }
            format!("Apply failed with {} conflicts: {}", causes.len(), lines.join("\n"))
        }
    };
    Status {
        code: 409,
        reason: "Conflict",
        message,
        details: Some(StatusDetails { causes, ..StatusDetails::default() }),
    }
}

#[cfg(test)]
mod tests;

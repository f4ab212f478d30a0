//! Reading `metadata` of an object, in one place.

use serde_json::Value;

/// A text member of `metadata`; empty where it is absent.
pub(crate) fn text<'a>(object: &'a Value, member: &str) -> &'a str {
    object.get("metadata").and_then(|metadata| metadata.get(member)).and_then(Value::as_str).unwrap_or_default()
}

/// `metadata.name`.
pub(crate) fn name(object: &Value) -> &str {
    text(object, "name")
}

/// `metadata.namespace`.
pub(crate) fn namespace(object: &Value) -> &str {
    text(object, "namespace")
}

/// `metadata.uid`.
pub(crate) fn uid(object: &Value) -> &str {
    text(object, "uid")
}

/// Whether the object is being deleted.
pub(crate) fn is_deleted(object: &Value) -> bool {
    !text(object, "deletionTimestamp").is_empty()
}

/// `metadata.finalizers`.
pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    let list = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Sets a member of `metadata`; `Null` removes it.
pub(crate) fn set(object: &mut Value, member: &str, value: Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        if value.is_null() {
            metadata.remove(member);
        } else {
            metadata.insert(member.to_owned(), value);
        }
    }
}

/// Removes one finalizer.
pub(crate) fn remove_finalizer(object: &mut Value, finalizer: &str) {
    let left: Vec<Value> =
        finalizers(object).into_iter().filter(|other| *other != finalizer).map(Value::from).collect();
    set(object, "finalizers", if left.is_empty() { Value::Null } else { left.into() });
}

/// Adds one finalizer.
pub(crate) fn add_finalizer(object: &mut Value, finalizer: &str) {
    let mut all: Vec<Value> = finalizers(object).into_iter().map(Value::from).collect();
    if !all.iter().any(|other| other == finalizer) {
        all.push(finalizer.into());
        set(object, "finalizers", all.into());
    }
}

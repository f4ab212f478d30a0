//! CustomResourceDefinitions: what a version says about its objects.

mod columns;
mod schema;
mod structural;

use std::{cmp::Ordering, sync::Arc};

use serde_json::{Value, json};

use crate::{
    kinds::set,
    model::MODEL,
    registry::{GroupVersionKind, ResourceType, Subresource},
    typed::{self, Reading},
};

/// One version of a definition.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomVersion {
    /// The structural schema (`openAPIV3Schema`).
    pub schema: Value,
    /// `additionalPrinterColumns`.
    pub columns: Vec<Value>,
    /// Whether `status` is a subresource.
    pub status: bool,
    /// The scale subresource's paths, if there is one.
    pub scale: Option<Value>,
    /// The version objects are stored in.
    pub storage_version: String,
    /// What to warn of on every use, for a version that is deprecated.
    pub deprecation: Option<String>,
}

/// The resource types that a CustomResourceDefinition object serves; empty for a broken one.
pub fn types(definition: &Value) -> Vec<Arc<ResourceType>> {
    let Some(spec) = definition.get("spec") else { return Vec::new() };
    let versions: &[Value] = spec.get("versions").and_then(Value::as_array).map_or(&[], Vec::as_slice);
    let flag = |v: &Value, name: &str| v.get(name).and_then(Value::as_bool).unwrap_or(false);
    let storage = versions.iter().find(|v| flag(v, "storage")).map(|v| text(v, "name")).unwrap_or_default();
    versions
        .iter()
        .filter(|v| flag(v, "served"))
        .filter_map(|v| resource_type(spec, v, &storage))
        .map(Arc::new)
        .collect()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or("").to_owned()
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    let list = value.get(key).and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn resource_type(spec: &Value, version: &Value, storage: &str) -> Option<ResourceType> {
    let names = spec.get("names")?;
    let (group, plural, kind) = (text(spec, "group"), text(names, "plural"), text(names, "kind"));
    let name = text(version, "name");
    if group.is_empty() || plural.is_empty() || kind.is_empty() || name.is_empty() {
        return None;
    }
    let or = |value: String, default: String| if value.is_empty() { default } else { value };
    let subresources = version.get("subresources").cloned().unwrap_or_default();
    let verbs = |list: &[&str]| list.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
    let own = GroupVersionKind { group: group.clone(), version: name.clone(), kind: kind.clone() };
    let mut subs = Vec::new();
    if subresources.get("status").is_some_and(|s| !s.is_null()) {
        let verbs = verbs(&["get", "patch", "update"]);
        subs.push(Subresource { name: "status".to_owned(), kind: own, verbs });
    }
    let scale = subresources.get("scale").filter(|s| !s.is_null()).cloned();
    if scale.is_some() {
        let kind =
            GroupVersionKind { group: "autoscaling".to_owned(), version: "v1".to_owned(), kind: "Scale".to_owned() };
        subs.push(Subresource { name: "scale".to_owned(), kind, verbs: verbs(&["get", "patch", "update"]) });
    }
    let columns = version.get("additionalPrinterColumns").and_then(Value::as_array).cloned().unwrap_or_default();
    Some(ResourceType {
        singular: or(text(names, "singular"), kind.to_lowercase()),
        list_kind: or(text(names, "listKind"), format!("{kind}List")),
        namespaced: text(spec, "scope") == "Namespaced",
        short_names: texts(names, "shortNames"),
        categories: texts(names, "categories"),
        verbs: verbs(&["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]),
        custom: Some(Arc::new(CustomVersion {
            schema: version.pointer("/schema/openAPIV3Schema").cloned().unwrap_or_default(),
            columns,
            status: subs.iter().any(|s| s.name == "status"),
            scale,
            storage_version: storage.to_owned(),
            deprecation: deprecation(spec, version),
        })),
        subresources: subs,
        group,
        version: name,
        plural,
        kind,
    })
}

/// The definition's own warning, or the server's: with the newest version to use instead, if there is a newer one.
fn deprecation(spec: &Value, version: &Value) -> Option<String> {
    let flag = |v: &Value, name: &str| v.get(name).and_then(Value::as_bool).unwrap_or(false);
    if !flag(version, "deprecated") {
        return None;
    }
    if let Some(own) = version.get("deprecationWarning").and_then(Value::as_str) {
        return Some(own.to_owned());
    }
    let (group, name) = (text(spec, "group"), text(version, "name"));
    let kind = spec.get("names").map(|names| text(names, "kind")).unwrap_or_default();
    let versions = spec.get("versions").and_then(Value::as_array);
    let newest = versions
        .into_iter()
        .flatten()
        .filter(|v| flag(v, "served") && !flag(v, "deprecated"))
        .map(|v| text(v, "name"))
        .filter(|other| compare_versions(other, &name) == Ordering::Less)
        .min_by(|a, b| compare_versions(a, b));
    let mut warning = format!("{group}/{name} {kind} is deprecated");
    if let Some(newest) = newest {
        warning.push_str(&format!("; use {group}/{newest} {kind}"));
    }
    Some(warning)
}

/// Kubernetes' order of versions: `v2`, `v1`, `v1beta2`, `v1beta1`, `v1alpha1`, then the rest by name.
pub(crate) fn compare_versions(a: &str, b: &str) -> Ordering {
    match (version_rank(a), version_rank(b)) {
        (Some(a), Some(b)) => b.cmp(&a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// (stability, major, minor); larger comes first.
fn version_rank(version: &str) -> Option<(u8, u64, u64)> {
    let rest = version.strip_prefix('v')?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (major, rest) = rest.split_at(end);
    let major = major.parse().ok()?;
    if rest.is_empty() {
        return Some((2, major, 0));
    }
    let (stability, minor) = match rest.strip_prefix("beta") {
        Some(minor) => (1, minor),
        None => (0, rest.strip_prefix("alpha")?),
    };
    Some((stability, major, minor.parse().ok()?))
}

/// Sets the status that the real server's controllers would give a definition at once: its names accepted, its
/// resources served.
pub fn establish(definition: &mut Value, now: jiff::Timestamp) {
    let time = typed::time_text(now, false);
    let names = definition.pointer("/spec/names").cloned().unwrap_or_default();
    let condition = |ty: &str, reason: &str, message: &str| json!({"type": ty, "status": "True", "lastTransitionTime": time, "reason": reason, "message": message});
    let conditions = json!([
        condition("NamesAccepted", "NoConflicts", "no conflicts found"),
        condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ]);
    let kept =
        definition.pointer("/status/conditions").filter(|c| c.as_array().is_some_and(|c| !c.is_empty())).cloned();
    set(definition, &["status", "acceptedNames"], names);
    set(definition, &["status", "conditions"], kept.unwrap_or(conditions));
}

/// Reads a custom object: metadata as every object has it, the rest pruned by the schema.
pub(crate) fn read(version: &CustomVersion, value: &Value) -> Reading {
    let mut value = value.clone();
    let mut unknown = Vec::new();
    let mut error = None;
    if let Value::Object(object) = &mut value {
        if let Some(metadata) = object.get_mut("metadata") {
            let id = MODEL.find("k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta");
            if let Some(mut reading) = id.map(|id| typed::read(id, metadata)) {
                *metadata = reading.value;
                unknown.extend(reading.unknown.drain(..).map(|path| format!("metadata.{path}")));
                error = reading.error.map(|text| text.replace("ObjectMeta.", "ObjectMeta.metadata."));
            }
        }
        if version.schema.is_object() {
            unknown.extend(schema::prune(&version.schema, object));
        }
    }
    Reading { value, unknown, error }
}

pub(crate) use columns::cell;
pub(crate) use schema::{fill_defaults, validate};
pub(crate) use structural::{check as check_structural, check_scale};

#[cfg(test)]
mod tests;

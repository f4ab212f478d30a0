//! What every object's metadata must be.

use serde_json::Value;

use crate::{
    kinds::{Kind, list, text},
    names,
    registry::ResourceType,
    validate::FieldError,
};

pub(super) fn check_metadata(resource: &ResourceType, kind: &Kind, object: &Value, errors: &mut Vec<FieldError>) {
    let (name, generate) = (text(object, "/metadata/name"), text(object, "/metadata/generateName"));
    let rule = kind.name;
    if !generate.is_empty() {
        let problems = rule.check(generate, true).into_iter();
        errors.extend(problems.map(|p| FieldError::invalid_text("metadata.generateName", generate, p)));
    }
    if name.is_empty() {
        errors.push(FieldError::required("metadata.name", "name or generateName is required"));
    } else {
        errors.extend(rule.check(name, false).into_iter().map(|p| FieldError::invalid_text("metadata.name", name, p)));
    }
    let namespace = text(object, "/metadata/namespace");
    match (resource.namespaced, namespace) {
        (true, "") => errors.push(FieldError::required("metadata.namespace", "")),
        (true, namespace) => {
            let problems = names::dns1123_label(namespace).into_iter();
            errors.extend(problems.map(|p| FieldError::invalid_text("metadata.namespace", namespace, p)));
        }
        (false, "") => {}
        (false, _) => errors.push(FieldError::forbidden("metadata.namespace", "not allowed on this type")),
    }
    check_labels(object, "metadata", errors);
    check_finalizers(resource, object, errors);
}

const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Labels, annotations, owners and finalizers; `at` is the path of the object's metadata.
pub(crate) fn check_labels(object: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let entries =
        |field: &str| object.pointer(&format!("/metadata/{field}")).and_then(Value::as_object).into_iter().flatten();
    for (key, value) in entries("labels") {
        let value = value.as_str().unwrap_or("");
        let field = format!("{at}.labels");
        errors.extend(names::qualified_name(key).into_iter().map(|p| FieldError::invalid_text(field.clone(), key, p)));
        errors.extend(names::label_value(value).into_iter().map(|p| FieldError::invalid_text(field.clone(), value, p)));
    }
    let mut total = 0;
    for (key, value) in entries("annotations") {
        total += key.len() + value.as_str().map_or(0, str::len);
        let field = format!("{at}.annotations");
        // Upper case is allowed in an annotation's prefix.
        let problems = names::qualified_name(&key.to_lowercase()).into_iter();
        errors.extend(problems.map(|p| FieldError::invalid_text(field.clone(), key, p)));
    }
    if total > MAX_ANNOTATIONS {
        errors.push(FieldError::too_long(format!("{at}.annotations"), MAX_ANNOTATIONS));
    }
    for (i, owner) in list(object, "/metadata/ownerReferences").iter().enumerate() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if text(owner, &format!("/{field}")).is_empty() {
                errors.push(FieldError::required(format!("{at}.ownerReferences[{i}].{field}"), "must not be empty"));
            }
        }
    }
    for finalizer in list(object, "/metadata/finalizers").iter().filter_map(Value::as_str) {
        let field = format!("{at}.finalizers");
        let problems = names::qualified_name(finalizer).into_iter();
        errors.extend(problems.map(|p| FieldError::invalid_text(field.clone(), finalizer, p)));
    }
}

/// A finalizer without a prefix must be one of Kubernetes' own. The rule is that of the main API server's types:
/// definitions of custom resources carry a finalizer that breaks it, and custom resources may.
pub(super) fn check_finalizers(resource: &ResourceType, object: &Value, errors: &mut Vec<FieldError>) {
    let of_extensions = matches!(resource.group.as_str(), "apiextensions.k8s.io" | "apiregistration.k8s.io");
    if resource.custom.is_some() || of_extensions {
        return;
    }
    for (i, finalizer) in list(object, "/metadata/finalizers").iter().filter_map(Value::as_str).enumerate() {
        if !finalizer.contains('/') && !matches!(finalizer, "kubernetes" | "orphan" | "foregroundDeletion") {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(FieldError::invalid_text(format!("metadata.finalizers[{i}]"), finalizer, detail));
        }
    }
}

pub(super) fn check_metadata_update(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    for field in ["name", "namespace", "uid"] {
        let pointer = format!("/metadata/{field}");
        let (before, after) =
            (old.pointer(&pointer).unwrap_or(&Value::Null), new.pointer(&pointer).unwrap_or(&Value::Null));
        if before != after {
            errors.push(FieldError::invalid(format!("metadata.{field}"), after, "field is immutable"));
        }
    }
    if !text(old, "/metadata/deletionTimestamp").is_empty() {
        let before = list(old, "/metadata/finalizers");
        let added: Vec<String> = list(new, "/metadata/finalizers")
            .iter()
            .filter(|f| !before.contains(f))
            .filter_map(Value::as_str)
            .map(crate::validate::go_quote)
            .collect();
        if !added.is_empty() {
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            errors.push(FieldError::forbidden("metadata.finalizers", detail));
        }
    }
}

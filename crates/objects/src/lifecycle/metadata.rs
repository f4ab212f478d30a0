//! What every object's metadata must be.

use serde_json::Value;

use crate::{
    kinds::{Kind, Place, list, text},
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
    check_owners(object, errors);
    check_finalizers(object, errors);
    check_finalizer_prefixes(resource, object, errors);
}

const MAX_ANNOTATIONS: usize = 256 * 1024;
/// Finalizers of Kubernetes' own, which need no prefix.
const OWN_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];

/// Labels and annotations of `metadata`; `at` is the path that holds them.
pub(crate) fn check_labels(object: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let metadata = Place::new(object, "").at("metadata");
    let field = format!("{at}.labels");
    for (key, value) in metadata.at("labels").entries() {
        let value = value.text();
        errors.extend(names::qualified_name(key).into_iter().map(|p| FieldError::invalid_text(field.clone(), key, p)));
        errors.extend(names::label_value(value).into_iter().map(|p| FieldError::invalid_text(field.clone(), value, p)));
    }
    let field = format!("{at}.annotations");
    let mut total = 0;
    for (key, value) in metadata.at("annotations").entries() {
        total += key.len() + value.text().len();
        // Upper case is allowed in an annotation's prefix.
        let problems = names::qualified_name(&key.to_lowercase()).into_iter();
        errors.extend(problems.map(|p| FieldError::invalid_text(field.clone(), key, p)));
    }
    if total > MAX_ANNOTATIONS {
        errors.push(FieldError::too_long(field, MAX_ANNOTATIONS));
    }
}

/// A reference as Go prints it, its fields in their order.
fn owner_text(owner: &Value) -> String {
    const FIELDS: [&str; 6] = ["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"];
    let fields =
        FIELDS.iter().filter_map(|name| owner.get(name).map(|value| format!("{}:{value}", Value::from(*name))));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// References to owners. The server names the list, not the item.
pub(super) fn check_owners(object: &Value, errors: &mut Vec<FieldError>) {
    let owners = Place::new(object, "").at("metadata").at("ownerReferences");
    let mut controller: Option<String> = None;
    for owner in owners.items() {
        let owner = Place::new(owner.value, owners.path.clone());
        let missing = |field: &str, detail: &str| FieldError::invalid_text(owner.at(field).path, "", detail);
        if owner.at("apiVersion").is_empty() {
            errors.push(missing("apiVersion", "version must not be empty"));
        }
        for field in ["kind", "name", "uid"] {
            if owner.at(field).is_empty() {
                errors.push(missing(field, "must not be empty"));
            }
        }
        if owner.at("apiVersion").text() == "v1" && owner.at("kind").text() == "Event" {
            let detail = "/v1, Kind=Event is disallowed from being an owner";
            errors.push(FieldError::invalid_printed(owner.path.clone(), owner_text(owner.value), detail));
        }
        if !owner.at("controller").is_true() {
            continue;
        }
        let name = format!("{}/{}", owner.at("kind").text(), owner.at("name").text());
        match &controller {
            None => controller = Some(name),
            Some(first) => {
                let all: Vec<String> = owners.items().map(|owner| owner_text(owner.value)).collect();
                let detail = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {name}"
                );
                let printed = format!("[{}]", all.join(","));
                errors.push(FieldError::invalid_printed(owners.path.clone(), printed, detail));
            }
        }
    }
}

/// The names of finalizers, on creation.
fn check_finalizers(object: &Value, errors: &mut Vec<FieldError>) {
    let finalizers = Place::new(object, "").at("metadata").at("finalizers");
    for finalizer in finalizers.items() {
        let problems = names::qualified_name(finalizer.text()).into_iter();
        errors.extend(problems.map(|p| FieldError::invalid_text(finalizers.path.clone(), finalizer.text(), p)));
    }
    let has = |name: &str| finalizers.items().any(|f| f.text() == name);
    if has("orphan") && has("foregroundDeletion") {
        errors.push(finalizers.invalid("finalizer orphan and foregroundDeletion cannot be both set"));
    }
}

/// The main API server's types take no finalizers without a prefix but Kubernetes' own. Definitions of custom resources
/// carry a finalizer that breaks this rule, and custom resources may.
fn check_finalizer_prefixes(resource: &ResourceType, object: &Value, errors: &mut Vec<FieldError>) {
    let of_extensions = matches!(resource.group.as_str(), "apiextensions.k8s.io" | "apiregistration.k8s.io");
    if of_extensions || resource.custom.is_some() {
        return;
    }
    for finalizer in Place::new(object, "").at("metadata").at("finalizers").items() {
        if !finalizer.text().contains('/') && !OWN_FINALIZERS.contains(&finalizer.text()) {
            errors.push(finalizer.invalid("name is neither a standard finalizer name nor is it fully qualified"));
        }
    }
}

pub(super) fn check_metadata_update(resource: &ResourceType, new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    if !text(old, "/metadata/deletionTimestamp").is_empty() {
        check_no_new_finalizers(new, old, errors);
    }
    for field in ["name", "namespace", "uid"] {
        let pointer = format!("/metadata/{field}");
        let (before, after) =
            (old.pointer(&pointer).unwrap_or(&Value::Null), new.pointer(&pointer).unwrap_or(&Value::Null));
        if before != after {
            errors.push(FieldError::invalid(format!("metadata.{field}"), after, "field is immutable"));
        }
    }
    check_labels(new, "metadata", errors);
    check_owners(new, errors);
    check_finalizer_prefixes(resource, new, errors);
}

fn check_no_new_finalizers(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let before = list(old, "/metadata/finalizers");
    let mut added: Vec<String> = list(new, "/metadata/finalizers")
        .iter()
        .filter(|f| !before.contains(f))
        .filter_map(Value::as_str)
        .map(crate::validate::go_quote)
        .collect();
    added.sort();
    if !added.is_empty() {
        let detail = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            added.join(", ")
        );
        errors.push(FieldError::forbidden("metadata.finalizers", detail));
    }
}

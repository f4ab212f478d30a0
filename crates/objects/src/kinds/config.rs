//! ConfigMaps, secrets, namespaces, nodes.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Check, immutable, list, set, set_absent, text};
use crate::{lifecycle::Creation, names, validate::FieldError};

/// 1 MiB of data in all.
const MAX_DATA: usize = 1024 * 1024;

fn entries<'a>(object: &'a Value, field: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    object.get(field).and_then(Value::as_object).into_iter().flatten()
}

/// Bytes of a base64 text.
fn decoded_size(value: &Value) -> usize {
    let text = value.as_str().unwrap_or("");
    text.len() / 4 * 3 - text.bytes().rev().take_while(|b| *b == b'=').count().min(text.len() / 4 * 3)
}

fn check_keys(object: &Value, field: &str, errors: &mut Vec<FieldError>) {
    for (key, _) in entries(object, field) {
        for problem in names::config_key(key) {
            errors.push(FieldError::invalid_text(format!("{field}[{key}]"), key, problem));
        }
    }
}

/// With `immutable` set, nothing of the content changes, and it stays set.
fn check_immutable(check: Check<'_>, fields: &[&str], errors: &mut Vec<FieldError>) {
    let Some(old) = check.old else { return };
    if old.get("immutable") != Some(&Value::Bool(true)) {
        return;
    }
    let detail = "field is immutable when `immutable` is set";
    if check.new.get("immutable") != Some(&Value::Bool(true)) {
        errors.push(FieldError::forbidden("immutable", detail));
    }
    let empty = Value::Object(Map::new());
    for field in fields {
        if old.get(*field).unwrap_or(&empty) != check.new.get(*field).unwrap_or(&empty) {
            errors.push(FieldError::forbidden(*field, detail));
        }
    }
}

pub(super) fn config_map(check: Check<'_>, errors: &mut Vec<FieldError>) {
    check_immutable(check, &["data", "binaryData"], errors);
    let object = check.new;
    let binary: BTreeSet<&String> = entries(object, "binaryData").map(|(k, _)| k).collect();
    let mut total = 0;
    for (key, value) in entries(object, "data") {
        for problem in names::config_key(key) {
            errors.push(FieldError::invalid_text(format!("data[{key}]"), key, problem));
        }
        if binary.contains(key) {
            let detail = "duplicate of key present in binaryData";
            errors.push(FieldError::invalid_text(format!("data[{key}]"), key, detail));
        }
        total += value.as_str().map_or(0, str::len);
    }
    check_keys(object, "binaryData", errors);
    total += entries(object, "binaryData").map(|(_, v)| decoded_size(v)).sum::<usize>();
    if total > MAX_DATA {
        errors.push(FieldError::too_long("", MAX_DATA));
    }
}

/// Types whose secrets must have some keys.
const SECRET_KEYS: [(&str, &[&str]); 4] = [
    ("kubernetes.io/dockercfg", &[".dockercfg"]),
    ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"]),
    ("kubernetes.io/ssh-auth", &["ssh-privatekey"]),
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
];

pub(super) fn secret(check: Check<'_>, errors: &mut Vec<FieldError>) {
    immutable(check, "/type", "type", errors);
    check_immutable(check, &["data"], errors);
    let object = check.new;
    check_keys(object, "data", errors);
    if entries(object, "data").map(|(_, v)| decoded_size(v)).sum::<usize>() > MAX_DATA {
        errors.push(FieldError::too_long("data", MAX_DATA));
    }
    let has = |key: &str| object.get("data").and_then(|d| d.get(key)).is_some();
    let ty = text(object, "/type");
    match ty {
        "kubernetes.io/service-account-token" => {
            let annotation = "kubernetes.io/service-account.name";
            let named = object.pointer("/metadata/annotations").and_then(|a| a.get(annotation)).and_then(Value::as_str);
            if named.unwrap_or("").is_empty() {
                errors.push(FieldError::required(format!("metadata.annotations[{annotation}]"), ""));
            }
        }
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            errors.push(FieldError::required("data[username]", ""));
            errors.push(FieldError::required("data[password]", ""));
        }
        _ => {}
    }
    for (_, keys) in SECRET_KEYS.iter().filter(|(t, _)| *t == ty) {
        for key in keys.iter().filter(|key| !has(key)) {
            errors.push(FieldError::required(format!("data[{key}]"), ""));
        }
    }
    if matches!(ty, "kubernetes.io/dockercfg" | "kubernetes.io/dockerconfigjson") {
        check_docker(object, errors);
    }
}

fn check_docker(object: &Value, errors: &mut Vec<FieldError>) {
    use base64::{Engine, engine::general_purpose::STANDARD};
    for key in [".dockercfg", ".dockerconfigjson"] {
        let Some(value) = object.get("data").and_then(|d| d.get(key)).and_then(Value::as_str) else { continue };
        let bytes = STANDARD.decode(value).unwrap_or_default();
        if let Err(problem) = crate::json::parse(&bytes) {
            let field = format!("data[{key}]");
            errors.push(FieldError::invalid_text(field, "<secret contents redacted>", problem));
        }
    }
}

/// An update without a type keeps it.
pub(super) fn update_secret(new: &mut Value, old: &Value) {
    let before = old.get("type").cloned().unwrap_or_default();
    set_absent(new, &["type"], || before);
}

pub(super) fn create_namespace(object: &mut Value, _: &Creation<'_>) {
    let name = text(object, "/metadata/name").to_owned();
    // A generated name was not there yet when defaults were filled in.
    set(object, &["metadata", "labels", "kubernetes.io/metadata.name"], json!(name));
    let mut finalizers = list(object, "/spec/finalizers").to_vec();
    if !finalizers.contains(&json!("kubernetes")) {
        finalizers.push(json!("kubernetes"));
    }
    set(object, &["spec", "finalizers"], Value::Array(finalizers));
    set(object, &["status"], json!({"phase": "Active"}));
}

/// Finalizers change by the subresource `finalize` alone; the name's label can't be taken away.
pub(super) fn update_namespace(new: &mut Value, old: &Value) {
    let finalizers = old.pointer("/spec/finalizers").cloned().unwrap_or(json!([]));
    set(new, &["spec", "finalizers"], finalizers);
    let name = text(old, "/metadata/name").to_owned();
    set(new, &["metadata", "labels", "kubernetes.io/metadata.name"], json!(name));
}

/// A namespace's phase says whether it is being deleted.
pub(super) fn namespace_status(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let phase = text(check.new, "/status/phase");
    let (wanted, detail) = if text(check.new, "/metadata/deletionTimestamp").is_empty() {
        ("Active", "may only be 'Active' if `deletionTimestamp` is empty")
    } else {
        ("Terminating", "may only be 'Terminating' if `deletionTimestamp` is not empty")
    };
    if phase != wanted {
        errors.push(FieldError::invalid_text("status.Phase", phase, detail));
    }
}

/// A node begins tainted: nobody has seen it ready.
pub(super) fn create_node(object: &mut Value, _: &Creation<'_>) {
    let taint = json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"});
    let mut taints = list(object, "/spec/taints").to_vec();
    if !taints.iter().any(|t| t.get("key") == taint.get("key") && t.get("effect") == taint.get("effect")) {
        taints.push(taint);
    }
    set(object, &["spec", "taints"], Value::Array(taints));
}

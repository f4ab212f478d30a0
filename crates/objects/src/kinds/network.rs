//! Ingresses.

use serde_json::{Value, json};

use super::{Check, list, text};
use crate::{names, validate::FieldError};

const PORT_RANGE: &str = "must be between 1 and 65535, inclusive";

pub(super) fn ingress(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let object = check.new;
    let rules = list(object, "/spec/rules");
    let default = object.pointer("/spec/defaultBackend").is_some_and(|b| !b.is_null());
    if rules.is_empty() && !default {
        let detail = "either `defaultBackend` or `rules` must be specified";
        errors.push(FieldError::invalid("spec", &Value::Null, detail));
    }
    for (i, rule) in rules.iter().enumerate() {
        let host = text(rule, "/host");
        if !host.is_empty() {
            let problems =
                if host.contains('*') { names::wildcard_subdomain(host) } else { names::dns1123_subdomain(host) };
            let field = format!("spec.rules[{i}].host");
            errors.extend(problems.into_iter().map(|p| FieldError::invalid_text(field.clone(), host, p)));
        }
        for (j, path) in list(rule, "/http/paths").iter().enumerate() {
            check_path(path, &format!("spec.rules[{i}].http.paths[{j}]"), errors);
        }
    }
    if default {
        check_backend(object.pointer("/spec/defaultBackend").unwrap_or(&Value::Null), "spec.defaultBackend", errors);
    }
}

fn check_path(path: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let ty = text(path, "/pathType");
    let text_path = text(path, "/path");
    match ty {
        "" => errors.push(FieldError::required(format!("{at}.pathType"), "pathType must be specified")),
        "Exact" | "Prefix" => {
            if !text_path.starts_with('/') {
                errors.push(FieldError::invalid_text(format!("{at}.path"), text_path, "must be an absolute path"));
            }
        }
        "ImplementationSpecific" => {
            if !text_path.is_empty() && !text_path.starts_with('/') {
                errors.push(FieldError::invalid_text(format!("{at}.path"), text_path, "must be an absolute path"));
            }
        }
        other => {
            let allowed = &["Exact", "ImplementationSpecific", "Prefix"];
            errors.push(FieldError::not_supported(format!("{at}.pathType"), &json!(other), allowed));
        }
    }
    check_backend(path.get("backend").unwrap_or(&Value::Null), &format!("{at}.backend"), errors);
}

fn check_backend(backend: &Value, at: &str, errors: &mut Vec<FieldError>) {
    if backend.get("resource").is_some_and(|r| !r.is_null()) {
        return;
    }
    let Some(service) = backend.get("service").filter(|s| !s.is_null()) else {
        errors.push(FieldError::required(at, "resource or service backend is required"));
        return;
    };
    let name = text(service, "/name");
    if name.is_empty() {
        errors.push(FieldError::required(format!("{at}.service.name"), ""));
    }
    let (word, number) = (text(service, "/port/name"), service.pointer("/port/number").and_then(Value::as_i64));
    match number.unwrap_or(0) {
        0 if word.is_empty() => errors.push(FieldError::required(at, "port name or number is required")),
        0..=65_535 => {}
        other => errors.push(FieldError::invalid(format!("{at}.service.port.number"), &json!(other), PORT_RANGE)),
    }
}

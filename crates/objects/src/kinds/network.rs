//! Services and ingresses.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Check, list, set, set_absent, text};
use crate::{lifecycle::Creation, names, validate::FieldError};

const PORT_RANGE: &str = "must be between 1 and 65535, inclusive";

fn is_external(object: &Value) -> bool {
    text(object, "/spec/type") == "ExternalName"
}

/// Addresses and ports that the cluster gives. No network is there: they are only shown.
pub(super) fn create_service(object: &mut Value, with: &Creation<'_>) {
    if is_external(object) {
        return;
    }
    let given = text(object, "/spec/clusterIP").to_owned();
    let address = match (given.as_str(), list(object, "/spec/clusterIPs").first().and_then(Value::as_str)) {
        ("", Some(first)) => first.to_owned(),
        ("", None) => {
            let [a, b, ..] = with.seed.to_le_bytes();
            format!("10.100.{a}.{}", b.clamp(2, 254))
        }
        (given, _) => given.to_owned(),
    };
    set(object, &["spec", "clusterIP"], json!(address));
    set_absent(object, &["spec", "clusterIPs"], || json!([address]));
    set_absent(object, &["spec", "ipFamilies"], || json!(["IPv4"]));
    set_absent(object, &["spec", "ipFamilyPolicy"], || json!("SingleStack"));
    if matches!(text(object, "/spec/type"), "NodePort" | "LoadBalancer") {
        node_ports(object, with.seed);
    }
}

/// Ports of 30000 to 32767 for those that have none.
fn node_ports(object: &mut Value, seed: u64) {
    let ports = object.pointer_mut("/spec/ports").and_then(Value::as_array_mut);
    for (i, port) in (0_u64..).zip(ports.into_iter().flatten()) {
        if port.get("nodePort").and_then(Value::as_u64).unwrap_or(0) == 0 {
            set(port, &["nodePort"], json!(30_000 + (seed.wrapping_add(i * 7)) % 2768));
        }
    }
}

/// An update that leaves the addresses out keeps them.
pub(super) fn update_service(new: &mut Value, old: &Value) {
    if is_external(new) || is_external(old) {
        return;
    }
    for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        if let Some(before) = old.pointer(&format!("/spec/{field}")).cloned() {
            set_absent(new, &["spec", field], || before);
        }
    }
    if matches!(text(new, "/spec/type"), "NodePort" | "LoadBalancer") {
        let before = list(old, "/spec/ports").to_vec();
        let ports = new.pointer_mut("/spec/ports").and_then(Value::as_array_mut);
        for port in ports.into_iter().flatten() {
            let same =
                before.iter().find(|p| p.get("port") == port.get("port") && p.get("protocol") == port.get("protocol"));
            if let Some(number) = same.and_then(|p| p.get("nodePort")).cloned() {
                set_absent(port, &["nodePort"], || number);
            }
        }
        let seed = text(old, "/metadata/uid").bytes().fold(7_u64, |a, b| a.wrapping_mul(31).wrapping_add(u64::from(b)));
        node_ports(new, seed);
    }
}

pub(super) fn service(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let object = check.new;
    let ports = list(object, "/spec/ports");
    let headless = text(object, "/spec/clusterIP") == "None";
    let ty = text(object, "/spec/type");
    if !matches!(ty, "ClusterIP" | "NodePort" | "LoadBalancer" | "ExternalName") {
        let allowed = &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
        errors.push(FieldError::not_supported("spec.type", &json!(ty), allowed));
    }
    if ports.is_empty() && !headless && ty != "ExternalName" {
        errors.push(FieldError::required("spec.ports", ""));
    }
    if ty == "ExternalName" {
        let name = text(object, "/spec/externalName");
        if name.is_empty() {
            errors.push(FieldError::required("spec.externalName", ""));
        } else {
            let problems = names::dns1123_subdomain(name.trim_end_matches('.'));
            errors.extend(problems.into_iter().map(|p| FieldError::invalid_text("spec.externalName", name, p)));
        }
    }
    let mut names_seen = BTreeSet::new();
    let mut numbers_seen = BTreeSet::new();
    for (i, port) in ports.iter().enumerate() {
        let at = format!("spec.ports[{i}]");
        let name = text(port, "/name");
        if name.is_empty() && ports.len() > 1 {
            errors.push(FieldError::required(format!("{at}.name"), ""));
        } else if !name.is_empty() {
            let field = format!("{at}.name");
            let problems = names::dns1123_label(name).into_iter();
            errors.extend(problems.map(|p| FieldError::invalid_text(field.clone(), name, p)));
            if !names_seen.insert(name) {
                errors.push(FieldError::duplicate(field, &json!(name)));
            }
        }
        let number = port.get("port").and_then(Value::as_i64).unwrap_or(0);
        if !(1..=65_535).contains(&number) {
            errors.push(FieldError::invalid(format!("{at}.port"), &json!(number), PORT_RANGE));
        }
        let protocol = text(port, "/protocol");
        if !matches!(protocol, "TCP" | "UDP" | "SCTP") {
            let allowed = &["SCTP", "TCP", "UDP"];
            errors.push(FieldError::not_supported(format!("{at}.protocol"), &json!(protocol), allowed));
        }
        if !numbers_seen.insert((number, protocol)) {
            let value = json!({"port": number, "protocol": protocol});
            errors.push(FieldError::duplicate(at, &value));
        }
    }
    let affinity = text(object, "/spec/sessionAffinity");
    if !matches!(affinity, "None" | "ClientIP") {
        let allowed = &["ClientIP", "None"];
        errors.push(FieldError::not_supported("spec.sessionAffinity", &json!(affinity), allowed));
    }
    if let Some(old) = check.old
        && !is_external(old)
        && !is_external(object)
        && text(old, "/spec/clusterIP") != text(object, "/spec/clusterIP")
        && !text(old, "/spec/clusterIP").is_empty()
    {
        let addresses = object.pointer("/spec/clusterIPs").unwrap_or(&Value::Null);
        errors.push(FieldError::invalid("spec.clusterIPs[0]", addresses, "may not change once set"));
    }
}

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

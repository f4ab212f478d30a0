//! Ingresses and their classes.

use serde_json::Value;

use super::{Check, Place, pod_spec, text};
use crate::{names, validate::FieldError};

const ABSOLUTE: &str = "must be an absolute path";
const CONTROLLER_MAX: usize = 250;

pub(super) fn ingress(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let object = Place::new(check.new, "");
    let spec = object.at("spec");
    let (rules, default) = (spec.at("rules"), spec.at("defaultBackend"));
    if rules.is_empty() && !default.is_set() {
        let detail = "either `defaultBackend` or `rules` must be specified";
        errors.push(FieldError::invalid("spec", &Value::Null, detail));
    }
    if default.is_set() {
        check_backend(&default, errors);
    }
    rules.items().for_each(|rule| check_rule(&rule, errors));
    for tls in spec.at("tls").items() {
        tls.at("hosts").items().for_each(|host| check_host(&host, errors));
        let secret = tls.at("secretName");
        if !secret.is_empty() {
            secret.problems(names::dns1123_subdomain(secret.text()), errors);
        }
    }
    let class = spec.at("ingressClassName");
    if class.is_set() {
        class.problems(names::dns1123_subdomain(class.text()), errors);
    }
    let annotated = object.at("metadata").at("annotations").at("kubernetes.io/ingress.class");
    if check.old.is_none() && annotated.is_set() && class.is_set() && annotated.text() != class.text() {
        let detail = "must match `ingressClassName` when both are specified";
        errors.push(FieldError::invalid_text("annotations.kubernetes.io/ingress.class", annotated.text(), detail));
    }
}

fn check_host(host: &Place<'_>, errors: &mut Vec<FieldError>) {
    let name = host.text();
    let wild = name.contains('*');
    host.problems(if wild { names::wildcard_subdomain(name) } else { names::dns1123_subdomain(name) }, errors);
}

fn check_rule(rule: &Place<'_>, errors: &mut Vec<FieldError>) {
    let host = rule.at("host");
    if !host.is_empty() {
        if host.text().parse::<std::net::IpAddr>().is_ok() {
            errors.push(host.invalid("must be a DNS name, not an IP address"));
        }
        check_host(&host, errors);
    }
    let http = rule.at("http");
    if !http.is_set() {
        return;
    }
    let paths = http.at("paths");
    if paths.is_empty() {
        errors.push(paths.required(""));
    }
    paths.items().for_each(|path| check_path(&path, errors));
}

fn check_path(path: &Place<'_>, errors: &mut Vec<FieldError>) {
    let (ty, route) = (path.at("pathType"), path.at("path"));
    let invalid = |detail: String| FieldError::invalid_text(route.path.clone(), route.text(), detail);
    if !ty.is_set() {
        errors.push(ty.required("pathType must be specified"));
        return;
    }
    match ty.text() {
        "Exact" | "Prefix" => {
            if !route.text().starts_with('/') {
                errors.push(invalid(ABSOLUTE.to_owned()));
            }
            let sequences = ["//", "/./", "/../", "%2f", "%2F"].into_iter().filter(|s| route.text().contains(s));
            errors.extend(sequences.map(|s| invalid(format!("must not contain '{s}'"))));
            let endings = ["/..", "/."].into_iter().filter(|s| route.text().ends_with(s));
            errors.extend(endings.map(|s| invalid(format!("cannot end with '{s}'"))));
        }
        "ImplementationSpecific" => {
            if !route.is_empty() && !route.text().starts_with('/') {
                errors.push(invalid(ABSOLUTE.to_owned()));
            }
        }
        _ => errors.push(ty.not_supported(&["Exact", "ImplementationSpecific", "Prefix"])),
    }
    check_backend(&path.at("backend"), errors);
}

fn check_backend(backend: &Place<'_>, errors: &mut Vec<FieldError>) {
    let (resource, service) = (backend.at("resource"), backend.at("service"));
    let whole = |detail: &str| FieldError::invalid_text(backend.path.clone(), "", detail);
    match (resource.is_set(), service.is_set()) {
        (true, true) => errors.push(whole("cannot set both resource and service backends")),
        (true, false) => check_reference(&resource, errors),
        (false, false) => errors.push(whole("resource or service backend is required")),
        (false, true) => {
            service.at("name").named(names::dns1035_label, errors);
            let (name, number) = (service.at("port").at("name"), service.at("port").at("number"));
            match (!name.is_empty(), number.number().unwrap_or(0) != 0) {
                (true, true) => errors.push(whole("cannot set both port name & port number")),
                (true, false) => pod_spec::check_port(&name, errors),
                (false, true) => pod_spec::check_port(&number, errors),
                (false, false) => errors.push(backend.required("port name or number is required")),
            }
        }
    }
}

/// A reference by group, kind and name.
fn check_reference(reference: &Place<'_>, errors: &mut Vec<FieldError>) {
    let group = reference.at("apiGroup");
    if group.is_set() {
        group.problems(names::dns1123_subdomain(group.text()), errors);
    }
    for member in ["kind", "name"] {
        reference.at(member).named(|name| names::path_segment(name, false), errors);
    }
}

/// A path below a domain: `example.com/controller`.
fn check_prefixed_path(at: &Place<'_>, errors: &mut Vec<FieldError>) {
    match at.text().split_once('/') {
        Some((host, path)) if !host.is_empty() && !path.is_empty() => {
            let problems = names::dns1123_subdomain(host).into_iter();
            errors.extend(problems.map(|p| FieldError::invalid_text(at.path.clone(), host, p)));
        }
        _ => errors.push(at.invalid("must be a domain-prefixed path (such as \"acme.io/foo\")")),
    }
}

pub(super) fn ingress_class(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let spec = Place::new(check.new, "").at("spec");
    let controller = spec.at("controller");
    if check.old.is_some_and(|old| text(old, "/spec/controller") != controller.text()) {
        errors.push(controller.invalid("field is immutable"));
    }
    if controller.is_empty() {
        errors.push(controller.required(""));
    } else {
        if controller.text().len() > CONTROLLER_MAX {
            errors.push(FieldError::too_long(controller.path.clone(), CONTROLLER_MAX));
        }
        check_prefixed_path(&controller, errors);
    }
    let parameters = spec.at("parameters");
    if !parameters.is_set() {
        return;
    }
    check_reference(&parameters, errors);
    let (scope, namespace) = (parameters.at("scope"), parameters.at("namespace"));
    match scope.text() {
        "" if !scope.is_set() => errors.push(scope.required("")),
        "Namespace" if !namespace.is_set() => {
            errors.push(namespace.required("`parameters.scope` is set to 'Namespace'"));
        }
        "Namespace" => namespace.problems(names::dns1123_label(namespace.text()), errors),
        "Cluster" if namespace.is_set() => {
            errors.push(namespace.forbidden("`parameters.scope` is set to 'Cluster'"));
        }
        "Cluster" => {}
        _ => errors.push(scope.not_supported(&["Cluster", "Namespace"])),
    }
}

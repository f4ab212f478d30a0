//! Probes and what runs at a container's start and end.

use serde_json::Value;

use crate::{kinds::Place, names, validate::FieldError};

const MORE_THAN_ONE: &str = "may not specify more than 1 handler type";

/// A probe; `kind` is its field's name.
pub(super) fn check(probe: &Place<'_>, kind: &str, errors: &mut Vec<FieldError>) {
    if !probe.is_set() {
        return;
    }
    check_handler(probe, None, errors);
    for field in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] {
        probe.at(field).not_negative(errors);
    }
    let grace = probe.at("terminationGracePeriodSeconds");
    if grace.number().is_some_and(|n| n <= 0) {
        errors.push(grace.invalid("must be greater than 0"));
    }
    if kind == "readinessProbe" {
        if grace.is_set() {
            errors.push(grace.invalid("must not be set for readinessProbes"));
        }
    } else if probe.at("successThreshold").number() != Some(1) {
        errors.push(probe.at("successThreshold").invalid("must be 1"));
    }
}

pub(super) fn check_lifecycle(lifecycle: &Place<'_>, grace: Option<i64>, errors: &mut Vec<FieldError>) {
    for hook in ["postStart", "preStop"] {
        if lifecycle.at(hook).is_set() {
            check_handler(&lifecycle.at(hook), grace, errors);
        }
    }
}

fn check_handler(handler: &Place<'_>, grace: Option<i64>, errors: &mut Vec<FieldError>) {
    let mut count = 0;
    for kind in ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] {
        let action = handler.at(kind);
        if !action.is_set() {
            continue;
        }
        count += 1;
        if count > 1 {
            errors.push(action.forbidden(MORE_THAN_ONE));
            continue;
        }
        match kind {
            "exec" if action.at("command").is_empty() => errors.push(action.at("command").required("")),
            "httpGet" => check_http(&action, errors),
            "tcpSocket" | "grpc" => check_port(&action.at("port"), errors),
            "sleep" => check_sleep(&action, grace, errors),
            _ => {}
        }
    }
    if count == 0 {
        errors.push(handler.required("must specify a handler type"));
    }
}

fn check_http(action: &Place<'_>, errors: &mut Vec<FieldError>) {
    if action.at("path").is_empty() {
        errors.push(action.at("path").required(""));
    }
    check_port(&action.at("port"), errors);
    if !matches!(action.at("scheme").text(), "HTTP" | "HTTPS") {
        errors.push(action.at("scheme").not_supported(&["HTTP", "HTTPS"]));
    }
    for header in action.at("httpHeaders").items() {
        let name = header.at("name").text();
        let problems = names::header_name(name).into_iter();
        let path = action.at("httpHeaders").path;
        errors.extend(problems.map(|p| FieldError::invalid_text(path.clone(), name, p)));
    }
}

fn check_sleep(action: &Place<'_>, grace: Option<i64>, errors: &mut Vec<FieldError>) {
    let (seconds, Some(grace)) = (action.at("seconds").number().unwrap_or(0), grace) else { return };
    if seconds < 0 || seconds > grace {
        let detail = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
        errors.push(FieldError::invalid(action.path.clone(), &Value::from(seconds), detail));
    }
}

/// A port's number or name.
pub(in crate::kinds) fn check_port(port: &Place<'_>, errors: &mut Vec<FieldError>) {
    match port.value {
        Value::String(name) => port.problems(names::port_name(name), errors),
        value => {
            let number = Value::from(value.as_i64().unwrap_or(0));
            Place::new(&number, port.path.clone()).within(1, 65_535, errors);
        }
    }
}

//! Environment variables and where their values come from.

use crate::{kinds::Place, names, quantity::Quantity, validate::FieldError};

/// What of its own pod a variable may be.
const FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// What of a pod has a name by which it can be asked for at all.
const LABELS: [&str; 6] = [
    "metadata.annotations",
    "metadata.labels",
    "spec.host",
    "spec.restartPolicy",
    "spec.schedulerName",
    "status.phase",
];
/// What of its container's resources a variable may be.
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
const DIVISORS: &str = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei";

pub(super) fn check(container: &Place<'_>, errors: &mut Vec<FieldError>) {
    for variable in container.at("env").items() {
        variable.at("name").named(names::environment_name, errors);
        check_source(&variable, errors);
    }
    let from = container.at("envFrom");
    for source in from.items() {
        let prefix = source.at("prefix");
        if !prefix.is_empty() {
            prefix.problems(names::environment_name(prefix.text()), errors);
        }
        let mut count = 0;
        for kind in ["configMapRef", "secretRef"] {
            if source.at(kind).is_set() {
                count += 1;
                source.at(kind).at("name").named(|name| super::NameRule::Subdomain.check(name, true), errors);
            }
        }
        let detail = match count {
            0 => "must specify one of: `configMapRef` or `secretRef`",
            1 => continue,
            _ => "may not have more than one field specified at a time",
        };
        errors.push(FieldError::invalid_text(from.path.clone(), "", detail));
    }
}

fn check_source(variable: &Place<'_>, errors: &mut Vec<FieldError>) {
    let source = variable.at("valueFrom");
    if !source.is_set() {
        return;
    }
    let mut count = 0;
    if source.at("fieldRef").is_set() {
        count += 1;
        check_field(&source.at("fieldRef"), &FIELDS, errors);
    }
    if source.at("resourceFieldRef").is_set() {
        count += 1;
        check_resource(&source.at("resourceFieldRef"), false, errors);
    }
    for kind in ["configMapKeyRef", "secretKeyRef"] {
        let reference = source.at(kind);
        if reference.is_set() {
            count += 1;
            reference.at("name").problems(names::dns1123_subdomain(reference.at("name").text()), errors);
            reference.at("key").named(names::config_key, errors);
        }
    }
    if source.at("fileKeyRef").is_set() {
        return;
    }
    let detail = if count == 0 {
        "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
    } else if !variable.at("value").is_empty() {
        "may not be specified when `value` is not empty"
    } else if count > 1 {
        "may not have more than one field specified at a time"
    } else {
        return;
    };
    errors.push(FieldError::invalid_text(source.path.clone(), "", detail));
}

/// A field of the pod, one of `allowed` or a single label or annotation.
pub(super) fn check_field(reference: &Place<'_>, allowed: &[&str], errors: &mut Vec<FieldError>) {
    let path = reference.at("fieldPath");
    if path.is_empty() {
        errors.push(path.required(""));
        return;
    }
    let (name, subscript) = match path.text().strip_suffix("']").and_then(|rest| rest.split_once("['")) {
        Some((name, subscript)) if matches!(name, "metadata.labels" | "metadata.annotations") => {
            (name, Some(subscript))
        }
        _ => (path.text(), None),
    };
    if !FIELDS.contains(&name) && !LABELS.contains(&name) {
        errors.push(path.invalid(format!("error converting fieldPath: field label not supported: {name}")));
        return;
    }
    match subscript {
        Some(subscript) => {
            let key = if name == "metadata.annotations" { subscript.to_lowercase() } else { subscript.to_owned() };
            let problems = names::qualified_name(&key).into_iter();
            errors.extend(problems.map(|p| FieldError::invalid_text(reference.path.clone(), &key, p)));
        }
        None if allowed.contains(&name) => {}
        None => errors.push(path.not_supported(allowed)),
    }
}

/// A resource of a container; in a volume the container has to be named.
pub(super) fn check_resource(reference: &Place<'_>, volume: bool, errors: &mut Vec<FieldError>) {
    let resource = reference.at("resource");
    let huge = |name: &str| name.starts_with("requests.hugepages-") || name.starts_with("limits.hugepages-");
    if volume && reference.at("containerName").is_empty() {
        errors.push(reference.at("containerName").required(""));
    } else if resource.is_empty() {
        errors.push(resource.required(""));
    } else if !RESOURCES.contains(&resource.text()) && !huge(resource.text()) {
        errors.push(resource.not_supported(&RESOURCES));
    }
    let divisor = reference.at("divisor");
    let canonical = Quantity::parse(divisor.text()).map(|q| q.canonical()).unwrap_or_default();
    if canonical.is_empty() || canonical == "0" {
        return;
    }
    let wrong = |detail: String| FieldError::invalid_text(divisor.path.clone(), resource.text(), detail);
    match resource.text() {
        "limits.cpu" | "requests.cpu" if !matches!(canonical.as_str(), "1m" | "1") => {
            errors.push(wrong("only divisor's values 1m and 1 are supported with the cpu resource".to_owned()));
        }
        "limits.memory" | "requests.memory" if !DIVISORS.split(", ").any(|d| d == canonical) => {
            errors.push(wrong(format!("only divisor's values {DIVISORS} are supported with the memory resource")));
        }
        _ => {}
    }
}

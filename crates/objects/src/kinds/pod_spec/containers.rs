//! Containers: their names, ports, mounts and policies.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Pod, environment, probes, resources, security, volumes};
use crate::{kinds::Place, names, validate::FieldError};

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
const ONLY_SIDECARS: &str = "may not be set for init containers without restartPolicy=Always";
const NOT_EPHEMERAL: &str = "cannot be set for an Ephemeral Container";

/// The regular containers.
pub(super) fn check(spec: &Place<'_>, pod: &Pod<'_>, errors: &mut Vec<FieldError>) {
    let containers = spec.at("containers");
    if containers.is_empty() {
        errors.push(containers.required(""));
        return;
    }
    let mut seen = BTreeSet::new();
    for container in containers.items() {
        check_common(&container, pod, errors);
        let name = container.at("name");
        if !seen.insert(name.text()) {
            errors.push(name.duplicate());
        }
        check_life(&container, pod, errors);
        if container.at("restartPolicy").is_set() {
            errors.push(container.at("restartPolicy").forbidden("may not be set for non-init containers"));
        }
    }
    check_conflicts(&mut containers.items(), errors);
}

/// The containers that run before them.
pub(super) fn check_initial(spec: &Place<'_>, pod: &Pod<'_>, errors: &mut Vec<FieldError>) {
    let mut seen: BTreeSet<&str> = spec.at("containers").items().map(|c| c.at("name").text()).collect();
    for container in spec.at("initContainers").items() {
        check_common(&container, pod, errors);
        let restarts = container.at("restartPolicy");
        if restarts.is_set() && restarts.text() != "Always" {
            errors.push(restarts.not_supported(&["Always"]));
        }
        let name = container.at("name");
        if !seen.insert(name.text()) {
            errors.push(name.duplicate());
        }
        check_conflicts(&mut std::iter::once(container.clone()), errors);
        if restarts.text() == "Always" {
            check_life(&container, pod, errors);
            continue;
        }
        for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
            if container.at(field).is_set() {
                errors.push(container.at(field).forbidden(ONLY_SIDECARS));
            }
        }
    }
}

/// Containers that a person adds to a running pod.
pub(super) fn check_ephemeral(spec: &Place<'_>, pod: &Pod<'_>, errors: &mut Vec<FieldError>) {
    let others: BTreeSet<&str> = ["containers", "initContainers"]
        .iter()
        .flat_map(|kind| spec.at(kind).items().map(|c| c.at("name").text()).collect::<Vec<_>>())
        .collect();
    let mut seen = others.clone();
    for container in spec.at("ephemeralContainers").items() {
        check_common(&container, pod, errors);
        check_image_spaces(&container.at("image"), errors);
        if !seen.insert(container.at("name").text()) {
            errors.push(container.at("name").duplicate());
        }
        let target = container.at("targetContainerName");
        if !target.is_empty() && !others.contains(target.text()) {
            errors.push(target.not_found());
        }
        for field in ["ports", "resources", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"] {
            if !container.at(field).is_empty() {
                errors.push(container.at(field).forbidden(NOT_EPHEMERAL));
            }
        }
    }
}

fn check_life(container: &Place<'_>, pod: &Pod<'_>, errors: &mut Vec<FieldError>) {
    probes::check_lifecycle(&container.at("lifecycle"), pod.grace, errors);
    for kind in ["livenessProbe", "readinessProbe", "startupProbe"] {
        probes::check(&container.at(kind), kind, errors);
    }
}

pub(super) fn check_image_spaces(image: &Place<'_>, errors: &mut Vec<FieldError>) {
    if image.text().trim() != image.text() {
        errors.push(image.invalid("must not have leading or trailing whitespace"));
    }
}

fn check_common(container: &Place<'_>, pod: &Pod<'_>, errors: &mut Vec<FieldError>) {
    container.at("name").named(names::dns1123_label, errors);
    if container.at("image").is_empty() {
        errors.push(container.at("image").required(""));
    }
    let message = container.at("terminationMessagePolicy");
    if !message.is_empty() {
        message.one_of(&["File", "FallbackToLogsOnError"], errors);
    }
    check_ports(&container.at("ports"), errors);
    environment::check(container, errors);
    volumes::check_mounts(container, &pod.volumes, errors);
    let pull = container.at("imagePullPolicy");
    if !pull.is_empty() {
        pull.one_of(&["Always", "IfNotPresent", "Never"], errors);
    }
    resources::check(&container.at("resources"), errors);
    check_resize(&container.at("resizePolicy"), pod.restart_policy, errors);
    security::check_container(&container.at("securityContext"), errors);
}

fn check_ports(ports: &Place<'_>, errors: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
    for port in ports.items() {
        let name = port.at("name");
        if !name.is_empty() {
            let problems = names::port_name(name.text());
            if !problems.is_empty() {
                name.problems(problems, errors);
            } else if !seen.insert(name.text()) {
                errors.push(name.duplicate());
            }
        }
        let number = port.at("containerPort");
        if number.number().unwrap_or(0) == 0 {
            errors.push(number.required(""));
        } else {
            number.within(1, 65_535, errors);
        }
        if port.at("hostPort").number().unwrap_or(0) != 0 {
            port.at("hostPort").within(1, 65_535, errors);
        }
        port.at("protocol").one_of(&PROTOCOLS, errors);
    }
}

/// No two containers take the same port of their node.
fn check_conflicts<'a>(containers: &mut dyn Iterator<Item = Place<'a>>, errors: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
    for container in containers {
        for port in container.at("ports").items() {
            let number = port.at("hostPort").number().unwrap_or(0);
            let key = format!("{}/{}/{number}", port.at("protocol").text(), port.at("hostIP").text());
            if number != 0 && !seen.insert(key.clone()) {
                errors.push(FieldError::duplicate(port.at("hostPort").path, &Value::from(key)));
            }
        }
    }
}

/// On the node's own network a container's port is the node's.
pub(super) fn check_host_ports(spec: &Place<'_>, errors: &mut Vec<FieldError>) {
    if !spec.at("hostNetwork").is_true() {
        return;
    }
    for container in spec.at("containers").items() {
        for port in container.at("ports").items() {
            let (host, own) = (port.at("hostPort"), port.at("containerPort"));
            if host.number().unwrap_or(0) != 0 && host.number() != own.number() {
                errors.push(host.invalid("must match `containerPort` when `hostNetwork` is true"));
            }
        }
    }
}

fn check_resize(policies: &Place<'_>, restart_policy: &str, errors: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
    for policy in policies.items() {
        let (resource, restart) = (policy.at("resourceName"), policy.at("restartPolicy"));
        if !seen.insert(resource.text()) {
            errors.push(FieldError::duplicate(policy.path.clone(), resource.value));
        }
        for (field, allowed) in
            [(&resource, ["cpu", "memory"].as_slice()), (&restart, &["NotRequired", "RestartContainer"])]
        {
            Place::new(field.value, policies.path.clone()).one_of(allowed, errors);
        }
        if restart_policy == "Never" && restart.text() != "NotRequired" {
            let detail = "must be 'NotRequired' when `restartPolicy` is 'Never'";
            errors.push(FieldError::invalid(policies.path.clone(), restart.value, detail));
        }
    }
}

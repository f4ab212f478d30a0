//! What a pod's spec must be, whether it stands in a pod or in a template.

mod containers;
mod environment;
mod probes;
mod resources;
mod scheduling;
mod security;
mod volumes;

use serde_json::Value;

use super::{NameRule, Place};
use crate::{names, validate::FieldError};

pub(super) use probes::check_port;
pub(super) use resources::{
    check_amount, check_container_name as check_container_resource, check_name as check_resource_name,
    is_standard as is_standard_resource,
};
pub(super) use scheduling::{check_node_selector, check_tolerations, labels as check_selector_labels};

/// Most that Kubernetes takes for a number of seconds.
const MAX_INT32: i64 = 2_147_483_647;

/// What of the pod the containers have to fit.
struct Pod<'a> {
    volumes: Vec<(&'a str, &'a Value)>,
    grace: Option<i64>,
    restart_policy: &'a str,
}

/// A template: its labels and annotations, then its spec.
pub(super) fn check_template(template: &Place<'_>, errors: &mut Vec<FieldError>) {
    // The server leaves `metadata` out of these paths.
    crate::lifecycle::check_labels(template.value, &template.path, errors);
    check_spec(&template.at("spec"), errors);
    if !template.at("spec").at("ephemeralContainers").is_empty() {
        let detail = "ephemeral containers not allowed in pod template";
        errors.push(template.at("spec").at("ephemeralContainers").forbidden(detail));
    }
}

/// The spec alone, in the order in which the server looks at it.
pub(super) fn check_spec(spec: &Place<'_>, errors: &mut Vec<FieldError>) {
    let pod = Pod {
        volumes: volumes::check(&spec.at("volumes"), errors),
        grace: spec.at("terminationGracePeriodSeconds").number(),
        restart_policy: spec.at("restartPolicy").text(),
    };
    containers::check(spec, &pod, errors);
    containers::check_initial(spec, &pod, errors);
    containers::check_ephemeral(spec, &pod, errors);
    containers::check_host_ports(spec, errors);
    let restart = spec.at("restartPolicy");
    if !restart.is_empty() {
        restart.one_of(&["Always", "OnFailure", "Never"], errors);
    }
    let dns = spec.at("dnsPolicy");
    if !dns.is_empty() {
        dns.one_of(&["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"], errors);
    }
    scheduling::labels(&spec.at("nodeSelector"), errors);
    security::check_pod(spec, errors);
    scheduling::check_affinity(&spec.at("affinity"), errors);
    check_dns(&spec.at("dnsConfig"), dns.text(), errors);
    for gate in spec.at("readinessGates").items() {
        gate.at("conditionType").problems(names::qualified_name(gate.at("conditionType").text()), errors);
    }
    scheduling::check_gates(&spec.at("schedulingGates"), errors);
    scheduling::check_spread(&spec.at("topologySpreadConstraints"), errors);
    for (field, rule) in [("serviceAccountName", NameRule::Subdomain), ("nodeName", NameRule::Subdomain)] {
        if !spec.at(field).is_empty() {
            spec.at(field).problems(rule.check(spec.at(field).text(), false), errors);
        }
    }
    spec.at("activeDeadlineSeconds").within(1, MAX_INT32, errors);
    for field in ["hostname", "subdomain"] {
        if !spec.at(field).is_empty() {
            spec.at(field).problems(names::dns1123_label(spec.at(field).text()), errors);
        }
    }
    check_tolerations(&spec.at("tolerations"), errors);
    for alias in spec.at("hostAliases").items() {
        check_ip(&alias.at("ip"), errors);
        for name in alias.at("hostnames").items() {
            name.problems(names::dns1123_subdomain(name.text()), errors);
        }
    }
    for field in ["priorityClassName", "runtimeClassName"] {
        let name = spec.at(field);
        if name.is_set() && !(name.is_empty() && field == "priorityClassName") {
            name.problems(names::dns1123_subdomain(name.text()), errors);
        }
    }
    let preemption = spec.at("preemptionPolicy");
    if preemption.is_set() {
        preemption.one_of(&["PreemptLowerPriority", "Never"], errors);
    }
    if let Some(system) = spec.value.get("os").filter(|os| !os.is_null()) {
        let name = Place::new(system, spec.at("os").path).at("name");
        match name.text() {
            "" => errors.push(name.required("cannot be empty")),
            "linux" | "windows" => {}
            _ => errors.push(name.not_supported(&["linux", "windows"])),
        }
    }
}

/// What only pods are held to, not templates.
pub(super) fn check_pod_only(spec: &Place<'_>, errors: &mut Vec<FieldError>) {
    for kind in ["containers", "initContainers"] {
        for container in spec.at(kind).items() {
            containers::check_image_spaces(&container.at("image"), errors);
        }
    }
}

/// An address that must be one.
pub(super) fn check_ip(ip: &Place<'_>, errors: &mut Vec<FieldError>) {
    if ip.text().parse::<std::net::IpAddr>().is_err() {
        let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        errors.push(FieldError::invalid_text(ip.path.clone(), ip.text(), detail));
    }
}

fn check_dns(config: &Place<'_>, policy: &str, errors: &mut Vec<FieldError>) {
    if policy == "None" {
        if !config.is_set() {
            errors.push(config.required("must provide `dnsConfig` when `dnsPolicy` is None"));
            return;
        }
        if config.at("nameservers").is_empty() {
            let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            errors.push(config.at("nameservers").required(detail));
            return;
        }
    }
    let servers = config.at("nameservers");
    if servers.items().count() > 3 {
        errors.push(servers.invalid("must not have more than 3 nameservers"));
    }
    servers.items().for_each(|server| check_ip(&server, errors));
    let searches = config.at("searches");
    if searches.items().count() > 32 {
        errors.push(searches.invalid("must not have more than 32 search paths"));
    }
    for option in config.at("options").items() {
        if option.at("name").is_empty() {
            errors.push(option.required("must not be empty"));
        }
    }
}

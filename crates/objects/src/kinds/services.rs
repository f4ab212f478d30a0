//! Services: the addresses and ports that the cluster gives them, and what they must be.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Check, Place, list, pod_spec, set, set_absent, text};
use crate::{lifecycle::Creation, names, validate::FieldError};

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const NODE_PORTS: std::ops::RangeInclusive<i64> = 30_000..=32_767;
const ONLY_LOAD_BALANCERS: &str = "may only be used when `type` is 'LoadBalancer'";

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

/// An update that leaves the addresses out keeps them; one that changes the type drops what the new type has not.
pub(super) fn update_service(new: &mut Value, old: &Value) {
    const ADDRESSES: [&str; 4] = ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"];
    let before = |field: &str| old.pointer(&format!("/spec/{field}")).cloned().unwrap_or_default();
    if is_external(new) {
        for field in ADDRESSES.into_iter().chain(["internalTrafficPolicy", "externalTrafficPolicy"]) {
            if new.pointer(&format!("/spec/{field}")) == Some(&before(field))
                && let Some(spec) = new.get_mut("spec").and_then(Value::as_object_mut)
            {
                spec.remove(field);
            }
        }
        return;
    }
    if is_external(old) {
        return;
    }
    let address = text(new, "/spec/clusterIP").to_owned();
    let listed = new.pointer("/spec/clusterIPs").cloned().unwrap_or_default();
    if !address.is_empty() && json!(address) != before("clusterIP") && listed == before("clusterIPs") {
        set(new, &["spec", "clusterIPs"], json!([address]));
    }
    for field in ADDRESSES {
        let value = before(field);
        if !value.is_null() {
            set_absent(new, &["spec", field], || value);
        }
    }
    update_node_ports(new, old);
}

fn update_node_ports(new: &mut Value, old: &Value) {
    let has_ports = matches!(text(new, "/spec/type"), "NodePort" | "LoadBalancer");
    let had_ports = matches!(text(old, "/spec/type"), "NodePort" | "LoadBalancer");
    let before = list(old, "/spec/ports").to_vec();
    let ports = new.pointer_mut("/spec/ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        let same =
            before.iter().find(|p| p.get("port") == port.get("port") && p.get("protocol") == port.get("protocol"));
        let Some(number) = same.and_then(|p| p.get("nodePort")).cloned() else { continue };
        if has_ports {
            set_absent(port, &["nodePort"], || number);
        } else if had_ports
            && port.get("nodePort") == Some(&number)
            && let Some(port) = port.as_object_mut()
        {
            port.remove("nodePort");
        }
    }
    if has_ports {
        let seed = text(old, "/metadata/uid").bytes().fold(7_u64, |a, b| a.wrapping_mul(31).wrapping_add(u64::from(b)));
        node_ports(new, seed);
    } else if had_ports && let Some(spec) = new.get_mut("spec").and_then(Value::as_object_mut) {
        for field in ["externalTrafficPolicy", "allocateLoadBalancerNodePorts"] {
            if spec.get(field) == old.pointer(&format!("/spec/{field}")) {
                spec.remove(field);
            }
        }
    }
}

pub(super) fn service(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let spec = Place::new(check.new, "").at("spec");
    // Ports are handed out before anything else is looked at.
    for port in spec.at("ports").items() {
        let node = port.at("nodePort");
        if spec.at("type").text() != "ClusterIP" && node.number().is_some_and(|n| n != 0 && !NODE_PORTS.contains(&n)) {
            let detail = "provided port is not in the valid range. The range of valid ports is 30000-32767";
            errors.push(node.invalid(detail));
            return;
        }
    }
    if let Some(old) = check.old
        && !is_external(old)
        && !is_external(check.new)
        && text(old, "/spec/clusterIP") != text(check.new, "/spec/clusterIP")
        && !text(old, "/spec/clusterIP").is_empty()
    {
        let addresses = spec.at("clusterIPs");
        errors.push(FieldError::invalid("spec.clusterIPs[0]", addresses.value, "may not change once set"));
    }
    check_type(&spec, errors);
    check_ports(&spec, errors);
    pod_spec::check_selector_labels(&spec.at("selector"), errors);
    check_affinity(&spec, errors);
    for address in spec.at("clusterIPs").items().filter(|a| a.text() != "None") {
        pod_spec::check_ip(&address, errors);
    }
    spec.at("externalIPs").items().for_each(|ip| pod_spec::check_ip(&ip, errors));
    spec.at("type").one_of(&TYPES, errors);
    check_duplicates(&spec, errors);
    check_traffic(&spec, errors);
}

fn is_headless(spec: &Place<'_>) -> bool {
    spec.at("clusterIPs").items().next().is_some_and(|a| a.text() == "None")
}

fn check_type(spec: &Place<'_>, errors: &mut Vec<FieldError>) {
    let ty = spec.at("type").text();
    if spec.at("ports").is_empty() && !is_headless(spec) && ty != "ExternalName" {
        errors.push(spec.at("ports").required(""));
    }
    match ty {
        "LoadBalancer" | "NodePort" if is_headless(spec) => {
            let detail = format!("may not be set to 'None' for {ty} services");
            errors.push(FieldError::invalid_text("spec.clusterIPs[0]", "None", detail));
        }
        "ExternalName" => {
            for field in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                if !spec.at(field).is_empty() {
                    errors.push(spec.at(field).forbidden("may not be set for ExternalName services"));
                }
            }
            let name = spec.at("externalName");
            let bare = json!(name.text().strip_suffix('.').unwrap_or(name.text()));
            Place::new(&bare, name.path).named(names::dns1123_subdomain, errors);
        }
        _ => {}
    }
}

fn check_ports(spec: &Place<'_>, errors: &mut Vec<FieldError>) {
    let several = spec.at("ports").items().count() > 1;
    let mut seen = BTreeSet::new();
    for port in spec.at("ports").items() {
        let name = port.at("name");
        if several || !name.is_empty() {
            name.named(names::dns1123_label, errors);
            if !name.is_empty() && !seen.insert(name.text()) {
                errors.push(name.duplicate());
            }
        }
        pod_spec::check_port(&Place::new(&json!(port.at("port").number().unwrap_or(0)), port.at("port").path), errors);
        port.at("protocol").one_of(&["SCTP", "TCP", "UDP"], errors);
        if port.at("targetPort").is_set() {
            pod_spec::check_port(&port.at("targetPort"), errors);
        }
        let protocol = port.at("appProtocol");
        if protocol.is_set() {
            protocol.problems(names::qualified_name(protocol.text()), errors);
        }
    }
}

fn check_affinity(spec: &Place<'_>, errors: &mut Vec<FieldError>) {
    let (affinity, config) = (spec.at("sessionAffinity"), spec.at("sessionAffinityConfig"));
    affinity.one_of(&["ClientIP", "None"], errors);
    if affinity.text() == "None" && config.is_set() {
        errors.push(config.forbidden("must not be set when session affinity is None"));
    }
    let seconds = config.at("clientIP").at("timeoutSeconds");
    if affinity.text() == "ClientIP" && seconds.number().is_some_and(|n| n <= 0 || n > 86_400) {
        errors.push(seconds.invalid("must be greater than 0 and less than 86400"));
    }
}

fn check_duplicates(spec: &Place<'_>, errors: &mut Vec<FieldError>) {
    let ports: Vec<Place<'_>> = spec.at("ports").items().collect();
    let node = |port: &Place<'_>| port.at("nodePort").number().filter(|n| *n != 0);
    let (mut nodes, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for port in &ports {
        if spec.at("type").text() == "ClusterIP" && node(port).is_some() {
            errors.push(port.at("nodePort").forbidden("may not be used when `type` is 'ClusterIP'"));
        }
    }
    for port in &ports {
        if node(port).is_some_and(|n| !nodes.insert((port.at("protocol").text(), n))) {
            errors.push(port.at("nodePort").duplicate());
        }
    }
    for port in &ports {
        let (number, protocol) = (port.at("port").number().unwrap_or(0), port.at("protocol").text());
        if !numbers.insert((number, protocol)) {
            // Printed as the server's own structure, which has no JSON names.
            let value = format!(
                "{{\"Name\":\"\",\"Protocol\":{},\"AppProtocol\":null,\"Port\":{number},\"TargetPort\":0,\"NodePort\":0}}",
                json!(protocol)
            );
            errors.push(FieldError::duplicate_printed(port.path.clone(), value));
        }
    }
}

fn check_traffic(spec: &Place<'_>, errors: &mut Vec<FieldError>) {
    let ty = spec.at("type").text();
    let ranges = spec.at("loadBalancerSourceRanges");
    if !ranges.is_empty() {
        let at = spec.at("LoadBalancerSourceRanges").path;
        if ty != "LoadBalancer" {
            errors.push(FieldError::forbidden(at.clone(), ONLY_LOAD_BALANCERS));
        }
        for (i, range) in ranges.items().enumerate() {
            check_cidr(&Place::new(range.value, format!("{at}[{i}]")), errors);
        }
    }
    for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
        if spec.at(field).is_set() && ty != "LoadBalancer" {
            errors.push(spec.at(field).forbidden(ONLY_LOAD_BALANCERS));
        }
    }
    let outside = spec.at("externalTrafficPolicy");
    let reachable = matches!(ty, "LoadBalancer" | "NodePort") || !spec.at("externalIPs").is_empty();
    if !reachable && !outside.is_empty() {
        errors.push(outside.invalid("may only be set for externally-accessible services"));
    } else if !matches!(outside.text(), "" | "Cluster" | "Local") {
        errors.push(outside.not_supported(&["Cluster", "Local"]));
    }
    let inside = spec.at("internalTrafficPolicy");
    if inside.is_set() && !matches!(inside.text(), "Cluster" | "Local") {
        errors.push(inside.not_supported(&["Cluster", "Local"]));
    }
    let spread = spec.at("trafficDistribution");
    let known = ["PreferClose", "PreferSameNode", "PreferSameZone"];
    if spread.is_set() && !known.contains(&spread.text()) {
        errors.push(spread.not_supported(&known));
    }
}

/// A network in CIDR notation.
pub(super) fn check_cidr(range: &Place<'_>, errors: &mut Vec<FieldError>) {
    let valid = range.text().trim().split_once('/').is_some_and(|(address, bits)| {
        let most = match address.parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(_)) => 32,
            Ok(std::net::IpAddr::V6(_)) => 128,
            Err(_) => return false,
        };
        bits.parse::<u8>().is_ok_and(|bits| bits <= most)
    });
    if !valid {
        errors.push(range.invalid("must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"));
    }
}

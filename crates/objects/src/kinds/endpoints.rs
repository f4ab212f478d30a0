//! Endpoints and their slices: addresses and ports.

use std::{collections::BTreeSet, net::IpAddr};

use serde_json::json;

use super::{Check, Place, place::unchanged, pod_spec};
use crate::{names, validate::FieldError};

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
const ADDRESS_TYPES: [&str; 3] = ["FQDN", "IPv4", "IPv6"];
const MAX_ENDPOINTS: usize = 1000;
const MAX_ADDRESSES: usize = 100;
/// A slice may have as many ports as fit into an object.
const MAX_PORTS: usize = 20_000;

pub(super) fn endpoints(check: Check<'_>, errors: &mut Vec<FieldError>) {
    for subset in Place::new(check.new, "").at("subsets").items() {
        let (ready, not_ready, ports) = (subset.at("addresses"), subset.at("notReadyAddresses"), subset.at("ports"));
        if ready.is_empty() && not_ready.is_empty() {
            errors.push(subset.required("must specify `addresses` or `notReadyAddresses`"));
        }
        for address in ready.items().chain(not_ready.items()) {
            pod_spec::check_ip(&address.at("ip"), errors);
            let (host, node) = (address.at("hostname"), address.at("nodeName"));
            if !host.is_empty() {
                host.problems(names::dns1123_label(host.text()), errors);
            }
            if node.is_set() {
                node.problems(names::dns1123_subdomain(node.text()), errors);
            }
            check_not_special(&address.at("ip"), errors);
        }
        let many = ports.items().count() > 1;
        for port in ports.items() {
            let (name, number) = (port.at("name"), port.at("port"));
            if many || !name.is_empty() {
                name.named(names::dns1123_label, errors);
            }
            pod_spec::check_port(&number, errors);
            port.at("protocol").one_of(&PROTOCOLS, errors);
            check_application(&port.at("appProtocol"), errors);
        }
    }
}

fn check_application(protocol: &Place<'_>, errors: &mut Vec<FieldError>) {
    if protocol.is_set() {
        protocol.problems(names::qualified_name(protocol.text()), errors);
    }
}

/// Traffic to these addresses would not leave the node, or means something of its own there.
fn check_not_special(at: &Place<'_>, errors: &mut Vec<FieldError>) {
    let Ok(ip) = at.text().parse::<IpAddr>() else { return };
    if ip.is_unspecified() {
        errors.push(at.invalid(format!("may not be unspecified ({})", at.text())));
    }
    if ip.is_loopback() {
        errors.push(at.invalid("may not be in the loopback range (127.0.0.0/8, ::1/128)"));
    }
    let (near, group) = match ip {
        IpAddr::V4(v4) => (v4.is_link_local(), v4.octets().starts_with(&[224, 0, 0])),
        IpAddr::V6(v6) => (v6.is_unicast_link_local(), v6.segments().first().is_some_and(|s| s & 0xff0f == 0xff02)),
    };
    if near {
        errors.push(at.invalid("may not be in the link-local range (169.254.0.0/16, fe80::/10)"));
    }
    if group {
        errors.push(at.invalid("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"));
    }
}

pub(super) fn slice(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let object = Place::new(check.new, "");
    let ty = object.at("addressType");
    ty.one_of(&ADDRESS_TYPES, errors);
    check_slice_endpoints(&object.at("endpoints"), ty.text(), errors);
    check_slice_ports(&object.at("ports"), errors);
    if let Some(old) = check.old {
        unchanged(&ty, &Place::new(old, "").at("addressType"), errors);
    }
}

fn check_slice_endpoints(endpoints: &Place<'_>, ty: &str, errors: &mut Vec<FieldError>) {
    let count = endpoints.items().count();
    if count > MAX_ENDPOINTS {
        errors.push(FieldError::too_many(endpoints.path.clone(), count, MAX_ENDPOINTS));
        return;
    }
    for endpoint in endpoints.items() {
        let addresses = endpoint.at("addresses");
        let count = addresses.items().count();
        if count == 0 {
            errors.push(addresses.required("must contain at least 1 address"));
        } else if count > MAX_ADDRESSES {
            errors.push(FieldError::too_many(addresses.path.clone(), count, MAX_ADDRESSES));
        }
        for address in addresses.items() {
            match (ty, address.text().parse::<IpAddr>()) {
                ("IPv4", Ok(IpAddr::V4(_))) | ("IPv6", Ok(IpAddr::V6(_))) => check_not_special(&address, errors),
                ("IPv4" | "IPv6", _) => errors.push(address.invalid(format!("must be a valid {ty} address"))),
                _ => {}
            }
        }
        let host = endpoint.at("hostname");
        if host.is_set() {
            host.problems(names::dns1123_label(host.text()), errors);
        }
    }
}

fn check_slice_ports(ports: &Place<'_>, errors: &mut Vec<FieldError>) {
    let count = ports.items().count();
    if count > MAX_PORTS {
        errors.push(FieldError::too_many(ports.path.clone(), count, MAX_PORTS));
        return;
    }
    let mut seen = BTreeSet::new();
    for port in ports.items() {
        let name = port.at("name");
        if !name.is_empty() {
            name.problems(names::dns1123_label(name.text()), errors);
        }
        if !seen.insert(name.text()) {
            errors.push(FieldError::duplicate(name.path.clone(), &json!(name.text())));
        }
        port.at("protocol").one_of(&PROTOCOLS, errors);
        check_application(&port.at("appProtocol"), errors);
    }
}

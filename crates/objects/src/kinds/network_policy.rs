//! Network policies.

use std::net::IpAddr;

use super::{Check, Place, pod_spec, selectors, services};
use crate::{names, validate::FieldError};

const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
const DIRECTIONS: [&str; 2] = ["Ingress", "Egress"];

pub(super) fn policy(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let spec = Place::new(check.new, "").at("spec");
    selectors::check(&spec.at("podSelector"), errors);
    for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in spec.at(rules).items() {
            rule.at("ports").items().for_each(|port| check_port(&port, errors));
            rule.at(peers).items().for_each(|peer| check_peer(&peer, errors));
        }
    }
    let types = spec.at("policyTypes");
    if types.items().count() > DIRECTIONS.len() {
        errors.push(types.invalid("may not specify more than two policyTypes"));
        return;
    }
    let unknown = types.items().filter(|ty| !DIRECTIONS.contains(&ty.text()));
    errors.extend(unknown.map(|ty| ty.not_supported(&DIRECTIONS)));
}

fn check_port(at: &Place<'_>, errors: &mut Vec<FieldError>) {
    let (protocol, port, end) = (at.at("protocol"), at.at("port"), at.at("endPort"));
    if protocol.is_set() && !PROTOCOLS.contains(&protocol.text()) {
        errors.push(protocol.not_supported(&PROTOCOLS));
    }
    if !port.is_set() {
        if end.is_set() {
            errors.push(end.invalid("may not be specified when `port` is not specified"));
        }
    } else if let Some(number) = port.number() {
        pod_spec::check_port(&port, errors);
        if end.is_set() {
            if end.number().unwrap_or(0) < number {
                errors.push(end.invalid("must be greater than or equal to `port`"));
            }
            pod_spec::check_port(&end, errors);
        }
    } else {
        if end.is_set() {
            errors.push(end.invalid("may not be specified when `port` is non-numeric"));
        }
        port.problems(names::port_name(port.text()), errors);
    }
}

fn check_peer(peer: &Place<'_>, errors: &mut Vec<FieldError>) {
    let (pods, namespaces, block) = (peer.at("podSelector"), peer.at("namespaceSelector"), peer.at("ipBlock"));
    for selector in [&pods, &namespaces] {
        if selector.is_set() {
            selectors::check(selector, errors);
        }
    }
    if block.is_set() {
        check_block(&block, errors);
        if pods.is_set() || namespaces.is_set() {
            errors.push(peer.forbidden("may not specify both ipBlock and another peer"));
        }
    } else if !pods.is_set() && !namespaces.is_set() {
        errors.push(peer.required("must specify a peer"));
    }
}

/// A network and the parts of it that are left out.
fn check_block(block: &Place<'_>, errors: &mut Vec<FieldError>) {
    let cidr = block.at("cidr");
    if cidr.is_empty() {
        errors.push(cidr.required(""));
        return;
    }
    services::check_cidr(&cidr, errors);
    let Some(whole) = network(cidr.text()) else { return };
    for except in block.at("except").items() {
        services::check_cidr(&except, errors);
        if network(except.text()).is_some_and(|part| !contains(whole, part)) {
            errors.push(except.invalid("must be a strict subset of `cidr`"));
        }
    }
}

/// Address bits, aligned to the left of 128, the prefix's length, and whether it is of version 6.
type Network = (u128, u32, bool);

fn network(text: &str) -> Option<Network> {
    let (address, bits) = text.split_once('/')?;
    let bits: u32 = bits.parse().ok()?;
    match address.parse().ok()? {
        IpAddr::V4(v4) if bits <= 32 => Some((u128::from(v4.to_bits()) << 96, bits, false)),
        IpAddr::V6(v6) if bits <= 128 => Some((v6.to_bits(), bits, true)),
        _ => None,
    }
}

fn contains(whole: Network, part: Network) -> bool {
    let (outer, bits, six) = whole;
    let (inner, inner_bits, inner_six) = part;
    let mask = if bits == 0 { 0 } else { u128::MAX << (128 - bits) };
    six == inner_six && bits < inner_bits && outer & mask == inner & mask
}

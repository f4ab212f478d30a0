//! What containers ask for and may take: names and amounts.

use serde_json::{Map, Value};

use crate::{kinds::Place, names, quantity::Quantity, validate::FieldError};

/// Resources of Kubernetes' own that have no prefix, but for those counted by the piece.
const MEASURED: [&str; 13] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "storage",
    "requests.storage",
    "services.nodeports",
    "services.loadbalancers",
];
/// Those counted by the piece.
const COUNTED: [&str; 7] =
    ["pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps", "persistentvolumeclaims"];

/// Whether a resource without a prefix is one of Kubernetes' own, for a container as for a quota.
pub(in crate::kinds) fn is_standard(name: &str) -> bool {
    MEASURED.contains(&name) || COUNTED.contains(&name) || is_huge_page(name)
}

fn is_huge_page(name: &str) -> bool {
    name.starts_with("hugepages-")
}

/// Resources of Kubernetes' own, prefix or not.
fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Resources of which a node can promise more than it has.
fn may_be_overcommitted(name: &str) -> bool {
    is_native(name) && !is_huge_page(name)
}

/// A resource's name that is known, or somebody's own.
pub(in crate::kinds) fn check_name(name: &str, at: &Place<'_>, errors: &mut Vec<FieldError>) -> bool {
    let problems = names::qualified_name(name);
    let fine = problems.is_empty();
    errors.extend(problems.into_iter().map(|p| FieldError::invalid_text(at.path.clone(), name, p)));
    if fine && !name.contains('/') && !is_standard(name) {
        let detail = "must be a standard resource type or fully qualified";
        errors.push(FieldError::invalid_text(at.path.clone(), name, detail));
        return false;
    }
    fine
}

/// A resource of which a container can have some.
pub(in crate::kinds) fn check_container_name(name: &str, at: &Place<'_>, errors: &mut Vec<FieldError>) {
    check_name(name, at, errors);
    if !name.contains('/') {
        if !matches!(name, "cpu" | "memory" | "ephemeral-storage") && !is_huge_page(name) {
            let detail = "must be a standard resource for containers";
            errors.push(FieldError::invalid_text(at.path.clone(), name, detail));
        }
    } else if !is_native(name) && name.starts_with("requests.") {
        let detail = "doesn't follow extended resource name standard";
        errors.push(FieldError::invalid_text(at.path.clone(), name, detail));
    }
}

/// An amount that must not be negative, and whole where the resource comes in pieces.
pub(in crate::kinds) fn check_amount(name: &str, at: &Place<'_>, errors: &mut Vec<FieldError>) {
    let Ok(quantity) = Quantity::parse(at.text()) else { return };
    if quantity.milli() < 0 {
        let detail = "must be greater than or equal to 0";
        errors.push(FieldError::invalid_text(at.path.clone(), &quantity.canonical(), detail));
    }
    let counted = COUNTED.contains(&name) || name.starts_with("services.") || (name.contains('/') && !is_native(name));
    if counted && quantity.milli() % 1000 != 0 {
        errors.push(FieldError::invalid_text(at.path.clone(), &quantity.canonical(), "must be an integer"));
    }
}

pub(super) fn check(resources: &Place<'_>, errors: &mut Vec<FieldError>) {
    let (limits, requests) = (resources.at("limits"), resources.at("requests"));
    for (name, amount) in limits.entries() {
        check_container_name(name, &amount, errors);
        check_amount(name, &amount, errors);
    }
    for (name, amount) in requests.entries() {
        check_container_name(name, &amount, errors);
        check_amount(name, &amount, errors);
        let Some(limit) = limits.value.get(name).and_then(Value::as_str) else {
            if !may_be_overcommitted(name) {
                errors.push(limits.required("Limit must be set for non overcommitable resources"));
            }
            continue;
        };
        let (Ok(asked), Ok(most)) = (Quantity::parse(amount.text()), Quantity::parse(limit)) else { continue };
        let relation = if asked != most && !may_be_overcommitted(name) {
            "equal to"
        } else if asked > most {
            "less than or equal to"
        } else {
            continue;
        };
        let detail = format!("must be {relation} {name} limit of {}", most.canonical());
        errors.push(FieldError::invalid_text(requests.path.clone(), &asked.canonical(), detail));
    }
    let named = |at: &Place<'_>, test: &dyn Fn(&str) -> bool| {
        at.value.as_object().unwrap_or(&Map::new()).keys().any(|name| test(name))
    };
    let any = |test: &dyn Fn(&str) -> bool| named(&limits, test) || named(&requests, test);
    if any(&is_huge_page) && !any(&|name| matches!(name, "cpu" | "memory")) {
        errors.push(resources.forbidden("HugePages require cpu or memory"));
    }
}

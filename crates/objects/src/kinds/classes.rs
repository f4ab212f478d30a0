//! Classes of pods: priorities and runtimes.

use super::{Check, Place, place::unchanged, pod_spec};
use crate::{names, validate::FieldError};

/// The highest priority that is not the system's own.
const HIGHEST: i64 = 1_000_000_000;
/// The system's own classes and what they are worth.
const SYSTEM: [(&str, i64); 2] = [("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)];

pub(super) fn priority(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let object = Place::new(check.new, "");
    let (value, policy) = (object.at("value"), object.at("preemptionPolicy"));
    if let Some(old) = check.old {
        let old = Place::new(old, "");
        if value.value != old.at("value").value {
            errors.push(value.forbidden("may not be changed in an update."));
        }
        unchanged(&policy, &old.at("preemptionPolicy"), errors);
        return;
    }
    let name = object.at("metadata").at("name");
    if name.text().starts_with("system-") {
        if let Some(why) = not_known(&object) {
            let detail =
                format!("priority class names with 'system-' prefix are reserved for system use only. error: {why}");
            errors.push(name.forbidden(detail));
        }
    } else if value.number().is_some_and(|n| n > HIGHEST) {
        errors.push(value.forbidden(format!("maximum allowed value of a user defined priority is {HIGHEST}")));
    }
    if policy.is_set() && !matches!(policy.text(), "PreemptLowerPriority" | "Never") {
        errors.push(policy.not_supported(&["Never", "PreemptLowerPriority"]));
    }
}

/// Why a class with the system's prefix is none of its classes.
fn not_known(class: &Place<'_>) -> Option<String> {
    let name = class.at("metadata").at("name").text();
    let Some((_, value)) = SYSTEM.iter().find(|(known, _)| *known == name) else {
        return Some(format!("{name} is not a known system priority class"));
    };
    if class.at("value").number() != Some(*value) {
        return Some(format!("value of {name} PriorityClass must be {value}"));
    }
    class.at("globalDefault").is_true().then(|| format!("globalDefault of {name} PriorityClass must be false"))
}

pub(super) fn runtime(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let object = Place::new(check.new, "");
    let handler = object.at("handler");
    if let Some(old) = check.old {
        unchanged(&handler, &Place::new(old, "").at("handler"), errors);
    }
    if handler.is_empty() {
        errors.push(handler.required(""));
    } else {
        handler.problems(names::dns1123_label(handler.text()), errors);
    }
    let scheduling = object.at("scheduling");
    pod_spec::check_selector_labels(&scheduling.at("nodeSelector"), errors);
    pod_spec::check_tolerations(&scheduling.at("tolerations"), errors);
}

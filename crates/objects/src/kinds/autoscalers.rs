//! Autoscalers: bounds, what is scaled, by which metrics, how fast.

use serde_json::Value;

use super::{Check, Place, pod_spec};
use crate::{names, quantity::Quantity, validate::FieldError};

const MAX_PERIOD: i64 = 1800;
const MAX_WINDOW: i64 = 3600;
const SOURCES: [&str; 5] = ["ContainerResource", "External", "Object", "Pods", "Resource"];
/// Members of a metric by its type, in the order in which they are checked.
const MEMBERS: [(&str, &str); 5] = [
    ("Object", "object"),
    ("External", "external"),
    ("Pods", "pods"),
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
];

pub(super) fn autoscaler(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let spec = Place::new(check.new, "").at("spec");
    let (least, most) = (spec.at("minReplicas"), spec.at("maxReplicas"));
    let before = check.old.and_then(|old| old.pointer("/spec/minReplicas")).and_then(Value::as_i64);
    let bound = i64::from(before != Some(0));
    if least.number().is_some_and(|n| n < bound) {
        errors.push(least.invalid(format!("must be greater than or equal to {bound}")));
    }
    let max = most.number().unwrap_or(0);
    if max < 1 {
        errors.push(FieldError::invalid(most.path.clone(), &Value::from(max), "must be greater than 0"));
    }
    if least.number().is_some_and(|least| max < least) {
        let detail = "must be greater than or equal to `minReplicas`";
        errors.push(FieldError::invalid(most.path.clone(), &Value::from(max), detail));
    }
    check_reference(&spec.at("scaleTargetRef"), errors);
    let metrics = spec.at("metrics");
    metrics.items().for_each(|metric| check_metric(&metric, errors));
    let outside = |metric: &Place<'_>| matches!(metric.at("type").text(), "Object" | "External");
    if least.number() == Some(0) && !metrics.items().any(|metric| outside(&metric)) {
        let detail = "must specify at least one Object or External metric to support scaling to zero replicas";
        errors.push(metrics.forbidden(detail));
    }
    for rules in ["scaleUp", "scaleDown"] {
        check_rules(&spec.at("behavior").at(rules), errors);
    }
}

fn check_reference(reference: &Place<'_>, errors: &mut Vec<FieldError>) {
    for member in ["kind", "name"] {
        reference.at(member).named(|name| names::path_segment(name, false), errors);
    }
}

fn check_rules(rules: &Place<'_>, errors: &mut Vec<FieldError>) {
    if !rules.is_set() {
        return;
    }
    let window = rules.at("stabilizationWindowSeconds");
    if window.number().is_some_and(|n| n < 0) {
        errors.push(window.invalid("must be greater than or equal to zero"));
    }
    if window.number().is_some_and(|n| n > MAX_WINDOW) {
        errors.push(window.invalid(format!("must be less than or equal to {MAX_WINDOW}")));
    }
    let select = rules.at("selectPolicy");
    if select.is_set() && !matches!(select.text(), "Max" | "Min" | "Disabled") {
        errors.push(select.not_supported(&["Disabled", "Max", "Min"]));
    }
    let policies = rules.at("policies");
    if policies.is_empty() {
        errors.push(policies.required("must specify at least one Policy"));
    }
    for policy in policies.items() {
        if !matches!(policy.at("type").text(), "Pods" | "Percent") {
            errors.push(policy.at("type").not_supported(&["Percent", "Pods"]));
        }
        for member in ["value", "periodSeconds"] {
            let number = Value::from(policy.at(member).number().unwrap_or(0));
            if number.as_i64().is_some_and(|n| n <= 0) {
                errors.push(FieldError::invalid(policy.at(member).path, &number, "must be greater than zero"));
            }
        }
        let period = policy.at("periodSeconds");
        if period.number().is_some_and(|n| n > MAX_PERIOD) {
            errors.push(period.invalid(format!("must be less than or equal to {MAX_PERIOD}")));
        }
    }
}

fn check_metric(metric: &Place<'_>, errors: &mut Vec<FieldError>) {
    let ty = metric.at("type");
    if ty.is_empty() {
        errors.push(ty.required("must specify a metric source type"));
    }
    let own = MEMBERS.iter().find(|(name, _)| *name == ty.text()).map(|(_, member)| *member);
    if own.is_none() {
        errors.push(ty.not_supported(&SOURCES));
    }
    let present: Vec<&str> = MEMBERS.iter().map(|(_, member)| *member).filter(|m| metric.at(m).is_set()).collect();
    if let Some(first) = present.first() {
        check_source(first, &metric.at(first), errors);
    }
    match own {
        Some(member) if !metric.at(member).is_set() => {
            errors.push(metric.at(member).required("must populate information for the given metric source"));
        }
        Some(_) => {}
        // The server says so twice.
        None => errors.push(ty.not_supported(&SOURCES)),
    }
    if present.len() != 1 {
        let others = present.iter().filter(|member| Some(**member) != own);
        errors.extend(others.map(|m| metric.at(m).forbidden("must populate the given metric source only")));
    }
}

fn check_source(kind: &str, source: &Place<'_>, errors: &mut Vec<FieldError>) {
    let target = source.at("target");
    let (value, average, share) = (target.at("value"), target.at("averageValue"), target.at("averageUtilization"));
    match kind {
        "object" => {
            check_reference(&source.at("describedObject"), errors);
            check_identifier(&source.at("metric"), errors);
            check_target(&target, errors);
            if !value.is_set() && !average.is_set() {
                errors.push(average.required("must set either a target value or averageValue"));
            }
        }
        "external" => {
            check_identifier(&source.at("metric"), errors);
            check_target(&target, errors);
            if !value.is_set() && !average.is_set() {
                errors.push(average.required("must set either a target value for metric or a per-pod target"));
            }
            if value.is_set() && average.is_set() {
                errors.push(value.forbidden("may not set both a target value for metric and a per-pod target"));
            }
        }
        "pods" => {
            check_identifier(&source.at("metric"), errors);
            check_target(&target, errors);
            if !average.is_set() {
                errors.push(average.required("must specify a positive target averageValue"));
            }
        }
        _ => {
            let name = source.at("name");
            if name.is_empty() {
                errors.push(name.required("must specify a resource name"));
            } else if kind == "containerResource" {
                pod_spec::check_container_resource(name.text(), &name, errors);
            }
            let container = source.at("container");
            if kind == "containerResource" {
                if container.is_empty() {
                    errors.push(container.required("must specify a container"));
                } else {
                    container.problems(names::dns1123_label(container.text()), errors);
                }
            }
            check_target(&target, errors);
            if !share.is_set() && !average.is_set() {
                errors.push(share.required("must set either a target raw value or a target utilization"));
            }
            if share.is_set() && average.is_set() {
                errors.push(average.forbidden("may not set both a target raw value and a target utilization"));
            }
        }
    }
}

fn check_identifier(metric: &Place<'_>, errors: &mut Vec<FieldError>) {
    let name = metric.at("name");
    if name.is_empty() {
        errors.push(name.required("must specify a metric name"));
    } else {
        name.problems(names::path_segment(name.text(), false), errors);
    }
}

fn check_target(target: &Place<'_>, errors: &mut Vec<FieldError>) {
    let ty = target.at("type");
    if ty.is_empty() {
        errors.push(ty.required("must specify a metric target type"));
    }
    if !matches!(ty.text(), "Utilization" | "Value" | "AverageValue") {
        let detail = "must be either Utilization, Value, or AverageValue";
        errors.push(FieldError::invalid_text(ty.path.clone(), ty.text(), detail));
    }
    for member in ["value", "averageValue"] {
        let amount = target.at(member);
        if amount.is_set() && Quantity::parse(amount.text()).is_ok_and(|q| q.milli() <= 0) {
            errors.push(amount.invalid("must be positive"));
        }
    }
    let share = target.at("averageUtilization");
    if share.number().is_some_and(|n| n < 1) {
        errors.push(share.invalid("must be greater than 0"));
    }
}

//! Where a pod may run: selectors, affinity, tolerations, spreading, gates.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{kinds::Place, names, validate::FieldError};

/// Labels that are selected by.
pub(in crate::kinds) fn labels(labels: &Place<'_>, errors: &mut Vec<FieldError>) {
    for (key, value) in labels.entries() {
        let path = &labels.path;
        let of = |text: &str, problems: Vec<String>| -> Vec<FieldError> {
            problems.into_iter().map(|p| FieldError::invalid_text(path.clone(), text, p)).collect()
        };
        errors.extend(of(key, names::qualified_name(key)));
        errors.extend(of(value.text(), names::label_value(value.text())));
    }
}

pub(super) fn check_affinity(affinity: &Place<'_>, errors: &mut Vec<FieldError>) {
    let (required, preferred) =
        ("requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution");
    let node = affinity.at("nodeAffinity");
    if node.at(required).is_set() {
        check_node_selector(&node.at(required), errors);
    }
    for term in node.at(preferred).items() {
        check_weight(&term, errors);
        check_node_term(&term.at("preference"), errors);
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        for term in affinity.at(kind).at(required).items() {
            check_pod_term(&term, errors);
        }
        for term in affinity.at(kind).at(preferred).items() {
            check_weight(&term, errors);
            check_pod_term(&term.at("podAffinityTerm"), errors);
        }
    }
}

fn check_weight(term: &Place<'_>, errors: &mut Vec<FieldError>) {
    let weight = Value::from(term.at("weight").number().unwrap_or(0));
    if !weight.as_i64().is_some_and(|n| (1..=100).contains(&n)) {
        errors.push(FieldError::invalid(term.at("weight").path, &weight, "must be in the range 1-100"));
    }
}

/// Terms of which a node must fit one.
pub(in crate::kinds) fn check_node_selector(selector: &Place<'_>, errors: &mut Vec<FieldError>) {
    let terms = selector.at("nodeSelectorTerms");
    if terms.is_empty() {
        errors.push(terms.required("must have at least one node selector term"));
    }
    terms.items().for_each(|term| check_node_term(&term, errors));
}

fn check_node_term(term: &Place<'_>, errors: &mut Vec<FieldError>) {
    for requirement in term.at("matchExpressions").items() {
        let (operator, values) = (requirement.at("operator"), requirement.at("values"));
        match operator.text() {
            "In" | "NotIn" if values.is_empty() => {
                errors.push(values.required("must be specified when `operator` is 'In' or 'NotIn'"));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                errors.push(values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
            }
            "Gt" | "Lt" if values.items().count() != 1 => {
                errors.push(values.required("must be specified single value when `operator` is 'Lt' or 'Gt'"));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
            other => {
                let detail = "not a valid selector operator";
                errors.push(FieldError::invalid_text(operator.path.clone(), other, detail));
            }
        }
        let key = requirement.at("key");
        key.problems(names::qualified_name(key.text()), errors);
        for value in values.items() {
            value.problems(names::label_value(value.text()), errors);
        }
    }
}

fn check_pod_term(term: &Place<'_>, errors: &mut Vec<FieldError>) {
    super::super::selectors::check(&term.at("labelSelector"), errors);
    let key = term.at("topologyKey");
    if key.is_empty() {
        errors.push(key.required("can not be empty"));
    }
    key.problems(names::qualified_name(key.text()), errors);
}

pub(in crate::kinds) fn check_tolerations(tolerations: &Place<'_>, errors: &mut Vec<FieldError>) {
    for toleration in tolerations.items() {
        let (key, operator) = (toleration.at("key"), toleration.at("operator"));
        let (effect, value) = (toleration.at("effect"), toleration.at("value"));
        let shown = |at: &Place<'_>, text: &str, detail: &str| FieldError::invalid_text(at.path.clone(), text, detail);
        if !key.is_empty() {
            key.problems(names::qualified_name(key.text()), errors);
        } else if operator.text() != "Exists" {
            let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.push(shown(&operator, operator.text(), detail));
        }
        if toleration.at("tolerationSeconds").is_set() && effect.text() != "NoExecute" {
            let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.push(shown(&effect, effect.text(), detail));
        }
        match operator.text() {
            "" | "Equal" => {
                let problems = names::label_value(value.text());
                if !problems.is_empty() {
                    errors.push(shown(&operator, value.text(), &problems.join(";")));
                }
            }
            "Exists" if !value.is_empty() => {
                errors.push(shown(&operator, value.text(), "value must be empty when `operator` is 'Exists'"));
            }
            "Exists" => {}
            _ => errors.push(operator.not_supported(&["Equal", "Exists"])),
        }
        if !matches!(effect.text(), "" | "NoSchedule" | "PreferNoSchedule" | "NoExecute") {
            errors.push(effect.not_supported(&["NoSchedule", "PreferNoSchedule", "NoExecute"]));
        }
    }
}

pub(super) fn check_gates(gates: &Place<'_>, errors: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
    for gate in gates.items() {
        let name = Place::new(gate.at("name").value, gate.path.clone());
        name.problems(names::qualified_name(name.text()), errors);
        if !seen.insert(name.text()) {
            errors.push(name.duplicate());
        }
    }
}

pub(super) fn check_spread(constraints: &Place<'_>, errors: &mut Vec<FieldError>) {
    let all: Vec<Place<'_>> = constraints.items().collect();
    for (i, constraint) in all.iter().enumerate() {
        let skew = constraint.at("maxSkew");
        if skew.number().unwrap_or(0) <= 0 {
            let number = Value::from(skew.number().unwrap_or(0));
            errors.push(FieldError::invalid(skew.path, &number, "must be greater than zero"));
        }
        let key = constraint.at("topologyKey");
        if key.is_empty() {
            errors.push(key.required("can not be empty"));
        }
        let action = constraint.at("whenUnsatisfiable");
        if !matches!(action.text(), "DoNotSchedule" | "ScheduleAnyway") {
            errors.push(action.not_supported(&["DoNotSchedule", "ScheduleAnyway"]));
        }
        let pair = |c: &Place<'_>| (c.at("topologyKey").text().to_owned(), c.at("whenUnsatisfiable").text().to_owned());
        if all.iter().skip(i + 1).any(|other| pair(other) == pair(constraint)) {
            let (key, action) = pair(constraint);
            let value = Value::from(format!("{{{key}, {action}}}"));
            errors.push(FieldError::duplicate(constraint.at("{topologyKey, whenUnsatisfiable}").path, &value));
        }
        super::super::selectors::check(&constraint.at("labelSelector"), errors);
    }
}

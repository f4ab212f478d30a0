//! Disruption budgets, quotas, limit ranges: how much of something there may be.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Check, Place, pod_spec, selectors, workloads};
use crate::{quantity::Quantity, validate::FieldError};

pub(super) fn disruption_budget(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let spec = Place::new(check.new, "").at("spec");
    let (least, most) = (spec.at("minAvailable"), spec.at("maxUnavailable"));
    if least.is_set() && most.is_set() {
        // Printed as the server's own structure, which has no JSON names.
        let part = |field: &str| spec.at(field).value.to_string();
        let printed = format!(
            "{{\"MinAvailable\":{},\"Selector\":{},\"MaxUnavailable\":{},\"UnhealthyPodEvictionPolicy\":{}}}",
            part("minAvailable"),
            part("selector"),
            part("maxUnavailable"),
            part("unhealthyPodEvictionPolicy")
        );
        let detail = "minAvailable and maxUnavailable cannot be both set";
        errors.push(FieldError::invalid_printed(spec.path.clone(), printed, detail));
    }
    for bound in [&least, &most] {
        if bound.is_set() {
            workloads::check_share(bound, errors);
            workloads::check_whole(bound, errors);
        }
    }
    if spec.at("selector").is_set() {
        selectors::check(&spec.at("selector"), errors);
    }
    let policy = spec.at("unhealthyPodEvictionPolicy");
    if policy.is_set() && !matches!(policy.text(), "AlwaysAllow" | "IfHealthyBudget") {
        errors.push(policy.not_supported(&["AlwaysAllow", "IfHealthyBudget"]));
    }
}

const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];

pub(super) fn quota(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let spec = Place::new(check.new, "").at("spec");
    for (name, amount) in spec.at("hard").entries() {
        pod_spec::check_resource_name(name, &amount, errors);
        let known = pod_spec::is_standard_resource(name) || name.starts_with("requests.hugepages-");
        if !name.contains('/') && !known {
            let detail = "must be a standard resource for quota";
            errors.push(FieldError::invalid_text(amount.path.clone(), name, detail));
        }
        pod_spec::check_amount(name, &amount, errors);
    }
    check_scopes(&spec, errors);
    check_scope_selector(&spec.at("scopeSelector"), errors);
    let scopes = |object: &Value| -> BTreeSet<String> {
        super::list(object, "/spec/scopes").iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    if check.old.is_some_and(|old| scopes(old) != scopes(check.new)) {
        errors.push(spec.at("scopes").invalid("field is immutable"));
    }
}

fn check_scopes(spec: &Place<'_>, errors: &mut Vec<FieldError>) {
    let scopes = spec.at("scopes");
    let given: BTreeSet<&str> = scopes.items().map(|scope| scope.text()).collect();
    let unknown = scopes.items().filter(|scope| !SCOPES.contains(&scope.text()));
    errors.extend(unknown.map(|_| scopes.invalid("unsupported scope")));
    for (one, other) in [("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")] {
        if given.contains(one) && given.contains(other) {
            errors.push(scopes.invalid("conflicting scopes"));
        }
    }
}

fn check_scope_selector(selector: &Place<'_>, errors: &mut Vec<FieldError>) {
    for requirement in selector.at("matchExpressions").items() {
        let (scope, operator, values) =
            (requirement.at("scopeName"), requirement.at("operator"), requirement.at("values"));
        let name = FieldError::invalid_text;
        if !SCOPES.contains(&scope.text()) {
            errors.push(name(scope.path.clone(), scope.text(), "unsupported scope"));
        }
        let only_existence = matches!(
            scope.text(),
            "BestEffort" | "NotBestEffort" | "Terminating" | "NotTerminating" | "CrossNamespacePodAffinity"
        );
        if only_existence && operator.text() != "Exists" {
            let detail = "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, \
                          ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, \
                          ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
            errors.push(name(operator.path.clone(), operator.text(), detail));
        }
        match operator.text() {
            "In" | "NotIn" if values.is_empty() => {
                errors.push(
                    values.required("must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"),
                );
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
                errors.push(values.invalid(detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => errors.push(name(operator.path.clone(), other, "not a valid selector operator")),
        }
    }
}

pub(super) fn limit_range(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
    for limit in Place::new(check.new, "").at("spec").at("limits").items() {
        let ty = limit.at("type");
        let problems = crate::names::qualified_name(ty.text());
        let well_formed = problems.is_empty();
        errors.extend(problems.into_iter().map(|p| FieldError::invalid_text(ty.path.clone(), ty.text(), p)));
        if well_formed
            && !ty.text().contains('/')
            && !matches!(ty.text(), "Pod" | "Container" | "PersistentVolumeClaim")
        {
            errors.push(ty.invalid("must be a standard limit type or fully qualified"));
        }
        if !seen.insert(ty.text()) {
            errors.push(FieldError::duplicate(ty.path.clone(), &json!(ty.text())));
        }
        check_limit(&limit, errors);
    }
}

type Amounts<'a> = BTreeMap<&'a str, (Quantity, Place<'a>)>;

fn check_limit(limit: &Place<'_>, errors: &mut Vec<FieldError>) {
    let ty = limit.at("type");
    let mut read = |member: &str| -> Amounts<'_> {
        let mut out = BTreeMap::new();
        for (name, amount) in limit.at(member).entries() {
            if matches!(ty.text(), "Pod" | "Container") {
                pod_spec::check_container_resource(name, &amount, errors);
            } else {
                pod_spec::check_resource_name(name, &amount, errors);
            }
            if let Ok(quantity) = Quantity::parse(amount.text()) {
                out.insert(name, (quantity, amount));
            }
        }
        out
    };
    let (max, min) = (read("max"), read("min"));
    let of_pods = ty.text() == "Pod";
    let (default, request) = if of_pods { Default::default() } else { (read("default"), read("defaultRequest")) };
    let ratio = read("maxLimitRequestRatio");
    if of_pods {
        for member in ["default", "defaultRequest"] {
            if !limit.at(member).is_empty() {
                errors.push(limit.at(member).forbidden("may not be specified when `type` is 'Pod'"));
            }
        }
    }
    if ty.text() == "PersistentVolumeClaim" && !min.contains_key("storage") && !max.contains_key("storage") {
        let detail = "either minimum or maximum storage value is required, but neither was provided";
        errors.push(limit.at("limits").required(detail));
    }
    let names: BTreeSet<&str> =
        [&max, &min, &default, &request, &ratio].into_iter().flat_map(|m| m.keys().copied()).collect();
    // Less, more, where it is reported, the value shown, and their names.
    let orders: [(&Amounts<'_>, &Amounts<'_>, &Amounts<'_>, &Amounts<'_>, &str, &str); 6] = [
        (&min, &max, &min, &min, "min", "max"),
        (&min, &request, &request, &request, "min", "default request"),
        (&request, &max, &request, &request, "default request", "max"),
        (&request, &default, &request, &request, "default request", "default limit"),
        (&min, &default, &default, &min, "min", "default"),
        (&default, &max, &default, &max, "default", "max"),
    ];
    for name in names {
        for (less, more, place, shown, one, other) in orders {
            let (Some((low, _)), Some((high, _))) = (less.get(name), more.get(name)) else { continue };
            let (Some((_, at)), Some((shown, _))) = (place.get(name), shown.get(name)) else { continue };
            if low > high {
                let (low, high) = (low.canonical(), high.canonical());
                let detail = format!("{one} value {low} is greater than {other} value {high}");
                errors.push(FieldError::invalid_text(at.path.clone(), &shown.canonical(), detail));
            }
        }
        if let Some((most, at)) = ratio.get(name)
            && most.milli() < 1000
        {
            errors.push(at.invalid(format!("ratio {} is less than 1", most.canonical())));
        }
    }
}

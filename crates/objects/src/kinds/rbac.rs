//! Roles and bindings.

use serde_json::Value;

use super::{Check, NameRule, Place, list, text};
use crate::validate::FieldError;

const GROUP: &str = super::RBAC;

pub(super) fn role(check: Check<'_>, errors: &mut Vec<FieldError>) {
    rules(check.new, true, errors);
}

pub(super) fn cluster_role(check: Check<'_>, errors: &mut Vec<FieldError>) {
    rules(check.new, false, errors);
    if let Some(rule) = check.new.get("aggregationRule").filter(|r| !r.is_null())
        && list(rule, "/clusterRoleSelectors").is_empty()
    {
        let detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        errors.push(FieldError::required("aggregationRule.clusterRoleSelectors", detail));
    }
    let selectors = Place::new(check.new, "").at("aggregationRule").at("clusterRoleSelectors");
    for selector in selectors.items() {
        super::selectors::check(&selector, errors);
    }
}

fn rules(object: &Value, namespaced: bool, errors: &mut Vec<FieldError>) {
    for (i, rule) in list(object, "/rules").iter().enumerate() {
        let at = format!("rules[{i}]");
        let some = |field: &str| !list(rule, &format!("/{field}")).is_empty();
        if !some("verbs") {
            errors.push(FieldError::required(format!("{at}.verbs"), "verbs must contain at least one value"));
        }
        if some("nonResourceURLs") {
            let urls = rule.get("nonResourceURLs").unwrap_or(&Value::Null);
            let mut invalid = |detail: &str| {
                errors.push(FieldError::invalid(format!("{at}.nonResourceURLs"), urls, detail));
            };
            if namespaced {
                invalid("namespaced rules cannot apply to non-resource URLs");
            }
            if some("apiGroups") || some("resources") || some("resourceNames") {
                invalid("rules cannot apply to both regular resources and non-resource URLs");
            }
            continue;
        }
        if !some("apiGroups") {
            let detail = "resource rules must supply at least one api group";
            errors.push(FieldError::required(format!("{at}.apiGroups"), detail));
        }
        if !some("resources") {
            let detail = "resource rules must supply at least one resource";
            errors.push(FieldError::required(format!("{at}.resources"), detail));
        }
    }
}

pub(super) fn role_binding(check: Check<'_>, errors: &mut Vec<FieldError>) {
    binding(check, true, errors);
}

pub(super) fn cluster_role_binding(check: Check<'_>, errors: &mut Vec<FieldError>) {
    binding(check, false, errors);
}

fn binding(check: Check<'_>, namespaced: bool, errors: &mut Vec<FieldError>) {
    let object = check.new;
    let reference = |field: &str| object.pointer(&format!("/roleRef/{field}")).cloned().unwrap_or(Value::from(""));
    if reference("apiGroup") != GROUP {
        errors.push(FieldError::not_supported("roleRef.apiGroup", &reference("apiGroup"), &[GROUP]));
    }
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&text(object, "/roleRef/kind")) {
        errors.push(FieldError::not_supported("roleRef.kind", &reference("kind"), kinds));
    }
    let name = text(object, "/roleRef/name");
    if name.is_empty() {
        errors.push(FieldError::required("roleRef.name", ""));
    } else {
        for problem in NameRule::PathSegment.check(name, false) {
            errors.push(FieldError::invalid_text("roleRef.name", name, problem));
        }
    }
    for (i, subject) in list(object, "/subjects").iter().enumerate() {
        check_subject(subject, &format!("subjects[{i}]"), namespaced, errors);
    }
    if let Some(old) = check.old
        && old.get("roleRef") != object.get("roleRef")
    {
        // Printed as the server's own structure, which has no JSON names.
        let field = |name: &str| crate::validate::go_quote(text(object, &format!("/roleRef/{name}")));
        let value =
            format!("{{\"APIGroup\":{},\"Kind\":{},\"Name\":{}}}", field("apiGroup"), field("kind"), field("name"));
        errors.push(FieldError::invalid_printed("roleRef", value, "cannot change roleRef"));
    }
}

fn check_subject(subject: &Value, at: &str, namespaced: bool, errors: &mut Vec<FieldError>) {
    let name = text(subject, "/name");
    let group = text(subject, "/apiGroup");
    if name.is_empty() {
        errors.push(FieldError::required(format!("{at}.name"), ""));
    }
    match text(subject, "/kind") {
        "ServiceAccount" => {
            if !name.is_empty() {
                for problem in NameRule::Subdomain.check(name, false) {
                    errors.push(FieldError::invalid_text(format!("{at}.name"), name, problem));
                }
            }
            if !group.is_empty() {
                errors.push(FieldError::not_supported(format!("{at}.apiGroup"), &Value::from(group), &[""]));
            }
            if !namespaced && text(subject, "/namespace").is_empty() {
                errors.push(FieldError::required(format!("{at}.namespace"), ""));
            }
        }
        kind @ ("User" | "Group") => {
            if name.is_empty() {
                let detail = format!("{} name cannot be empty", kind.to_lowercase());
                errors.push(FieldError::invalid_text(format!("{at}.name"), "", detail));
            }
            if group != GROUP {
                errors.push(FieldError::not_supported(format!("{at}.apiGroup"), &Value::from(group), &[GROUP]));
            }
        }
        other => {
            let allowed = &["ServiceAccount", "User", "Group"];
            errors.push(FieldError::not_supported(format!("{at}.kind"), &Value::from(other), allowed));
        }
    }
}

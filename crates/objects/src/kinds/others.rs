//! Events, leases, CustomResourceDefinitions, API services.

use serde_json::{Value, json};

use super::{Check, Place, list, set, text};
use crate::{crd, lifecycle::Creation, names, registry::Registry, validate::FieldError};

pub(super) fn event(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let object = check.new;
    let involved = text(object, "/involvedObject/namespace");
    let namespace = text(object, "/metadata/namespace");
    // Events about cluster-scoped objects are in `default`.
    let fits =
        if involved.is_empty() { matches!(namespace, "" | "default" | "kube-system") } else { involved == namespace };
    if !fits {
        let detail = "does not match event.namespace";
        errors.push(FieldError::invalid_text("involvedObject.namespace", involved, detail));
    }
}

pub(super) fn lease(check: Check<'_>, errors: &mut Vec<FieldError>) {
    for (field, least, detail) in [
        ("leaseDurationSeconds", 1, "must be greater than 0"),
        ("leaseTransitions", 0, "must be greater than or equal to 0"),
    ] {
        if let Some(number) =
            check.new.pointer(&format!("/spec/{field}")).filter(|n| n.as_i64().is_some_and(|n| n < least))
        {
            errors.push(FieldError::invalid(format!("spec.{field}"), number, detail));
        }
    }
}

pub(super) fn api_service(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let (version, group) = (text(check.new, "/spec/version"), text(check.new, "/spec/group"));
    let wanted = format!("{version}.{group}");
    let name = text(check.new, "/metadata/name");
    if name != wanted.trim_end_matches('.') && name != wanted {
        let detail = format!("must be `spec.version+\".\"+spec.group`: {}", crate::validate::go_quote(&wanted));
        errors.push(FieldError::invalid_text("metadata.name", name, detail));
    }
}

/// The version that objects are stored in is remembered from the beginning.
pub(super) fn create_definition(object: &mut Value, _: &Creation<'_>) {
    let storage: Vec<Value> = storage_versions(object);
    let status = json!({"conditions": null, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": storage});
    set(object, &["status"], status);
}

/// A new storage version joins those that objects may still be stored in.
pub(super) fn update_definition(new: &mut Value, old: &Value) {
    let mut stored = list(old, "/status/storedVersions").to_vec();
    stored.extend(storage_versions(new).into_iter().filter(|v| !list(old, "/status/storedVersions").contains(v)));
    set(new, &["status", "storedVersions"], Value::Array(stored));
}

fn storage_versions(object: &Value) -> Vec<Value> {
    let stored = |v: &&Value| v.get("storage") == Some(&Value::Bool(true));
    list(object, "/spec/versions").iter().filter(stored).filter_map(|v| v.get("name").cloned()).collect()
}

/// Groups of the Kubernetes project want an approval, and those of built-in types are not given away: the real server
/// keeps a definition's objects apart from built-in ones, here they would be under one key.
fn check_group_is_free(check: Check<'_>, group: &str, errors: &mut Vec<FieldError>) {
    if check.old.is_none() && Registry::is_builtin_group(group) {
        errors.push(FieldError::forbidden("spec.group", "the group is the API server's own"));
    }
    let is_protected = |domain: &str| group == domain || group.strip_suffix(domain).is_some_and(|g| g.ends_with('.'));
    if !is_protected("k8s.io") && !is_protected("kubernetes.io") {
        return;
    }
    let approval = |object| text(object, "/metadata/annotations/api-approved.kubernetes.io");
    if check.old.is_some_and(|old| Approval::of(approval(old)) == Approval::of(approval(check.new))) {
        return;
    }
    let field = "metadata.annotations[api-approved.kubernetes.io]";
    let wanted = "protected groups must have approval annotation \"api-approved.kubernetes.io\"";
    let see = "see https://github.com/kubernetes/enhancements/pull/1111";
    let given = approval(check.new);
    match Approval::of(given) {
        Approval::Given => {}
        Approval::Missing => errors.push(FieldError::required(field, format!("{wanted}, {see}"))),
        Approval::Invalid => {
            let either = "with either a URL or a reason starting with \"unapproved\"";
            errors.push(FieldError::invalid_text(field, given, format!("{wanted} {either}, {see}")));
        }
    }
}

#[derive(PartialEq)]
enum Approval {
    Missing,
    Invalid,
    Given,
}

impl Approval {
    fn of(annotation: &str) -> Approval {
        // A URL with a scheme and a host.
        let is_url = annotation.split_once("://").is_some_and(|(scheme, rest)| {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
                && !host.is_empty()
        });
        match annotation {
            "" => Approval::Missing,
            _ if is_url || annotation.starts_with("unapproved") => Approval::Given,
            _ => Approval::Invalid,
        }
    }
}

pub(super) fn definition(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let object = check.new;
    let name = text(object, "/metadata/name");
    let (group, plural) = (text(object, "/spec/group"), text(object, "/spec/names/plural"));
    if name != format!("{plural}.{group}") {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        errors.push(FieldError::invalid_text("metadata.name", name, detail));
    }
    if group.is_empty() {
        errors.push(FieldError::required("spec.group", ""));
    } else {
        errors.extend(
            names::dns1123_subdomain(group).into_iter().map(|p| FieldError::invalid_text("spec.group", group, p)),
        );
        if !group.contains('.') {
            let detail = "should be a domain with at least one dot";
            errors.push(FieldError::invalid_text("spec.group", group, detail));
        }
    }
    let scope = text(object, "/spec/scope");
    match scope {
        "Cluster" | "Namespaced" => {}
        "" => errors.push(FieldError::required("spec.scope", "")),
        other => errors.push(FieldError::not_supported("spec.scope", &json!(other), &["Cluster", "Namespaced"])),
    }
    for (field, pointer) in [("plural", "/spec/names/plural"), ("singular", "/spec/names/singular")] {
        let value = text(object, pointer);
        let at = format!("spec.names.{field}");
        if value.is_empty() {
            errors.push(FieldError::required(at, ""));
        } else {
            let problems = names::dns1035_label(value).into_iter();
            errors.extend(problems.map(|p| FieldError::invalid_text(at.clone(), value, p)));
        }
    }
    for field in ["kind", "listKind"] {
        let value = text(object, &format!("/spec/names/{field}"));
        let at = format!("spec.names.{field}");
        if value.is_empty() {
            errors.push(FieldError::required(at, ""));
        } else {
            let problems = names::dns1035_label(&value.to_lowercase()).into_iter();
            errors.extend(problems.map(|p| {
                FieldError::invalid_text(
                    at.clone(),
                    value,
                    format!("may have mixed case, but should otherwise match: {p}"),
                )
            }));
        }
    }
    check_versions(object, errors);
    check_group_is_free(check, group, errors);
    if check.old.is_some_and(|old| old.pointer("/spec/group") != object.pointer("/spec/group")) {
        super::immutable(check, "/spec/group", "spec.group", errors);
    }
    super::immutable(check, "/spec/names/plural", "spec.names.plural", errors);
    super::immutable(check, "/spec/scope", "spec.scope", errors);
}

fn check_versions(object: &Value, errors: &mut Vec<FieldError>) {
    let versions = list(object, "/spec/versions");
    let mut seen = std::collections::BTreeSet::new();
    for (i, version) in versions.iter().enumerate() {
        let at = format!("spec.versions[{i}]");
        let name = text(version, "/name");
        if !seen.insert(name) {
            errors.push(FieldError::invalid("spec.versions", &json!(name), "must contain unique version names"));
        }
        let problems = names::dns1035_label(name).into_iter();
        errors.extend(problems.map(|p| FieldError::invalid_text(format!("{at}.name"), name, p)));
        let schema = version.pointer("/schema/openAPIV3Schema").filter(|s| !s.is_null());
        match schema {
            None => errors.push(FieldError::required(format!("{at}.schema.openAPIV3Schema"), "schemas are required")),
            Some(schema) => {
                crd::check_structural(&Place::new(schema, format!("{at}.schema.openAPIV3Schema")), errors);
            }
        }
        let scale = version.pointer("/subresources/scale").filter(|s| !s.is_null());
        if let Some(scale) = scale {
            crd::check_scale(&Place::new(scale, ""), &format!("{at}.subresources"), errors);
        }
    }
    if storage_versions(object).len() != 1 {
        let detail = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid(
            "spec.versions",
            object.pointer("/spec/versions").unwrap_or(&Value::Null),
            detail,
        ));
    }
}

//! Pods and pod templates.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Check, NameRule, list, set, set_absent, text};
use crate::{lifecycle::Creation, names, validate::FieldError};

const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const BEST_EFFORT: &str = "BestEffort";

/// Admission (service account, tolerations, priority), then the empty status.
pub(super) fn create(pod: &mut Value, with: &Creation<'_>) {
    set_absent(pod, &["spec", "serviceAccountName"], || json!("default"));
    let account = text(pod, "/spec/serviceAccountName").to_owned();
    set(pod, &["spec", "serviceAccount"], json!(account));
    if pod.pointer("/spec/automountServiceAccountToken") != Some(&json!(false)) {
        mount_token(pod, with.seed);
    }
    tolerate(pod);
    set_absent(pod, &["spec", "priority"], || json!(0));
    set_absent(pod, &["spec", "preemptionPolicy"], || json!("PreemptLowerPriority"));
    let class = quality(pod);
    set(pod, &["status"], json!({"phase": "Pending", "qosClass": class}));
}

/// Every container that mounts nothing at the token's path gets the projected token.
fn mount_token(pod: &mut Value, seed: u64) {
    let name = format!("kube-api-access-{}", names::suffix(seed ^ 0x5eed));
    let mut mounted = false;
    for kind in ["initContainers", "containers"] {
        let containers = pod.pointer_mut(&format!("/spec/{kind}")).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            if list(container, "/volumeMounts").iter().any(|m| text(m, "/mountPath") == TOKEN_PATH) {
                continue;
            }
            let mut mounts = list(container, "/volumeMounts").to_vec();
            mounts.push(json!({"name": name, "readOnly": true, "mountPath": TOKEN_PATH}));
            set(container, &["volumeMounts"], Value::Array(mounts));
            mounted = true;
        }
    }
    if !mounted {
        return;
    }
    let sources = json!([
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace",
            "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]);
    let mut volumes = list(pod, "/spec/volumes").to_vec();
    volumes.push(json!({"name": name, "projected": {"sources": sources, "defaultMode": 420}}));
    set(pod, &["spec", "volumes"], Value::Array(volumes));
}

fn tolerate(pod: &mut Value) {
    let mut tolerations = list(pod, "/spec/tolerations").to_vec();
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let tolerated = tolerations.iter().any(|t| {
            let effect = text(t, "/effect");
            matches!(text(t, "/key"), k if k == key || k.is_empty()) && (effect == "NoExecute" || effect.is_empty())
        });
        if !tolerated {
            tolerations
                .push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
        }
    }
    set(pod, &["spec", "tolerations"], Value::Array(tolerations));
}

/// The pod's quality of service, from requests and limits of cpu and memory.
fn quality(pod: &Value) -> &'static str {
    let mut any = false;
    let mut guaranteed = true;
    for container in list(pod, "/spec/containers").iter().chain(list(pod, "/spec/initContainers")) {
        for resource in ["cpu", "memory"] {
            let amount = |of: &str| container.pointer(&format!("/resources/{of}/{resource}")).filter(|q| *q != "0");
            let (request, limit) = (amount("requests"), amount("limits"));
            any |= request.is_some() || limit.is_some();
            guaranteed &= limit.is_some() && request.is_none_or(|r| Some(r) == limit);
        }
    }
    match (any, guaranteed) {
        (false, _) => BEST_EFFORT,
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// The fields of a pod's spec that an update may change.
const MUTABLE: [&str; 4] = ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates"];

pub(super) fn validate(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let empty = json!({});
    let spec = check.new.get("spec").unwrap_or(&empty);
    check_spec(spec, "spec", errors);
    let Some(old) = check.old else { return };
    if without_mutable(spec) != without_mutable(old.get("spec").unwrap_or(&empty)) {
        let detail = "pod updates may not change fields other than `spec.containers[*].image`,\
            `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
            tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        errors.push(FieldError::forbidden("spec", detail));
    }
}

fn without_mutable(spec: &Value) -> Value {
    let mut spec = spec.clone();
    if let Value::Object(fields) = &mut spec {
        for field in MUTABLE {
            fields.remove(field);
        }
        for kind in ["containers", "initContainers"] {
            for container in fields.get_mut(kind).and_then(Value::as_array_mut).into_iter().flatten() {
                if let Value::Object(container) = container {
                    container.remove("image");
                }
            }
        }
    }
    spec
}

pub(super) fn validate_template(check: Check<'_>, errors: &mut Vec<FieldError>) {
    check_template(check.new.get("template").unwrap_or(&Value::Null), "template", errors);
}

/// A template: its labels and annotations, then its spec.
pub(super) fn check_template(template: &Value, at: &str, errors: &mut Vec<FieldError>) {
    crate::lifecycle::check_labels(template, &format!("{at}.metadata"), errors);
    check_spec(template.get("spec").unwrap_or(&Value::Null), &format!("{at}.spec"), errors);
}

/// What a person gets wrong in a pod's spec.
pub(super) fn check_spec(spec: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let volumes = check_volumes(spec, at, errors);
    let containers = list(spec, "/containers");
    if containers.is_empty() {
        errors.push(FieldError::required(format!("{at}.containers"), ""));
    }
    let mut seen = BTreeSet::new();
    for kind in ["containers", "initContainers"] {
        for (i, container) in list(spec, &format!("/{kind}")).iter().enumerate() {
            check_container(container, &format!("{at}.{kind}[{i}]"), &volumes, &mut seen, errors);
        }
    }
    let policy = text(spec, "/restartPolicy");
    if !matches!(policy, "" | "Always" | "OnFailure" | "Never") {
        let allowed = &["Always", "OnFailure", "Never"];
        errors.push(FieldError::not_supported(format!("{at}.restartPolicy"), &json!(policy), allowed));
    }
    let dns = text(spec, "/dnsPolicy");
    if !matches!(dns, "" | "ClusterFirst" | "ClusterFirstWithHostNet" | "Default" | "None") {
        let allowed = &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
        errors.push(FieldError::not_supported(format!("{at}.dnsPolicy"), &json!(dns), allowed));
    }
    let account = text(spec, "/serviceAccountName");
    if !account.is_empty() {
        for problem in NameRule::Subdomain.check(account, false) {
            errors.push(FieldError::invalid_text(format!("{at}.serviceAccountName"), account, problem));
        }
    }
}

fn check_name(name: &str, at: &str, errors: &mut Vec<FieldError>) {
    if name.is_empty() {
        errors.push(FieldError::required(at, ""));
    } else {
        for problem in names::dns1123_label(name) {
            errors.push(FieldError::invalid_text(at, name, problem));
        }
    }
}

fn check_volumes<'a>(spec: &'a Value, at: &str, errors: &mut Vec<FieldError>) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    for (i, volume) in list(spec, "/volumes").iter().enumerate() {
        let name = text(volume, "/name");
        let at = format!("{at}.volumes[{i}]");
        check_name(name, &format!("{at}.name"), errors);
        if !name.is_empty() && !seen.insert(name) {
            errors.push(FieldError::duplicate(format!("{at}.name"), &json!(name)));
        }
        let sources = volume.as_object().map_or(0, |v| v.keys().filter(|k| *k != "name").count());
        if sources > 1 {
            errors.push(FieldError::forbidden(at, "may not specify more than 1 volume type"));
        }
    }
    seen
}

fn check_container<'a>(
    container: &'a Value,
    at: &str,
    volumes: &BTreeSet<&str>,
    seen: &mut BTreeSet<&'a str>,
    errors: &mut Vec<FieldError>,
) {
    let name = text(container, "/name");
    check_name(name, &format!("{at}.name"), errors);
    if !name.is_empty() && !seen.insert(name) {
        errors.push(FieldError::duplicate(format!("{at}.name"), &json!(name)));
    }
    let image = text(container, "/image");
    if image.is_empty() {
        errors.push(FieldError::required(format!("{at}.image"), ""));
    } else if image.trim() != image {
        let detail = "must not have leading or trailing whitespace";
        errors.push(FieldError::invalid_text(format!("{at}.image"), image, detail));
    }
    for (i, port) in list(container, "/ports").iter().enumerate() {
        check_port(port, &format!("{at}.ports[{i}]"), errors);
    }
    for (i, variable) in list(container, "/env").iter().enumerate() {
        let name = text(variable, "/name");
        let field = format!("{at}.env[{i}].name");
        if name.is_empty() {
            errors.push(FieldError::required(field, ""));
        } else {
            let problems = names::environment_name(name).into_iter();
            errors.extend(problems.map(|p| FieldError::invalid_text(field.clone(), name, p)));
        }
    }
    check_resources(container, at, errors);
    let mut paths = BTreeSet::new();
    for (i, mount) in list(container, "/volumeMounts").iter().enumerate() {
        let (name, path) = (text(mount, "/name"), text(mount, "/mountPath"));
        let at = format!("{at}.volumeMounts[{i}]");
        if name.is_empty() {
            errors.push(FieldError::required(format!("{at}.name"), ""));
        } else if !volumes.contains(name) {
            errors.push(FieldError::not_found(format!("{at}.name"), &json!(name)));
        }
        if path.is_empty() {
            errors.push(FieldError::required(format!("{at}.mountPath"), ""));
        } else if !paths.insert(path) {
            errors.push(FieldError::invalid_text(format!("{at}.mountPath"), path, "must be unique"));
        }
    }
    let policy = text(container, "/imagePullPolicy");
    if !matches!(policy, "" | "Always" | "IfNotPresent" | "Never") {
        let allowed = &["Always", "IfNotPresent", "Never"];
        errors.push(FieldError::not_supported(format!("{at}.imagePullPolicy"), &json!(policy), allowed));
    }
}

/// Requests must not be above limits.
fn check_resources(container: &Value, at: &str, errors: &mut Vec<FieldError>) {
    use crate::quantity::Quantity;
    let requests = container.pointer("/resources/requests").and_then(Value::as_object);
    for (name, request) in requests.into_iter().flatten() {
        let limit = container.pointer("/resources/limits").and_then(|l| l.get(name)).and_then(Value::as_str);
        let parsed = |text: Option<&str>| text.and_then(|t| Quantity::parse(t).ok());
        if let (Some(request), Some(limit), Some(word)) = (parsed(request.as_str()), parsed(limit), limit)
            && request > limit
        {
            let detail = format!("must be less than or equal to {name} limit of {word}");
            errors.push(FieldError::invalid_text(format!("{at}.resources.requests"), &request.canonical(), detail));
        }
    }
}

fn check_port(port: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let name = text(port, "/name");
    if !name.is_empty() {
        for problem in names::port_name(name) {
            errors.push(FieldError::invalid_text(format!("{at}.name"), name, problem));
        }
    }
    match port.get("containerPort").and_then(Value::as_i64) {
        None | Some(0) => errors.push(FieldError::required(format!("{at}.containerPort"), "")),
        Some(1..=65_535) => {}
        Some(number) => {
            let detail = "must be between 1 and 65535, inclusive";
            errors.push(FieldError::invalid(format!("{at}.containerPort"), &json!(number), detail));
        }
    }
    let protocol = text(port, "/protocol");
    if !matches!(protocol, "TCP" | "UDP" | "SCTP") {
        let allowed = &["SCTP", "TCP", "UDP"];
        errors.push(FieldError::not_supported(format!("{at}.protocol"), &json!(protocol), allowed));
    }
}

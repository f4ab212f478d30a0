//! Pods: what admission adds to them, and what of them may change.

use serde_json::{Value, json};

use super::{Check, Place, list, pod_spec, set, set_absent, text};
use crate::{lifecycle::Creation, names, validate::FieldError};

const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const BEST_EFFORT: &str = "BestEffort";

/// Admission (service account, tolerations, priority), then the empty status.
pub(super) fn create(pod: &mut Value, with: &Creation<'_>) {
    set_absent(pod, &["spec", "serviceAccountName"], || json!("default"));
    let account = text(pod, "/spec/serviceAccountName").to_owned();
    set(pod, &["spec", "serviceAccount"], json!(account));
    let wanted = pod.pointer("/spec/automountServiceAccountToken").and_then(Value::as_bool);
    if wanted.unwrap_or(with.mounts_token) {
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
const MAX_INT32: i64 = 2_147_483_647;

pub(super) fn validate(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let object = Place::new(check.new, "");
    let spec = object.at("spec");
    pod_spec::check_spec(&spec, errors);
    pod_spec::check_pod_only(&spec, errors);
    let Some(old) = check.old else {
        if !spec.at("ephemeralContainers").is_empty() {
            errors.push(spec.at("ephemeralContainers").forbidden("cannot be set on create"));
        }
        if !spec.at("nodeName").is_empty() && !spec.at("schedulingGates").is_empty() {
            let detail = "cannot be set until all schedulingGates have been cleared";
            errors.push(spec.at("nodeName").forbidden(detail));
        }
        return;
    };
    check_change(&spec, &Place::new(old, "").at("spec"), errors);
}

/// What a change of a pod's spec may be: images, and little else.
fn check_change(new: &Place<'_>, old: &Place<'_>, errors: &mut Vec<FieldError>) {
    for kind in ["containers", "initContainers"] {
        if new.at(kind).items().count() != old.at(kind).items().count() {
            errors.push(new.at(kind).forbidden("pod updates may not add or remove containers"));
            return;
        }
    }
    let (deadline, before) = (new.at("activeDeadlineSeconds"), old.at("activeDeadlineSeconds").number());
    match (deadline.number(), before) {
        (Some(seconds), _) if !(0..=MAX_INT32).contains(&seconds) => {
            deadline.within(0, MAX_INT32, errors);
            return;
        }
        (Some(seconds), Some(before)) if before < seconds => {
            errors.push(deadline.invalid("must be less than or equal to previous value"));
            return;
        }
        (None, Some(_)) => errors.push(deadline.invalid("must not update from a positive integer to nil value")),
        _ => {}
    }
    check_added_tolerations(&new.at("tolerations"), &old.at("tolerations"), errors);
    for gate in new.at("schedulingGates").items() {
        let name = gate.at("name");
        if !old.at("schedulingGates").items().any(|g| g.at("name").text() == name.text()) {
            let detail = format!("only deletion is allowed, but found new scheduling gate '{}'", name.text());
            errors.push(name.forbidden(detail));
        }
    }
    if without_mutable(new.value) != without_mutable(old.value) {
        let detail = "pod updates may not change fields other than `spec.containers[*].image`,\
            `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
            tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        errors.push(new.forbidden(detail));
    }
}

/// Tolerations that are there stay, but for their seconds.
fn check_added_tolerations(new: &Place<'_>, old: &Place<'_>, errors: &mut Vec<FieldError>) {
    let timeless = |toleration: &Value| {
        let mut toleration = toleration.clone();
        if let Value::Object(fields) = &mut toleration {
            fields.remove("tolerationSeconds");
        }
        toleration
    };
    let kept: Vec<Value> = new.items().map(|t| timeless(t.value)).collect();
    if old.items().any(|t| !kept.contains(&timeless(t.value))) {
        errors.push(new.forbidden("existing toleration can not be modified except its tolerationSeconds"));
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
    pod_spec::check_template(&Place::new(check.new, "").at("template"), errors);
}

//! Volumes, claims to them, and their classes.

use serde_json::{Value, json};

use super::{Check, Place, immutable, list, place::unchanged, pod_spec, selectors, set, text};
use crate::{lifecycle::Creation, names, quantity::Quantity, validate::FieldError};

const ACCESS_MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const POSITIVE: &str = "must be greater than zero";
/// Where a volume may come from, in the order in which the server looks.
const SOURCES: [&str; 22] = [
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
];

fn add_finalizer(object: &mut Value, finalizer: &str) {
    let mut finalizers = list(object, "/metadata/finalizers").to_vec();
    if !finalizers.contains(&json!(finalizer)) {
        finalizers.push(json!(finalizer));
        set(object, &["metadata", "finalizers"], Value::Array(finalizers));
    }
}

pub(super) fn create_claim(object: &mut Value, _: &Creation<'_>) {
    add_finalizer(object, "kubernetes.io/pvc-protection");
    set(object, &["status"], json!({"phase": "Pending"}));
}

pub(super) fn create_volume(object: &mut Value, with: &Creation<'_>) {
    add_finalizer(object, "kubernetes.io/pv-protection");
    let now = crate::typed::time_text(with.now, false);
    set(object, &["status"], json!({"phase": "Pending", "lastPhaseTransitionTime": now}));
}

fn check_modes(modes: &Place<'_>, errors: &mut Vec<FieldError>) {
    let unknown = modes.items().filter(|mode| !ACCESS_MODES.contains(&mode.text()));
    errors.extend(unknown.map(|m| FieldError::not_supported(modes.path.clone(), &json!(m.text()), &ACCESS_MODES)));
    let single = |mode: &Place<'_>| mode.text() == "ReadWriteOncePod";
    let other = |mode: &Place<'_>| !single(mode) && ACCESS_MODES.contains(&mode.text());
    if modes.items().any(|m| single(&m)) && modes.items().any(|m| other(&m)) {
        errors.push(modes.forbidden("may not use ReadWriteOncePod with other access modes"));
    }
}

fn check_class_and_mode(spec: &Place<'_>, errors: &mut Vec<FieldError>) {
    let (class, mode) = (spec.at("storageClassName"), spec.at("volumeMode"));
    if !class.is_empty() {
        class.problems(names::dns1123_subdomain(class.text()), errors);
    }
    if mode.is_set() && !matches!(mode.text(), "Block" | "Filesystem") {
        errors.push(mode.not_supported(&["Block", "Filesystem"]));
    }
}

fn is_positive(amount: &Place<'_>) -> bool {
    Quantity::parse(amount.text()).is_ok_and(|q| q.milli() > 0)
}

pub(super) fn claim(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let spec = Place::new(check.new, "").at("spec");
    let modes = spec.at("accessModes");
    if modes.is_empty() {
        errors.push(modes.required("at least 1 access mode is required"));
    }
    if spec.at("selector").is_set() {
        selectors::check(&spec.at("selector"), errors);
    }
    check_modes(&modes, errors);
    let asked = spec.at("resources").at("requests").at("storage");
    // The server leaves `requests` out of the path.
    let asked = Place::new(asked.value, "spec.resources[storage]");
    if asked.is_empty() {
        errors.push(asked.required(""));
    } else if !is_positive(&asked) {
        errors.push(asked.invalid(POSITIVE));
    }
    check_class_and_mode(&spec, errors);
    if let Some(old) = check.old {
        check_claim_change(check.new, old, errors);
    }
}

/// A claim keeps what it claims; one that is bound may ask for more.
fn check_claim_change(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let bound = text(new, "/status/phase") == "Bound";
    let fixed = |object: &Value| {
        let mut spec = object.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
        if bound {
            spec.remove("resources");
            spec.remove("volumeAttributesClassName");
        }
        // The binder names the volume once, and the class where there was none.
        for (field, pointer) in [("volumeName", "/spec/volumeName"), ("storageClassName", "/spec/storageClassName")] {
            if text(old, pointer).is_empty() {
                spec.remove(field);
            }
        }
        spec
    };
    if fixed(old) != fixed(new) {
        let detail = "spec is immutable after creation except resources.requests and volumeAttributesClassName for \
                      bound claims";
        errors.push(FieldError::forbidden("spec", detail));
    }
    let size = |object, pointer| Quantity::parse(text(object, pointer)).ok();
    let pointer = "/spec/resources/requests/storage";
    if let (Some(asked), Some(before)) = (size(new, pointer), size(old, pointer))
        && asked < before
        && size(old, "/status/capacity/storage").is_some_and(|held| asked <= held)
    {
        let detail = "field can not be less than status.capacity";
        errors.push(FieldError::forbidden("spec.resources.requests.storage", detail));
    }
}

pub(super) fn volume(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let spec = Place::new(check.new, "").at("spec");
    let (modes, capacity) = (spec.at("accessModes"), spec.at("capacity"));
    if modes.is_empty() {
        errors.push(modes.required(""));
    }
    check_modes(&modes, errors);
    if capacity.is_empty() {
        errors.push(capacity.required(""));
    }
    if !capacity.at("storage").is_set() || capacity.entries().count() > 1 {
        errors.push(FieldError::not_supported(capacity.path.clone(), capacity.value, &["storage"]));
    }
    let wrong = capacity.entries().filter(|(_, amount)| !is_positive(amount));
    errors.extend(wrong.map(|(_, amount)| amount.invalid(POSITIVE)));
    let policy = spec.at("persistentVolumeReclaimPolicy");
    if !policy.is_empty() && !matches!(policy.text(), "Delete" | "Recycle" | "Retain") {
        errors.push(policy.not_supported(&["Delete", "Recycle", "Retain"]));
    }
    let affinity = spec.at("nodeAffinity");
    if affinity.is_set() {
        if affinity.at("required").is_set() {
            pod_spec::check_node_selector(&affinity.at("required"), errors);
        } else {
            errors.push(affinity.at("required").required("must specify required node constraints"));
        }
    }
    check_source(&spec, errors);
    check_class_and_mode(&spec, errors);
    let Some(old) = check.old else { return };
    let source = |object: &Value| -> Vec<Value> {
        SOURCES.iter().map(|s| object.pointer(&format!("/spec/{s}")).cloned().unwrap_or_default()).collect()
    };
    if source(check.new) != source(old) {
        let detail = "spec.persistentvolumesource is immutable after creation";
        errors.push(FieldError::forbidden("spec.persistentvolumesource", detail));
    }
    immutable(check, "/spec/volumeMode", "volumeMode", errors);
}

fn check_source(spec: &Place<'_>, errors: &mut Vec<FieldError>) {
    let mut sources = SOURCES.iter().map(|name| spec.at(name)).filter(Place::is_set);
    let Some(source) = sources.next() else {
        errors.push(spec.required("must specify a volume type"));
        return;
    };
    let name = source.path.rsplit('.').next().unwrap_or_default();
    match name {
        "hostPath" | "local" if source.at("path").is_empty() => errors.push(source.at("path").required("")),
        "nfs" => {
            for member in ["server", "path"] {
                if source.at(member).is_empty() {
                    errors.push(source.at(member).required(""));
                }
            }
            if !source.at("path").is_empty() && !source.at("path").text().starts_with('/') {
                errors.push(source.at("path").invalid("must be an absolute path"));
            }
        }
        "csi" => {
            if source.at("driver").is_empty() {
                errors.push(source.at("driver").required(""));
            }
            if source.at("volumeHandle").is_empty() {
                errors.push(source.at("volumeHandle").required(""));
            }
        }
        _ => {}
    }
    if name == "local" && !spec.at("nodeAffinity").at("required").is_set() {
        errors.push(spec.at("nodeAffinity").required("Local volume requires node affinity"));
    }
    errors.extend(sources.map(|more| more.forbidden("may not specify more than 1 volume type")));
}

pub(super) fn class(check: Check<'_>, errors: &mut Vec<FieldError>) {
    let object = Place::new(check.new, "");
    let (provisioner, policy) = (object.at("provisioner"), object.at("reclaimPolicy"));
    let mode = object.at("volumeBindingMode");
    if let Some(old) = check.old {
        let old = Place::new(old, "");
        for member in ["parameters", "provisioner", "reclaimPolicy"] {
            if object.at(member).value != old.at(member).value {
                errors.push(FieldError::forbidden(member, format!("updates to {member} are forbidden.")));
            }
        }
        unchanged(&mode, &old.at("volumeBindingMode"), errors);
        return;
    }
    if provisioner.is_empty() {
        errors.push(provisioner.required(""));
    } else {
        provisioner.problems(names::qualified_name(&provisioner.text().to_lowercase()), errors);
    }
    if policy.is_set() && !matches!(policy.text(), "Delete" | "Retain") {
        errors.push(policy.not_supported(&["Delete", "Retain"]));
    }
    if mode.is_set() && !matches!(mode.text(), "Immediate" | "WaitForFirstConsumer") {
        errors.push(mode.not_supported(&["Immediate", "WaitForFirstConsumer"]));
    }
}

//! Security contexts of pods and containers.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::MAX_INT32;
use crate::{kinds::Place, validate::FieldError};

const SYSCTL: &str = "must have at most 253 characters and match regex \
^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";

/// The pod's own context, and what of the spec belongs to it.
pub(super) fn check_pod(spec: &Place<'_>, errors: &mut Vec<FieldError>) {
    let context = spec.at("securityContext");
    for field in ["fsGroup", "runAsUser", "runAsGroup"] {
        context.at(field).within(0, MAX_INT32, errors);
    }
    context.at("supplementalGroups").items().for_each(|group| group.within(0, MAX_INT32, errors));
    let shared = spec.at("shareProcessNamespace");
    if shared.is_true() && spec.at("hostPID").is_true() {
        let detail = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.push(FieldError::invalid(context.at("shareProcessNamespace").path, &json!(true), detail));
    }
    let mut seen = BTreeSet::new();
    for sysctl in context.at("sysctls").items() {
        let name = sysctl.at("name");
        if name.is_empty() {
            errors.push(name.required(""));
        } else if !is_sysctl(name.text()) {
            errors.push(name.invalid(SYSCTL));
        } else if !seen.insert(name.text()) {
            errors.push(name.duplicate());
        }
    }
    let change = context.at("fsGroupChangePolicy");
    if change.is_set() && !matches!(change.text(), "Always" | "OnRootMismatch") {
        errors.push(change.not_supported(&["Always", "OnRootMismatch"]));
    }
    check_seccomp(&context.at("seccompProfile"), errors);
}

fn is_sysctl(name: &str) -> bool {
    let small = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= 253
        && name.split(['.', '/']).all(|part| {
            let bytes = part.as_bytes();
            bytes.first().is_some_and(|b| small(*b))
                && bytes.last().is_some_and(|b| small(*b))
                && bytes.iter().all(|b| small(*b) || matches!(b, b'-' | b'_'))
        })
}

fn check_seccomp(profile: &Place<'_>, errors: &mut Vec<FieldError>) {
    if !profile.is_set() {
        return;
    }
    let (ty, local) = (profile.at("type"), profile.at("localhostProfile"));
    match ty.text() {
        "Localhost" | "RuntimeDefault" | "Unconfined" => {}
        "" => errors.push(ty.required("type is required when seccompProfile is set")),
        _ => errors.push(ty.not_supported(&["Localhost", "RuntimeDefault", "Unconfined"])),
    }
    if ty.text() == "Localhost" && !local.is_set() {
        errors.push(local.required("must be set when seccomp type is Localhost"));
    } else if ty.text() != "Localhost" && local.is_set() {
        let shown = json!({"Type": ty.text(), "LocalhostProfile": local.value});
        errors.push(FieldError::invalid(local.path, &shown, "can only be set when seccomp type is Localhost"));
    }
}

pub(super) fn check_container(context: &Place<'_>, errors: &mut Vec<FieldError>) {
    if !context.is_set() {
        return;
    }
    for field in ["runAsUser", "runAsGroup"] {
        context.at(field).within(0, MAX_INT32, errors);
    }
    let mount = context.at("procMount");
    if mount.is_set() && !matches!(mount.text(), "Default" | "Unmasked") {
        errors.push(mount.not_supported(&["Default", "Unmasked"]));
    }
    check_seccomp(&context.at("seccompProfile"), errors);
    if context.value.get("allowPrivilegeEscalation") != Some(&Value::Bool(false)) {
        return;
    }
    let mut wrong = |with: &str| {
        let detail = format!("cannot set `allowPrivilegeEscalation` to false and {with}");
        errors.push(FieldError::invalid_printed(context.path.clone(), printed(context), detail));
    };
    if context.at("privileged").is_true() {
        wrong("`privileged` to true");
    }
    if context.at("capabilities").at("add").items().any(|c| c.text() == "CAP_SYS_ADMIN") {
        wrong("`capabilities.Add` CAP_SYS_ADMIN");
    }
}

/// The context as the server prints it: its own structure, which has no JSON names.
fn printed(context: &Place<'_>) -> String {
    const FIELDS: [(&str, &str); 11] = [
        ("Privileged", "privileged"),
        ("SELinuxOptions", "seLinuxOptions"),
        ("WindowsOptions", "windowsOptions"),
        ("RunAsUser", "runAsUser"),
        ("RunAsGroup", "runAsGroup"),
        ("RunAsNonRoot", "runAsNonRoot"),
        ("ReadOnlyRootFilesystem", "readOnlyRootFilesystem"),
        ("AllowPrivilegeEscalation", "allowPrivilegeEscalation"),
        ("ProcMount", "procMount"),
        ("SeccompProfile", "seccompProfile"),
        ("AppArmorProfile", "appArmorProfile"),
    ];
    let capabilities = context.at("capabilities");
    let capabilities = match capabilities.value {
        Value::Object(c) => {
            let list = |name: &str| c.get(name).unwrap_or(&Value::Null).to_string();
            format!("{{\"Add\":{},\"Drop\":{}}}", list("add"), list("drop"))
        }
        _ => "null".to_owned(),
    };
    let nothing = Map::new();
    let context = context.value.as_object().unwrap_or(&nothing);
    let rest = FIELDS.map(|(go, json)| format!("\"{go}\":{}", context.get(json).unwrap_or(&Value::Null)));
    format!("{{\"Capabilities\":{capabilities},{}}}", rest.join(","))
}

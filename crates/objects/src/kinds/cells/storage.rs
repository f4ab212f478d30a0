//! Rows of claims, volumes and quotas.

use serde_json::{Value, json};

use super::{
    super::{list, text},
    shared::{Row, access_modes},
};

fn phase(object: &Value) -> Value {
    let terminating = !text(object, "/metadata/deletionTimestamp").is_empty();
    json!(if terminating { "Terminating" } else { text(object, "/status/phase") })
}

pub(super) fn claim(row: &Row<'_>) -> Vec<Value> {
    let object = row.object;
    let bound = !text(object, "/spec/volumeName").is_empty();
    let (capacity, modes) = if bound {
        (text(object, "/status/capacity/storage"), access_modes(list(object, "/status/accessModes")))
    } else {
        ("", String::new())
    };
    let or_unset = |pointer: &str| match text(object, pointer) {
        "" => "<unset>",
        value => value,
    };
    vec![
        row.name(),
        phase(object),
        json!(text(object, "/spec/volumeName")),
        json!(capacity),
        json!(modes),
        json!(text(object, "/spec/storageClassName")),
        json!(or_unset("/spec/volumeAttributesClassName")),
        row.age(),
        json!(or_unset("/spec/volumeMode")),
    ]
}

pub(super) fn volume(row: &Row<'_>) -> Vec<Value> {
    let object = row.object;
    let claim = match text(object, "/spec/claimRef/name") {
        "" => String::new(),
        name => format!("{}/{name}", text(object, "/spec/claimRef/namespace")),
    };
    let or_unset = |pointer: &str| match text(object, pointer) {
        "" => "<unset>",
        value => value,
    };
    vec![
        row.name(),
        json!(text(object, "/spec/capacity/storage")),
        json!(access_modes(list(object, "/spec/accessModes"))),
        json!(text(object, "/spec/persistentVolumeReclaimPolicy")),
        phase(object),
        json!(claim),
        json!(text(object, "/spec/storageClassName")),
        json!(or_unset("/spec/volumeAttributesClassName")),
        json!(text(object, "/status/reason")),
        row.age(),
        json!(or_unset("/spec/volumeMode")),
    ]
}

pub(super) fn quota(row: &Row<'_>) -> Vec<Value> {
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    let hard = row.object.pointer("/spec/hard").and_then(Value::as_object);
    for (name, hard) in hard.into_iter().flatten() {
        let used = row.object.pointer("/status/used").and_then(|u| u.get(name)).and_then(Value::as_str).unwrap_or("0");
        let entry = format!("{name}: {used}/{}", hard.as_str().unwrap_or(""));
        if name.starts_with("limits") { limits.push(entry) } else { requests.push(entry) }
    }
    vec![row.name(), json!(requests.join(", ")), json!(limits.join(", ")), row.age()]
}

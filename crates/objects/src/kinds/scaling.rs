//! What is served in more than one version or group: autoscalers and events.

use serde_json::{Map, Value, json};

use super::text;
use crate::registry::ResourceType;

/// Turns an object of one version into another of the same resource.
pub(crate) fn convert(mut object: Value, from: &ResourceType, to: &ResourceType) -> Value {
    if from.custom.is_none() {
        match (from.group.as_str(), from.version.as_str(), to.group.as_str(), to.version.as_str()) {
            ("autoscaling", "v1", "autoscaling", "v2") => to_v2(&mut object),
            ("autoscaling", "v2", "autoscaling", "v1") => to_v1(&mut object),
            ("events.k8s.io", _, "", _) => rename_event(&mut object, false),
            ("", _, "events.k8s.io", _) if from.plural == "events" => rename_event(&mut object, true),
            _ => {}
        }
    }
    if let Value::Object(fields) = &mut object {
        fields.insert("apiVersion".to_owned(), json!(to.api_version()));
        fields.insert("kind".to_owned(), json!(to.kind));
    }
    if from.api_version() != to.api_version()
        && let Some(id) = to.message()
    {
        return crate::typed::read(id, &object).value;
    }
    object
}

fn is_cpu_share(metric: &Value) -> bool {
    text(metric, "/type") == "Resource" && text(metric, "/resource/name") == "cpu"
}

fn to_v2(object: &mut Value) {
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if let Some(share) = spec.remove("targetCPUUtilizationPercentage").filter(|s| !s.is_null()) {
        let target = json!({"type": "Utilization", "averageUtilization": share});
        let metric = json!({"type": "Resource", "resource": {"name": "cpu", "target": target}});
        spec.insert("metrics".to_owned(), json!([metric]));
    }
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut)
        && let Some(share) = status.remove("currentCPUUtilizationPercentage").filter(|s| !s.is_null())
    {
        let current = json!({"averageUtilization": share, "averageValue": "0"});
        let metric = json!({"type": "Resource", "resource": {"name": "cpu", "current": current}});
        status.insert("currentMetrics".to_owned(), json!([metric]));
    }
}

fn to_v1(object: &mut Value) {
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
        && let Some(Value::Array(metrics)) = spec.remove("metrics")
    {
        let share =
            metrics.iter().find(|m| is_cpu_share(m)).and_then(|m| m.pointer("/resource/target/averageUtilization"));
        if let Some(share) = share {
            spec.insert("targetCPUUtilizationPercentage".to_owned(), share.clone());
        }
    }
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        let metrics = status.remove("currentMetrics");
        let list = metrics.as_ref().and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
        let share =
            list.iter().find(|m| is_cpu_share(m)).and_then(|m| m.pointer("/resource/current/averageUtilization"));
        if let Some(share) = share {
            status.insert("currentCPUUtilizationPercentage".to_owned(), share.clone());
        }
        status.remove("conditions");
        status.entry("currentReplicas").or_insert(json!(0));
    }
}

/// Names of an event's fields in `v1` and in `events.k8s.io/v1`.
const EVENT_FIELDS: [(&str, &str); 6] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

fn rename_event(object: &mut Value, newer: bool) {
    let controller = if newer {
        ("reportingComponent", "reportingController")
    } else {
        ("reportingController", "reportingComponent")
    };
    let Value::Object(fields) = object else { return };
    let rename = |from: &str, to: &str, fields: &mut Map<String, Value>| {
        if let Some(value) = fields.remove(from) {
            fields.insert(to.to_owned(), value);
        }
    };
    for (old, new) in EVENT_FIELDS {
        let (from, to) = if newer { (old, new) } else { (new, old) };
        rename(from, to, fields);
    }
    rename(controller.0, controller.1, fields);
}

//! Defaults: what decoding fills in, wherever a message stands. Constants are data; what depends on other fields is
//! here.

use std::{collections::HashMap, sync::LazyLock};

use serde_json::{Map, Value, json};

use crate::model::{self, MODEL, Message, MessageId, Type};

static CONSTANTS: LazyLock<HashMap<&'static str, Map<String, Value>>> =
    LazyLock::new(|| model::parse(include_str!("../../data/defaults.json")));

/// Fills in the defaults of an object and of all that it holds.
pub(crate) fn fill(message: MessageId, object: &mut Value) {
    walk(MODEL.get(message), object);
}

/// The constant default of a message's field.
pub(crate) fn constant(message: &Message, field: &str) -> Option<Value> {
    CONSTANTS.get(short(message.name).as_str())?.get(field).cloned()
}

fn walk(message: &'static Message, value: &mut Value) {
    let Value::Object(object) = value else { return };
    let name = short(message.name);
    if let Some(constants) = CONSTANTS.get(name.as_str()) {
        for (field, constant) in constants {
            if lacks(object, field) {
                object.insert(field.clone(), constant.clone());
            }
        }
    }
    conditional(&name, object);
    let keys: Vec<String> = object.keys().cloned().collect();
    for key in keys {
        if let (Some(field), Some(value)) = (message.field(&key), object.get_mut(&key)) {
            walk_type(&field.ty, value);
        }
    }
}

fn walk_type(ty: &'static Type, value: &mut Value) {
    match (ty, value) {
        (Type::Message(id), value) => walk(MODEL.get(*id), value),
        (Type::List(item), Value::Array(items)) => items.iter_mut().for_each(|v| walk_type(item, v)),
        (Type::Map(item), Value::Object(entries)) => entries.values_mut().for_each(|v| walk_type(item, v)),
        _ => {}
    }
}

/// `core.v1.PodSpec` of a full message name.
fn short(name: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    parts.get(parts.len().saturating_sub(3)..).unwrap_or_default().join(".")
}

/// Whether a field is absent, null or an empty text.
fn lacks(object: &Map<String, Value>, field: &str) -> bool {
    match object.get(field) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    }
}

fn default(object: &mut Map<String, Value>, field: &str, value: impl FnOnce() -> Value) {
    if lacks(object, field) {
        object.insert(field.to_owned(), value());
    }
}

fn text<'a>(object: &'a Map<String, Value>, field: &str) -> &'a str {
    object.get(field).and_then(Value::as_str).unwrap_or("")
}

/// A member object, made where it is absent.
pub(super) fn member<'a>(object: &'a mut Map<String, Value>, field: &str) -> Option<&'a mut Map<String, Value>> {
    let slot = object.entry(field).or_insert_with(|| json!({}));
    if slot.is_null() {
        *slot = json!({});
    }
    slot.as_object_mut()
}

fn conditional(name: &str, object: &mut Map<String, Value>) {
    match name {
        "core.v1.Container" | "core.v1.EphemeralContainer" => {
            let policy = if pulls_always(text(object, "image")) { "Always" } else { "IfNotPresent" };
            default(object, "imagePullPolicy", || json!(policy));
        }
        "core.v1.PodSpec" => pod_spec(object),
        "core.v1.Pod" => pod(object),
        "core.v1.Namespace" => {
            if let Some(metadata) = member(object, "metadata")
                && let name = text(metadata, "name").to_owned()
                && !name.is_empty()
                && let Some(labels) = member(metadata, "labels")
            {
                labels.insert("kubernetes.io/metadata.name".to_owned(), json!(name));
            }
        }
        "core.v1.Volume" if object.len() == 1 => drop(object.insert("emptyDir".to_owned(), json!({}))),
        "core.v1.Secret" => secret(object),
        "core.v1.ServiceSpec" => service(object),
        "core.v1.ReplicationController" => controller(object),
        "core.v1.LimitRangeItem" => limits(object),
        "apps.v1.DeploymentSpec" => drop(member(object, "strategy")),
        "apps.v1.StatefulSetSpec" => {
            for claim in object.get_mut("volumeClaimTemplates").and_then(Value::as_array_mut).into_iter().flatten() {
                let Some(claim) = claim.as_object_mut() else { continue };
                default(claim, "apiVersion", || json!("v1"));
                default(claim, "kind", || json!("PersistentVolumeClaim"));
                if let Some(status) = member(claim, "status") {
                    default(status, "phase", || json!("Pending"));
                }
            }
            member(object, "updateStrategy");
            member(object, "persistentVolumeClaimRetentionPolicy");
        }
        "apps.v1.DaemonSetSpec" => drop(member(object, "updateStrategy")),
        "apps.v1.DeploymentStrategy" => {
            rolling(object, &[("maxUnavailable", json!("25%")), ("maxSurge", json!("25%"))]);
        }
        "apps.v1.StatefulSetUpdateStrategy" => rolling(object, &[("partition", json!(0))]),
        "apps.v1.DaemonSetUpdateStrategy" => {
            rolling(object, &[("maxUnavailable", json!(1)), ("maxSurge", json!(0))]);
        }
        // A cron job's template keeps what it is given: its jobs are defaulted when they are made.
        "batch.v1.Job" => drop(member(object, "spec").map(job)),
        "networking.v1.NetworkPolicySpec" => {
            let egress = object.get("egress").and_then(Value::as_array).is_some_and(|e| !e.is_empty());
            default(object, "policyTypes", || if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) });
        }
        "autoscaling.v2.HorizontalPodAutoscalerSpec" => default(object, "metrics", || {
            json!([{"type": "Resource", "resource":
                {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}])
        }),
        "autoscaling.v1.HorizontalPodAutoscalerSpec" => {
            default(object, "targetCPUUtilizationPercentage", || json!(80));
        }
        "rbac.v1.Subject" if matches!(text(object, "kind"), "User" | "Group") => {
            default(object, "apiGroup", || json!("rbac.authorization.k8s.io"));
        }
        "apiextensions.v1.CustomResourceDefinitionSpec" => {
            if let Some(names) = member(object, "names") {
                let kind = text(names, "kind").to_owned();
                default(names, "singular", || json!(kind.to_lowercase()));
                default(names, "listKind", || json!(format!("{kind}List")));
            }
        }
        _ => {}
    }
}

/// No tag, or `latest`, and no digest.
fn pulls_always(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    !name.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn rolling(object: &mut Map<String, Value>, constants: &[(&str, Value)]) {
    if text(object, "type") != "RollingUpdate" {
        return;
    }
    if let Some(rolling) = member(object, "rollingUpdate") {
        for (field, constant) in constants {
            default(rolling, field, || constant.clone());
        }
    }
}

fn pod_spec(spec: &mut Map<String, Value>) {
    let account = text(spec, "serviceAccountName").to_owned();
    let old = text(spec, "serviceAccount").to_owned();
    // Two names of one field: the newer wins.
    match (account.is_empty(), old.is_empty()) {
        (true, false) => drop(spec.insert("serviceAccountName".to_owned(), json!(old))),
        (false, _) => drop(spec.insert("serviceAccount".to_owned(), json!(account))),
        (true, true) => {}
    }
    if spec.get("hostNetwork") == Some(&Value::Bool(true)) {
        for list in ["containers", "initContainers"] {
            for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                for port in container.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
                    if let Some(port) = port.as_object_mut() {
                        let number = port.get("containerPort").cloned().unwrap_or(json!(0));
                        default(port, "hostPort", || number);
                    }
                }
            }
        }
    }
}

/// A pod itself, not a template: requests follow limits, and service links are on.
fn pod(pod: &mut Map<String, Value>) {
    let Some(spec) = member(pod, "spec") else { return };
    default(spec, "enableServiceLinks", || json!(true));
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(resources) = container.get_mut("resources").and_then(Value::as_object_mut) else { continue };
            let Some(limits) = resources.get("limits").and_then(Value::as_object).cloned() else { continue };
            if let Some(requests) = member(resources, "requests") {
                for (name, limit) in limits {
                    requests.entry(name).or_insert(limit);
                }
            }
        }
    }
}

/// `stringData` is written into `data`.
fn secret(secret: &mut Map<String, Value>) {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let Some(Value::Object(texts)) = secret.remove("stringData") else { return };
    if let Some(data) = member(secret, "data") {
        for (key, value) in texts {
            data.insert(key, Value::from(STANDARD.encode(value.as_str().unwrap_or(""))));
        }
    }
}

fn service(spec: &mut Map<String, Value>) {
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(port) = port.as_object_mut() else { continue };
        let number = port.get("port").cloned().unwrap_or(json!(0));
        if lacks(port, "targetPort") || port.get("targetPort") == Some(&json!(0)) {
            port.insert("targetPort".to_owned(), number);
        }
    }
    if text(spec, "sessionAffinity") == "ClientIP" {
        let client = member(spec, "sessionAffinityConfig").and_then(|config| member(config, "clientIP"));
        if let Some(client) = client {
            default(client, "timeoutSeconds", || json!(10_800));
        }
    }
    let ty = text(spec, "type").to_owned();
    let external = spec.get("externalIPs").and_then(Value::as_array).is_some_and(|ips| !ips.is_empty());
    if matches!(ty.as_str(), "NodePort" | "LoadBalancer") || (ty == "ClusterIP" && external) {
        default(spec, "externalTrafficPolicy", || json!("Cluster"));
    }
    if ty != "ExternalName" {
        default(spec, "internalTrafficPolicy", || json!("Cluster"));
    }
    if ty == "LoadBalancer" {
        default(spec, "allocateLoadBalancerNodePorts", || json!(true));
    }
}

/// Selector and labels follow the template's labels.
fn controller(object: &mut Map<String, Value>) {
    let template = object.get("spec").and_then(|s| s.pointer("/template/metadata/labels")).cloned();
    let Some(labels) = template.filter(|l| l.as_object().is_some_and(|l| !l.is_empty())) else { return };
    if let Some(spec) = member(object, "spec") {
        default(spec, "selector", || labels.clone());
    }
    if let Some(metadata) = member(object, "metadata") {
        default(metadata, "labels", || labels);
    }
}

fn limits(item: &mut Map<String, Value>) {
    if text(item, "type") != "Container" {
        return;
    }
    for (to, from) in [("default", "max"), ("defaultRequest", "default"), ("defaultRequest", "min")] {
        let Some(source) = item.get(from).and_then(Value::as_object).cloned() else { continue };
        if let Some(target) = member(item, to) {
            for (name, value) in source {
                target.entry(name).or_insert(value);
            }
        }
    }
}

fn job(spec: &mut Map<String, Value>) {
    if lacks(spec, "completions") && lacks(spec, "parallelism") {
        spec.insert("completions".to_owned(), json!(1));
    }
    default(spec, "parallelism", || json!(1));
    if lacks(spec, "backoffLimit") {
        let per_index = !lacks(spec, "backoffLimitPerIndex");
        spec.insert("backoffLimit".to_owned(), json!(if per_index { i32::MAX } else { 6 }));
    }
    default(spec, "completionMode", || json!("NonIndexed"));
    default(spec, "suspend", || json!(false));
    default(spec, "manualSelector", || json!(false));
    let failed = !lacks(spec, "podFailurePolicy");
    default(spec, "podReplacementPolicy", || json!(if failed { "Failed" } else { "TerminatingOrFailed" }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_constant_is_of_a_field() {
        assert!(CONSTANTS.len() > 40);
        let all: HashMap<String, &'static str> = MODEL.names().map(|name| (short(name), name)).collect();
        for (message, fields) in CONSTANTS.iter() {
            let message = MODEL.get(MODEL.find(all[*message]).unwrap());
            for field in fields.keys() {
                assert!(message.field(field).is_some(), "{} {field}", message.name);
            }
        }
    }

    #[test]
    fn pull_policies() {
        for (image, always) in [
            ("nginx", true),
            ("nginx:latest", true),
            ("nginx:1", false),
            ("r:5000/x", true),
            ("r:5000/x:1", false),
            ("x@sha256:0", false),
        ] {
            assert_eq!(pulls_always(image), always, "{image}");
        }
    }
}

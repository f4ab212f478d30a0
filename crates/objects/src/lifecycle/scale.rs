//! The subresource `scale`.

use serde_json::{Map, Value, json};

use crate::{
    kinds::{set, text},
    registry::ResourceType,
    selector::LabelSelector,
    status::Status,
    typed,
    validate::FieldError,
};

/// Where a custom resource keeps what a `Scale` shows, as JSON pointers.
fn scale_paths(resource: &ResourceType) -> Option<(String, String, Option<String>)> {
    if let Some(custom) = &resource.custom {
        let scale = custom.scale.as_ref()?;
        let path = |key: &str| scale.get(key).and_then(Value::as_str).map(|p| p.replace('.', "/"));
        return Some((path("specReplicasPath")?, path("statusReplicasPath")?, path("labelSelectorPath")));
    }
    resource.subresource("scale")?;
    Some(("/spec/replicas".to_owned(), "/status/replicas".to_owned(), None))
}

/// The `autoscaling/v1 Scale` of a scalable object; `None` where the type has none.
pub fn scale_of(resource: &ResourceType, object: &Value) -> Option<Value> {
    let (spec, status, selector) = scale_paths(resource)?;
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let mut metadata = Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object.pointer(&format!("/metadata/{field}")) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    let selector = match selector {
        Some(pointer) => text(object, &pointer).to_owned(),
        None => selector_text(object.pointer("/spec/selector").unwrap_or(&Value::Null)),
    };
    let scale = json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
        "spec": {"replicas": number(&spec)}, "status": {"replicas": number(&status), "selector": selector}});
    typed::read_kind("autoscaling", "v1", "Scale", &scale).map(|reading| reading.value)
}

/// A selector as a `Scale` prints it.
fn selector_text(selector: &Value) -> String {
    let plain =
        selector.as_object().is_some_and(|s| !s.contains_key("matchLabels") && !s.contains_key("matchExpressions"));
    let wrapped = if plain { json!({"matchLabels": selector}) } else { selector.clone() };
    LabelSelector::from_value(&wrapped).unwrap_or_default().to_string()
}

/// Sets the replicas that a `Scale` asks for.
///
/// # Errors
/// 422 for a negative number, 404 where the type can't be scaled.
pub fn set_scale(resource: &ResourceType, object: &mut Value, scale: &Value) -> Result<(), Status> {
    let Some((spec, ..)) = scale_paths(resource) else { return Err(Status::unknown_path()) };
    let replicas = scale.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(0);
    if replicas < 0 {
        let error = FieldError::invalid("spec.replicas", &json!(replicas), "must be greater than or equal to 0");
        return Err(Status::invalid("autoscaling", "Scale", text(object, "/metadata/name"), &[error]));
    }
    let path: Vec<&str> = spec.split('/').filter(|p| !p.is_empty()).collect();
    set(object, &path, json!(replicas));
    Ok(())
}

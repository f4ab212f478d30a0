//! OpenAPI v3 documents: what `kubectl explain`, client-side validation and older clients read.
//!
//! Schemas are the recorded ones (without descriptions), pasted as text; paths name only what clients look for: the
//! kind at each path, and that a patch takes `fieldValidation`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{
    discovery,
    model::RAW_SCHEMAS,
    registry::{GroupVersionKind, Registry, ResourceType},
};

const REFERENCE: &str = "#/components/schemas/";

/// `GET /openapi/v3`: for each group-version path its document's URL, with a hash that changes when it changes.
pub fn index(registry: &Registry) -> Value {
    let mut paths = Map::new();
    for resource in registry.types() {
        let path = path_of(&resource.group, &resource.version);
        if !paths.contains_key(&path) {
            let hash = discovery::hash(fingerprint(registry, resource).as_bytes());
            paths.insert(path.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash={hash}")}));
        }
    }
    json!({"paths": paths})
}

fn path_of(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// What the document of a type's group-version depends on: built-in ones only on this build.
fn fingerprint(registry: &Registry, resource: &ResourceType) -> String {
    let mut out = format!("{} {}", env!("CARGO_PKG_VERSION"), resource.api_version());
    if resource.custom.is_some() {
        for t in registry.types().filter(|t| t.group == resource.group && t.version == resource.version) {
            if let Some(custom) = &t.custom {
                out.push_str(&format!(" {} {}", t.plural, custom.schema));
            }
        }
    }
    out
}

/// `GET /openapi/v3/PATH`, where `path` is `api/v1` or `apis/GROUP/VERSION`; `None` when it is not served.
pub fn document(registry: &Registry, path: &str) -> Option<Value> {
    let (group, version) = match path.split('/').collect::<Vec<_>>().as_slice() {
        ["api", version] => ("", *version),
        ["apis", group, version] => (*group, *version),
        _ => return None,
    };
    if !registry.serves(group, Some(version)) {
        return None;
    }
    let mut paths = Map::new();
    let mut schemas = Map::new();
    let mut wanted = BTreeSet::new();
    for resource in registry.types().filter(|t| t.group == group && t.version == version) {
        add_paths(&mut paths, resource, path);
        match &resource.custom {
            Some(custom) => {
                let name = custom_schema_name(resource);
                schemas.insert(name, custom_schema(resource, &custom.schema));
                wanted.insert("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta".to_owned());
            }
            None => {
                for kind in
                    std::iter::once(own_kind(resource)).chain(resource.subresources.iter().map(|s| s.kind.clone()))
                {
                    wanted.extend(schema_of(&kind));
                }
            }
        }
    }
    wanted.insert("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions".to_owned());
    wanted.insert("io.k8s.apimachinery.pkg.apis.meta.v1.Status".to_owned());
    while let Some(name) = wanted.pop_first() {
        if schemas.contains_key(&name) {
            continue;
        }
        let Some(raw) = RAW_SCHEMAS.get(name.as_str()) else { continue };
        let Ok(schema) = serde_json::from_str::<Value>(raw.get()) else { continue };
        references(&schema, &mut wanted);
        schemas.insert(name, schema);
    }
    Some(json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.36.2"},
        "paths": paths,
        "components": {"schemas": schemas},
    }))
}

fn own_kind(resource: &ResourceType) -> GroupVersionKind {
    GroupVersionKind { group: resource.group.clone(), version: resource.version.clone(), kind: resource.kind.clone() }
}

/// The recorded schema that says it is of a kind.
fn schema_of(kind: &GroupVersionKind) -> Option<String> {
    let package = match kind.group.as_str() {
        "" => "io.k8s.api.core".to_owned(),
        "apiextensions.k8s.io" => "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions".to_owned(),
        "apiregistration.k8s.io" => "io.k8s.kube-aggregator.pkg.apis.apiregistration".to_owned(),
        other => format!("io.k8s.api.{}", other.split('.').next().unwrap_or(other)),
    };
    let name = format!("{package}.{}.{}", kind.version, kind.kind);
    RAW_SCHEMAS.contains_key(name.as_str()).then_some(name)
}

fn references(value: &Value, out: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if let Some(name) = object.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix(REFERENCE)) {
                out.insert(name.to_owned());
            }
            object.values().for_each(|v| references(v, out));
        }
        Value::Array(items) => items.iter().for_each(|v| references(v, out)),
        _ => {}
    }
}

fn custom_schema_name(resource: &ResourceType) -> String {
    let reversed: Vec<&str> = resource.group.split('.').rev().collect();
    format!("{}.{}.{}", reversed.join("."), resource.version, resource.kind)
}

fn custom_schema(resource: &ResourceType, schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Value::Object(object) = &mut schema {
        let properties = object.entry("properties").or_insert_with(|| json!({}));
        if let Value::Object(properties) = properties {
            properties.insert("apiVersion".to_owned(), json!({"type": "string"}));
            properties.insert("kind".to_owned(), json!({"type": "string"}));
            let meta = format!("{REFERENCE}io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
            properties.insert("metadata".to_owned(), json!({"allOf": [{"$ref": meta}]}));
        }
        let kind = json!([{"group": resource.group, "kind": resource.kind, "version": resource.version}]);
        object.insert("x-kubernetes-group-version-kind".to_owned(), kind);
    }
    schema
}

fn add_paths(paths: &mut Map<String, Value>, resource: &ResourceType, prefix: &str) {
    let scope = if resource.namespaced { "namespaces/{namespace}/" } else { "" };
    let base = format!("/{prefix}/{scope}{}", resource.plural);
    let gvk = json!({"group": resource.group, "kind": resource.kind, "version": resource.version});
    let reference = match &resource.custom {
        Some(_) => Some(custom_schema_name(resource)),
        None => schema_of(&own_kind(resource)),
    };
    let content = reference.map(|name| json!({"application/json": {"schema": {"$ref": format!("{REFERENCE}{name}")}}}));
    let operation = |verb: &str, action: &str, write: bool| {
        if !resource.has_verb(verb) {
            return None;
        }
        let mut out = json!({"x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk,
            "responses": {"200": {"description": "OK"}}});
        if let Value::Object(object) = &mut out {
            if let (Some(content), false) = (&content, verb == "list") {
                object.insert("responses".to_owned(), json!({"200": {"description": "OK", "content": content}}));
            }
            if write {
                let parameter = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string"}});
                let names = ["dryRun", "fieldManager", "fieldValidation"];
                object.insert("parameters".to_owned(), names.iter().map(|n| parameter(n)).collect());
            }
        }
        Some(out)
    };
    let mut add = |path: String, operations: [(&str, Option<Value>); 4]| {
        let item: Map<String, Value> =
            operations.into_iter().filter_map(|(method, op)| op.map(|op| (method.to_owned(), op))).collect();
        if !item.is_empty() {
            paths.insert(path, Value::Object(item));
        }
    };
    add(
        base.clone(),
        [
            ("get", operation("list", "list", false)),
            ("post", operation("create", "post", true)),
            ("delete", operation("deletecollection", "deletecollection", false)),
            ("put", None),
        ],
    );
    add(
        format!("{base}/{{name}}"),
        [
            ("get", operation("get", "get", false)),
            ("put", operation("update", "put", true)),
            ("patch", operation("patch", "patch", true)),
            ("delete", operation("delete", "delete", false)),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_version_has_a_closed_document() {
        let registry = Registry::builtin();
        let index = index(&registry);
        let paths = index["paths"].as_object().unwrap();
        assert_eq!(paths.len(), 22);
        for path in paths.keys() {
            let document = document(&registry, path).unwrap();
            let schemas = document["components"]["schemas"].as_object().unwrap();
            let mut wanted = BTreeSet::new();
            references(&document, &mut wanted);
            assert!(wanted.iter().all(|name| schemas.contains_key(name)), "{path}");
        }
        let core = document(&registry, "api/v1").unwrap();
        let patch = &core["paths"]["/api/v1/namespaces/{namespace}/configmaps/{name}"]["patch"];
        assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], "ConfigMap");
        assert!(patch["parameters"].as_array().unwrap().iter().any(|p| p["name"] == "fieldValidation"));
        assert!(document(&registry, "apis/nope/v1").is_none());
    }
}

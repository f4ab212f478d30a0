//! Discovery documents: the aggregated form as recorded, with custom resources added, and the older forms.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256, Sha512};

use crate::registry::{DISCOVERY, Registry, ResourceType, join_api_version};

/// Content type of the aggregated form.
pub const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// `GET /version`, as recorded; `None` should the recording not be readable.
pub fn version() -> Option<Value> {
    serde_json::from_str(include_str!("../data/version.json")).ok()
}
/// `GET /api`, aggregated.
pub fn aggregated_core(_registry: &Registry) -> Value {
    let [core, _] = DISCOVERY;
    serde_json::from_str(core).unwrap_or_default()
}

/// `GET /apis`, aggregated: the recorded document, then the custom groups by name.
pub fn aggregated_groups(registry: &Registry) -> Value {
    let [_, groups] = DISCOVERY;
    let mut document: Value = serde_json::from_str(groups).unwrap_or_default();
    let Some(Value::Array(items)) = document.get_mut("items") else { return document };
    for resource in registry.types().filter(|t| t.custom.is_some()) {
        let versions = match items.iter().position(|g| name_of(g) == resource.group) {
            Some(at) => items.get_mut(at),
            None => {
                items.push(json!({"metadata": {"name": resource.group}, "versions": []}));
                items.last_mut()
            }
        };
        let Some(Value::Array(versions)) = versions.and_then(|g| g.get_mut("versions")) else { continue };
        let at = versions.iter().position(|v| v.get("version") == Some(&json!(resource.version)));
        let version = match at {
            Some(at) => versions.get_mut(at),
            None => {
                versions.push(json!({"version": resource.version, "resources": [], "freshness": "Current"}));
                versions.last_mut()
            }
        };
        if let Some(Value::Array(resources)) = version.and_then(|v| v.get_mut("resources")) {
            resources.push(aggregated_resource(resource));
        }
    }
    document
}

fn name_of(group: &Value) -> &str {
    group.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("")
}

fn aggregated_resource(resource: &ResourceType) -> Value {
    let mut out = Map::new();
    out.insert("resource".to_owned(), json!(resource.plural));
    out.insert("responseKind".to_owned(), json!({"group": "", "version": "", "kind": resource.kind}));
    out.insert("scope".to_owned(), json!(if resource.namespaced { "Namespaced" } else { "Cluster" }));
    out.insert("singularResource".to_owned(), json!(resource.singular));
    out.insert("verbs".to_owned(), json!(resource.verbs));
    put_list(&mut out, "shortNames", &resource.short_names);
    put_list(&mut out, "categories", &resource.categories);
    if !resource.subresources.is_empty() {
        let subresources: Vec<Value> = resource
            .subresources
            .iter()
            .map(|s| {
                let own = s.kind.group == resource.group && s.kind.version == resource.version;
                let (group, version) = if own { ("", "") } else { (s.kind.group.as_str(), s.kind.version.as_str()) };
                let kind = json!({"group": group, "version": version, "kind": s.kind.kind});
                json!({"subresource": s.name, "responseKind": kind, "verbs": s.verbs})
            })
            .collect();
        out.insert("subresources".to_owned(), Value::Array(subresources));
    }
    Value::Object(out)
}

fn put_list(out: &mut Map<String, Value>, key: &str, list: &[String]) {
    if !list.is_empty() {
        out.insert(key.to_owned(), json!(list));
    }
}

/// `GET /api`, old form. `server_address` is host and port as the client reached them.
pub fn api_versions(server_address: &str) -> Value {
    let addresses = json!([{"clientCIDR": "0.0.0.0/0", "serverAddress": server_address}]);
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses})
}

/// `GET /apis`, old form.
pub fn api_group_list(registry: &Registry) -> Value {
    let groups: Vec<Value> = groups(registry).iter().map(|g| group_value(registry, g)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `GET /apis/GROUP`; `None` when there is no such group.
pub fn api_group(registry: &Registry, group: &str) -> Option<Value> {
    if group.is_empty() || !registry.serves(group, None) {
        return None;
    }
    let mut out = group_value(registry, group);
    if let Value::Object(object) = &mut out {
        object.insert("kind".to_owned(), json!("APIGroup"));
        object.insert("apiVersion".to_owned(), json!("v1"));
    }
    Some(out)
}

/// Group names in order, without the core group.
fn groups(registry: &Registry) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for resource in registry.types().filter(|t| !t.group.is_empty()) {
        if !out.contains(&resource.group) {
            out.push(resource.group.clone());
        }
    }
    out
}

fn group_value(registry: &Registry, group: &str) -> Value {
    let mut versions: Vec<&str> = Vec::new();
    for resource in registry.types().filter(|t| t.group == group) {
        if !versions.contains(&resource.version.as_str()) {
            versions.push(&resource.version);
        }
    }
    let versions: Vec<Value> = versions
        .into_iter()
        .map(|version| json!({"groupVersion": join_api_version(group, version), "version": version}))
        .collect();
    let preferred = versions.first().cloned().unwrap_or_default();
    json!({"name": group, "versions": versions, "preferredVersion": preferred})
}

/// `GET /api/v1` or `/apis/GROUP/VERSION`; `None` when it is not served.
pub fn api_resource_list(registry: &Registry, group: &str, version: &str) -> Option<Value> {
    if !registry.serves(group, Some(version)) {
        return None;
    }
    let mut resources = Vec::new();
    for resource in registry.types().filter(|t| t.group == group && t.version == version) {
        let mut own = Map::new();
        own.insert("name".to_owned(), json!(resource.plural));
        own.insert("singularName".to_owned(), json!(resource.singular));
        own.insert("namespaced".to_owned(), json!(resource.namespaced));
        own.insert("kind".to_owned(), json!(resource.kind));
        own.insert("verbs".to_owned(), json!(resource.verbs));
        put_list(&mut own, "shortNames", &resource.short_names);
        put_list(&mut own, "categories", &resource.categories);
        if resource.has_verb("create") && resource.has_verb("get") {
            own.insert("storageVersionHash".to_owned(), json!(storage_hash(resource)));
        }
        resources.push(Value::Object(own));
        for sub in &resource.subresources {
            let mut out = Map::new();
            out.insert("name".to_owned(), json!(format!("{}/{}", resource.plural, sub.name)));
            out.insert("singularName".to_owned(), json!(""));
            out.insert("namespaced".to_owned(), json!(resource.namespaced));
            if sub.kind.group != resource.group || sub.kind.version != resource.version {
                out.insert("group".to_owned(), json!(sub.kind.group));
                out.insert("version".to_owned(), json!(sub.kind.version));
            }
            out.insert("kind".to_owned(), json!(sub.kind.kind));
            out.insert("verbs".to_owned(), json!(sub.verbs));
            resources.push(Value::Object(out));
        }
    }
    let mut out = json!({"kind": "APIResourceList", "resources": resources});
    if let Value::Object(object) = &mut out {
        object.insert("groupVersion".to_owned(), json!(join_api_version(group, version)));
        if !group.is_empty() {
            object.insert("apiVersion".to_owned(), json!("v1"));
        }
    }
    Some(out)
}

/// Eight bytes of a hash of what objects are stored as, so that clients notice a change.
fn storage_hash(resource: &ResourceType) -> String {
    let (group, version, _) = resource.storage();
    let digest = Sha256::digest(format!("{group}/{version}/{}", resource.kind));
    STANDARD.encode(digest.get(..8).unwrap_or(&digest))
}

/// A strong hash of a document, for `ETag` and the `hash` of the OpenAPI index: upper-case hexadecimal.
pub fn hash(document: &[u8]) -> String {
    Sha512::digest(document).iter().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition() -> Value {
        json!({"kind": "CustomResourceDefinition", "metadata": {"name": "as.x.io"}, "spec": {"group": "x.io",
            "scope": "Namespaced", "names": {"plural": "as", "kind": "A", "shortNames": ["aa"]}, "versions": [
            {"name": "v1beta1", "served": true, "storage": false, "schema": {"openAPIV3Schema": {"type": "object"}}},
            {"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
             "schema": {"openAPIV3Schema": {"type": "object"}}}]}})
    }

    #[test]
    fn custom_groups_follow() {
        let registry = Registry::with_definitions([&definition()]);
        let document = aggregated_groups(&registry);
        let items = document["items"].as_array().unwrap();
        let last = items.last().unwrap();
        assert_eq!(last["metadata"]["name"], "x.io");
        assert_eq!(last["versions"][0]["version"], "v1");
        assert_eq!(last["versions"][1]["version"], "v1beta1");
        assert_eq!(last["versions"][0]["resources"][0]["subresources"][0]["subresource"], "status");
        let builtin = aggregated_groups(&Registry::builtin());
        assert_eq!(items.len(), builtin["items"].as_array().unwrap().len() + 1);
        let group = api_group(&registry, "x.io").unwrap();
        assert_eq!(group["preferredVersion"]["groupVersion"], "x.io/v1");
        assert!(api_resource_list(&registry, "x.io", "v1").unwrap()["resources"][1]["name"] == "as/status");
    }

    #[test]
    fn the_old_form_is_as_recorded() {
        let list = api_resource_list(&Registry::builtin(), "", "v1").unwrap();
        let resources = list["resources"].as_array().unwrap();
        let find = |name: &str| resources.iter().find(|r| r["name"] == name).unwrap();
        assert_eq!(find("configmaps")["storageVersionHash"], "qFsyl6wFWjQ=");
        assert_eq!(find("pods/eviction")["group"], "policy");
        assert!(find("bindings").get("storageVersionHash").is_none());
        let names: Vec<&str> = resources.iter().map(|r| r["name"].as_str().unwrap()).collect();
        assert!(names.is_sorted(), "{names:?}");
    }
}

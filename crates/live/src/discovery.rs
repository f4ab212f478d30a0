//! What types a cluster serves, and which one a person means by `deploy`.

use serde_json::Value;

use crate::{Kubernetes, LiveError};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// A type of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiResource {
    /// The API group, `""` for the core.
    pub group: String,
    /// Such as `v1`.
    pub version: String,
    /// The plural, such as `deployments`.
    pub plural: String,
    /// Such as `deployment`.
    pub singular: String,
    /// Such as `deploy`.
    pub short_names: Vec<String>,
    /// Such as `Deployment`.
    pub kind: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

/// The type that `text` means: plural, singular, kind or short name, also with the group (`deployments.apps`) and
/// version (`deployments.v1.apps`). The first in the cluster's own order, plurals before short names.
pub fn find_resource<'a>(all: &'a [ApiResource], text: &str) -> Option<&'a ApiResource> {
    let text = text.to_lowercase();
    let (name, rest) = text.split_once('.').map_or((text.as_str(), None), |(name, rest)| (name, Some(rest)));
    let in_group = |resource: &ApiResource| match rest {
        None => true,
        Some(rest) => rest == resource.group || rest == format!("{}.{}", resource.version, resource.group),
    };
    let by_name = |resource: &&ApiResource| {
        in_group(resource)
            && (resource.plural == name || resource.singular == name || resource.kind.to_lowercase() == name)
    };
    let by_short_name = |resource: &&ApiResource| in_group(resource) && resource.short_names.iter().any(|s| s == name);
    all.iter().find(by_name).or_else(|| all.iter().find(by_short_name))
}

impl Kubernetes {
    /// All types that the cluster serves, core first, each group in its preferred version.
    pub async fn resources(&self) -> Result<Vec<ApiResource>, LiveError> {
        let (core, groups) = tokio::try_join!(self.get_as("/api", AGGREGATED), self.get_as("/apis", AGGREGATED))?;
        Ok([core, groups].iter().flat_map(read).collect())
    }
}

fn read(list: &Value) -> Vec<ApiResource> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let items = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut all: Vec<ApiResource> = Vec::new();
    for group in items(list, "items") {
        let group_name = group.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        for version in items(&group, "versions") {
            for resource in items(&version, "resources") {
                let found = ApiResource {
                    group: group_name.clone(),
                    version: text(&version, "version"),
                    plural: text(&resource, "resource"),
                    singular: text(&resource, "singularResource"),
                    short_names: items(&resource, "shortNames")
                        .iter()
                        .filter_map(|name| name.as_str().map(str::to_owned))
                        .collect(),
                    kind: resource.pointer("/responseKind/kind").and_then(Value::as_str).unwrap_or_default().to_owned(),
                    namespaced: text(&resource, "scope") == "Namespaced",
                };
                if !all.iter().any(|other| other.group == found.group && other.plural == found.plural) {
                    all.push(found);
                }
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(group: &str, plural: &str, singular: &str, short: &[&str]) -> ApiResource {
        ApiResource {
            group: group.into(),
            version: "v1".into(),
            plural: plural.into(),
            singular: singular.into(),
            short_names: short.iter().map(|s| (*s).to_owned()).collect(),
            ..ApiResource::default()
        }
    }

    #[test]
    fn finds_what_people_write() {
        let all = [
            resource("", "pods", "pod", &["po"]),
            resource("", "events", "event", &["ev"]),
            resource("apps", "deployments", "deployment", &["deploy"]),
            resource("events.k8s.io", "events", "event", &["ev"]),
        ];
        let group = |text| find_resource(&all, text).map(|r| (r.group.as_str(), r.plural.as_str()));
        assert_eq!(group("po"), Some(("", "pods")));
        assert_eq!(group("Deployment"), Some(("apps", "deployments")));
        assert_eq!(group("deploy.apps"), Some(("apps", "deployments")));
        assert_eq!(group("deployments.v1.apps"), Some(("apps", "deployments")));
        assert_eq!(group("ev"), Some(("", "events")));
        assert_eq!(group("events.events.k8s.io"), Some(("events.k8s.io", "events")));
        assert_eq!(group("deployments.extensions"), None);
        assert_eq!(group("widgets"), None);
    }
}

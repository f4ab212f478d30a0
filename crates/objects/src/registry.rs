//! Which resources a cluster has: the built-in ones and those of its CustomResourceDefinitions.

use std::sync::{Arc, LazyLock};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    crd::{self, CustomVersion},
    model::{self, MODEL, MessageId},
};

/// A group, version and kind, as `apiVersion` and `kind` name it. The core group is `""`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupVersionKind {
    /// API group, `""` for the core group.
    pub group: String,
    /// Version in the group, such as `v1`.
    pub version: String,
    /// Kind, such as `ConfigMap`.
    pub kind: String,
}

/// What hangs under an object's own path: `status`, `scale`, `token` …
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subresource {
    /// The path segment.
    pub name: String,
    /// The kind that is sent and answered there, with its group and version filled in.
    pub kind: GroupVersionKind,
    /// The verbs served.
    pub verbs: Vec<String>,
}

/// A resource in one version.
#[derive(Debug, Clone)]
pub struct ResourceType {
    /// API group, `""` for the core group.
    pub group: String,
    /// Version in the group.
    pub version: String,
    /// Plural name, the one in paths: `configmaps`.
    pub plural: String,
    /// Singular name: `configmap`.
    pub singular: String,
    /// Kind: `ConfigMap`.
    pub kind: String,
    /// Kind of the list: `ConfigMapList`.
    pub list_kind: String,
    /// Whether objects live in a namespace.
    pub namespaced: bool,
    /// Short names: `cm`.
    pub short_names: Vec<String>,
    /// Categories: `all`.
    pub categories: Vec<String>,
    /// Verbs served on the resource itself.
    pub verbs: Vec<String>,
    /// Subresources in discovery's order.
    pub subresources: Vec<Subresource>,
    /// For a custom resource, its definition's version; `None` for a built-in type.
    pub custom: Option<Arc<CustomVersion>>,
}

impl ResourceType {
    /// `apiVersion` of its objects: `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        join_api_version(&self.group, &self.version)
    }

    /// The name in errors about one object: `configmaps`, `deployments.apps`.
    pub fn group_resource(&self) -> String {
        qualified(&self.plural, &self.group)
    }

    /// The name in validation errors: `ConfigMap`, `Deployment.apps`.
    pub fn group_kind(&self) -> String {
        qualified(&self.kind, &self.group)
    }

    /// Whether the resource itself serves a verb.
    pub fn has_verb(&self, verb: &str) -> bool {
        self.verbs.iter().any(|v| v == verb)
    }

    /// The subresource of that name.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|s| s.name == name)
    }

    /// What a client is warned of whenever it uses this version of the type.
    pub fn deprecation(&self) -> Option<String> {
        if let Some(custom) = &self.custom {
            return custom.deprecation.clone();
        }
        let text = match (self.group.as_str(), self.version.as_str(), self.kind.as_str()) {
            ("", "v1", "Endpoints") => "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
            ("", "v1", "ComponentStatus") => "v1 ComponentStatus is deprecated in v1.19+",
            _ => return None,
        };
        Some(text.to_owned())
    }

    /// Whether it is this built-in resource, in any version.
    pub(crate) fn is(&self, group: &str, plural: &str) -> bool {
        self.custom.is_none() && self.group == group && self.plural == plural
    }

    /// The message of its objects; `None` for custom resources.
    pub(crate) fn message(&self) -> Option<MessageId> {
        if self.custom.is_some() { None } else { MODEL.of_kind(&self.group, &self.version, &self.kind) }
    }

    /// The resource as which objects are stored where several versions or groups serve the same ones, as
    /// (group, version, plural): `events.k8s.io/v1 events` are stored as `v1 events`, `autoscaling/v1` as
    /// `autoscaling/v2`, a custom resource as its storage version. Convert with [`crate::lifecycle::convert`].
    pub fn storage(&self) -> (&str, &str, &str) {
        if let Some(custom) = &self.custom {
            return (&self.group, &custom.storage_version, &self.plural);
        }
        match (self.group.as_str(), self.plural.as_str()) {
            ("events.k8s.io", "events") => ("", "v1", "events"),
            ("autoscaling", "horizontalpodautoscalers") => ("autoscaling", "v2", &self.plural),
            _ => (&self.group, &self.version, &self.plural),
        }
    }
}

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

/// The resources of one cluster. Cheap to clone; a new value is made when CustomResourceDefinitions change.
#[derive(Debug, Clone)]
pub struct Registry {
    types: Arc<Vec<Arc<ResourceType>>>,
}

static BUILTIN: LazyLock<Registry> = LazyLock::new(|| Registry { types: Arc::new(recorded()) });

impl Registry {
    /// The built-in types alone.
    pub fn builtin() -> Self {
        BUILTIN.clone()
    }

    /// Whether a group is one of those of built-in types, to which no definition adds any.
    pub fn is_builtin_group(group: &str) -> bool {
        BUILTIN.serves(group, None)
    }

    /// The built-in types and those of these CustomResourceDefinition objects. Broken definitions are left out, as are
    /// types in the groups of built-in ones.
    pub fn with_definitions<'a>(definitions: impl IntoIterator<Item = &'a Value>) -> Self {
        let builtin = Self::builtin();
        let mut custom: Vec<_> = definitions.into_iter().flat_map(crd::types).collect();
        custom.retain(|t| !Self::is_builtin_group(&t.group));
        if custom.is_empty() {
            return builtin;
        }
        custom.sort_by(|a, b| {
            a.group
                .cmp(&b.group)
                .then_with(|| crd::compare_versions(&a.version, &b.version))
                .then_with(|| a.plural.cmp(&b.plural))
        });
        Self { types: Arc::new(builtin.types.iter().cloned().chain(custom).collect()) }
    }

    /// All types, in discovery's order: core, groups, then custom groups by name.
    pub fn types(&self) -> impl Iterator<Item = &Arc<ResourceType>> {
        self.types.iter()
    }

    /// The type at a path.
    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<ResourceType>> {
        self.types.iter().find(|t| t.plural == plural && t.group == group && t.version == version).cloned()
    }

    /// The type of a kind (the first, where several resources share a kind).
    pub fn find_kind(&self, group: &str, version: &str, kind: &str) -> Option<Arc<ResourceType>> {
        self.types.iter().find(|t| t.kind == kind && t.group == group && t.version == version).cloned()
    }

    /// The type that another one's objects are stored as; the type itself where that is the same.
    pub fn storage_type(&self, resource: &Arc<ResourceType>) -> Arc<ResourceType> {
        let (group, version, plural) = resource.storage();
        if version == resource.version && group == resource.group {
            return Arc::clone(resource);
        }
        self.find(group, version, plural).unwrap_or_else(|| Arc::clone(resource))
    }

    /// Whether a group (and a version of it, if given) is served at all.
    pub fn serves(&self, group: &str, version: Option<&str>) -> bool {
        self.types.iter().any(|t| t.group == group && version.is_none_or(|v| t.version == v))
    }
}

/// Splits `apiVersion` into group and version: `v1` is `("", "v1")`.
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// Joins group and version to an `apiVersion`.
pub fn join_api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// The recorded discovery documents, `/api` and `/apis`.
pub(crate) const DISCOVERY: [&str; 2] =
    [include_str!("../data/discovery-api.json"), include_str!("../data/discovery-apis.json")];

#[derive(Deserialize, Default)]
struct RawList {
    items: Vec<RawGroup>,
}

#[derive(Deserialize)]
struct RawGroup {
    metadata: RawMetadata,
    versions: Vec<RawVersion>,
}

#[derive(Deserialize, Default)]
struct RawMetadata {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct RawVersion {
    version: String,
    resources: Vec<RawResource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawResource {
    resource: String,
    response_kind: RawKind,
    scope: String,
    #[serde(default)]
    singular_resource: String,
    verbs: Vec<String>,
    #[serde(default)]
    short_names: Vec<String>,
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    subresources: Vec<RawSubresource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSubresource {
    subresource: String,
    response_kind: RawKind,
    verbs: Vec<String>,
}

#[derive(Deserialize)]
struct RawKind {
    group: String,
    version: String,
    kind: String,
}

fn recorded() -> Vec<Arc<ResourceType>> {
    let mut out = Vec::new();
    for text in DISCOVERY {
        for group in model::parse::<RawList>(text).items {
            for version in group.versions {
                for raw in version.resources {
                    out.push(Arc::new(resource_type(&group.metadata.name, &version.version, raw)));
                }
            }
        }
    }
    out
}

fn resource_type(group: &str, version: &str, raw: RawResource) -> ResourceType {
    let subresource = |raw: RawSubresource| {
        let own = raw.response_kind.version.is_empty();
        let kind = GroupVersionKind {
            group: if own { group.to_owned() } else { raw.response_kind.group },
            version: if own { version.to_owned() } else { raw.response_kind.version },
            kind: raw.response_kind.kind,
        };
        Subresource { name: raw.subresource, kind, verbs: raw.verbs }
    };
    ResourceType {
        group: group.to_owned(),
        version: version.to_owned(),
        singular: raw.singular_resource,
        list_kind: format!("{}List", raw.response_kind.kind),
        kind: raw.response_kind.kind,
        namespaced: raw.scope == "Namespaced",
        short_names: raw.short_names,
        categories: raw.categories,
        verbs: raw.verbs,
        subresources: raw.subresources.into_iter().map(subresource).collect(),
        plural: raw.resource,
        custom: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_types() {
        let registry = Registry::builtin();
        assert_eq!(registry.types().filter(|t| t.message().is_none()).map(|t| &t.kind).collect::<Vec<_>>(), [""; 0]);
        let deployments = registry.find("apps", "v1", "deployments").unwrap();
        assert_eq!(deployments.group_resource(), "deployments.apps");
        assert_eq!(deployments.group_kind(), "Deployment.apps");
        assert_eq!(deployments.subresource("scale").unwrap().kind.group, "autoscaling");
        assert_eq!(deployments.subresource("status").unwrap().kind.group, "apps");
        assert!(registry.serves("apps", Some("v1")) && !registry.serves("apps", Some("v2")));
        assert_eq!(registry.find_kind("", "v1", "Pod").unwrap().plural, "pods");
        let hpa = registry.find("autoscaling", "v1", "horizontalpodautoscalers").unwrap();
        assert_eq!(registry.storage_type(&hpa).version, "v2");
    }
}

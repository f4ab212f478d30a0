//! Which resources a cluster has: the built-in ones and those of its CustomResourceDefinitions.

use std::sync::Arc;

use serde_json::Value;

use crate::crd::CustomVersion;

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
        todo!()
    }
    /// The name in errors about one object: `configmaps`, `deployments.apps`.
    pub fn group_resource(&self) -> String {
        todo!()
    }
    /// The name in validation errors: `ConfigMap`, `Deployment.apps`.
    pub fn group_kind(&self) -> String {
        todo!()
    }
    /// Whether the resource itself serves a verb.
    pub fn has_verb(&self, verb: &str) -> bool {
        todo!()
    }
    /// The subresource of that name.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        todo!()
    }
    /// The resource as which objects are stored where several versions or groups serve the same ones, as
    /// (group, version, plural): `events.k8s.io/v1 events` are stored as `v1 events`, `autoscaling/v1` as
    /// `autoscaling/v2`, a custom resource as its storage version. Convert with [`crate::lifecycle::convert`].
    pub fn storage(&self) -> (&str, &str, &str) {
        todo!()
    }
}

/// The resources of one cluster. Cheap to clone; a new value is made when CustomResourceDefinitions change.
#[derive(Debug, Clone)]
pub struct Registry {
    types: Arc<Vec<Arc<ResourceType>>>,
}

impl Registry {
    /// The built-in types alone.
    pub fn builtin() -> Self {
        todo!()
    }
    /// The built-in types and those of these CustomResourceDefinition objects that are established
    /// (all valid ones: the sandbox establishes at once). Broken definitions are left out.
    pub fn with_definitions<'a>(definitions: impl IntoIterator<Item = &'a Value>) -> Self {
        todo!()
    }
    /// All types, in discovery's order: core, groups, then custom groups by name.
    pub fn types(&self) -> impl Iterator<Item = &Arc<ResourceType>> {
        self.types.iter()
    }
    /// The type at a path.
    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<ResourceType>> {
        todo!()
    }
    /// The type of a kind (the first, where several resources share a kind).
    pub fn find_kind(&self, group: &str, version: &str, kind: &str) -> Option<Arc<ResourceType>> {
        todo!()
    }
    /// Whether a group (and a version of it, if given) is served at all.
    pub fn serves(&self, group: &str, version: Option<&str>) -> bool {
        todo!()
    }
}

/// Splits `apiVersion` into group and version: `v1` is `("", "v1")`.
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

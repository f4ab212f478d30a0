//! Kubernetes manifests: what of them is about access, from single objects, lists, many documents, and what
//! `kubectl get`, `kustomize build` and `helm template` print. All other kinds are passed over quietly.
//!
//! All documents of a text are read together, for objects refer to each other.

mod ack;
mod cluster_api;
mod config_map;
mod crossplane;
mod kustomize;
mod other;
mod rbac;

pub(crate) use ack::write as write_ack;
pub(crate) use crossplane::{Loose, write as write_crossplane};

use crate::export::PlainCluster;
use crate::reader::Reader;
use crate::tree::Node;
use crate::{ClusterSelector, Diagnostic, Placed};

/// Lists within lists: more than Kubernetes ever writes.
const DEEPEST_LIST: usize = 8;

/// An object with what tells it from others.
#[derive(Clone, Copy)]
pub(crate) struct Object<'n> {
    node: &'n Node,
    /// The group of its `apiVersion`; empty for the core.
    group: &'n str,
    kind: &'n str,
    /// `metadata.name`; empty where there is none.
    name: &'n str,
    /// `metadata.namespace`, where there is one.
    namespace: Option<&'n str>,
}

/// All objects of a text.
pub(crate) struct Objects<'n>(Vec<Object<'n>>);

/// Whether a document without `apiVersion` and `kind` is one of ours all the same.
pub(crate) fn is_it(document: &Node) -> bool {
    kustomize::is_json_patch(document) || kustomize::is_it(document) || other::is_it(document)
}

/// Reads the documents of one text.
pub(crate) fn read(documents: &[&Node], reader: &mut Reader<'_>) {
    let mut objects = Objects(Vec::new());
    for document in documents {
        if !document.is_mapping() {
            if kustomize::is_json_patch(document) {
                kustomize::read_json_patch(document, reader);
            } else if other::is_it(document) {
                other::read(document, reader);
            } else {
                let kind = document.kind();
                reader.error(&document.bytes, format!("a manifest must be a mapping with `kind`, not {kind}"));
            }
            continue;
        }
        objects.take(document, None, 0, reader);
    }
    for object in &objects.0 {
        match (object.group, object.kind) {
            ("", "ConfigMap") => config_map::read(object, reader),
            ("rbac.authorization.k8s.io", _) => rbac::read(object, reader),
            (ack::GROUP, _) => ack::read(object, &objects, reader),
            (crossplane::CLUSTER_GROUP | crossplane::NAMESPACED_GROUP, _) => {
                crossplane::read(object, &objects, reader);
            }
            (cluster_api::GROUP, _) => cluster_api::read(object, reader),
            ("iamauthenticator.k8s.aws", "IAMIdentityMapping") => other::read_mapping(object, reader),
            ("kustomize.config.k8s.io", _) | ("", "Kustomization" | "Component") => {
                kustomize::read(object.node, reader)
            }
            ("", "") if kustomize::is_it(object.node) => kustomize::read(object.node, reader),
            ("", "") if other::is_it(object.node) => other::read(object.node, reader),
            ("", "") => {
                let start = object.node.bytes.start..object.node.bytes.start;
                reader.warning(&start, "an object without `kind` is passed over");
            }
            _ => {}
        }
    }
}

impl<'n> Objects<'n> {
    /// Takes in an object, or the items of a list. `listed` is what items of a typed list (`RoleList`) leave out.
    fn take(&mut self, node: &'n Node, listed: Option<(&'n str, &'n str)>, depth: usize, reader: &mut Reader<'_>) {
        let text = |key: &str| node.get(key).and_then(Node::text);
        let version = text("apiVersion");
        let group = match version {
            Some(version) => version.split_once('/').map_or("", |(group, _)| group),
            None => listed.map_or("", |(group, _)| group),
        };
        let kind = text("kind").or(listed.map(|(_, kind)| kind)).unwrap_or_default();
        if let (Some(item_kind), Some(items)) = (kind.strip_suffix("List"), node.get("items")) {
            if depth >= DEEPEST_LIST {
                reader.error(&node.bytes, "lists are nested too deeply");
                return;
            }
            if !items.is_sequence() && !items.is_null() {
                let kind = items.kind();
                reader.error(&items.bytes, format!("`items` must be a list, not {kind}"));
            }
            let listed = (!item_kind.is_empty()).then_some((group, item_kind));
            items.items().iter().for_each(|item| self.take(item, listed, depth + 1, reader));
            return;
        }
        let metadata = |key: &str| node.path(&["metadata", key]).and_then(Node::text);
        let name = metadata("name").unwrap_or_default();
        self.0.push(Object { node, group, kind, name, namespace: metadata("namespace") });
    }

    /// The one object of that group, kind and name, in that namespace where the kind has them.
    fn find(&self, group: &str, kind: &str, name: &str, namespace: Option<&str>) -> Option<&Object<'n>> {
        let is_it = |object: &&Object<'n>| {
            object.group == group && object.kind == kind && object.name == name && object.namespace == namespace
        };
        self.0.iter().find(is_it)
    }
}

impl<'n> Object<'n> {
    fn annotation(&self, key: &str) -> Option<&'n Node> {
        self.node.path(&["metadata", "annotations", key])
    }

    /// What to call it.
    fn label(&self) -> String {
        if self.name.is_empty() { self.kind.to_owned() } else { self.name.to_owned() }
    }
}

/// The cluster of objects that live in one: manifests do not name it, and all that are read without a name are
/// taken to be of the same.
fn surrounding_cluster(node: &Node, reader: &Reader<'_>) -> Placed<ClusterSelector> {
    let selector = reader.default_cluster("manifests", "manifests do not name the cluster that they are applied to");
    reader.placed(selector, &node.bytes)
}

/// Says that a mode is not written: it is the Cluster resource's, which says much more than that.
fn say_mode_is_lost(cluster: &PlainCluster, target: &str, diagnostics: &mut Vec<Diagnostic>) {
    if let Some(mode) = cluster.mode {
        let message =
            format!("the authentication mode of `{}` is not written: {target} has it in its Cluster", cluster.name);
        diagnostics.push(Diagnostic::warning(message, None).help(format!("set `authenticationMode: {mode}` there")));
    }
}

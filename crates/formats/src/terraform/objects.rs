//! Kubernetes objects that Terraform carries: aws-auth as a resource of its own, and manifests.

use super::resource::{Resource, one_block};
use super::value::put_at;
use crate::Source;
use crate::reader::Reader;
use crate::tree::Node;

/// A ConfigMap that is aws-auth.
pub(super) fn declare_aws_auth(resource: &Resource, reader: &mut Reader<'_>) {
    let name = resource.attribute("metadata").map(one_block).and_then(|metadata| metadata.get("name"));
    let Some(data) = resource.attribute("data") else { return };
    if name.and_then(Node::text) != Some("aws-auth") {
        return;
    }
    let aws_auth = crate::aws_auth::read(&crate::aws_auth::parts(data), reader);
    let selector = reader.default_cluster(&resource.address, "a ConfigMap does not say which cluster it is in");
    let selector = reader.placed(selector, &resource.bytes());
    crate::aws_auth::add(&mut reader.cluster(selector).aws_auth, aws_auth);
}

/// A manifest as an object of Terraform's.
pub(super) fn declare_manifest(manifest: Option<&Node>, reader: &mut Reader<'_>) {
    let kinds = ["ConfigMap", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "AccessEntry"];
    let is_ours = |node: &&Node| node.get("kind").and_then(Node::text).is_some_and(|kind| kinds.contains(&kind));
    if let Some(node) = manifest.filter(is_ours) {
        crate::manifest::read(&[node], reader);
    }
}

/// Manifests as a text in Terraform's: what is said of them is said of the whole text.
pub(super) fn declare_manifest_text(text: Option<&Node>, reader: &mut Reader<'_>) {
    let Some((node, text)) = text.and_then(|node| Some((node, node.text()?))) else { return };
    // What is no YAML is the provider's to refuse.
    for mut document in crate::yaml::read(&Source::new("yaml_body", text)).value {
        put_at(&mut document, &node.bytes);
        declare_manifest(Some(&document), reader);
    }
}

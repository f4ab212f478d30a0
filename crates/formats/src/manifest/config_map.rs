//! The ConfigMap `kube-system/aws-auth`.

use super::{Object, surrounding_cluster};
use crate::aws_auth;
use crate::reader::Reader;
use crate::tree::Node;

pub(super) const NAME: &str = "aws-auth";
const NAMESPACE: &str = "kube-system";
/// The length of the hash that kustomize puts behind a generated name.
const HASH: usize = 10;

/// Reads a ConfigMap, if it is aws-auth. The annotation with the configuration that was last applied is never
/// looked at: it holds an older copy.
pub(super) fn read(object: &Object<'_>, reader: &mut Reader<'_>) {
    let node = object.node;
    let name = node.path(&["metadata", "name"]);
    if let Some(hash) = object.name.strip_prefix(NAME).and_then(|rest| rest.strip_prefix('-'))
        && hash.len() == HASH
        && hash.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    {
        let bytes = name.map_or(node.bytes.clone(), |name| name.bytes.clone());
        let message = format!("`{}` is not used: EKS reads the ConfigMap named `{NAME}` alone", object.name);
        reader.warning(&bytes, message).help =
            Some("kustomize added a hash; set `disableNameSuffixHash: true` for its generator".to_owned());
        return;
    }
    if object.name != NAME {
        return;
    }
    if let Some(namespace) = object.namespace.filter(|namespace| *namespace != NAMESPACE) {
        let place = node.path(&["metadata", "namespace"]).map_or(node.bytes.clone(), |node| node.bytes.clone());
        let message = format!("`{namespace}/{NAME}` is not used: EKS reads `{NAMESPACE}/{NAME}` alone");
        reader.warning(&place, message);
        return;
    }
    if object.namespace.is_none() {
        let bytes = name.map_or(node.bytes.clone(), |name| name.bytes.clone());
        reader.note(&bytes, format!("no namespace is named; it is taken to be `{NAMESPACE}`, where EKS reads it"));
    }
    for pair in node.pairs() {
        let is_misspelt = matches!(pair.key.as_str(), "mapRoles" | "mapUsers" | "mapAccounts" | "Data");
        if is_misspelt {
            reader.warning(&pair.key_bytes, format!("`{}` is ignored here", pair.key)).help =
                Some("it belongs under `data`".to_owned());
        }
    }
    if let Some(binary) = node.pair("binaryData").filter(|pair| !pair.value.is_null()) {
        reader.warning(&binary.key_bytes, "`binaryData` is ignored: EKS reads `data` alone");
    }
    let data = node.get("data");
    if let Some(data) = data.filter(|data| !data.is_mapping() && !data.is_null()) {
        let kind = data.kind();
        reader.error(&data.bytes, format!("`data` must be a mapping, not {kind}"));
    }
    let parts = data.map(aws_auth::parts).unwrap_or_default();
    declare(node, &parts, reader);
}

/// Declares aws-auth from its parts.
pub(super) fn declare(node: &Node, parts: &[aws_auth::Part<'_>], reader: &mut Reader<'_>) {
    let read = aws_auth::read(parts, reader);
    let selector = surrounding_cluster(node, reader);
    let here = selector.place.clone();
    let cluster = reader.cluster(selector);
    if cluster.aws_auth.is_none() {
        cluster.aws_auth = Some(read);
        return;
    }
    let first = cluster.selector.place.clone().filter(|first| Some(first) != here.as_ref());
    let error = reader.error(&node.bytes, "aws-auth is there twice, and a cluster has one");
    error.help = Some("leave one of them out; the first is used".to_owned());
    error.related.extend(first.map(|place| (place, "it is here first".to_owned())));
}

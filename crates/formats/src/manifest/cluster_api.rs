//! Cluster API for AWS: `AWSManagedControlPlane`, its access entries and its iamAuthenticatorConfig. Only read.

use entryway_access::Region;

use super::Object;
use crate::ClusterSelector;
use crate::aws_auth::{self, MAP_ROLES, MAP_USERS};
use crate::entry::{API_POLICY, EntryForm, TagsForm, hint_at_node_types};
use crate::reader::Reader;
use crate::tree::{Node, Value};

pub(super) const GROUP: &str = "controlplane.cluster.x-k8s.io";
const ENTRY: EntryForm = EntryForm {
    what: "an element of `accessEntries`",
    principal: "principalARN",
    kind: "type",
    groups: "kubernetesGroups",
    username: "username",
    policies: Some("accessPolicies"),
    policy: API_POLICY,
    tags: TagsForm::Map("tags"),
    other: &[],
};

/// Reads one object of the group.
pub(super) fn read(object: &Object<'_>, reader: &mut Reader<'_>) {
    let spec = match object.kind {
        "AWSManagedControlPlane" => object.node.get("spec"),
        "AWSManagedControlPlaneTemplate" => object.node.path(&["spec", "template", "spec"]),
        _ => return,
    };
    let Some(spec) = spec else { return };
    let config = spec.get("accessConfig").filter(|config| config.is_mapping());
    // Its enumerations are in lower case.
    let mode = config.and_then(|config| config.get("authenticationMode")).filter(|mode| !mode.is_null());
    let mode = mode.and_then(|mode| {
        let text = reader.text(mode, "authenticationMode")?.to_ascii_uppercase();
        reader.mode(&text, &mode.bytes)
    });
    let lists = [spec.get("accessEntries"), config.and_then(|config| config.get("accessEntries"))];
    let mut entries = Vec::new();
    for item in lists.into_iter().flatten().flat_map(Node::items) {
        let label = item.get(ENTRY.principal).and_then(Node::text).unwrap_or("an entry");
        let label = label.rsplit('/').next().unwrap_or(label).to_owned();
        let Some(entry) = ENTRY.read(&in_upper_case(item), label, reader) else { continue };
        hint_at_node_types(&entry, reader);
        entries.push(entry);
    }
    let authenticator = spec.get("iamAuthenticatorConfig").filter(|config| !config.is_null());
    let aws_auth = authenticator.map(|config| {
        reader.unknown_keys(config, &[MAP_ROLES, MAP_USERS], "`iamAuthenticatorConfig`", true);
        let lists: Vec<(&str, &Node)> =
            [MAP_ROLES, MAP_USERS].into_iter().filter_map(|key| Some((key, config.get(key)?))).collect();
        aws_auth::read_lists(&lists, reader)
    });
    if mode.is_none() && entries.is_empty() && aws_auth.is_none() {
        return;
    }
    let selector = selector(object, spec, reader);
    let selector = reader.placed(selector, &spec.get("eksClusterName").unwrap_or(object.node).bytes);
    let cluster = reader.cluster(selector);
    cluster.mode = cluster.mode.take().or(mode);
    cluster.entries.extend(entries);
    if let Some(more) = aws_auth {
        aws_auth::add(&mut cluster.aws_auth, more);
    }
}

/// The element with its type as EKS writes it.
fn in_upper_case(item: &Node) -> Node {
    let mut item = item.clone();
    if let Value::Mapping(pairs) = &mut item.value
        && let Some(pair) = pairs.iter_mut().find(|pair| pair.key == ENTRY.kind)
        && let Value::Scalar(scalar) = &mut pair.value.value
    {
        scalar.text = scalar.text.to_ascii_uppercase();
    }
    item
}

fn selector(object: &Object<'_>, spec: &Node, reader: &mut Reader<'_>) -> ClusterSelector {
    let region: Option<Region> = spec.get("region").and_then(Node::text).and_then(|text| text.parse().ok());
    let Some(name) = spec.get("eksClusterName").filter(|name| !name.is_null() && name.text() != Some("")) else {
        return reader.default_cluster(&object.label(), "the controller makes the cluster's name up");
    };
    match reader.text(name, "eksClusterName").map(str::parse) {
        Some(Ok(parsed)) => reader.named(parsed, region, None),
        Some(Err(error)) => {
            reader.error(&name.bytes, format!("{error}"));
            reader.default_cluster(&object.label(), "its name is not valid")
        }
        None => reader.default_cluster(&object.label(), "its name is no text"),
    }
}

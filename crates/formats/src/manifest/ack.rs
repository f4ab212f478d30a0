//! ACK's EKS controller: `AccessEntry` and `Cluster` of `eks.services.k8s.aws`.

use std::collections::{BTreeMap, HashSet};

use entryway_access::{AccountId, Region};

use super::{Object, Objects, say_mode_is_lost};
use crate::entry::{API_POLICY, EntryForm, TagsForm, forget_what_eks_fills_in, hint_at_node_types};
use crate::export::{Abilities, lower};
use crate::out::Out;
use crate::reader::Reader;
use crate::tree::Node;
use crate::{ClusterSelector, Declared, Placed, Read};

pub(super) const GROUP: &str = "eks.services.k8s.aws";
const VERSION: &str = "v1alpha1";
const REGION: &str = "services.k8s.aws/region";
const ACCOUNT: &str = "services.k8s.aws/owner-account-id";
const ACK: Abilities = Abilities { name: "ACK", tags: true, aws_auth: false };

pub(super) const ENTRY: EntryForm = EntryForm {
    what: "`spec`",
    principal: "principalARN",
    kind: "type",
    groups: "kubernetesGroups",
    username: "username",
    policies: Some("accessPolicies"),
    policy: API_POLICY,
    tags: TagsForm::Map("tags"),
    other: &["clusterName", "clusterRef"],
};

/// Reads one object of the group.
pub(super) fn read(object: &Object<'_>, objects: &Objects<'_>, reader: &mut Reader<'_>) {
    let Some(spec) = object.node.get("spec").filter(|_| matches!(object.kind, "AccessEntry" | "Cluster")) else {
        if object.kind == "AccessEntry" {
            reader.error(&object.node.bytes, format!("AccessEntry `{}` has no `spec`", object.label()));
        }
        return;
    };
    if object.kind == "Cluster" {
        let selector = cluster_of(object, reader);
        let mode = spec.path(&["accessConfig", "authenticationMode"]).filter(|mode| !mode.is_null()).and_then(|mode| {
            let text = reader.text(mode, "authenticationMode")?;
            reader.mode(text, &mode.bytes)
        });
        let cluster = reader.cluster(selector);
        cluster.mode = cluster.mode.take().or(mode);
        return;
    }
    let selector = selector(object, spec, objects, reader);
    let Some(mut entry) = ENTRY.read(spec, object.label(), reader) else { return };
    forget_what_eks_fills_in(&mut entry);
    hint_at_node_types(&entry, reader);
    reader.cluster(selector).entries.push(entry);
}

/// The cluster of an entry: by name, or through the resource that it refers to, if that is here too.
fn selector(
    object: &Object<'_>,
    spec: &Node,
    objects: &Objects<'_>,
    reader: &mut Reader<'_>,
) -> Placed<ClusterSelector> {
    let (region, account) = home(object);
    if let Some(name) = spec.get("clusterName").filter(|name| !name.is_null()) {
        return named(name, region, account, reader);
    }
    let from = spec.path(&["clusterRef", "from"]);
    let reference = from.and_then(|from| from.get("name")).filter(|name| name.text().is_some());
    let Some((node, name)) = reference.and_then(|node| Some((node, node.text()?))) else {
        let bytes = object.node.bytes.start..object.node.bytes.start;
        if reader.options.cluster.is_none() {
            reader.error(&spec.bytes, "`clusterName` or `clusterRef` is missing");
        }
        let selector = reader.default_cluster(&object.label(), "`clusterName` is missing");
        return reader.placed(selector, &bytes);
    };
    let namespace = from.and_then(|from| from.get("namespace")).and_then(Node::text).or(object.namespace);
    match objects.find(GROUP, "Cluster", name, namespace) {
        Some(cluster) => cluster_of(cluster, reader),
        None => {
            let reason = format!("it is that of the Cluster resource `{name}`, which is not here");
            let selector = reader.default_cluster(name, &reason);
            reader.placed(selector, &node.bytes)
        }
    }
}

/// The cluster that a Cluster resource is about.
fn cluster_of(object: &Object<'_>, reader: &mut Reader<'_>) -> Placed<ClusterSelector> {
    let (region, account) = home(object);
    match object.node.path(&["spec", "name"]).filter(|name| !name.is_null()) {
        Some(name) => named(name, region, account, reader),
        None => {
            reader.error(&object.node.bytes, format!("`spec.name` of Cluster `{}` is missing", object.label()));
            let selector = reader.default_cluster(&object.label(), "`spec.name` is missing");
            reader.placed(selector, &object.node.bytes)
        }
    }
}

fn named(
    name: &Node,
    region: Option<Region>,
    account: Option<AccountId>,
    reader: &mut Reader<'_>,
) -> Placed<ClusterSelector> {
    let parsed = reader.text(name, "clusterName").map(str::parse);
    let selector = match parsed {
        Some(Ok(cluster)) => reader.named(cluster, region, account),
        Some(Err(error)) => {
            reader.error(&name.bytes, format!("{error}"));
            reader.default_cluster("manifests", "its name is not valid")
        }
        None => reader.default_cluster("manifests", "its name is no text"),
    };
    reader.placed(selector, &name.bytes)
}

/// Region and account, where annotations tell.
fn home(object: &Object<'_>) -> (Option<Region>, Option<AccountId>) {
    let text = |key: &str| object.annotation(key).and_then(Node::text);
    (text(REGION).and_then(|text| text.parse().ok()), text(ACCOUNT).and_then(|text| text.parse().ok()))
}

/// Writes `AccessEntry` objects. The clusters themselves are not written: a Cluster resource says much more than
/// its mode.
pub(crate) fn write(declared: &Declared) -> Read<String> {
    let mut diagnostics = Vec::new();
    let mut documents = Vec::new();
    let mut names = Names::default();
    for cluster in lower(declared, ACK, &mut diagnostics) {
        say_mode_is_lost(&cluster, ACK.name, &mut diagnostics);
        for entry in &cluster.entries {
            let annotations = Out::map([
                (ACCOUNT, cluster.account.as_ref().map(Out::text)),
                (REGION, cluster.region.as_ref().map(Out::text)),
            ]);
            let annotations = Some(annotations).filter(|map| !matches!(map, Out::Map(members) if members.is_empty()));
            let metadata = Out::map([
                ("name", Some(Out::text(names.unique(cluster.name.as_str(), &entry.label)))),
                ("annotations", annotations),
            ]);
            let spec = Out::map([
                ("clusterName", Some(Out::text(&cluster.name))),
                ("principalARN", Some(Out::text(&entry.principal))),
                ("type", Some(Out::text(entry.kind))),
                ("username", entry.username.as_ref().map(Out::text)),
                ("kubernetesGroups", entry.groups.as_ref().map(Out::texts)),
                ("accessPolicies", API_POLICY.write_list(&entry.policies)),
                ("tags", tags(&entry.tags)),
            ]);
            documents.push(Out::map([
                ("apiVersion", Some(Out::text(format!("{GROUP}/{VERSION}")))),
                ("kind", Some(Out::text("AccessEntry"))),
                ("metadata", Some(metadata)),
                ("spec", Some(spec)),
            ]));
        }
    }
    Read { value: to_documents(&documents), diagnostics }
}

/// Tags as a mapping, where there are some.
pub(super) fn tags(tags: &BTreeMap<String, String>) -> Option<Out> {
    let members: Vec<(String, Out)> = tags.iter().map(|(key, value)| (key.clone(), Out::text(value))).collect();
    (!members.is_empty()).then_some(Out::Map(members))
}

/// Names that Kubernetes takes: lower case letters, digits and `-`, at most 63 of them. What is the same without
/// case and `_` gets the hash of what it was, so that a name does not depend on those before it.
#[derive(Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    pub(super) fn unique(&mut self, cluster: &str, label: &str) -> String {
        let text = format!("{cluster}-{label}");
        let folded: String = text.chars().map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect();
        let folded = folded.trim_end_matches('-').to_owned();
        if folded.len() <= 63 && self.0.insert(folded.clone()) {
            return folded;
        }
        // FNV-1a: short, and the same everywhere.
        let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let short: String = folded.chars().take(50).collect();
        let short = short.trim_end_matches('-');
        let mut name = format!("{short}-{hash:08x}");
        let mut count = 1;
        while !self.0.insert(name.clone()) {
            count += 1;
            name = format!("{short}-{hash:08x}-{count}");
        }
        name
    }
}

/// Documents with their separators.
pub(super) fn to_documents(documents: &[Out]) -> String {
    let texts: Vec<String> = documents.iter().map(Out::to_yaml).collect();
    texts.join("---\n")
}

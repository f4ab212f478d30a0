//! Crossplane's AWS provider: `AccessEntry`, `AccessPolicyAssociation` and `Cluster`, cluster-scoped and namespaced.
//! An association belongs to an entry that may stand in another document, or in another file.

use std::collections::BTreeMap;

use entryway_access::{PolicyArn, PrincipalArn, Region};

use super::ack::{Names, tags, to_documents};
use super::{Object, Objects, say_mode_is_lost};
use crate::entry::{EntryForm, PolicyForm, TagsForm, forget_what_eks_fills_in, hint_at_node_types, unknown_principal};
use crate::export::{Abilities, PlainCluster, PlainEntry, lower};
use crate::out::Out;
use crate::reader::Reader;
use crate::tree::{Node, Value};
use crate::{ClusterSelector, Declared, DeclaredEntry, DeclaredPolicy, Diagnostic, Place, Placed, PrincipalRef, Read};

pub(super) const CLUSTER_GROUP: &str = "eks.aws.upbound.io";
pub(super) const NAMESPACED_GROUP: &str = "eks.aws.m.upbound.io";
const VERSION: &str = "v1beta1";
const EXTERNAL_NAME: &str = "crossplane.io/external-name";
const CROSSPLANE: Abilities = Abilities { name: "Crossplane", tags: true, aws_auth: false };

const POLICY: PolicyForm =
    PolicyForm { arn: "policyArn", scope: "accessScope", scope_type: "type", namespaces: "namespaces" };
const ENTRY: EntryForm = EntryForm {
    what: "`forProvider`",
    principal: "principalArn",
    kind: "type",
    groups: "kubernetesGroups",
    username: "userName",
    policies: None,
    policy: POLICY,
    tags: TagsForm::Map("tags"),
    other: &[
        "region",
        "clusterName",
        "clusterNameRef",
        "clusterNameSelector",
        "principalArnFromRoleRef",
        "principalArnFromRoleSelector",
    ],
};
const ASSOCIATION_KEYS: [&str; 7] = [
    "region",
    "clusterName",
    "clusterNameRef",
    "clusterNameSelector",
    "principalArn",
    "principalArnRef",
    "principalArnSelector",
];

/// Associations that wait for their entries, and the entries that they may be of.
#[derive(Default)]
pub(crate) struct Loose {
    associations: Vec<Association>,
    entries: Vec<Known>,
}

struct Association {
    label: String,
    cluster: ClusterSelector,
    who: Who,
    policy: DeclaredPolicy,
    place: Place,
}

/// How an association names its entry.
enum Who {
    Arn(PrincipalArn),
    Named { name: String, namespace: Option<String> },
    Labelled { labels: BTreeMap<String, String>, namespace: Option<String> },
}

/// An entry by its Kubernetes name.
struct Known {
    name: String,
    namespace: Option<String>,
    labels: BTreeMap<String, String>,
    place: Option<Place>,
}

/// Reads one object of either group.
pub(super) fn read(object: &Object<'_>, objects: &Objects<'_>, reader: &mut Reader<'_>) {
    if !matches!(object.kind, "AccessEntry" | "AccessPolicyAssociation" | "Cluster") {
        return;
    }
    if let Some(policies) = object.node.path(&["spec", "managementPolicies"])
        && policies.is_sequence()
        && policies.items().iter().all(|policy| policy.text() == Some("Observe"))
    {
        let message = format!("`{}` is only observed by Crossplane, so it declares nothing", object.label());
        reader.note(&policies.bytes, message);
        return;
    }
    let Some(given) = parameters(object.node) else {
        reader.error(&object.node.bytes, format!("{} `{}` has no `spec.forProvider`", object.kind, object.label()));
        return;
    };
    match object.kind {
        "Cluster" => read_cluster(object, &given, reader),
        "AccessEntry" => read_entry(object, &given, objects, reader),
        _ => read_association(object, &given, objects, reader),
    }
}

/// `forProvider`, and of `initProvider` what that leaves out.
fn parameters(node: &Node) -> Option<Node> {
    let spec = node.get("spec")?;
    let mut given = spec.get("forProvider").filter(|given| given.is_mapping())?.clone();
    let more = spec.get("initProvider").map(Node::pairs).unwrap_or_default();
    let more: Vec<_> = more.iter().filter(|pair| given.get(&pair.key).is_none_or(Node::is_null)).cloned().collect();
    if let Value::Mapping(pairs) = &mut given.value {
        pairs.retain(|pair| !pair.value.is_null());
        pairs.extend(more);
    }
    Some(given)
}

fn read_cluster(object: &Object<'_>, given: &Node, reader: &mut Reader<'_>) {
    let selector = cluster_of(object, given, reader);
    let config = given.get("accessConfig");
    // A list of one in v1beta1, an object in v1beta2.
    let config = config.and_then(|config| if config.is_sequence() { config.items().first() } else { Some(config) });
    let mode = config.and_then(|config| config.get("authenticationMode")).filter(|mode| !mode.is_null());
    let mode = mode.and_then(|mode| {
        let text = reader.text(mode, "authenticationMode")?;
        reader.mode(text, &mode.bytes)
    });
    let cluster = reader.cluster(selector);
    cluster.mode = cluster.mode.take().or(mode);
}

fn read_entry(object: &Object<'_>, given: &Node, objects: &Objects<'_>, reader: &mut Reader<'_>) {
    let selector = selector(object, given, objects, reader);
    let label = object.label();
    let role = ["principalArnFromRoleRef", "principalArnFromRoleSelector"].into_iter().find_map(|key| given.get(key));
    let entry = match (given.get("principalArn"), role) {
        (None, Some(role)) => {
            let reason = match role.get("name").and_then(Node::text) {
                Some(name) => format!("it is the ARN of the Role resource `{name}`"),
                None => "it is the ARN of the Role resource that the selector finds".to_owned(),
            };
            let principal = unknown_principal(&label, reason, &role.bytes, reader);
            ENTRY.read_for(Some(principal), given, label, reader)
        }
        _ => ENTRY.read(given, label, reader),
    };
    let Some(mut entry) = entry else { return };
    forget_what_eks_fills_in(&mut entry);
    hint_at_node_types(&entry, reader);
    let labels = object.node.path(&["metadata", "labels"]).map(texts).unwrap_or_default();
    reader.loose.entries.push(Known {
        name: object.name.to_owned(),
        namespace: object.namespace.map(str::to_owned),
        labels,
        place: entry.place.clone(),
    });
    reader.cluster(selector).entries.push(entry);
}

fn read_association(object: &Object<'_>, given: &Node, objects: &Objects<'_>, reader: &mut Reader<'_>) {
    let cluster = selector(object, given, objects, reader).value;
    let policy = POLICY.read(given, &ASSOCIATION_KEYS, reader);
    let namespace = object.namespace.map(str::to_owned);
    let reference = given.path(&["principalArnRef", "name"]).and_then(Node::text);
    let labels = given.path(&["principalArnSelector", "matchLabels"]);
    let who = match (given.get("principalArn"), reference, labels) {
        (Some(arn), _, _) => match reader.text(arn, "principalArn").map(str::parse) {
            Some(Ok(arn)) => Some(Who::Arn(arn)),
            Some(Err(error)) => {
                reader.error(&arn.bytes, format!("{error}"));
                None
            }
            None => None,
        },
        (None, Some(name), _) => Some(Who::Named { name: name.to_owned(), namespace }),
        (None, None, Some(labels)) => Some(Who::Labelled { labels: texts(labels), namespace }),
        (None, None, None) => {
            reader.error(&given.bytes, format!("`principalArn` of `{}` is missing", object.label())).help =
                Some("name the principal, or the AccessEntry with `principalArnRef`".to_owned());
            None
        }
    };
    let (Some(policy), Some(who)) = (policy, who) else { return };
    let place = reader.place(&object.node.path(&["metadata", "name"]).unwrap_or(object.node).bytes);
    reader.loose.associations.push(Association { label: object.label(), cluster, who, policy, place });
}

fn texts(node: &Node) -> BTreeMap<String, String> {
    let pairs = node.pairs().iter();
    pairs.filter_map(|pair| Some((pair.key.clone(), pair.value.text()?.to_owned()))).collect()
}

/// The cluster of an entry or association: by name, or through the resource that it refers to, if that is here.
fn selector(
    object: &Object<'_>,
    given: &Node,
    objects: &Objects<'_>,
    reader: &mut Reader<'_>,
) -> Placed<ClusterSelector> {
    let region = region(given, reader);
    if let Some(name) = given.get("clusterName") {
        let parsed = reader.text(name, "clusterName").map(str::parse);
        let selector = match parsed {
            Some(Ok(cluster)) => reader.named(cluster, region, None),
            Some(Err(error)) => {
                reader.error(&name.bytes, format!("{error}"));
                reader.default_cluster(&object.label(), "its name is not valid")
            }
            None => reader.default_cluster(&object.label(), "its name is no text"),
        };
        return reader.placed(selector, &name.bytes);
    }
    let reference = given.path(&["clusterNameRef", "name"]);
    if let Some((node, name)) = reference.and_then(|node| Some((node, node.text()?))) {
        if let Some(cluster) = objects.find(object.group, "Cluster", name, object.namespace)
            && let Some(of_cluster) = parameters(cluster.node)
        {
            return cluster_of(cluster, &of_cluster, reader);
        }
        let reason = format!("it is that of the Cluster resource `{name}`, which is not here");
        let selector = reader.default_cluster(name, &reason);
        return reader.placed(selector, &node.bytes);
    }
    let selector = match given.get("clusterNameSelector") {
        Some(_) => reader.default_cluster(&object.label(), "it is that of the Cluster resource that a selector finds"),
        None => {
            if reader.options.cluster.is_none() {
                reader.error(&given.bytes, "`clusterName` is missing");
            }
            reader.default_cluster(&object.label(), "`clusterName` is missing")
        }
    };
    reader.placed(selector, &given.bytes)
}

/// The cluster that a Cluster resource is about: its external name, which is its own where none is set.
fn cluster_of(object: &Object<'_>, given: &Node, reader: &mut Reader<'_>) -> Placed<ClusterSelector> {
    let region = region(given, reader);
    let external = object.annotation(EXTERNAL_NAME).filter(|name| name.text().is_some());
    let node = external.or_else(|| object.node.path(&["metadata", "name"])).unwrap_or(object.node);
    let selector = match node.text().unwrap_or_default().parse() {
        Ok(name) => reader.named(name, region, None),
        Err(error) => {
            reader.error(&node.bytes, format!("{error}"));
            reader.default_cluster(&object.label(), "its name is not valid")
        }
    };
    reader.placed(selector, &node.bytes)
}

fn region(given: &Node, reader: &mut Reader<'_>) -> Option<Region> {
    let node = given.get("region")?;
    match reader.text(node, "region")?.parse() {
        Ok(region) => Some(region),
        Err(error) => {
            reader.error(&node.bytes, format!("{error}"));
            None
        }
    }
}

impl Loose {
    /// Takes in what another text left open.
    pub(crate) fn add(&mut self, other: Loose) {
        self.associations.extend(other.associations);
        self.entries.extend(other.entries);
    }

    /// Gives each association to its entry.
    pub(crate) fn join(self, declared: &mut Declared, diagnostics: &mut Vec<Diagnostic>) {
        let Loose { associations, entries } = self;
        for association in associations {
            let found = find(&association, &entries, declared);
            match found {
                Ok(entry) => entry.policies.push(association.policy),
                Err(why) => {
                    let message = format!("the policy of `{}` is not used: {why}", association.label);
                    let warning = Diagnostic::warning(message, Some(association.place));
                    diagnostics.push(
                        warning.help("an association needs the AccessEntry of its principal; read both together"),
                    );
                }
            }
        }
    }
}

fn find<'d>(
    association: &Association,
    known: &[Known],
    declared: &'d mut Declared,
) -> Result<&'d mut DeclaredEntry, String> {
    let meant: Vec<&Known> = match &association.who {
        Who::Arn(arn) => {
            let clusters = declared.clusters.iter_mut().filter(|cluster| cluster.selector.value == association.cluster);
            let mut entries = clusters.flat_map(|cluster| &mut cluster.entries);
            let is_it =
                |entry: &&mut DeclaredEntry| matches!(&entry.principal.value, PrincipalRef::Arn(known) if known == arn);
            return entries.find(is_it).ok_or_else(|| format!("there is no access entry for `{arn}` here"));
        }
        Who::Named { name, namespace } => {
            known.iter().filter(|entry| entry.name == *name && entry.namespace == *namespace).collect()
        }
        Who::Labelled { labels, namespace } => {
            let has = |entry: &&Known| {
                entry.namespace == *namespace
                    && !labels.is_empty()
                    && labels.iter().all(|(key, value)| entry.labels.get(key) == Some(value))
            };
            known.iter().filter(has).collect()
        }
    };
    let name = match &association.who {
        Who::Named { name, .. } => format!("AccessEntry `{name}`"),
        Who::Arn(_) | Who::Labelled { .. } => "AccessEntry with its labels".to_owned(),
    };
    match meant.as_slice() {
        [one] => {
            let mut entries = declared.clusters.iter_mut().flat_map(|cluster| &mut cluster.entries);
            entries.find(|entry| entry.place == one.place).ok_or_else(|| format!("the {name} can't be used"))
        }
        [] => Err(format!("there is no {name} here")),
        _ => Err(format!("there is more than one {name}")),
    }
}

/// Writes `AccessEntry` and `AccessPolicyAssociation` objects, cluster-scoped.
pub(crate) fn write(declared: &Declared) -> Read<String> {
    let mut diagnostics = Vec::new();
    let mut documents = Vec::new();
    // One set for both kinds: so a name says which entry an association is of.
    let mut names = Names::default();
    for cluster in lower(declared, CROSSPLANE, &mut diagnostics) {
        say_mode_is_lost(&cluster, CROSSPLANE.name, &mut diagnostics);
        let Some(region) = cluster.region.clone().filter(|_| !cluster.entries.is_empty()) else {
            if !cluster.entries.is_empty() {
                let message = format!("`{}` is not written: Crossplane needs its region", cluster.name);
                diagnostics.push(Diagnostic::error(message, None).help("say the cluster's region"));
            }
            continue;
        };
        for entry in &cluster.entries {
            write_entry(entry, &cluster, &region, &mut names, &mut documents);
        }
    }
    Read { value: to_documents(&documents), diagnostics }
}

fn write_entry(
    entry: &PlainEntry,
    cluster: &PlainCluster,
    region: &Region,
    names: &mut Names,
    documents: &mut Vec<Out>,
) {
    let object = |kind: &str, name: &str, for_provider: Out| {
        Out::map([
            ("apiVersion", Some(Out::text(format!("{CLUSTER_GROUP}/{VERSION}")))),
            ("kind", Some(Out::text(kind))),
            ("metadata", Some(Out::map([("name", Some(Out::text(name)))]))),
            ("spec", Some(Out::map([("forProvider", Some(for_provider))]))),
        ])
    };
    let name = names.unique(cluster.name.as_str(), &entry.label);
    let given = Out::map([
        ("region", Some(Out::text(region))),
        ("clusterName", Some(Out::text(&cluster.name))),
        ("principalArn", Some(Out::text(&entry.principal))),
        ("type", Some(Out::text(entry.kind))),
        ("userName", entry.username.as_ref().map(Out::text)),
        ("kubernetesGroups", entry.groups.as_ref().map(Out::texts)),
        ("tags", tags(&entry.tags)),
    ]);
    documents.push(object("AccessEntry", &name, given));
    for (policy, scope) in &entry.policies {
        let given = Out::map([
            ("region", Some(Out::text(region))),
            ("clusterName", Some(Out::text(&cluster.name))),
            ("principalArnRef", Some(Out::map([("name", Some(Out::text(&name)))]))),
            (POLICY.arn, Some(Out::text(policy))),
            (POLICY.scope, Some(POLICY.write_scope(scope))),
        ]);
        let of_policy = names.unique(cluster.name.as_str(), &format!("{}-{}", entry.label, short(policy)));
        documents.push(object("AccessPolicyAssociation", &of_policy, given));
    }
}

/// `cluster-admin` of `AmazonEKSClusterAdminPolicy`.
fn short(policy: &PolicyArn) -> String {
    let name = policy.name().as_str();
    let middle = name.strip_prefix("AmazonEKS").unwrap_or(name);
    let middle = middle.strip_suffix("Policy").filter(|rest| !rest.is_empty()).unwrap_or(middle);
    let mut words = String::new();
    for (index, c) in middle.char_indices() {
        if c.is_ascii_uppercase() && index > 0 && !words.ends_with('-') {
            words.push('-');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

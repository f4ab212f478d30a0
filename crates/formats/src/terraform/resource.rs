//! Terraform's resources, however they were read, as declarations: entries and associations are paired by
//! cluster and principal, never by their keys.

use std::collections::BTreeMap;
use std::ops::Range;

use entryway_access::{AuthenticationMode, EntryType, PrincipalArn};

use super::clusters::Clusters;
use super::objects;
use crate::entry::forget_what_eks_fills_in;
use crate::reader::Reader;
use crate::tree::Node;
use crate::{ClusterSelector, DeclaredEntry, DeclaredPolicy, Placed, PolicyRef, PrincipalRef};

/// A resource with its values.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    /// The whole address, for people.
    pub(super) address: String,
    /// The address of its module; empty for the root.
    pub(super) module: String,
    /// Its type: `aws_eks_access_entry`.
    pub(super) kind: String,
    /// Its key, where it is one of a `for_each`.
    pub(super) key: Option<String>,
    /// Its attributes; unknown ones carry the tag.
    pub(super) values: Node,
}

impl Resource {
    /// The address within its module.
    pub(super) fn local_address(&self) -> &str {
        self.address.strip_prefix(self.module.as_str()).unwrap_or(&self.address).trim_start_matches('.')
    }

    /// An attribute that says something; not `null`.
    pub(super) fn attribute(&self, name: &str) -> Option<&Node> {
        self.values.get(name).filter(|node| !node.is_null())
    }

    /// What to call it: its key, or its address.
    fn label(&self) -> String {
        self.key.clone().unwrap_or_else(|| self.address.clone())
    }

    pub(super) fn bytes(&self) -> Range<usize> {
        self.values.bytes.clone()
    }
}

/// Declares all of them.
pub(super) fn declare(resources: Vec<Resource>, reader: &mut Reader<'_>) {
    let of = |kind: &'static str| resources.iter().filter(move |resource| resource.kind == kind);
    let known = Clusters::new(&resources);
    for cluster in of("aws_eks_cluster") {
        declare_cluster(cluster, &known, reader);
    }
    let mut entries: Vec<(ClusterSelector, &Resource, DeclaredEntry)> = Vec::new();
    for resource in of("aws_eks_access_entry") {
        let selector = known.selector(resource, reader);
        if let Some(entry) = entry(&resource.values, resource.label(), reader) {
            entries.push((selector.value.clone(), resource, entry));
            reader.cluster(selector);
        }
    }
    for resource in of("aws_eks_access_policy_association") {
        let selector = known.selector(resource, reader).value;
        let values = &resource.values;
        let principal = principal(values.get("principal_arn"), &resource.label(), &resource.bytes(), reader);
        let policy = policy(values.get("policy_arn"), values.get("access_scope"), &resource.bytes(), reader);
        let (Some(principal), Some(policy)) = (principal, policy) else { continue };
        match entry_for(&mut entries, &selector, resource, &principal.value, reader) {
            Ok(entry) => entry.policies.push(policy),
            Err(why) => {
                let message = format!("the policy of `{}` is not used: {why}", resource.address);
                reader.warning(&resource.bytes(), message).help =
                    Some("an association needs the access entry of its principal, in the same place".to_owned());
            }
        }
    }
    for (selector, _, entry) in entries {
        if let Some(cluster) = reader.declared.clusters.iter_mut().find(|cluster| cluster.selector.value == selector) {
            cluster.entries.push(entry);
        }
    }
    for resource in &resources {
        match resource.kind.as_str() {
            "kubernetes_manifest" => objects::declare_manifest(resource.attribute("manifest"), reader),
            "kubectl_manifest" => objects::declare_manifest_text(resource.attribute("yaml_body"), reader),
            kind if kind.starts_with("kubernetes_config_map") => objects::declare_aws_auth(resource, reader),
            _ => {}
        }
    }
}

/// The entry that an association belongs to.
fn entry_for<'e>(
    entries: &'e mut [(ClusterSelector, &Resource, DeclaredEntry)],
    cluster: &ClusterSelector,
    association: &Resource,
    principal: &PrincipalRef,
    reader: &Reader<'_>,
) -> Result<&'e mut DeclaredEntry, &'static str> {
    let same_cluster = |(selector, resource, _): &&mut (ClusterSelector, &Resource, DeclaredEntry)| {
        selector == cluster
            || (matches!(selector, ClusterSelector::Unknown { .. }) && resource.module == association.module)
    };
    let candidates = entries.iter_mut().filter(same_cluster);
    if !matches!(principal, PrincipalRef::Unknown { .. }) {
        let found = candidates.map(|(_, _, entry)| entry).find(|entry| entry.principal.value == *principal);
        return found.ok_or("there is no access entry for its principal here");
    }
    // The principal is not known yet. What both refer to tells, and else the key of the entry in the module,
    // where only one of them can be meant.
    let of_module = candidates.filter(|(_, resource, _)| resource.module == association.module);
    let key = association.key.as_deref().unwrap_or_default();
    let mut meant: Vec<(bool, &mut DeclaredEntry)> = Vec::new();
    for (_, resource, entry) in of_module {
        if !matches!(entry.principal.value, PrincipalRef::Unknown { .. }) {
            continue;
        }
        let same_reference = same_unknown(association, resource, reader);
        let entry_key = resource.key.as_deref().unwrap_or_default();
        let same_key = !entry_key.is_empty() && key.strip_prefix(entry_key).is_some_and(|rest| rest.starts_with('_'));
        if same_reference || same_key {
            meant.push((same_reference, entry));
        }
    }
    if meant.iter().filter(|(same_reference, _)| *same_reference).count() == 1 {
        meant.retain(|(same_reference, _)| *same_reference);
    }
    match meant.len() {
        1 => meant.pop().map(|(_, entry)| entry).ok_or("there is no access entry for it"),
        0 => Err("its principal is not known yet, and no access entry here is for the same"),
        _ => Err("its principal is not known yet, and more than one access entry may be meant"),
    }
}

/// Whether two unknown principals are certainly the same: in the language, the same expression; in a plan, which
/// tells only what an expression refers to, the same ARN of a resource.
fn same_unknown(association: &Resource, entry: &Resource, reader: &Reader<'_>) -> bool {
    let (Some(a), Some(b)) = (association.values.get("principal_arn"), entry.values.get("principal_arn")) else {
        return false;
    };
    match (a.why_unknown(), b.why_unknown()) {
        (Some(why), Some(other)) if why.ends_with(super::json::KNOWN_AFTER_APPLY) => {
            why == other && (why.contains(".arn` ") || why.contains(".principal_arn` "))
        }
        (Some(_), Some(_)) => {
            let text = |node: &Node| {
                let place = reader.place(&node.bytes);
                place.source.text().get(place.bytes).unwrap_or_default().to_owned()
            };
            let (a, b) = (text(a), text(b));
            // What differs from one of a `for_each` to the next is the same only under the same key.
            let varies = a.contains("each.") || a.contains("count.");
            !a.is_empty() && a == b && (!varies || association.key == entry.key)
        }
        _ => false,
    }
}

fn declare_cluster(resource: &Resource, known: &Clusters, reader: &mut Reader<'_>) {
    let selector = known.selector(resource, reader);
    let config = resource.attribute("access_config").map(one_block);
    let mode = config.and_then(|config| config.get("authentication_mode")).filter(|mode| !mode.is_null());
    let mode: Option<Placed<AuthenticationMode>> =
        mode.and_then(|mode| mode.text().and_then(|text| reader.mode(text, &mode.bytes)));
    let cluster = reader.cluster(selector);
    cluster.mode = cluster.mode.take().or(mode);
}

/// A block that Terraform's JSON has as a list of one.
pub(super) fn one_block(node: &Node) -> &Node {
    node.items().first().unwrap_or(node)
}

/// An entry without its policies, from the attributes of the resource or of the module's map.
pub(super) fn entry(values: &Node, label: String, reader: &mut Reader<'_>) -> Option<DeclaredEntry> {
    let said = |key: &str| values.get(key).filter(|node| !node.is_null());
    let principal = principal(values.get("principal_arn"), &label, &values.bytes, reader)?;
    let kind = match said("type") {
        None => Placed::nowhere(EntryType::Standard),
        Some(node) => match node.text() {
            // The provider compares an empty type as the default.
            Some("") => Placed::nowhere(EntryType::Standard),
            Some(text) => reader.entry_type(text, &node.bytes)?,
            None => {
                not_known(node, "type", reader);
                return None;
            }
        },
    };
    let groups = said("kubernetes_groups").and_then(|node| texts(node, "kubernetes_groups", reader));
    let username = said("user_name").filter(|node| node.why_unknown() != Some(super::json::KNOWN_AFTER_APPLY));
    let username = username.and_then(|node| match node.text() {
        Some(text) => Some(reader.placed(text.to_owned(), &node.bytes)),
        None => {
            not_known(node, "user_name", reader);
            None
        }
    });
    let tags = said("tags").map(|node| tags(node, reader)).unwrap_or_default();
    let place = Some(reader.place(&values.bytes));
    let mut entry =
        DeclaredEntry { label, principal, kind, username, groups, tags, policies: Vec::new(), expires: None, place };
    forget_what_eks_fills_in(&mut entry);
    Some(entry)
}

fn principal(
    node: Option<&Node>,
    label: &str,
    whole: &Range<usize>,
    reader: &mut Reader<'_>,
) -> Option<Placed<PrincipalRef>> {
    let Some(node) = node.filter(|node| !node.is_null()) else {
        reader.error(whole, format!("`principal_arn` of `{label}` is missing"));
        return None;
    };
    if let Some(text) = node.text() {
        return match text.parse::<PrincipalArn>() {
            Ok(arn) => Some(reader.placed(PrincipalRef::Arn(arn), &node.bytes)),
            Err(error) => {
                reader.error(&node.bytes, format!("`principal_arn` of `{label}`: {error}"));
                None
            }
        };
    }
    let Some(reason) = node.why_unknown() else {
        not_known(node, "principal_arn", reader);
        return None;
    };
    let reason = reason.to_owned();
    reader.note(&node.bytes, format!("the principal of `{label}` is not known: {reason}"));
    Some(reader.placed(PrincipalRef::Unknown { label: label.to_owned(), reason }, &node.bytes))
}

/// A policy with its scope; the scope is an object, or a list of one.
pub(super) fn policy(
    arn: Option<&Node>,
    scope: Option<&Node>,
    whole: &Range<usize>,
    reader: &mut Reader<'_>,
) -> Option<DeclaredPolicy> {
    let policy = match arn.filter(|node| !node.is_null()) {
        None => {
            reader.error(whole, "`policy_arn` is missing");
            return None;
        }
        Some(node) => match (node.text(), node.why_unknown()) {
            (Some(text), _) => reader.policy_arn(text, &node.bytes)?,
            (None, Some(reason)) => {
                reader.note(&node.bytes, format!("the policy is not known: {reason}"));
                let unknown = PolicyRef::Unknown { label: "policy_arn".to_owned(), reason: reason.to_owned() };
                reader.placed(unknown, &node.bytes)
            }
            (None, None) => {
                not_known(node, "policy_arn", reader);
                return None;
            }
        },
    };
    let Some(scope) = scope.filter(|node| !node.is_null()).map(one_block).filter(|node| node.is_mapping()) else {
        let bytes = scope.map_or(whole, |node| &node.bytes);
        let reason = scope.and_then(|node| one_block(node).why_unknown()).map(|why| format!(" ({why})"));
        let reason = reason.unwrap_or_default();
        reader.error(bytes, format!("`access_scope` can't be told, so neither where the policy is in force{reason}"));
        return None;
    };
    let kind = scope.get("type").and_then(Node::text);
    let namespaces = scope.get("namespaces").filter(|node| !node.is_null());
    let namespaces = match namespaces {
        None => Vec::new(),
        Some(node) => texts(node, "namespaces", reader)?,
    };
    let Some(kind) = kind else {
        let reason = scope.get("type").and_then(Node::why_unknown).map(|why| format!(": {why}")).unwrap_or_default();
        reader.error(&scope.bytes, format!("`type` of `access_scope` can't be told{reason}"));
        return None;
    };
    let scope = reader.scope(kind, &namespaces, &scope.bytes)?;
    Some(DeclaredPolicy { policy, scope, expires: None })
}

/// A list of texts; nothing where it is not known what is in it (which is said, unless a plan leaves it to EKS).
fn texts(node: &Node, what: &str, reader: &mut Reader<'_>) -> Option<Vec<Placed<String>>> {
    if node.why_unknown() == Some(super::json::KNOWN_AFTER_APPLY) && what == "kubernetes_groups" {
        return None;
    }
    if !node.is_sequence() {
        not_known(node, what, reader);
        return None;
    }
    let mut texts = Vec::new();
    for item in node.items() {
        match item.text() {
            Some(text) => texts.push(reader.placed(text.to_owned(), &item.bytes)),
            None => {
                not_known(item, what, reader);
                return None;
            }
        }
    }
    Some(texts)
}

fn tags(node: &Node, reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    for pair in node.pairs() {
        match pair.value.text() {
            Some(text) => {
                tags.insert(pair.key.clone(), text.to_owned());
            }
            None => not_known(&pair.value, &pair.key, reader),
        }
    }
    tags
}

/// Says of a value that it can't be used, and why: a note where it is unknown, an error where it is no text at all.
pub(super) fn not_known(node: &Node, what: &str, reader: &mut Reader<'_>) {
    match node.why_unknown() {
        Some(reason) => {
            let reason = reason.to_owned();
            reader.warning(&node.bytes, format!("`{what}` is not known: {reason}"));
        }
        None => {
            let kind = node.kind();
            reader.error(&node.bytes, format!("`{what}` has a value of the wrong kind: {kind}"));
        }
    }
}

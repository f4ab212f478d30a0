//! The resources that are about access.

use std::ops::Range;

use entryway_access::{PrincipalArn, PrincipalKind};

use super::resolve::{ACCOUNT, Resolver};
use crate::aws_auth;
use crate::entry::{EntryForm, PolicyForm, TagsForm, hint_at_node_types, unknown_principal};
use crate::reader::Reader;
use crate::tree::{Node, Pair, Value};
use crate::{ClusterSelector, Placed, PrincipalRef, Source, json, yaml};

pub(super) const POLICY: PolicyForm =
    PolicyForm { arn: "PolicyArn", scope: "AccessScope", scope_type: "Type", namespaces: "Namespaces" };
pub(super) const ENTRY: EntryForm = EntryForm {
    what: "`Properties`",
    principal: "PrincipalArn",
    kind: "Type",
    groups: "KubernetesGroups",
    username: "Username",
    policies: Some("AccessPolicies"),
    policy: POLICY,
    tags: TagsForm::List("Tags"),
    other: &["ClusterName"],
};
pub(super) const ACCESS_ENTRY: &str = "AWS::EKS::AccessEntry";
const CLUSTER: &str = "AWS::EKS::Cluster";
/// How the CDK applies manifests.
const CDK_MANIFEST: &str = "Custom::AWSCDK-EKS-KubernetesResource";
/// The Quick Start's own kind of cluster, which writes aws-auth itself.
const QUICK_START_CLUSTER: &str = "AWSQS::EKS::Cluster";

/// Reads one template.
pub(crate) fn read(document: &Node, reader: &mut Reader<'_>) {
    let Some(resources) = document.get("Resources").filter(|resources| resources.is_mapping()) else {
        reader.error(&document.bytes, "a template needs `Resources`, a mapping");
        return;
    };
    let options = reader.options;
    let resolver = Resolver::new(document, options);
    // Clusters whose mode will be CONFIG_MAP, for nothing says another.
    let mut without_mode: Vec<(ClusterSelector, &Pair)> = Vec::new();
    for pair in resources.pairs() {
        if pair.key.starts_with("Fn::ForEach") {
            reader
                .warning(&pair.key_bytes, format!("`{}` is not carried out: what it makes is not read", pair.key))
                .help = Some(
                "give the processed template: `aws cloudformation get-template --template-stage Processed`".to_owned(),
            );
            continue;
        }
        let kind = pair.value.get("Type").and_then(Node::text).unwrap_or_default();
        match kind {
            ACCESS_ENTRY => read_entry(pair, &resolver, reader),
            CLUSTER => {
                if let Some(selector) = read_cluster(pair, &resolver, reader) {
                    without_mode.push((selector, pair));
                }
            }
            CDK_MANIFEST => read_manifest(pair, &resolver, reader),
            QUICK_START_CLUSTER => read_api_access(pair, &resolver, reader),
            _ => {
                let near = crate::nearest::nearest(kind, [ACCESS_ENTRY, CLUSTER]);
                if let (Some(near), Some(node)) =
                    (near.filter(|_| kind.len().abs_diff(ACCESS_ENTRY.len()) <= 2), pair.value.get("Type"))
                {
                    reader.warning(&node.bytes, format!("`{kind}` is not known")).help =
                        Some(format!("did you mean `{near}`?"));
                }
            }
        }
    }
    for (selector, pair) in without_mode {
        let with_entries =
            |cluster: &&crate::DeclaredCluster| cluster.selector.value == selector && !cluster.entries.is_empty();
        let Some(first) = reader.declared.clusters.iter().find(with_entries) else { continue };
        let first = first.entries.first().and_then(|entry| entry.place.clone());
        let message = format!(
            "`{}` has no `AccessConfig`, so its mode is CONFIG_MAP, in which EKS refuses access entries",
            pair.key
        );
        let warning = reader.warning(&pair.key_bytes, message);
        warning.help = Some("set `AccessConfig: {AuthenticationMode: API_AND_CONFIG_MAP}`".to_owned());
        warning.related.extend(first.map(|place| (place, "the first entry is here".to_owned())));
    }
}

/// Why a resource may not be there, where that can't be told; `Err` where it is not there, or not for us to read.
fn existence(pair: &Pair, resolver: &Resolver<'_, '_>, reader: &mut Reader<'_>) -> Result<Option<String>, ()> {
    let Some(condition) = pair.value.get("Condition").filter(|condition| !condition.is_null()) else { return Ok(None) };
    let name = reader.text(condition, "Condition").ok_or(())?;
    match resolver.condition(name) {
        Ok(true) => Ok(None),
        Ok(false) => {
            let message = format!("`{}` is left out: the condition `{name}` does not hold", pair.key);
            reader.note(&condition.bytes, message);
            Err(())
        }
        Err(reason) => Ok(Some(format!("it is there only if the condition `{name}` holds, and {reason}"))),
    }
}

fn read_entry(pair: &Pair, resolver: &Resolver<'_, '_>, reader: &mut Reader<'_>) {
    let Ok(uncertain) = existence(pair, resolver, reader) else { return };
    let label = pair.key.clone();
    let Some(properties) = pair.value.get("Properties").filter(|properties| properties.is_mapping()) else {
        reader.error(&pair.key_bytes, format!("`{label}` has no `Properties`"));
        return;
    };
    let Some(mut resolved) = resolver.resolve(properties) else { return };
    let selector = selector(properties, &resolved, &label, reader);
    let node = resolved.get(ENTRY.principal).filter(|node| !node.is_null()).cloned();
    let principal = match (node, uncertain) {
        (None, _) => {
            reader.error(&pair.key_bytes, format!("`{label}` needs `{}`", ENTRY.principal));
            None
        }
        (Some(node), Some(reason)) => Some(unknown_principal(&label, reason, &node.bytes, reader)),
        (Some(node), None) => principal(&node, &label, reader),
    };
    settle(&mut resolved);
    let Some(mut entry) = ENTRY.read_for(principal, &resolved, label, reader) else { return };
    entry.place = Some(reader.place(&pair.key_bytes));
    hint_at_node_types(&entry, reader);
    reader.cluster(selector).entries.push(entry);
}

fn principal(node: &Node, label: &str, reader: &mut Reader<'_>) -> Option<Placed<PrincipalRef>> {
    if let Some(reason) = node.why_unknown() {
        return Some(unknown_principal(label, reason.to_owned(), &node.bytes, reader));
    }
    let text = reader.text(node, ENTRY.principal)?;
    if !text.contains(ACCOUNT) {
        return reader.principal(text, &node.bytes);
    }
    // A stack is in its cluster's account: so the account need not be known to say whose it is.
    let arn = text.replace(ACCOUNT, "000000000000");
    match arn.parse::<PrincipalArn>() {
        Ok(arn) if arn.account().as_str() == "000000000000" => {
            let kind: PrincipalKind = arn.kind().clone();
            Some(reader.placed(PrincipalRef::InAccount(kind), &node.bytes))
        }
        Ok(_) => {
            Some(unknown_principal(label, "the account of the stack is not known".to_owned(), &node.bytes, reader))
        }
        Err(error) => {
            let message = format!("`{text}` is not a valid {}: {}", error.what, error.rule);
            reader.error(&node.bytes, message);
            None
        }
    }
}

/// Makes texts that need the account of the stack unknown.
fn settle(node: &mut Node) {
    let bytes = node.bytes.clone();
    match &mut node.value {
        Value::Scalar(scalar) if node.tag.is_none() && scalar.text.contains(ACCOUNT) => {
            *node = Node::unknown("the account of the stack is not known", bytes);
        }
        Value::Scalar(_) => {}
        Value::Sequence(items) => items.iter_mut().for_each(settle),
        Value::Mapping(pairs) => {
            pairs.iter_mut().filter(|pair| pair.key != ENTRY.principal).for_each(|pair| settle(&mut pair.value));
        }
    }
}

/// The cluster that `ClusterName` names.
fn selector(properties: &Node, resolved: &Node, label: &str, reader: &mut Reader<'_>) -> Placed<ClusterSelector> {
    let Some(node) = resolved.get("ClusterName").filter(|node| !node.is_null()) else {
        if reader.options.cluster.is_none() {
            reader.error(&properties.bytes, format!("`ClusterName` of `{label}` is missing"));
        }
        let selector = reader.default_cluster(label, "`ClusterName` is missing");
        return reader.placed(selector, &properties.bytes);
    };
    // What is not known of two resources is the same where they say the same.
    let written = properties.get("ClusterName").map(label_of).unwrap_or_default();
    named(node, if written.is_empty() { label } else { &written }, reader)
}

fn named(node: &Node, label: &str, reader: &mut Reader<'_>) -> Placed<ClusterSelector> {
    let selector = match (node.why_unknown(), node.text().map(str::parse)) {
        (Some(reason), _) => reader.default_cluster(label, reason),
        (None, Some(Ok(name))) => reader.named(name, None, None),
        (None, Some(Err(error))) => {
            reader.error(&node.bytes, format!("{error}"));
            reader.default_cluster(label, "its name is not valid")
        }
        (None, None) => {
            reader.text(node, "ClusterName");
            reader.default_cluster(label, "its name is no text")
        }
    };
    reader.placed(selector, &node.bytes)
}

/// What a value refers to, for people.
fn label_of(node: &Node) -> String {
    let argument = node.pairs().first().map_or(node, |pair| &pair.value);
    match &argument.value {
        Value::Scalar(scalar) => scalar.text.clone(),
        Value::Sequence(items) => items.iter().map(label_of).collect::<Vec<_>>().join("."),
        Value::Mapping(_) => String::new(),
    }
}

/// Reads a cluster; gives back which it is where nothing says its mode.
fn read_cluster(pair: &Pair, resolver: &Resolver<'_, '_>, reader: &mut Reader<'_>) -> Option<ClusterSelector> {
    if existence(pair, resolver, reader).ok()?.is_some() {
        return None;
    }
    let properties = pair.value.get("Properties").filter(|properties| properties.is_mapping())?;
    let resolved = resolver.resolve(properties)?;
    let name = resolved.get("Name").cloned().unwrap_or_else(|| {
        let reason = format!("`{}` has no `Name`, so CloudFormation makes a name up", pair.key);
        Node::unknown(reason, pair.key_bytes.clone())
    });
    let selector = named(&name, &pair.key, reader);
    let config = resolved.get("AccessConfig").filter(|config| !config.is_null());
    if let Some(config) = config.filter(|config| config.is_mapping()) {
        let keys = ["AuthenticationMode", "BootstrapClusterCreatorAdminPermissions"];
        reader.unknown_keys(config, &keys, "`AccessConfig`", true);
    }
    let mode = config.and_then(|config| config.get("AuthenticationMode")).filter(|mode| !mode.is_null());
    let said = mode.is_some() || config.is_some_and(|config| config.why_unknown().is_some());
    let mode = mode.and_then(|mode| {
        let text = crate::entry::known_text(mode, "AuthenticationMode", reader)?;
        reader.mode(text, &mode.bytes)
    });
    let value = selector.value.clone();
    let cluster = reader.cluster(selector);
    cluster.mode = cluster.mode.take().or(mode);
    (!said).then_some(value)
}

/// The aws-auth that the CDK's `AwsAuth` writes: JSON in a text, often joined of parts that only AWS knows.
fn read_manifest(pair: &Pair, resolver: &Resolver<'_, '_>, reader: &mut Reader<'_>) {
    let Some(properties) = pair.value.get("Properties") else { return };
    let Some(manifest) = properties.get("Manifest") else { return };
    let (text, holes) = text_with_holes(manifest, resolver);
    if !text.contains("aws-auth") {
        return;
    }
    let source = Source::new("Manifest", text);
    let documents = match json::read(&source) {
        Ok(read) => vec![read.value],
        Err(_) => yaml::read(&source).value,
    };
    let objects =
        documents.iter().flat_map(|node| if node.is_sequence() { node.items() } else { std::slice::from_ref(node) });
    let is_it = |object: &&Node| {
        object.get("kind").and_then(Node::text) == Some("ConfigMap")
            && object.path(&["metadata", "name"]).and_then(Node::text) == Some("aws-auth")
    };
    let mut found: Vec<Node> = objects.filter(is_it).filter_map(|object| object.get("data").cloned()).collect();
    if found.is_empty() {
        return;
    }
    for hole in &holes {
        let message = format!("a line of aws-auth is not known: {hole}");
        reader.warning(&manifest.bytes, message);
    }
    let resolved = resolver.resolve(properties);
    let selector = selector(properties, resolved.as_ref().unwrap_or(properties), &pair.key, reader);
    for data in &mut found {
        move_to(data, &manifest.bytes);
        let read = aws_auth::read(&aws_auth::parts(data), reader);
        aws_auth::add(&mut reader.cluster(selector.clone()).aws_auth, read);
    }
}

/// `KubernetesApiAccess` of the Quick Start's cluster: lines of aws-auth under names of its own.
fn read_api_access(pair: &Pair, resolver: &Resolver<'_, '_>, reader: &mut Reader<'_>) {
    let Some(resolved) = pair.value.get("Properties").and_then(|properties| resolver.resolve(properties)) else {
        return;
    };
    let lists = ["Roles", "Users"].into_iter().filter_map(|key| resolved.path(&["KubernetesApiAccess", key]));
    let mut lines = Vec::new();
    for item in lists.flat_map(Node::items) {
        match item.get("Arn") {
            Some(arn) if arn.why_unknown().is_none() => {
                let (username, groups) = (item.get("Username"), item.get("Groups"));
                lines.push(aws_auth::Line::Arn { whole: item, arn, username, groups });
            }
            Some(arn) => {
                crate::entry::known_text(arn, "Arn", reader);
            }
            None => {
                reader.error(&item.bytes, "`Arn` is missing");
            }
        }
    }
    let read = aws_auth::read_lines(&lines, reader);
    if lines.is_empty() {
        return;
    }
    let name = resolved.get("Name").cloned().unwrap_or_else(|| {
        Node::unknown(format!("`{}` has no `Name`, so a name is made up", pair.key), pair.key_bytes.clone())
    });
    let selector = named(&name, &pair.key, reader);
    aws_auth::add(&mut reader.cluster(selector).aws_auth, read);
}

/// A text in which what can't be known is left as a word in angle brackets, and why it can't.
fn text_with_holes(node: &Node, resolver: &Resolver<'_, '_>) -> (String, Vec<String>) {
    if let Some(text) = resolver.resolve(node).as_ref().and_then(Node::text) {
        return (text.to_owned(), Vec::new());
    }
    let argument = node.get("Fn::Join").unwrap_or(node);
    let [separator, list] = argument.items() else { return (String::new(), Vec::new()) };
    let mut holes = Vec::new();
    let parts = list.items().iter().map(|item| {
        let resolved = resolver.resolve(item);
        match resolved.as_ref().and_then(Node::text) {
            Some(text) => text.to_owned(),
            None => {
                holes.extend(resolved.as_ref().and_then(Node::why_unknown).map(str::to_owned));
                format!("<{}>", label_of(item).replace(['"', '\\'], ""))
            }
        }
    });
    let text = parts.collect::<Vec<_>>().join(separator.text().unwrap_or_default());
    (text, holes)
}

fn move_to(node: &mut Node, bytes: &Range<usize>) {
    node.bytes = bytes.clone();
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => items.iter_mut().for_each(|item| move_to(item, bytes)),
        Value::Mapping(pairs) => {
            for pair in pairs {
                pair.key_bytes = bytes.clone();
                move_to(&mut pair.value, bytes);
            }
        }
    }
}

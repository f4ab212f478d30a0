//! The file as a whole: clusters, grants, own policies, protected principals.

use std::ops::Range;

use entryway_access::{EntryType, Partition, PolicyName, PrincipalKind, Region};

use super::body::{BODY_KEYS, Body, read_end};
use super::rules::read_policies;
use crate::nearest::did_you_mean;
use crate::reader::Reader;
use crate::tree::{Node, Pair};
use crate::{ClusterSelector, DeclaredEntry, Placed, PrincipalRef};

pub(super) const FILE_KEYS: [&str; 5] = ["version", "clusters", "grants", "policies", "protected"];
pub(super) const CLUSTER_KEYS: [&str; 7] = ["name", "tags", "region", "account", "mode", "access", "grants"];
pub(super) const PRINCIPAL_KEYS: [&str; 5] = ["principal", "ssoPermissionSet", "iamGroup", "account", "region"];
pub(super) const ENTRY_KEYS: [&str; 15] = [
    "principal",
    "principals",
    "ssoPermissionSet",
    "iamGroup",
    "account",
    "region",
    "grant",
    "grants",
    "type",
    "username",
    "groups",
    "policies",
    "tags",
    "expires",
    "for",
];

/// A named grant: what it gives, and to whom where it says so.
struct Grant {
    name: String,
    principals: Vec<Placed<PrincipalRef>>,
    body: Body,
}

/// Reads one document.
pub(crate) fn read(document: &Node, reader: &mut Reader<'_>) {
    if !document.is_mapping() {
        let kind = document.kind();
        reader.error(&document.bytes, format!("the file must be a mapping with `clusters`, not {kind}"));
        return;
    }
    reader.unknown_keys(document, &FILE_KEYS, "the file", true);
    if let Some(version) = document.get("version")
        && version.text() != Some("1")
    {
        reader.error(&version.bytes, "`version` must be 1, the only one there is");
    }
    if let Some(policies) = document.get("policies") {
        let policies = read_policies(policies, reader);
        reader.declared.policies.extend(policies);
    }
    let own: Vec<PolicyName> = reader.declared.policies.iter().map(|policy| policy.name.value.clone()).collect();
    let grants = document.get("grants").map(|node| read_grants(node, &own, reader)).unwrap_or_default();
    if let Some(node) = document.get("protected") {
        let protected = principals(node, "protected", reader);
        reader.declared.protected.extend(protected);
    }
    let Some(clusters) = document.get("clusters") else { return };
    if !clusters.is_sequence() && !clusters.is_null() {
        let kind = clusters.kind();
        reader.error(&clusters.bytes, format!("`clusters` must be a list, not {kind}")).help =
            Some("begin each cluster with `- name: \u{2026}`".to_owned());
    }
    for cluster in clusters.items() {
        read_cluster(cluster, &grants, &own, reader);
    }
}

fn read_grants(node: &Node, own: &[PolicyName], reader: &mut Reader<'_>) -> Vec<Grant> {
    if !node.is_mapping() && !node.is_null() {
        let kind = node.kind();
        reader.error(&node.bytes, format!("`grants` must be a mapping from names to grants, not {kind}"));
    }
    let mut grants = Vec::new();
    for Pair { key, key_bytes, value } in node.pairs() {
        if !value.is_mapping() {
            reader.error(key_bytes, format!("the grant `{key}` must be a mapping, with `policies` or `groups`"));
            continue;
        }
        let known: Vec<&str> = BODY_KEYS.into_iter().chain(["principals"]).collect();
        reader.unknown_keys(value, &known, "a grant", true);
        let body = Body::read(value, own, reader);
        let principals = value.get("principals").map(|node| principals(node, "principals", reader));
        if body.is_empty() {
            reader.warning(key_bytes, format!("the grant `{key}` gives nothing: it has no policies and no groups"));
        }
        grants.push(Grant { name: key.clone(), principals: principals.unwrap_or_default(), body });
    }
    grants
}

fn read_cluster(node: &Node, grants: &[Grant], own: &[PolicyName], reader: &mut Reader<'_>) {
    if !node.is_mapping() {
        let kind = node.kind();
        reader.error(&node.bytes, format!("a cluster must be a mapping with `name` or `tags`, not {kind}"));
        return;
    }
    reader.unknown_keys(node, &CLUSTER_KEYS, "a cluster", true);
    let region = parsed(node, "region", reader);
    let partition = region.as_ref().map_or_else(|| reader.options.partition(), Partition::of_region);
    let selector = read_selector(node, region, reader);
    let mode = node.get("mode").and_then(|mode| {
        let text = reader.text(mode, "mode")?;
        reader.mode(text, &mode.bytes)
    });
    let mut entries = Vec::new();
    for (name, bytes) in grant_names(node, "grants", reader) {
        let Some(grant) = find_grant(&name, &bytes, grants, reader) else { continue };
        if grant.principals.is_empty() {
            let message = format!("the grant `{name}` names no principals, so it can't be given to a cluster as such");
            reader.error(&bytes, message).help =
                Some("add `principals` to the grant, or name it in an element of `access`".to_owned());
        }
        for principal in &grant.principals {
            let place = reader.place(&bytes);
            let label = format!("{name}/{}", label(&principal.value));
            let mut entry = entry(label, principal.clone(), &grant.body, partition);
            entry.place = Some(place);
            entries.push(entry);
        }
    }
    if let Some(access) = node.get("access") {
        if !access.is_sequence() && !access.is_null() {
            let kind = access.kind();
            reader.error(&access.bytes, format!("`access` must be a list, not {kind}")).help =
                Some("begin each element with `- principal: \u{2026}`".to_owned());
        }
        for element in access.items() {
            entries.extend(read_access(element, grants, own, partition, reader));
        }
    }
    let Some(selector) = selector else { return };
    let known = reader.declared.clusters.iter().find(|cluster| cluster.selector.value == selector.value);
    if let Some(first) = known.and_then(|cluster| cluster.selector.place.clone()) {
        let error = reader.error(&node.bytes, "this cluster is there already");
        error.related.push((first, "it is here first".to_owned()));
        error.help = Some("put the access of both under one".to_owned());
    }
    let cluster = reader.cluster(selector);
    cluster.mode = cluster.mode.take().or(mode);
    cluster.entries.extend(entries);
}

fn read_selector(node: &Node, region: Option<Region>, reader: &mut Reader<'_>) -> Option<Placed<ClusterSelector>> {
    let account = parsed(node, "account", reader);
    match (node.pair("name"), node.pair("tags")) {
        (Some(Pair { value, .. }), None) => {
            let text = reader.text(value, "name")?;
            match text.parse() {
                Ok(name) => {
                    let selector = reader.named(name, region, account);
                    Some(reader.placed(selector, &value.bytes))
                }
                Err(error) => {
                    reader.error(&value.bytes, format!("{error}"));
                    None
                }
            }
        }
        (None, Some(Pair { value, .. })) => {
            let tags = reader.text_map(value, "tags");
            if tags.is_empty() {
                reader.error(&value.bytes, "`tags` must name at least one tag: none would select every cluster");
                return None;
            }
            Some(reader.placed(ClusterSelector::Tagged { tags, region, account }, &value.bytes))
        }
        (Some(name), Some(tags)) => {
            let place = reader.place(&name.key_bytes);
            let error = reader.error(&tags.key_bytes, "a cluster is chosen by `name` or by `tags`, not by both");
            error.related.push((place, "the name is here".to_owned()));
            None
        }
        (None, None) => {
            reader.error(&node.bytes, "a cluster needs `name`, or `tags` to choose clusters by");
            None
        }
    }
}

/// An element of `access`: one entry for each of its principals.
fn read_access(
    node: &Node,
    grants: &[Grant],
    own: &[PolicyName],
    partition: Partition,
    reader: &mut Reader<'_>,
) -> Vec<DeclaredEntry> {
    if !node.is_mapping() {
        let kind = node.kind();
        reader.error(&node.bytes, format!("an element of `access` must be a mapping with `principal`, not {kind}"));
        return Vec::new();
    }
    reader.unknown_keys(node, &ENTRY_KEYS, "an element of `access`", true);
    let mut body = Body::read(node, own, reader);
    let own_kind = body.kind.clone();
    let mut names = grant_names(node, "grants", reader);
    if let Some(one) = node.get("grant")
        && let Some(text) = reader.text(one, "grant")
    {
        names.push((text.to_owned(), one.bytes.clone()));
    }
    let said_grants = !names.is_empty();
    for (name, bytes) in names {
        if let Some(grant) = find_grant(&name, &bytes, grants, reader) {
            body.add(&grant.body, &bytes, reader);
        }
    }
    let expires = read_end(node, reader);
    let mut principals: Vec<Placed<PrincipalRef>> = Vec::new();
    let is_single = ["principal", "ssoPermissionSet", "iamGroup"].into_iter().any(|key| node.get(key).is_some());
    if is_single {
        principals.extend(principal_of(node, reader));
    }
    if let Some(list) = node.get("principals") {
        principals.extend(self::principals(list, "principals", reader));
    }
    if !is_single && node.get("principals").is_none() {
        reader.error(&node.bytes, "`principal` is missing").help = Some(
            "name a role or user (`principal: arn:aws:iam::111122223333:role/Admin`), or `ssoPermissionSet`, `iamGroup`"
                .to_owned(),
        );
    }
    if body.is_empty() && !said_grants {
        reader.warning(&node.bytes, "the entry gives nothing: it has no policies and no groups");
    }
    if own_kind.is_none() && body.kind.is_none() {
        body.kind = Some(Placed::nowhere(EntryType::Standard));
    }
    principals
        .into_iter()
        .map(|principal| {
            let mut entry = entry(label(&principal.value), principal, &body, partition);
            entry.expires = expires.clone();
            entry.place = Some(reader.place(&node.bytes));
            entry
        })
        .collect()
}

fn entry(label: String, principal: Placed<PrincipalRef>, body: &Body, partition: Partition) -> DeclaredEntry {
    DeclaredEntry {
        label,
        principal,
        kind: body.kind.clone().unwrap_or_else(|| Placed::nowhere(EntryType::Standard)),
        username: body.username.clone(),
        groups: body.groups.clone(),
        tags: body.tags.clone(),
        policies: body.policies_in(partition),
        expires: None,
        place: None,
    }
}

/// A list of principals: texts, or mappings as in `access`.
fn principals(node: &Node, what: &str, reader: &mut Reader<'_>) -> Vec<Placed<PrincipalRef>> {
    if !node.is_sequence() && !node.is_null() {
        let kind = node.kind();
        reader.error(&node.bytes, format!("`{what}` must be a list of principals, not {kind}"));
    }
    let mut all = Vec::new();
    for item in node.items() {
        if item.is_mapping() {
            reader.unknown_keys(item, &PRINCIPAL_KEYS, "a principal", true);
            all.extend(principal_of(item, reader));
        } else if let Some(text) = reader.text(item, what) {
            all.extend(principal(text, &item.bytes, reader));
        }
    }
    all
}

/// The principal that a mapping names with `principal`, `ssoPermissionSet` or `iamGroup`.
fn principal_of(node: &Node, reader: &mut Reader<'_>) -> Option<Placed<PrincipalRef>> {
    let said: Vec<&Pair> =
        ["principal", "ssoPermissionSet", "iamGroup"].into_iter().filter_map(|key| node.pair(key)).collect();
    let one = match said.as_slice() {
        [] => {
            reader.error(&node.bytes, "`principal`, `ssoPermissionSet` or `iamGroup` must say who");
            return None;
        }
        [one] => *one,
        [first, second, ..] => {
            let place = reader.place(&first.key_bytes);
            let message = format!("`{}` and `{}` can't both say who", first.key, second.key);
            reader.error(&second.key_bytes, message).related.push((place, "the other is here".to_owned()));
            return None;
        }
    };
    let account = parsed(node, "account", reader);
    let region = parsed(node, "region", reader);
    let text = reader.text(&one.value, &one.key)?;
    if one.key == "principal" {
        for key in ["account", "region"] {
            if let Some(pair) = node.pair(key) {
                reader
                    .error(&pair.key_bytes, format!("`{key}` belongs to `ssoPermissionSet` and `iamGroup` alone"))
                    .help = Some("the ARN of a principal names its account".to_owned());
            }
        }
        return principal(text, &one.value.bytes, reader);
    }
    let longest = if one.key == "iamGroup" { 128 } else { 32 };
    let good = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if text.is_empty() || text.len() > longest || !text.chars().all(good) {
        let rule = format!("a name must be 1 to {longest} letters, digits and `_+=,.@-`");
        reader.error(&one.value.bytes, format!("`{text}` can't be the name in `{}`: {rule}", one.key));
        return None;
    }
    let name = text.to_owned();
    let value = if one.key == "iamGroup" {
        if let Some(pair) = node.pair("region") {
            reader.error(&pair.key_bytes, "an IAM group has no `region`");
        }
        PrincipalRef::IamGroup { name, account }
    } else {
        PrincipalRef::SsoPermissionSet { name, account, region }
    };
    Some(reader.placed(value, &one.value.bytes))
}

/// An ARN, or `role/NAME`, `user/NAME` of the cluster's account.
fn principal(text: &str, bytes: &Range<usize>, reader: &mut Reader<'_>) -> Option<Placed<PrincipalRef>> {
    let (kind, rest) = match text.split_once('/') {
        Some((kind @ ("role" | "user"), rest)) => (kind, rest),
        _ => return reader.principal(text, bytes),
    };
    // The rules of paths and names are the core's: so a whole ARN is made, and taken apart again.
    match format!("arn:aws:iam::000000000000:{kind}/{rest}").parse::<entryway_access::PrincipalArn>() {
        Ok(arn) => {
            let kind: PrincipalKind = arn.kind().clone();
            Some(reader.placed(PrincipalRef::InAccount(kind), bytes))
        }
        Err(error) => {
            reader.error(bytes, format!("`{text}` is no role or user: {}", error.rule));
            None
        }
    }
}

/// What an entry is called in messages.
pub(super) fn label(principal: &PrincipalRef) -> String {
    match principal {
        PrincipalRef::Arn(arn) => arn.name().to_owned(),
        PrincipalRef::InAccount(
            PrincipalKind::Role { name, .. } | PrincipalKind::User { name, .. } | PrincipalKind::FederatedUser { name },
        ) => name.clone(),
        PrincipalRef::InAccount(PrincipalKind::Root) => "root".to_owned(),
        PrincipalRef::SsoPermissionSet { name, .. } | PrincipalRef::IamGroup { name, .. } => name.clone(),
        PrincipalRef::Unknown { label, .. } => label.clone(),
    }
}

fn grant_names(node: &Node, key: &str, reader: &mut Reader<'_>) -> Vec<(String, Range<usize>)> {
    let Some(list) = node.get(key) else { return Vec::new() };
    let names = reader.texts(list, key);
    names.into_iter().filter_map(|name| Some((name.value, name.place?.bytes))).collect()
}

fn find_grant<'g>(name: &str, bytes: &Range<usize>, grants: &'g [Grant], reader: &mut Reader<'_>) -> Option<&'g Grant> {
    let found = grants.iter().find(|grant| grant.name == name);
    if found.is_none() {
        let known: Vec<&str> = grants.iter().map(|grant| grant.name.as_str()).collect();
        let help = if known.is_empty() { "name it under `grants`".to_owned() } else { did_you_mean(name, &known) };
        reader.error(bytes, format!("there is no grant `{name}`")).help =
            Some(help.replace("the keys here", "the grants"));
    }
    found
}

/// A member that has a form of its own, if it is there.
fn parsed<T: std::str::FromStr<Err = entryway_access::ArnError>>(
    node: &Node,
    key: &str,
    reader: &mut Reader<'_>,
) -> Option<T> {
    let value = node.get(key)?;
    let text = reader.text(value, key)?;
    match text.parse() {
        Ok(parsed) => Some(parsed),
        Err(error) => {
            let diagnostic = reader.error(&value.bytes, error.to_string());
            if key == "account" {
                diagnostic.help = Some("write the twelve digits in quotes, or YAML takes their zeros away".to_owned());
            }
            None
        }
    }
}

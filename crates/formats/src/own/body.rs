//! What a grant gives: the part that an element of `access` and a named grant have in common.

use std::collections::BTreeMap;
use std::ops::Range;

use entryway_access::{AccessScope, EntryType, Partition, PolicyArn, PolicyName};
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

use crate::reader::Reader;
use crate::tree::{Node, Pair};
use crate::{DeclaredPolicy, Expiry, Place, Placed, PolicyRef};

/// Type, username, groups, policies and tags, as far as said.
#[derive(Debug, Clone, Default)]
pub(super) struct Body {
    pub(super) kind: Option<Placed<EntryType>>,
    pub(super) username: Option<Placed<String>>,
    pub(super) groups: Option<Vec<Placed<String>>>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) policies: Vec<BodyPolicy>,
}

/// A policy; one written by name is of whichever partition the cluster is in.
#[derive(Debug, Clone)]
pub(super) struct BodyPolicy {
    pub(super) declared: DeclaredPolicy,
    by_name: bool,
}

/// The keys of a body.
pub(super) const BODY_KEYS: [&str; 5] = ["type", "username", "groups", "policies", "tags"];
pub(super) const POLICY_KEYS: [&str; 6] = ["policy", "namespaces", "scope", "accessScope", "expires", "for"];

impl Body {
    /// Reads those keys of a mapping that belong to a body; `own` are the names of the file's own policies.
    pub(super) fn read(node: &Node, own: &[PolicyName], reader: &mut Reader<'_>) -> Body {
        let mut body = Body::default();
        for Pair { key, value, .. } in node.pairs() {
            match key.as_str() {
                "type" => {
                    body.kind = reader.text(value, key).and_then(|text| reader.entry_type(text, &value.bytes));
                }
                "username" => {
                    let text = reader.text(value, key).map(str::to_owned);
                    body.username = text.map(|text| reader.placed(text, &value.bytes));
                }
                "groups" => body.groups = Some(reader.texts(value, key)),
                "tags" => body.tags = reader.text_map(value, key),
                "policies" => body.policies = read_policies(value, own, reader),
                _ => {}
            }
        }
        body
    }

    /// Whether it gives nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.policies.is_empty()
            && self.groups.as_ref().is_none_or(Vec::is_empty)
            && self.username.is_none()
            && self.kind.is_none()
    }

    /// Adds a grant to it. What the entry itself says wins; two grants that say different things conflict.
    pub(super) fn add(&mut self, grant: &Body, entry: &Range<usize>, reader: &mut Reader<'_>) {
        add_one(&mut self.kind, grant.kind.as_ref(), "type", entry, reader);
        add_one(&mut self.username, grant.username.as_ref(), "username", entry, reader);
        if let Some(groups) = &grant.groups {
            let mine = self.groups.get_or_insert_default();
            for group in groups {
                if !mine.iter().any(|known| known.value == group.value) {
                    mine.push(group.clone());
                }
            }
        }
        for (key, value) in &grant.tags {
            self.tags.entry(key.clone()).or_insert_with(|| value.clone());
        }
        self.policies.extend(grant.policies.iter().cloned());
    }

    /// The policies for a cluster of that partition; the same one from two grants once.
    pub(super) fn policies_in(&self, partition: Partition) -> Vec<DeclaredPolicy> {
        let mut all: Vec<DeclaredPolicy> = Vec::new();
        for policy in &self.policies {
            let mut declared = policy.declared.clone();
            if let PolicyRef::Arn(PolicyArn::Aws { partition: written, .. }) = &mut declared.policy.value
                && policy.by_name
            {
                *written = partition;
            }
            let same = |known: &DeclaredPolicy| {
                known.policy.value == declared.policy.value
                    && known.scope.value == declared.scope.value
                    && known.expires.as_ref().map(|end| end.value) == declared.expires.as_ref().map(|end| end.value)
            };
            if !all.iter().any(same) {
                all.push(declared);
            }
        }
        all
    }
}

fn add_one<T: Clone + PartialEq>(
    mine: &mut Option<Placed<T>>,
    theirs: Option<&Placed<T>>,
    what: &str,
    entry: &Range<usize>,
    reader: &mut Reader<'_>,
) {
    match (&mine, theirs) {
        (_, None) => {}
        (None, Some(_)) => *mine = theirs.cloned(),
        (Some(first), Some(second)) if first.value == second.value => {}
        (Some(first), Some(second)) => {
            let places: Vec<Place> = [first, second].into_iter().filter_map(|placed| placed.place.clone()).collect();
            let error = reader.error(entry, format!("the entry and its grants say different things of `{what}`"));
            error.related.extend(places.into_iter().map(|place| (place, "one is here".to_owned())));
        }
    }
}

fn read_policies(node: &Node, own: &[PolicyName], reader: &mut Reader<'_>) -> Vec<BodyPolicy> {
    if !node.is_sequence() && !node.is_null() {
        let kind = node.kind();
        reader.error(&node.bytes, format!("`policies` must be a list, not {kind}")).help =
            Some("write `policies: [View]`, or `- policy: View` with `namespaces: [dev]` below".to_owned());
    }
    node.items().iter().filter_map(|item| read_policy(item, own, reader)).collect()
}

/// `View`, or a mapping with `policy`, and `namespaces` where it is not for the whole cluster.
fn read_policy(node: &Node, own: &[PolicyName], reader: &mut Reader<'_>) -> Option<BodyPolicy> {
    if !node.is_mapping() {
        let text = reader.text(node, "policies")?;
        let (policy, by_name) = resolve(text, &node.bytes, own, reader)?;
        let scope = reader.placed(AccessScope::Cluster, &node.bytes);
        return Some(BodyPolicy { declared: DeclaredPolicy { policy, scope, expires: None }, by_name });
    }
    reader.unknown_keys(node, &POLICY_KEYS, "a policy of an entry", true);
    let scope = read_scope(node, reader);
    let expires = read_end(node, reader);
    let Some(name) = node.get("policy") else {
        reader.error(&node.bytes, "`policy` is missing");
        return None;
    };
    let text = reader.text(name, "policy")?;
    let (policy, by_name) = resolve(text, &name.bytes, own, reader)?;
    Some(BodyPolicy { declared: DeclaredPolicy { policy, scope: scope?, expires }, by_name })
}

/// A policy as people write it. The file's own win over AWS's short names.
fn resolve(
    text: &str,
    bytes: &Range<usize>,
    own: &[PolicyName],
    reader: &mut Reader<'_>,
) -> Option<(Placed<PolicyRef>, bool)> {
    if text.starts_with("arn:") {
        return reader.policy_arn(text, bytes).map(|policy| (policy, false));
    }
    if let Some(name) = own.iter().find(|name| name.as_str() == text) {
        return Some((reader.placed(PolicyRef::Own(name.clone()), bytes), false));
    }
    let partition = reader.options.partition();
    match reader.options.catalogue.resolve(text, partition) {
        Ok(arn) => Some((reader.placed(PolicyRef::Arn(arn), bytes), true)),
        // AWS adds policies, and calls them all so.
        Err(message) => match text.parse() {
            Ok(name) if text.starts_with("AmazonEKS") => {
                reader.warning(bytes, message);
                Some((reader.placed(PolicyRef::Arn(PolicyArn::Aws { partition, name }), bytes), true))
            }
            _ => {
                let near = crate::nearest::nearest(text, own.iter().map(PolicyName::as_str)).map(str::to_owned);
                reader.error(bytes, message).help =
                    near.map(|near| format!("this file has a policy of its own called `{near}`"));
                None
            }
        },
    }
}

/// `namespaces: […]`, `scope: cluster`, or EKS's own `accessScope: {type, namespaces}`; the cluster where none is.
fn read_scope(node: &Node, reader: &mut Reader<'_>) -> Option<Placed<AccessScope>> {
    let said: Vec<&Pair> = ["namespaces", "scope", "accessScope"].iter().filter_map(|key| node.pair(key)).collect();
    match said.as_slice() {
        [] => Some(reader.placed(AccessScope::Cluster, &node.bytes)),
        [one] if one.key == "namespaces" => {
            let namespaces = reader.texts(&one.value, "namespaces");
            reader.scope("namespace", &namespaces, &one.value.bytes)
        }
        [one] if one.key == "scope" => match reader.text(&one.value, "scope")? {
            "cluster" => reader.scope("cluster", &[], &one.value.bytes),
            other => {
                reader.error(&one.value.bytes, format!("`scope` can only be `cluster`, not `{other}`")).help =
                    Some("for namespaces, write `namespaces: [\u{2026}]` in its place".to_owned());
                None
            }
        },
        [one] => {
            reader.unknown_keys(&one.value, &["type", "namespaces"], "`accessScope`", true);
            let kind = one.value.get("type").and_then(|kind| reader.text(kind, "type").map(str::to_owned));
            let namespaces = one.value.get("namespaces").map(|list| reader.texts(list, "namespaces"));
            let Some(kind) = kind else {
                reader.error(&one.value.bytes, "`type` of `accessScope` is missing: `cluster` or `namespace`");
                return None;
            };
            reader.scope(&kind, &namespaces.unwrap_or_default(), &one.value.bytes)
        }
        [first, second, ..] => {
            let place = reader.place(&first.key_bytes);
            let message = format!("`{}` and `{}` can't both say the scope", first.key, second.key);
            reader.error(&second.key_bytes, message).related.push((place, "the other is here".to_owned()));
            None
        }
    }
}

/// `expires: TIME` or `for: DURATION`.
pub(super) fn read_end(node: &Node, reader: &mut Reader<'_>) -> Option<Placed<Expiry>> {
    let (at, span) = (node.pair("expires"), node.pair("for"));
    if let (Some(at), Some(span)) = (at, span) {
        let place = reader.place(&at.key_bytes);
        let error = reader.error(&span.key_bytes, "`expires` and `for` can't both say the end");
        error.related.push((place, "the other is here".to_owned()));
        return None;
    }
    if let Some(Pair { value, .. }) = at {
        let text = reader.text(value, "expires")?;
        return match text.parse::<Timestamp>() {
            Ok(time) => Some(reader.placed(Expiry::At(time), &value.bytes)),
            Err(_) => {
                reader.error(&value.bytes, format!("`{text}` is no time with its zone")).help =
                    Some("write it as `2026-12-24T18:00Z`, or with an offset: `2026-12-24T18:00+01:00`".to_owned());
                None
            }
        };
    }
    let Pair { value, .. } = span?;
    let text = reader.text(value, "for")?;
    match parse_duration(text) {
        Some(duration) => Some(reader.placed(Expiry::For(duration), &value.bytes)),
        None => {
            reader.error(&value.bytes, format!("`{text}` is no duration")).help =
                Some("write it as `8h`, `30m`, `7d` or `1d 12h`".to_owned());
            None
        }
    }
}

/// A duration above nothing; days have 24 hours here.
fn parse_duration(text: &str) -> Option<SignedDuration> {
    let span: Span = text.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    (duration > SignedDuration::ZERO).then_some(duration)
}

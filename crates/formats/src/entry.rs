//! Access entries as EKS's API has them, under whichever names a format gives to their members. The readers of
//! eksctl, CloudFormation, ACK, Crossplane and Cluster API stand on it.

use std::collections::BTreeMap;
use std::ops::Range;

use entryway_access::{AccessEntry, AccessScope, EntryType, PolicyArn};

use crate::out::Out;
use crate::reader::Reader;
use crate::tree::Node;
use crate::{DeclaredEntry, DeclaredPolicy, Placed, PolicyRef, PrincipalRef};

/// What a format calls the members of an entry.
pub(crate) struct EntryForm {
    /// What an entry is called in messages.
    pub(crate) what: &'static str,
    pub(crate) principal: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) groups: &'static str,
    pub(crate) username: &'static str,
    /// The list of policies, where the format has them in the entry.
    pub(crate) policies: Option<&'static str>,
    pub(crate) policy: PolicyForm,
    pub(crate) tags: TagsForm,
    /// Keys of the format that say nothing of access.
    pub(crate) other: &'static [&'static str],
}

/// What a format calls the members of an association.
pub(crate) struct PolicyForm {
    pub(crate) arn: &'static str,
    pub(crate) scope: &'static str,
    pub(crate) scope_type: &'static str,
    pub(crate) namespaces: &'static str,
}

/// How a format has tags.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum TagsForm {
    /// Not at all.
    None,
    /// As a mapping under this key.
    Map(&'static str),
    /// As a list of `Key` and `Value` under this key.
    List(&'static str),
}

impl TagsForm {
    fn key(self) -> Option<&'static str> {
        match self {
            TagsForm::None => None,
            TagsForm::Map(key) | TagsForm::List(key) => Some(key),
        }
    }
}

/// The names of EKS's API, as ACK, Crossplane and Cluster API keep them.
pub(crate) const API_POLICY: PolicyForm =
    PolicyForm { arn: "policyARN", scope: "accessScope", scope_type: "type", namespaces: "namespaces" };

impl EntryForm {
    fn keys(&self) -> Vec<&'static str> {
        let mut keys = vec![self.principal, self.kind, self.groups, self.username];
        keys.extend(self.policies);
        keys.extend(self.tags.key());
        keys.extend(self.other);
        keys
    }

    /// An entry with all that its mapping says.
    pub(crate) fn read(&self, node: &Node, label: String, reader: &mut Reader<'_>) -> Option<DeclaredEntry> {
        let principal = self.principal(node, &label, reader);
        self.read_for(principal, node, label, reader)
    }

    /// An entry whose principal was found elsewhere. All else is read, and its mistakes said, even where
    /// there is none.
    pub(crate) fn read_for(
        &self,
        principal: Option<Placed<PrincipalRef>>,
        node: &Node,
        label: String,
        reader: &mut Reader<'_>,
    ) -> Option<DeclaredEntry> {
        if !node.is_mapping() {
            let kind = node.kind();
            reader.error(&node.bytes, format!("{} must be a mapping with `{}`, not {kind}", self.what, self.principal));
            return None;
        }
        reader.unknown_keys(node, &self.keys(), self.what, true);
        let said = |key: &str| node.get(key).filter(|value| !value.is_null());
        let kind = match said(self.kind) {
            None => Some(Placed::nowhere(EntryType::Standard)),
            Some(value) => match known_text(value, self.kind, reader) {
                Some("") => Some(Placed::nowhere(EntryType::Standard)),
                Some(text) => reader.entry_type(text, &value.bytes),
                None => None,
            },
        };
        let username = said(self.username).and_then(|value| {
            let text = known_text(value, self.username, reader).filter(|text| !text.is_empty())?.to_owned();
            Some(reader.placed(text, &value.bytes))
        });
        let groups = said(self.groups).and_then(|value| known_texts(value, self.groups, reader));
        let policies = self.policies.and_then(said).map(|list| self.policy.read_list(list, self.policies, reader));
        let tags = read_tags(node, self.tags, reader);
        let place = Some(reader.place(&node.bytes));
        Some(DeclaredEntry {
            label,
            principal: principal?,
            kind: kind?,
            username,
            groups,
            tags,
            policies: policies.unwrap_or_default(),
            expires: None,
            place,
        })
    }

    /// The principal by its ARN. One that can't be told is kept with the reason.
    fn principal(&self, node: &Node, label: &str, reader: &mut Reader<'_>) -> Option<Placed<PrincipalRef>> {
        let Some(value) = node.get(self.principal).filter(|value| !value.is_null()) else {
            if node.is_mapping() {
                reader.error(&node.bytes, format!("{} needs `{}`", self.what, self.principal));
            }
            return None;
        };
        if let Some(reason) = value.why_unknown() {
            return Some(unknown_principal(label, reason.to_owned(), &value.bytes, reader));
        }
        let text = reader.text(value, self.principal)?;
        reader.principal(text, &value.bytes)
    }
}

/// A principal that the text does not tell; said in a note.
pub(crate) fn unknown_principal(
    label: &str,
    reason: String,
    bytes: &Range<usize>,
    reader: &mut Reader<'_>,
) -> Placed<PrincipalRef> {
    reader.note(bytes, format!("the principal of `{label}` is not known: {reason}"));
    reader.placed(PrincipalRef::Unknown { label: label.to_owned(), reason }, bytes)
}

impl PolicyForm {
    fn read_list(&self, list: &Node, what: Option<&str>, reader: &mut Reader<'_>) -> Vec<DeclaredPolicy> {
        let what = what.unwrap_or("policies");
        if let Some(reason) = list.why_unknown() {
            let message = format!("`{what}` is not known: {reason}");
            reader.warning(&list.bytes, message);
        } else if !list.is_sequence() {
            let kind = list.kind();
            reader.error(&list.bytes, format!("`{what}` must be a list, not {kind}"));
        }
        let items = list.items().iter().filter(|item| !item.is_null());
        items.filter_map(|item| self.read(item, &[], reader)).collect()
    }

    /// An association: `other` are keys that the mapping may have besides.
    pub(crate) fn read(&self, node: &Node, other: &[&str], reader: &mut Reader<'_>) -> Option<DeclaredPolicy> {
        if let Some(reason) = node.why_unknown() {
            let message = format!("a policy is not known: {reason}");
            reader.warning(&node.bytes, message);
            return None;
        }
        if !node.is_mapping() {
            let kind = node.kind();
            let message = format!("a policy must be a mapping with `{}` and `{}`, not {kind}", self.arn, self.scope);
            reader.error(&node.bytes, message);
            return None;
        }
        let mut keys = vec![self.arn, self.scope];
        keys.extend(other);
        reader.unknown_keys(node, &keys, "a policy of an entry", true);
        let policy = self.read_policy(node, reader);
        let scope = match node.get(self.scope).filter(|scope| !scope.is_null()) {
            Some(scope) => self.read_scope(scope, reader),
            None => {
                reader.error(&node.bytes, format!("`{}` is missing", self.scope)).help =
                    Some(format!("write `{}: cluster` in it for the whole cluster", self.scope_type));
                None
            }
        };
        Some(DeclaredPolicy { policy: policy?, scope: scope?, expires: None })
    }

    /// The list that an entry with these policies has; nothing for none.
    pub(crate) fn write_list(&self, policies: &[(PolicyArn, AccessScope)]) -> Option<Out> {
        let write = |(policy, scope): &(PolicyArn, AccessScope)| {
            Out::map([(self.arn, Some(Out::text(policy))), (self.scope, Some(self.write_scope(scope)))])
        };
        (!policies.is_empty()).then(|| Out::List(policies.iter().map(write).collect()))
    }

    pub(crate) fn write_scope(&self, scope: &AccessScope) -> Out {
        let namespaces = scope.namespaces();
        Out::map([
            (self.scope_type, Some(Out::text(scope.kind()))),
            (self.namespaces, (!namespaces.is_empty()).then(|| Out::texts(namespaces))),
        ])
    }

    fn read_policy(&self, node: &Node, reader: &mut Reader<'_>) -> Option<Placed<PolicyRef>> {
        let Some(value) = node.get(self.arn).filter(|value| !value.is_null()) else {
            reader.error(&node.bytes, format!("`{}` is missing", self.arn));
            return None;
        };
        if let Some(reason) = value.why_unknown() {
            let reason = reason.to_owned();
            reader.note(&value.bytes, format!("the policy is not known: {reason}"));
            let unknown = PolicyRef::Unknown { label: self.arn.to_owned(), reason };
            return Some(reader.placed(unknown, &value.bytes));
        }
        let text = reader.text(value, self.arn)?;
        reader.policy_arn(text, &value.bytes)
    }

    fn read_scope(&self, scope: &Node, reader: &mut Reader<'_>) -> Option<Placed<AccessScope>> {
        if !scope.is_mapping() {
            let kind = scope.kind();
            match scope.why_unknown() {
                Some(reason) => {
                    let message = format!("`{}` is not known: {reason}", self.scope);
                    reader.warning(&scope.bytes, message)
                }
                None => {
                    let message = format!("`{}` must be a mapping with `{}`, not {kind}", self.scope, self.scope_type);
                    reader.error(&scope.bytes, message)
                }
            };
            return None;
        }
        reader.unknown_keys(scope, &[self.scope_type, self.namespaces], &format!("`{}`", self.scope), true);
        let namespaces = match scope.get(self.namespaces).filter(|list| !list.is_null()) {
            None => Vec::new(),
            Some(list) => known_texts(list, self.namespaces, reader)?,
        };
        let Some(kind) = scope.get(self.scope_type).filter(|kind| !kind.is_null()) else {
            reader.error(
                &scope.bytes,
                format!("`{}` of `{}` is missing: `cluster` or `namespace`", self.scope_type, self.scope),
            );
            return None;
        };
        let text = known_text(kind, self.scope_type, reader)?;
        reader.scope(text, &namespaces, &scope.bytes)
    }
}

/// A text; what can't be known is said in a warning, and what is no text in an error.
pub(crate) fn known_text<'n>(node: &'n Node, what: &str, reader: &mut Reader<'_>) -> Option<&'n str> {
    match node.why_unknown() {
        Some(reason) => {
            reader.warning(&node.bytes, format!("`{what}` is not known: {reason}"));
            None
        }
        None => reader.text(node, what),
    }
}

/// A list of texts; nothing where one of them can't be known, for half a list would be another list.
fn known_texts(node: &Node, what: &str, reader: &mut Reader<'_>) -> Option<Vec<Placed<String>>> {
    let unknown = std::iter::once(node).chain(node.items()).find(|item| item.why_unknown().is_some());
    if let Some(unknown) = unknown {
        known_text(unknown, what, reader);
        return None;
    }
    if !node.is_sequence() {
        reader.texts(node, what);
        return None;
    }
    Some(reader.texts(node, what))
}

fn read_tags(node: &Node, form: TagsForm, reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    let Some(value) = form.key().and_then(|key| node.get(key)).filter(|value| !value.is_null()) else { return tags };
    if let Some(reason) = value.why_unknown() {
        let message = format!("the tags are not known: {reason}");
        reader.warning(&value.bytes, message);
        return tags;
    }
    match form {
        TagsForm::None => {}
        TagsForm::Map(key) => {
            if !value.is_mapping() {
                return reader.text_map(value, key);
            }
            for pair in value.pairs() {
                if let Some(text) = known_text(&pair.value, &pair.key, reader) {
                    tags.insert(pair.key.clone(), text.to_owned());
                }
            }
        }
        TagsForm::List(key) => {
            if !value.is_sequence() {
                let kind = value.kind();
                reader.error(&value.bytes, format!("`{key}` must be a list of `Key` and `Value`, not {kind}"));
            }
            for item in value.items().iter().filter(|item| !item.is_null()) {
                let (Some(key), Some(value)) = (item.get("Key"), item.get("Value")) else {
                    reader.error(&item.bytes, "a tag needs `Key` and `Value`");
                    continue;
                };
                if let (Some(key), Some(value)) = (known_text(key, "Key", reader), known_text(value, "Value", reader)) {
                    tags.insert(key.to_owned(), value.to_owned());
                }
            }
        }
    }
    tags
}

/// States and controllers hold what EKS made of an entry: groups and usernames of nodes, and the default username of a
/// principal. Nobody wrote those, so nobody means to set them.
pub(crate) fn forget_what_eks_fills_in(entry: &mut DeclaredEntry) {
    let kind = entry.kind.value;
    let of_nodes =
        |text: &str| !kind.takes_groups_and_username() && (text.starts_with("system:") || text.starts_with("eks:"));
    let principal = &entry.principal.value;
    let is_default = |text: &str| match principal {
        PrincipalRef::Arn(arn) => AccessEntry::default_username(arn, kind).as_str() == text,
        _ => false,
    };
    entry.username.take_if(|name| name.value.is_empty() || is_default(&name.value) || of_nodes(&name.value));
    if !kind.takes_groups_and_username() {
        entry.groups.take_if(|groups| groups.iter().all(|group| of_nodes(&group.value)));
    }
}

/// Entries for nodes that were carried over from aws-auth line by line: the type is what nodes need, and what EKS
/// refuses of them the check of all entries says.
pub(crate) fn hint_at_node_types(entry: &DeclaredEntry, reader: &mut Reader<'_>) {
    let Some(username) = entry.username.as_ref().filter(|name| name.value.starts_with("system:node:")) else { return };
    if !entry.kind.value.takes_groups_and_username() {
        return;
    }
    let has = |group: &str| entry.groups.iter().flatten().any(|known| known.value == group);
    let kind = match (has("eks:kube-proxy-windows"), has("system:node-proxier")) {
        (true, _) => EntryType::Ec2Windows,
        (false, true) => EntryType::FargateLinux,
        (false, false) if username.value.contains("{{SessionName}}") => EntryType::HybridLinux,
        (false, false) => EntryType::Ec2Linux,
    };
    let message = format!("entry `{}` is written like a line of aws-auth for nodes", entry.label);
    let bytes = username.place.as_ref().map(|place| place.bytes.clone()).unwrap_or_default();
    reader.warning(&bytes, message).help = Some(format!("write `type: {kind}`, and neither groups nor username"));
}

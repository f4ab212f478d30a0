//! An existing file brought to what is in force (`entryway import`): only what differs is written anew, so
//! comments, order, grants and names stay. What is the same is not touched at all.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use entryway_access::{AccountId, Partition, PolicyArn, PolicyName, PrincipalArn};

use super::splice::Splices;
use super::write;
use crate::out::Out;
use crate::tree::{Node, Pair};
use crate::{
    ClusterSelector, Declared, DeclaredCluster, DeclaredEntry, DeclaredPolicy, Diagnostic, Expiry, Placed, PolicyRef,
    PrincipalRef, Read, ReadOptions, Source, json, read as read_source, yaml,
};

/// The text of `existing`, changed to declare what `actual` does for its clusters. Clusters of the file that
/// `actual` lacks stay as they are; so do own policies and protected principals. A file with errors is given
/// back unchanged, with them. JSON has no comments to keep, and is written anew.
pub fn update(existing: &Arc<Source>, actual: &Declared, options: &ReadOptions) -> Read<String> {
    let before = read_source(existing, options);
    if before.has_errors() {
        return Read { value: existing.text().to_owned(), diagnostics: before.diagnostics };
    }
    let mut diagnostics = Vec::new();
    if json::looks_like_json(existing.text()) {
        let mut whole = actual.clone();
        whole.policies.clone_from(&before.value.policies);
        whole.protected.clone_from(&before.value.protected);
        let others =
            before.value.clusters.iter().filter(|known| !actual.clusters.iter().any(|one| is_same(known, one)));
        whole.clusters.extend(others.cloned());
        let text = write::file(&whole, &mut diagnostics).to_json();
        return Read { value: text, diagnostics };
    }
    let documents = yaml::read(existing).value;
    let document = documents.first();
    let list = document.and_then(|document| document.pair("clusters"));
    let own: Vec<PolicyName> = before.value.policies.iter().map(|policy| policy.name.value.clone()).collect();
    let mut splices = Splices::new(existing.text());
    let mut new = Vec::new();
    for cluster in &actual.clusters {
        let known = before.value.clusters.iter().find(|known| is_same(known, cluster));
        let node = known.and_then(|known| {
            let place = known.selector.place.as_ref()?;
            let is_it = |node: &&Node| node.get("name").is_some_and(|name| name.bytes == place.bytes);
            list.and_then(|list| list.value.items().iter().find(is_it))
        });
        match (known, node) {
            (Some(known), Some(node)) => {
                let account = account(cluster).or_else(|| account(known));
                let world = World { own: &own, partition: partition(known), account, node };
                world.update(known, cluster, &mut splices, &mut diagnostics);
            }
            _ => new.extend(write::cluster(cluster, &own, &mut diagnostics)),
        }
    }
    if !new.is_empty() {
        match list {
            Some(list) => splices.append(list, new),
            None => {
                splices.append_member(document.map_or(0, |document| document.bytes.end), "clusters", &Out::List(new), 0)
            }
        }
    }
    Read { value: splices.apply(), diagnostics }
}

/// Whether two selectors mean the same cluster, as far as both say.
fn is_same(known: &DeclaredCluster, actual: &DeclaredCluster) -> bool {
    let agree = |a: Option<String>, b: Option<String>| a.is_none() || b.is_none() || a == b;
    match (&known.selector.value, &actual.selector.value) {
        (
            ClusterSelector::Named { name, region, account },
            ClusterSelector::Named { name: other, region: other_region, account: other_account },
        ) => {
            let text = |region: &Option<entryway_access::Region>| region.as_ref().map(ToString::to_string);
            let digits = |account: &Option<AccountId>| account.as_ref().map(ToString::to_string);
            name == other && agree(text(region), text(other_region)) && agree(digits(account), digits(other_account))
        }
        (a, b) => a == b,
    }
}

fn account(cluster: &DeclaredCluster) -> Option<AccountId> {
    match &cluster.selector.value {
        ClusterSelector::Named { account, .. } | ClusterSelector::Tagged { account, .. } => account.clone(),
        ClusterSelector::Unknown { .. } => None,
    }
}

fn partition(cluster: &DeclaredCluster) -> Partition {
    match &cluster.selector.value {
        ClusterSelector::Named { region: Some(region), .. } | ClusterSelector::Tagged { region: Some(region), .. } => {
            Partition::of_region(region)
        }
        _ => Partition::Aws,
    }
}

/// One cluster of the file, and what is known around it.
struct World<'w> {
    own: &'w [PolicyName],
    partition: Partition,
    account: Option<AccountId>,
    node: &'w Node,
}

impl World<'_> {
    fn update(
        &self,
        known: &DeclaredCluster,
        actual: &DeclaredCluster,
        splices: &mut Splices<'_>,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        self.update_mode(known, actual, splices);
        let mut added: Vec<&DeclaredEntry> = Vec::new();
        let mut matched: BTreeSet<usize> = BTreeSet::new();
        // Of each element or cluster grant: the entries that it makes, each with what is in force for it.
        let mut groups: BTreeMap<usize, Vec<(&DeclaredEntry, Option<&DeclaredEntry>)>> = BTreeMap::new();
        for entry in &known.entries {
            let Some(place) = &entry.place else { continue };
            if let PrincipalRef::IamGroup { name, .. } = &entry.principal.value {
                let message = format!("the IAM group `{name}` is left as it is: its users are known only to a plan");
                diagnostics.push(Diagnostic::note(message, entry.principal.place.clone()));
                continue;
            }
            let found = actual
                .entries
                .iter()
                .position(|live| self.same_principal(&entry.principal.value, &live.principal.value));
            matched.extend(found);
            let live = found.and_then(|at| actual.entries.get(at));
            groups.entry(place.bytes.start).or_default().push((entry, live));
        }
        let access = self.node.pair("access");
        let elements = access.map(|pair| pair.value.items()).unwrap_or_default();
        for (start, group) in groups {
            let is_kept = |(entry, live): &(&DeclaredEntry, Option<&DeclaredEntry>)| {
                live.is_some_and(|live| {
                    content(entry) == content(live) && ends_agree(entry, live) && policy_ends_agree(entry, live)
                })
            };
            if group.iter().all(is_kept) {
                continue;
            }
            match elements.iter().find(|element| element.bytes.start == start) {
                Some(element) => {
                    let others = group.iter().filter(|one| !is_kept(one));
                    let changed: Vec<_> = others.copied().collect();
                    self.update_element(element, &group, &changed, &mut added, splices, diagnostics);
                }
                None => {
                    // A grant of the cluster: it does not give any more what its name says.
                    self.drop_grant(start, splices);
                    added.extend(group.iter().filter_map(|(_, live)| *live));
                }
            }
        }
        let new = actual.entries.iter().enumerate().filter(|(at, _)| !matched.contains(at)).map(|(_, live)| live);
        added.extend(new);
        let rendered: Vec<Out> =
            added.into_iter().filter_map(|entry| write::entry(entry, self.partition, self.own, diagnostics)).collect();
        if rendered.is_empty() {
            return;
        }
        match access {
            Some(access) => splices.append(access, rendered),
            None => splices.append_member(
                self.node.bytes.end,
                "access",
                &Out::List(rendered),
                splices.column(self.node.bytes.start),
            ),
        }
    }

    fn update_mode(&self, known: &DeclaredCluster, actual: &DeclaredCluster, splices: &mut Splices<'_>) {
        let (Some(mode), before) = (&actual.mode, &known.mode) else { return };
        match (self.node.get("mode"), before) {
            (_, Some(before)) if before.value == mode.value => {}
            (Some(node), _) => splices.replace(node.bytes.clone(), mode.value.to_string()),
            // The file leaves the mode to others.
            (None, _) => {}
        }
    }

    /// Changes an element of `access`.
    fn update_element<'e>(
        &self,
        element: &Node,
        all: &[(&'e DeclaredEntry, Option<&'e DeclaredEntry>)],
        changed: &[(&'e DeclaredEntry, Option<&'e DeclaredEntry>)],
        added: &mut Vec<&'e DeclaredEntry>,
        splices: &mut Splices<'_>,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        if changed.len() == all.len() && changed.iter().all(|(_, live)| live.is_none()) {
            splices.remove_item(element);
            return;
        }
        let [(entry, live)] = all else {
            // Of several principals some differ: those get elements of their own.
            let gone: Vec<Range<usize>> = changed
                .iter()
                .filter_map(|(entry, _)| entry.principal.place.as_ref().map(|place| place.bytes.clone()))
                .collect();
            if let Some(list) = element.pair("principals") {
                let kept =
                    list.value.items().iter().filter(|item| !gone.iter().any(|bytes| contains(&item.bytes, bytes)));
                let kept = kept.map(|item| splices.raw(&item.bytes)).collect::<Vec<_>>();
                if kept.is_empty() {
                    splices.remove_item(element);
                } else {
                    splices.replace(list.value.bytes.clone(), format!("[{}]", kept.join(", ")));
                }
            }
            added.extend(changed.iter().filter_map(|(_, live)| *live));
            return;
        };
        let Some(live) = live else { return };
        let has_grants = element.get("grant").is_some() || element.get("grants").is_some();
        if has_grants || splices.is_flow(element) {
            // Written out: the grant gives something else, and a line in braces has no place for more.
            let mut whole = (*live).clone();
            whole.principal.clone_from(&entry.principal);
            if let Some(out) = write::entry(&whole, self.partition, self.own, diagnostics) {
                splices.replace_block(element, &out);
            }
            return;
        }
        let Out::Map(wanted) = write::body(live, self.partition, self.own, diagnostics) else { return };
        let (old, new) = (content(entry), content(live));
        for key in ["type", "username", "groups", "policies", "tags"] {
            if old.get(key) == new.get(key) && (key != "policies" || policy_ends_agree(entry, live)) {
                continue;
            }
            let value = wanted.iter().find(|(name, _)| name == key).map(|(_, value)| value);
            change_member(element, key, value, splices);
        }
        if !ends_agree(entry, live) {
            for key in ["expires", "for"] {
                let value = wanted.iter().find(|(name, _)| name == key).map(|(_, value)| value);
                change_member(element, key, value, splices);
            }
        }
    }

    /// Takes a name out of the cluster's `grants`.
    fn drop_grant(&self, start: usize, splices: &mut Splices<'_>) {
        let Some(list) = self.node.pair("grants") else { return };
        let kept = list.value.items().iter().filter(|item| item.bytes.start != start);
        let kept: Vec<Out> = kept.filter_map(Node::text).map(Out::text).collect();
        let value = (!kept.is_empty()).then_some(Out::List(kept));
        change_member(self.node, "grants", value.as_ref(), splices);
    }

    /// The ARN that a reference stands for in this cluster, where that can be told.
    fn arn(&self, principal: &PrincipalRef) -> Option<PrincipalArn> {
        match principal {
            PrincipalRef::Arn(arn) => Some(arn.clone()),
            PrincipalRef::InAccount(kind) => {
                PrincipalArn::new(self.partition, self.account.clone()?, kind.clone()).ok()
            }
            PrincipalRef::SsoPermissionSet { .. } | PrincipalRef::IamGroup { .. } | PrincipalRef::Unknown { .. } => {
                None
            }
        }
    }

    fn same_principal(&self, known: &PrincipalRef, live: &PrincipalRef) -> bool {
        if known == live {
            return true;
        }
        if let (PrincipalRef::SsoPermissionSet { name, account, .. }, PrincipalRef::Arn(arn)) = (known, live) {
            let suffix = arn.name().strip_prefix("AWSReservedSSO_").and_then(|rest| rest.strip_prefix(name.as_str()));
            let is_suffix = |text: &str| {
                text.len() == 17 && text.starts_with('_') && text.bytes().skip(1).all(|b| b.is_ascii_hexdigit())
            };
            let account = account.as_ref().or(self.account.as_ref());
            return suffix.is_some_and(is_suffix) && account.is_none_or(|account| account == arn.account());
        }
        match (self.arn(known), self.arn(live)) {
            (Some(known), Some(live)) => known == live,
            // The account of the file's cluster is not known: its name decides.
            _ => match (known, live) {
                (PrincipalRef::InAccount(kind), PrincipalRef::Arn(arn)) => kind == arn.kind(),
                _ => false,
            },
        }
    }
}

/// What an entry gives, key by key, as comparable text, without ends. Entryway's own tags are no part of a file.
fn content(entry: &DeclaredEntry) -> BTreeMap<&'static str, String> {
    let groups: BTreeSet<&str> = entry.groups.iter().flatten().map(|group| group.value.as_str()).collect();
    let policy = |policy: &DeclaredPolicy| {
        let namespaces: BTreeSet<&str> = policy.scope.value.namespaces().iter().map(|one| one.as_str()).collect();
        format!("{} {} {namespaces:?}", policy_key(policy), policy.scope.value.kind())
    };
    let policies: BTreeSet<String> = entry.policies.iter().map(policy).collect();
    let tags: BTreeMap<_, _> = entry.tags.iter().filter(|(key, _)| !key.starts_with("entryway:")).collect();
    let username = entry.username.as_ref().map(|username| username.value.clone());
    BTreeMap::from([
        ("type", entry.kind.value.to_string()),
        ("username", username.unwrap_or_default()),
        ("groups", format!("{groups:?}")),
        ("policies", format!("{policies:?}")),
        ("tags", format!("{tags:?}")),
    ])
}

/// What tells a policy from the others of an entry.
fn policy_key(policy: &DeclaredPolicy) -> String {
    match &policy.policy.value {
        PolicyRef::Arn(PolicyArn::Own { name, .. }) | PolicyRef::Own(name) => format!("own {name}"),
        PolicyRef::Arn(arn @ PolicyArn::Aws { .. }) => arn.to_string(),
        PolicyRef::Unknown { label, .. } => label.clone(),
    }
}

/// Whether each policy has the same end in both.
fn policy_ends_agree(known: &DeclaredEntry, live: &DeclaredEntry) -> bool {
    known.policies.iter().all(|policy| {
        let key = policy_key(policy);
        let other = live.policies.iter().find(|other| policy_key(other) == key);
        other.is_none_or(|other| agree(policy.expires.as_ref(), other.expires.as_ref()))
    })
}

/// Whether both entries have the same end.
fn ends_agree(known: &DeclaredEntry, live: &DeclaredEntry) -> bool {
    agree(known.expires.as_ref(), live.expires.as_ref())
}

/// Whether two ends are the same; `for` agrees with any time, since that began when it was applied.
fn agree(known: Option<&Placed<Expiry>>, live: Option<&Placed<Expiry>>) -> bool {
    match (known.map(|end| end.value), live.map(|end| end.value)) {
        (Some(Expiry::For(_)), Some(_)) => true,
        (a, b) => a == b,
    }
}

/// Puts a member in place of what is there, adds it, or takes it away.
fn change_member(node: &Node, key: &str, value: Option<&Out>, splices: &mut Splices<'_>) {
    let pair: Option<&Pair> = node.pair(key);
    match (pair, value) {
        (None, None) => {}
        (Some(pair), Some(value)) => splices.replace_member(pair, value),
        (Some(pair), None) => splices.remove_member(node, pair),
        (None, Some(value)) => splices.append_member(node.bytes.end, key, value, splices.column(node.bytes.start)),
    }
}

fn contains(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

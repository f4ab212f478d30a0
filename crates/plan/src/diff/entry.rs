//! The changes of one entry. `order.rs` says why these phases.

use std::collections::BTreeMap;

use entryway_access::{AccessEntry, AccessScope, Association, MappedPrincipal, NamespacePattern, PolicyArn};
use entryway_analysis::scope_covers;

use super::Draft;
use crate::order::{Move, Phase};
use crate::own_policy::PREFIX;
use crate::tags;
use crate::{Action, ActualCluster, ActualEntry, Change, ChangeKind, DesiredEntry, FieldChange, Item};

/// A scope as people see it.
pub(crate) fn shown_scope(scope: &AccessScope) -> String {
    match scope {
        AccessScope::Cluster => "cluster".to_owned(),
        AccessScope::Namespaces(_) => format!("namespaces {scope}"),
    }
}

/// Whether two scopes are the same, in whatever order they are written.
fn same_scope(a: &AccessScope, b: &AccessScope) -> bool {
    let sorted = |scope: &AccessScope| {
        let mut names: Vec<NamespacePattern> = scope.namespaces().to_vec();
        names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        names
    };
    a.kind() == b.kind() && sorted(a) == sorted(b)
}

/// Both scopes at once.
fn union(a: &AccessScope, b: &AccessScope) -> AccessScope {
    match (a, b) {
        (AccessScope::Namespaces(a), AccessScope::Namespaces(b)) => {
            let more = b.iter().filter(|pattern| !a.contains(pattern));
            AccessScope::Namespaces(a.iter().chain(more).cloned().collect())
        }
        (AccessScope::Cluster, _) | (_, AccessScope::Cluster) => AccessScope::Cluster,
    }
}

fn policy_field(policy: &PolicyArn, before: Option<&AccessScope>, after: Option<&AccessScope>) -> FieldChange {
    FieldChange::new(format!("policy {}", policy.name()), before.map(shown_scope), after.map(shown_scope))
}

fn list(groups: &[String]) -> Option<String> {
    (!groups.is_empty()).then(|| groups.join(", "))
}

/// The groups that an entry is to have: those declared (or, where the file says nothing of groups, those that
/// are there), and those of own policies.
fn final_groups(actual: Option<&ActualEntry>, desired: &DesiredEntry) -> Vec<String> {
    let there = || {
        let all = actual.map(|entry| entry.groups.as_slice()).unwrap_or_default();
        all.iter().filter(|group| !group.starts_with(PREFIX)).cloned().collect()
    };
    let mut groups: Vec<String> = desired.groups.clone().unwrap_or_else(there);
    groups.extend(desired.own_groups.iter().filter(|group| !groups.contains(group)).cloned().collect::<Vec<_>>());
    groups
}

fn same_groups(a: &[String], b: &[String]) -> bool {
    a.len() == b.len() && a.iter().all(|group| b.contains(group))
}

fn creation(desired: &DesiredEntry, may_exist: bool) -> Action {
    let default = AccessEntry::default_username(&desired.principal, desired.kind);
    let own = desired.kind.takes_groups_and_username() && desired.username != default.as_str();
    Action::CreateEntry {
        principal: desired.principal.clone(),
        kind: desired.kind,
        username: own.then(|| desired.username.clone()),
        groups: if desired.kind.takes_groups_and_username() { final_groups(None, desired) } else { Vec::new() },
        tags: desired.tags.clone(),
        may_exist,
    }
}

fn association(desired: &DesiredEntry, association: &Association, scope: AccessScope) -> Action {
    Action::AssociatePolicy { principal: desired.principal.clone(), policy: association.policy.clone(), scope }
}

fn all_fields(desired: &DesiredEntry) -> Vec<FieldChange> {
    let mut fields = vec![FieldChange::new("type", None, Some(desired.kind.to_string()))];
    if let Some(from) = &desired.resolved_from {
        fields.push(FieldChange::new("resolved from", None, Some(from.clone())));
    }
    if desired.kind.takes_groups_and_username() {
        fields.push(FieldChange::new("username", None, Some(desired.username.clone())));
        if let Some(groups) = list(&final_groups(None, desired)) {
            fields.push(FieldChange::new("kubernetesGroups", None, Some(groups)));
        }
    }
    fields.extend(desired.policies.iter().map(|policy| policy_field(&policy.policy, None, Some(&policy.scope))));
    fields.extend(expiry_fields(&BTreeMap::new(), &desired.tags));
    fields
}

/// The ends, as fields.
fn expiry_fields(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<FieldChange> {
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    keys.into_iter()
        .filter(|key| tags::is_expiry(key) && before.get(*key) != after.get(*key))
        .map(|key| FieldChange::new(format!("tag {key}"), before.get(key).cloned(), after.get(key).cloned()))
        .collect()
}

/// An entry that is not there.
pub(crate) fn create(base: &ActualCluster, desired: &DesiredEntry, just_on: bool, draft: &mut Draft) {
    let line = mapped_by_aws_auth(base, desired) && !desired.policies.is_empty();
    let gap = line.then(|| {
        "the entry takes its principal out of aws-auth, and its policies can only be associated once it is there"
            .to_owned()
    });
    draft.moves.push(Move { phase: Phase::Grow, action: creation(desired, just_on), gap });
    for policy in &desired.policies {
        draft.push(Phase::Grow, association(desired, policy, policy.scope.clone()));
    }
    draft.changes.push(Change {
        kind: ChangeKind::Create,
        item: Item::Entry(desired.principal.clone()),
        label: Some(desired.label.clone()),
        reason: None,
        fields: all_fields(desired),
    });
}

/// Whether aws-auth may map the principal now. One that could not be read may.
fn mapped_by_aws_auth(base: &ActualCluster, desired: &DesiredEntry) -> bool {
    if !base.mode.has_config_map() {
        return false;
    }
    let Some(aws_auth) = base.aws_auth.get() else { return true };
    let plain = desired.principal.without_path();
    let names = |principal: &MappedPrincipal| match principal {
        MappedPrincipal::Arn(arn) => arn.without_path().as_str().eq_ignore_ascii_case(plain.as_str()),
        MappedPrincipal::Unusable(_) => false,
    };
    aws_auth.roles.iter().chain(&aws_auth.users).any(|mapping| names(&mapping.principal))
        || aws_auth.accounts.contains(desired.principal.account())
}

/// An entry that goes.
pub(crate) fn delete(actual: &ActualEntry, reason: &str, draft: &mut Draft) {
    draft.push(Phase::Delete, Action::DeleteEntry { principal: actual.principal.clone() });
    let mut fields = vec![FieldChange::new("type", Some(actual.kind.to_string()), None)];
    if actual.kind.takes_groups_and_username() {
        fields.push(FieldChange::new("username", Some(actual.username.clone()), None));
        fields.extend(list(&actual.groups).map(|groups| FieldChange::new("kubernetesGroups", Some(groups), None)));
    }
    fields.extend(actual.policies.iter().map(|policy| policy_field(&policy.policy, Some(&policy.scope), None)));
    draft.changes.push(Change {
        kind: ChangeKind::Delete,
        item: Item::Entry(actual.principal.clone()),
        label: None,
        reason: Some(reason.to_owned()),
        fields,
    });
}

/// An entry that is there and declared. Replaced where EKS can't change it: another type, a principal made again.
pub(crate) fn update(actual: &ActualEntry, desired: &DesiredEntry, stale: Option<String>, draft: &mut Draft) {
    let other_type = (actual.kind != desired.kind)
        .then(|| format!("the type can't be changed in place ({} to {})", actual.kind, desired.kind));
    if let Some(reason) = other_type.or(stale) {
        return replace(actual, desired, reason, draft);
    }
    let mut fields = Vec::new();
    let mut moves = Moves::default();
    let principal = || actual.principal.clone();

    let groups = final_groups(Some(actual), desired);
    let new_groups = desired.kind.takes_groups_and_username() && !same_groups(&groups, &actual.groups);
    let new_username = desired.kind.takes_groups_and_username() && desired.username != actual.username;
    if new_username {
        fields.push(FieldChange::new("username", Some(actual.username.clone()), Some(desired.username.clone())));
    }
    if new_groups {
        fields.push(FieldChange::new("kubernetesGroups", list(&actual.groups), list(&groups)));
    }
    if new_groups || new_username {
        moves.swap.push(Action::UpdateEntry { principal: principal(), username: desired.username.clone(), groups });
    }
    let mut mixed: Vec<(&Association, &AccessScope)> = Vec::new();
    for wanted in &desired.policies {
        let there = actual.policies.iter().find(|association| association.policy == wanted.policy);
        match there.map(|association| &association.scope) {
            None => {
                fields.push(policy_field(&wanted.policy, None, Some(&wanted.scope)));
                moves.grow.push(association(desired, wanted, wanted.scope.clone()));
            }
            Some(scope) if same_scope(scope, &wanted.scope) => {}
            Some(scope) => {
                fields.push(policy_field(&wanted.policy, Some(scope), Some(&wanted.scope)));
                let whole = || association(desired, wanted, wanted.scope.clone());
                match (scope_covers(&wanted.scope, scope), scope_covers(scope, &wanted.scope)) {
                    (true, _) => moves.grow.push(whole()),
                    (false, true) => moves.shrink.push(whole()),
                    (false, false) => mixed.push((wanted, scope)),
                }
            }
        }
    }
    let only_one = moves.swap.len() + mixed.len() <= 1;
    for (wanted, scope) in mixed {
        let whole = association(desired, wanted, wanted.scope.clone());
        if only_one {
            moves.swap.push(whole);
        } else {
            moves.grow.push(association(desired, wanted, union(scope, &wanted.scope)));
            moves.shrink.push(whole);
        }
    }
    for there in &actual.policies {
        if !desired.policies.iter().any(|wanted| wanted.policy == there.policy) {
            fields.push(policy_field(&there.policy, Some(&there.scope), None));
            moves.shrink.push(Action::DisassociatePolicy { principal: principal(), policy: there.policy.clone() });
        }
    }
    diff_tags(actual, desired, &mut fields, &mut moves);
    if fields.is_empty() {
        return;
    }
    moves.drain_into(draft);
    draft.changes.push(Change {
        kind: ChangeKind::Update,
        item: Item::Entry(actual.principal.clone()),
        label: Some(desired.label.clone()),
        reason: desired.resolved_from.as_ref().map(|from| format!("resolved from {from}")),
        fields,
    });
}

/// Tags are set before what they bound is granted, and taken off after what they bounded is gone: whatever is
/// interrupted, nothing that was to end becomes permanent.
fn diff_tags(actual: &ActualEntry, desired: &DesiredEntry, fields: &mut Vec<FieldChange>, moves: &mut Moves) {
    let set: BTreeMap<String, String> = desired
        .tags
        .iter()
        .filter(|(key, value)| actual.tags.get(*key) != Some(*value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let gone = |key: &&String| tags::is_time(key) && !desired.tags.contains_key(*key);
    let keys: Vec<String> = actual.tags.keys().filter(gone).cloned().collect();
    for (key, value) in &set {
        fields.push(FieldChange::new(format!("tag {key}"), actual.tags.get(key).cloned(), Some(value.clone())));
    }
    fields.extend(keys.iter().map(|key| FieldChange::new(format!("tag {key}"), actual.tags.get(key).cloned(), None)));
    let (principal, entry_arn) = (|| actual.principal.clone(), || actual.entry_arn.clone());
    if !set.is_empty() {
        moves.grow.insert(0, Action::TagEntry { principal: principal(), entry_arn: entry_arn(), tags: set });
    }
    if !keys.is_empty() {
        moves.shrink.push(Action::UntagEntry { principal: principal(), entry_arn: entry_arn(), keys });
    }
}

/// The moves of one entry by phase.
#[derive(Default)]
struct Moves {
    grow: Vec<Action>,
    swap: Vec<Action>,
    shrink: Vec<Action>,
}

impl Moves {
    fn drain_into(self, draft: &mut Draft) {
        let phases = [(Phase::Grow, self.grow), (Phase::Swap, self.swap), (Phase::Shrink, self.shrink)];
        for (phase, actions) in phases {
            actions.into_iter().for_each(|action| draft.push(phase, action));
        }
    }
}

fn replace(actual: &ActualEntry, desired: &DesiredEntry, reason: String, draft: &mut Draft) {
    let gap = format!("EKS can only delete and create it again: {reason}");
    let principal = actual.principal.clone();
    draft.moves.push(Move { phase: Phase::Replace, action: Action::DeleteEntry { principal }, gap: Some(gap) });
    draft.push(Phase::Replace, creation(desired, false));
    for policy in &desired.policies {
        draft.push(Phase::Replace, association(desired, policy, policy.scope.clone()));
    }
    draft.changes.push(Change {
        kind: ChangeKind::Replace,
        item: Item::Entry(actual.principal.clone()),
        label: Some(desired.label.clone()),
        reason: Some(reason),
        fields: all_fields(desired),
    });
}

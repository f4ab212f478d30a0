//! Only the removal of what has ended: for a cron job, without files.

use entryway_access::{EXPIRES_AT, PrincipalArn, expires_key};

use crate::diff::{Draft, delete, shown_scope};
use crate::order::Phase;
use crate::own_policy::read_group;
use crate::plan::{assemble, finish};
use crate::tags::{self, GRANTED_FOR};
use crate::{
    Action, ActualCluster, ActualEntry, Change, ChangeKind, FieldChange, Item, Plan, PlanOptions, Trouble, World,
};

/// The plan that removes what has ended, on every cluster that was read, and does nothing else.
pub fn sweep(world: &World, protected: &[PrincipalArn], options: &PlanOptions) -> Plan {
    let trouble = world
        .failed
        .iter()
        .map(|failed| Trouble { cluster: failed.name.to_string(), message: failed.message.clone() })
        .collect();
    let cluster_plan = |cluster: &ActualCluster| {
        let mut draft = Draft::default();
        cluster.entries.iter().for_each(|entry| sweep_entry(entry, options, &mut draft));
        assemble(cluster, draft, Vec::new(), protected, world, options)
    };
    finish(world.clusters.iter().map(cluster_plan).collect(), trouble, options)
}

fn sweep_entry(entry: &ActualEntry, options: &PlanOptions, draft: &mut Draft) {
    let now = options.now;
    let whole = tags::is_over(&entry.tags, EXPIRES_AT, now);
    // What was granted for a time and is declared still would begin anew if the entry were gone: it stays, empty.
    let stays = entry.tags.contains_key(GRANTED_FOR);
    if whole && !stays {
        let end = entry.tags.get(EXPIRES_AT).map(String::as_str).unwrap_or_default();
        return delete(entry, &format!("it ended at {end}"), draft);
    }
    let is_over = |key: &str| whole || tags::is_over(&entry.tags, key, now);
    let principal = || entry.principal.clone();
    let mut fields = Vec::new();
    let mut ended_keys = Vec::new();
    let keeps = |group: &&String| match read_group(group) {
        Some((policy, _)) => !is_over(&expires_key(&policy)),
        None => !whole,
    };
    let groups: Vec<String> = entry.groups.iter().filter(keeps).cloned().collect();
    if groups.len() != entry.groups.len() && entry.kind.takes_groups_and_username() {
        let shown = |groups: &[String]| (!groups.is_empty()).then(|| groups.join(", "));
        fields.push(FieldChange::new("kubernetesGroups", shown(&entry.groups), shown(&groups)));
        let username = entry.username.clone();
        draft.push(Phase::Shrink, Action::UpdateEntry { principal: principal(), username, groups });
    }
    for there in &entry.policies {
        let key = expires_key(there.policy.name());
        if is_over(&key) {
            fields.push(FieldChange::new(
                format!("policy {}", there.policy.name()),
                Some(shown_scope(&there.scope)),
                None,
            ));
            draft.push(
                Phase::Shrink,
                Action::DisassociatePolicy { principal: principal(), policy: there.policy.clone() },
            );
            ended_keys.push(key);
        }
    }
    // The tags of managed entries are the plan's: it knows whether the file still says so.
    ended_keys.retain(|key| !entry.is_managed() && entry.tags.contains_key(key));
    if !ended_keys.is_empty() {
        let entry_arn = entry.entry_arn.clone();
        draft.push(Phase::Shrink, Action::UntagEntry { principal: principal(), entry_arn, keys: ended_keys });
    }
    if !fields.is_empty() {
        draft.changes.push(Change {
            kind: ChangeKind::Update,
            item: Item::Entry(principal()),
            label: None,
            reason: Some("it has ended".to_owned()),
            fields,
        });
    }
}

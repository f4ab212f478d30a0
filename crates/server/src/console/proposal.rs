//! A change to the access of a cluster that somebody wants: what would be in force then, and the calls of the EKS API
//! that make it. [`super::fields`] reads one from a form, [`super::undo`] has the way back.

use std::sync::Arc;

use entryway_access::{
    AccessEntry, AccessScope, Association, AuthenticationMode, EXPIRES_AT, EXPIRES_POLICY, PolicyArn, Snapshot,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::act::{EksCall, cluster_path, entry_path, tags_path};
use super::cluster::Cluster;
use super::entries::short;
use super::words;
use crate::eks::{AssociationRecord, EntryRecord, Tags};

/// A change.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Proposal {
    Create(Box<NewEntry>),
    /// Of an entry that is there; first as it is.
    Edit(Box<EntryRecord>, Edit),
    Mode(AuthenticationMode),
}

/// A new entry with its policies. Its ends are among the tags.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NewEntry {
    pub(super) entry: AccessEntry,
    pub(super) tags: Tags,
    /// Whether the username is not EKS's default.
    pub(super) own_username: bool,
}

/// What is changed of an entry.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Edit {
    /// Another username, other groups.
    Naming {
        username: String,
        groups: Vec<String>,
    },
    Delete,
    /// Also where the policy is there already, with another scope or end.
    Associate {
        policy: PolicyArn,
        scope: AccessScope,
        tags: TagChange,
    },
    /// The policy's end goes with it.
    Disassociate {
        policy: PolicyArn,
        tags: TagChange,
    },
    /// Tags, and so ends.
    Tags(TagChange),
}

/// Tags that are set, and keys that are removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TagChange {
    pub(super) set: Tags,
    pub(super) remove: Vec<String>,
}

/// The tag that holds a policy's end.
pub(super) fn end_key(policy: &str) -> String {
    format!("{EXPIRES_POLICY}{}", short(policy))
}

/// The tag of an end.
pub(super) fn end_value(end: Timestamp) -> String {
    end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl TagChange {
    /// From one state to another.
    pub(super) fn between(before: &Tags, after: &Tags) -> TagChange {
        let new = after.iter().filter(|(key, value)| before.get(*key) != Some(value));
        let set = new.map(|(key, value)| (key.clone(), value.clone())).collect();
        TagChange { set, remove: before.keys().filter(|key| !after.contains_key(*key)).cloned().collect() }
    }

    /// The one that gives a key this value, or none.
    pub(super) fn of(before: &Tags, key: &str, value: Option<String>) -> TagChange {
        let mut after = before.clone();
        match value {
            Some(value) => after.insert(key.to_owned(), value),
            None => after.remove(key),
        };
        TagChange::between(before, &after)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }

    fn apply(&self, tags: &mut Tags) {
        tags.extend(self.set.clone());
        tags.retain(|key, _| !self.remove.contains(key));
    }

    fn setting(&self, entry: &EntryRecord) -> Option<EksCall> {
        let body = json!({ "tags": self.set });
        (!self.set.is_empty()).then(|| EksCall::new("POST", tags_path(&entry.arn), body, "set its tags"))
    }

    fn removing(&self, entry: &EntryRecord) -> Option<EksCall> {
        let keys: Vec<String> =
            self.remove.iter().map(|key| format!("tagKeys={}", entryway_iam::sigv4::uri_encode(key))).collect();
        let call = EksCall::new("DELETE", tags_path(&entry.arn), Value::Null, "removed tags");
        (!keys.is_empty()).then(|| EksCall { query: keys.join("&"), ..call })
    }
}

impl Edit {
    /// Does it to a record; `Delete` leaves it.
    fn apply(&self, record: &mut EntryRecord, now: Timestamp) {
        match self {
            Edit::Naming { username, groups } => {
                username.clone_into(&mut record.username);
                record.groups.clone_from(groups);
            }
            Edit::Delete => {}
            Edit::Associate { policy, scope, tags } => {
                record.policies.insert(policy.to_string(), AssociationRecord::new(scope, now));
                tags.apply(&mut record.tags);
            }
            Edit::Disassociate { policy, tags } => {
                record.policies.remove(&policy.to_string());
                tags.apply(&mut record.tags);
            }
            Edit::Tags(tags) => tags.apply(&mut record.tags),
        }
    }

    /// The calls that make it, in order: an end is set before what it ends, and removed after it, so that nothing is
    /// ever without an end that is to have one.
    fn calls(&self, cluster: &str, entry: &EntryRecord) -> Vec<EksCall> {
        let path = |rest: &str| entry_path(cluster, &entry.principal, rest);
        match self {
            Edit::Naming { username, groups } => {
                let body = json!({ "username": username, "kubernetesGroups": groups });
                vec![EksCall::new("POST", path(""), body, "changed the entry")]
            }
            Edit::Delete => vec![EksCall::new("DELETE", path(""), Value::Null, "deleted the entry")],
            Edit::Associate { policy, scope, tags } => {
                let call = associate(cluster, &entry.principal, policy, scope);
                tags.setting(entry).into_iter().chain([call]).chain(tags.removing(entry)).collect()
            }
            Edit::Disassociate { policy, tags } => {
                let rest = format!("/access-policies/{}", entryway_iam::sigv4::uri_encode(&policy.to_string()));
                let what = format!("disassociated {}", policy.name());
                let call = EksCall::new("DELETE", path(&rest), Value::Null, what);
                [call].into_iter().chain(tags.removing(entry)).collect()
            }
            Edit::Tags(tags) => tags.setting(entry).into_iter().chain(tags.removing(entry)).collect(),
        }
    }
}

fn associate(cluster: &str, principal: &str, policy: &PolicyArn, scope: &AccessScope) -> EksCall {
    let namespaces: Vec<&str> = scope.namespaces().iter().map(|pattern| pattern.as_str()).collect();
    let body =
        json!({ "policyArn": policy.to_string(), "accessScope": { "type": scope.kind(), "namespaces": namespaces } });
    let what = format!("associated {}", policy.name());
    EksCall::new("POST", entry_path(cluster, principal, "/access-policies"), body, what)
}

impl NewEntry {
    /// The record that it would have.
    fn record(&self, cluster: &Cluster, now: Timestamp) -> EntryRecord {
        let (place, name) = (&cluster.place, &cluster.record.name);
        let mut record = EntryRecord::new(&self.entry, None, self.tags.clone(), place, name, now);
        let policies = self.entry.policies.iter();
        let policies = policies.map(|own| (own.policy.to_string(), AssociationRecord::new(&own.scope, now)));
        record.policies = policies.collect();
        record
    }

    fn calls(&self, cluster: &str) -> Vec<EksCall> {
        let entry = &self.entry;
        let mut body =
            json!({ "principalArn": entry.principal.as_str(), "type": entry.kind.as_str(), "tags": self.tags });
        if let Some(members) = body.as_object_mut() {
            if self.own_username {
                members.insert("username".to_owned(), json!(entry.username.as_str()));
            }
            if entry.kind.takes_groups_and_username() && !entry.groups.is_empty() {
                members.insert("kubernetesGroups".to_owned(), json!(entry.groups));
            }
        }
        let create = EksCall::new("POST", cluster_path(cluster, "/access-entries"), body, "created the entry");
        let policies = entry.policies.iter();
        let policies =
            policies.map(|own: &Association| associate(cluster, entry.principal.as_str(), &own.policy, &own.scope));
        [create].into_iter().chain(policies).collect()
    }
}

impl Proposal {
    /// Whom it is about.
    pub(super) fn principal(&self) -> Option<&str> {
        match self {
            Proposal::Create(new) => Some(new.entry.principal.as_str()),
            Proposal::Edit(entry, _) => Some(&entry.principal),
            Proposal::Mode(_) => None,
        }
    }

    /// What would be in force.
    pub(super) fn after(&self, cluster: &Cluster, now: Timestamp) -> Snapshot {
        let before = &cluster.snapshot;
        let with = |record: &EntryRecord| match record.to_core() {
            Ok(entry) => before.with_entry(Arc::new(entry)),
            Err(_) => Snapshot::clone(before),
        };
        match self {
            Proposal::Create(new) => with(&new.record(cluster, now)),
            Proposal::Edit(entry, Edit::Delete) => match entry.principal.parse() {
                Ok(principal) => before.without_entry(&principal),
                Err(_) => Snapshot::clone(before),
            },
            Proposal::Edit(entry, edit) => {
                let mut record = EntryRecord::clone(entry);
                edit.apply(&mut record, now);
                with(&record)
            }
            Proposal::Mode(mode) => in_mode(cluster, *mode, now),
        }
    }

    /// The calls that make it, in order.
    pub(super) fn calls(&self, cluster: &Cluster) -> Vec<EksCall> {
        let name = cluster.record.name.as_str();
        match self {
            Proposal::Create(new) => new.calls(name),
            Proposal::Edit(entry, edit) => edit.calls(name, entry),
            Proposal::Mode(mode) => {
                let body = json!({ "accessConfig": { "authenticationMode": mode.as_str() } });
                vec![EksCall::new("POST", cluster_path(name, "/update-config"), body, "changed the mode")]
            }
        }
    }

    /// What was done, for people.
    pub(super) fn done(&self) -> String {
        let name = self.principal().map(short).unwrap_or_default();
        match self {
            Proposal::Create(_) => words::created(name),
            Proposal::Edit(_, Edit::Naming { .. }) => words::changed(name),
            Proposal::Edit(_, Edit::Delete) => words::deleted(name),
            Proposal::Edit(_, Edit::Associate { policy, scope, .. }) => {
                words::associated(policy.name().as_str(), name, scope)
            }
            Proposal::Edit(_, Edit::Disassociate { policy, .. }) => words::disassociated(policy.name().as_str(), name),
            Proposal::Edit(_, Edit::Tags(_)) => words::tags_changed(name),
            Proposal::Mode(mode) => words::in_mode(mode.as_str()),
        }
    }
}

/// The cluster in another mode. Turning the API on makes an entry of the creator's hidden mapping.
fn in_mode(cluster: &Cluster, mode: AuthenticationMode, now: Timestamp) -> Snapshot {
    let next = cluster.snapshot.with_mode(mode);
    let creator = cluster.record.bootstrap_creator.as_ref().filter(|_| mode.has_api());
    let Some(creator) = creator else { return next };
    let record = crate::eks::creator_entry(creator, &cluster.place, &cluster.record.name, now);
    match record.ok().and_then(|record| record.to_core().ok()) {
        Some(entry) if next.entry(&entry.principal).is_none() => next.with_entry(Arc::new(entry)),
        Some(_) | None => next,
    }
}

/// The end of an entry, or of a policy of it.
pub(super) fn end_of(entry: &EntryRecord, policy: Option<&str>) -> Option<Timestamp> {
    let key = policy.map_or_else(|| EXPIRES_AT.to_owned(), end_key);
    entryway_access::end_of(&entry.tags, &key)
}

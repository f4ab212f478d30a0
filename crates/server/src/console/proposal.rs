//! A change to the access of a cluster that somebody wants: read from a form, what would be in force then, and the
//! calls of the EKS API that make it.

use std::collections::BTreeMap;
use std::sync::Arc;

use entryway_access::{
    AccessEntry, AccessScope, ArnError, Association, AuthenticationMode, EntryError, EntryType, PolicyArn,
    PrincipalArn, Snapshot,
};
use serde_json::{Value, json};

use super::act::{cluster_path, entry_path};
use super::cluster::Cluster;
use super::form::Form;
use crate::eks::EntryRecord;

/// What is wrong with which field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldError {
    pub(super) field: &'static str,
    pub(super) message: String,
}

fn wrong(field: &'static str, message: impl ToString) -> FieldError {
    FieldError { field, message: message.to_string() }
}

/// A change.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Proposal {
    /// A new entry, perhaps with its first policy.
    Create {
        entry: AccessEntry,
        tags: BTreeMap<String, String>,
        own_username: bool,
    },
    /// Another username, other groups.
    Update {
        principal: PrincipalArn,
        username: String,
        groups: Vec<String>,
    },
    Delete {
        principal: PrincipalArn,
    },
    Associate {
        principal: PrincipalArn,
        policy: PolicyArn,
        scope: AccessScope,
    },
    Disassociate {
        principal: PrincipalArn,
        policy: PolicyArn,
    },
    Mode(AuthenticationMode),
}

/// A call of the EKS API: method, path, body.
pub(super) type EksCall = (&'static str, String, Value);

impl Proposal {
    /// Reads a form, by the rules of the core. `now` is the entry that it is about, where there is one.
    pub(super) fn parse(
        form: &Form,
        cluster: &Cluster,
        now: Option<&EntryRecord>,
    ) -> Result<Proposal, Vec<FieldError>> {
        match form.text("do") {
            "create" => create(form, cluster),
            "update" => update(form, cluster, now),
            "delete" => Ok(Proposal::Delete { principal: principal(form)? }),
            "associate" => {
                let (principal, policy, scope) = (principal(form), policy(form, cluster), scope(form));
                match (principal, policy, scope) {
                    (Ok(principal), Ok(policy), Ok(scope)) => Ok(Proposal::Associate { principal, policy, scope }),
                    (principal, policy, scope) => {
                        Err([principal.err(), policy.err(), scope.err()].into_iter().flatten().flatten().collect())
                    }
                }
            }
            "disassociate" => {
                Ok(Proposal::Disassociate { principal: principal(form)?, policy: policy(form, cluster)? })
            }
            "mode" => {
                let to: AuthenticationMode =
                    form.text("mode").parse().map_err(|error: ArnError| vec![wrong("mode", error)])?;
                cluster.snapshot.mode().step(to).map(Proposal::Mode).map_err(|error| vec![wrong("mode", error)])
            }
            other => Err(vec![wrong("do", format!("there is no change `{other}`"))]),
        }
    }

    /// Whom it is about.
    pub(super) fn principal(&self) -> Option<&PrincipalArn> {
        match self {
            Proposal::Create { entry, .. } => Some(&entry.principal),
            Proposal::Update { principal, .. }
            | Proposal::Delete { principal }
            | Proposal::Associate { principal, .. }
            | Proposal::Disassociate { principal, .. } => Some(principal),
            Proposal::Mode(_) => None,
        }
    }

    /// What would be in force.
    pub(super) fn after(&self, cluster: &Cluster, now: jiff::Timestamp) -> Snapshot {
        let before = &cluster.snapshot;
        let edited = |principal: &PrincipalArn, edit: &dyn Fn(&mut AccessEntry)| match before.entry(principal) {
            Some(entry) => {
                let mut entry = AccessEntry::clone(entry);
                edit(&mut entry);
                before.with_entry(Arc::new(entry))
            }
            None => Snapshot::clone(before),
        };
        match self {
            Proposal::Create { entry, .. } => before.with_entry(Arc::new(entry.clone())),
            Proposal::Update { principal, username, groups } => edited(principal, &|entry| {
                entry.username = entryway_access::Template::new(username.clone());
                entry.groups.clone_from(groups);
            }),
            Proposal::Delete { principal } => before.without_entry(principal),
            Proposal::Associate { principal, policy, scope } => edited(principal, &|entry| {
                let expires = entry.policies.iter().find(|own| own.policy == *policy).and_then(|own| own.expires);
                entry.policies.retain(|own| own.policy != *policy);
                entry.policies.push(Association { policy: policy.clone(), scope: scope.clone(), expires });
            }),
            Proposal::Disassociate { principal, policy } => {
                edited(principal, &|entry| entry.policies.retain(|own| own.policy != *policy))
            }
            Proposal::Mode(mode) => {
                let next = before.with_mode(*mode);
                // Turning the API on makes an entry of the creator's hidden mapping.
                match cluster.record.bootstrap_creator.as_ref().filter(|_| mode.has_api()) {
                    Some(creator) => {
                        let entry = crate::eks::creator_entry(creator, &cluster.place, &cluster.record.name, now);
                        let entry = entry.ok().and_then(|record| record.to_core().ok());
                        entry
                            .filter(|entry| next.entry(&entry.principal).is_none())
                            .map_or(next.clone(), |entry| next.with_entry(Arc::new(entry)))
                    }
                    None => next,
                }
            }
        }
    }

    /// The calls that make it, in order.
    pub(super) fn calls(&self, cluster: &Cluster) -> Vec<EksCall> {
        let name = cluster.record.name.as_str();
        let associate = |principal: &PrincipalArn, policy: &PolicyArn, scope: &AccessScope| {
            let namespaces: Vec<&str> = scope.namespaces().iter().map(|pattern| pattern.as_str()).collect();
            let body = json!({ "policyArn": policy.to_string(), "accessScope": { "type": scope.kind(), "namespaces": namespaces } });
            ("POST", entry_path(name, principal.as_str(), "/access-policies"), body)
        };
        match self {
            Proposal::Create { entry, tags, own_username } => {
                let mut body =
                    json!({ "principalArn": entry.principal.as_str(), "type": entry.kind.as_str(), "tags": tags });
                if let Some(members) = body.as_object_mut() {
                    if *own_username {
                        members.insert("username".to_owned(), json!(entry.username.as_str()));
                    }
                    if entry.kind.takes_groups_and_username() && !entry.groups.is_empty() {
                        members.insert("kubernetesGroups".to_owned(), json!(entry.groups));
                    }
                }
                let mut calls = vec![("POST", cluster_path(name, "/access-entries"), body)];
                calls.extend(entry.policies.iter().map(|own| associate(&entry.principal, &own.policy, &own.scope)));
                calls
            }
            Proposal::Update { principal, username, groups } => {
                let body = json!({ "username": username, "kubernetesGroups": groups });
                vec![("POST", entry_path(name, principal.as_str(), ""), body)]
            }
            Proposal::Delete { principal } => vec![("DELETE", entry_path(name, principal.as_str(), ""), Value::Null)],
            Proposal::Associate { principal, policy, scope } => vec![associate(principal, policy, scope)],
            Proposal::Disassociate { principal, policy } => {
                let rest = format!("/access-policies/{}", entryway_iam::sigv4::uri_encode(&policy.to_string()));
                vec![("DELETE", entry_path(name, principal.as_str(), &rest), Value::Null)]
            }
            Proposal::Mode(mode) => {
                let body = json!({ "accessConfig": { "authenticationMode": mode.as_str() } });
                vec![("POST", cluster_path(name, "/update-config"), body)]
            }
        }
    }

    /// The fields of the form that would undo it, where one can. `before` is the entry as it was.
    pub(super) fn undo(&self, before: Option<&EntryRecord>) -> Option<Form> {
        let principal = self.principal()?.as_str();
        let association = |policy: &PolicyArn| {
            let old = before?.policies.get(&policy.to_string())?;
            Some(Form::of(&[
                ("do", "associate"),
                ("principal", principal),
                ("policy", &policy.to_string()),
                ("scope", &old.scope),
                ("namespaces", &old.namespaces.join("\n")),
            ]))
        };
        match self {
            Proposal::Create { .. } => Some(Form::of(&[("do", "delete"), ("principal", principal)])),
            Proposal::Update { .. } => before.map(|old| {
                Form::of(&[
                    ("do", "update"),
                    ("principal", principal),
                    ("username", &old.username),
                    ("groups", &old.groups.join("\n")),
                ])
            }),
            // An entry with several policies does not come back by one form.
            Proposal::Delete { .. } => before.filter(|old| old.policies.len() <= 1).map(|old| {
                let tags: Vec<String> = old.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
                let custom = old.kind == EntryType::Standard.as_str();
                let mut form = Form::of(&[
                    ("do", "create"),
                    ("principal", principal),
                    ("type", &old.kind),
                    ("tags", &tags.join("\n")),
                ]);
                if custom {
                    form = form.with("username", &old.username).with("groups", &old.groups.join("\n"));
                }
                match old.policies.iter().next() {
                    Some((arn, own)) => form
                        .with("policy", arn)
                        .with("scope", &own.scope)
                        .with("namespaces", &own.namespaces.join("\n")),
                    None => form,
                }
            }),
            Proposal::Associate { policy, .. } => association(policy).or_else(|| {
                Some(Form::of(&[("do", "disassociate"), ("principal", principal), ("policy", &policy.to_string())]))
            }),
            Proposal::Disassociate { policy, .. } => association(policy),
            Proposal::Mode(_) => None,
        }
    }

    /// What was done, for people.
    pub(super) fn done(&self) -> String {
        let name = self.principal().map(PrincipalArn::name).unwrap_or_default();
        match self {
            Proposal::Create { .. } => format!("The access entry of {name} was created."),
            Proposal::Update { .. } => format!("The access entry of {name} was changed."),
            Proposal::Delete { .. } => format!("The access entry of {name} was deleted."),
            Proposal::Associate { policy, scope, .. } => {
                format!("{} is associated with {name}: {scope}.", policy.name())
            }
            Proposal::Disassociate { policy, .. } => format!("{} is no longer associated with {name}.", policy.name()),
            Proposal::Mode(mode) => format!("The authentication mode is {mode}."),
        }
    }
}

fn principal(form: &Form) -> Result<PrincipalArn, Vec<FieldError>> {
    AccessEntry::parse_principal(form.text("principal")).map_err(|error| vec![wrong("principal", error)])
}

fn policy(form: &Form, cluster: &Cluster) -> Result<PolicyArn, Vec<FieldError>> {
    let text = form.text("policy");
    if text.is_empty() {
        return Err(vec![wrong("policy", "choose a policy")]);
    }
    cluster.snapshot.catalogue().resolve(text, cluster.place.partition()).map_err(|error| vec![wrong("policy", error)])
}

fn scope(form: &Form) -> Result<AccessScope, Vec<FieldError>> {
    let kind = if form.text("scope").is_empty() { "cluster" } else { form.text("scope") };
    let namespaces = if kind == "cluster" { Vec::new() } else { form.words("namespaces") };
    AccessScope::from_parts(kind, &namespaces).map_err(|error| vec![wrong("namespaces", error)])
}

/// The field that an error of the core is about.
fn field_of(error: &EntryError) -> &'static str {
    match error {
        EntryError::UnknownType => "type",
        EntryError::ReservedGroup { .. } | EntryError::BadGroup(_) | EntryError::GroupsWithNodeType(_) => "groups",
        EntryError::ReservedUsername { .. }
        | EntryError::BadUsername(_)
        | EntryError::SessionNameWithoutColon(_)
        | EntryError::UsernameWithNodeType(_) => "username",
        EntryError::PoliciesWithNodeType => "policy",
        _ => "principal",
    }
}

fn entry(
    principal: PrincipalArn,
    kind: EntryType,
    form: &Form,
    cluster: &Cluster,
) -> Result<AccessEntry, Vec<FieldError>> {
    let (username, groups) = (form.text("username"), form.words("groups"));
    let username = (!username.is_empty()).then_some(username);
    // Each field is told what is wrong with it, not only the first.
    let mut errors: Vec<EntryError> = Vec::new();
    errors.extend(AccessEntry::check_username(kind, username).err());
    errors.extend(AccessEntry::check_groups(kind, &groups).err());
    match AccessEntry::new(principal, kind, username, Some(&groups), &cluster.place.account) {
        Ok(entry) if errors.is_empty() => Ok(entry),
        Ok(_) => Err(errors.iter().map(|error| wrong(field_of(error), error)).collect()),
        Err(error) => {
            if !errors.contains(&error) {
                errors.push(error);
            }
            Err(errors.iter().map(|error| wrong(field_of(error), error)).collect())
        }
    }
}

fn create(form: &Form, cluster: &Cluster) -> Result<Proposal, Vec<FieldError>> {
    let principal = principal(form)?;
    if principal.partition() != cluster.place.partition() {
        return Err(vec![wrong("principal", EntryError::PrincipalFormat)]);
    }
    let kind = match form.text("type") {
        "" => EntryType::Standard,
        text => text.parse().map_err(|error: EntryError| vec![wrong("type", error)])?,
    };
    let mut errors = Vec::new();
    let tags = tags(form).unwrap_or_else(|error| {
        errors.push(error);
        BTreeMap::new()
    });
    let mut take = |result: Result<AccessEntry, Vec<FieldError>>| result.map_err(|more| errors.extend(more)).ok();
    let made = take(entry(principal, kind, form, cluster));
    let association = match form.text("policy") {
        "" => None,
        _ if !kind.takes_policies() => {
            errors.push(wrong("policy", EntryError::PoliciesWithNodeType));
            None
        }
        _ => match (policy(form, cluster), scope(form)) {
            (Ok(policy), Ok(scope)) => Some(Association { policy, scope, expires: None }),
            (policy, scope) => {
                errors.extend(policy.err().into_iter().chain(scope.err()).flatten());
                None
            }
        },
    };
    match made {
        Some(mut entry) if errors.is_empty() => {
            entry.policies.extend(association);
            Ok(Proposal::Create { entry, tags, own_username: !form.text("username").is_empty() })
        }
        _ => Err(errors),
    }
}

fn update(form: &Form, cluster: &Cluster, now: Option<&EntryRecord>) -> Result<Proposal, Vec<FieldError>> {
    let principal = principal(form)?;
    let kind = now.and_then(|record| record.kind.parse().ok()).unwrap_or(EntryType::Standard);
    let entry = entry(principal.clone(), kind, form, cluster)?;
    Ok(Proposal::Update { principal, username: entry.username.as_str().to_owned(), groups: entry.groups })
}

/// `key=value`, one a line.
fn tags(form: &Form) -> Result<BTreeMap<String, String>, FieldError> {
    let lines = form.text("tags").lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (key, value) =
                line.split_once('=').ok_or_else(|| wrong("tags", format!("`{line}` must be written `key=value`")))?;
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}

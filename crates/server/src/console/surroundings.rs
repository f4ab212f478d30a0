//! What is read beside a cluster's access for its analysis, as far as the visitor may know of it: namespaces and
//! service accounts for those who may list them there, identities for those who may read all of IAM. Whether any of
//! it has changed is told by marks.

use std::collections::BTreeMap;
use std::sync::Arc;

use entryway_access::{Attributes, Request, Resource, Snapshot};
use entryway_analysis::KnownPrincipals;
use entryway_analysis::finding::Surroundings;
use entryway_directory::CensusMark;
use entryway_sandbox::keys;
use entryway_store::{KeyValue, Revision};
use jiff::Timestamp;
use serde_json::Value;

use super::identities::{self, Scope};
use super::page::Problem;
use super::subject::Subject;
use super::visit::Visit;
use crate::eks::{ClusterRecord, EksError};
use crate::keys::Place;

/// What was read.
pub(super) struct Around {
    namespaces: Option<Arc<Vec<KeyValue>>>,
    accounts: Option<Arc<Vec<KeyValue>>>,
    identities: Option<Scope>,
}

/// Tells whether what was read has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    namespaces: Option<Mark>,
    accounts: Option<Mark>,
    identities: Option<CensusMark>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    count: usize,
    modified: Revision,
}

impl Mark {
    fn of(items: &[KeyValue]) -> Mark {
        Mark { count: items.len(), modified: items.iter().map(|item| item.modified).max().unwrap_or_default() }
    }
}

/// Where in the store that lies which the visitor may know of, for watching it.
pub(super) fn prefixes(visit: &Visit<'_>, record: &ClusterRecord, state: &Snapshot) -> Vec<String> {
    let [sees_namespaces, sees_accounts] = lists(visit, state);
    let resources = [("namespaces", sees_namespaces), ("serviceaccounts", sees_accounts)];
    let seen = resources.into_iter().filter(|(_, sees)| *sees);
    let mut all: Vec<String> = seen.map(|(resource, _)| keys::resource_prefix(&record.id, "", resource)).collect();
    if identities::may_read(visit) {
        all.extend(visit.who.local.account.census_prefixes());
    }
    all
}

impl Around {
    /// Reads it.
    pub(super) async fn read(
        visit: &Visit<'_>,
        place: &Place,
        record: &ClusterRecord,
        state: &Snapshot,
    ) -> Result<Around, Problem> {
        let [sees_namespaces, sees_accounts] = lists(visit, state);
        let watched = &visit.plane.console.watched;
        let listed = |resource: &str, sees: bool| {
            let prefix = keys::resource_prefix(&record.id, "", resource);
            async move {
                match sees {
                    true => watched.list(visit.plane.store.as_ref(), &prefix).await.map(Some),
                    false => Ok(None),
                }
            }
        };
        let identities = match identities::may_read(visit) {
            true => Scope::of(visit, place, record).await.map_err(EksError::internal)?,
            false => None,
        };
        Ok(Around {
            namespaces: listed("namespaces", sees_namespaces).await?,
            accounts: listed("serviceaccounts", sees_accounts).await?,
            identities,
        })
    }

    /// Which parts there are: what is told to one visitor must not be told to another who may know less.
    pub(super) fn parts(&self) -> [bool; 3] {
        [self.namespaces.is_some(), self.accounts.is_some(), self.identities.is_some()]
    }

    pub(super) fn marks(&self) -> Marks {
        let mark = |items: &Option<Arc<Vec<KeyValue>>>| items.as_ref().map(|items| Mark::of(items));
        let identities = self.identities.as_ref().map(|scope| scope.mark);
        Marks { namespaces: mark(&self.namespaces), accounts: mark(&self.accounts), identities }
    }

    /// What checks ask for. Identities that can't be read are left out, and the checks say so.
    pub(super) async fn known(self, state: &Snapshot, now: Timestamp) -> (Surroundings, KnownPrincipals) {
        let found = match &self.identities {
            Some(scope) => scope.look(state, now).await.unwrap_or_else(|error| {
                tracing::error!(%error, "identities could not be read for findings");
                None
            }),
            None => None,
        };
        let (known, iam) = found.map_or_else(Default::default, |(known, iam)| (known, Some(iam)));
        let around = Surroundings {
            namespaces: self.namespaces.map(|items| read_namespaces(&items)),
            service_accounts: self.accounts.map(|items| read_accounts(&items)),
            iam,
        };
        (around, known)
    }
}

/// Whether the visitor may list all namespaces, and all service accounts, by the cluster's own authorization.
fn lists(visit: &Visit<'_>, state: &Snapshot) -> [bool; 2] {
    let subject = Subject::Principal(visit.who.principal().to_string());
    let user = subject.user(state, visit.now);
    ["namespaces", "serviceaccounts"].map(|resource| {
        let resource = Resource { resource, ..Resource::default() };
        let attributes = Attributes::Resource { verb: "list", resource };
        user.as_ref().is_some_and(|user| state.decide(&Request { user, attributes }, visit.now).is_allowed())
    })
}

/// The label by which Pod Security is enforced.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
/// The annotation by which a service account carries an IAM role.
const ROLE_ARN: &str = "eks.amazonaws.com/role-arn";

fn objects(items: &[KeyValue]) -> impl Iterator<Item = Value> {
    items.iter().filter_map(|item| serde_json::from_slice(&item.value).ok())
}

fn text<'v>(object: &'v Value, group: &str, key: &str) -> Option<&'v str> {
    object.get("metadata")?.get(group)?.get(key)?.as_str()
}

fn name<'v>(object: &'v Value, key: &str) -> Option<&'v str> {
    object.get("metadata")?.get(key)?.as_str()
}

fn read_namespaces(items: &[KeyValue]) -> BTreeMap<String, bool> {
    let read = |object: Value| {
        let enforces = matches!(text(&object, "labels", ENFORCE), Some("baseline" | "restricted"));
        Some((name(&object, "name")?.to_owned(), enforces))
    };
    objects(items).filter_map(read).collect()
}

fn read_accounts(items: &[KeyValue]) -> BTreeMap<(String, String), Option<String>> {
    let read = |object: Value| {
        let role = text(&object, "annotations", ROLE_ARN).map(str::to_owned);
        Some(((name(&object, "namespace")?.to_owned(), name(&object, "name")?.to_owned()), role))
    };
    objects(items).filter_map(read).collect()
}

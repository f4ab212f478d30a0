//! What is found in a cluster, kept until something changes: the findings and the graph of who can become whom.
//!
//! Namespaces and service accounts are looked at for those alone who may list them: what a visitor may not read, no
//! finding of his tells.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use entryway_access::{Attributes, PrincipalArn, Request, Resource, Snapshot};
use entryway_analysis::KnownPrincipals;
use entryway_analysis::finding::{Finding, Findings, Holder, Surroundings, findings};
use entryway_analysis::path::Graph;
use entryway_sandbox::keys;
use entryway_store::{KeyValue, ListOptions, Revision};
use jiff::Timestamp;
use serde_json::Value;

use super::page::Problem;
use super::subject::Subject;
use super::visit::Visit;
use crate::clusters::Running;
use crate::eks::ClusterRecord;

/// What was found.
#[derive(Debug)]
pub(super) struct Analysis {
    pub(super) findings: Findings,
    pub(super) graph: Graph,
    /// The places in `findings` of those to work through, by principal without its path.
    by_principal: HashMap<PrincipalArn, Vec<usize>>,
}

/// What an analysis was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Basis {
    namespaces: Option<Mark>,
    service_accounts: Option<Mark>,
}

/// Tells whether anything under a prefix has changed.
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

#[derive(Debug)]
struct Kept {
    snapshot: Arc<Snapshot>,
    basis: Basis,
    /// From then on something has ended.
    until: Option<Timestamp>,
    at: Timestamp,
    analysis: Arc<Analysis>,
}

/// The analyses that were made last, by the cluster's id and what they are about.
#[derive(Debug, Default)]
pub(crate) struct Analyses(Mutex<HashMap<(String, [bool; 2]), Kept>>);

impl Analyses {
    fn find(
        &self,
        key: &(String, [bool; 2]),
        state: &Arc<Snapshot>,
        basis: &Basis,
        now: Timestamp,
    ) -> Option<Arc<Analysis>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.get(key)?;
        let is_same = Arc::ptr_eq(&kept.snapshot, state) && kept.basis == *basis;
        let is_of_now = kept.at <= now && kept.until.is_none_or(|until| now < until);
        (is_same && is_of_now).then(|| Arc::clone(&kept.analysis))
    }

    /// Keeps one; of clusters that are gone none stays.
    fn keep(&self, key: (String, [bool; 2]), kept: Kept, is_there: impl Fn(&str) -> bool) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(cluster, _), _| is_there(cluster));
        all.insert(key, kept);
    }
}

/// What is found in a cluster, as far as the visitor may know of it.
pub(super) async fn of(visit: &Visit<'_>, record: &ClusterRecord, running: &Running) -> Result<Arc<Analysis>, Problem> {
    let state = running.runtime.current();
    let [sees_namespaces, sees_accounts] = lists(visit, &state);
    let listed = |resource: &str, sees: bool| {
        let prefix = keys::resource_prefix(&record.id, "", resource);
        async move {
            match sees {
                true => visit.plane.store.list(&prefix, ListOptions::default()).await.map(|list| Some(list.items)),
                false => Ok(None),
            }
        }
    };
    let namespaces = listed("namespaces", sees_namespaces).await?;
    let accounts = listed("serviceaccounts", sees_accounts).await?;
    let mark = |items: &Option<Vec<KeyValue>>| items.as_deref().map(Mark::of);
    let basis = Basis { namespaces: mark(&namespaces), service_accounts: mark(&accounts) };
    let key = (record.id.clone(), [namespaces.is_some(), accounts.is_some()]);
    let kept = &visit.plane.console.analyses;
    if let Some(found) = kept.find(&key, &state, &basis, visit.now) {
        return Ok(found);
    }
    let around = Surroundings {
        namespaces: namespaces.map(|items| read_namespaces(&items)),
        service_accounts: accounts.map(|items| read_accounts(&items)),
        iam: None,
    };
    let now = visit.now;
    let (from, until) = (Arc::clone(&state), next_end(&state, now));
    // Some tens of milliseconds for ten thousand entries: not on a thread that others wait for.
    let made = tokio::task::spawn_blocking(move || Analysis::new(&from, &around, now)).await;
    let analysis = Arc::new(made.map_err(crate::eks::EksError::internal)?);
    let made = Kept { snapshot: state, basis, until, at: now, analysis: Arc::clone(&analysis) };
    kept.keep(key, made, |id| visit.plane.clusters.has_id(id));
    Ok(analysis)
}

impl Analysis {
    fn new(state: &Snapshot, around: &Surroundings, now: Timestamp) -> Analysis {
        let known = KnownPrincipals::default();
        let findings = findings(state, around, &known, now);
        let mut by_principal: HashMap<PrincipalArn, Vec<usize>> = HashMap::new();
        for (index, finding) in findings.all.iter().enumerate() {
            if let (Holder::Principal(arn), true) = (&finding.holder, is_own(finding)) {
                by_principal.entry(arn.without_path()).or_default().push(index);
            }
        }
        Analysis { findings, graph: Graph::of(state, around, &known, now), by_principal }
    }

    /// What is to be worked through of a principal, the worst first.
    pub(super) fn of_principal(&self, principal: &str) -> Vec<&Finding> {
        let arn = principal.parse::<PrincipalArn>().ok();
        let found = arn.and_then(|arn| self.by_principal.get(&arn.without_path()));
        found.into_iter().flatten().filter_map(|index| self.findings.all.get(*index)).collect()
    }
}

fn is_own(finding: &Finding) -> bool {
    finding.standing == entryway_analysis::finding::Standing::Own
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

/// When the next entry or association ends.
fn next_end(state: &Snapshot, now: Timestamp) -> Option<Timestamp> {
    let entries = state.entries();
    let ends = entries.iter().flat_map(|entry| {
        entry.expires.into_iter().chain(entry.policies.iter().filter_map(|association| association.expires))
    });
    ends.filter(|end| *end > now).min()
}

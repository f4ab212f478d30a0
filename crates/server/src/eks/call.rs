//! One call of the EKS API: what was asked, by whom, and what every operation does with it.

use entryway_iam::policy::Context;
use entryway_store::{Revision, Txn, TxnOutcome};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::body;
use super::cluster_record::{ClusterRecord, cluster_arn};
use super::entry_record::EntryRecord;
use super::error::{EksError, Fault};
use super::operation::{Operation, Target};
use super::page::{Items, Page};
use super::tags::Tags;
use crate::audit;
use crate::clusters::Running;
use crate::keys::Place;
use crate::plane::ControlPlane;
use crate::received::Received;
use crate::runtime::Part;
use crate::who::Signed;

/// How often a change is tried again when others changed the same records in between.
const TRIES: usize = 32;
/// The most items of a page of EKS's lists.
const PAGE: usize = 100;

/// A call whose signature has been checked.
pub(crate) struct Call<'a> {
    pub(crate) plane: &'a ControlPlane,
    pub(crate) request: &'a Received,
    pub(crate) target: &'a Target,
    pub(crate) place: &'a Place,
    pub(crate) who: &'a Signed,
    /// Decoded query parameters, in their order.
    pub(crate) parameters: &'a [(String, String)],
    pub(crate) now: Timestamp,
}

/// A good answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) body: Value,
    /// Whether the call's audit record is in the store already, in the transaction of the change.
    pub(crate) recorded: bool,
}

impl Answer {
    /// Of a call that changed nothing.
    pub(crate) fn read(body: impl Into<Value>) -> Self {
        Answer { body: body.into(), recorded: false }
    }
    /// Of a call whose change [`Call::commit`] wrote.
    pub(crate) fn changed(body: impl Into<Value>) -> Self {
        Answer { body: body.into(), recorded: true }
    }
}

/// A record, and the revision that it was last written at.
#[derive(Debug, Clone)]
pub(crate) struct Stored<T> {
    pub(crate) record: T,
    pub(crate) key: String,
    pub(crate) modified: Revision,
}

impl<'a> Call<'a> {
    pub(crate) fn operation(&self) -> Operation {
        self.target.operation
    }

    /// The cluster in the path; empty for operations that have none.
    pub(crate) fn cluster_name(&self) -> &'a str {
        self.target.cluster.as_deref().unwrap_or_default()
    }

    /// The principal in the path.
    pub(crate) fn principal(&self) -> &'a str {
        self.target.principal.as_deref().unwrap_or_default()
    }

    /// The first value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<&'a str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// All values of a query parameter.
    pub(crate) fn query_all(&self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.parameters.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body's members.
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, EksError> {
        body::parse(&self.request.body)
    }

    /// A bad parameter.
    pub(crate) fn bad(&self, message: impl std::fmt::Display) -> EksError {
        EksError::parameter(self.operation(), message.to_string())
    }

    /// A required member of the body.
    pub(crate) fn required<T>(&self, name: &str, value: Option<T>) -> Result<T, EksError> {
        value.ok_or_else(|| self.bad(format!("The {name} parameter is required")))
    }

    /// Whether IAM lets the caller do this on a resource. `facts` adds the operation's own condition keys.
    pub(crate) fn authorize(&self, resource: &str, facts: impl FnOnce(&mut Context)) -> Result<(), EksError> {
        self.authorize_action(&self.operation().action(), resource, facts)
    }

    /// Whether IAM lets the caller do what another action is for.
    pub(crate) fn authorize_action(
        &self,
        action: &str,
        resource: &str,
        facts: impl FnOnce(&mut Context),
    ) -> Result<(), EksError> {
        let mut context = self.context();
        facts(&mut context);
        self.may(action, resource, &context)
    }

    /// The condition keys of caller, request and cluster.
    pub(crate) fn context(&self) -> Context {
        let mut context = self.who.context(self.request, self.place.region.as_str(), self.now);
        if let Some(cluster) = &self.target.cluster {
            context.set("eks:clusterName", cluster.as_str());
        }
        context
    }

    /// Whether IAM lets the caller do this on a resource, by condition keys that are known.
    pub(crate) fn may(&self, action: &str, resource: &str, context: &Context) -> Result<(), EksError> {
        self.who.may(action, resource, context).map_err(|message| EksError::new(Fault::AccessDenied, message))
    }

    /// [`Call::authorize`] on the cluster in the path, whether it exists or not.
    pub(crate) fn authorize_cluster(
        &self,
        cluster: Option<&ClusterRecord>,
        facts: impl FnOnce(&mut Context),
    ) -> Result<(), EksError> {
        self.authorize(&cluster_arn(self.place, self.cluster_name()), |context| {
            if let Some(cluster) = cluster {
                resource_tags(context, &cluster.tags);
            }
            facts(context);
        })
    }

    /// The cluster in the path, if it exists.
    pub(crate) async fn find_cluster(&self) -> Result<Option<Stored<ClusterRecord>>, EksError> {
        self.load(self.place.cluster(self.cluster_name()), ClusterRecord::parse).await
    }

    /// An entry of a cluster, if it exists.
    pub(crate) async fn find_entry(
        &self,
        cluster: &str,
        principal: &str,
    ) -> Result<Option<Stored<EntryRecord>>, EksError> {
        self.load(self.place.entry(cluster, principal), EntryRecord::parse).await
    }

    pub(super) async fn load<T>(
        &self,
        key: String,
        parse: fn(&[u8]) -> Result<T, String>,
    ) -> Result<Option<Stored<T>>, EksError> {
        // A key over the store's limit names nothing.
        if key.len() > entryway_store::MAX_KEY_BYTES {
            return Ok(None);
        }
        let Some(found) = self.plane.store.get(&key).await? else { return Ok(None) };
        let record = parse(&found.value).map_err(EksError::internal)?;
        Ok(Some(Stored { record, key, modified: found.modified }))
    }

    /// The running cluster of the path.
    pub(crate) fn running(&self) -> Result<std::sync::Arc<Running>, EksError> {
        let name = self.cluster_name();
        self.plane.clusters.get(self.place, name).ok_or_else(|| EksError::no_cluster(name))
    }

    /// The page that is asked for. `bound` is what its token is bound to, besides operation, place and cluster.
    pub(crate) fn page(&self, bound: &str) -> Result<Page, EksError> {
        self.page_up_to(PAGE, bound)
    }

    /// The same where a page may hold so many items, as it does when nothing is said.
    pub(crate) fn page_up_to(&self, most: usize, bound: &str) -> Result<Page, EksError> {
        let limit = match self.query("maxResults") {
            None => most,
            Some(text) => text
                .parse()
                .ok()
                .filter(|n| (1..=most).contains(n) && !text.starts_with('+'))
                .ok_or_else(|| self.bad(format!("maxResults must be a number from 1 to {most}, not {text}")))?,
        };
        let after = match self.query("nextToken") {
            None => None,
            Some(token) => {
                let last = self.plane.page_secret.open(&self.page_request(bound), token);
                Some(last.ok_or_else(|| self.bad("The nextToken parameter is not valid for this request"))?)
            }
        };
        Ok(Page { limit, after })
    }

    /// The answer of a list operation.
    pub(crate) fn paged(&self, member: &str, items: Items<Value>, bound: &str) -> Map<String, Value> {
        let mut all = Map::new();
        all.insert(member.to_owned(), Value::Array(items.items));
        if let Some(last) = items.more_after {
            all.insert("nextToken".to_owned(), json!(self.plane.page_secret.token(&self.page_request(bound), &last)));
        }
        all
    }

    fn page_request(&self, bound: &str) -> String {
        let (account, region) = (&self.place.account, &self.place.region);
        let principal = self.principal();
        format!("{} {account} {region} {} {principal} {bound}", self.operation().name(), self.cluster_name())
    }

    /// Writes a change and its audit record, all or nothing. `None` where a condition did not hold: look again.
    pub(crate) async fn commit(&self, txn: Txn, answer: &Value) -> Result<Option<Revision>, EksError> {
        let (key, record) = audit::of_change(self, answer);
        match self.plane.store.commit(txn.put(key, record)).await? {
            TxnOutcome::Committed(revision) => Ok(Some(revision)),
            TxnOutcome::Conflict { .. } => Ok(None),
        }
    }

    /// Returns once decisions of this process take a change into account.
    pub(crate) async fn in_force(&self, running: &Running, parts: &[Part], revision: Revision) -> Result<(), EksError> {
        for part in parts {
            running.runtime.reached(*part, revision).await.map_err(EksError::internal)?;
        }
        Ok(())
    }
}

/// Tries a change until nobody came in between.
pub(crate) async fn retry<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, EksError>
where
    F: Future<Output = Result<Option<T>, EksError>>,
{
    for _ in 0..TRIES {
        if let Some(done) = attempt().await? {
            return Ok(done);
        }
    }
    Err(EksError::contended())
}

/// `aws:ResourceTag/…`.
pub(crate) fn resource_tags(context: &mut Context, tags: &Tags) {
    for (key, value) in tags {
        context.set(&format!("aws:ResourceTag/{key}"), value.as_str());
    }
}

/// `aws:RequestTag/…` and `aws:TagKeys`.
pub(crate) fn request_tags(context: &mut Context, tags: &Tags) {
    for (key, value) in tags {
        context.set(&format!("aws:RequestTag/{key}"), value.as_str());
    }
    if !tags.is_empty() {
        context.set_all("aws:TagKeys", tags.keys().cloned());
    }
}

//! The few controllers without which access can't be tried, in one task on the store's watch.
//!
//! Each is told of every change of the cluster and keeps its own list of what is left to do; what fails is tried
//! again. One task for all keeps their order plain: a namespace's contents are gone before the namespace is.

use std::sync::Arc;
use std::time::Duration;

use entryway_store::{ChangeBatch, ListOptions, Revision, StoreError};
use serde_json::Value;

use crate::aggregation::Aggregation;
use crate::api::Api;
use crate::definitions::Definitions;
use crate::garbage::Garbage;
use crate::keys;
use crate::namespaces::Namespaces;
use crate::service_accounts::ServiceAccounts;

/// How soon what could not be done is tried again.
const AGAIN: Duration = Duration::from_millis(500);
/// Keys read at once at the start.
const PAGE: usize = 500;

/// A change of one object, read.
pub(crate) struct Seen {
    pub(crate) group: String,
    pub(crate) resource: String,
    /// Empty for objects of the cluster.
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) current: Option<Value>,
    pub(crate) previous: Option<Value>,
}

impl Seen {
    /// Whether it is of this resource.
    pub(crate) fn is(&self, group: &str, resource: &str) -> bool {
        self.group == group && self.resource == resource
    }

    fn read(cluster: &str, key: &str, current: Option<&[u8]>, previous: Option<&[u8]>) -> Option<Seen> {
        let rest = key.strip_prefix(&keys::cluster_prefix(cluster))?;
        let mut parts = rest.splitn(4, '/');
        let (group, resource, namespace, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let value = |bytes: Option<&[u8]>| bytes.and_then(|bytes| serde_json::from_slice(bytes).ok());
        Some(Seen {
            group: if group == "core" { String::new() } else { group.to_owned() },
            resource: resource.to_owned(),
            namespace: if namespace == "_" { String::new() } else { namespace.to_owned() },
            name: name.to_owned(),
            current: value(current),
            previous: value(previous),
        })
    }
}

#[derive(Default)]
struct Controllers {
    definitions: Definitions,
    namespaces: Namespaces,
    service_accounts: ServiceAccounts,
    aggregation: Aggregation,
    garbage: Garbage,
}

impl Controllers {
    fn observe(&mut self, seen: &Seen) {
        self.definitions.observe(seen);
        self.namespaces.observe(seen);
        self.service_accounts.observe(seen);
        self.aggregation.observe(seen);
        self.garbage.observe(seen);
    }

    /// Does what is to be done; whether something is left.
    async fn work(&mut self, api: &Api) -> bool {
        let mut left = self.definitions.work(api).await;
        left |= self.service_accounts.work(api).await;
        left |= self.aggregation.work(api).await;
        left |= self.garbage.work(api).await;
        left | self.namespaces.work(api).await
    }
}

/// Runs the controllers until the cluster stops.
pub(crate) async fn run(api: Arc<Api>) {
    let mut stopping = api.stopping.clone();
    tokio::select! {
        _ = stopping.wait_for(|stopping| *stopping) => {}
        () = keep_running(&api) => {}
    }
}

async fn keep_running(api: &Api) {
    loop {
        if let Err(error) = follow(api).await {
            tracing::warn!(cluster = %api.config.cluster, %error, "the controllers begin anew");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Reads all there is, then follows the changes. Ends when history is gone: begin anew.
async fn follow(api: &Api) -> Result<(), StoreError> {
    let mut controllers = Controllers::default();
    let revision = read_all(api, &mut controllers).await?;
    let prefix = keys::cluster_prefix(&api.config.cluster);
    let mut watch = api.storage.store.watch(&prefix, revision).await?;
    let mut left = controllers.work(api).await;
    loop {
        let again = async {
            if left {
                tokio::time::sleep(AGAIN).await;
            } else {
                std::future::pending().await
            }
        };
        tokio::select! {
            batch = watch.next() => observe(api, &mut controllers, &batch?),
            () = again => {}
        }
        left = controllers.work(api).await;
    }
}

async fn read_all(api: &Api, controllers: &mut Controllers) -> Result<Revision, StoreError> {
    let prefix = keys::cluster_prefix(&api.config.cluster);
    let (mut after, mut at) = (None, None);
    loop {
        let listing = api.storage.store.list(&prefix, ListOptions { after, limit: PAGE, at }).await?;
        at = Some(listing.revision);
        for kv in &listing.items {
            if let Some(seen) = Seen::read(&api.config.cluster, &kv.key, Some(&kv.value), None) {
                controllers.observe(&seen);
            }
        }
        match listing.items.last() {
            Some(last) if listing.remaining > 0 => after = Some(last.key.clone()),
            _ => return Ok(listing.revision),
        }
    }
}

fn observe(api: &Api, controllers: &mut Controllers, batch: &ChangeBatch) {
    for change in &batch.changes {
        let current = change.current.as_ref().map(|kv| kv.value.as_ref());
        let previous = change.previous.as_ref().map(|kv| kv.value.as_ref());
        if let Some(seen) = Seen::read(&api.config.cluster, &change.key, current, previous) {
            controllers.observe(&seen);
        }
    }
}

/// Logs why something has to be tried again.
pub(crate) fn again(what: &str, name: &str, status: &entryway_objects::status::Status) {
    tracing::debug!(what, name, message = %status.message, "tried again later");
}

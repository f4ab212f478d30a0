//! The control plane: what all requests share.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entryway_access::{AccessPolicy, PolicyArn, PolicyCatalogue};
use entryway_sandbox::{BodyBudget, BodyError, BufferedBody};
use entryway_store::{KeyValue, ListOptions, Store, StoreError, Txn, TxnOutcome};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Notify;

use crate::audit::Audit;
use crate::clusters::{ClusterError, Clusters};
use crate::console::Console;
use crate::eks::{ClusterRecord, Creator, EksError, NewCluster, PageSecret, Status, write_new};
use crate::hosts::Hosts;
use crate::http::{MAX_BODY, MAX_UNSIGNED};
use crate::keys::{self, Place};
use crate::metrics::Metrics;
use crate::own_policy;
use crate::start::ClusterInfo;
use crate::who::{Identities, Signed};

/// Memory for bodies of requests to the API port. Strangers can't use up the others'.
pub(crate) struct Bodies {
    /// Of those who show an access key that exists, or a session of the console; each key has a share. A signature
    /// that speaks of the body can be checked only with it, so a share holds what claims to be its key's.
    known: BodyBudget,
    /// Of anybody else; each address has a share.
    strangers: BodyBudget,
}

impl Default for Bodies {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Bodies { known: BodyBudget::new(64 * MIB, 8 * MIB), strangers: BodyBudget::new(16 * MIB, 4 * MIB) }
    }
}

impl Bodies {
    /// Reads a body that comes with an access key.
    pub(crate) async fn of_key(&self, key: &str, body: Body) -> Result<BufferedBody, BodyError> {
        self.known.read(key, body, MAX_BODY).await
    }

    /// Reads a body of nobody in particular.
    pub(crate) async fn of_stranger(&self, peer: IpAddr, body: Body) -> Result<BufferedBody, BodyError> {
        self.strangers.read(&peer.to_string(), body, MAX_UNSIGNED).await
    }
}

/// A running control plane.
pub(crate) struct ControlPlane {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) identities: Identities,
    /// AWS's policies.
    pub(crate) catalogue: PolicyCatalogue,
    pub(crate) clusters: Clusters,
    pub(crate) audit: Arc<Audit>,
    pub(crate) bodies: Bodies,
    pub(crate) page_secret: PageSecret,
    pub(crate) metrics: Metrics,
    pub(crate) console: Console,
    /// What clusters' endpoints are reached by, as it stands in a URL.
    pub(crate) host: String,
    /// By what names browsers may reach it.
    pub(crate) hosts: Hosts,
    /// The certificate authority and its successor, PEM in base64.
    pub(crate) ca: String,
    /// Wakes the sweeper: something was deleted.
    pub(crate) sweep: Notify,
}

impl ControlPlane {
    /// The `cluster` of answers.
    pub(crate) fn show(&self, record: &ClusterRecord, place: &Place, status: Status) -> Value {
        record.to_aws(place, status, &self.host, &self.ca)
    }

    /// Who becomes a cluster's administrator when this caller makes it.
    pub(crate) fn creator(&self, who: &Signed) -> Option<Creator> {
        Some(Creator { principal: who.principal().to_string(), unique_id: Some(who.unique_id().to_owned()) })
    }

    /// A place's own access policies.
    pub(crate) async fn own_policies(&self, place: &Place) -> Result<BTreeMap<PolicyArn, AccessPolicy>, StoreError> {
        let items = self.store.list(&place.policies(), ListOptions::default()).await?.items;
        let parse = |item: &KeyValue| {
            let arn = own_policy::arn(place, &item.key)?;
            let policy = own_policy::parse(arn.name(), &item.value).ok()?;
            Some((arn, policy))
        };
        Ok(items.iter().filter_map(parse).collect())
    }

    /// Every cluster that is in the store.
    pub(crate) async fn cluster_infos(&self) -> Result<Vec<ClusterInfo>, StoreError> {
        let info = |(place, item): &(Place, KeyValue)| {
            let record = ClusterRecord::parse(&item.value).ok()?;
            Some(ClusterInfo {
                arn: record.arn(place),
                region: place.region.to_string(),
                endpoint: record.endpoint(&self.host),
                name: record.name,
            })
        };
        Ok(all_clusters(self.store.as_ref()).await?.iter().filter_map(info).collect())
    }

    /// Starts every cluster that is in the store.
    pub(crate) async fn start_all(&self) -> Result<(), ClusterError> {
        for (place, item) in all_clusters(self.store.as_ref()).await? {
            let record = ClusterRecord::parse(&item.value)
                .map_err(|problem| ClusterError::Sandbox { cluster: item.key.clone(), problem })?;
            let listener = self.clusters.keep_port(&record)?;
            self.clusters.start(&place, &record, listener, item.modified).await?;
        }
        Ok(())
    }

    /// Makes a cluster that has to exist and does not.
    pub(crate) async fn ensure_cluster(
        &self,
        new: NewCluster,
        creator: Option<Creator>,
        place: &Place,
        now: Timestamp,
    ) -> Result<(), ClusterError> {
        let name = new.name.to_string();
        if self.clusters.get(place, &name).is_some() {
            return Ok(());
        }
        let problem = |error: EksError| ClusterError::Sandbox { cluster: name.clone(), problem: error.message };
        let (listener, port) = self.clusters.take_port().await?;
        let (record, entry) = new.build(creator, port, place, now).map_err(problem)?;
        let txn = write_new(&record, entry.as_ref(), place).map_err(problem)?;
        match self.store.commit(txn).await? {
            TxnOutcome::Committed(revision) => self.clusters.start(place, &record, listener, revision).await,
            TxnOutcome::Conflict { .. } => Err(ClusterError::Sandbox {
                cluster: name.clone(),
                problem: "it was made by another process".to_owned(),
            }),
        }
    }
}

/// The key that pagination tokens are signed with: made once.
pub(crate) async fn page_secret(store: &dyn Store) -> Result<PageSecret, StoreError> {
    let fresh: [u8; 32] = rand::random();
    let txn = Txn::new().absent(keys::PAGE_SECRET).put(keys::PAGE_SECRET, STANDARD.encode(fresh));
    if let Some(found) = store.get(keys::PAGE_SECRET).await?
        && let Ok(bytes) = STANDARD.decode(&found.value)
        && let Ok(secret) = bytes.try_into()
    {
        return Ok(PageSecret(secret));
    }
    match store.commit(txn).await? {
        TxnOutcome::Committed(_) => Ok(PageSecret(fresh)),
        TxnOutcome::Conflict { .. } => Err(StoreError::Unavailable(format!("`{}` is damaged", keys::PAGE_SECRET))),
    }
}

/// The records of all clusters: from place to place, since entries are many.
pub(crate) async fn all_clusters(store: &dyn Store) -> Result<Vec<(Place, KeyValue)>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let first =
            store.list(keys::CLUSTERS_ROOT, ListOptions { after, limit: 1, at: None }).await?.items.into_iter().next();
        let Some(place) = first.and_then(|item| keys::place_of(&item.key)) else { return Ok(all) };
        for item in store.list(&place.clusters(), ListOptions::default()).await?.items {
            all.push((place.clone(), item));
        }
        after = Some(place.after_all());
    }
}

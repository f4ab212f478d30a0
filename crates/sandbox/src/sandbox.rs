//! A running cluster.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use entryway_objects::registry::Registry;
use entryway_store::{ListOptions, Store, StoreError, Txn};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api::{Api, serve};
use crate::config::SandboxConfig;
use crate::storage::Storage;
use crate::{bootstrap, controllers, definitions, keys};

/// Keys removed in one transaction.
const REMOVED_AT_ONCE: usize = 500;

/// A cluster could not be started.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the sandbox cluster {cluster} could not start: {problem}")]
pub struct StartError {
    /// The cluster's id.
    cluster: String,
    /// What went wrong.
    problem: String,
}

/// A Kubernetes API server for one cluster, and its controllers.
///
/// It serves until [`Sandbox::shutdown`] (or until it is dropped); its objects stay in the store until
/// [`Sandbox::delete`].
#[derive(Debug)]
pub struct Sandbox {
    router: Router,
    stop: watch::Sender<bool>,
    controllers: JoinHandle<()>,
}

impl Sandbox {
    /// Starts the cluster: creates what a new one holds, once, and runs its controllers. Needs a tokio runtime.
    ///
    /// The caller's [`crate::Authority`] may still be without a snapshot of the new RBAC objects when this returns;
    /// it is asked at each request.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn start(config: SandboxConfig) -> Result<Sandbox, StartError> {
        let cluster = config.cluster.clone();
        let failed = |problem: String| StartError { cluster: cluster.clone(), problem };
        let (stop, stopping) = watch::channel(false);
        let storage = Storage::new(config.store.clone(), config.cluster.clone());
        let mut api = Api {
            config,
            storage,
            registry: ArcSwap::from_pointee(Registry::builtin()),
            last_modes: Default::default(),
            watched: Default::default(),
            born: 0,
            stopping,
        };
        api.born = bootstrap::bootstrap(&api).await.map_err(|status| failed(status.message))?;
        definitions::refresh(&api).await.map_err(|status| failed(status.message))?;
        let api = Arc::new(api);
        let controllers = tokio::spawn(controllers::run(api.clone()));
        let router = Router::new().fallback(serve).with_state(api);
        Ok(Sandbox { router, stop, controllers })
    }

    /// The HTTP service: every path of the Kubernetes API. TLS and listeners are the caller's.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Ends watches and controllers, and waits for the latter. Requests under way are answered; the router answers
    /// on, but nothing keeps house any more.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.controllers.await {
            tracing::error!(%error, "the controllers did not end well");
        }
    }

    /// Removes all objects of a cluster that no longer runs.
    ///
    /// # Errors
    /// When the store refuses; what was removed until then is gone.
    pub async fn delete(store: &dyn Store, cluster: &str) -> Result<(), StoreError> {
        let prefix = keys::cluster_prefix(cluster);
        loop {
            let options = ListOptions { limit: REMOVED_AT_ONCE, ..ListOptions::default() };
            let listing = store.list(&prefix, options).await?;
            if listing.items.is_empty() {
                return Ok(());
            }
            let txn = listing.items.iter().fold(Txn::new(), |txn, kv| txn.delete(&kv.key));
            // Without conditions, nothing can stand in the way.
            let _ = store.commit(txn).await?;
        }
    }
}

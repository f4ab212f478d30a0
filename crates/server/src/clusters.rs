//! The clusters that run in this process: each with what is in force on it, and its Kubernetes endpoint.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use entryway_access::{PolicyCatalogue, Snapshot, UserInfo};
use entryway_directory::Directory;
use entryway_iam::token::{self, ParsedToken, Sources, TokenRules};
use entryway_sandbox::{Authority, Sandbox, Unauthenticated};
use entryway_store::{Revision, Store, StoreError};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::eks::{ClusterRecord, EksError, Fault, MAX_ENTRIES};
use crate::keys::Place;
use crate::port;
use crate::runtime::{Part, Runtime};
use crate::serve;
use crate::sign_ins::SignIns;

/// Why a cluster does not run.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The port that a cluster keeps is in use.
    #[error(
        "the Kubernetes endpoint of cluster `{cluster}` needs {address}, which is in use by {holder}; stop that first"
    )]
    PortTaken {
        /// The cluster's name.
        cluster: String,
        /// The address that it keeps.
        address: SocketAddr,
        /// Who has it, as far as the system tells.
        holder: String,
    },
    /// No port is free for a new cluster.
    #[error("no port from {first} to {last} is free for a new cluster; name others with --cluster-ports")]
    NoPort {
        /// The first port of the range.
        first: u16,
        /// The last.
        last: u16,
    },
    /// The address can't be listened on for another reason.
    #[error("can't listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        error: std::io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The Kubernetes API could not be set up.
    #[error("the Kubernetes API of cluster `{cluster}` could not be set up: {problem}")]
    Sandbox {
        /// The cluster's name.
        cluster: String,
        /// Why.
        problem: String,
    },
}

/// What every cluster needs.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) directory: Directory,
    /// Counts the directory's changes.
    pub(crate) identities: Arc<AtomicU64>,
    pub(crate) catalogue: PolicyCatalogue,
    pub(crate) tls: Arc<rustls::ServerConfig>,
    pub(crate) ca_pem: String,
    /// Where endpoints listen.
    pub(crate) address: IpAddr,
    /// Ports for new clusters; none for any free one.
    pub(crate) ports: Option<RangeInclusive<u16>>,
    /// What tokens may be signed for: this control plane's own addresses.
    pub(crate) local_endpoints: Vec<String>,
    /// What clusters' endpoints are reached by, as it stands in a URL.
    pub(crate) host: String,
}

/// All running clusters.
pub(crate) struct Clusters {
    shared: Arc<Shared>,
    running: RwLock<BTreeMap<(Place, String), Arc<Running>>>,
}

/// A running cluster.
pub(crate) struct Running {
    pub(crate) id: String,
    pub(crate) runtime: Arc<Runtime>,
    /// Who signed in to it.
    pub(crate) sign_ins: Arc<SignIns>,
    /// Its Kubernetes API, for requests from within the process.
    pub(crate) kubernetes: axum::Router,
    /// Entries that are being created.
    creating: AtomicUsize,
    stop: watch::Sender<bool>,
    /// Ends when its endpoint and its controllers have.
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Clusters {
    pub(crate) fn new(shared: Shared) -> Self {
        Clusters { shared: Arc::new(shared), running: RwLock::default() }
    }

    /// The running cluster of a name.
    pub(crate) fn get(&self, place: &Place, name: &str) -> Option<Arc<Running>> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.get(&(place.clone(), name.to_owned())).cloned()
    }

    /// An address that tokens for the clusters may be signed for, as scheme and authority.
    pub(crate) fn token_endpoint(&self) -> &str {
        self.shared.local_endpoints.first().map_or("http://127.0.0.1", String::as_str)
    }

    /// Whether a cluster of that id is running.
    pub(crate) fn has_id(&self, id: &str) -> bool {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.values().any(|running| running.id == id)
    }

    /// The running clusters of a place.
    pub(crate) fn of(&self, place: &Place) -> Vec<Arc<Running>> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.iter().filter(|((at, _), _)| at == place).map(|(_, running)| Arc::clone(running)).collect()
    }

    /// How many run.
    pub(crate) fn count(&self) -> usize {
        self.running.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// How many entries they have together.
    pub(crate) fn entry_count(&self) -> usize {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.values().map(|running| running.runtime.entry_count()).sum()
    }

    /// A listener for a new cluster, on the first free port.
    pub(crate) async fn take_port(&self) -> Result<(TcpListener, u16), ClusterError> {
        let address = |port| SocketAddr::new(self.shared.address, port);
        let Some(ports) = self.shared.ports.clone() else {
            let any = address(0);
            let listener = port::listen(any).map_err(|error| ClusterError::Listen { address: any, error })?;
            let port = listener.local_addr().map_err(|error| ClusterError::Listen { address: any, error })?.port();
            return Ok((listener, port));
        };
        let (first, last) = (*ports.start(), *ports.end());
        for port in ports {
            match port::listen(address(port)) {
                Ok(listener) => return Ok((listener, port)),
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(ClusterError::Listen { address: address(port), error }),
            }
        }
        Err(ClusterError::NoPort { first, last })
    }

    /// The listener of a cluster that keeps its port.
    pub(crate) fn keep_port(&self, record: &ClusterRecord) -> Result<TcpListener, ClusterError> {
        let address = SocketAddr::new(self.shared.address, record.port);
        port::listen(address).map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => ClusterError::PortTaken {
                cluster: record.name.clone(),
                address,
                holder: port::holder(record.port).unwrap_or_else(|| "another process".to_owned()),
            },
            _ => ClusterError::Listen { address, error },
        })
    }

    /// Starts a cluster whose record is in the store, up to `revision`.
    pub(crate) async fn start(
        &self,
        place: &Place,
        record: &ClusterRecord,
        listener: TcpListener,
        revision: Revision,
    ) -> Result<(), ClusterError> {
        let shared = &self.shared;
        let (runtime, keeper) =
            Runtime::start(Arc::clone(&shared.store), place, record, shared.catalogue.clone()).await?;
        if let Err(error) = runtime.reached(Part::Entries, revision).await {
            tracing::error!(cluster = record.name, %error, "started all the same");
        }
        let sign_ins = Arc::new(SignIns::load(shared.store.as_ref(), &record.id, Timestamp::now()).await?);
        let authority = Arc::new(ClusterAuthority {
            cluster: record.name.clone(),
            place: place.clone(),
            shared: Arc::clone(shared),
            runtime: Arc::clone(&runtime),
            sign_ins: Arc::clone(&sign_ins),
        });
        let (sandbox, wrote) = crate::kubernetes::start(shared, record, authority)
            .await
            .map_err(|problem| ClusterError::Sandbox { cluster: record.name.clone(), problem })?;
        // What a new cluster begins with decides from its first request on.
        if let Some(revision) = wrote
            && let Err(error) = runtime.reached(Part::Objects, revision).await
        {
            tracing::error!(cluster = record.name, %error, "started all the same");
        }
        let (stop, stopping) = watch::channel(false);
        let tls = TlsAcceptor::from(Arc::clone(&shared.tls));
        let kubernetes = crate::kubernetes::guarded(sandbox.router());
        let serving = serve::serve(listener, Some(tls), kubernetes.clone(), stopping.clone());
        let counting = Arc::clone(&sign_ins).keep(Arc::clone(&shared.store), stopping.clone());
        let task = tokio::spawn(run(sandbox, serving, counting, keeper, stopping));
        let running = Running {
            id: record.id.clone(),
            runtime,
            sign_ins,
            kubernetes,
            creating: AtomicUsize::new(0),
            stop,
            task: Mutex::new(Some(task)),
        };
        let key = (place.clone(), record.name.clone());
        self.running.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::new(running));
        Ok(())
    }

    /// Stops the cluster of that name and id, if it is that one that runs.
    pub(crate) fn stop(&self, place: &Place, name: &str, id: &str) {
        let mut running = self.running.write().unwrap_or_else(PoisonError::into_inner);
        let key = (place.clone(), name.to_owned());
        if running.get(&key).is_some_and(|found| found.id == id)
            && let Some(found) = running.remove(&key)
        {
            found.stop.send_replace(true);
        }
    }

    /// Stops all, and waits until they have stopped.
    pub(crate) async fn stop_all(&self) {
        let running = std::mem::take(&mut *self.running.write().unwrap_or_else(PoisonError::into_inner));
        for found in running.values() {
            found.stop.send_replace(true);
        }
        for found in running.into_values() {
            let task = found.task.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(task) = task {
                let _ = task.await;
            }
        }
    }
}

/// Serves a cluster until it is stopped. Watches are told first, so that their connections end.
async fn run(
    sandbox: Sandbox,
    serving: impl Future<Output = ()>,
    counting: impl Future<Output = ()>,
    keeper: JoinHandle<()>,
    mut stopping: watch::Receiver<bool>,
) {
    let shutdown = async {
        let _ = stopping.wait_for(|stop| *stop).await;
        sandbox.shutdown().await;
    };
    tokio::join!(serving, counting, shutdown);
    keeper.abort();
    let _ = keeper.await;
}

/// A place among a cluster's entries, held while one is being created.
pub(crate) struct Reserved<'a>(&'a Running);

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.0.creating.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Running {
    /// Reserves a place for a new entry, by EKS's quota.
    pub(crate) fn reserve(&self) -> Result<Reserved<'_>, EksError> {
        let others = self.creating.fetch_add(1, Ordering::AcqRel);
        let reserved = Reserved(self);
        if self.runtime.entry_count().saturating_add(others) < MAX_ENTRIES {
            return Ok(reserved);
        }
        Err(EksError::new(
            Fault::ResourceLimitExceeded,
            format!("The maximum number of access entries for the cluster has been reached: {MAX_ENTRIES}"),
        ))
    }
}

/// What the Kubernetes API of one cluster asks.
struct ClusterAuthority {
    cluster: String,
    place: Place,
    shared: Arc<Shared>,
    runtime: Arc<Runtime>,
    sign_ins: Arc<SignIns>,
}

impl ClusterAuthority {
    /// Whose token it is, by the local identities. No error holds the token.
    /// `shown` is when it came.
    async fn caller(&self, token: &str, shown: Timestamp) -> Result<entryway_access::Caller, String> {
        let directory = &self.shared.directory;
        let rules = TokenRules {
            partition: self.place.partition(),
            local_endpoints: &self.shared.local_endpoints,
            sources: Sources::Local,
        };
        let parsed = token::parse(token.as_bytes(), &rules, |key| directory.is_local_key(key), shown);
        let local = match parsed.map_err(|error| error.to_string())? {
            ParsedToken::Local(local) => local,
            ParsedToken::Sts(_) => return Err(token::TokenError::UnknownKey.to_string()),
        };
        let found = directory.credentials(local.access_key_id()).await.map_err(|error| error.to_string())?;
        let credential = found.ok_or_else(|| token::TokenError::UnknownKey.to_string())?;
        local.verify(&credential.credentials, &self.cluster, shown).map_err(|error| error.to_string())?;
        if credential.is_expired(shown) {
            return Err("the session that the token was signed with has ended".to_owned());
        }
        let caller = directory.identity(&credential).await.map_err(|error| error.to_string())?;
        caller.ok_or_else(|| "the role or user of the token's key does not exist any more".to_owned())
    }
}

#[async_trait]
impl Authority for ClusterAuthority {
    async fn authenticate(&self, token: &str, shown: Timestamp) -> Result<UserInfo, Unauthenticated> {
        let now = Timestamp::now();
        let caller = self.caller(token, shown).await.map_err(Unauthenticated)?;
        match self.runtime.current().identity(&caller, None, now) {
            Some(identity) => {
                self.sign_ins.note(&caller.principal, &identity.source, now);
                Ok(identity.user)
            }
            None => Err(Unauthenticated(format!("no access entry or aws-auth line maps {}", caller.arn))),
        }
    }

    fn identities(&self) -> u64 {
        self.shared.identities.load(Ordering::Acquire)
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.runtime.current()
    }

    async fn reached(&self, revision: Revision) {
        if let Err(error) = self.runtime.reached(Part::Objects, revision).await {
            tracing::error!(cluster = self.cluster, %error, "answered all the same");
        }
    }
}

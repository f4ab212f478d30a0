//! Starting a control plane on this machine, and stopping it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entryway_access::{AuthenticationMode, Partition, PolicyCatalogue, PrincipalArn, PrincipalKind};
use entryway_directory::{ADMIN_USER, Directory, DirectoryError};
use entryway_store::{Compactor, EmbeddedStore, Keep, Store, StoreError, spawn_compactor};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::audit::{Audit, ChangeRecorder};
use crate::clusters::{ClusterError, Clusters, Shared};
use crate::config::ServerConfig;
use crate::eks::{Creator, DEFAULT_VERSION, NewCluster, Settings, Tags, VpcConfig};
use crate::folder::{self, FolderError};
use crate::hosts::Hosts;
use crate::keys::Place;
use crate::pki::{Pki, PkiError};
use crate::plane::{Bodies, ControlPlane, page_secret};
use crate::who::{Identities, Principal};
use crate::{http, port, serve, sweep};

/// Why a control plane did not start. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another one runs on the data folder.
    #[error("entryway is running on {data} already (process {pid}{}); use it, or stop it first", at(.api))]
    Running {
        /// The data folder.
        data: String,
        /// Its process.
        pid: u32,
        /// Its API's URL, where it has said so.
        api: Option<String>,
    },
    /// The address is not loopback, and nobody said that this is meant.
    #[error(
        "{0} can be reached from other machines, in plain HTTP; listen on 127.0.0.1, or say --allow-remote for a \
         container's published port"
    )]
    Remote(SocketAddr),
    /// The API's address is in use.
    #[error("{address} is in use by {holder}; stop that, or name another address with --listen")]
    AddressTaken {
        /// The address.
        address: SocketAddr,
        /// Who has it, as far as the system tells.
        holder: String,
    },
    /// The API's address can't be listened on.
    #[error("can't listen on {address}: {error}; name another address with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        error: std::io::Error,
    },
    /// The clock can't be right.
    #[error(
        "this machine's clock says {0}, which can't be; set it, for certificates and signatures are good for a time only"
    )]
    Clock(Timestamp),
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The identities.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The certificates.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// A cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

fn at(api: &Option<String>) -> String {
    api.as_ref().map(|api| format!(" at {api}")).unwrap_or_default()
}

/// What runs and where: also `run.json` of the data folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    /// The process.
    pub pid: u32,
    /// The API's URL.
    pub api: String,
    /// The data folder, absolute.
    pub data: PathBuf,
    /// The region that the configured clusters are in.
    pub region: String,
    /// The account.
    pub account: String,
    /// The configured clusters.
    pub clusters: Vec<ClusterInfo>,
}

/// A cluster that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterInfo {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its region.
    pub region: String,
    /// The URL of its Kubernetes endpoint.
    pub endpoint: String,
}

/// No control plane has run before: 2024 in UTC, where certificates begin. Machines whose clock has lost its battery
/// say 1970.
const EARLIEST: Timestamp = Timestamp::constant(1_704_067_200, 0);

/// What `run.json` is called.
pub const RUN_FILE: &str = "run.json";
/// What the file with the first administrator's keys is called.
pub const ADMIN_FILE: &str = "admin.json";

/// The first administrator's keys, as `admin.json` holds them.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AdminFile {
    /// The IAM user.
    pub user_name: String,
    /// Its ARN.
    pub arn: String,
    /// The key's id.
    pub access_key_id: String,
    /// The key's secret.
    pub secret_access_key: String,
}

impl std::fmt::Debug for AdminFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdminFile").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// A running control plane. Dropping it stops it at once; [`Running::shutdown`] does it with care.
#[derive(Debug)]
pub struct Running {
    info: RunInfo,
    plane: Arc<ControlPlane>,
    stop: watch::Sender<bool>,
    api: JoinHandle<()>,
    stop_audit: watch::Sender<bool>,
    background: Vec<JoinHandle<()>>,
    compactor: Compactor,
}

impl Running {
    /// What runs and where.
    pub fn info(&self) -> &RunInfo {
        &self.info
    }

    /// A link to the console that signs in as the administrator, once; `None` where there is no administrator's key.
    pub fn console_link(&self) -> Option<String> {
        let key = read_admin_file(&self.info.data)?.access_key_id;
        let secret = self.plane.console.links.make(&key, Timestamp::now());
        Some(format!("{}{}", self.info.api, crate::console::link_path(&secret)))
    }

    #[cfg(test)]
    pub(crate) fn plane(&self) -> &Arc<ControlPlane> {
        &self.plane
    }

    /// Stops: no new requests, those under way get a second, audit records are written, `run.json` is removed.
    pub async fn shutdown(self) {
        let Running { info, plane, stop, api, stop_audit, background, compactor } = self;
        stop.send_replace(true);
        let _ = tokio::join!(api, plane.clusters.stop_all());
        // After the last request, so that its record is written.
        stop_audit.send_replace(true);
        for task in background {
            let _ = task.await;
        }
        let _ = std::fs::remove_file(info.data.join(RUN_FILE));
        drop(compactor);
        // Nobody else holds the store any more: this closes it.
        drop(plane);
        tracing::info!("stopped");
    }
}

impl std::fmt::Debug for ControlPlane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ControlPlane").field("host", &self.host).finish_non_exhaustive()
    }
}

/// Starts a control plane; returns when everything answers.
///
/// # Errors
/// [`StartError`] says what stands in the way and what to do about it.
pub async fn start(config: ServerConfig) -> Result<Running, StartError> {
    start_at(config, Timestamp::now()).await
}

/// The same, at a time of the caller's.
pub(crate) async fn start_at(config: ServerConfig, now: Timestamp) -> Result<Running, StartError> {
    start_over(config, now, |store| Arc::new(store)).await
}

/// The same, over what becomes of the folder's store.
pub(crate) async fn start_over(
    config: ServerConfig,
    now: Timestamp,
    over: impl FnOnce(EmbeddedStore) -> Arc<dyn Store>,
) -> Result<Running, StartError> {
    if now < EARLIEST {
        return Err(StartError::Clock(now));
    }
    if !config.listen.ip().is_loopback() {
        if !config.allow_remote {
            return Err(StartError::Remote(config.listen));
        }
        tracing::warn!(listen = %config.listen, "other machines can reach the API, in plain HTTP");
    }
    let data = folder::open(&config.data)?;
    let store = over(open_store(&data)?);
    let partition = Partition::of_region(&config.region);
    let recorder = ChangeRecorder::new(Arc::clone(&store));
    let identities = recorder.changes();
    let directory = Directory::open(Arc::new(recorder)).await?;
    directory.ensure_account(partition, &config.account, now).await?;
    let administrator = write_admin(&data, &directory, partition, &config).await?;

    let listener = port::listen(config.listen).map_err(|error| listen_error(config.listen, error))?;
    let address = listener.local_addr().map_err(|error| StartError::Listen { address: config.listen, error })?;
    let pki = Arc::new(Pki::open(&data, config.public_hosts.iter().map(|host| host.name.as_str()), now)?);
    let catalogue = PolicyCatalogue::builtin();
    let clusters = Clusters::new(Shared {
        store: Arc::clone(&store),
        directory: directory.clone(),
        identities,
        catalogue: catalogue.clone(),
        tls: pki.tls(now)?,
        ca_pem: pki.bundle_pem().to_owned(),
        address: address.ip(),
        ports: (config.listen.port() != 0).then(|| config.cluster_ports.clone()),
        local_endpoints: local_endpoints(&config, address),
        host: endpoint_host(&config, address.ip()),
    });
    let (stop, stopping) = watch::channel(false);
    let (stop_audit, stopping_audit) = watch::channel(false);
    let (audit, audit_tasks) = Audit::start(Arc::clone(&store), config.audit, stopping_audit);
    let plane = Arc::new(ControlPlane {
        page_secret: page_secret(store.as_ref()).await?,
        store,
        identities: Identities { directory },
        catalogue,
        clusters,
        audit,
        bodies: Bodies::default(),
        metrics: crate::metrics::Metrics::default(),
        console: crate::console::Console::default(),
        host: endpoint_host(&config, address.ip()),
        hosts: Hosts::new(&config.public_hosts),
        ca: STANDARD.encode(pki.bundle_pem()),
        sweep: Notify::new(),
    });
    plane.start_all().await?;
    let place = Place { account: config.account.clone(), region: config.region.clone() };
    let clusters = configured_clusters(&plane, &config, &place, administrator, now).await?;

    let info = RunInfo {
        pid: std::process::id(),
        api: format!("http://{}:{}", url_host(reachable(address.ip())), address.port()),
        data: data.clone(),
        region: config.region.to_string(),
        account: config.account.to_string(),
        clusters,
    };
    folder::write_passing(&data.join(RUN_FILE), json!(info).to_string().as_bytes())?;
    let api = tokio::spawn(serve::serve(listener, None, http::router(Arc::clone(&plane)), stopping.clone()));
    let mut background = Vec::from(audit_tasks);
    background.push(tokio::spawn(sweep::run(Arc::clone(&plane), stopping)));
    tracing::info!(api = info.api, "ready");
    let compactor = spawn_compactor(&plane.store, Keep::default());
    Ok(Running { info, plane, stop, api, stop_audit, background, compactor })
}

/// What `run.json` of a data folder says, if it has one. The process may have died since.
pub fn read_run_file(data: &Path) -> Option<RunInfo> {
    serde_json::from_str(&folder::read(&data.join(RUN_FILE)).ok()??).ok()
}

/// What `admin.json` of a data folder says, if it has one.
pub fn read_admin_file(data: &Path) -> Option<AdminFile> {
    serde_json::from_str(&folder::read(&data.join(ADMIN_FILE)).ok()??).ok()
}

fn open_store(data: &Path) -> Result<EmbeddedStore, StartError> {
    EmbeddedStore::open(data).map_err(|error| match error {
        StoreError::InUse { .. } => match read_run_file(data) {
            Some(run) => StartError::Running { data: data.display().to_string(), pid: run.pid, api: Some(run.api) },
            None => error.into(),
        },
        other => other.into(),
    })
}

fn listen_error(address: SocketAddr, error: std::io::Error) -> StartError {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            let holder = port::holder(address.port()).unwrap_or_else(|| "another process".to_owned());
            StartError::AddressTaken { address, holder }
        }
        _ => StartError::Listen { address, error },
    }
}

/// Writes `admin.json`, as long as the key in it exists; gives the administrator, who is the configured clusters'
/// creator.
async fn write_admin(
    data: &Path,
    directory: &Directory,
    partition: Partition,
    config: &ServerConfig,
) -> Result<Option<Creator>, StartError> {
    let kind = PrincipalKind::User { path: "/".to_owned(), name: ADMIN_USER.to_owned() };
    let Ok(admin) = PrincipalArn::new(partition, config.account.clone(), kind) else { return Ok(None) };
    if let Some(key) = directory.administrator(&config.account).await? {
        let file = AdminFile {
            user_name: ADMIN_USER.to_owned(),
            arn: admin.to_string(),
            access_key_id: key.access_key_id.clone(),
            secret_access_key: key.secret.expose().to_owned(),
        };
        folder::write(&data.join(ADMIN_FILE), json!(file).to_string().as_bytes())?;
    }
    let identities = Identities { directory: directory.clone() };
    Ok(match identities.principal(&admin).await? {
        Principal::Known(id) => Some(Creator { principal: admin.to_string(), unique_id: Some(id) }),
        // Deleted since: then nobody is the creator of clusters made from now on.
        Principal::Missing | Principal::Elsewhere => None,
    })
}

async fn configured_clusters(
    plane: &ControlPlane,
    config: &ServerConfig,
    place: &Place,
    administrator: Option<Creator>,
    now: Timestamp,
) -> Result<Vec<ClusterInfo>, StartError> {
    for name in &config.clusters {
        let new = NewCluster {
            name: name.clone(),
            version: DEFAULT_VERSION.to_owned(),
            role_arn: format!("arn:{}:iam::{}:role/entryway-cluster", place.partition(), place.account),
            mode: AuthenticationMode::ApiAndConfigMap,
            bootstrap: true,
            vpc: VpcConfig::default(),
            settings: Settings::default(),
            tags: Tags::new(),
        };
        plane.ensure_cluster(new, administrator.clone(), place, now).await?;
    }
    Ok(plane.cluster_infos().await?)
}

/// The addresses that tokens and requests may be made for, as scheme and authority.
fn local_endpoints(config: &ServerConfig, address: SocketAddr) -> Vec<String> {
    let url = |host: &str, port: u16| match port {
        80 => format!("http://{host}"),
        port => format!("http://{host}:{port}"),
    };
    let mut all: Vec<String> =
        ["127.0.0.1", "localhost", "[::1]"].into_iter().map(|host| url(host, address.port())).collect();
    let own = (!address.ip().is_unspecified()).then(|| url(&url_host(address.ip().to_string()), address.port()));
    let public = config.public_hosts.iter().map(|host| {
        let port = host.port.unwrap_or(address.port());
        url(&url_host(host.name.clone()), port)
    });
    for further in own.into_iter().chain(public) {
        if !all.contains(&further) {
            all.push(further);
        }
    }
    all
}

/// What clusters' endpoints are reached by: the first public name, else this machine.
fn endpoint_host(config: &ServerConfig, address: IpAddr) -> String {
    match config.public_hosts.first() {
        Some(host) => url_host(host.name.clone()),
        None => url_host(reachable(address)),
    }
}

/// An address that leads to a listener on `address` from this machine.
fn reachable(address: IpAddr) -> String {
    if address.is_unspecified() { Ipv4Addr::LOCALHOST.to_string() } else { address.to_string() }
}

/// A host as it stands in a URL.
fn url_host(host: String) -> String {
    if host.contains(':') { format!("[{host}]") } else { host }
}

//! A cluster for tests: a store in memory, and callers by name instead of AWS.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::sync::Arc;

use async_trait::async_trait;
use entryway_access::{
    AccessEntry, AccessScope, Association, AuthenticationMode, AwsAuth, Caller, ClusterModel, EntryType, Partition,
    PolicyCatalogue, RbacObjects, Snapshot, Template, UserInfo,
};
use entryway_sandbox::{Authority, BodyBudget, Sandbox, SandboxConfig, ServiceAccountKey, Unauthenticated, keys};
use entryway_store::{ListOptions, MemoryStore, Revision, Store};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

pub const CLUSTER: &str = "0c8e1f1e-6d3c-4f0e-9d2b-3f1b4f6f9b60";
pub const ACCOUNT: &str = "111122223333";
/// Two certificates, as the recorded server had.
pub const CA: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n";
/// The recorded caller: an access policy allows him everything; he is not in `system:masters`.
pub const ADMIN: &str = "k8s-aws-v1.admin";
/// Somebody with an entry and no policy.
pub const NOBODY: &str = "k8s-aws-v1.nobody";

/// Knows `k8s-aws-v1.NAME` as the IAM user NAME, where there is an entry for it.
pub struct TestAuthority {
    store: Arc<dyn Store>,
    snapshot: std::sync::RwLock<Arc<Snapshot>>,
    reached: watch::Sender<Revision>,
    /// Users that are gone.
    gone: std::sync::Mutex<Vec<String>>,
}

fn entry(name: &str, policies: Vec<Association>) -> Arc<AccessEntry> {
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/{name}");
    Arc::new(AccessEntry {
        principal: arn.parse().unwrap(),
        unique_id: None,
        kind: EntryType::Standard,
        username: Template::new(arn),
        groups: Vec::new(),
        policies,
        expires: None,
    })
}

impl TestAuthority {
    pub fn new(store: Arc<dyn Store>) -> Arc<Self> {
        let catalogue = PolicyCatalogue::builtin();
        let admin = catalogue.resolve("AmazonEKSClusterAdminPolicy", Partition::Aws).unwrap();
        let model = ClusterModel {
            mode: AuthenticationMode::ApiAndConfigMap,
            entries: vec![
                entry("admin", vec![Association { policy: admin, scope: AccessScope::Cluster, expires: None }]),
                entry("nobody", Vec::new()),
            ],
            aws_auth: AwsAuth::default(),
            rbac: RbacObjects::default(),
            catalogue,
            bootstrap_creator: None,
        };
        let snapshot = std::sync::RwLock::new(Arc::new(Snapshot::compile(model)));
        let this = Arc::new(Self { store, snapshot, reached: watch::channel(0).0, gone: Default::default() });
        tokio::spawn(this.clone().follow());
        this
    }

    /// Deletes a user.
    pub fn forget(&self, name: &str) {
        self.gone.lock().unwrap().push(name.to_owned());
    }

    /// Lets an entry end at a time.
    pub fn end(&self, name: &str, at: Timestamp) {
        let snapshot = self.snapshot();
        let principal = entry(name, Vec::new()).principal.clone();
        let mut ending = AccessEntry::clone(snapshot.entry(&principal).unwrap());
        ending.expires = Some(at);
        *self.snapshot.write().unwrap() = Arc::new(snapshot.with_entry(Arc::new(ending)));
    }

    /// Keeps the snapshot current.
    async fn follow(self: Arc<Self>) {
        let prefix = keys::cluster_prefix(CLUSTER);
        let decides = [
            keys::resource_prefix(CLUSTER, "rbac.authorization.k8s.io", ""),
            keys::object_key(CLUSTER, "", "configmaps", Some("kube-system"), "aws-auth"),
        ];
        let decides = decides.map(|key| key.trim_end_matches('/').to_owned());
        let mut at = self.reload().await;
        let mut changes = self.store.watch(&prefix, at).await.unwrap();
        loop {
            self.reached.send_replace(at);
            let Ok(batch) = changes.next().await else {
                at = self.reload().await;
                changes = self.store.watch(&prefix, at).await.unwrap();
                continue;
            };
            at = batch.revision;
            if batch.changes.iter().any(|change| decides.iter().any(|key| change.key.starts_with(key))) {
                at = at.max(self.reload().await);
            }
        }
    }

    async fn reload(&self) -> Revision {
        let prefix = keys::cluster_prefix(CLUSTER);
        let rbac = format!("{prefix}rbac.authorization.k8s.io/");
        let listing = self.store.list(&rbac, ListOptions::default()).await.unwrap();
        let values: Vec<Value> = listing.items.iter().map(|kv| serde_json::from_slice(&kv.value).unwrap()).collect();
        let (rbac, _problems) = RbacObjects::from_values(&values);
        let key = keys::object_key(CLUSTER, "", "configmaps", Some("kube-system"), "aws-auth");
        let aws_auth = match self.store.get(&key).await.unwrap() {
            Some(kv) => {
                let map: Value = serde_json::from_slice(&kv.value).unwrap();
                let data = serde_json::from_value(map["data"].clone()).unwrap_or_default();
                AwsAuth::parse(&data).0
            }
            None => AwsAuth::default(),
        };
        let next = self.snapshot().with_rbac(rbac).with_aws_auth(aws_auth);
        *self.snapshot.write().unwrap() = Arc::new(next);
        listing.revision
    }
}

#[async_trait]
impl Authority for TestAuthority {
    async fn authenticate(&self, token: &str, _shown: Timestamp) -> Result<UserInfo, Unauthenticated> {
        let name = token.strip_prefix("k8s-aws-v1.").ok_or_else(|| Unauthenticated("no IAM token".into()))?;
        if self.gone.lock().unwrap().iter().any(|gone| gone == name) {
            return Err(Unauthenticated("the user is gone".into()));
        }
        let id = format!("AIDA{}", name.to_uppercase());
        let arn = format!("arn:aws:iam::{ACCOUNT}:user/{name}");
        let caller =
            Caller::from_sts(ACCOUNT, &arn, &id, "AKIAX").map_err(|error| Unauthenticated(error.to_string()))?;
        let identity = self.snapshot().identity(&caller, None, Timestamp::now());
        identity.map(|identity| identity.user).ok_or_else(|| Unauthenticated("nothing maps it".into()))
    }

    fn identities(&self) -> u64 {
        self.gone.lock().unwrap().len() as u64
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().unwrap().clone()
    }

    async fn reached(&self, revision: Revision) {
        let mut reached = self.reached.subscribe();
        reached.wait_for(|reached| *reached >= revision).await.unwrap();
    }
}

pub struct Cluster {
    pub sandbox: Sandbox,
    pub store: Arc<dyn Store>,
    pub authority: Arc<TestAuthority>,
}

/// A new cluster that clients reach at `endpoint`.
pub async fn start(endpoint: &str) -> Cluster {
    start_on(Arc::new(MemoryStore::new()), endpoint).await
}

/// A cluster on a store.
pub async fn start_on(store: Arc<dyn Store>, endpoint: &str) -> Cluster {
    let authority = TestAuthority::new(store.clone());
    let config = SandboxConfig {
        cluster: CLUSTER.into(),
        store: store.clone(),
        authority: authority.clone(),
        ca_pem: CA.into(),
        token_key: Arc::new(ServiceAccountKey::generate().unwrap()),
        issuer: "https://kubernetes.default.svc".into(),
        endpoint: endpoint.into(),
        aws_auth: false,
        version_suffix: String::new(),
        bodies: BodyBudget::new(16 << 20, 6 << 20),
        clock: Timestamp::now,
    };
    let sandbox = Sandbox::start(config).await.unwrap();
    authority.reached(store.revision().await.unwrap()).await;
    Cluster { sandbox, store, authority }
}

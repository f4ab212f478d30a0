//! What is in force on one cluster, kept current.
//!
//! A keeper task watches the cluster's records and objects in the store and swaps in a new compiled snapshot after
//! each change (or burst of changes). Decisions load the snapshot without a lock and never wait for the keeper. When
//! history is gone or the store fails, it lists everything again; until then the last snapshot stays in force:
//! nothing that could not be read grants anybody anything new.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use entryway_access::{
    AccessEntry, AccessPolicy, AuthenticationMode, AwsAuth, ClusterModel, PolicyArn, PolicyCatalogue, PrincipalArn,
    RbacObjects, Snapshot,
};
use entryway_store::{Change, ChangeBatch, KeyValue, ListOptions, Revision, Store, StoreError, Watch};
use futures::FutureExt;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::eks::{ClusterRecord, EntryRecord};
use crate::keys::Place;
use crate::own_policy;

/// Where a snapshot's parts come from; each is watched for itself, and so has a revision that it has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The cluster's record.
    Record,
    /// Its access entries.
    Entries,
    /// The place's own access policies.
    Policies,
    /// RBAC objects and aws-auth.
    Objects,
}

impl Part {
    const ALL: [Part; 4] = [Part::Record, Part::Entries, Part::Policies, Part::Objects];
}

/// How long an answer waits for its change to be in force.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many batches are taken in before a new snapshot is swapped in.
const BURST: usize = 256;
/// How long the keeper waits before it tries a failing store again.
const PAUSE: Duration = Duration::from_millis(200);

/// The snapshot of one cluster.
pub(crate) struct Runtime {
    current: ArcSwap<Snapshot>,
    entries: AtomicUsize,
    reached: [watch::Sender<Revision>; 4],
}

impl Runtime {
    /// Compiles what is in the store, and keeps it current for as long as somebody holds the runtime and nobody aborts
    /// the keeper.
    pub(crate) async fn start(
        store: Arc<dyn Store>,
        place: &Place,
        record: &ClusterRecord,
        catalogue: PolicyCatalogue,
    ) -> Result<(Arc<Runtime>, JoinHandle<()>), StoreError> {
        let sources = Sources::new(place, record);
        let (world, watches) = World::load(store.as_ref(), &sources, &catalogue).await?;
        let runtime = Arc::new(Runtime {
            current: ArcSwap::from_pointee(world.snapshot.clone()),
            entries: AtomicUsize::new(world.entries),
            reached: [(); 4].map(|()| watch::Sender::new(world.revision)),
        });
        let keeper = Keeper { store, sources, catalogue, runtime: Arc::downgrade(&runtime) };
        let keeper = tokio::spawn(keeper.run(world, watches));
        Ok((runtime, keeper))
    }

    /// What is in force now.
    pub(crate) fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// How many entries the cluster has.
    pub(crate) fn entry_count(&self) -> usize {
        self.entries.load(Ordering::Acquire)
    }

    /// Returns once [`Runtime::current`] holds every change of `part` up to `revision`.
    pub(crate) async fn reached(&self, part: Part, revision: Revision) -> Result<(), NotReached> {
        let [record, entries, policies, objects] = &self.reached;
        let sender = match part {
            Part::Record => record,
            Part::Entries => entries,
            Part::Policies => policies,
            Part::Objects => objects,
        };
        let mut receiver = sender.subscribe();
        let waiting = receiver.wait_for(|reached| *reached >= revision);
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(NotReached { part, revision }),
        }
    }

    fn publish(&self, world: &World, reached: [Revision; 4]) {
        self.entries.store(world.entries, Ordering::Release);
        self.current.store(Arc::new(world.snapshot.clone()));
        for (sender, revision) in self.reached.iter().zip(reached) {
            sender.send_if_modified(|now| std::mem::replace(now, revision.max(*now)) < revision);
        }
    }
}

/// A change is durable, but not known to be in force in this process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the change of revision {revision} ({part:?}) is stored, but was not in force within 10 seconds")]
pub(crate) struct NotReached {
    part: Part,
    revision: Revision,
}

/// The keys of one cluster.
#[derive(Debug, Clone)]
struct Sources {
    place: Place,
    cluster_id: String,
    record: String,
    entries: String,
    policies: String,
    objects: String,
    aws_auth: String,
    rbac: [String; 4],
}

impl Sources {
    fn new(place: &Place, record: &ClusterRecord) -> Self {
        use entryway_sandbox::keys::{cluster_prefix, object_key, resource_prefix};
        let rbac = ["roles", "rolebindings", "clusterroles", "clusterrolebindings"];
        Sources {
            place: place.clone(),
            cluster_id: record.id.clone(),
            record: place.cluster(&record.name),
            entries: place.entries(&record.name),
            policies: place.policies(),
            objects: cluster_prefix(&record.id),
            aws_auth: object_key(&record.id, "", "configmaps", Some("kube-system"), "aws-auth"),
            rbac: rbac.map(|resource| resource_prefix(&record.id, "rbac.authorization.k8s.io", resource)),
        }
    }

    fn prefix(&self, part: Part) -> &str {
        match part {
            Part::Record => &self.record,
            Part::Entries => &self.entries,
            Part::Policies => &self.policies,
            Part::Objects => &self.objects,
        }
    }
}

type Watches = [Box<dyn Watch>; 4];

/// A snapshot in the making, and what is needed to make the next one.
struct World {
    snapshot: Snapshot,
    entries: usize,
    own: BTreeMap<PolicyArn, AccessPolicy>,
    /// Each RBAC object by its key.
    rbac: BTreeMap<String, RbacObjects>,
    rbac_changed: bool,
    /// The revision that the first listing was of.
    revision: Revision,
    /// Whether the cluster has been deleted.
    gone: bool,
}

impl World {
    async fn load(store: &dyn Store, sources: &Sources, catalogue: &PolicyCatalogue) -> Result<(World, Watches), StoreError> {
        let revision = store.revision().await?;
        let list = async |prefix: &str| {
            let options = ListOptions { at: Some(revision), ..ListOptions::default() };
            store.list(prefix, options).await.map(|listing| listing.items)
        };
        let mut world = World {
            snapshot: nothing(catalogue),
            entries: 0,
            own: BTreeMap::new(),
            rbac: BTreeMap::new(),
            rbac_changed: false,
            revision,
            gone: false,
        };
        let record = list(&sources.record).await?.into_iter().find(|item| item.key == sources.record);
        world.take_record(sources, record.as_ref());
        for item in list(&sources.policies).await? {
            world.take_policy(sources, &item.key, Some(&item));
        }
        world.snapshot = world.snapshot.with_catalogue(catalogue.with_own(world.own.clone()));
        for item in list(&sources.entries).await? {
            world.take_entry(sources, &item.key, Some(&item));
        }
        for prefix in &sources.rbac {
            for item in list(prefix).await? {
                world.take_object(sources, &item.key, Some(&item));
            }
        }
        let aws_auth = list(&sources.aws_auth).await?.into_iter().find(|item| item.key == sources.aws_auth);
        world.take_object(sources, &sources.aws_auth, aws_auth.as_ref());
        world.finish();
        let [record, entries, policies, objects] = Part::ALL.map(|part| store.watch(sources.prefix(part), revision));
        Ok((world, [record.await?, entries.await?, policies.await?, objects.await?]))
    }

    fn apply(&mut self, sources: &Sources, catalogue: &PolicyCatalogue, part: Part, changes: &[Change]) {
        for change in changes {
            let (key, current) = (change.key.as_str(), change.current.as_ref());
            match part {
                Part::Record if key == sources.record => self.take_record(sources, current),
                // Another cluster, whose name begins alike.
                Part::Record => {}
                Part::Entries => self.take_entry(sources, key, current),
                Part::Policies => {
                    self.take_policy(sources, key, current);
                    self.snapshot = self.snapshot.with_catalogue(catalogue.with_own(self.own.clone()));
                }
                Part::Objects => self.take_object(sources, key, current),
            }
        }
    }

    fn take_record(&mut self, sources: &Sources, item: Option<&KeyValue>) {
        let record = item.map(|item| ClusterRecord::parse(&item.value));
        match record {
            // A cluster of the same name made since is another one.
            Some(Ok(record)) if record.id == sources.cluster_id => {
                self.snapshot = self.snapshot.with_mode(record.mode()).with_bootstrap_creator(record.bootstrap_creator());
            }
            Some(Err(problem)) => tracing::error!(%problem, key = sources.record, "left as it was"),
            Some(Ok(_)) | None => {
                self.gone = true;
                self.snapshot = nothing(self.snapshot.catalogue());
            }
        }
    }

    fn take_entry(&mut self, sources: &Sources, key: &str, item: Option<&KeyValue>) {
        let Some(principal) = key.strip_prefix(&sources.entries).and_then(|arn| arn.parse::<PrincipalArn>().ok()) else {
            tracing::error!(key, "an entry of no principal; it maps nobody");
            return;
        };
        let was_there = self.snapshot.entry(&principal).is_some();
        let entry = item.map(|item| EntryRecord::parse(&item.value).and_then(|record| record.to_core()));
        let entry: Option<AccessEntry> = entry.and_then(|entry| {
            entry.inspect_err(|problem| tracing::error!(%problem, key, "an entry that can't be read; it maps nobody")).ok()
        });
        let is_there = entry.is_some();
        match entry {
            Some(entry) => self.snapshot = self.snapshot.with_entry(Arc::new(entry)),
            None if was_there => self.snapshot = self.snapshot.without_entry(&principal),
            None => {}
        }
        self.entries = self.entries.saturating_add(usize::from(is_there)).saturating_sub(usize::from(was_there));
    }

    fn take_policy(&mut self, sources: &Sources, key: &str, item: Option<&KeyValue>) {
        let Some(arn) = own_policy::arn(&sources.place, key) else { return };
        match item.map(|item| own_policy::parse(arn.name(), &item.value)) {
            Some(Ok(policy)) => {
                self.own.insert(arn, policy);
            }
            Some(Err(problem)) => {
                tracing::error!(%problem, key, "a policy that can't be read; it grants nothing");
                self.own.remove(&arn);
            }
            None => {
                self.own.remove(&arn);
            }
        }
    }

    fn take_object(&mut self, sources: &Sources, key: &str, item: Option<&KeyValue>) {
        if key == sources.aws_auth {
            self.snapshot = self.snapshot.with_aws_auth(item.map(|item| aws_auth(&item.value)).unwrap_or_default());
        } else if sources.rbac.iter().any(|prefix| key.starts_with(prefix)) {
            self.rbac_changed = true;
            let objects = item.and_then(|item| {
                let value: Value = serde_json::from_slice(&item.value).ok()?;
                let (objects, problems) = RbacObjects::from_values([&value]);
                for problem in problems {
                    tracing::warn!(object = problem.object, problem = problem.message, "grants nothing");
                }
                Some(objects)
            });
            match objects {
                Some(objects) => self.rbac.insert(key.to_owned(), objects),
                None => self.rbac.remove(key),
            };
        }
    }

    /// Compiles what is compiled as a whole.
    fn finish(&mut self) {
        if std::mem::take(&mut self.rbac_changed) {
            let mut all = RbacObjects::default();
            for objects in self.rbac.values() {
                all.roles.extend(objects.roles.iter().cloned());
                all.bindings.extend(objects.bindings.iter().cloned());
            }
            self.snapshot = self.snapshot.with_rbac(all);
        }
    }
}

/// A snapshot that maps nobody.
fn nothing(catalogue: &PolicyCatalogue) -> Snapshot {
    Snapshot::compile(ClusterModel {
        mode: AuthenticationMode::Api,
        entries: Vec::new(),
        aws_auth: AwsAuth::default(),
        rbac: RbacObjects::default(),
        catalogue: catalogue.clone(),
        bootstrap_creator: None,
    })
}

/// The mappings of a stored ConfigMap. What can't be read maps nobody.
fn aws_auth(object: &[u8]) -> AwsAuth {
    let value: Value = serde_json::from_slice(object).unwrap_or_default();
    let data: BTreeMap<String, String> = value
        .get("data")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, text)| Some((key.clone(), text.as_str()?.to_owned())))
        .collect();
    let (mappings, problems) = AwsAuth::parse(&data);
    for problem in problems {
        let (line, column) = (problem.position.line, problem.position.column);
        tracing::warn!(key = problem.key, line, column, problem = problem.message, "aws-auth");
    }
    mappings
}

/// The task that keeps a runtime current.
struct Keeper {
    store: Arc<dyn Store>,
    sources: Sources,
    catalogue: PolicyCatalogue,
    /// When nobody holds it any more, the keeper ends.
    runtime: Weak<Runtime>,
}

impl Keeper {
    async fn run(self, mut world: World, mut watches: Watches) {
        loop {
            match self.follow(&mut world, &mut watches).await {
                Ok(()) => return,
                Err(StoreError::Compacted { .. }) => tracing::info!("fell behind; listing again"),
                Err(error) => {
                    tracing::error!(%error, "the store can't be watched; what is in force stays in force");
                    tokio::time::sleep(PAUSE).await;
                }
            }
            (world, watches) = loop {
                let Some(runtime) = self.runtime.upgrade() else { return };
                match World::load(self.store.as_ref(), &self.sources, &self.catalogue).await {
                    Ok((world, watches)) => {
                        runtime.publish(&world, [world.revision; 4]);
                        break (world, watches);
                    }
                    Err(error) => tracing::error!(%error, "the store can't be listed; what is in force stays in force"),
                }
                drop(runtime);
                tokio::time::sleep(PAUSE).await;
            };
        }
    }

    /// Follows the watches until one fails (`Err`) or nobody needs it any more (`Ok`).
    async fn follow(&self, world: &mut World, watches: &mut Watches) -> Result<(), StoreError> {
        let mut reached = [world.revision; 4];
        while !world.gone {
            let (part, batch) = next(watches).await?;
            let mut take = |world: &mut World, part: Part, batch: ChangeBatch| {
                world.apply(&self.sources, &self.catalogue, part, &batch.changes);
                if let Some(reached) = reached.get_mut(part as usize) {
                    *reached = batch.revision.max(*reached);
                }
            };
            take(world, part, batch);
            // Whatever is waiting already goes into the same snapshot.
            for _ in 0..BURST {
                match next(watches).now_or_never() {
                    Some(more) => {
                        let (part, batch) = more?;
                        take(world, part, batch);
                    }
                    None => break,
                }
            }
            world.finish();
            let Some(runtime) = self.runtime.upgrade() else { return Ok(()) };
            runtime.publish(world, reached);
        }
        Ok(())
    }
}

/// The next batch of any part. Cancel-safe, as the watches are.
async fn next(watches: &mut Watches) -> Result<(Part, ChangeBatch), StoreError> {
    let [record, entries, policies, objects] = watches;
    Ok(tokio::select! {
        batch = record.next() => (Part::Record, batch?),
        batch = entries.next() => (Part::Entries, batch?),
        batch = policies.next() => (Part::Policies, batch?),
        batch = objects.next() => (Part::Objects, batch?),
    })
}

//! A snapshot in the making: what is in the store, taken in record by record.

use std::collections::BTreeMap;
use std::sync::Arc;

use entryway_access::{
    AccessEntry, AccessPolicy, AuthenticationMode, AwsAuth, ClusterModel, PolicyArn, PolicyCatalogue, PrincipalArn,
    RbacObjects, Snapshot,
};
use entryway_store::{Change, KeyValue, ListOptions, Revision, Store, StoreError, Watch};
use serde_json::Value;

use super::Part;
use crate::eks::{ClusterRecord, EntryRecord};
use crate::keys::Place;
use crate::own_policy;

/// The keys of one cluster.
#[derive(Debug, Clone)]
pub(super) struct Sources {
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
    pub(super) fn new(place: &Place, record: &ClusterRecord) -> Self {
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

pub(super) type Watches = [Box<dyn Watch>; 4];

/// A snapshot in the making, and what is needed to make the next one.
pub(super) struct World {
    pub(super) snapshot: Snapshot,
    /// How many entries it has.
    pub(super) entries: usize,
    own: BTreeMap<PolicyArn, AccessPolicy>,
    /// Each RBAC object by its key.
    rbac: BTreeMap<String, RbacObjects>,
    rbac_changed: bool,
    /// The revision that the first listing was of.
    pub(super) revision: Revision,
    /// Whether the cluster has been deleted.
    pub(super) gone: bool,
}

impl World {
    /// Lists everything at one revision, and watches from there.
    pub(super) async fn load(
        store: &dyn Store,
        sources: &Sources,
        catalogue: &PolicyCatalogue,
    ) -> Result<(World, Watches), StoreError> {
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

    /// Takes in the changes of one part.
    pub(super) fn apply(&mut self, sources: &Sources, catalogue: &PolicyCatalogue, part: Part, changes: &[Change]) {
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
                self.snapshot =
                    self.snapshot.with_mode(record.mode()).with_bootstrap_creator(record.bootstrap_creator());
            }
            Some(Err(problem)) => tracing::error!(%problem, key = sources.record, "left as it was"),
            Some(Ok(_)) | None => {
                self.gone = true;
                self.snapshot = nothing(self.snapshot.catalogue());
            }
        }
    }

    fn take_entry(&mut self, sources: &Sources, key: &str, item: Option<&KeyValue>) {
        let Some(principal) = key.strip_prefix(&sources.entries).and_then(|arn| arn.parse::<PrincipalArn>().ok())
        else {
            tracing::error!(key, "an entry of no principal; it maps nobody");
            return;
        };
        let was_there = self.snapshot.entry(&principal).is_some();
        let entry = item.map(|item| EntryRecord::parse(&item.value).and_then(|record| record.to_core()));
        let entry: Option<AccessEntry> = entry.and_then(|entry| {
            entry
                .inspect_err(|problem| tracing::error!(%problem, key, "an entry that can't be read; it maps nobody"))
                .ok()
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
    pub(super) fn finish(&mut self) {
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

//! Objects in the store: JSON without `resourceVersion`, which is the revision of the last write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use entryway_objects::registry::{Registry, ResourceType};
use entryway_objects::status::Status;
use entryway_objects::{lifecycle, protobuf};
use entryway_store::{KeyValue, ListOptions, Revision, Store, StoreError, Txn, TxnOutcome};
use serde_json::Value;

use crate::failure::{internal, store_failure, too_large_object};
use crate::{keys, meta, service_accounts};

/// The largest object, in bytes: etcd takes requests of 1.5 MiB.
const MOST_STORED: usize = 1536 * 1024;

/// A resource as it is served, and as its objects are stored.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) served: Arc<ResourceType>,
    stored: Arc<ResourceType>,
}

impl Target {
    /// Finds how the objects of a type are stored.
    pub(crate) fn new(registry: &Registry, served: Arc<ResourceType>) -> Target {
        let (group, version, plural) = served.storage();
        let stored = registry.find(group, version, plural).unwrap_or_else(|| served.clone());
        Target { served, stored }
    }

    /// The type at a path that the registry certainly has; `None` where it has not.
    pub(crate) fn find(registry: &Registry, group: &str, version: &str, plural: &str) -> Option<Target> {
        registry.find(group, version, plural).map(|served| Target::new(registry, served))
    }

    fn same(&self) -> bool {
        self.served.group == self.stored.group && self.served.version == self.stored.version
    }

    fn to_served(&self, object: Value) -> Value {
        if self.same() { object } else { lifecycle::convert(object, &self.stored, &self.served) }
    }

    fn to_stored(&self, object: Value) -> Value {
        if self.same() { object } else { lifecycle::convert(object, &self.served, &self.stored) }
    }

    /// Where the objects of a namespace (or all) are.
    pub(crate) fn prefix(&self, cluster: &str, namespace: Option<&str>) -> String {
        match namespace {
            Some(namespace) => keys::namespace_prefix(cluster, &self.stored.group, &self.stored.plural, namespace),
            None => keys::resource_prefix(cluster, &self.stored.group, &self.stored.plural),
        }
    }

    /// Where an object is.
    pub(crate) fn key(&self, cluster: &str, namespace: Option<&str>, name: &str) -> String {
        keys::object_key(cluster, &self.stored.group, &self.stored.plural, namespace, name)
    }

    /// Reads a stored value as it is served, with its `resourceVersion`.
    pub(crate) fn read(&self, kv: &KeyValue) -> Result<Value, Status> {
        self.read_at(kv, kv.modified)
    }

    /// The same with another `resourceVersion` (that of the deletion, for what was deleted).
    pub(crate) fn read_at(&self, kv: &KeyValue, revision: Revision) -> Result<Value, Status> {
        let mut object = self.to_served(parse(kv)?);
        set_version(&mut object, Some(revision));
        Ok(object)
    }

    /// The bytes to store.
    pub(crate) fn bytes(&self, object: Value) -> Result<Vec<u8>, Status> {
        let mut object = self.to_stored(object);
        set_version(&mut object, None);
        let bytes = serde_json::to_vec(&object).map_err(|error| internal(&error.to_string()))?;
        // What counts is the form that the real server stores, which is shorter than JSON. Where an object has none, it
        // is JSON there, too.
        if bytes.len() > MOST_STORED
            && protobuf::encode_object(&object).map_or(bytes.len(), |bytes| bytes.len()) > MOST_STORED
        {
            return Err(too_large_object());
        }
        Ok(bytes)
    }
}

/// The JSON of a stored value.
pub(crate) fn parse(kv: &KeyValue) -> Result<Value, Status> {
    serde_json::from_slice(&kv.value).map_err(|error| internal(&format!("the object at {} is broken: {error}", kv.key)))
}

/// Sets or removes `metadata.resourceVersion`.
pub(crate) fn set_version(object: &mut Value, revision: Option<Revision>) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    match revision {
        Some(revision) => {
            metadata.insert("resourceVersion".into(), revision.to_string().into());
        }
        None => {
            metadata.remove("resourceVersion");
        }
    }
}

/// An object and when it was last written.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// As served, with its `resourceVersion`.
    pub(crate) object: Value,
    pub(crate) revision: Revision,
}

/// Why an object could not be created.
#[derive(Debug)]
pub(crate) enum NotInserted {
    /// There is one of that name.
    Exists,
    /// The namespace changed meanwhile: look again.
    NamespaceMoved,
    /// The store failed.
    Failed(Status),
}

/// The objects of one cluster.
#[derive(Clone)]
pub(crate) struct Storage {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) cluster: String,
    /// Counts what ends service accounts' tokens: see [`may_end_tokens`].
    pub(crate) ended_tokens: Arc<AtomicU64>,
}

impl Storage {
    pub(crate) fn new(store: Arc<dyn Store>, cluster: String) -> Storage {
        Storage { store, cluster, ended_tokens: Arc::default() }
    }

    /// One object.
    pub(crate) async fn get(
        &self,
        target: &Target,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Stored>, Status> {
        let found = self.store.get(&target.key(&self.cluster, namespace, name)).await.map_err(|e| store_failure(&e))?;
        found.map(|kv| Ok(Stored { object: target.read(&kv)?, revision: kv.modified })).transpose()
    }

    /// All objects of a namespace (or all), now.
    pub(crate) async fn all(&self, target: &Target, namespace: Option<&str>) -> Result<Vec<Value>, Status> {
        let listing = self
            .store
            .list(&target.prefix(&self.cluster, namespace), ListOptions::default())
            .await
            .map_err(|error| store_failure(&error))?;
        listing.items.iter().map(|kv| target.read(kv)).collect()
    }

    /// Creates an object; `namespace_at` is the namespace's revision, which must still be the newest.
    pub(crate) async fn insert(
        &self,
        target: &Target,
        namespace: Option<&str>,
        name: &str,
        namespace_at: Option<(String, Revision)>,
        object: Value,
    ) -> Result<Stored, NotInserted> {
        let key = target.key(&self.cluster, namespace, name);
        let bytes = target.bytes(object.clone()).map_err(NotInserted::Failed)?;
        let mut txn = Txn::new().absent(&key).put(&key, bytes);
        if let Some((namespace_key, revision)) = namespace_at {
            txn = txn.modified_at(namespace_key, revision);
        }
        match self.store.commit(txn).await {
            Ok(TxnOutcome::Committed(revision)) => Ok(stored(object, revision)),
            Ok(TxnOutcome::Conflict { failed: 0, .. }) => Err(NotInserted::Exists),
            Ok(TxnOutcome::Conflict { .. }) => Err(NotInserted::NamespaceMoved),
            Err(error) => Err(NotInserted::Failed(store_failure(&error))),
        }
    }

    /// Replaces an object that was last written at `at`; `None` where it has changed since.
    pub(crate) async fn replace(
        &self,
        target: &Target,
        namespace: Option<&str>,
        name: &str,
        at: Revision,
        object: Value,
    ) -> Result<Option<Stored>, Status> {
        let key = target.key(&self.cluster, namespace, name);
        let txn = Txn::new().modified_at(&key, at).put(&key, target.bytes(object.clone())?);
        let ends_tokens = may_end_tokens(target, Some(&object));
        let written = self.commit(txn).await?.map(|revision| stored(object, revision));
        self.note(ends_tokens && written.is_some());
        Ok(written)
    }

    /// Removes an object that was last written at `at`; `None` where it has changed since, else the revision.
    pub(crate) async fn remove(
        &self,
        target: &Target,
        namespace: Option<&str>,
        name: &str,
        at: Revision,
    ) -> Result<Option<Revision>, Status> {
        let key = target.key(&self.cluster, namespace, name);
        let removed = self.commit(Txn::new().modified_at(&key, at).delete(&key)).await?;
        self.note(removed.is_some() && may_end_tokens(target, None));
        Ok(removed)
    }

    fn note(&self, ended_tokens: bool) {
        if ended_tokens {
            self.ended_tokens.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Commits; `None` where a condition did not hold.
    pub(crate) async fn commit(&self, txn: Txn) -> Result<Option<Revision>, Status> {
        match self.store.commit(txn).await {
            Ok(TxnOutcome::Committed(revision)) => Ok(Some(revision)),
            Ok(TxnOutcome::Conflict { .. }) => Ok(None),
            Err(error) => Err(store_failure(&error)),
        }
    }

    /// The newest revision.
    pub(crate) async fn revision(&self) -> Result<Revision, StoreError> {
        self.store.revision().await
    }
}

/// Whether a write, which leaves this or nothing, may end a service account's token: those are bound to accounts, pods
/// and Secrets, and some are held by Secrets.
fn may_end_tokens(target: &Target, left: Option<&Value>) -> bool {
    let holds_token = match (target.stored.group.as_str(), target.stored.plural.as_str()) {
        ("", "serviceaccounts" | "pods") => false,
        ("", "secrets") => left.is_some_and(service_accounts::is_token_secret),
        _ => return false,
    };
    holds_token || left.is_none_or(meta::is_deleted)
}

fn stored(mut object: Value, revision: Revision) -> Stored {
    set_version(&mut object, Some(revision));
    Stored { object, revision }
}

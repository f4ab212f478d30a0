//! CustomResourceDefinitions: which types there are besides the built-in ones.

use std::collections::BTreeSet;
use std::sync::Arc;

use entryway_objects::registry::Registry;
use entryway_objects::status::Status;
use entryway_store::ListOptions;
use serde_json::{Value, json};

use crate::api::Api;
use crate::controllers::{Seen, again};
use crate::delete::{DeleteOptions, Deleted, Propagation, Retirement, seconds};
use crate::failure::{internal, store_failure};
use crate::keys;
use crate::meta;
use crate::storage::{Stored, Target};

/// The group of definitions.
pub(crate) const GROUP: &str = "apiextensions.k8s.io";
/// Their resource.
pub(crate) const PLURAL: &str = "customresourcedefinitions";
const FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

fn target(api: &Api) -> Option<Target> {
    Target::find(&api.registry.load(), GROUP, "v1", PLURAL)
}

/// Serves the types that the stored definitions describe.
pub(crate) async fn refresh(api: &Api) -> Result<(), Status> {
    let Some(target) = target(api) else { return Ok(()) };
    let definitions = api.storage.all(&target, None).await?;
    api.registry.store(Arc::new(Registry::with_definitions(&definitions)));
    Ok(())
}

/// Establishes new definitions, and removes the objects of those that go.
#[derive(Default)]
pub(crate) struct Definitions {
    changed: BTreeSet<String>,
}

impl Definitions {
    pub(crate) fn observe(&mut self, seen: &Seen) {
        if seen.is(GROUP, PLURAL) {
            self.changed.insert(seen.name.clone());
        }
    }

    pub(crate) async fn work(&mut self, api: &Api) -> bool {
        if self.changed.is_empty() {
            return false;
        }
        if let Err(status) = refresh(api).await {
            again("reading definitions", "", &status);
            return true;
        }
        for name in self.changed.clone() {
            match follow(api, &name).await {
                Ok(true) => {
                    self.changed.remove(&name);
                }
                Ok(false) => {}
                Err(status) => again("following a definition", &name, &status),
            }
        }
        !self.changed.is_empty()
    }
}

/// Whether there is nothing left to do for the definition.
async fn follow(api: &Api, name: &str) -> Result<bool, Status> {
    let Some(target) = target(api) else { return Ok(true) };
    let Some(stored) = api.storage.get(&target, None, name).await? else { return Ok(true) };
    if meta::is_deleted(&stored.object) {
        if !remove_instances(api, &stored.object).await? {
            return Ok(false);
        }
        let mut object = stored.object;
        meta::remove_finalizer(&mut object, FINALIZER);
        let done = if meta::finalizers(&object).is_empty() {
            api.storage.remove(&target, None, name, stored.revision).await?.is_some()
        } else {
            api.storage.replace(&target, None, name, stored.revision, object).await?.is_some()
        };
        return Ok(done);
    }
    if is_established(&stored.object) {
        return Ok(true);
    }
    let object = established(stored.object, &seconds(api.now()));
    Ok(api.storage.replace(&target, None, name, stored.revision, object).await?.is_some())
}

fn is_established(definition: &Value) -> bool {
    let conditions = definition.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|one| {
        one.get("type").and_then(Value::as_str) == Some("Established")
            && one.get("status").and_then(Value::as_str) == Some("True")
    })
}

fn established(mut definition: Value, now: &str) -> Value {
    let storage = definition
        .pointer("/spec/versions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|version| version.get("storage").and_then(Value::as_bool) == Some(true))
        .and_then(|version| version.get("name"))
        .cloned()
        .unwrap_or_default();
    let names = definition.pointer("/spec/names").cloned().unwrap_or_else(|| json!({}));
    let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message});
    let status = json!({
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "acceptedNames": names,
        "storedVersions": [storage],
    });
    meta::add_finalizer(&mut definition, FINALIZER);
    if let Some(definition) = definition.as_object_mut() {
        definition.insert("status".into(), status);
    }
    definition
}

/// Deletes the objects of a definition's type; whether all are gone.
async fn remove_instances(api: &Api, definition: &Value) -> Result<bool, Status> {
    let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (group, plural) = (text("/spec/group"), text("/spec/names/plural"));
    // What is there is not the definition's.
    if Registry::is_builtin_group(group) {
        return Ok(true);
    }
    let registry = api.registry.load_full();
    let served = registry.types().find(|resource| resource.group == group && resource.plural == plural).cloned();
    let prefix = keys::resource_prefix(&api.storage.cluster, group, plural);
    let listing =
        api.storage.store.list(&prefix, ListOptions::default()).await.map_err(|error| store_failure(&error))?;
    let Some(served) = served else {
        // A definition that serves nothing has left objects that nobody can read.
        for chunk in listing.items.chunks(100) {
            let txn = chunk.iter().fold(entryway_store::Txn::new(), |txn, kv| txn.delete(&kv.key));
            api.storage.commit(txn).await?.ok_or_else(|| internal("the objects changed"))?;
        }
        return Ok(true);
    };
    let target = Target::new(&registry, served);
    let mut gone = true;
    for kv in &listing.items {
        let object = target.read(kv)?;
        let namespace = meta::namespace(&object).to_owned();
        let namespace = target.served.namespaced.then_some(namespace.as_str());
        let options = DeleteOptions { propagation: Some(Propagation::Background), ..DeleteOptions::default() };
        let attempt = Retirement { options: &options, now: api.now(), is_namespace: false };
        let stored = Stored { object, revision: kv.modified };
        let deleted = attempt.attempt(&api.storage, &target, namespace, &stored).await?;
        gone &= matches!(deleted, Some(Deleted::Gone { .. }));
    }
    Ok(gone)
}

//! Garbage collection: what is owned goes when its last owner is gone, before it (`foregroundDeletion`), or is
//! let go (`orphan`).

use std::collections::{BTreeMap, BTreeSet};

use entryway_objects::registry::split_api_version;
use entryway_objects::status::Status;
use serde_json::{Value, json};

use crate::api::Api;
use crate::controllers::{Seen, again};
use crate::delete::{DeleteOptions, FOREGROUND, ORPHAN, Propagation, Retirement};
use crate::failure::internal;
use crate::meta;
use crate::storage::{Stored, Target};

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    group: String,
    resource: String,
    namespace: String,
    name: String,
}

impl Place {
    fn of(seen: &Seen) -> Place {
        Place {
            group: seen.group.clone(),
            resource: seen.resource.clone(),
            namespace: seen.namespace.clone(),
            name: seen.name.clone(),
        }
    }

    fn namespace(&self) -> Option<&str> {
        (!self.namespace.is_empty()).then_some(self.namespace.as_str())
    }

    fn target(&self, api: &Api) -> Option<Target> {
        let registry = api.registry.load();
        let served = registry.types().find(|resource| {
            let (group, _, plural) = resource.storage();
            group == self.group && plural == self.resource && resource.group == self.group
        })?;
        Some(Target::new(&registry, served.clone()))
    }
}

/// Who owns what, and what is to be looked at.
#[derive(Default)]
pub(crate) struct Garbage {
    /// By owner's uid, what it owns.
    owned: BTreeMap<String, BTreeSet<Place>>,
    /// Objects with owners that may be gone.
    suspects: BTreeSet<Place>,
    /// Objects that wait for this controller to do their finalizer.
    waiting: BTreeSet<Place>,
}

fn owners(object: &Value) -> Vec<&Value> {
    let list = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    list.into_iter().flatten().collect()
}

fn text<'a>(reference: &'a Value, member: &str) -> &'a str {
    reference.get(member).and_then(Value::as_str).unwrap_or_default()
}

fn waits(object: &Value) -> bool {
    meta::is_deleted(object) && meta::finalizers(object).iter().any(|one| *one == FOREGROUND || *one == ORPHAN)
}

impl Garbage {
    pub(crate) fn observe(&mut self, seen: &Seen) {
        let place = Place::of(seen);
        for owner in seen.previous.as_ref().map(owners).unwrap_or_default() {
            if let Some(places) = self.owned.get_mut(text(owner, "uid")) {
                places.remove(&place);
                if places.is_empty() {
                    self.owned.remove(text(owner, "uid"));
                }
            }
        }
        let Some(current) = &seen.current else {
            self.suspects.remove(&place);
            self.waiting.remove(&place);
            let uid = seen.previous.as_ref().map(meta::uid).unwrap_or_default();
            self.suspects.extend(self.owned.get(uid).into_iter().flatten().cloned());
            return;
        };
        let references = owners(current);
        for owner in &references {
            self.owned.entry(text(owner, "uid").to_owned()).or_default().insert(place.clone());
        }
        if !references.is_empty() {
            self.suspects.insert(place.clone());
        }
        if waits(current) {
            self.waiting.insert(place);
        }
    }

    pub(crate) async fn work(&mut self, api: &Api) -> bool {
        for place in self.suspects.clone() {
            match judge(api, &place).await {
                Ok(()) => {
                    self.suspects.remove(&place);
                }
                Err(status) => again("collecting", &place.name, &status),
            }
        }
        for place in self.waiting.clone() {
            match self.finish(api, &place).await {
                Ok(true) => {
                    self.waiting.remove(&place);
                }
                Ok(false) => {}
                Err(status) => again("finishing", &place.name, &status),
            }
        }
        !self.suspects.is_empty() || !self.waiting.is_empty()
    }

    /// Does the finalizers of an object that is being deleted; whether that is done.
    async fn finish(&self, api: &Api, place: &Place) -> Result<bool, Status> {
        let Some(target) = place.target(api) else { return Ok(true) };
        let Some(stored) = api.storage.get(&target, place.namespace(), &place.name).await? else { return Ok(true) };
        if !waits(&stored.object) {
            return Ok(true);
        }
        let orphan = meta::finalizers(&stored.object).contains(&ORPHAN);
        let uid = meta::uid(&stored.object).to_owned();
        let mut blocked = false;
        for dependent in self.owned.get(&uid).into_iter().flatten() {
            blocked |= if orphan {
                release(api, dependent, &uid).await?;
                false
            } else {
                delete_dependent(api, dependent, &uid).await?
            };
        }
        if blocked {
            return Ok(false);
        }
        let mut object = stored.object;
        meta::remove_finalizer(&mut object, if orphan { ORPHAN } else { FOREGROUND });
        let done = if meta::finalizers(&object).is_empty() {
            api.storage.remove(&target, place.namespace(), &place.name, stored.revision).await?.is_some()
        } else {
            api.storage.replace(&target, place.namespace(), &place.name, stored.revision, object).await?.is_some()
        };
        Ok(done)
    }
}

/// Deletes a dependent of an owner that waits; whether the owner has to wait for it.
async fn delete_dependent(api: &Api, place: &Place, owner: &str) -> Result<bool, Status> {
    let Some(target) = place.target(api) else { return Ok(false) };
    let Some(stored) = api.storage.get(&target, place.namespace(), &place.name).await? else { return Ok(false) };
    let references = owners(&stored.object);
    let Some(own) = references.iter().find(|one| text(one, "uid") == owner) else { return Ok(false) };
    let blocks = own.get("blockOwnerDeletion").and_then(Value::as_bool) == Some(true);
    if references.len() > 1 {
        release(api, place, owner).await?;
        return Ok(false);
    }
    retire(api, &target, place, &stored, Propagation::Foreground).await?;
    let still = api.storage.get(&target, place.namespace(), &place.name).await?.is_some();
    Ok(blocks && still)
}

/// Takes an owner out of an object's references.
async fn release(api: &Api, place: &Place, owner: &str) -> Result<(), Status> {
    let Some(target) = place.target(api) else { return Ok(()) };
    let Some(stored) = api.storage.get(&target, place.namespace(), &place.name).await? else { return Ok(()) };
    let left: Vec<Value> =
        owners(&stored.object).into_iter().filter(|one| text(one, "uid") != owner).cloned().collect();
    let mut object = stored.object.clone();
    meta::set(&mut object, "ownerReferences", if left.is_empty() { Value::Null } else { json!(left) });
    if object == stored.object {
        return Ok(());
    }
    match api.storage.replace(&target, place.namespace(), &place.name, stored.revision, object).await? {
        Some(_) => Ok(()),
        None => Err(internal("the object changed")),
    }
}

async fn retire(
    api: &Api,
    target: &Target,
    place: &Place,
    stored: &Stored,
    propagation: Propagation,
) -> Result<(), Status> {
    let options = DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() };
    let attempt = Retirement { options: &options, now: api.now(), is_namespace: false };
    match attempt.attempt(&api.storage, target, place.namespace(), stored).await? {
        Some(_) => Ok(()),
        None => Err(internal("the object changed")),
    }
}

/// Deletes an object whose owners are all gone; forgets those that are gone where others are left.
async fn judge(api: &Api, place: &Place) -> Result<(), Status> {
    let Some(target) = place.target(api) else { return Ok(()) };
    let Some(stored) = api.storage.get(&target, place.namespace(), &place.name).await? else { return Ok(()) };
    if meta::is_deleted(&stored.object) {
        return Ok(());
    }
    let mut gone = Vec::new();
    let references = owners(&stored.object);
    for owner in &references {
        if !is_there(api, place, owner).await? {
            gone.push(text(owner, "uid").to_owned());
        }
    }
    if gone.is_empty() {
        return Ok(());
    }
    if gone.len() == references.len() {
        return retire(api, &target, place, &stored, Propagation::Background).await;
    }
    for owner in gone {
        release(api, place, &owner).await?;
    }
    Ok(())
}

/// Whether an owner exists. One of a type that nobody serves counts as there: nothing is known of it.
async fn is_there(api: &Api, dependent: &Place, owner: &Value) -> Result<bool, Status> {
    let (group, version) = split_api_version(text(owner, "apiVersion"));
    let target = {
        let registry = api.registry.load();
        match registry.find_kind(group, version, text(owner, "kind")) {
            Some(served) => Target::new(&registry, served),
            None => return Ok(true),
        }
    };
    let namespace = target.served.namespaced.then_some(dependent.namespace.as_str());
    if namespace == Some("") {
        // An object of the cluster can't be owned from within a namespace; the real collector leaves it alone.
        return Ok(true);
    }
    let found = api.storage.get(&target, namespace, text(owner, "name")).await?;
    Ok(found.is_some_and(|found| meta::uid(&found.object) == text(owner, "uid")))
}

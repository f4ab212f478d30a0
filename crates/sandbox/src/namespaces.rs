//! The life of a namespace: while it ends, its contents go first, then its finalizers, then it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use entryway_objects::body;
use entryway_objects::registry::ResourceType;
use entryway_objects::status::Status;
use entryway_store::ListOptions;
use serde_json::{Value, json};

use crate::api::Api;
use crate::controllers::{Seen, again};
use crate::delete::{DeleteOptions, Deleted, Propagation, Retirement};
use crate::failure::{Failure, store_failure};
use crate::meta;
use crate::query::{OptionsKind, WriteOptions};
use crate::resource::ResourceCall;
use crate::respond::Answer;
use crate::storage::{Stored, Target};
use crate::update::check_name;

/// Namespaces that nobody deletes.
pub(crate) const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];
/// The finalizer that this controller does.
const OWN_FINALIZER: &str = "kubernetes";

fn finalizers(namespace: &Value) -> Vec<Value> {
    namespace.pointer("/spec/finalizers").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Whether a namespace's own finalizers still hold it.
pub(crate) fn is_held(namespace: &Value) -> bool {
    !finalizers(namespace).is_empty()
}

fn set_finalizers(namespace: &mut Value, finalizers: Vec<Value>) {
    let Some(spec) = namespace.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if finalizers.is_empty() {
        spec.remove("finalizers");
    } else {
        spec.insert("finalizers".into(), finalizers.into());
    }
}

/// `PUT` of a namespace's `finalize`: sets its finalizers and nothing else.
pub(crate) async fn finalize(call: &mut ResourceCall) -> Result<Answer, Failure> {
    let options = WriteOptions::read(&call.call.query, OptionsKind::Update)?;
    let (format, bytes) = call.body()?;
    let wanted = body::decode(&call.target.served, format, &bytes, options.validation)?.object;
    check_name(call, &wanted)?;
    let api = call.call.api.clone();
    loop {
        let Some(stored) = api.storage.get(&call.target, None, &call.path.name).await? else {
            return Err(call.not_found());
        };
        let given = meta::text(&wanted, "resourceVersion");
        if !given.is_empty() && given != stored.revision.to_string() {
            return Err(call.modified(&call.path.name).into());
        }
        if options.dry_run {
            let mut object = stored.object;
            set_finalizers(&mut object, finalizers(&wanted));
            return Ok(Answer::object(object));
        }
        if let Some(object) = put_finalizers(&api, &call.target, stored, finalizers(&wanted)).await? {
            return Ok(Answer::object(object));
        }
    }
}

/// Writes a namespace's finalizers, and removes it when it was only waiting for them. `None` on a conflict.
async fn put_finalizers(
    api: &Api,
    target: &Target,
    stored: Stored,
    finalizers: Vec<Value>,
) -> Result<Option<Value>, Status> {
    let name = meta::name(&stored.object).to_owned();
    let mut object = stored.object;
    set_finalizers(&mut object, finalizers);
    if meta::is_deleted(&object) && !is_held(&object) && meta::finalizers(&object).is_empty() {
        return Ok(api.storage.remove(target, None, &name, stored.revision).await?.map(|_| object));
    }
    Ok(api.storage.replace(target, None, &name, stored.revision, object).await?.map(|stored| stored.object))
}

/// Empties and ends namespaces that are being deleted.
#[derive(Default)]
pub(crate) struct Namespaces {
    /// Those that end, and whether something happened to them since they were last looked at.
    ending: BTreeMap<String, bool>,
}

impl Namespaces {
    pub(crate) fn observe(&mut self, seen: &Seen) {
        if !seen.is("", "namespaces") {
            // What goes may have been the last that held its namespace.
            if let Some(due) = self.ending.get_mut(&seen.namespace) {
                *due = true;
            }
            return;
        }
        match &seen.current {
            Some(namespace) if meta::is_deleted(namespace) => {
                self.ending.insert(seen.name.clone(), true);
            }
            _ => {
                self.ending.remove(&seen.name);
            }
        }
    }

    pub(crate) async fn work(&mut self, api: &Api) -> bool {
        let mut left = false;
        let due: Vec<String> = self.ending.iter().filter(|(_, due)| **due).map(|(name, _)| name.clone()).collect();
        for name in due {
            match end(api, &name).await {
                Ok(true) => {
                    self.ending.remove(&name);
                }
                // Something holds it: what changes that is seen.
                Ok(false) => {
                    self.ending.insert(name, false);
                }
                Err(status) => {
                    again("ending a namespace", &name, &status);
                    left = true;
                }
            }
        }
        left
    }
}

/// Whether there is nothing left to do for the namespace.
async fn end(api: &Api, name: &str) -> Result<bool, Status> {
    let Some(target) = api.core("namespaces") else { return Ok(true) };
    let Some(stored) = api.storage.get(&target, None, name).await? else { return Ok(true) };
    if !meta::is_deleted(&stored.object) {
        return Ok(true);
    }
    let left = empty(api, name).await?;
    if left.is_empty() {
        let finalizers: Vec<Value> =
            finalizers(&stored.object).into_iter().filter(|one| one != OWN_FINALIZER).collect();
        let held = !finalizers.is_empty() || !meta::finalizers(&stored.object).is_empty();
        // A conflict is a change, which is seen.
        return Ok(put_finalizers(api, &target, stored, finalizers).await?.is_some() && !held);
    }
    report(api, &target, stored, &left).await?;
    Ok(false)
}

/// What keeps a namespace: a resource, how many of it, and their finalizers.
struct Left {
    resource: Arc<ResourceType>,
    count: usize,
    finalizers: Vec<String>,
}

/// Deletes all objects of a namespace; what stays.
async fn empty(api: &Api, namespace: &str) -> Result<Vec<Left>, Status> {
    let registry = api.registry.load_full();
    let mut prefixes = BTreeSet::new();
    let mut left = Vec::new();
    for resource in registry.types().filter(|resource| resource.namespaced) {
        let target = Target::new(&registry, resource.clone());
        let prefix = target.prefix(&api.storage.cluster, Some(namespace));
        if !prefixes.insert(prefix.clone()) {
            continue;
        }
        let listing =
            api.storage.store.list(&prefix, ListOptions::default()).await.map_err(|error| store_failure(&error))?;
        let mut stays = Left { resource: resource.clone(), count: 0, finalizers: Vec::new() };
        for kv in &listing.items {
            let object = target.read(kv)?;
            let stored = Stored { object, revision: kv.modified };
            // Nobody is there to stop a pod gently.
            let options = DeleteOptions {
                grace: Some(0),
                propagation: Some(Propagation::Background),
                ..DeleteOptions::default()
            };
            let attempt = Retirement { options: &options, now: api.now(), is_namespace: false };
            match attempt.attempt(&api.storage, &target, Some(namespace), &stored).await? {
                Some(Deleted::Gone { .. }) => {}
                _ => {
                    stays.count += 1;
                    stays.finalizers.extend(meta::finalizers(&stored.object).into_iter().map(str::to_owned));
                }
            }
        }
        if stays.count > 0 {
            left.push(stays);
        }
    }
    Ok(left)
}

/// Says in the namespace's status what keeps it, as the real controller does.
async fn report(api: &Api, target: &Target, stored: Stored, left: &[Left]) -> Result<(), Status> {
    let now = crate::delete::seconds(api.now());
    let content: Vec<String> = left
        .iter()
        .map(|left| {
            let plural = &left.resource.plural;
            format!("{plural}.{} has {} resource instances", left.resource.group, left.count)
        })
        .collect();
    let mut finalizers: Vec<String> = Vec::new();
    for finalizer in left.iter().flat_map(|left| &left.finalizers) {
        if !finalizers.contains(finalizer) {
            finalizers.push(finalizer.clone());
        }
    }
    let count =
        |finalizer: &String| left.iter().flat_map(|left| &left.finalizers).filter(|one| *one == finalizer).count();
    let waits: Vec<String> =
        finalizers.iter().map(|finalizer| format!("{finalizer} in {} resource instances", count(finalizer))).collect();
    let condition = |kind: &str, status: bool, reason: &str, message: &str| {
        json!({
            "type": kind, "status": if status { "True" } else { "False" }, "lastTransitionTime": now,
            "reason": reason, "message": message,
        })
    };
    let remaining = format!("Some resources are remaining: {}", content.join(", "));
    let held = format!("Some content in the namespace has finalizers remaining: {}", waits.join(", "));
    let conditions = json!([
        condition(
            "NamespaceDeletionDiscoveryFailure",
            false,
            "ResourcesDiscovered",
            "All resources successfully discovered"
        ),
        condition(
            "NamespaceDeletionGroupVersionParsingFailure",
            false,
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed"
        ),
        condition(
            "NamespaceDeletionContentFailure",
            false,
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization"
        ),
        condition("NamespaceContentRemaining", true, "SomeResourcesRemain", &remaining),
        condition("NamespaceFinalizersRemaining", !waits.is_empty(), "SomeFinalizersRemain", &held),
    ]);
    let said = |object: &Value| -> Vec<Value> {
        let list = object.pointer("/status/conditions").and_then(Value::as_array);
        list.into_iter().flatten().map(|one| one.get("message").cloned().unwrap_or_default()).collect()
    };
    let mut object = stored.object.clone();
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        status.insert("conditions".into(), conditions);
    }
    if said(&object) != said(&stored.object) {
        api.storage.replace(target, None, meta::name(&stored.object), stored.revision, object).await?;
    }
    Ok(())
}

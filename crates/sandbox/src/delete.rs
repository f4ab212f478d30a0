//! Deleting: at once, or by marking what finalizers, a grace period or a namespace's contents still hold.

use axum::http::header;
use entryway_objects::body::{self, Format};
use entryway_objects::status::Status;
use entryway_objects::validate::FieldError;
use entryway_store::Revision;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::failure::{Failure, forbidden, unsupported_body_type};
use crate::list;
use crate::query::{OptionsKind, WriteOptions, dry_run};
use crate::resource::ResourceCall;
use crate::respond::{Answer, Content};
use crate::storage::{Storage, Stored, Target};
use crate::{meta, namespaces};

/// The finalizer of an owner that goes after its dependents.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of an owner whose dependents stay.
pub(crate) const ORPHAN: &str = "orphan";

/// Resources whose deletion is answered with the object, by the real server's registries.
const ANSWERED_WITH_OBJECT: [(&str, &str); 12] = [
    ("", "namespaces"),
    ("", "persistentvolumeclaims"),
    ("", "persistentvolumes"),
    ("", "pods"),
    ("", "podtemplates"),
    ("", "resourcequotas"),
    ("", "serviceaccounts"),
    ("", "services"),
    ("storage.k8s.io", "csidrivers"),
    ("storage.k8s.io", "csinodes"),
    ("storage.k8s.io", "storageclasses"),
    ("storage.k8s.io", "volumeattachments"),
];

/// What becomes of the dependents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagation {
    Background,
    Foreground,
    Orphan,
}

/// How to delete.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeleteOptions {
    pub(crate) propagation: Option<Propagation>,
    /// Seconds; absent for the type's own.
    pub(crate) grace: Option<i64>,
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
    pub(crate) dry_run: bool,
}

impl DeleteOptions {
    fn read(call: &ResourceCall) -> Result<DeleteOptions, Failure> {
        let from_query = WriteOptions::read(&call.call.query, OptionsKind::Delete)?;
        let bytes = call.call.body.clone();
        let content_type = call.call.header(&header::CONTENT_TYPE);
        let object = match (bytes.is_empty(), Format::of_content_type(&content_type)) {
            (true, _) => json!({}),
            (false, Some(format)) => body::decode_delete_options(format, &bytes)?,
            (false, None) => {
                let accepted = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
                return Err(unsupported_body_type(accepted).into());
            }
        };
        let query = &call.call.query;
        let text =
            |member: &str| object.get(member).and_then(Value::as_str).or_else(|| query.get(member)).map(str::to_owned);
        let mut errors = Vec::new();
        let words: Vec<&str> =
            object.get("dryRun").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let dry = dry_run(&words, &mut errors) || from_query.dry_run;
        let orphan = match object.get("orphanDependents").and_then(Value::as_bool) {
            Some(orphan) => Some(orphan),
            None => query.has("orphanDependents").then(|| query.flag("orphanDependents")),
        };
        let propagation = propagation(text("propagationPolicy").as_deref(), orphan, &mut errors);
        let grace = match object.get("gracePeriodSeconds").and_then(Value::as_i64) {
            Some(grace) => Some(grace),
            None => query.number("gracePeriodSeconds")?,
        };
        if !errors.is_empty() {
            return Err(Status::invalid("meta.k8s.io", "DeleteOptions", "", &errors).into());
        }
        let precondition = |member: &str| {
            object.pointer(&format!("/preconditions/{member}")).and_then(Value::as_str).map(str::to_owned)
        };
        Ok(DeleteOptions {
            propagation,
            // A negative period means one second, as on the real server.
            grace: grace.map(|grace| if grace < 0 { 1 } else { grace }),
            uid: precondition("uid"),
            resource_version: precondition("resourceVersion"),
            dry_run: dry,
        })
    }
}

fn propagation(word: Option<&str>, orphan: Option<bool>, errors: &mut Vec<FieldError>) -> Option<Propagation> {
    if word.is_some() && orphan.is_some() {
        let why = "orphanDependents and deletionPropagation cannot be both set";
        errors.push(FieldError::invalid("propagationPolicy", &json!(word), why));
    }
    match (word, orphan) {
        (Some("Background"), _) | (None, Some(false)) => Some(Propagation::Background),
        (Some("Foreground"), _) => Some(Propagation::Foreground),
        (Some("Orphan"), _) | (None, Some(true)) => Some(Propagation::Orphan),
        (None, None) => None,
        (Some(other), _) => {
            let words = ["Background", "Foreground", "Orphan", "nil"];
            errors.push(FieldError::not_supported("propagationPolicy", &json!(other), &words));
            None
        }
    }
}

/// What a deletion came to.
#[derive(Debug, Clone)]
pub(crate) enum Deleted {
    /// The object is gone; it was this.
    Gone { object: Value, revision: Option<Revision> },
    /// It stays for now, marked.
    Marked { object: Value, revision: Option<Revision> },
}

/// `DELETE` of an object.
pub(crate) async fn delete(call: &mut ResourceCall) -> Result<Answer, Failure> {
    let options = DeleteOptions::read(call)?;
    let name = call.path.name.clone();
    Ok(match one(call, &name, &options).await? {
        Deleted::Marked { object, .. } => Answer::object(object),
        Deleted::Gone { object, .. } if is_answered_with_object(call) => Answer::object(object),
        Deleted::Gone { object, .. } => Answer::other(200, success(call, &object)),
    })
}

fn is_answered_with_object(call: &ResourceCall) -> bool {
    ANSWERED_WITH_OBJECT.contains(&(call.target.served.group.as_str(), call.target.served.plural.as_str()))
}

fn success(call: &ResourceCall, object: &Value) -> Value {
    let served = &call.target.served;
    entryway_objects::status::deleted(&served.group, &served.plural, meta::name(object), meta::uid(object))
}

/// `DELETE` of a collection: what the query selects, page by page.
pub(crate) async fn delete_collection(call: &mut ResourceCall) -> Result<Answer, Failure> {
    let options = DeleteOptions::read(call)?;
    let page = list::page(call).await?;
    for object in &page.items {
        match one(call, meta::name(object), &options).await {
            // Somebody else was faster with the same.
            Err(Failure::Status(status)) if status.reason == "NotFound" => {}
            done => drop(done?),
        }
    }
    let content = Content::List { items: page.items, metadata: page.metadata };
    Ok(Answer { code: 200, content, warnings: Vec::new() })
}

/// Deletes one object of the call's resource.
pub(crate) async fn one(call: &ResourceCall, name: &str, options: &DeleteOptions) -> Result<Deleted, Failure> {
    let api = &call.call.api;
    let served = &call.target.served;
    let is_namespace = served.group.is_empty() && served.plural == "namespaces";
    if is_namespace && namespaces::IMMORTAL.contains(&name) {
        return Err(forbidden("", "namespaces", name, "this namespace may not be deleted").into());
    }
    loop {
        let Some(current) = api.storage.get(&call.target, call.namespace(), name).await? else {
            return Err(call.not_found_name(name));
        };
        check_preconditions(call, name, &current, options)?;
        let retired = Retirement { options, now: api.now(), is_namespace };
        if let Some(deleted) = retired.attempt(&api.storage, &call.target, call.namespace(), &current).await? {
            if let Deleted::Gone { revision: Some(revision), .. } | Deleted::Marked { revision: Some(revision), .. } =
                &deleted
            {
                call.settle(name, *revision).await?;
            }
            return Ok(deleted);
        }
    }
}

fn check_preconditions(
    call: &ResourceCall,
    name: &str,
    current: &Stored,
    options: &DeleteOptions,
) -> Result<(), Status> {
    let conflict = |why: String| Err(Status::conflict(&call.target.served.group, &call.target.served.kind, name, &why));
    let uid = meta::uid(&current.object);
    match (&options.uid, &options.resource_version) {
        (Some(wanted), _) if wanted != uid => conflict(format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). The object might have been deleted and then recreated"
        )),
        (_, Some(wanted)) if *wanted != current.revision.to_string() => conflict(format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({}). The object might have been modified",
            current.revision
        )),
        _ => Ok(()),
    }
}

/// One attempt to delete what was just read.
pub(crate) struct Retirement<'a> {
    pub(crate) options: &'a DeleteOptions,
    pub(crate) now: Timestamp,
    pub(crate) is_namespace: bool,
}

impl Retirement<'_> {
    /// Deletes or marks; `None` where the object changed meanwhile.
    pub(crate) async fn attempt(
        &self,
        storage: &Storage,
        target: &Target,
        namespace: Option<&str>,
        current: &Stored,
    ) -> Result<Option<Deleted>, Status> {
        let mut object = current.object.clone();
        match self.options.propagation {
            None => {}
            Some(Propagation::Background) => {
                meta::remove_finalizer(&mut object, FOREGROUND);
                meta::remove_finalizer(&mut object, ORPHAN);
            }
            Some(Propagation::Foreground) => {
                meta::remove_finalizer(&mut object, ORPHAN);
                meta::add_finalizer(&mut object, FOREGROUND);
            }
            Some(Propagation::Orphan) => {
                meta::remove_finalizer(&mut object, FOREGROUND);
                meta::add_finalizer(&mut object, ORPHAN);
            }
        }
        let grace = self.grace(target, &object);
        let stays =
            grace > 0 || !meta::finalizers(&object).is_empty() || self.is_namespace && namespaces::is_held(&object);
        let name = meta::name(&object).to_owned();
        if !stays {
            if self.options.dry_run {
                return Ok(Some(Deleted::Gone { object, revision: None }));
            }
            let removed = storage.remove(target, namespace, &name, current.revision).await?;
            return Ok(removed.map(|revision| Deleted::Gone { object, revision: Some(revision) }));
        }
        self.mark(&mut object, grace);
        if object == current.object || self.options.dry_run {
            return Ok(Some(Deleted::Marked { object, revision: None }));
        }
        let replaced = storage.replace(target, namespace, &name, current.revision, object).await?;
        Ok(replaced.map(|stored| Deleted::Marked { object: stored.object, revision: Some(stored.revision) }))
    }

    /// Only a pod on a node has time to stop; here nothing else does.
    fn grace(&self, target: &Target, object: &Value) -> i64 {
        let is_pod = target.served.group.is_empty() && target.served.plural == "pods";
        let on_node = object.pointer("/spec/nodeName").and_then(Value::as_str).is_some_and(|node| !node.is_empty());
        let phase = object.pointer("/status/phase").and_then(Value::as_str).unwrap_or_default();
        if !is_pod || !on_node || matches!(phase, "Succeeded" | "Failed") {
            return 0;
        }
        let own = object.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_i64);
        self.options.grace.or(own).unwrap_or(30)
    }

    fn mark(&self, object: &mut Value, grace: i64) {
        if meta::is_deleted(object) {
            return;
        }
        let at = self.now.checked_add(SignedDuration::from_secs(grace)).unwrap_or(self.now);
        meta::set(object, "deletionTimestamp", seconds(at).into());
        if self.is_namespace {
            if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
                status.insert("phase".into(), "Terminating".into());
            }
            return;
        }
        meta::set(object, "deletionGracePeriodSeconds", grace.into());
        if let Some(generation) = object.pointer("/metadata/generation").and_then(Value::as_i64) {
            meta::set(object, "generation", (generation + 1).into());
        }
    }
}

/// A time to the second, as Kubernetes writes it.
pub(crate) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

//! Creating objects.

use entryway_objects::apply::{Manager, track_update};
use entryway_objects::lifecycle::{self, Creation};
use entryway_objects::status::{Status, StatusCause};
use entryway_objects::{body, status::StatusDetails};
use entryway_store::Revision;
use serde_json::Value;

use crate::admit;
use crate::failure::{Failure, forbidden};
use crate::meta;
use crate::query::{OptionsKind, WriteOptions};
use crate::resource::ResourceCall;
use crate::respond::Answer;
use crate::storage::{NotInserted, Stored};

/// So often a generated name that is taken is tried anew, as on the real server.
const NAME_TRIES: usize = 8;

/// `POST` of a collection.
pub(crate) async fn create(call: &mut ResourceCall) -> Result<Answer, Failure> {
    let options = WriteOptions::read(&call.call.query, OptionsKind::Create)?;
    let (format, bytes) = call.body()?;
    let decoded = body::decode(&call.target.served, format, &bytes, options.validation)?;
    check_namespace(call, &decoded.object)?;
    let manager = call.call.manager(options.manager.as_deref());
    let object = insert(call, decoded.object, &options, Managed::Update(&manager)).await?;
    Ok(Answer::created(object).with_warnings(decoded.warnings))
}

/// The namespace that an object names must be that of the path.
pub(crate) fn check_namespace(call: &ResourceCall, object: &Value) -> Result<(), Status> {
    let named = meta::namespace(object);
    match call.namespace() {
        Some(namespace) if !named.is_empty() && named != namespace => Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        )),
        _ => Ok(()),
    }
}

/// Whether `managedFields` are still to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Managed<'a> {
    /// By this manager's update.
    Update(&'a str),
    /// They were, by apply.
    Done,
}

/// Stores a new object (or would, on a dry run) and gives it as stored.
pub(crate) async fn insert(
    call: &ResourceCall,
    object: Value,
    options: &WriteOptions,
    managed: Managed<'_>,
) -> Result<Value, Failure> {
    let api = &call.call.api;
    let generated = meta::name(&object).is_empty() && !meta::text(&object, "generateName").is_empty();
    let mut escalation_checked = false;
    let mut tries = 0;
    loop {
        let namespace_at = live_namespace(call, meta::name(&object)).await?;
        if !escalation_checked {
            call.check_escalation(None, &object)?;
            escalation_checked = true;
        }
        let now = api.now();
        let admitted = admit::admit(call, &object).await?;
        let with = Creation {
            namespace: call.namespace(),
            uid: &uuid::Uuid::new_v4().to_string(),
            now,
            seed: rand::random(),
            mounts_token: admitted.mounts_token,
        };
        let mut new = object.clone();
        if let Managed::Update(name) = managed {
            // What the server itself adds later is nobody's.
            new = lifecycle::default(&call.target.served, new);
            track_update(&call.target.served, None, &mut new, Manager { name, subresource: None, now });
        }
        sign(call, &mut new);
        admitted.complete(&mut new);
        let created = lifecycle::create(&call.target.served, new, &with)?;
        let name = meta::name(&created).to_owned();
        if options.dry_run {
            return match api.storage.get(&call.target, call.namespace(), &name).await? {
                Some(_) => Err(exists(call, &name)),
                None => Ok(created),
            };
        }
        match api.storage.insert(&call.target, call.namespace(), &name, namespace_at, created).await {
            Ok(Stored { object, revision }) => {
                call.settle(&name, revision).await?;
                return Ok(object);
            }
            Err(NotInserted::NamespaceMoved) => {}
            Err(NotInserted::Exists) if generated && tries + 1 < NAME_TRIES => tries += 1,
            Err(NotInserted::Exists) => return Err(exists(call, &name)),
            Err(NotInserted::Failed(status)) => return Err(status.into()),
        }
    }
}

/// A certificate signing request says who made it, whatever its maker says.
fn sign(call: &ResourceCall, object: &mut Value) {
    let served = &call.target.served;
    if served.group != "certificates.k8s.io" || served.plural != "certificatesigningrequests" {
        return;
    }
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
    for member in ["username", "uid", "groups", "extra"] {
        spec.remove(member);
    }
    if let Ok(Value::Object(user)) = serde_json::to_value(&call.call.user) {
        spec.extend(user);
    }
}

fn exists(call: &ResourceCall, name: &str) -> Failure {
    Status::already_exists(&call.target.served.group, &call.target.served.plural, name).into()
}

/// The key and revision of the namespace that the object goes to; it must exist and stay.
async fn live_namespace(call: &ResourceCall, name: &str) -> Result<Option<(String, Revision)>, Failure> {
    let Some(namespace) = call.namespace() else { return Ok(None) };
    let api = &call.call.api;
    let target = api.core("namespaces").ok_or_else(Status::unknown_path)?;
    let Some(stored) = api.storage.get(&target, None, namespace).await? else {
        return Err(crate::failure::gone_missing("", "namespaces", namespace));
    };
    if meta::is_deleted(&stored.object) {
        let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut status = forbidden(&call.target.served.group, &call.target.served.plural, name, &why);
        let details = status.details.get_or_insert_with(StatusDetails::default);
        details.causes.push(StatusCause {
            reason: "NamespaceTerminating".into(),
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".into(),
        });
        return Err(status.into());
    }
    Ok(Some((target.key(&api.storage.cluster, None, namespace), stored.revision)))
}

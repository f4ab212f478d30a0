//! Replacing objects, and the way that every change of an object takes: prepared, checked, compared and put.

use entryway_access::{Attributes, Resource};
use entryway_objects::apply::{Manager, track_update};
use entryway_objects::status::Status;
use entryway_objects::{body, lifecycle};
use serde_json::Value;

use crate::create::{self, Managed, check_namespace};
use crate::failure::Failure;
use crate::query::{OptionsKind, WriteOptions, object_version};
use crate::resource::ResourceCall;
use crate::respond::Answer;
use crate::storage::Stored;
use crate::{authorize, meta};

/// Resources whose objects a `PUT` may create, by the real server's strategies.
const CREATED_BY_UPDATE: [(&str, &str); 10] = [
    ("", "endpoints"),
    ("", "events"),
    ("", "limitranges"),
    ("", "services"),
    ("coordination.k8s.io", "leases"),
    ("events.k8s.io", "events"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "rolebindings"),
    ("rbac.authorization.k8s.io", "roles"),
];

/// `PUT` of an object or of a subresource that has the object's own form.
pub(crate) async fn update(call: &mut ResourceCall, subresource: Option<&str>) -> Result<Answer, Failure> {
    let options = WriteOptions::read(&call.call.query, OptionsKind::Update)?;
    let (format, bytes) = call.body()?;
    let decoded = body::decode(&call.target.served, format, &bytes, options.validation)?;
    check_namespace(call, &decoded.object)?;
    check_name(call, &decoded.object)?;
    let manager = call.call.manager(options.manager.as_deref());
    let name = call.path.name.clone();
    loop {
        let Some(current) = call.call.api.storage.get(&call.target, call.namespace(), &name).await? else {
            let resource = (call.target.served.group.as_str(), call.target.served.plural.as_str());
            if subresource.is_none() && CREATED_BY_UPDATE.contains(&resource) {
                check_may_create(call)?;
                let object = create::insert(call, decoded.object, &options, Managed::Update(&manager)).await?;
                return Ok(Answer::created(object).with_warnings(decoded.warnings));
            }
            return Err(call.not_found());
        };
        let given = meta::text(&decoded.object, "resourceVersion");
        check_preconditions(call, &current, &decoded.object)?;
        let change = Change { subresource, managed: Managed::Update(&manager), dry_run: options.dry_run };
        match change.put(call, &current, decoded.object.clone()).await? {
            Some(object) => return Ok(Answer::object(object).with_warnings(decoded.warnings)),
            None if !given.is_empty() => return Err(call.modified(&name).into()),
            None => {}
        }
    }
}

/// The name that an object has must be that of the path.
pub(crate) fn check_name(call: &ResourceCall, object: &Value) -> Result<(), Status> {
    let (named, wanted) = (meta::name(object), call.path.name.as_str());
    match named {
        "" => Err(Status::bad_request(format!(
            "the name of the object ({wanted} based on URL) was undeterminable: name must be provided"
        ))),
        named if named != wanted => Err(Status::bad_request(format!(
            "the name of the object ({named}) does not match the name on the URL ({wanted})"
        ))),
        _ => Ok(()),
    }
}

/// Whoever creates by another verb must be allowed to create.
pub(crate) fn check_may_create(call: &ResourceCall) -> Result<(), Status> {
    let attributes = Attributes::Resource {
        verb: "create",
        resource: Resource {
            group: &call.path.group,
            resource: &call.path.resource,
            subresource: &call.path.subresource,
            namespace: &call.path.namespace,
            name: &call.path.name,
        },
    };
    let snapshot = call.call.api.config.authority.snapshot();
    authorize::check(&snapshot, &call.call.user, attributes, call.call.api.now())
}

/// What a new version may demand of the current one: its uid, its resource version.
pub(crate) fn check_preconditions(call: &ResourceCall, current: &Stored, new: &Value) -> Result<(), Failure> {
    let name = &call.path.name;
    let (wanted, is) = (meta::uid(new), meta::uid(&current.object));
    if !wanted.is_empty() && wanted != is {
        let place = match call.namespace() {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name.clone(),
        };
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}/{place}, ResourceVersion: 0, \
             AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, UID in object meta: {is}",
            call.target.served.plural
        );
        return Err(Status::conflict(&call.target.served.group, &call.target.served.plural, name, &why).into());
    }
    check_version(call, current, new)
}

/// The resource version that a new version may demand of the current one.
pub(crate) fn check_version(call: &ResourceCall, current: &Stored, new: &Value) -> Result<(), Failure> {
    match meta::text(new, "resourceVersion") {
        "" => Ok(()),
        version if object_version(version)? == current.revision => Ok(()),
        _ => Err(call.modified(&call.path.name).into()),
    }
}

/// A change of one object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) subresource: Option<&'a str>,
    pub(crate) managed: Managed<'a>,
    pub(crate) dry_run: bool,
}

impl Change<'_> {
    /// Puts `new` in place of `current`; the object as it is then. `None` where somebody was faster.
    pub(crate) async fn put(
        &self,
        call: &ResourceCall,
        current: &Stored,
        new: Value,
    ) -> Result<Option<Value>, Failure> {
        let api = &call.call.api;
        let old = &current.object;
        if self.subresource.is_none() {
            call.check_escalation(Some(old), &new)?;
        }
        let mut new = lifecycle::update(&call.target.served, self.subresource, old, new)?;
        if let Managed::Update(name) = self.managed {
            let manager = Manager { name, subresource: self.subresource, now: api.now() };
            track_update(&call.target.served, Some(old), &mut new, manager);
        }
        if lifecycle::same(old, &new) {
            return Ok(Some(old.clone()));
        }
        let name = meta::name(old).to_owned();
        let finished = meta::is_deleted(&new) && meta::finalizers(&new).is_empty() && !holds_namespace(call, &new);
        if self.dry_run {
            return Ok(Some(new));
        }
        if finished && grace_is_over(&new) {
            let Some(revision) = api.storage.remove(&call.target, call.namespace(), &name, current.revision).await?
            else {
                return Ok(None);
            };
            call.settle(&name, revision).await?;
            return Ok(Some(new));
        }
        match api.storage.replace(&call.target, call.namespace(), &name, current.revision, new).await? {
            Some(Stored { object, revision }) => {
                call.settle(&name, revision).await?;
                Ok(Some(object))
            }
            None => Ok(None),
        }
    }
}

/// A namespace stays until its own finalizers are done, which are not those of its metadata.
fn holds_namespace(call: &ResourceCall, object: &Value) -> bool {
    call.target.served.group.is_empty()
        && call.target.served.plural == "namespaces"
        && object.pointer("/spec/finalizers").and_then(Value::as_array).is_some_and(|list| !list.is_empty())
}

fn grace_is_over(object: &Value) -> bool {
    object.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(0) == 0
}

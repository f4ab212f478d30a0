//! Patches of all kinds, apply among them.

use axum::http::header;
use entryway_objects::apply::{self, Manager};
use entryway_objects::body;
use entryway_objects::patch::{self, PatchType};
use entryway_objects::status::Status;
use serde_json::Value;

use crate::create::{self, Managed};
use crate::failure::{Failure, unsupported_body_type};
use crate::meta;
use crate::query::{OptionsKind, WriteOptions};
use crate::resource::ResourceCall;
use crate::respond::Answer;
use crate::update::{Change, check_may_create, check_name, check_version};

/// So often a patch is tried on a newer version, as on the real server.
const TRIES: usize = 5;

/// `PATCH` of an object or of a subresource that has the object's own form.
pub(crate) async fn patch(call: &mut ResourceCall, subresource: Option<&str>) -> Result<Answer, Failure> {
    let patch_type = patch_type(call)?;
    let apply = patch_type == PatchType::Apply;
    let options = WriteOptions::read(&call.call.query, OptionsKind::Patch { apply })?;
    let bytes = call.call.body.clone();
    let manager = call.call.manager(options.manager.as_deref());
    if apply {
        return apply_patch(call, subresource, &options, &bytes, &manager).await;
    }
    let mut warnings = Vec::new();
    for _ in 0..TRIES {
        let name = call.path.name.clone();
        let Some(current) = call.call.api.storage.get(&call.target, call.namespace(), &name).await? else {
            return Err(call.not_found());
        };
        let decoded =
            patch::apply_checked(&call.target.served, patch_type, &current.object, &bytes, options.validation)?;
        warnings = decoded.warnings;
        create::check_namespace(call, &decoded.object)?;
        check_name(call, &decoded.object)?;
        check_version(call, &current, &decoded.object)?;
        let change = Change { subresource, managed: Managed::Update(&manager), dry_run: options.dry_run };
        if let Some(object) = change.put(call, &current, decoded.object).await? {
            return Ok(Answer::object(object).with_warnings(warnings));
        }
    }
    drop(warnings);
    Err(call.modified(&call.path.name).into())
}

/// The patch's type, which must be one that the resource has.
pub(crate) fn patch_type(call: &ResourceCall) -> Result<PatchType, Failure> {
    let content_type = call.call.header(&header::CONTENT_TYPE);
    match PatchType::of_content_type(&content_type) {
        Some(PatchType::Strategic) if call.target.served.custom.is_some() => Err(unsupported_body_type(
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        )
        .into()),
        Some(patch_type) => Ok(patch_type),
        None => Err(crate::failure::unsupported_route_type().into()),
    }
}

async fn apply_patch(
    call: &mut ResourceCall,
    subresource: Option<&str>,
    options: &WriteOptions,
    bytes: &[u8],
    manager: &str,
) -> Result<Answer, Failure> {
    let sent = body::decode_apply(&call.target.served, bytes, options.validation)?;
    let applied = sent.object;
    for _ in 0..TRIES {
        let name = call.path.name.clone();
        let current = call.call.api.storage.get(&call.target, call.namespace(), &name).await?;
        let by = Manager { name: manager, subresource, now: call.call.api.now() };
        let Some(current) = current else {
            if subresource.is_some() {
                return Err(call.not_found());
            }
            check_may_create(call)?;
            let merged = apply::apply(&call.target.served, None, &applied, by, options.force)?;
            let decoded = body::retype(&call.target.served, merged, options.validation)?;
            check_no_uid(call, &applied)?;
            create::check_namespace(call, &decoded.object)?;
            check_name(call, &decoded.object)?;
            let warnings = sent.warnings.iter().cloned().chain(decoded.warnings).collect();
            return match create::insert(call, decoded.object, options, Managed::Done).await {
                Ok(object) => Ok(Answer::created(object).with_warnings(warnings)),
                Err(Failure::Status(status)) if status.reason == "AlreadyExists" => continue,
                Err(failure) => Err(failure),
            };
        };
        let merged = apply::apply(&call.target.served, Some(&current.object), &applied, by, options.force)?;
        let mut decoded = body::retype(&call.target.served, merged, options.validation)?;
        // Nobody owns these, but whoever names them means them.
        for field in ["resourceVersion", "uid"] {
            if let demand @ Value::String(_) = applied.pointer(&format!("/metadata/{field}")).unwrap_or(&Value::Null) {
                meta::set(&mut decoded.object, field, demand.clone());
            }
        }
        create::check_namespace(call, &decoded.object)?;
        check_name(call, &decoded.object)?;
        check_version(call, &current, &decoded.object)?;
        let warnings: Vec<String> = sent.warnings.iter().cloned().chain(decoded.warnings).collect();
        let change = Change { subresource, managed: Managed::Done, dry_run: options.dry_run };
        if let Some(object) = change.put(call, &current, decoded.object).await? {
            return Ok(Answer::object(object).with_warnings(warnings));
        }
    }
    Err(call.modified(&call.path.name).into())
}

/// A new object can't have been another one before.
fn check_no_uid(call: &ResourceCall, object: &Value) -> Result<(), Status> {
    let uid = meta::uid(object);
    if uid.is_empty() {
        return Ok(());
    }
    let served = &call.target.served;
    let why = format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
    Err(Status::conflict(&served.group, &served.plural, &call.path.name, &why))
}

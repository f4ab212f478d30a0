//! Patches of all kinds, apply among them.

use axum::http::header;
use entryway_objects::apply::{self, Manager};
use entryway_objects::body::{self, FieldValidation, Format};
use entryway_objects::patch::{self, PatchType};
use entryway_objects::status::Status;
use serde_json::Value;

use crate::create::{self, Managed};
use crate::failure::{Failure, unsupported_body_type};
use crate::meta;
use crate::query::{OptionsKind, WriteOptions};
use crate::resource::ResourceCall;
use crate::respond::Answer;
use crate::update::{Change, check_may_create, check_name, check_preconditions};

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
        let patched = patch::apply(&call.target.served, patch_type, &current.object, &bytes)?;
        let decoded = body::retype(&call.target.served, patched, options.validation)?;
        warnings = decoded.warnings;
        check_name(call, &decoded.object)?;
        create::check_namespace(call, &decoded.object)?;
        check_preconditions(call, &current, &decoded.object)?;
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
    let applied = applied(call, bytes)?;
    if applied.pointer("/metadata/managedFields").is_some_and(|fields| !fields.is_null()) {
        return Err(Status::bad_request("metadata.managedFields must be nil").into());
    }
    check_name(call, &applied)?;
    create::check_namespace(call, &applied)?;
    for _ in 0..TRIES {
        let name = call.path.name.clone();
        let current = call.call.api.storage.get(&call.target, call.namespace(), &name).await?;
        let by = Manager { name: manager, subresource, now: call.call.api.now() };
        let Some(current) = current else {
            if subresource.is_some() {
                return Err(call.not_found());
            }
            check_may_create(call)?;
            if !meta::uid(&applied).is_empty() {
                return Err(Status::conflict(
                    &call.target.served.group,
                    &call.target.served.plural,
                    &name,
                    &format!(
                        "uid mismatch: the provided object specified uid {}, and no existing object was found",
                        meta::uid(&applied)
                    ),
                )
                .into());
            }
            let merged = apply::apply(&call.target.served, None, &applied, by, options.force)?;
            let decoded = body::retype(&call.target.served, merged, options.validation)?;
            return match create::insert(call, decoded.object, options, Managed::Done).await {
                Ok(object) => Ok(Answer::created(object).with_warnings(decoded.warnings)),
                Err(Failure::Status(status)) if status.reason == "AlreadyExists" => continue,
                Err(failure) => Err(failure),
            };
        };
        check_preconditions(call, &current, &applied)?;
        let merged = apply::apply(&call.target.served, Some(&current.object), &applied, by, options.force)?;
        let decoded = body::retype(&call.target.served, merged, options.validation)?;
        let change = Change { subresource, managed: Managed::Done, dry_run: options.dry_run };
        if let Some(object) = change.put(call, &current, decoded.object).await? {
            return Ok(Answer::object(object).with_warnings(decoded.warnings));
        }
    }
    Err(call.modified(&call.path.name).into())
}

/// The configuration as it was sent: what is not in it is not applied, so nothing is filled in.
fn applied(call: &ResourceCall, bytes: &[u8]) -> Result<Value, Failure> {
    let unreadable =
        |why: String| Status::bad_request(format!("error decoding YAML: error converting YAML to JSON: {why}"));
    let (mut applied, _) = body::parse_yaml(bytes).map_err(unreadable)?;
    let served = &call.target.served;
    let text = |member: &str| applied.get(member).and_then(Value::as_str).unwrap_or_default();
    if text("apiVersion") != served.api_version() {
        return Err(Status::bad_request(format!(
            "Incorrect version specified in apply patch. Specified patch version: {}, expected: {}",
            text("apiVersion"),
            served.api_version()
        ))
        .into());
    }
    if text("kind") != served.kind {
        // The decoder has the words for it.
        body::decode(served, Format::Yaml, bytes, FieldValidation::Ignore)?;
    }
    if let Some(fields) = applied.as_object_mut() {
        let metadata = fields.entry("metadata").or_insert_with(|| Value::Object(Default::default()));
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.entry("name").or_insert_with(|| call.path.name.clone().into());
        }
    }
    Ok(applied)
}

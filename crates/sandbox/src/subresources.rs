//! Subresources that have a form of their own: scale, token, eviction, binding.

use entryway_access::UserInfo;
use entryway_objects::apply::{Manager, track_update};
use entryway_objects::body::{self, FieldValidation};
use entryway_objects::lifecycle;
use entryway_objects::patch::{self, PatchType};
use entryway_objects::registry::ResourceType;
use entryway_objects::status::Status;
use entryway_objects::validate::FieldError;
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use crate::create::{self, Managed};
use crate::delete::{self, DeleteOptions, seconds};
use crate::failure::{Failure, internal};
use crate::meta;
use crate::query::{OptionsKind, WriteOptions, object_version};
use crate::resource::ResourceCall;
use crate::respond::Answer;
use crate::storage::Stored;
use crate::token::{Bound, Claims, Named};
use crate::update::{self, Change};

/// How long a token lasts where nothing is asked for, and the bounds of what may be asked for, in seconds.
const TOKEN_SECONDS: i64 = 3600;
const SHORTEST_TOKEN: i64 = 600;
const LONGEST_TOKEN: i64 = 1 << 32;

async fn current(call: &ResourceCall) -> Result<Stored, Failure> {
    let found = call.call.api.storage.get(&call.target, call.namespace(), &call.path.name).await?;
    found.ok_or_else(|| call.not_found())
}

fn done() -> Answer {
    Answer::other(201, json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}))
}

/// `GET`, `PUT`, `PATCH` of an object's scale.
pub(crate) async fn scale(call: &mut ResourceCall, verb: &str) -> Result<Answer, Failure> {
    let no_scale = || Failure::from(Status::unknown_path());
    if verb == "get" {
        let stored = current(call).await?;
        return Ok(Answer::other(200, lifecycle::scale_of(&call.target.served, &stored.object).ok_or_else(no_scale)?));
    }
    let kind = if verb == "patch" { OptionsKind::Patch { apply: false } } else { OptionsKind::Update };
    let options = WriteOptions::read(&call.call.query, kind)?;
    let patch_type = if verb == "patch" { Some(crate::patch::patch_type(call)?) } else { None };
    let (format, bytes) = match patch_type {
        Some(_) => (body::Format::Json, call.call.body.clone()),
        None => call.body()?,
    };
    let manager = call.call.manager(options.manager.as_deref());
    loop {
        let stored = current(call).await?;
        let scale = lifecycle::scale_of(&call.target.served, &stored.object).ok_or_else(no_scale)?;
        let wanted = match patch_type {
            // A Scale has no lists to merge, so a strategic patch is a merge patch.
            Some(PatchType::Strategic) => patch::apply(&call.target.served, PatchType::Merge, &scale, &bytes)?,
            Some(PatchType::Apply) => {
                return Err(Status::bad_request("apply is not supported on the scale subresource").into());
            }
            Some(patch_type) => patch::apply(&call.target.served, patch_type, &scale, &bytes)?,
            None => body::decode_kind("autoscaling", "v1", "Scale", format, &bytes, options.validation)?.object,
        };
        create::check_namespace(call, &wanted)?;
        update::check_name(call, &wanted)?;
        let given = meta::text(&wanted, "resourceVersion");
        if !given.is_empty() && object_version(given)? != stored.revision {
            return Err(call.modified(&call.path.name).into());
        }
        let mut object = stored.object.clone();
        lifecycle::set_scale(&call.target.served, &mut object, &wanted)?;
        let change = Change { subresource: None, managed: Managed::Update(&manager), dry_run: options.dry_run };
        if let Some(object) = change.put(call, &stored, object).await? {
            return Ok(Answer::other(200, lifecycle::scale_of(&call.target.served, &object).ok_or_else(no_scale)?));
        }
    }
}

/// `POST` of a service account's token.
pub(crate) async fn token(call: &mut ResourceCall) -> Result<Answer, Failure> {
    let options = WriteOptions::read(&call.call.query, OptionsKind::Create)?;
    let (format, bytes) = call.body()?;
    let mut request =
        body::decode_kind("authentication.k8s.io", "v1", "TokenRequest", format, &bytes, options.validation)?.object;
    create::check_namespace(call, &request)?;
    let named = meta::name(&request);
    if !named.is_empty() && named != call.path.name {
        let detail = "must match the service account name if specified";
        let error = FieldError::invalid_text("metadata.name", named, detail);
        return Err(Status::invalid("authentication.k8s.io", "TokenRequest", &call.path.name, &[error]).into());
    }
    let account = current(call).await?.object;
    let api = &call.call.api;
    let wanted: Vec<String> = strings(&request, "/spec/audiences");
    let audiences = if wanted.is_empty() { vec![api.config.issuer.clone()] } else { wanted };
    let lifetime = request.pointer("/spec/expirationSeconds").and_then(Value::as_i64).unwrap_or(TOKEN_SECONDS);
    check_lifetime(lifetime)?;
    let bound = bound(call, &account, &request).await?;
    let now = api.now();
    let at = now.checked_add(SignedDuration::from_secs(lifetime)).map_err(|error| internal(&error.to_string()))?;
    let id = uuid::Uuid::new_v4().to_string();
    let claims = Claims {
        iss: api.config.issuer.clone(),
        aud: audiences.clone(),
        sub: UserInfo::service_account(meta::namespace(&account), meta::name(&account)).username,
        exp: Some(at.as_second()),
        nbf: Some(now.as_second()),
        iat: Some(now.as_second()),
        jti: Some(id),
        bound: Some(bound),
        secret_namespace: None,
        secret_name: None,
        secret_account: None,
        secret_account_uid: None,
    };
    let claims = serde_json::to_value(claims).map_err(|error| internal(&error.to_string()))?;
    let token = api.config.token_key.sign(&claims).map_err(|error| internal(&error.to_string()))?;
    if let Some(request) = request.as_object_mut() {
        request.insert(
            "metadata".into(),
            json!({
                "name": meta::name(&account), "namespace": meta::namespace(&account), "uid": meta::uid(&account),
                "creationTimestamp": seconds(now),
            }),
        );
        put(request, "spec", "expirationSeconds", lifetime.into());
    }
    let manager = call.call.manager(options.manager.as_deref());
    let by = Manager { name: &manager, subresource: Some("token"), now };
    track_update(&token_request(call), None, &mut request, by);
    if let Some(request) = request.as_object_mut() {
        // The audiences are the server's word, also where the client said nothing.
        put(request, "spec", "audiences", audiences.into());
        request.insert("status".into(), json!({"token": token, "expirationTimestamp": seconds(at)}));
    }
    Ok(Answer::other(201, request))
}

fn put(object: &mut Map<String, Value>, part: &str, member: &str, value: Value) {
    if let Some(part) = object.entry(part).or_insert_with(|| json!({})).as_object_mut() {
        part.insert(member.to_owned(), value);
    }
}

/// The type of a token request, which is no resource of its own.
fn token_request(call: &ResourceCall) -> ResourceType {
    ResourceType {
        group: "authentication.k8s.io".into(),
        version: "v1".into(),
        kind: "TokenRequest".into(),
        ..ResourceType::clone(&call.target.served)
    }
}

fn strings(object: &Value, pointer: &str) -> Vec<String> {
    let list = object.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn check_lifetime(seconds: i64) -> Result<(), Status> {
    let why = match seconds {
        ..SHORTEST_TOKEN => "may not specify a duration less than 10 minutes",
        SHORTEST_TOKEN..=LONGEST_TOKEN => return Ok(()),
        _ => "may not specify a duration larger than 2^32 seconds",
    };
    let error = FieldError::invalid("spec.expirationSeconds", &seconds.into(), why);
    Err(Status::invalid("authentication.k8s.io", "TokenRequest", "", &[error]))
}

/// What the token is bound to, besides its account: a pod or a Secret of the namespace that is there.
async fn bound(call: &ResourceCall, account: &Value, request: &Value) -> Result<Bound, Failure> {
    let named = |object: &Value| Named { name: meta::name(object).to_owned(), uid: meta::uid(object).to_owned() };
    let mut bound = Bound {
        namespace: meta::namespace(account).to_owned(),
        serviceaccount: named(account),
        pod: None,
        secret: None,
        node: None,
    };
    let Some(reference) = request.pointer("/spec/boundObjectRef").filter(|reference| !reference.is_null()) else {
        return Ok(bound);
    };
    let text = |member: &str| reference.get(member).and_then(Value::as_str).unwrap_or_default();
    let (kind, name, uid) = (text("kind"), text("name"), text("uid"));
    let plural = match (text("apiVersion"), kind) {
        ("v1", "Pod") => "pods",
        ("v1", "Secret") => "secrets",
        ("v1", "Node") => "nodes",
        (version, kind) => {
            let why = format!("cannot bind token for serviceaccount to a type: {version}, Kind={kind}");
            return Err(Status::bad_request(why).into());
        }
    };
    let api = &call.call.api;
    let target = api.core(plural).ok_or_else(Status::unknown_path)?;
    let namespace = (plural != "nodes").then_some(bound.namespace.as_str());
    let Some(stored) = api.storage.get(&target, namespace, name).await? else {
        return Err(crate::failure::gone_missing("", plural, name));
    };
    if !uid.is_empty() && uid != meta::uid(&stored.object) {
        let why = format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
        );
        return Err(Status::conflict("", plural, name, &why).into());
    }
    let found = Some(named(&stored.object));
    match plural {
        "pods" => bound.pod = found,
        "secrets" => bound.secret = found,
        _ => bound.node = found,
    }
    Ok(bound)
}

/// `POST` of a pod's eviction: a deletion that asks politely; there are no disruptions to count here.
pub(crate) async fn evict(call: &mut ResourceCall) -> Result<Answer, Failure> {
    let (format, bytes) = call.body()?;
    let options = WriteOptions::read(&call.call.query, OptionsKind::Create)?;
    let eviction = body::decode_kind("policy", "v1", "Eviction", format, &bytes, FieldValidation::Ignore)?.object;
    let named = meta::name(&eviction);
    if !named.is_empty() && named != call.path.name {
        return Err(Status::bad_request("name in URL does not match name in Eviction object").into());
    }
    let wanted = |pointer: &str| eviction.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let delete = DeleteOptions {
        grace: eviction.pointer("/deleteOptions/gracePeriodSeconds").and_then(Value::as_i64),
        uid: wanted("/deleteOptions/preconditions/uid"),
        resource_version: wanted("/deleteOptions/preconditions/resourceVersion"),
        dry_run: options.dry_run || !strings(&eviction, "/deleteOptions/dryRun").is_empty(),
        propagation: None,
    };
    let name = call.path.name.clone();
    delete::one(call, &name, &delete).await?;
    Ok(done())
}

/// `POST` of a binding, as `pods/binding` or `bindings`: puts a pod on a node.
pub(crate) async fn bind(call: &mut ResourceCall) -> Result<Answer, Failure> {
    let options = WriteOptions::read(&call.call.query, OptionsKind::Create)?;
    let (format, bytes) = call.body()?;
    let binding = body::decode_kind("", "v1", "Binding", format, &bytes, options.validation)?.object;
    if call.path.name.is_empty() {
        call.path.name = meta::name(&binding).to_owned();
    }
    let node = binding.pointer("/target/name").and_then(Value::as_str).unwrap_or_default().to_owned();
    if node.is_empty() {
        let error = FieldError::required("target.name", "");
        return Err(Status::invalid("", "Binding", &call.path.name, &[error]).into());
    }
    let pods = call.call.api.core("pods").ok_or_else(Status::unknown_path)?;
    call.target = pods;
    loop {
        let stored = current(call).await?;
        let held = stored.object.pointer("/spec/nodeName").and_then(Value::as_str).unwrap_or_default();
        if !held.is_empty() {
            let why = format!("pod {} is already assigned to node {}", call.path.name, crate::text::quote(held));
            return Err(Status::conflict("", "pods/binding", &call.path.name, &why).into());
        }
        let mut object = stored.object.clone();
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            spec.insert("nodeName".into(), node.clone().into());
        }
        if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
            status.insert(
                "conditions".into(),
                json!([{
                    "type": "PodScheduled", "status": "True", "lastProbeTime": null,
                    "lastTransitionTime": seconds(call.call.api.now()),
                }]),
            );
        }
        if options.dry_run {
            return Ok(done());
        }
        let storage = &call.call.api.storage;
        if storage.replace(&call.target, call.namespace(), &call.path.name, stored.revision, object).await?.is_some() {
            return Ok(done());
        }
    }
}

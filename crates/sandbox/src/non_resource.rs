//! Paths that are no resource: discovery, schemas, version, health.

use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use entryway_objects::status::Status;
use entryway_objects::{discovery, openapi};
use serde_json::{Value, json};

use crate::api::Call;
use crate::failure::{Failure, internal};
use crate::negotiate::{Encoding, FULL, Offer, negotiate};
use crate::respond::{encode, raw};

const TEXT: &str = "text/plain; charset=utf-8";
const OLD_SCHEMA_TYPE: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/// The same as in [`old_schema`], as the protobuf message `openapi.v2.Document`: swagger (1), info (2: title, version).
const OLD_SCHEMA: &[u8] = b"\x0a\x032.0\x12\x10\x0a\x0aKubernetes\x12\x02v1";
/// The checks that `?verbose` names; all are part of one process here.
const CHECKS: [&str; 3] = ["ping", "log", "store"];

/// Serves a path that is no resource.
pub(crate) async fn serve(call: Call) -> Result<Response, Failure> {
    let path = call.info.path.trim_matches('/').to_owned();
    let parts: Vec<&str> = if path.is_empty() { Vec::new() } else { path.split('/').collect() };
    if let ["healthz" | "livez" | "readyz", check @ ..] = parts.as_slice() {
        return health(&call, &path, check).await;
    }
    let known = known(&call, &parts);
    if call.method != Method::GET && call.method != Method::HEAD {
        return Err(if known { Status::method_not_allowed().into() } else { missing(&call, &parts) });
    }
    let registry = call.api.registry.load_full();
    match parts.as_slice() {
        [] => document(&call, &json!({"paths": paths(&call)})),
        ["version"] => document(&call, &version(&call)?),
        ["api"] => discovery_document(
            &call,
            || discovery::aggregated_core(&registry),
            || discovery::api_versions(&call.api.config.endpoint),
        ),
        ["apis"] => discovery_document(
            &call,
            || discovery::aggregated_groups(&registry),
            || discovery::api_group_list(&registry),
        ),
        ["api", version] => found(&call, &parts, discovery::api_resource_list(&registry, "", version)),
        ["apis", group] => found(&call, &parts, discovery::api_group(&registry, group)),
        ["apis", group, version] => found(&call, &parts, discovery::api_resource_list(&registry, group, version)),
        ["openapi", "v2"] => old_schema(&call),
        ["openapi", "v3"] => document(&call, &openapi::index(&registry)),
        ["openapi", "v3", rest @ ..] => schema(&call, &rest.join("/")),
        [".well-known", "openid-configuration"] => document(&call, &openid(&call)),
        ["openid", "v1", "jwks"] => document(&call, &call.api.config.token_key.key_set()),
        _ => Err(missing(&call, &parts)),
    }
}

fn known(call: &Call, parts: &[&str]) -> bool {
    match parts {
        [] | ["version" | "api" | "apis"] | ["openapi", "v2" | "v3"] => true,
        ["api", version] => *version == "v1",
        ["apis", group] => call.api.registry.load().serves(group, None),
        ["apis", group, version] => call.api.registry.load().serves(group, Some(version)),
        _ => false,
    }
}

/// The 404 of a path: in JSON below what has routes, else plain.
fn missing(call: &Call, parts: &[&str]) -> Failure {
    let routed = match parts {
        ["api" | "version", ..] => true,
        ["apis", group, ..] => serves_built_in(call, group),
        _ => false,
    };
    if routed { Status::unknown_path().into() } else { Failure::NoPage }
}

/// Whether a built-in group of that name is served: those have routes of their own, custom ones have not.
pub(crate) fn serves_built_in(call: &Call, group: &str) -> bool {
    call.api.registry.load().types().any(|resource| resource.group == group && resource.custom.is_none())
}

fn found(call: &Call, parts: &[&str], document: Option<Value>) -> Result<Response, Failure> {
    match document {
        Some(value) => self::document(call, &value),
        None => Err(missing(call, parts)),
    }
}

fn document(call: &Call, value: &Value) -> Result<Response, Failure> {
    let accept = call.header(&header::ACCEPT);
    let output = negotiate(&accept, Offer { forms: false, protobuf: false, ..FULL })?;
    encode(200, value, output.encoding, call.is_pretty(), call.takes_gzip())
}

/// Discovery in the form that the client prefers, with an ETag, since clients keep it.
fn discovery_document(
    call: &Call,
    aggregated: impl FnOnce() -> Value,
    plain: impl FnOnce() -> Value,
) -> Result<Response, Failure> {
    let accept = call.header(&header::ACCEPT);
    let wants_aggregated = accept.split(',').any(|clause| {
        clause.contains("g=apidiscovery.k8s.io") && clause.contains("v=v2;") | clause.trim_end().ends_with("v=v2")
    });
    if !wants_aggregated {
        return document(call, &plain());
    }
    let value = aggregated();
    let mut bytes = serde_json::to_vec(&value).map_err(|error| internal(&error.to_string()))?;
    bytes.push(b'\n');
    tagged(call, discovery::AGGREGATED, bytes)
}

fn tagged(call: &Call, media_type: &'static str, bytes: Vec<u8>) -> Result<Response, Failure> {
    let tag = format!("\"{}\"", discovery::hash(&bytes));
    let same = call.header(&header::IF_NONE_MATCH).split(',').any(|one| one.trim() == tag);
    let mut response = if same {
        let mut response = raw(304, media_type, Vec::new(), false)?;
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        raw(200, media_type, bytes, call.takes_gzip())?
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}

/// The old schema document, with no definitions in it: clients that ask for it (kubectl does for a kind that no newer
/// document has) take a missing schema for "nothing to check", but a missing document for an error.
fn old_schema(call: &Call) -> Result<Response, Failure> {
    if call.header(&header::ACCEPT).contains("proto-openapi.spec.v2") {
        return raw(200, OLD_SCHEMA_TYPE, OLD_SCHEMA.to_vec(), false);
    }
    document(call, &json!({"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1"}, "paths": {}}))
}

fn schema(call: &Call, path: &str) -> Result<Response, Failure> {
    let Some(value) = openapi::document(&call.api.registry.load(), path) else { return Err(Failure::NoPage) };
    let bytes = serde_json::to_vec(&value).map_err(|error| internal(&error.to_string()))?;
    tagged(call, Encoding::Json.media_type(), bytes)
}

/// `/version`, with the sandbox's own mark in the version, which clients parse as a semantic version.
fn version(call: &Call) -> Result<Value, Failure> {
    let mut value = discovery::version().ok_or_else(|| internal("the version is not known"))?;
    if let Some(text) = value.get("gitVersion").and_then(Value::as_str) {
        let marked = format!("{text}{}", call.api.config.version_suffix);
        if let Some(object) = value.as_object_mut() {
            object.insert("gitVersion".into(), marked.into());
        }
    }
    Ok(value)
}

fn openid(call: &Call) -> Value {
    let config = &call.api.config;
    json!({
        "issuer": config.issuer,
        "jwks_uri": format!("https://{}/openid/v1/jwks", config.endpoint),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    })
}

fn paths(call: &Call) -> Vec<String> {
    let registry = call.api.registry.load();
    let mut paths: Vec<String> =
        ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"]
            .map(str::to_owned)
            .to_vec();
    for resource in registry.types().filter(|resource| !resource.group.is_empty()) {
        paths.push(format!("/apis/{}", resource.group));
        paths.push(format!("/apis/{}/{}", resource.group, resource.version));
    }
    paths.sort();
    paths.dedup();
    paths
}

async fn health(call: &Call, path: &str, check: &[&str]) -> Result<Response, Failure> {
    let store = call.api.storage.revision().await;
    let kind = path.split('/').next().unwrap_or(path);
    match check {
        [] => {}
        [one] if CHECKS.contains(one) => return raw(200, TEXT, b"ok".to_vec(), false),
        _ => return Err(Failure::NoPage),
    }
    let healthy = store.is_ok();
    let mut lines = String::new();
    for one in CHECKS {
        let line = match (one, healthy) {
            ("store", false) => "[-]store failed: reason withheld\n".to_owned(),
            (one, _) => format!("[+]{one} ok\n"),
        };
        lines.push_str(&line);
    }
    let (code, text) = match (healthy, call.query.has("verbose")) {
        (true, false) => (200, "ok".to_owned()),
        (true, true) => (200, format!("{lines}{kind} check passed\n")),
        (false, _) => (500, format!("{lines}{kind} check failed\n")),
    };
    raw(code, TEXT, text.into_bytes(), false)
}

//! Reviews: questions about access, answered by the core; nothing is stored.

use entryway_access::{Attributes, Request, Resource, UserInfo};
use entryway_objects::apply::{Manager, track_update};
use entryway_objects::body;
use entryway_objects::registry::ResourceType;
use entryway_objects::status::Status;
use entryway_objects::validate::FieldError;
use serde_json::{Map, Value, json};

use crate::authenticate;
use crate::authorize;
use crate::delete::seconds;
use crate::failure::Failure;
use crate::meta;
use crate::query::{OptionsKind, WriteOptions};
use crate::resource::ResourceCall;
use crate::respond::Answer;

const AUTHORIZATION: &str = "authorization.k8s.io";
const AUTHENTICATION: &str = "authentication.k8s.io";
/// The real server's webhook authorizer has no rules to list.
const NO_RULES: &str = "webhook authorizer does not support user rule resolution";

/// Whether all types of a group are such questions.
pub(crate) fn is_group(group: &str) -> bool {
    matches!(group, AUTHORIZATION | AUTHENTICATION)
}

/// Whether a type is one of these questions.
pub(crate) fn is_review(resource: &ResourceType) -> bool {
    matches!(
        (resource.group.as_str(), resource.kind.as_str()),
        (
            AUTHORIZATION,
            "SelfSubjectAccessReview" | "SubjectAccessReview" | "LocalSubjectAccessReview" | "SelfSubjectRulesReview"
        ) | (AUTHENTICATION, "SelfSubjectReview" | "TokenReview")
    )
}

/// Answers a question.
pub(crate) async fn create(call: &mut ResourceCall) -> Result<Answer, Failure> {
    let options = WriteOptions::read(&call.call.query, OptionsKind::Create)?;
    let (format, bytes) = call.body()?;
    let decoded = body::decode(&call.target.served, format, &bytes, options.validation)?;
    let mut review = decoded.object;
    if let Some(review) = review.as_object_mut() {
        review.remove("status");
        review.entry("metadata").or_insert_with(|| json!({}));
    }
    let now = call.call.api.now();
    if call.target.served.kind == "SelfSubjectReview" {
        meta::set(&mut review, "creationTimestamp", seconds(now).into());
    }
    let kind = call.target.served.kind.clone();
    let status = match kind.as_str() {
        "SelfSubjectReview" => json!({"userInfo": user_value(&call.call.user)}),
        "TokenReview" => token_review(call, &review).await?,
        "SelfSubjectRulesReview" => rules_review(call, &review)?,
        kind => access_review(call, kind, &review)?,
    };
    let manager = call.call.manager(options.manager.as_deref());
    if kind == "SelfSubjectRulesReview" {
        // The real server forgets the question.
        review = json!({"kind": kind, "apiVersion": call.target.served.api_version(), "metadata": {}, "spec": {}});
    }
    track_update(&call.target.served, None, &mut review, Manager { name: &manager, subresource: None, now });
    if let Some(review) = review.as_object_mut() {
        review.insert("status".into(), status);
    }
    Ok(Answer::other(201, review).with_warnings(decoded.warnings))
}

fn user_value(user: &UserInfo) -> Value {
    serde_json::to_value(user).unwrap_or_else(|_| json!({}))
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

fn access_review(call: &ResourceCall, kind: &str, review: &Value) -> Result<Value, Status> {
    let null = Value::Null;
    let spec = review.get("spec").unwrap_or(&null);
    let resource = spec.get("resourceAttributes").filter(|value| !value.is_null());
    let path = spec.get("nonResourceAttributes").filter(|value| !value.is_null());
    let is_self = kind == "SelfSubjectAccessReview";
    let errors = mistakes(call, kind, review, spec, resource, path);
    if !errors.is_empty() {
        return Err(Status::invalid(AUTHORIZATION, "", "", &errors));
    }
    let asked: UserInfo = if is_self {
        call.call.user.clone()
    } else {
        UserInfo {
            username: text(spec, "user").to_owned(),
            uid: text(spec, "uid").to_owned(),
            groups: serde_json::from_value(spec.get("groups").cloned().unwrap_or_else(|| json!([])))
                .unwrap_or_default(),
            extra: serde_json::from_value(spec.get("extra").cloned().unwrap_or_else(|| json!({}))).unwrap_or_default(),
        }
    };
    let attributes = match (resource, path) {
        (Some(resource), _) => Attributes::Resource {
            verb: text(resource, "verb"),
            resource: Resource {
                group: text(resource, "group"),
                resource: text(resource, "resource"),
                subresource: text(resource, "subresource"),
                namespace: text(resource, "namespace"),
                name: text(resource, "name"),
            },
        },
        (None, path) => {
            let path = path.unwrap_or(&null);
            Attributes::NonResource { verb: text(path, "verb"), path: text(path, "path") }
        }
    };
    let api = &call.call.api;
    let snapshot = api.config.authority.snapshot();
    let decision = snapshot.decide(&Request { user: &asked, attributes }, api.now());
    let reason = if decision.is_allowed() {
        authorize::reason(&decision, &asked)
    } else {
        authorize::no_opinion_reason(&snapshot, &asked, resource.map_or("", |resource| text(resource, "namespace")))
    };
    let mut status = Map::new();
    status.insert("allowed".into(), decision.is_allowed().into());
    if !reason.is_empty() {
        status.insert("reason".into(), reason.into());
    }
    Ok(status.into())
}

fn mistakes(
    call: &ResourceCall,
    kind: &str,
    review: &Value,
    spec: &Value,
    resource: Option<&Value>,
    path: Option<&Value>,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    match (resource, path) {
        (Some(_), Some(path)) => {
            errors.push(wrong_path(path, "cannot be specified in combination with resourceAttributes"));
        }
        (None, None) => errors.push(FieldError::invalid(
            "spec.resourceAttributes",
            &Value::Null,
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )),
        _ => {}
    }
    let nobody =
        text(spec, "user").is_empty() && spec.get("groups").and_then(Value::as_array).is_none_or(Vec::is_empty);
    if kind != "SelfSubjectAccessReview" && nobody {
        errors.push(FieldError::invalid_text("spec.user", "", "at least one of user or group must be specified"));
    }
    if let Some(resource) = resource {
        for selector in ["fieldSelector", "labelSelector"] {
            check_selector(resource, selector, &mut errors);
        }
    }
    check_metadata(call, kind, review, &mut errors);
    if kind == "LocalSubjectAccessReview" {
        let own = match meta::namespace(review) {
            "" => call.path.namespace.as_str(),
            namespace => namespace,
        };
        if let Some(namespace) = resource.map(|resource| text(resource, "namespace")).filter(|asked| *asked != own) {
            errors.push(FieldError::invalid_text(
                "spec.resourceAttributes.namespace",
                namespace,
                "must match metadata.namespace",
            ));
        }
        if let Some(path) = path {
            errors.push(wrong_path(path, "disallowed on this kind of request"));
        }
    }
    errors
}

/// Printed as the server's own structure, which has no JSON names.
fn wrong_path(path: &Value, detail: &str) -> FieldError {
    let part = |member: &str| Value::from(text(path, member));
    let printed = format!("{{\"Path\":{},\"Verb\":{}}}", part("path"), part("verb"));
    FieldError::invalid_printed("spec.nonResourceAttributes", printed, detail)
}

/// A selector is either parsed or raw. Operators that the server does not know are let pass.
fn check_selector(resource: &Value, member: &str, errors: &mut Vec<FieldError>) {
    let Some(selector) = resource.get(member).filter(|selector| !selector.is_null()) else { return };
    let at = format!("spec.resourceAttributes.{member}");
    let raw = text(selector, "rawSelector");
    let requirements = selector.get("requirements").and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
    match (raw.is_empty(), requirements.is_empty()) {
        (false, false) => {
            let detail = "may not specified at the same time as requirements";
            errors.push(FieldError::invalid_text(format!("{at}.rawSelector"), raw, detail));
        }
        (true, true) => {
            let detail = format!("when {at} is specified, requirements or rawSelector is required");
            errors.push(FieldError::required(format!("{at}.requirements"), detail));
        }
        _ => {}
    }
    for (i, requirement) in requirements.iter().enumerate() {
        let at = format!("{at}.requirements[{i}]");
        if text(requirement, "key").is_empty() && member == "fieldSelector" {
            errors.push(FieldError::required(format!("{at}.key"), "must be specified"));
        }
        let none = requirement.get("values").and_then(Value::as_array).is_none_or(Vec::is_empty);
        match text(requirement, "operator") {
            "In" | "NotIn" if none => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.push(FieldError::required(format!("{at}.values"), detail));
            }
            "Exists" | "DoesNotExist" if !none => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.push(FieldError::forbidden(format!("{at}.values"), detail));
            }
            _ => {}
        }
    }
}

/// A question has no metadata, but for the namespace of one that is asked in it.
fn check_metadata(call: &ResourceCall, kind: &str, review: &Value, errors: &mut Vec<FieldError>) {
    let Some(metadata) = review.get("metadata").and_then(Value::as_object) else { return };
    let local = kind == "LocalSubjectAccessReview";
    if metadata.keys().all(|key| key == "managedFields" || (local && key == "namespace")) {
        return;
    }
    // By now the real server has noted who manages the fields.
    let mut noted = review.clone();
    let manager = call.call.manager(call.call.query.get("fieldManager"));
    let by = Manager { name: &manager, subresource: None, now: call.call.api.now() };
    track_update(&call.target.served, None, &mut noted, by);
    let printed = body::member_text(&call.target.served, &noted, "metadata");
    let detail = if local { "must be empty except for namespace" } else { "must be empty" };
    errors.push(FieldError::invalid_printed("metadata", printed, detail));
}

fn rules_review(call: &ResourceCall, review: &Value) -> Result<Value, Status> {
    let namespace = review.pointer("/spec/namespace").and_then(Value::as_str).unwrap_or_default();
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request"));
    }
    let snapshot = call.call.api.config.authority.snapshot();
    let mut resources = Vec::new();
    let mut paths = Vec::new();
    for rule in snapshot.rules_for(&call.call.user, namespace) {
        if !rule.resources.is_empty() {
            let mut listed = json!({"verbs": rule.verbs, "apiGroups": rule.api_groups, "resources": rule.resources});
            if let Some(listed) = listed.as_object_mut().filter(|_| !rule.resource_names.is_empty()) {
                listed.insert("resourceNames".into(), json!(rule.resource_names));
            }
            resources.push(listed);
        }
        if !rule.non_resource_urls.is_empty() {
            paths.push(json!({"verbs": rule.verbs, "nonResourceURLs": rule.non_resource_urls}));
        }
    }
    Ok(json!({
        "resourceRules": resources, "nonResourceRules": paths, "incomplete": true, "evaluationError": NO_RULES,
    }))
}

async fn token_review(call: &ResourceCall, review: &Value) -> Result<Value, Status> {
    let token = review.pointer("/spec/token").and_then(Value::as_str).unwrap_or_default();
    if token.is_empty() {
        return Err(Status::bad_request("token is required for TokenReview in authentication"));
    }
    let api = &call.call.api;
    let named: Vec<String> = review
        .pointer("/spec/audiences")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let audiences = if named.is_empty() { vec![api.config.issuer.clone()] } else { named };
    Ok(match authenticate::identify(api, token, &audiences, api.now()).await {
        Ok((user, good_for)) => json!({"authenticated": true, "user": user_value(&user), "audiences": good_for}),
        Err(_) => json!({"user": {}, "error": "[invalid bearer token, token lookup failed]"}),
    })
}

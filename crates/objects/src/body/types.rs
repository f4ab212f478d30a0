//! Of which type a body is, and whether that is the expected one.

use serde_json::Value;

use super::Expected;
use crate::{
    registry::{Registry, join_api_version, split_api_version},
    status::Status,
    typed,
};

/// `apiVersion` and `kind` of a body; an error in Go's words where they can't be.
pub(super) fn type_of(value: &Value) -> Result<(String, String), String> {
    match value {
        Value::Object(object) => {
            let text = |key: &str| match object.get(key) {
                None | Some(Value::Null) => Ok(String::new()),
                Some(Value::String(text)) => Ok(text.clone()),
                Some(other) => {
                    let seen = typed::kind_of(other);
                    Err(format!("json: cannot unmarshal {seen} into Go struct field .{key} of type string"))
                }
            };
            Ok((text("apiVersion")?, text("kind")?))
        }
        Value::Null => Ok((String::new(), String::new())),
        other => {
            let seen = typed::kind_of(other);
            let members =
                "APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\"";
            Err(format!("json: cannot unmarshal {seen} into Go value of type struct {{ {members} }}"))
        }
    }
}

pub(super) fn with_defaults(api_version: String, kind: String, expected: Expected<'_>) -> (String, String) {
    let own = join_api_version(expected.group, expected.version);
    (
        if api_version.is_empty() { own } else { api_version },
        if kind.is_empty() { expected.kind.to_owned() } else { kind },
    )
}

/// Kubernetes' internal package of a group: the first part of its name.
fn package(group: &str) -> &str {
    match group {
        "" | "events.k8s.io" => "core",
        group => group.split('.').next().unwrap_or(group),
    }
}

pub(super) fn check_type(expected: Expected<'_>, api_version: &str, kind: &str) -> Result<(), Status> {
    let own = join_api_version(expected.group, expected.version);
    if api_version == own && kind == expected.kind {
        return Ok(());
    }
    let (group, version) = split_api_version(api_version);
    if expected.custom.is_some() {
        let text =
            format!("the API version in the data ({api_version}) does not match the expected API version ({own})");
        return Err(Status::bad_request(text));
    }
    let registered = is_registered(group, version, kind);
    let why = if registered && kind == expected.kind {
        // The same object in another version or group would be converted; the path decides which one is served.
        return Err(Status::bad_request(format!(
            "the API version in the data ({api_version}) does not match the expected API version ({own})"
        )));
    } else if let Some(why) = type_problem(expected, api_version, kind) {
        why
    } else {
        return Ok(());
    };
    let expected = expected.kind;
    Err(Status::bad_request(format!("{kind} in version {version:?} cannot be handled as a {expected}: {why}")))
}

/// Why an object of another type can't become one of the expected type.
pub(super) fn type_problem(expected: Expected<'_>, api_version: &str, kind: &str) -> Option<String> {
    if api_version == join_api_version(expected.group, expected.version) && kind == expected.kind {
        return None;
    }
    let (group, version) = split_api_version(api_version);
    let registered = is_registered(group, version, kind);
    Some(if registered {
        let internal = format!("{}.{}", package(expected.group), expected.kind);
        format!("converting ({version}.{kind}) to ({internal}): unknown conversion")
    } else {
        let scheme = "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30";
        format!("no kind {kind:?} is registered for version {api_version:?} in scheme {scheme:?}")
    })
}

fn is_registered(group: &str, version: &str, kind: &str) -> bool {
    Registry::builtin().find_kind(group, version, kind).is_some()
        || crate::model::MODEL.of_kind(group, version, kind).is_some()
            && Registry::builtin().serves(group, Some(version))
}

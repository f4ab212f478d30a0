//! Rows of nodes and events.

use serde_json::{Value, json};

use super::{
    super::{list, text},
    or_none,
    shared::Row,
};

pub(super) fn node(row: &Row<'_>) -> Vec<Value> {
    let object = row.object;
    let ready = list(object, "/status/conditions").iter().find(|c| text(c, "/type") == "Ready");
    let mut status =
        ready.map_or("Unknown", |c| if text(c, "/status") == "True" { "Ready" } else { "NotReady" }).to_owned();
    if object.pointer("/spec/unschedulable") == Some(&Value::Bool(true)) {
        status.push_str(",SchedulingDisabled");
    }
    let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
    let mut roles: Vec<&str> = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) if !role.is_empty() => Some(role),
            _ if key == "kubernetes.io/role" => value.as_str().filter(|v| !v.is_empty()),
            _ => None,
        })
        .collect();
    roles.sort_unstable();
    roles.dedup();
    let address = |ty: &str| {
        let found = list(object, "/status/addresses").iter().find(|a| text(a, "/type") == ty);
        json!(or_none(found.map_or("", |a| text(a, "/address"))))
    };
    let info = |field: &str| {
        let value = text(object, &format!("/status/nodeInfo/{field}"));
        json!(if value.is_empty() { "<unknown>" } else { value })
    };
    vec![
        row.name(),
        json!(status),
        json!(or_none(&roles.join(","))),
        row.age(),
        json!(text(object, "/status/nodeInfo/kubeletVersion")),
        address("InternalIP"),
        address("ExternalIP"),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

pub(super) fn event(row: &Row<'_>, newer: bool) -> Vec<Value> {
    let object = row.object;
    let field = |old: &'static str, new: &'static str| text(object, if newer { new } else { old });
    let since = |time: &str| if time.is_empty() { None } else { Some(row.since(time)) };
    let first = since(field("/firstTimestamp", "/deprecatedFirstTimestamp"))
        .or_else(|| since(text(object, "/eventTime")))
        .unwrap_or_else(|| "<unknown>".to_owned());
    let mut last = since(field("/lastTimestamp", "/deprecatedLastTimestamp")).unwrap_or_else(|| first.clone());
    let mut times =
        object.pointer(if newer { "/deprecatedCount" } else { "/count" }).and_then(Value::as_i64).unwrap_or(0).max(1);
    if let Some(series) = object.get("series").filter(|s| !s.is_null()) {
        times = series.get("count").and_then(Value::as_i64).unwrap_or(times);
        last = since(text(series, "/lastObservedTime")).unwrap_or(last);
    }
    let regarding = if newer { "/regarding" } else { "/involvedObject" };
    let kind = text(object, &format!("{regarding}/kind")).to_lowercase();
    let target = match text(object, &format!("{regarding}/name")) {
        "" => kind,
        name => format!("{kind}/{name}"),
    };
    let source = if newer { "/deprecatedSource" } else { "/source" };
    let component = match text(object, &format!("{source}/component")) {
        "" => field("/reportingComponent", "/reportingController"),
        component => component,
    };
    let host = match text(object, &format!("{source}/host")) {
        "" => text(object, "/reportingInstance"),
        host => host,
    };
    let source = if host.is_empty() { component.to_owned() } else { format!("{component}, {host}") };
    vec![
        json!(last),
        json!(text(object, "/type")),
        json!(text(object, "/reason")),
        json!(target),
        json!(text(object, &format!("{regarding}/fieldPath"))),
        json!(source),
        json!(field("/message", "/note").trim()),
        json!(first),
        json!(times),
        row.name(),
    ]
}

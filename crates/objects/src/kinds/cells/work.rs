//! Rows of jobs, autoscalers, endpoint slices and signing requests.

use serde_json::{Value, json};

use super::{
    super::{list, text},
    none,
    shared::{self, Row, more, selector},
    unset,
};

pub(super) fn job(row: &Row<'_>, names: String, images: String) -> Vec<Value> {
    let object = row.object;
    let succeeded = row.number("/status/succeeded");
    let completions =
        match (object.pointer("/spec/completions"), object.pointer("/spec/parallelism").and_then(Value::as_i64)) {
            (Some(completions), _) if !completions.is_null() => format!("{succeeded}/{completions}"),
            (_, Some(parallelism)) if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
            _ => format!("{succeeded}/1"),
        };
    let holds = |ty: &str| {
        list(object, "/status/conditions").iter().any(|c| text(c, "/type") == ty && text(c, "/status") == "True")
    };
    let status = ["Complete", "Failed"].into_iter().find(|ty| holds(ty)).unwrap_or_else(|| {
        if !text(object, "/metadata/deletionTimestamp").is_empty() {
            return "Terminating";
        }
        ["Suspended", "FailureTarget", "SuccessCriteriaMet"].into_iter().find(|ty| holds(ty)).unwrap_or("Running")
    });
    let duration = match (text(object, "/status/startTime"), text(object, "/status/completionTime")) {
        ("", _) => String::new(),
        (start, "") => row.since(start),
        (start, end) => shared::between(start, end),
    };
    let selector = selector(object.pointer("/spec/selector"));
    let mut out = vec![row.name(), json!(status), json!(completions), json!(duration), row.age()];
    out.extend([json!(names), json!(images), json!(selector)]);
    out
}

pub(super) fn autoscaler(row: &Row<'_>) -> Vec<Value> {
    let object = row.object;
    let reference =
        format!("{}/{}", text(object, "/spec/scaleTargetRef/kind"), text(object, "/spec/scaleTargetRef/name"));
    let percent = |value: Option<&Value>| value.and_then(Value::as_i64).map(|v| format!("{v}%"));
    let current = |i: usize, pointer: &str| {
        object.pointer(&format!("/status/currentMetrics/{i}{pointer}")).cloned().unwrap_or_default()
    };
    let mut targets = Vec::new();
    if let Some(share) = percent(object.pointer("/spec/targetCPUUtilizationPercentage")) {
        let now = percent(object.pointer("/status/currentCPUUtilizationPercentage"));
        targets.push(format!("cpu: {}/{share}", now.unwrap_or_else(|| "<unknown>".to_owned())));
    }
    for (i, metric) in list(object, "/spec/metrics").iter().enumerate() {
        let resource = text(metric, "/resource/name");
        let unknown = || "<unknown>".to_owned();
        match text(metric, "/type") {
            "Resource" => {
                let value = text(metric, "/resource/target/averageValue");
                if value.is_empty() {
                    let target = percent(metric.pointer("/resource/target/averageUtilization"))
                        .unwrap_or_else(|| "<auto>".to_owned());
                    let now =
                        percent(Some(&current(i, "/resource/current/averageUtilization"))).unwrap_or_else(unknown);
                    targets.push(format!("{resource}: {now}/{target}"));
                } else {
                    let now = current(i, "/resource/current/averageValue");
                    targets.push(format!("{resource}: {}/{value}", now.as_str().unwrap_or("<unknown>")));
                }
            }
            ty => {
                let source = ty.chars().next().map(|c| c.to_lowercase().chain(ty.chars().skip(1)).collect::<String>());
                let source = source.unwrap_or_default();
                let at = |field: &str| text(metric, &format!("/{source}/target/{field}"));
                let (value, average) = (at("value"), at("averageValue"));
                targets.push(if average.is_empty() {
                    format!("<unknown>/{value}")
                } else {
                    format!("<unknown>/{average} (avg)")
                });
            }
        }
    }
    let shown = if targets.is_empty() {
        none()
    } else {
        let extra = targets.len().saturating_sub(2);
        targets.truncate(2);
        more(&targets, ", ", extra)
    };
    let min = object.pointer("/spec/minReplicas").and_then(Value::as_i64).map_or_else(unset, |m| m.to_string());
    vec![
        row.name(),
        json!(reference),
        json!(shown),
        json!(min),
        row.number("/spec/maxReplicas"),
        row.number("/status/currentReplicas"),
        row.age(),
    ]
}

pub(super) fn slice(row: &Row<'_>) -> Vec<Value> {
    let limited = |all: Vec<String>| {
        if all.is_empty() {
            return unset();
        }
        let extra = all.len().saturating_sub(3);
        more(all.get(..all.len().min(3)).unwrap_or_default(), ",", extra)
    };
    let ports = list(row.object, "/ports").iter().map(|p| match p.get("port").and_then(Value::as_i64) {
        Some(number) => number.to_string(),
        None => "*".to_owned(),
    });
    let addresses = list(row.object, "/endpoints").iter().flat_map(|e| list(e, "/addresses"));
    let addresses = addresses.filter_map(Value::as_str).map(str::to_owned);
    vec![
        row.name(),
        row.value("/addressType"),
        json!(limited(ports.collect())),
        json!(limited(addresses.collect())),
        row.age(),
    ]
}

pub(super) fn signing_request(row: &Row<'_>) -> Vec<Value> {
    let object = row.object;
    let conditions: Vec<&str> = list(object, "/status/conditions").iter().map(|c| text(c, "/type")).collect();
    let mut condition = match (conditions.contains(&"Denied"), conditions.contains(&"Approved")) {
        (true, _) => "Denied".to_owned(),
        (false, true) => "Approved".to_owned(),
        (false, false) => "Pending".to_owned(),
    };
    if conditions.contains(&"Failed") {
        condition.push_str(",Failed");
    }
    if !text(object, "/status/certificate").is_empty() {
        condition.push_str(",Issued");
    }
    let duration = object.pointer("/spec/expirationSeconds").and_then(Value::as_i64).map(crate::duration::human);
    vec![
        row.name(),
        row.age(),
        row.value("/spec/signerName"),
        json!(text(object, "/spec/username")),
        json!(duration.unwrap_or_else(none)),
        json!(condition),
    ]
}

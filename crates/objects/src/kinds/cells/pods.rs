//! A pod's row: its STATUS is the most telling word of phase, reasons and container states.

use serde_json::{Value, json};

use super::{
    super::{list, text},
    or_none,
    shared::Row,
};

pub(super) fn cells(row: &Row<'_>) -> Vec<Value> {
    let pod = row.object;
    let containers = list(pod, "/spec/containers");
    let statuses = list(pod, "/status/containerStatuses");
    let init = list(pod, "/status/initContainerStatuses");
    let mut reason = match text(pod, "/status/reason") {
        "" => text(pod, "/status/phase").to_owned(),
        reason => reason.to_owned(),
    };
    let initializing = init_reason(pod, init);
    let ready = statuses.iter().filter(|s| flag(s, "/ready") && s.pointer("/state/running").is_some()).count();
    match &initializing {
        Some(initializing) => reason.clone_from(initializing),
        None => {
            for status in statuses.iter().rev() {
                if let Some(word) = state_reason(status) {
                    reason = word;
                }
            }
            let running = statuses.iter().any(|s| flag(s, "/ready") && s.pointer("/state/running").is_some());
            if reason == "Completed" && running {
                reason = if has_condition(pod, "Ready") { "Running" } else { "NotReady" }.to_owned();
            }
        }
    }
    if !text(pod, "/metadata/deletionTimestamp").is_empty() {
        let finished = matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
        if text(pod, "/status/reason") == "NodeLost" {
            "Unknown".clone_into(&mut reason);
        } else if !finished {
            "Terminating".clone_into(&mut reason);
        }
    }
    let counted = if initializing.is_some() { init } else { statuses };
    let ips: &str = match list(pod, "/status/podIPs").first() {
        Some(first) => text(first, "/ip"),
        None => text(pod, "/status/podIP"),
    };
    vec![
        row.name(),
        json!(format!("{ready}/{}", containers.len())),
        json!(reason),
        json!(restarts(row, counted)),
        row.age(),
        json!(or_none(ips)),
        json!(or_none(text(pod, "/spec/nodeName"))),
        json!(or_none(text(pod, "/status/nominatedNodeName"))),
        json!(gates(pod)),
    ]
}

fn flag(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer) == Some(&Value::Bool(true))
}

fn has_condition(pod: &Value, ty: &str) -> bool {
    list(pod, "/status/conditions").iter().any(|c| text(c, "/type") == ty && text(c, "/status") == "True")
}

fn restarts(row: &Row<'_>, statuses: &[Value]) -> String {
    let total: i64 = statuses.iter().filter_map(|s| s.get("restartCount").and_then(Value::as_i64)).sum();
    let last = statuses.iter().map(|s| text(s, "/lastState/terminated/finishedAt")).max().unwrap_or("");
    if total > 0 && !last.is_empty() { format!("{total} ({} ago)", row.since(last)) } else { total.to_string() }
}

/// The word for a container that waits or ended; `None` while it runs.
fn state_reason(status: &Value) -> Option<String> {
    let waiting = text(status, "/state/waiting/reason");
    if !waiting.is_empty() {
        return Some(waiting.to_owned());
    }
    let ended = status.pointer("/state/terminated").filter(|t| !t.is_null())?;
    let number = |field: &str| ended.get(field).and_then(Value::as_i64).unwrap_or(0);
    Some(match (text(ended, "/reason"), number("signal")) {
        ("", 0) => format!("ExitCode:{}", number("exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    })
}

/// `Init:…` while init containers have not all ended well.
fn init_reason(pod: &Value, statuses: &[Value]) -> Option<String> {
    let total = list(pod, "/spec/initContainers").len();
    for (i, status) in statuses.iter().enumerate() {
        let ended = status.pointer("/state/terminated").filter(|t| !t.is_null());
        let code = ended.and_then(|t| t.get("exitCode")).and_then(Value::as_i64);
        let sidecar = flag(status, "/started") && status.pointer("/state/running").is_some();
        if (ended.is_some() && code.unwrap_or(0) == 0) || sidecar {
            continue;
        }
        let waiting = text(status, "/state/waiting/reason");
        return Some(match (ended, waiting) {
            (Some(_), _) => format!("Init:{}", state_reason(status).unwrap_or_default()),
            (None, "" | "PodInitializing") => format!("Init:{i}/{total}"),
            (None, waiting) => format!("Init:{waiting}"),
        });
    }
    None
}

/// Readiness gates that hold, of all.
fn gates(pod: &Value) -> String {
    let gates = list(pod, "/spec/readinessGates");
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let holding = gates.iter().filter(|g| has_condition(pod, text(g, "/conditionType"))).count();
    format!("{holding}/{}", gates.len())
}

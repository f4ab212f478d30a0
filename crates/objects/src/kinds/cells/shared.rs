//! What several printers say alike.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::{list, text};
use crate::{duration, selector::LabelSelector};

/// One object being printed.
pub(super) struct Row<'a> {
    pub(super) object: &'a Value,
    pub(super) now: Timestamp,
}

impl Row<'_> {
    pub(super) fn name(&self) -> Value {
        json!(text(self.object, "/metadata/name"))
    }

    /// How long ago the object was made.
    pub(super) fn age(&self) -> Value {
        json!(age(self.object, self.now))
    }

    /// How long ago a time was.
    pub(super) fn since(&self, time: &str) -> String {
        since(time, self.now)
    }

    /// A text, or `""`.
    pub(super) fn value(&self, pointer: &str) -> Value {
        json!(text(self.object, pointer))
    }

    /// A number, or 0.
    pub(super) fn number(&self, pointer: &str) -> Value {
        json!(self.object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0))
    }
}

/// An object's AGE.
pub(crate) fn age(object: &Value, now: Timestamp) -> String {
    match text(object, "/metadata/creationTimestamp") {
        "" => "<unknown>".to_owned(),
        time => since(time, now),
    }
}

/// How long ago a time was.
pub(crate) fn since(time: &str, now: Timestamp) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => duration::human(now.as_second().saturating_sub(time.as_second())),
        Err(_) => "<invalid>".to_owned(),
    }
}

/// From one time to another.
pub(super) fn between(start: &str, end: &str) -> String {
    end.parse().map_or_else(|_| "<invalid>".to_owned(), |end| since(start, end))
}

/// Entries of a map.
pub(super) fn count(object: &Value, pointer: &str) -> usize {
    object.pointer(pointer).and_then(Value::as_object).map_or(0, serde_json::Map::len)
}

/// `a=b,c=d`, or `<none>`.
pub(super) fn labels(map: Option<&Value>) -> String {
    let entries: Vec<String> = map
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")))
        .collect();
    if entries.is_empty() { "<none>".to_owned() } else { entries.join(",") }
}

/// A label selector's text, or `<none>`.
pub(super) fn selector(selector: Option<&Value>) -> String {
    let text = selector.and_then(LabelSelector::from_value).unwrap_or_default().to_string();
    if text.is_empty() { "<none>".to_owned() } else { text }
}

/// Names and images of containers, each joined by commas.
pub(super) fn containers(object: &Value, pointer: &str) -> (String, String) {
    let all = list(object, pointer);
    let join = |field: &str| all.iter().map(|c| text(c, field)).collect::<Vec<_>>().join(",");
    (join("/name"), join("/image"))
}

/// Items joined, and how many more there are.
pub(super) fn more(items: &[String], separator: &str, extra: usize) -> String {
    let joined = items.join(separator);
    if extra == 0 { joined } else { format!("{joined} + {extra} more...") }
}

/// Addresses of a load balancer's status.
pub(super) fn addresses(object: &Value) -> Vec<String> {
    let ingress = list(object, "/status/loadBalancer/ingress").iter();
    let address = |i: &Value| match text(i, "/ip") {
        "" => text(i, "/hostname").to_owned(),
        ip => ip.to_owned(),
    };
    ingress.map(address).filter(|a| !a.is_empty()).collect()
}

/// A service's EXTERNAL-IP.
pub(super) fn load_balancer(object: &Value) -> String {
    let external: Vec<String> =
        list(object, "/spec/externalIPs").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    match text(object, "/spec/type") {
        "ExternalName" => text(object, "/spec/externalName").to_owned(),
        "LoadBalancer" => {
            let mut all = addresses(object);
            all.extend(external);
            if all.is_empty() { "<pending>".to_owned() } else { all.join(",") }
        }
        _ if external.is_empty() => "<none>".to_owned(),
        _ => external.join(","),
    }
}

/// A service's PORT(S).
pub(super) fn service_ports(object: &Value) -> String {
    let port = |port: &Value| {
        let number = |field: &str| port.get(field).and_then(Value::as_i64).unwrap_or(0);
        let protocol = text(port, "/protocol");
        match number("nodePort") {
            0 => format!("{}/{protocol}", number("port")),
            node => format!("{}:{node}/{protocol}", number("port")),
        }
    };
    let all: Vec<String> = list(object, "/spec/ports").iter().map(port).collect();
    if all.is_empty() { "<none>".to_owned() } else { all.join(",") }
}

/// Addresses and ports of an Endpoints object.
pub(super) fn endpoints(object: &Value) -> String {
    let subsets = list(object, "/subsets");
    if subsets.is_empty() {
        return "<none>".to_owned();
    }
    let mut all = Vec::new();
    for subset in subsets {
        let addresses = list(subset, "/addresses").iter().map(|a| text(a, "/ip"));
        let ports = list(subset, "/ports");
        for address in addresses {
            if ports.is_empty() {
                all.push(address.to_owned());
            }
            all.extend(
                ports.iter().map(|p| format!("{address}:{}", p.get("port").and_then(Value::as_i64).unwrap_or(0))),
            );
        }
    }
    let extra = all.len().saturating_sub(3);
    more(all.get(..all.len().min(3)).unwrap_or_default(), ",", extra)
}

/// An ingress's HOSTS.
pub(super) fn hosts(object: &Value) -> String {
    let all: Vec<String> =
        list(object, "/spec/rules").iter().map(|r| text(r, "/host").to_owned()).filter(|h| !h.is_empty()).collect();
    if all.is_empty() {
        return "*".to_owned();
    }
    let extra = all.len().saturating_sub(3);
    more(all.get(..all.len().min(3)).unwrap_or_default(), ",", extra)
}

/// Access modes in their short form, in Kubernetes' order.
pub(super) fn access_modes(modes: &[Value]) -> String {
    let short =
        [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    let given = short.iter().filter(|(long, _)| modes.iter().any(|m| m == long));
    given.map(|(_, short)| *short).collect::<Vec<_>>().join(",")
}

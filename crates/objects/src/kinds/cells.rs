//! The cells that the server prints for each type, in the order of its columns.

mod cluster;
mod pods;
mod shared;
mod storage;
mod work;

pub(crate) use shared::{age, since};

use jiff::Timestamp;
use serde_json::{Value, json};

use self::shared::{Row, containers, count, endpoints, hosts, labels, load_balancer, selector, service_ports};
use super::{list, text};

/// The cells of one object; `None` where the type has no printer of its own.
pub(crate) fn of(group: &str, plural: &str, object: &Value, now: Timestamp) -> Option<Vec<Value>> {
    let row = Row { object, now };
    let (name, age) = (row.name(), row.age());
    let (names, images) = containers(object, "/spec/template/spec/containers");
    Some(match (group, plural) {
        ("", "pods") => pods::cells(&row),
        ("", "configmaps") => vec![name, json!(count(object, "/data") + count(object, "/binaryData")), age],
        ("", "secrets") => vec![name, row.value("/type"), json!(count(object, "/data")), age],
        ("", "serviceaccounts") => vec![name, age],
        ("", "namespaces") => vec![name, row.value("/status/phase"), age],
        ("", "services") => vec![
            name,
            row.value("/spec/type"),
            json!(or_none(text(object, "/spec/clusterIP"))),
            json!(load_balancer(object)),
            json!(service_ports(object)),
            age,
            json!(labels(object.pointer("/spec/selector"))),
        ],
        ("", "endpoints") => vec![name, json!(endpoints(object)), age],
        ("", "nodes") => cluster::node(&row),
        ("", "events") => cluster::event(&row, false),
        ("events.k8s.io", "events") => cluster::event(&row, true),
        ("", "persistentvolumeclaims") => storage::claim(&row),
        ("", "persistentvolumes") => storage::volume(&row),
        ("", "resourcequotas") => storage::quota(&row),
        ("", "podtemplates") => {
            let (names, images) = containers(object, "/template/spec/containers");
            vec![name, json!(names), json!(images), json!(labels(object.pointer("/template/metadata/labels")))]
        }
        ("", "replicationcontrollers") => {
            let mut out = vec![name];
            out.extend(["/spec/replicas", "/status/replicas", "/status/readyReplicas"].map(|p| row.number(p)));
            out.extend([age, json!(names), json!(images), json!(labels(object.pointer("/spec/selector")))]);
            out
        }
        ("apps", "deployments") => vec![
            name,
            json!(format!("{}/{}", row.number("/status/readyReplicas"), row.number("/spec/replicas"))),
            row.number("/status/updatedReplicas"),
            row.number("/status/availableReplicas"),
            age,
            json!(names),
            json!(images),
            json!(selector(object.pointer("/spec/selector"))),
        ],
        ("apps", "replicasets") => vec![
            name,
            row.number("/spec/replicas"),
            row.number("/status/replicas"),
            row.number("/status/readyReplicas"),
            age,
            json!(names),
            json!(images),
            json!(selector(object.pointer("/spec/selector"))),
        ],
        ("apps", "statefulsets") => {
            let ready = format!("{}/{}", row.number("/status/readyReplicas"), row.number("/spec/replicas"));
            vec![name, json!(ready), age, json!(names), json!(images)]
        }
        ("apps", "daemonsets") => {
            let mut out = vec![name];
            let numbers = [
                "desiredNumberScheduled",
                "currentNumberScheduled",
                "numberReady",
                "updatedNumberScheduled",
                "numberAvailable",
            ];
            out.extend(numbers.map(|n| row.number(&format!("/status/{n}"))));
            let nodes = labels(object.pointer("/spec/template/spec/nodeSelector"));
            let selector = selector(object.pointer("/spec/selector"));
            out.extend([json!(nodes), age, json!(names), json!(images), json!(selector)]);
            out
        }
        ("apps", "controllerrevisions") => {
            let owner = list(object, "/metadata/ownerReferences")
                .iter()
                .find(|o| o.get("controller") == Some(&Value::Bool(true)))
                .map(|o| {
                    let (group, _) = crate::registry::split_api_version(text(o, "/apiVersion"));
                    let kind = text(o, "/kind").to_lowercase();
                    let kind = if group.is_empty() { kind } else { format!("{kind}.{group}") };
                    format!("{kind}/{}", text(o, "/name"))
                });
            vec![name, json!(owner.unwrap_or_else(none)), row.number("/revision"), age]
        }
        ("batch", "jobs") => work::job(&row, names, images),
        ("batch", "cronjobs") => {
            let (names, images) = containers(object, "/spec/jobTemplate/spec/template/spec/containers");
            let last = text(object, "/status/lastScheduleTime");
            let last = if last.is_empty() { json!("<none>") } else { json!(row.since(last)) };
            let suspend = match object.pointer("/spec/suspend") {
                Some(Value::Bool(true)) => "True",
                Some(Value::Bool(false)) => "False",
                _ => "<unset>",
            };
            vec![
                name,
                row.value("/spec/schedule"),
                json!(or_none(text(object, "/spec/timeZone"))),
                json!(suspend),
                json!(list(object, "/status/active").len()),
                last,
                age,
                json!(names),
                json!(images),
                json!(selector(object.pointer("/spec/jobTemplate/spec/selector"))),
            ]
        }
        ("autoscaling", "horizontalpodautoscalers") => work::autoscaler(&row),
        ("networking.k8s.io", "ingresses") => {
            let ports = if list(object, "/spec/tls").is_empty() { "80" } else { "80, 443" };
            let class = match object.pointer("/spec/ingressClassName").and_then(Value::as_str) {
                Some(class) => class.to_owned(),
                None => or_none(
                    object
                        .pointer("/metadata/annotations/kubernetes.io~1ingress.class")
                        .and_then(Value::as_str)
                        .unwrap_or(""),
                ),
            };
            let address = shared::addresses(object).join(",");
            vec![name, json!(class), json!(hosts(object)), json!(address), json!(ports), age]
        }
        ("networking.k8s.io", "networkpolicies") => {
            vec![name, json!(selector(object.pointer("/spec/podSelector"))), age]
        }
        ("networking.k8s.io", "ingressclasses") => {
            let parameters = object.pointer("/spec/parameters").filter(|p| !p.is_null()).map(|p| {
                let (kind, group) = (text(p, "/kind"), text(p, "/apiGroup"));
                let kind = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
                format!("{kind}/{}", text(p, "/name"))
            });
            vec![name, row.value("/spec/controller"), json!(parameters.unwrap_or_else(none)), age]
        }
        ("networking.k8s.io", "servicecidrs") => {
            let cidrs: Vec<&str> = list(object, "/spec/cidrs").iter().filter_map(Value::as_str).collect();
            vec![name, json!(cidrs.join(",")), age]
        }
        ("networking.k8s.io", "ipaddresses") => {
            let parts =
                ["resource", "group", "namespace", "name"].map(|f| text(object, &format!("/spec/parentRef/{f}")));
            let [resource, group, namespace, parent] = parts;
            let resource = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
            let path = [resource.as_str(), namespace, parent];
            let path: Vec<&str> = path.into_iter().filter(|p| !p.is_empty()).collect();
            vec![name, json!(path.join("/"))]
        }
        ("policy", "poddisruptionbudgets") => {
            let amount = |field: &str| match object.pointer(&format!("/spec/{field}")) {
                None | Some(Value::Null) => "N/A".to_owned(),
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            };
            let (min, max) = (amount("minAvailable"), amount("maxUnavailable"));
            vec![name, json!(min), json!(max), row.number("/status/disruptionsAllowed"), age]
        }
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            let role = format!("{}/{}", text(object, "/roleRef/kind"), text(object, "/roleRef/name"));
            let subjects = |kind: &str| {
                let of_kind = list(object, "/subjects").iter().filter(|s| text(s, "/kind") == kind);
                let names: Vec<String> = of_kind
                    .map(|s| match (kind, text(s, "/namespace")) {
                        ("ServiceAccount", namespace) => format!("{namespace}/{}", text(s, "/name")),
                        _ => text(s, "/name").to_owned(),
                    })
                    .collect();
                json!(names.join(", "))
            };
            vec![name, json!(role), age, subjects("User"), subjects("Group"), subjects("ServiceAccount")]
        }
        ("coordination.k8s.io", "leases") => vec![name, json!(text(object, "/spec/holderIdentity")), age],
        ("discovery.k8s.io", "endpointslices") => work::slice(&row),
        ("scheduling.k8s.io", "priorityclasses") => vec![
            name,
            row.number("/value"),
            json!(object.get("globalDefault") == Some(&Value::Bool(true))),
            age,
            json!(text(object, "/preemptionPolicy")),
        ],
        ("storage.k8s.io", "storageclasses") => {
            let annotations = object.pointer("/metadata/annotations");
            let default =
                ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"]
                    .iter()
                    .any(|key| annotations.and_then(|a| a.get(*key)).and_then(Value::as_str) == Some("true"));
            let shown = if default {
                format!("{} (default)", text(object, "/metadata/name"))
            } else {
                text(object, "/metadata/name").to_owned()
            };
            vec![
                json!(shown),
                row.value("/provisioner"),
                row.value("/reclaimPolicy"),
                row.value("/volumeBindingMode"),
                json!(object.get("allowVolumeExpansion") == Some(&Value::Bool(true))),
                age,
            ]
        }
        ("storage.k8s.io", "csidrivers") => {
            let flag = |field: &str| json!(object.pointer(&format!("/spec/{field}")) == Some(&Value::Bool(true)));
            let words = |pointer: &str, key: Option<&str>, none: &str| {
                let items = list(object, pointer).iter();
                let words: Vec<&str> =
                    items.filter_map(|v| key.map_or(Some(v), |k| v.get(k)).and_then(Value::as_str)).collect();
                json!(if words.is_empty() { none.to_owned() } else { words.join(",") })
            };
            vec![
                name,
                flag("attachRequired"),
                flag("podInfoOnMount"),
                flag("storageCapacity"),
                words("/spec/tokenRequests", Some("audience"), "<unset>"),
                flag("requiresRepublish"),
                words("/spec/volumeLifecycleModes", None, "<none>"),
                age,
            ]
        }
        ("storage.k8s.io", "csinodes") => vec![name, json!(list(object, "/spec/drivers").len()), age],
        ("storage.k8s.io", "volumeattachments") => vec![
            name,
            row.value("/spec/attacher"),
            json!(text(object, "/spec/source/persistentVolumeName")),
            row.value("/spec/nodeName"),
            json!(object.pointer("/status/attached") == Some(&Value::Bool(true))),
            age,
        ],
        ("storage.k8s.io", "volumeattributesclasses") => vec![name, row.value("/driverName"), age],
        ("node.k8s.io", "runtimeclasses") => vec![name, row.value("/handler"), age],
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations" | "mutatingwebhookconfigurations") => {
            vec![name, json!(list(object, "/webhooks").len()), age]
        }
        ("admissionregistration.k8s.io", "validatingadmissionpolicies" | "mutatingadmissionpolicies") => {
            let pointer = if plural.starts_with('v') { "/spec/validations" } else { "/spec/mutations" };
            let param = object.pointer("/spec/paramKind").filter(|p| !p.is_null());
            let param = param.map(|p| format!("{}/{}", text(p, "/apiVersion"), text(p, "/kind")));
            vec![name, json!(list(object, pointer).len()), json!(param.unwrap_or_else(unset)), age]
        }
        ("admissionregistration.k8s.io", _) => {
            let param = object.pointer("/spec/paramRef").filter(|p| !p.is_null()).map(|p| {
                let (namespace, name) = (text(p, "/namespace"), text(p, "/name"));
                let namespace = if namespace.is_empty() { "*" } else { namespace };
                if name.is_empty() {
                    format!("{namespace}/{}", selector(p.get("selector")))
                } else {
                    format!("{namespace}/{name}")
                }
            });
            vec![name, row.value("/spec/policyName"), json!(param.unwrap_or_else(unset)), age]
        }
        ("apiregistration.k8s.io", "apiservices") => {
            let service = object.pointer("/spec/service").filter(|s| !s.is_null());
            let service = service.map(|s| format!("{}/{}", text(s, "/namespace"), text(s, "/name")));
            let condition = list(object, "/status/conditions").iter().find(|c| text(c, "/type") == "Available");
            let available = condition.map_or("Unknown".to_owned(), |c| match text(c, "/status") {
                "True" => "True".to_owned(),
                status => format!("{status} ({})", text(c, "/reason")),
            });
            vec![name, json!(service.unwrap_or_else(|| "Local".to_owned())), json!(available), age]
        }
        ("certificates.k8s.io", "certificatesigningrequests") => work::signing_request(&row),
        ("flowcontrol.apiserver.k8s.io", "flowschemas") => {
            let dangling = list(object, "/status/conditions").iter().find(|c| text(c, "/type") == "Dangling");
            vec![
                name,
                row.value("/spec/priorityLevelConfiguration/name"),
                row.number("/spec/matchingPrecedence"),
                json!(or_none(text(object, "/spec/distinguisherMethod/type"))),
                age,
                json!(dangling.map_or("?", |c| text(c, "/status"))),
            ]
        }
        ("resource.k8s.io", "resourceclaims") => {
            let mut states = Vec::new();
            if !text(object, "/metadata/deletionTimestamp").is_empty() {
                states.push("deleted");
            }
            let allocated = object.pointer("/status/allocation").is_some_and(|a| !a.is_null());
            states.push(if allocated { "allocated" } else { "pending" });
            if !list(object, "/status/reservedFor").is_empty() {
                states.push("reserved");
            }
            vec![name, json!(states.join(",")), age]
        }
        ("resource.k8s.io", "resourceslices") => vec![
            name,
            json!(or_none(text(object, "/spec/nodeName"))),
            row.value("/spec/driver"),
            row.value("/spec/pool/name"),
            age,
        ],
        _ => return None,
    })
}

fn none() -> String {
    "<none>".to_owned()
}

fn unset() -> String {
    "<unset>".to_owned()
}

fn or_none(text: &str) -> String {
    if text.is_empty() { none() } else { text.to_owned() }
}

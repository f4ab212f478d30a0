use super::*;
use crate::{lifecycle, registry::Registry};

const EXCHANGES: &str = include_str!("../../data/kubectl-1.37-exchanges.json");
const DEFAULTED: &str = include_str!("../../data/defaulted-objects.json");

fn now() -> Timestamp {
    "2026-11-24T23:00:00Z".parse().unwrap()
}

/// Every type prints as many cells as it has columns.
#[test]
fn rows_fit_their_columns() {
    let object = json!({"metadata": {"name": "x", "creationTimestamp": "2026-11-24T22:59:00Z"}});
    let registry = Registry::builtin();
    let mut with_printer = 0;
    for resource in registry.types().filter(|t| t.has_verb("list")) {
        let table = table(resource, [&object], json!({}), IncludeObject::None, true, now());
        let cells = table["rows"][0]["cells"].as_array().unwrap().len();
        assert_eq!(cells, table["columnDefinitions"].as_array().unwrap().len(), "{}", resource.group_resource());
        with_printer += usize::from(cells::of(&resource.group, &resource.plural, &object, now()).is_some());
    }
    println!("{with_printer} of {} listable types have a printer of their own", COLUMNS.len());
    assert!(with_printer >= 50);
}

/// Rows of the recorded Tables whose objects we know from elsewhere in the recording.
#[test]
fn recorded_tables_have_our_columns() {
    let all: Value = serde_json::from_str(EXCHANGES).unwrap();
    let mut seen = 0;
    for exchange in all.as_array().unwrap().iter().flat_map(|c| c["exchanges"].as_array().unwrap()) {
        let response = &exchange["response"];
        if response["kind"] != "Table" {
            continue;
        }
        let path = exchange["path"].as_str().unwrap().split('?').next().unwrap();
        let plural = path.rsplit('/').next().unwrap();
        let Some(resource) = Registry::builtin().types().find(|t| t.plural == plural).cloned() else { continue };
        let ours = columns(&resource);
        let theirs = response["columnDefinitions"].as_array().unwrap();
        let strip = |c: &Value| (c["name"].clone(), c["type"].clone(), c["format"].clone(), c["priority"].clone());
        assert_eq!(ours.iter().map(strip).collect::<Vec<_>>(), theirs.iter().map(strip).collect::<Vec<_>>(), "{path}");
        seen += 1;
    }
    assert!(seen >= 5, "{seen}");
}

fn cells_of(group: &str, plural: &str, object: Value) -> Vec<Value> {
    let registry = Registry::builtin();
    let resource = registry.types().find(|t| t.group == group && t.plural == plural).unwrap().clone();
    let namespace = resource.namespaced.then_some("ns");
    let with = lifecycle::Creation { namespace, uid: "u", now: now(), seed: 3, mounts_token: true };
    let object = lifecycle::create(&resource, object, &with).unwrap();
    let table = table(&resource, [&object], json!({}), IncludeObject::None, true, now());
    table["rows"][0]["cells"].as_array().unwrap().clone()
}

#[test]
fn cells_of_people() {
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let none = "<none>";
    assert_eq!(cells_of("", "pods", pod), ["p", "0/1", "Pending", "0", "0s", none, none, none, none].map(Value::from));
    let service = json!({"metadata": {"name": "web"}, "spec": {"type": "ExternalName", "externalName": "x.y"}});
    assert_eq!(
        cells_of("", "services", service),
        ["web", "ExternalName", none, "x.y", none, "0s", none].map(Value::from)
    );
    let hpa = json!({"metadata": {"name": "web"}, "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "web"}}});
    assert_eq!(
        cells_of("autoscaling", "horizontalpodautoscalers", hpa),
        [
            json!("web"),
            json!("Deployment/web"),
            json!("cpu: <unknown>/80%"),
            json!("1"),
            json!(3),
            json!(0),
            json!("0s")
        ]
    );
    let binding = json!({"metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "r"}, "subjects": [
        {"kind": "User", "name": "ann"}, {"kind": "Group", "name": "devs"},
        {"kind": "ServiceAccount", "name": "default", "namespace": "ns"}]});
    assert_eq!(
        cells_of("rbac.authorization.k8s.io", "rolebindings", binding),
        ["b", "Role/r", "0s", "ann", "devs", "ns/default"].map(Value::from)
    );
}

/// Whatever an object holds, printing it does not fail.
#[test]
fn recorded_objects_print() {
    let all: Vec<Value> = serde_json::from_str(DEFAULTED).unwrap();
    for case in all {
        let object = &case["response"];
        let (group, version) = crate::registry::split_api_version(object["apiVersion"].as_str().unwrap());
        let resource = Registry::builtin().find_kind(group, version, object["kind"].as_str().unwrap()).unwrap();
        let table = table(&resource, [object], json!({}), IncludeObject::Metadata, true, now());
        assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    }
}

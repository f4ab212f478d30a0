use std::sync::Arc;

use super::*;
use crate::registry::Registry;

const RECORDED: &str = include_str!("../../data/defaulted-objects.json");

fn type_at(path: &str) -> (Arc<ResourceType>, bool) {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (group, version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => panic!("{path}"),
    };
    let resource = Registry::builtin().find(group, version, rest[rest.len() - 1]).unwrap();
    (resource, rest.len() == 3)
}

pub(crate) fn creation(namespace: Option<&str>) -> Creation<'_> {
    Creation {
        namespace,
        uid: "8017fd7b-edb8-4170-a11c-8fc85b508d39",
        now: Timestamp::UNIX_EPOCH,
        seed: 1,
        mounts_token: true,
    }
}

fn masked(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for field in ["creationTimestamp", "uid"] {
                if object.contains_key("name") {
                    object.remove(field);
                }
            }
            for field in ["clusterIP", "lastPhaseTransitionTime"] {
                if object.contains_key(field) {
                    object.insert(field.to_owned(), json!("SET"));
                }
            }
            if object.contains_key("clusterIPs") {
                object.insert("clusterIPs".to_owned(), json!(["SET"]));
            }
            object.values_mut().for_each(masked);
        }
        Value::Array(items) => items.iter_mut().for_each(masked),
        Value::String(text) if text.starts_with("kube-api-access-") => *text = "kube-api-access-XXXXX".to_owned(),
        _ => {}
    }
}

/// What a real server answered to minimal objects, and what we make of them.
#[test]
fn recorded_defaults() {
    let all: Vec<Value> = serde_json::from_str(RECORDED).unwrap();
    let mut same = 0;
    for case in &all {
        let path = case["path"].as_str().unwrap();
        let (resource, namespaced) = type_at(path);
        let with = creation(namespaced.then_some("default"));
        let body = case["request"].to_string();
        let decoded = crate::body::decode(
            &resource,
            crate::body::Format::Json,
            body.as_bytes(),
            crate::body::FieldValidation::Strict,
        );
        let mut got = match decoded.and_then(|decoded| create(&resource, decoded.object, &with)) {
            Ok(got) => got,
            Err(status) => {
                println!("{path}: {}", status.message);
                continue;
            }
        };
        let mut want = case["response"].clone();
        masked(&mut got);
        masked(&mut want);
        if got == want {
            same += 1;
        } else {
            println!("{path}\n  want {want}\n  got  {got}");
        }
    }
    println!("{same} of {} recorded objects as on the real server", all.len());
    assert_eq!(same, all.len());
}

fn make(group: &str, plural: &str, object: Value) -> Result<Value, Status> {
    let resource = Registry::builtin().types().find(|t| t.group == group && t.plural == plural).unwrap().clone();
    create(&resource, object, &creation(resource.namespaced.then_some("ns")))
}

fn message_of(group: &str, plural: &str, object: Value) -> String {
    make(group, plural, object).unwrap_err().message
}

#[test]
fn texts_of_the_real_server() {
    assert_eq!(
        message_of("", "configmaps", json!({"metadata": {"name": "x"}, "data": {"a b": "c"}})),
        "ConfigMap \"x\" is invalid: data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
    );
    assert_eq!(
        message_of("", "configmaps", json!({"metadata": {"name": ""}})),
        "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required"
    );
    assert_eq!(
        message_of("apps", "deployments", json!({"metadata": {"name": "d"}, "spec": {}})),
        "Deployment.apps \"d\" is invalid: [spec.selector: Required value, spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`, spec.template.spec.containers: Required value]"
    );
    assert_eq!(
        message_of("", "pods", json!({"metadata": {"name": "x"}, "spec": {"containers": [{"name": "a"}]}})),
        "Pod \"x\" is invalid: spec.containers[0].image: Required value"
    );
    let role = |rule: Value| {
        message_of("rbac.authorization.k8s.io", "roles", json!({"metadata": {"name": "x"}, "rules": [rule]}))
    };
    assert_eq!(
        role(json!({"nonResourceURLs": ["/x"], "verbs": ["get"]})),
        "Role.rbac.authorization.k8s.io \"x\" is invalid: rules[0].nonResourceURLs: Invalid value: [\"/x\"]: namespaced rules cannot apply to non-resource URLs"
    );
    assert_eq!(
        message_of("storage.k8s.io", "storageclasses", json!({"metadata": {"name": "x"}})),
        "StorageClass.storage.k8s.io \"x\" is invalid: provisioner: Required value"
    );
}

#[test]
fn updates() {
    let secrets = Registry::builtin().find("", "v1", "secrets").unwrap();
    let old = make("", "secrets", json!({"metadata": {"name": "s"}, "data": {"p": "cQ=="}})).unwrap();
    let mut new = old.clone();
    new["type"] = json!("x/y");
    assert_eq!(
        update(&secrets, None, &old, new).unwrap_err().message,
        "Secret \"s\" is invalid: type: Invalid value: \"x/y\": field is immutable"
    );
    let new = update(
        &secrets,
        None,
        &old,
        json!({"metadata": {"name": "s"}, "stringData": {"z": "w"}, "data": {"p": "cQ=="}}),
    );
    assert_eq!(new.unwrap()["data"], json!({"p": "cQ==", "z": "dw=="}));
    let deployments = Registry::builtin().find("apps", "v1", "deployments").unwrap();
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let body =
        json!({"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}});
    let old = make("apps", "deployments", body).unwrap();
    let mut new = old.clone();
    new["spec"]["replicas"] = json!(3);
    new["status"]["replicas"] = json!(9);
    let updated = update(&deployments, None, &old, new.clone()).unwrap();
    assert_eq!((&updated["metadata"]["generation"], &updated["spec"]["replicas"]), (&json!(2), &json!(3)));
    assert_eq!(updated["status"], json!({}));
    let updated = update(&deployments, Some("status"), &old, new).unwrap();
    assert_eq!((&updated["metadata"]["generation"], &updated["spec"]["replicas"]), (&json!(1), &json!(1)));
    assert_eq!(updated["status"]["replicas"], 9);
    assert!(same(&old, &update(&deployments, None, &old, old.clone()).unwrap()));
    let scale = scale_of(&deployments, &old).unwrap();
    assert_eq!((&scale["spec"]["replicas"], &scale["status"]["selector"]), (&json!(1), &json!("a=b")));
}

#[test]
fn finalizers_without_a_prefix() {
    let named = |finalizer: &str| json!({"metadata": {"name": "c", "finalizers": ["a.example/b", finalizer]}});
    assert!(make("", "configmaps", named("orphan")).is_ok());
    assert_eq!(
        make("", "configmaps", named("mine")).unwrap_err().message,
        "ConfigMap \"c\" is invalid: metadata.finalizers[1]: Invalid value: \"mine\": name is neither a standard \
         finalizer name nor is it fully qualified"
    );
    // A definition of custom resources gets such a one itself, and is applied again with it.
    let definitions = Registry::builtin().find("apiextensions.k8s.io", "v1", "customresourcedefinitions").unwrap();
    let versions = json!([{"name": "v1", "served": true, "storage": true,
        "schema": {"openAPIV3Schema": {"type": "object"}}}]);
    let definition = json!({"metadata": {"name": "as.e.io"}, "spec": {"group": "e.io", "scope": "Cluster",
        "names": {"plural": "as", "kind": "A"}, "versions": versions}});
    let mut old = make("apiextensions.k8s.io", "customresourcedefinitions", definition).unwrap();
    old["metadata"]["finalizers"] = json!(["customresourcecleanup.apiextensions.k8s.io"]);
    assert!(update(&definitions, None, &old, old.clone()).is_ok());
}

#[test]
fn the_same_stateful_set_again_is_no_change() {
    let sets = Registry::builtin().find("apps", "v1", "statefulsets").unwrap();
    let claim = json!({"metadata": {"name": "d"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    let body = json!({"metadata": {"name": "s"}, "spec": {"serviceName": "s", "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
        "volumeClaimTemplates": [claim]}});
    let old = make("apps", "statefulsets", body.clone()).unwrap();
    assert_eq!(old["spec"]["volumeClaimTemplates"][0]["kind"], "PersistentVolumeClaim");
    assert!(same(&old, &update(&sets, None, &old, body).unwrap()));
}

#[test]
fn versions_convert_both_ways() {
    let registry = Registry::builtin();
    let (v1, v2) = (
        registry.find("autoscaling", "v1", "horizontalpodautoscalers").unwrap(),
        registry.find("autoscaling", "v2", "horizontalpodautoscalers").unwrap(),
    );
    let object = json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "x"},
        "spec": {"maxReplicas": 3, "minReplicas": 1, "targetCPUUtilizationPercentage": 50,
        "scaleTargetRef": {"kind": "D", "name": "d"}}, "status": {"currentReplicas": 0, "desiredReplicas": 0}});
    let there = convert(object.clone(), &v1, &v2);
    assert_eq!(there["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 50);
    assert_eq!(convert(there, &v2, &v1), object);
}

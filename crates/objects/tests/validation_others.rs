//! What is wrong with objects that are neither pods nor make them, in the words of the real server. Every text is that
//! of Kubernetes' own validation of the type.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::result_large_err)]

mod common;

use common::{make, wrong};
use serde_json::{Value, json};

/// Each of these is refused with its text.
fn refused(group: &str, version: &str, plural: &str, cases: Vec<(Value, &str)>) {
    for (object, text) in cases {
        assert_eq!(wrong(make(group, version, plural, object)), text);
    }
}

fn changed(group: &str, plural: &str, object: Value, change: impl Fn(&mut Value)) -> String {
    wrong(common::changed(group, plural, object, change))
}

fn ingress(path: Value) -> Value {
    json!({"spec": {"rules": [{"host": "a.example", "http": {"paths": [path]}}]}})
}

#[test]
fn ingresses() {
    let service = json!({"service": {"name": "s", "port": {"number": 80}}});
    let at = "spec.rules[0].http.paths[0]";
    refused(
        "networking.k8s.io",
        "v1",
        "ingresses",
        vec![
            (json!({"spec": {}}), "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"),
            (
                json!({"spec": {"rules": [{"host": "1.2.3.4"}]}}),
                "spec.rules[0].host: Invalid value: \"1.2.3.4\": must be a DNS name, not an IP address",
            ),
            (json!({"spec": {"rules": [{"http": {"paths": []}}]}}), "spec.rules[0].http.paths: Required value"),
            (
                ingress(json!({"path": "/", "backend": service})),
                &format!("{at}.pathType: Required value: pathType must be specified"),
            ),
            (
                ingress(json!({"path": "x", "pathType": "Prefix", "backend": service})),
                &format!("{at}.path: Invalid value: \"x\": must be an absolute path"),
            ),
            (
                ingress(json!({"path": "/a//b", "pathType": "Exact", "backend": service})),
                &format!("{at}.path: Invalid value: \"/a//b\": must not contain '//'"),
            ),
            (
                ingress(json!({"path": "/a/..", "pathType": "Exact", "backend": service})),
                &format!("{at}.path: Invalid value: \"/a/..\": cannot end with '/..'"),
            ),
            (
                ingress(json!({"path": "/", "pathType": "Some", "backend": service})),
                &format!(
                    "{at}.pathType: Unsupported value: \"Some\": supported values: \"Exact\", \"ImplementationSpecific\", \"Prefix\""
                ),
            ),
            (
                ingress(json!({"path": "/", "pathType": "Exact", "backend": {}})),
                &format!("{at}.backend: Invalid value: \"\": resource or service backend is required"),
            ),
            (
                ingress(json!({"path": "/", "pathType": "Exact", "backend": {"service": {"name": "s"}}})),
                &format!("{at}.backend: Required value: port name or number is required"),
            ),
            (
                ingress(
                    json!({"path": "/", "pathType": "Exact", "backend": {"service": {"name": "s", "port": {"name": "a", "number": 1}}}}),
                ),
                &format!("{at}.backend: Invalid value: \"\": cannot set both port name & port number"),
            ),
            (
                ingress(
                    json!({"path": "/", "pathType": "Exact", "backend": {"service": {"name": "s", "port": {"number": 70_000}}}}),
                ),
                &format!(
                    "{at}.backend.service.port.number: Invalid value: 70000: must be between 1 and 65535, inclusive"
                ),
            ),
        ],
    );
}

#[test]
fn network_policies() {
    let policy = |ingress: Value| json!({"spec": {"podSelector": {}, "ingress": [ingress]}});
    refused(
        "networking.k8s.io",
        "v1",
        "networkpolicies",
        vec![
            (policy(json!({"from": [{}]})), "spec.ingress[0].from[0]: Required value: must specify a peer"),
            (
                policy(json!({"from": [{"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}]})),
                "spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer",
            ),
            (
                policy(json!({"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}}]})),
                "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"11.0.0.0/16\": must be a strict subset of `cidr`",
            ),
            (
                policy(json!({"ports": [{"protocol": "ICMP"}]})),
                "spec.ingress[0].ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"TCP\", \"UDP\", \"SCTP\"",
            ),
            (
                policy(json!({"ports": [{"port": 80, "endPort": 70}]})),
                "spec.ingress[0].ports[0].endPort: Invalid value: 70: must be greater than or equal to `port`",
            ),
            (
                json!({"spec": {"podSelector": {}, "policyTypes": ["Both"]}}),
                "spec.policyTypes[0]: Unsupported value: \"Both\": supported values: \"Ingress\", \"Egress\"",
            ),
        ],
    );
}

#[test]
fn autoscalers() {
    let scaler = |more: Value| {
        let mut spec = json!({"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "d"}});
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        json!({"spec": spec})
    };
    refused(
        "autoscaling",
        "v2",
        "horizontalpodautoscalers",
        vec![
            (
                scaler(json!({"minReplicas": 5})),
                "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`",
            ),
            (
                scaler(json!({"maxReplicas": 0})),
                "[spec.maxReplicas: Invalid value: 0: must be greater than 0, spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`]",
            ),
            (
                scaler(json!({"scaleTargetRef": {"kind": "", "name": ""}})),
                "[spec.scaleTargetRef.kind: Required value, spec.scaleTargetRef.name: Required value]",
            ),
            (
                scaler(
                    json!({"metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}]}),
                ),
                "spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization",
            ),
            (
                scaler(json!({"metrics": [{"type": "Pods"}]})),
                "spec.metrics[0].pods: Required value: must populate information for the given metric source",
            ),
            (
                scaler(
                    json!({"behavior": {"scaleDown": {"policies": [{"type": "Pods", "value": 0, "periodSeconds": 60}]}}}),
                ),
                "spec.behavior.scaleDown.policies[0].value: Invalid value: 0: must be greater than zero",
            ),
        ],
    );
}

#[test]
fn budgets_quotas_and_limits() {
    refused(
        "policy",
        "v1",
        "poddisruptionbudgets",
        vec![
            (
                json!({"spec": {"minAvailable": "120%"}}),
                "spec.minAvailable: Invalid value: \"120%\": must not be greater than 100%",
            ),
            (
                json!({"spec": {"maxUnavailable": -1}}),
                "spec.maxUnavailable: Invalid value: -1: must be greater than or equal to 0",
            ),
        ],
    );
    refused(
        "",
        "v1",
        "resourcequotas",
        vec![
            (
                json!({"spec": {"hard": {"pods": "1.5"}}}),
                "spec.hard[pods]: Invalid value: \"1500m\": must be an integer",
            ),
            (
                json!({"spec": {"hard": {"pods": "1"}, "scopes": ["BestEffort", "NotBestEffort"]}}),
                "spec.scopes: Invalid value: [\"BestEffort\",\"NotBestEffort\"]: conflicting scopes",
            ),
        ],
    );
    refused(
        "",
        "v1",
        "limitranges",
        vec![
            (
                json!({"spec": {"limits": [{"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}, "default": {"cpu": "1"}, "defaultRequest": {"cpu": "1"}}]}}),
                "[spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1, \
                 spec.limits[0].defaultRequest[cpu]: Invalid value: \"1\": min value 2 is greater than default request value 1, \
                 spec.limits[0].default[cpu]: Invalid value: \"2\": min value 2 is greater than default value 1]",
            ),
            (
                json!({"spec": {"limits": [{"type": "Pod", "default": {"cpu": "1"}}]}}),
                "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
            ),
            (
                json!({"spec": {"limits": [{"type": "PersistentVolumeClaim"}]}}),
                "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided",
            ),
        ],
    );
}

#[test]
fn volumes_and_claims() {
    let volume = |more: Value| {
        let mut spec =
            json!({"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/x"}});
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        json!({"spec": spec})
    };
    refused(
        "",
        "v1",
        "persistentvolumes",
        vec![
            (volume(json!({"accessModes": []})), "spec.accessModes: Required value"),
            (volume(json!({"hostPath": null})), "spec: Required value: must specify a volume type"),
            (
                volume(json!({"nfs": {"server": "s", "path": "/"}})),
                "spec.nfs: Forbidden: may not specify more than 1 volume type",
            ),
            (
                volume(json!({"persistentVolumeReclaimPolicy": "Keep"})),
                "spec.persistentVolumeReclaimPolicy: Unsupported value: \"Keep\": supported values: \"Delete\", \"Recycle\", \"Retain\"",
            ),
        ],
    );
    refused(
        "",
        "v1",
        "persistentvolumeclaims",
        vec![
            (json!({"spec": {"accessModes": ["ReadWriteOnce"]}}), "spec.resources[storage]: Required value"),
            (
                json!({"spec": {"accessModes": ["Some"], "resources": {"requests": {"storage": "1"}}}}),
                "spec.accessModes: Unsupported value: \"Some\": supported values: \"ReadOnlyMany\", \"ReadWriteMany\", \"ReadWriteOnce\", \"ReadWriteOncePod\"",
            ),
            (
                json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "0"}}}}),
                "spec.resources[storage]: Invalid value: \"0\": must be greater than zero",
            ),
        ],
    );
    let claim = json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    let bigger = changed("", "persistentvolumeclaims", claim, |new| {
        new["spec"]["resources"]["requests"]["storage"] = json!("2Gi");
    });
    assert!(
        bigger.starts_with("spec: Forbidden: spec is immutable after creation except resources.requests"),
        "{bigger}"
    );
}

#[test]
fn classes() {
    let class = json!({"value": 5});
    let moved = changed("scheduling.k8s.io", "priorityclasses", class, |new| new["value"] = json!(6));
    assert_eq!(moved, "value: Forbidden: may not be changed in an update.");
    refused(
        "scheduling.k8s.io",
        "v1",
        "priorityclasses",
        vec![
            (
                json!({"value": 1_000_000_001}),
                "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
            ),
            (
                json!({"metadata": {"name": "system-mine"}, "value": 1}),
                "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class",
            ),
        ],
    );
    let storage = json!({"provisioner": "example.com/p"});
    let moved = changed("storage.k8s.io", "storageclasses", storage, |new| new["provisioner"] = json!("q"));
    assert_eq!(moved, "provisioner: Forbidden: updates to provisioner are forbidden.");
    refused("storage.k8s.io", "v1", "storageclasses", vec![(json!({}), "provisioner: Required value")]);
}

#[test]
fn webhooks_and_slices() {
    let hook = |more: Value| {
        let mut hook = json!({
            "name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": "https://example.com/x"},
        });
        for (field, value) in more.as_object().unwrap() {
            hook[field] = value.clone();
        }
        json!({"webhooks": [hook]})
    };
    assert!(make("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", hook(json!({}))).is_ok());
    refused(
        "admissionregistration.k8s.io",
        "v1",
        "validatingwebhookconfigurations",
        vec![
            (
                hook(json!({"name": "a"})),
                "webhooks[0].name: Invalid value: \"a\": should be a domain with at least three segments separated by dots",
            ),
            (
                hook(json!({"sideEffects": null})),
                "webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun",
            ),
            (
                hook(json!({"clientConfig": {}})),
                "webhooks[0].clientConfig: Required value: exactly one of url or service is required",
            ),
            (
                hook(json!({"clientConfig": {"url": "http://x/"}})),
                "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]",
            ),
            (
                hook(json!({"admissionReviewVersions": []})),
                "webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1",
            ),
            (
                hook(json!({"timeoutSeconds": 31})),
                "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
            ),
            (
                hook(
                    json!({"rules": [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["v1"], "resources": ["*", "pods"]}]}),
                ),
                "webhooks[0].rules[0].resources: Invalid value: [\"*\",\"pods\"]: if '*' is present, must not specify other resources without subresources",
            ),
        ],
    );
    refused(
        "discovery.k8s.io",
        "v1",
        "endpointslices",
        vec![(
            json!({"addressType": "IPv4", "endpoints": [{"addresses": []}]}),
            "endpoints[0].addresses: Required value: must contain at least 1 address",
        )],
    );
    refused(
        "",
        "v1",
        "endpoints",
        vec![
            (json!({"subsets": [{}]}), "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"),
            (
                json!({"subsets": [{"addresses": [{"ip": "127.0.0.1"}]}]}),
                "subsets[0].addresses[0].ip: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)",
            ),
        ],
    );
}

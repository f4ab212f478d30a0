//! What is wrong with objects, in the words of the real server: one line for each rule that a person runs into.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::result_large_err)]

mod common;

use common::{changed, make, wrong};
use entryway_objects::status::Status;
use serde_json::{Value, json};

fn pod(spec: Value) -> Result<Value, Status> {
    make("", "v1", "pods", json!({"metadata": {"name": "x"}, "spec": spec}))
}

/// A pod of one container with something more.
fn container(more: Value) -> Result<Value, Status> {
    let mut container = json!({"name": "c", "image": "i"});
    for (field, value) in more.as_object().expect("fields") {
        container[field] = value.clone();
    }
    pod(json!({"containers": [container]}))
}

#[test]
fn containers() {
    for (more, text) in [
        (
            json!({"ports": [{"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}]}),
            "spec.containers[0].ports[1].name: Duplicate value: \"a\"",
        ),
        (
            json!({"ports": [{"containerPort": 80, "hostPort": 9}, {"containerPort": 81, "hostPort": 9}]}),
            "spec.containers[0].ports[1].hostPort: Duplicate value: \"TCP//9\"",
        ),
        (
            json!({"env": [{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}),
            "spec.containers[0].env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty",
        ),
        (
            json!({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "foo.bar"}}}]}),
            "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: \"foo.bar\": error converting fieldPath: field label not supported: foo.bar",
        ),
        (
            json!({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "x", "key": ""}}}]}),
            "spec.containers[0].env[0].valueFrom.secretKeyRef.key: Required value",
        ),
        (
            json!({"envFrom": [{}]}),
            "spec.containers[0].envFrom: Invalid value: \"\": must specify one of: `configMapRef` or `secretRef`",
        ),
        (
            json!({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}),
            "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1",
        ),
        (
            json!({"resources": {"requests": {"cpu": "-1"}}}),
            "spec.containers[0].resources.requests[cpu]: Invalid value: \"-1\": must be greater than or equal to 0",
        ),
        (
            json!({"resources": {"requests": {"example.com/x": "1"}}}),
            "spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources",
        ),
        (
            json!({"volumeMounts": [{"name": "v", "mountPath": "/x"}]}),
            "spec.containers[0].volumeMounts[0].name: Not found: \"v\"",
        ),
        (json!({"livenessProbe": {}}), "spec.containers[0].livenessProbe: Required value: must specify a handler type"),
        (
            json!({"livenessProbe": {"exec": {"command": ["a"]}, "tcpSocket": {"port": 1}}}),
            "spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
        ),
        (
            json!({"livenessProbe": {"exec": {"command": ["a"]}, "successThreshold": 2}}),
            "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
        ),
        (
            json!({"securityContext": {"runAsUser": -1}}),
            "spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
        ),
        (
            json!({"securityContext": {"privileged": true, "allowPrivilegeEscalation": false}}),
            "spec.containers[0].securityContext: Invalid value: {\"Capabilities\":null,\"Privileged\":true,\"SELinuxOptions\":null,\"WindowsOptions\":null,\"RunAsUser\":null,\"RunAsGroup\":null,\"RunAsNonRoot\":null,\"ReadOnlyRootFilesystem\":null,\"AllowPrivilegeEscalation\":false,\"ProcMount\":null,\"SeccompProfile\":null,\"AppArmorProfile\":null}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
        ),
    ] {
        assert_eq!(wrong(container(more)), text);
    }
    container(json!({"env": [{"name": "1a", "value": "1"}], "ports": [{"containerPort": 1}, {"containerPort": 1}]}))
        .expect("a valid pod");
}

#[test]
fn pods() {
    let c = json!([{"name": "c", "image": "i"}]);
    for (spec, text) in [
        (
            json!({"containers": c, "dnsPolicy": "None"}),
            "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None",
        ),
        (
            json!({"containers": c, "activeDeadlineSeconds": 0}),
            "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
        ),
        (
            json!({"containers": c, "tolerations": [{"key": "a", "operator": "Exists", "value": "x"}]}),
            "spec.tolerations[0].operator: Invalid value: \"x\": value must be empty when `operator` is 'Exists'",
        ),
        (
            json!({"containers": c, "volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]}),
            "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
        ),
        (
            json!({"containers": c, "volumes": [{"name": "v", "configMap": {"name": "a", "items": [{"key": "k", "path": "../x"}]}}]}),
            "spec.volumes[0].configMap.items[0].path: Invalid value: \"../x\": must not contain '..'",
        ),
        (
            json!({"containers": c, "initContainers": [{"name": "d", "image": "i", "livenessProbe": {"exec": {"command": ["a"]}}}]}),
            "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
        ),
        (
            json!({"containers": c, "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}}),
            "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term",
        ),
        (
            json!({"containers": c, "os": {"name": "bsd"}}),
            "spec.os.name: Unsupported value: \"bsd\": supported values: \"linux\", \"windows\"",
        ),
        (
            json!({"containers": c, "ephemeralContainers": [{"name": "d", "image": "i"}]}),
            "spec.ephemeralContainers: Forbidden: cannot be set on create",
        ),
    ] {
        assert_eq!(wrong(pod(spec)), text);
    }
    let plain = json!({"metadata": {"name": "x"}, "spec": {"containers": c}});
    let added = changed("", "pods", plain.clone(), |pod| {
        pod["spec"]["containers"].as_array_mut().unwrap().push(json!({"name": "d", "image": "i"}));
    });
    assert_eq!(wrong(added), "spec.containers: Forbidden: pod updates may not add or remove containers");
    let tolerant = changed("", "pods", plain.clone(), |pod| pod["spec"]["tolerations"] = json!([]));
    assert_eq!(
        wrong(tolerant),
        "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"
    );
    changed("", "pods", plain, |pod| pod["spec"]["containers"][0]["image"] = json!("j")).expect("a new image");
}

#[test]
fn workloads() {
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let spec = |more: Value| {
        let mut spec = json!({"selector": {"matchLabels": {"a": "b"}}, "template": template});
        for (field, value) in more.as_object().expect("fields") {
            spec[field] = value.clone();
        }
        json!({"metadata": {"name": "x"}, "spec": spec})
    };
    for (plural, more, text) in [
        (
            "deployments",
            json!({"replicas": -1}),
            "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            "deployments",
            json!({"selector": {}}),
            "spec.selector: Invalid value: {}: empty selector is invalid for deployment",
        ),
        (
            "deployments",
            json!({"selector": {"matchExpressions": [{"key": "a", "operator": "Nope"}]}}),
            "[spec.selector.matchExpressions[0].operator: Invalid value: \"Nope\": not a valid selector operator, spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` does not match template `labels`]",
        ),
        (
            "deployments",
            json!({"strategy": {"type": "Foo"}}),
            "spec.strategy: Unsupported value: {\"Type\":\"Foo\",\"RollingUpdate\":null}: supported values: \"Recreate\", \"RollingUpdate\"",
        ),
        (
            "deployments",
            json!({"strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 0}}}),
            "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
        ),
        (
            "deployments",
            json!({"strategy": {"rollingUpdate": {"maxUnavailable": "x"}}}),
            "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"x\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
        ),
        (
            "deployments",
            json!({"progressDeadlineSeconds": 5, "minReadySeconds": 5}),
            "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds",
        ),
        (
            "statefulsets",
            json!({"podManagementPolicy": "Foo"}),
            "spec.podManagementPolicy: Invalid value: \"Foo\": must be 'OrderedReady' or 'Parallel'",
        ),
        (
            "replicasets",
            json!({"selector": {}}),
            "spec.selector: Invalid value: {}: empty selector is invalid for deployment",
        ),
    ] {
        assert_eq!(wrong(make("apps", "v1", plural, spec(more))), text);
    }
    let job = |policy: &str| {
        let template = json!({"spec": {"restartPolicy": policy, "containers": [{"name": "c", "image": "i"}]}});
        json!({"metadata": {"name": "x"}, "spec": {"template": template}})
    };
    assert_eq!(
        wrong(make("batch", "v1", "jobs", job("Always"))),
        "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""
    );
    let cron = json!({"metadata": {"name": "x"}, "spec": {"schedule": "61 * * * *", "jobTemplate": job("Never")}});
    assert_eq!(
        wrong(make("batch", "v1", "cronjobs", cron)),
        "spec.schedule: Invalid value: \"61 * * * *\": end of range (61) above maximum (59): 61"
    );
    let claimed = json!({
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [
            {"name": "c", "image": "i", "volumeMounts": [{"name": "data", "mountPath": "/d"}]}]}},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}],
    });
    make("apps", "v1", "statefulsets", spec(claimed)).expect("claims are volumes");
}

#[test]
fn services() {
    let service = |spec: Value| make("", "v1", "services", json!({"metadata": {"name": "x"}, "spec": spec}));
    for (spec, text) in [
        (json!({}), "spec.ports: Required value"),
        (
            json!({"type": "Foo", "ports": [{"port": 80}]}),
            "spec.type: Unsupported value: \"Foo\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"",
        ),
        (
            json!({"ports": [{"port": 0}]}),
            "[spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive, spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive]",
        ),
        (
            json!({"ports": [{"port": 80}, {"port": 81}]}),
            "[spec.ports[0].name: Required value, spec.ports[1].name: Required value]",
        ),
        (
            json!({"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 80}]}),
            "spec.ports[1]: Duplicate value: {\"Name\":\"\",\"Protocol\":\"TCP\",\"AppProtocol\":null,\"Port\":80,\"TargetPort\":0,\"NodePort\":0}",
        ),
        (
            json!({"ports": [{"port": 80, "nodePort": 30080}]}),
            "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
        ),
        (
            json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]}),
            "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767",
        ),
        (
            json!({"type": "NodePort", "clusterIP": "None", "ports": [{"port": 80}]}),
            "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services",
        ),
        (json!({"type": "ExternalName"}), "spec.externalName: Required value"),
    ] {
        assert_eq!(wrong(service(spec)), text);
    }
    let moved =
        changed("", "services", json!({"metadata": {"name": "x"}, "spec": {"ports": [{"port": 80}]}}), |service| {
            service["spec"]["clusterIP"] = json!("10.0.0.9");
        });
    assert_eq!(wrong(moved), "spec.clusterIPs[0]: Invalid value: [\"10.0.0.9\"]: may not change once set");
    let named =
        changed("", "services", json!({"metadata": {"name": "x"}, "spec": {"ports": [{"port": 80}]}}), |service| {
            service["spec"]["type"] = json!("ExternalName");
            service["spec"]["externalName"] = json!("a.b");
        })
        .expect("a change of type");
    assert_eq!(named["spec"].get("clusterIP"), None);
}

#[test]
fn metadata() {
    let map = |metadata: Value| wrong(make("", "v1", "configmaps", json!({"metadata": metadata})));
    assert_eq!(
        map(json!({"name": "x", "finalizers": ["y"]})),
        "metadata.finalizers[0]: Invalid value: \"y\": name is neither a standard finalizer name nor is it fully qualified"
    );
    assert_eq!(
        map(json!({"name": "x", "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "", "uid": ""}]})),
        "[metadata.ownerReferences.name: Invalid value: \"\": must not be empty, metadata.ownerReferences.uid: Invalid value: \"\": must not be empty]"
    );
    assert_eq!(
        wrong(make(
            "rbac.authorization.k8s.io",
            "v1",
            "rolebindings",
            json!({
                "metadata": {"name": "x"}, "roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": ""}]
            })
        )),
        "[subjects[0].name: Required value, subjects[0].name: Invalid value: \"\": user name cannot be empty]"
    );
}

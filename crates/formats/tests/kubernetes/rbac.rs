//! RBAC among everything else that clusters are made of.

use entryway_access::RbacObjects;

use crate::common::{read_as, said, same};

fn shown(rbac: &RbacObjects) -> Vec<String> {
    let roles = rbac.roles.iter().map(|role| format!("role {:?} {} {}", role.namespace, role.name, role.rules.len()));
    let bindings = rbac.bindings.iter().map(|binding| {
        format!("binding {:?} {} {:?} {:?}", binding.namespace, binding.name, binding.subjects, binding.role.name)
    });
    roles.chain(bindings).collect()
}

#[test]
fn many_documents_of_helm_and_kustomize() {
    let read = read_as(
        "rendered.yaml",
        r#"# Source: chart/templates/rbac.yaml
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: a}
---
# nothing here
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1beta1
kind: RoleBinding
metadata: {name: dev}
roleRef: {kind: ClusterRole, name: reader, apiGroup: rbac.authorization.k8s.io}
subjects:
- {kind: Group, name: dev}
- {kind: User, name: 42}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: broken}
roleRef: {kind: Rolle, name: reader}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
"#,
    );
    same(
        said(&read),
        &[
            "17:18 warning RoleBinding default/dev: invalid type: integer `42`, expected a string",
            "25:18 warning ClusterRoleBinding broken: `roleRef.kind` must be Role or ClusterRole, not `Rolle`",
        ],
    );
    same(shown(&read.value.clusters[0].rbac), &["role None reader 1"]);
}

#[test]
fn lists_and_json() {
    let item = r#"{"metadata": {"name": "a", "namespace": "x"}, "rules": null}"#;
    for text in [
        format!(r#"{{"kind": "RoleList", "apiVersion": "rbac.authorization.k8s.io/v1", "items": [{item}]}}"#),
        format!(
            r#"{{"kind": "List", "apiVersion": "v1", "items": [{{"kind": "Role", "apiVersion": "rbac.authorization.k8s.io/v1", {}]}}"#,
            &item[1..]
        ),
    ] {
        let read = read_as("a.json", &text);
        same(said(&read), &[]);
        same(shown(&read.value.clusters[0].rbac), &["role Some(\"x\") a 0"]);
    }
}

#[test]
fn rbac_and_aws_auth_are_of_one_cluster() {
    let read = read_as(
        "all.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: aws-auth, namespace: kube-system}\ndata: {mapRoles: \"[]\"}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a}\n",
    );
    assert_eq!(read.value.clusters.len(), 1);
    assert!(read.value.clusters[0].aws_auth.is_some());
    assert_eq!(read.value.clusters[0].rbac.roles.len(), 1);
}

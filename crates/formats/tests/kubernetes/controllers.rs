//! ACK, Crossplane and Cluster API.

use entryway_formats::{ReadOptions, Source, read_all};

use crate::common::{read_as, said, same, shown};

#[test]
fn ack() {
    let read = read_as(
        "ack.yaml",
        r#"apiVersion: eks.services.k8s.aws/v1alpha1
kind: Cluster
metadata: {name: main, namespace: infra, annotations: {services.k8s.aws/region: eu-west-1}}
spec: {name: prod, accessConfig: {authenticationMode: API}}
---
apiVersion: eks.services.k8s.aws/v1alpha1
kind: AccessEntry
metadata: {name: dev, namespace: infra}
spec:
  clusterRef: {from: {name: main}}
  principalARN: arn:aws:iam::111122223333:role/Dev
  username: "dev:{{SessionName}}"
  kubernetesGroups: [dev]
  tags: {team: a}
  accessPolicies:
  - policyARN: arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy
    accessScope: {type: namespace, namespaces: [dev-*]}
---
apiVersion: eks.services.k8s.aws/v1alpha1
kind: AccessEntry
metadata: {name: node, annotations: {services.k8s.aws/region: us-east-1, services.k8s.aws/owner-account-id: "111122223333"}}
spec:
  clusterName: other
  principalARN: arn:aws:iam::111122223333:role/Node
  type: EC2_LINUX
  username: system:node:{{EC2PrivateDNSName}}
  kubernetesGroups: [system:nodes]
---
apiVersion: eks.services.k8s.aws/v1alpha1
kind: AccessEntry
metadata: {name: lost}
spec:
  clusterRef: {from: {name: elsewhere}}
  principalArn: arn:aws:iam::111122223333:role/Lost
  accessPolicies:
  - policyARN: arn:aws:eks::aws:cluster-access-policy/AmazonEKSVewPolicy
  - accessScope: {type: cluster}
  - policyARN: x
    accessScope: {type: all}
---
apiVersion: eks.services.k8s.aws/v1alpha1
kind: Nodegroup
metadata: {name: x}
spec: {whatever: 1}
"#,
    );
    same(
        said(&read),
        &[
            "33:3 error `spec` needs `principalARN`",
            "34:3 error `spec` has no key `principalArn`",
            "36:5 error `accessScope` is missing",
            "36:16 warning there is no access policy `arn:aws:eks::aws:cluster-access-policy/AmazonEKSVewPolicy`; the nearest are `AmazonEKSViewPolicy`, `AmazonEKSACKPolicy`, `AmazonEKSEventPolicy`",
            "37:5 error `policyARN` is missing",
            "38:16 error `x` is not a valid ARN: must begin with `arn:`",
            "39:18 error accessScope type must be one of [cluster, namespace], not `all`",
        ],
    );
    same(
        shown(&read.value),
        &[
            "[prod eu-west-1 -] API",
            "dev: arn:aws:iam::111122223333:role/Dev STANDARD user=dev:{{SessionName}} groups=dev AmazonEKSEditPolicy@dev-* team=a",
            "[other us-east-1 111122223333] -",
            "node: arn:aws:iam::111122223333:role/Node EC2_LINUX",
        ],
    );
}

const ENTRY: &str = "apiVersion: eks.aws.upbound.io/v1beta1
kind: AccessEntry
metadata: {name: dev, labels: {team: a}}
spec:
  forProvider:
    region: eu-west-1
    clusterNameRef: {name: main}
    principalArn: arn:aws:iam::111122223333:role/Dev
    userName: arn:aws:sts::111122223333:assumed-role/Dev/{{SessionName}}
  initProvider:
    kubernetesGroups: [dev]
    tags: {a: b}
";

const CLUSTER: &str = "apiVersion: eks.aws.upbound.io/v1beta2
kind: Cluster
metadata: {name: main, annotations: {crossplane.io/external-name: prod}}
spec: {forProvider: {region: eu-west-1, accessConfig: {authenticationMode: API}}}
";

fn association(name: &str, who: &str) -> String {
    format!(
        "apiVersion: eks.aws.upbound.io/v1beta1
kind: AccessPolicyAssociation
metadata: {{name: {name}}}
spec:
  forProvider:
    region: eu-west-1
    clusterName: prod
    {who}
    policyArn: arn:aws:eks::aws:cluster-access-policy/AmazonEKS{name}Policy
    accessScope: {{type: cluster}}
"
    )
}

#[test]
fn crossplane_in_one_text_and_in_many() {
    let by_arn = association("View", "principalArn: arn:aws:iam::111122223333:role/Dev");
    let by_name = association("Edit", "principalArnRef: {name: dev}");
    let by_label = association("Admin", "principalArnSelector: {matchLabels: {team: a}}");
    let lost = association("AdminView", "principalArnRef: {name: nobody}");
    // A reference to a Cluster is followed within a text.
    let first = format!("{CLUSTER}---\n{ENTRY}");
    let whole = [by_arn.clone(), by_name.clone(), first.clone(), by_label.clone(), lost.clone()].join("---\n");
    let read = read_as("a.yaml", &whole);
    same(said(&read), &["54:18 warning the policy of `AdminView` is not used: there is no AccessEntry `nobody` here"]);
    same(
        shown(&read.value),
        &[
            "[prod eu-west-1 -] API",
            "dev: arn:aws:iam::111122223333:role/Dev STANDARD groups=dev AmazonEKSViewPolicy@cluster AmazonEKSEditPolicy@cluster AmazonEKSAdminPolicy@cluster a=b",
        ],
    );
    let sources: Vec<_> = [by_arn, first, by_name, by_label]
        .iter()
        .enumerate()
        .map(|(index, text)| Source::new(format!("{index}.yaml"), text.as_str()))
        .collect();
    let read = read_all(&sources, &ReadOptions::default());
    same(said(&read), &[]);
    same(
        shown(&read.value),
        &[
            "[prod eu-west-1 -] API",
            "dev: arn:aws:iam::111122223333:role/Dev STANDARD groups=dev AmazonEKSViewPolicy@cluster AmazonEKSEditPolicy@cluster AmazonEKSAdminPolicy@cluster a=b",
        ],
    );
}

#[test]
fn crossplane_namespaced_with_what_it_does_not_say() {
    let read = read_as(
        "a.yaml",
        r#"apiVersion: eks.aws.m.upbound.io/v1beta1
kind: AccessEntry
metadata: {name: a, namespace: x}
spec:
  providerConfigRef: {kind: ClusterProviderConfig, name: default}
  forProvider:
    region: eu-west-1
    clusterNameRef: {name: main}
    principalArnFromRoleRef: {name: role}
    kubernetesGroup: [a]
---
apiVersion: eks.aws.m.upbound.io/v1beta1
kind: AccessPolicyAssociation
metadata: {name: b, namespace: x}
spec:
  forProvider:
    region: eu-west-1
    clusterNameRef: {name: main}
    principalArnRef: {name: a}
    policyArn: arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy
    accessScope: {type: namespace, namespaces: []}
---
apiVersion: eks.aws.m.upbound.io/v1beta1
kind: AccessEntry
metadata: {name: seen, namespace: x}
spec:
  managementPolicies: [Observe]
  forProvider: {region: eu-west-1, clusterName: c, principalArn: "arn:aws:iam::111122223333:role/Seen"}
"#,
    );
    same(
        said(&read),
        &[
            "9:30 note the principal of `a` is not known: it is the ARN of the Role resource `role`",
            "10:5 error `forProvider` has no key `kubernetesGroup`",
            "21:18 error At least 1 namespace must be provided if the type is set as namespace",
            "27:23 note `seen` is only observed by Crossplane, so it declares nothing",
        ],
    );
    same(shown(&read.value), &["[?main] -", "a: ?(it is the ARN of the Role resource `role`) STANDARD"]);
}

#[test]
fn cluster_api() {
    let read = read_as(
        "a.yaml",
        r#"apiVersion: controlplane.cluster.x-k8s.io/v1beta2
kind: AWSManagedControlPlane
metadata: {name: a}
spec:
  eksClusterName: prod
  region: eu-west-1
  accessConfig: {authenticationMode: api_and_config_map}
  accessEntries:
  - principalARN: arn:aws:iam::111122223333:role/Dev
    type: standard
    kubernetesGroups: [dev]
    accessPolicies:
    - policyARN: arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy
      accessScope: {type: cluster}
  iamAuthenticatorConfig:
    mapUsers:
    - userarn: arn:aws:iam::111122223333:user/u
      username: u
    mapAccounts: []
---
apiVersion: controlplane.cluster.x-k8s.io/v1beta1
kind: KubeadmControlPlane
metadata: {name: b}
"#,
    );
    same(said(&read), &["19:5 error `iamAuthenticatorConfig` has no key `mapAccounts`"]);
    same(
        shown(&read.value),
        &[
            "[prod eu-west-1 -] API_AND_CONFIG_MAP",
            "Dev: arn:aws:iam::111122223333:role/Dev STANDARD groups=dev AmazonEKSViewPolicy@cluster",
        ],
    );
    same(crate::lines(&read), &["17:7 arn:aws:iam::111122223333:user/u u []"]);
}

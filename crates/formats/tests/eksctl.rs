//! eksctl's ClusterConfig: its own rules, each mistake in its place.

#[path = "terraform/common.rs"]
mod common;

use common::{read_as, said, same, shown};
use entryway_formats::{ReadOptions, Source, Target, export, read};

#[test]
fn a_whole_file() {
    let read = read_as(
        "cluster.yaml",
        r#"apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: prod, region: eu-west-1, version: "1.33"}
vpc: {cidr: 10.0.0.0/16}
managedNodeGroups: [{name: a}]
accessConfig:
  authenticationMode: API
  bootstrapClusterCreatorAdminPermissions: false
  accessEntries:
  - principalARN: arn:aws:iam::111122223333:role/team/Dev
    type: STANDARD
    kubernetesUsername: "dev:{{SessionName}}"
    kubernetesGroups: [dev]
    accessPolicies:
    - policyARN: arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy
      accessScope: {type: namespace, namespaces: [dev-*]}
    - policyARN: arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy
      accessScope: {type: cluster}
  - principalARN: arn:aws:iam::111122223333:role/Node
    type: EC2_LINUX
  - principalARN: arn:aws:iam::111122223333:user/u
    type: ""
"#,
    );
    same(said(&read), &[]);
    same(
        shown(&read.value),
        &[
            "[prod eu-west-1 -] API",
            "Dev: arn:aws:iam::111122223333:role/team/Dev STANDARD user=dev:{{SessionName}} groups=dev AmazonEKSEditPolicy@dev-* AmazonEKSViewPolicy@cluster",
            "Node: arn:aws:iam::111122223333:role/Node EC2_LINUX",
            "u: arn:aws:iam::111122223333:user/u STANDARD",
        ],
    );
}

#[test]
fn every_rule_of_eksctl() {
    let read = read_as(
        "cluster.yaml",
        r#"apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: "-x", region: "eu_west", accountID: 11}
acessConfig: {}
accessEntries: []
accessConfig:
  authenticationmode: API
  authenticationMode: CONFIG_MAP
  bootstrapClusterCreatorAdminPermissions: "no"
  accessEntries:
  - principalArn: arn:aws:iam::111122223333:role/A
    tags: {a: b}
  - principalARN: arn:aws:iam::111122223333:role/B
    type: ec2_linux
  - principalARN: arn:aws:iam::111122223333:role/C
    type: FARGATE_LINUX
    kubernetesGroups: [a]
    kubernetesUsername: b
    accessPolicies:
    - policyARN: arn:aws:iam::aws:policy/AdministratorAccess
      accessScope: {type: cluster, namespaces: [a]}
    - policyARN: arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy
      accessScope: {type: namespace}
    - policyARN: arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy
      accessScope: cluster
    - policyARN: arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy
      accessscope: {type: cluster}
  - principalARN: arn:aws:iam::111122223333:role/D
  - principalARN: arn:aws:iam::111122223333:role/D
    kubernetesGroups: a
  - principalARN: arn:aws:sts::111122223333:assumed-role/E/me
  - x
"#,
    );
    same(
        said(&read),
        &[
            "3:18 error `-x` is not a valid cluster name: must be 1 to 100 letters, digits, `-` and `_`, beginning with a letter or digit",
            "3:32 error `eu_west` is not a valid region: must be letters, digits and `-` (not first or last), at most 63 characters",
            "3:54 error `11` is not a valid account id: must be 12 digits",
            "4:1 error a ClusterConfig has no key `acessConfig`",
            "5:1 error a ClusterConfig has no key `accessEntries`",
            "7:3 error `accessConfig` has no key `authenticationmode`",
            "8:23 error access entries do nothing while the authentication mode is CONFIG_MAP",
            "9:44 error `bootstrapClusterCreatorAdminPermissions` must be `true` or `false`",
            "11:5 error an element of `accessEntries` needs `principalARN`",
            "11:5 error an element of `accessEntries` has no key `principalArn`",
            "12:5 error an element of `accessEntries` has no key `tags`",
            "14:11 error `ec2_linux` is no type of an access entry",
            "17:24 error entry `C`: The specified kubernetesGroups is invalid: setting kubernetesGroups is not allowed when the type is \"FARGATE_LINUX\"",
            "18:25 error entry `C`: The specified username is invalid: setting username is not allowed when the type is \"FARGATE_LINUX\"",
            "20:18 error `arn:aws:iam::aws:policy/AdministratorAccess` is not a valid access policy ARN: must have the form arn:PARTITION:eks::aws:cluster-access-policy/NAME",
            "21:20 error accessScope should not include namespaces if the type is not set as namespace",
            "23:20 error At least 1 namespace must be provided if the type is set as namespace",
            "25:20 error `accessScope` must be a mapping with `type`, not a text",
            "26:7 error `accessScope` is missing",
            "27:7 error a policy of an entry has no key `accessscope`",
            "29:19 warning `arn:aws:iam::111122223333:role/D` is there twice, with the same access",
            "30:23 error `kubernetesGroups` must be a list of texts, not a text",
            "31:19 error `arn:aws:sts::111122223333:assumed-role/E/me` is not a valid IAM principal ARN: it names a session; the role behind it is arn:PARTITION:iam::ACCOUNT:role/NAME",
            "32:5 error an element of `accessEntries` must be a mapping with `principalARN`, not a text",
        ],
    );
}

/// Lines of aws-auth carried over as they were: the type is meant.
#[test]
fn entries_for_nodes_written_like_aws_auth() {
    let entry = |name: &str, username: &str, groups: &str| {
        format!(
            "  - principalARN: arn:aws:iam::111122223333:role/{name}\n    kubernetesUsername: system:node:{{{{{username}}}}}\n    kubernetesGroups: [system:bootstrappers, system:nodes{groups}]\n"
        )
    };
    let read = read_as(
        "cluster.yaml",
        &format!(
            "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: {{name: prod}}\naccessConfig:\n  accessEntries:\n{}{}{}{}",
            entry("L", "EC2PrivateDNSName", ""),
            entry("W", "EC2PrivateDNSName", ", eks:kube-proxy-windows"),
            entry("F", "SessionName", ", system:node-proxier"),
            entry("H", "SessionName", "")
        ),
    );
    let hints = read.diagnostics.iter().filter(|said| said.message.contains("line of aws-auth"));
    let hints = hints.map(|said| format!("{} {}", said.place.as_ref().unwrap(), said.help.as_deref().unwrap()));
    same(
        hints.collect(),
        &[
            "cluster.yaml:7:25 write `type: EC2_LINUX`, and neither groups nor username",
            "cluster.yaml:10:25 write `type: EC2_WINDOWS`, and neither groups nor username",
            "cluster.yaml:13:25 write `type: FARGATE_LINUX`, and neither groups nor username",
            "cluster.yaml:16:25 write `type: HYBRID_LINUX`, and neither groups nor username",
        ],
    );
    assert!(read.has_errors());
}

#[test]
fn identity_mappings() {
    let read = read_as(
        "cluster.yaml",
        r#"apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: prod, region: cn-north-1, accountID: "111122223333"}
iamIdentityMappings:
- arn: arn:aws-cn:iam::111122223333:role/x/Admin
  groups: [system:masters]
  username: admin
  noDuplicateARNs: true
- arn: arn:aws-cn:iam::111122223333:user/u
  username: u
- account: "444455556666"
- serviceName: emr-containers
  namespace: emr
- arn: arn:aws-cn:iam::111122223333:role/nobody
- account: "444455556666"
  username: x
- namespace: a
- serviceName: other
  namespace: a
- serviceName: emr-containers
- group: [a]
- 7
"#,
    );
    same(
        said(&read),
        &[
            "14:3 error an identity mapping with `arn` needs `username` or `groups`",
            "16:3 error `account` stands alone in an identity mapping, and `username` is there too",
            "17:3 error `namespace` needs `serviceName`",
            "18:16 error `other` is no service that eksctl maps",
            "20:16 error `serviceName` needs `namespace`",
            "21:3 error an identity mapping has no key `group`",
            "21:3 error an identity mapping needs `arn`, `account` or `serviceName`",
            "22:3 error an identity mapping must be a mapping with `arn`, not a text",
        ],
    );
    let aws_auth = read.value.clusters[0].aws_auth.as_ref().unwrap();
    let lines = aws_auth.map.roles.iter().chain(&aws_auth.map.users).zip(&aws_auth.places);
    let lines = lines.map(|(line, place)| {
        let groups: Vec<&str> = line.groups.iter().map(|group| group.as_str()).collect();
        format!("{} {:?} {groups:?}", place.as_ref().unwrap(), line.username.as_ref().map(|name| name.as_str()))
    });
    same(
        lines.collect(),
        &[
            "cluster.yaml:5:3 Some(\"admin\") [\"system:masters\"]",
            "cluster.yaml:12:3 Some(\"emr-containers\") []",
            "cluster.yaml:9:3 Some(\"u\") []",
        ],
    );
    let problems = aws_auth.problems.iter();
    same(
        problems.map(|(problem, place)| format!("{} {}", place.as_ref().unwrap(), problem.message)).collect(),
        &[
            "cluster.yaml:5:8 `arn:aws-cn:iam::111122223333:role/x/Admin`: STS never tells a role's path, so this line matches nobody; write `arn:aws-cn:iam::111122223333:role/Admin`",
        ],
    );
    assert_eq!(aws_auth.map.accounts.len(), 1);
}

#[test]
fn what_get_accessentry_prints_and_delete_takes() {
    let list = "- accessPolicies:\n  - accessScope: {type: cluster}\n    policyARN: arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy\n  principalARN: arn:aws:iam::111122223333:role/A\n";
    let read = read_as("list.yaml", list);
    same(
        said(&read),
        &["1:1 warning `eksctl get accessentry` prints neither types nor usernames: all are taken as STANDARD"],
    );
    same(
        shown(&read.value),
        &["[?eksctl] -", "A: arn:aws:iam::111122223333:role/A STANDARD AmazonEKSViewPolicy@cluster"],
    );
    let read = read_as(
        "delete.yaml",
        "kind: ClusterConfig\nmetadata: {name: a}\naccessEntry:\n- principalARN: arn:aws:iam::111122223333:role/A\n",
    );
    same(said(&read), &["3:1 warning `accessEntry` at the top is read by `eksctl delete accessentry` alone"]);
    same(shown(&read.value), &["[a - -] -", "A: arn:aws:iam::111122223333:role/A STANDARD"]);
    same(
        said(&read_as("a.yaml", "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\naccessConfig: []\n")),
        &["1:1 error `metadata.name` is missing", "3:15 error `accessConfig` must be a mapping, not a list"],
    );
}

/// aws-auth to eksctl, and the same lines again.
#[test]
fn aws_auth_is_written_as_identity_mappings() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: aws-auth, namespace: kube-system}\ndata:\n  mapRoles: |\n    - {rolearn: \"arn:aws:iam::111122223333:role/A\", username: \"a:{{SessionName}}\", groups: [x, y]}\n    - {rolearn: junk, username: a}\n    - {rolearn: \"arn:aws:iam::111122223333:role/B\"}\n  mapUsers: |\n    - {userarn: \"arn:aws:iam::111122223333:user/U\", username: u}\n  mapAccounts: |\n    - \"012345678901\"\n";
    let options = ReadOptions { cluster: Some("demo".parse().unwrap()), ..ReadOptions::default() };
    let first = read(&Source::new("aws-auth.yaml", text), &options);
    let written = export(&first.value, Target::Eksctl);
    same(
        written.diagnostics.iter().map(|said| said.message.clone()).collect(),
        &[
            "eksctl takes the region of `demo` from its surroundings",
            "the line for `junk` is not written: it is no ARN of a principal",
            "the line for `arn:aws:iam::111122223333:role/B` is not written: it has neither username nor groups",
        ],
    );
    let second = read(&Source::new("cluster.yaml", written.value.clone()), &ReadOptions::default());
    same(said(&second), &[]);
    same(
        written.value.lines().map(str::to_owned).collect(),
        &[
            "apiVersion: eksctl.io/v1alpha5",
            "kind: ClusterConfig",
            "metadata:",
            "  name: demo",
            "iamIdentityMappings:",
            "  - arn: arn:aws:iam::111122223333:role/A",
            "    username: \"a:{{SessionName}}\"",
            "    groups: [x, \"y\"]",
            "  - arn: arn:aws:iam::111122223333:user/U",
            "    username: u",
            "  - account: \"012345678901\"",
        ],
    );
    let lines = |read: &entryway_formats::Read<entryway_formats::Declared>| {
        let map = &read.value.clusters[0].aws_auth.as_ref().unwrap().map;
        let lines = map.roles.iter().chain(&map.users);
        let good = lines.filter(|line| line.username.is_some() && !format!("{:?}", line.principal).contains("junk"));
        let shown = good.map(|line| format!("{:?} {:?} {:?}", line.principal, line.username, line.groups));
        (shown.collect::<Vec<_>>(), map.accounts.clone())
    };
    assert_eq!(lines(&first), lines(&second));
}

#[test]
fn another_partition_than_the_clusters() {
    let text = "apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: a, region: us-gov-west-1}
accessConfig:
  accessEntries:
  - principalARN: arn:aws:iam::111122223333:role/A
    accessPolicies:
    - policyARN: arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy
      accessScope: {type: cluster}
";
    same(
        said(&read_as("a.yaml", text)),
        &[
            "6:19 error the principal `arn:aws:iam::111122223333:role/A` is of partition aws, and us-gov-west-1 is in aws-us-gov",
            "8:18 error the policy `arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy` is of partition aws, and us-gov-west-1 is in aws-us-gov",
        ],
    );
}

//! CloudFormation: functions worked out as far as the template tells, and named where it does not.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop at the first surprise, as tests do")]

#[path = "terraform/common.rs"]
mod common;

use common::{read_as, said, same, shown};
use entryway_formats::{Declared, Read, ReadOptions, Source, read};

const SHORT: &str = r#"AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Env: {Type: String, Default: prod}
  Group: {Type: CommaDelimitedList, Default: "a, b"}
  Role: {Type: String}
  FromSsm: {Type: "AWS::SSM::Parameter::Value<String>", Default: /role}
Mappings:
  Names: {prod: {cluster: main}}
Conditions:
  IsProd: !Equals [!Ref Env, prod]
  IsDev: !Not [!Condition IsProd]
  InRegion: !Equals [!Ref AWS::Region, eu-west-1]
  Either: !Or [!Condition IsProd, !Condition InRegion]
Resources:
  Cluster:
    Type: AWS::EKS::Cluster
    Properties:
      Name: !FindInMap [Names, !Ref Env, cluster]
      AccessConfig: {AuthenticationMode: !If [IsProd, API, CONFIG_MAP]}
  AdminRole:
    Type: AWS::IAM::Role
    Properties: {RoleName: !Sub "${Env}-admin", Path: /team/}
  Unnamed: {Type: AWS::IAM::Role, Properties: {}}
  Admin:
    Type: AWS::EKS::AccessEntry
    Properties:
      ClusterName: !Ref Cluster
      PrincipalArn: !GetAtt AdminRole.Arn
      Type: !If [IsDev, EC2_LINUX, !Ref AWS::NoValue]
      KubernetesGroups: !Ref Group
      Username: !Join [":", [sso, "{{SessionName}}"]]
      AccessPolicies:
        - PolicyArn: !Sub arn:${AWS::Partition}:eks::aws:cluster-access-policy/AmazonEKS${Kind}Policy
          AccessScope: {Type: cluster}
        - !If
          - IsProd
          - PolicyArn: !Sub ["arn:aws:eks::aws:cluster-access-policy/AmazonEKS${Kind}Policy", {Kind: View}]
            AccessScope: {Type: namespace, Namespaces: !Split ["|", "a|b"]}
          - !Ref AWS::NoValue
      Tags: [{Key: env, Value: !Ref Env}]
  Dev:
    Type: AWS::EKS::AccessEntry
    Condition: IsDev
    Properties: {ClusterName: main, PrincipalArn: "arn:aws:iam::111122223333:role/Dev"}
  Maybe:
    Type: AWS::EKS::AccessEntry
    Condition: InRegion
    Properties: {ClusterName: main, PrincipalArn: "arn:aws:iam::111122223333:role/Maybe"}
  Sure:
    Type: AWS::EKS::AccessEntry
    Condition: Either
    Properties: {ClusterName: main, PrincipalArn: !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/x/Sure"}
  Made:
    Type: AWS::EKS::AccessEntry
    Properties: {ClusterName: !Ref Cluster, PrincipalArn: !GetAtt Unnamed.Arn}
  Given:
    Type: AWS::EKS::AccessEntry
    Properties: {ClusterName: !Ref Cluster, PrincipalArn: !Ref Role}
  Ssm:
    Type: AWS::EKS::AccessEntry
    Properties: {ClusterName: !ImportValue name, PrincipalArn: !Ref FromSsm, Username: !Sub "u-${AWS::AccountId}"}
"#;

#[test]
fn short_forms() {
    let read = read_as("template.yaml", SHORT);
    same(
        said(&read),
        &[
            "33:22 note the policy is not known: the template has no parameter or resource `Kind`",
            "43:16 note `Dev` is left out: the condition `IsDev` does not hold",
            "48:51 note the principal of `Maybe` is not known: it is there only if the condition `InRegion` holds, and the region of the stack is not known",
            "55:59 note the principal of `Made` is not known: `Unnamed` has no `RoleName`, so CloudFormation makes a name up",
            "58:59 note the principal of `Given` is not known: the parameter `Role` has no default",
            "61:64 note the principal of `Ssm` is not known: the parameter `FromSsm` is read from SSM",
            "61:88 warning `Username` is not known: the account of the stack is not known",
        ],
    );
    same(
        shown(&read.value),
        &[
            "[main - -] API",
            "Admin: InAccount(Role { path: \"/team/\", name: \"prod-admin\" }) STANDARD user=sso:{{SessionName}} groups=a,b Unknown { label: \"PolicyArn\", reason: \"the template has no parameter or resource `Kind`\" }@cluster AmazonEKSViewPolicy@a, b env=prod",
            "Maybe: ?(it is there only if the condition `InRegion` holds, and the region of the stack is not known) STANDARD",
            "Sure: InAccount(Role { path: \"/x/\", name: \"Sure\" }) STANDARD",
            "Made: ?(`Unnamed` has no `RoleName`, so CloudFormation makes a name up) STANDARD",
            "Given: ?(the parameter `Role` has no default) STANDARD",
            "[?name] -",
            "Ssm: ?(the parameter `FromSsm` is read from SSM) STANDARD",
        ],
    );
}

fn with(text: &str, name: &str) -> Read<Declared> {
    let options = ReadOptions {
        account: Some("111122223333".parse().unwrap()),
        region: Some("cn-north-1".parse().unwrap()),
        variables: [("Role".to_owned(), "arn:aws-cn:iam::111122223333:role/Given".to_owned())].into(),
        ..ReadOptions::default()
    };
    read(&Source::new(name, text), &options)
}

#[test]
fn what_the_caller_tells_is_used() {
    let read = with(&SHORT.replace("${Kind}", "Edit"), "template.yaml");
    same(
        said(&read),
        &[
            "37:24 error the policy `arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy` is of partition aws, and cn-north-1 is in aws-cn",
            "43:16 note `Dev` is left out: the condition `IsDev` does not hold",
            "47:16 note `Maybe` is left out: the condition `InRegion` does not hold",
            "55:59 note the principal of `Made` is not known: `Unnamed` has no `RoleName`, so CloudFormation makes a name up",
            "61:64 note the principal of `Ssm` is not known: the parameter `FromSsm` is read from SSM",
        ],
    );
    same(
        shown(&read.value),
        &[
            "[main cn-north-1 111122223333] API",
            "Admin: arn:aws-cn:iam::111122223333:role/team/prod-admin STANDARD user=sso:{{SessionName}} groups=a,b AmazonEKSEditPolicy@cluster AmazonEKSEditPolicy@a, b env=prod",
            "Sure: arn:aws-cn:iam::111122223333:role/x/Sure STANDARD",
            "Made: ?(`Unnamed` has no `RoleName`, so CloudFormation makes a name up) STANDARD",
            "Given: arn:aws-cn:iam::111122223333:role/Given STANDARD",
            "[?name] -",
            "Ssm: ?(the parameter `FromSsm` is read from SSM) STANDARD user=u-111122223333",
        ],
    );
}

#[test]
fn long_forms_in_json() {
    let read = with(
        r#"{"Resources": {
  "Role": {"Type": "AWS::IAM::User", "Properties": {"UserName": {"Fn::Select": ["1", ["a", "b"]]}}},
  "E": {"Type": "AWS::EKS::AccessEntry", "Properties": {
    "ClusterName": {"Fn::Join": ["-", ["a", {"Ref": "AWS::Region"}]]},
    "PrincipalArn": {"Fn::GetAtt": ["Role", "Arn"]},
    "AccessPolicies": [{"PolicyArn": {"Fn::Sub": "arn:${AWS::Partition}:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"},
      "AccessScope": {"Type": "cluster"}}]}}}}"#,
        "template.json",
    );
    same(said(&read), &[]);
    same(
        shown(&read.value),
        &[
            "[a-cn-north-1 cn-north-1 111122223333] -",
            "E: arn:aws-cn:iam::111122223333:user/b STANDARD AmazonEKSViewPolicy@cluster",
        ],
    );
}

#[test]
fn mistakes_are_said_where_they_stand() {
    let read = read_as(
        "template.yaml",
        r#"Resources:
  Cluster: {Type: AWS::EKS::Cluster, Properties: {Name: main}}
  A:
    Type: AWS::EKS::AccessEntry
    Properties:
      ClusterName: main
      PrincipalARN: arn:aws:iam::111122223333:role/A
      KubernetesGroups: dev
  B:
    Type: AWS::EKS::AccessEntry
    Properties:
      ClusterName: main
      PrincipalArn: arn:aws:iam::111122223333:role/B
      Type: EC2_Windows
  C:
    Type: AWS::EKS::AccessEntry
    Properties:
      ClusterName: !Ref Nothing
      PrincipalArn: !Sub "arn:aws:iam::${AWS::AccountId}:group/C"
      Tags: {a: b}
  D:
    Type: AWS::EKS::AccesEntry
  E:
    Type: AWS::EKS::AccessEntry
  F:
    Type: AWS::EKS::AccessEntry
    Condition: Missing
    Properties:
      ClusterName: main
      PrincipalArn: arn:aws:iam::111122223333:role/F
      AccessPolicies: [{PolicyArn: !Ref Policy, AccessScope: {Type: cluster}}]
  G:
    Type: AWS::EKS::AccessEntry
    Properties:
      PrincipalArn: arn:aws:iam::111122223333:role/G
      KubernetesGroups: [system:masters]
  Fn::ForEach::Roles: [R, [a, b], {"Entry${R}": {}}]
"#,
    );
    same(
        said(&read),
        &[
            "2:3 warning `Cluster` has no `AccessConfig`, so its mode is CONFIG_MAP, in which EKS refuses access entries",
            "3:3 error `A` needs `PrincipalArn`",
            "7:7 error `Properties` has no key `PrincipalARN`",
            "8:25 error `KubernetesGroups` must be a list of texts, not a text",
            "14:13 error `EC2_Windows` is no type of an access entry",
            "19:21 error `arn:aws:iam::${AWS::AccountId}:group/C` is not a valid IAM principal ARN: an IAM group is no principal; name a role or a user",
            "20:13 error `Tags` must be a list of `Key` and `Value`, not a mapping",
            "22:11 warning `AWS::EKS::AccesEntry` is not known",
            "23:3 error `E` has no `Properties`",
            "30:21 note the principal of `F` is not known: it is there only if the condition `Missing` holds, and the template has no condition `Missing`",
            "31:36 note the policy is not known: the template has no parameter or resource `Policy`",
            "35:7 error `ClusterName` of `G` is missing",
            "36:26 error entry `G`: The kubernetes group name system:masters is invalid, it cannot start with system:",
            "37:3 warning `Fn::ForEach::Roles` is not carried out: what it makes is not read",
        ],
    );
    same(
        said(&read_as("a.yaml", "AWSTemplateFormatVersion: x\nResources: []\n")),
        &["1:1 error a template needs `Resources`, a mapping"],
    );
}

#[test]
fn templates_that_go_round_or_explode_come_to_an_end() {
    let round = r#"Resources:
  A: {Type: AWS::IAM::Role, Properties: {RoleName: !Ref B}}
  B: {Type: AWS::IAM::Role, Properties: {RoleName: !Ref A}}
  E: {Type: AWS::EKS::AccessEntry, Properties: {ClusterName: a, PrincipalArn: !GetAtt A.Arn}}
Conditions:
  X: !Not [!Condition X]
"#;
    same(
        said(&read_as("a.yaml", round)),
        &["4:79 note the principal of `E` is not known: it refers to itself, or to more than can be worked out"],
    );
    let mut bomb = String::from("Resources:\n  R0: {Type: AWS::IAM::Role, Properties: {RoleName: a}}\n");
    for level in 1..20 {
        let before = vec![format!("!Ref R{}", level - 1); 10].join(", ");
        bomb.push_str(&format!(
            "  R{level}: {{Type: AWS::IAM::Role, Properties: {{RoleName: !Join ['', [{before}]]}}}}\n"
        ));
    }
    bomb.push_str("  E: {Type: AWS::EKS::AccessEntry, Properties: {ClusterName: a, PrincipalArn: !GetAtt R19.Arn}}\n");
    assert_eq!(said(&read_as("a.yaml", &bomb)).len(), 1);
}

#[test]
fn the_aws_auth_that_the_cdk_writes() {
    let read = read_as(
        "cdk.json",
        r#"{"Resources": {
  "Cluster": {"Type": "AWS::EKS::Cluster", "Properties": {"Name": "main"}},
  "Role": {"Type": "AWS::IAM::Role", "Properties": {}},
  "AwsAuth": {"Type": "Custom::AWSCDK-EKS-KubernetesResource", "Properties": {
    "ClusterName": {"Ref": "Cluster"},
    "Manifest": {"Fn::Join": ["", ["[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"aws-auth\",\"namespace\":\"kube-system\"},\"data\":{\"mapRoles\":\"[{\\\"rolearn\\\":\\\"",
      {"Fn::GetAtt": ["Role", "Arn"]}, "\\\",\\\"username\\\":\\\"a\\\",\\\"groups\\\":[\\\"system:masters\\\"]},{\\\"rolearn\\\":\\\"arn:aws:iam::111122223333:role/B\\\",\\\"username\\\":\\\"b\\\",\\\"groups\\\":[]}]\",\"mapUsers\":\"[]\"}}]"]]}}}}}"#,
    );
    same(
        said(&read),
        &["6:17 warning a line of aws-auth is not known: `Role` has no `RoleName`, so CloudFormation makes a name up"],
    );
    let aws_auth = read.value.clusters[0].aws_auth.as_ref().unwrap();
    let roles = aws_auth.map.roles.iter().zip(&aws_auth.places);
    let shown = roles.map(|(line, place)| format!("{} {:?}", place.as_ref().unwrap(), line.principal));
    same(
        shown.collect(),
        &[
            "cdk.json:6:17 Unusable(\"<Role.Arn>\")",
            "cdk.json:6:17 Arn(PrincipalArn { partition: Aws, account: AccountId(\"111122223333\"), kind: Role { path: \"/\", name: \"B\" }, text: \"arn:aws:iam::111122223333:role/B\" })",
        ],
    );
    same(
        aws_auth.problems.iter().map(|(problem, _)| problem.message.clone()).collect(),
        &[
            "matches nobody: `<Role.Arn>` is not a valid IAM principal ARN: must have the form arn:PARTITION:iam::ACCOUNT:role/NAME, …:user/NAME or …:root",
        ],
    );
}

#[test]
fn the_cluster_of_the_quick_start() {
    let read = read_as(
        "a.yaml",
        r#"Resources:
  Cluster:
    Type: AWSQS::EKS::Cluster
    Properties:
      Name: main
      KubernetesApiAccess:
        Roles:
        - Arn: !Sub "arn:${AWS::Partition}:iam::111122223333:role/x/A"
          Username: a
          Groups: ["system:masters"]
        - {Arn: !ImportValue role, Username: b}
        Users: [{Arn: "arn:aws:iam::111122223333:user/u", Username: u}]
"#,
    );
    same(said(&read), &["11:17 warning `Arn` is not known: `Fn::ImportValue` is worked out by CloudFormation alone"]);
    let aws_auth = read.value.clusters[0].aws_auth.as_ref().unwrap();
    same(
        aws_auth.problems.iter().map(|(said, place)| format!("{} {}", place.as_ref().unwrap(), said.message)).collect(),
        &[
            "a.yaml:8:16 `arn:aws:iam::111122223333:role/x/A`: STS never tells a role's path, so this line matches nobody; write `arn:aws:iam::111122223333:role/A`",
        ],
    );
    assert_eq!((aws_auth.map.roles.len(), aws_auth.map.users.len()), (1, 1));
}

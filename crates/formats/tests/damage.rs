//! Files of other tools, cut and overwritten anywhere: whatever is left of them, nothing panics, and every place that
//! is named is one of the file.

#![allow(clippy::indexing_slicing, reason = "helpers of tests may stop at the first surprise, as tests do")]

use std::time::{Duration, Instant};

use entryway_formats::{Declared, Place, Read, ReadOptions, Source, Target, export, read};
use proptest::prelude::*;

const AWS_AUTH: &str = r#"apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: aws-auth, namespace: kube-system}
  data:
    mapRoles: |-
      # ä
      - rolearn: arn:aws:iam::111122223333:role/x/Admin
        username: "ü:{{SessionName}}"
        groups:
        - system:masters
          - b
    mapUsers: "- userarn: arn:aws:iam::111122223333:user/\u00e9\n  username: a\n  group: b\n"
    mapAccounts: >
      - 012345678901
      - x
- apiVersion: rbac.authorization.k8s.io/v1
  kind: RoleBinding
  metadata: {name: a}
  roleRef: {kind: Role, name: b}
  subjects: [{kind: User, name: c}]
"#;
const KUSTOMIZATION: &str = r#"kind: Kustomization
configMapGenerator:
- name: aws-auth
  literals: ["mapUsers=[{userarn: 'arn:aws:iam::111122223333:user/a', username: '😀'}]"]
patches:
- patch: |
    kind: ConfigMap
    metadata: {name: aws-auth}
    data:
      mapRoles: |
        - rolearn: arn:aws:iam::111122223333:role/x/A
- patch: "- {op: add, path: /data/mapRoles, value: \"- rolearn: a\\n\"}"
"#;
const EKSCTL: &str = r#"apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: a}
iamIdentityMappings:
- {arn: "arn:aws:iam::111122223333:role/A", groups: [a], username: b}
- {account: "111122223333"}
- {serviceName: emr-containers, namespace: a}
"#;
const TEMPLATE: &str = r#"Parameters: {P: {Type: CommaDelimitedList, Default: "a,b"}}
Conditions: {C: !Not [!Equals [!Ref P, a]]}
Resources:
  R: {Type: AWS::IAM::Role, Properties: {RoleName: !Sub "x-${P}${!P}", Path: /a/}}
  E:
    Type: AWS::EKS::AccessEntry
    Condition: C
    Properties:
      ClusterName: !Join ["-", [!Select [0, !Ref P], !FindInMap [M, a, b]]]
      PrincipalArn: !GetAtt R.Arn
      KubernetesGroups: !If [C, !Split [",", "a,b"], !Ref AWS::NoValue]
  K: {Type: "Custom::AWSCDK-EKS-KubernetesResource", Properties: {Manifest: "[{\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"aws-auth\"},\"data\":{\"mapRoles\":\"[{}]\"}}]"}}
"#;
const CROSSPLANE: &str = include_str!("golden/crossplane.yaml");
const SAMPLES: [&str; 5] = [AWS_AUTH, KUSTOMIZATION, EKSCTL, TEMPLATE, CROSSPLANE];

fn read_and_look(text: &str) -> Read<Declared> {
    let source = Source::new("a.yaml", text);
    let read = read(&source, &ReadOptions::default());
    let look = |place: &Place| {
        assert!(place.bytes.start <= place.source.text().len(), "{place:?}");
        let _ = place.line_text();
    };
    for said in &read.diagnostics {
        said.place.iter().chain(said.related.iter().map(|(place, _)| place)).for_each(look);
    }
    for aws_auth in read.value.clusters.iter().filter_map(|cluster| cluster.aws_auth.as_ref()) {
        assert_eq!(aws_auth.places.len(), aws_auth.map.roles.len() + aws_auth.map.users.len());
        let places = aws_auth.places.iter().flatten();
        places.chain(aws_auth.problems.iter().filter_map(|(_, place)| place.as_ref())).for_each(look);
    }
    for target in Target::ALL {
        let _ = export(&read.value, target);
    }
    read
}

fn boundary(text: &str, at: usize) -> usize {
    (at.min(text.len())..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_never_panic(which in 0usize..SAMPLES.len(), at in 0usize..2000, length in 0usize..30, with in "(\\PC|[\n\"'{}:|>&*!-]| ){0,4}") {
        let text = SAMPLES[which];
        let start = boundary(text, at % text.len());
        let end = boundary(text, start + length);
        read_and_look(&format!("{}{with}{}", &text[..start], &text[end..]));
    }

    #[test]
    fn a_value_in_another_place_never_panics(which in 0usize..SAMPLES.len(), from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>()) {
        let mut lines: Vec<&str> = SAMPLES[which].lines().collect();
        let (from, to) = (from.index(lines.len()), to.index(lines.len()));
        let line = lines.remove(from);
        lines.insert(to.min(lines.len()), line);
        read_and_look(&lines.join("\n"));
    }
}

#[test]
fn the_samples_are_read() {
    for text in [AWS_AUTH, KUSTOMIZATION, EKSCTL, TEMPLATE] {
        let read = read_and_look(text);
        assert!(read.value.clusters.iter().any(|cluster| cluster.aws_auth.is_some()), "{text}\n{:?}", read.diagnostics);
    }
}

/// Nothing grows faster than its text: a ConfigMap as large as they come, in one line and in many, and all of it wrong.
#[test]
fn large_ones_are_read_in_time() {
    let start = Instant::now();
    let head =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: aws-auth, namespace: kube-system}\ndata:\n  mapRoles: ";
    let lines =
        "    - rolearn: arn:aws:iam::111122223333:role/x/A\n      username: a\n      groups: [a - b]\n".repeat(9_000);
    let many = read_and_look(&format!("{head}|\n{lines}"));
    let line = "{rolearn: 'arn:aws:iam::111122223333:role/x/A', username: a, groups: [a - b]},".repeat(9_000);
    let one = read_and_look(&format!("{head}\"[{line}]\"\n"));
    for read in [many, one] {
        let aws_auth = read.value.clusters[0].aws_auth.as_ref().unwrap();
        assert_eq!(aws_auth.places.len(), 9_000);
        assert!(aws_auth.problems.len() >= 18_000);
    }
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
}

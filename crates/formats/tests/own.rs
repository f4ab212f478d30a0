//! Entryway's own file: what it says is read, and every mistake is said where it stands.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and prints its findings"
)]

use entryway_access::{AccessScope, EntryType};
use entryway_formats::{
    ClusterSelector, Declared, Expiry, PolicyRef, PrincipalRef, Read, ReadOptions, Severity, Source, read,
};

fn read_text(text: &str) -> Read<Declared> {
    read(&Source::new("access.yaml", text), &ReadOptions::default())
}

/// Messages as `line:column severity message`.
fn said(read: &Read<Declared>) -> Vec<String> {
    let line = |diagnostic: &entryway_formats::Diagnostic| {
        let (line, column) = diagnostic.place.as_ref().map_or((0, 0), |place| place.line_and_column());
        let severity = match diagnostic.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        format!("{line}:{column} {severity} {}", diagnostic.message)
    };
    read.diagnostics.iter().map(line).collect()
}

const WHOLE: &str = r#"
version: 1
grants:
  admins:
    principals: [role/Admin, {ssoPermissionSet: Admins, account: "444455556666"}]
    policies: [ClusterAdmin]
  developers:
    groups: [developers]
    policies:
      - policy: Edit
        namespaces: [dev-*, test]
policies:
  CrdReader:
    description: reads widgets
    rules:
      - apiGroups: [example.com]
        resources: [widgets]
        verbs: [get, list]
protected: [role/Admin]
clusters:
  - name: prod
    region: eu-central-1
    account: "111122223333"
    mode: API
    grants: [admins]
    access:
      - principal: arn:aws:iam::111122223333:role/team/Dev
        grant: developers
        policies: [CrdReader]
        username: "dev:{{SessionName}}"
        tags: {owner: team}
        expires: 2026-12-24T18:00Z
      - principals: [role/Node]
        type: EC2_LINUX
      - iamGroup: ops
        policies:
          - policy: View
            for: 8h
  - tags: {env: dev}
    grants: [admins]
"#;

#[test]
fn a_whole_file_is_read() {
    let read = read_text(WHOLE);
    assert_eq!(said(&read), Vec::<String>::new());
    let declared = read.value;
    assert_eq!(declared.policies.len(), 1);
    assert_eq!(declared.protected.len(), 1);
    let [prod, dev] = declared.clusters.as_slice() else { panic!("two clusters") };
    assert!(matches!(&prod.selector.value, ClusterSelector::Named { name, .. } if name.as_str() == "prod"));
    assert!(matches!(&dev.selector.value, ClusterSelector::Tagged { tags, .. } if tags["env"] == "dev"));
    let labels: Vec<&str> = prod.entries.iter().map(|entry| entry.label.as_str()).collect();
    assert_eq!(labels, ["admins/Admin", "admins/Admins", "Dev", "Node", "ops"]);
    let team = &prod.entries[2];
    assert_eq!(team.groups.as_ref().unwrap()[0].value, "developers");
    assert_eq!(team.policies.len(), 2);
    assert!(matches!(&team.policies[0].policy.value, PolicyRef::Own(name) if name.as_str() == "CrdReader"));
    assert!(matches!(&team.policies[1].scope.value, AccessScope::Namespaces(list) if list.len() == 2));
    assert!(matches!(team.expires.as_ref().unwrap().value, Expiry::At(at) if at.to_string() == "2026-12-24T18:00:00Z"));
    assert_eq!(prod.entries[3].kind.value, EntryType::Ec2Linux);
    assert!(matches!(&prod.entries[4].principal.value, PrincipalRef::IamGroup { name, .. } if name == "ops"));
    assert!(
        matches!(prod.entries[4].policies[0].expires.as_ref().unwrap().value, Expiry::For(span) if span.as_hours() == 8)
    );
}

#[test]
fn a_policy_by_name_is_of_the_clusters_partition() {
    let read =
        read_text("clusters:\n- name: a\n  region: cn-north-1\n  access:\n  - {principal: role/A, policies: [View]}\n");
    assert!(matches!(&read.value.clusters[0].entries[0].policies[0].policy.value, PolicyRef::Arn(arn)
        if arn.to_string() == "arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"));
}

#[test]
fn all_mistakes_are_said_at_once_each_in_its_place() {
    let read = read_text(
        r#"clusters:
  - name: prod
    regoin: eu-central-1
    account: 1111
    mode: api
    access:
      - principal: arn:aws:sts::111122223333:assumed-role/Admin/me
        policies: [ClusterAdmn, AmazonEKSNewPolicy]
      - principal: arn:aws:iam::111122223333:role/A
        groups: [system:masters]
        policies: [{policy: View, namespace: [a]}, {policy: Edit, namespaces: []}]
      - principal: arn:aws:iam::111122223333:role/B
        policies: [View]
      - principal: arn:aws:iam::111122223333:role/B
        policies: [Edit]
      - principal: role/Node
        type: EC2_LINUX
        username: me
        expires: tomorrow
      - policies: [View]
        grant: nobody
  - access: []
"#,
    );
    assert_eq!(
        said(&read),
        [
            "3:5 error a cluster has no key `regoin`",
            "4:14 error `1111` is not a valid account id: must be 12 digits",
            "5:11 error `api` is no authentication mode",
            "7:20 error `arn:aws:sts::111122223333:assumed-role/Admin/me` is not a valid IAM principal ARN: it names a session; the role behind it is arn:PARTITION:iam::ACCOUNT:role/NAME",
            "8:20 error there is no access policy `ClusterAdmn`; the nearest are `AmazonEKSClusterAdminPolicy`",
            "8:33 warning there is no access policy `AmazonEKSNewPolicy`; the nearest are `AmazonEKSViewPolicy`, `AmazonEKSACKPolicy`, `AmazonEKSKROPolicy`",
            "10:18 error entry `A`: The kubernetes group name system:masters is invalid, it cannot start with system:",
            "11:35 error a policy of an entry has no key `namespace`",
            "11:79 error At least 1 namespace must be provided if the type is set as namespace",
            "14:20 error `arn:aws:iam::111122223333:role/B` is there twice, with different access; it can have one entry in a cluster",
            "18:19 error entry `Node`: The specified username is invalid: setting username is not allowed when the type is \"EC2_LINUX\"",
            "19:18 error `tomorrow` is no time with its zone",
            "20:9 error `principal` is missing",
            "21:16 error there is no grant `nobody`",
            "22:5 error a cluster needs `name`, or `tags` to choose clusters by",
        ]
    );
    let twice = read.diagnostics.iter().find(|said| said.message.contains("twice")).unwrap();
    assert_eq!(twice.related[0].0.line_and_column(), (12, 20));
    let misspelt = read.diagnostics.iter().find(|said| said.message.contains("regoin")).unwrap();
    assert_eq!(misspelt.help.as_deref(), Some("did you mean `region`?"));
}

#[test]
fn duplicate_keys_are_errors_with_both_places() {
    let read = read_text("clusters:\n- name: a\n  mode: API\n  mode: CONFIG_MAP\n");
    assert_eq!(said(&read), ["4:3 error the key `mode` is there twice"]);
    assert_eq!(read.diagnostics[0].related[0].0.line_and_column(), (3, 3));
}

#[test]
fn json_is_read_like_yaml() {
    let text = r#"{"clusters": [{"name": "a", "access": [
  {"principal": "role/A", "policies": ["Vie"], "username": "x:\ud83d\ude00"}]}]}"#;
    let read = read(&Source::new("access.json", text), &ReadOptions::default());
    assert_eq!(said(&read), ["2:40 error there is no access policy `Vie`; the nearest are `AmazonEKSViewPolicy`"]);
    assert_eq!(read.value.clusters[0].entries[0].username.as_ref().unwrap().value, "x:\u{1f600}");
}

#[test]
fn columns_count_characters_behind_others_than_ascii() {
    let read = read_text("# äöü 中文 😀\nclusters:\n- name: a\n  access: [{principal: role/A, 'grüße': 1, foo: 1}]\n");
    assert_eq!(
        said(&read),
        [
            "4:12 warning the entry gives nothing: it has no policies and no groups",
            "4:32 error an element of `access` has no key `grüße`",
            "4:44 error an element of `access` has no key `foo`"
        ]
    );
}

#[test]
fn bombs_of_aliases_are_refused() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    let read = read_text(&text);
    assert!(said(&read)[0].contains("aliases stand for more than"), "{:?}", said(&read));
    let deep = read_text(&"[".repeat(100_000));
    assert!(deep.has_errors());
    let own = read_text("a: &a [*a]\n");
    assert!(own.has_errors());
}

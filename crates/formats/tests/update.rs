//! An existing file brought to what is in force: comments and order stay.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and prints its findings"
)]

use entryway_formats::{Declared, ReadOptions, Severity, Source, read, update};

fn declared(text: &str) -> Declared {
    let read = read(&Source::new("actual.yaml", text), &ReadOptions::default());
    assert!(!read.has_errors(), "{:?}", read.diagnostics);
    read.value
}

fn updated(existing: &str, actual: &str) -> String {
    let source = Source::new("access.yaml", existing);
    let written = update(&source, &declared(actual), &ReadOptions::default());
    assert!(written.diagnostics.iter().all(|said| said.severity < Severity::Error), "{:?}", written.diagnostics);
    let again = Source::new("access.yaml", written.value.clone());
    let twice = update(&again, &declared(actual), &ReadOptions::default());
    assert_eq!(twice.value, written.value, "a second import must change nothing");
    written.value
}

const EXISTING: &str = r#"# Who may do what.
grants:
  admins: # the few
    principals: [role/Admin]
    policies: [ClusterAdmin]

clusters:
  # the one that earns the money
  - name: prod
    account: "111122223333"
    mode: API_AND_CONFIG_MAP # soon API
    grants: [admins]
    access:
      # developers look
      - principal: role/Dev
        policies: # never more than this
          - View
        tags: {team: dev}   # for the bill
      - principals: [role/A, role/B]   # the twins
        policies: [Edit]

      - ssoPermissionSet: Ops
        policies: [Admin]
  - name: other # not asked about
    access: []
"#;

const SAME: &str = r#"
clusters:
  - name: prod
    account: "111122223333"
    region: us-east-1
    mode: API_AND_CONFIG_MAP
    access:
      - {principal: "arn:aws:iam::111122223333:role/Admin", policies: [ClusterAdmin], tags: {"entryway:managed-by": entryway}}
      - {principal: "arn:aws:iam::111122223333:role/B", policies: [Edit]}
      - {principal: "arn:aws:iam::111122223333:role/A", policies: [Edit], groups: []}
      - {principal: "arn:aws:iam::111122223333:role/Dev", policies: [View], tags: {team: dev}}
      - {principal: "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Ops_0123456789abcdef", policies: [Admin]}
"#;

#[test]
fn what_is_the_same_is_not_touched() {
    assert_eq!(updated(EXISTING, SAME), EXISTING);
}

#[test]
fn what_differs_is_changed_where_it_stands() {
    let actual = SAME
        .replace("API_AND_CONFIG_MAP", "API")
        .replace("policies: [View], tags: {team: dev}", "policies: [{policy: View, namespaces: [a]}], groups: [devs]")
        .replace("role/B\", policies: [Edit]", "role/B\", policies: [View]")
        .replace("      - {principal: \"arn:aws:iam::111122223333:role/aws-res", "      - {principal: \"arn:aws:iam::111122223333:user/new\", policies: [View]}\n      - {principal: \"arn:aws:iam::111122223333:role/aws-res");
    let expected = r#"# Who may do what.
grants:
  admins: # the few
    principals: [role/Admin]
    policies: [ClusterAdmin]

clusters:
  # the one that earns the money
  - name: prod
    account: "111122223333"
    mode: API # soon API
    grants: [admins]
    access:
      # developers look
      - principal: role/Dev
        policies:
          - policy: View
            namespaces: [a]
        groups: [devs]
      - principals: [role/A]   # the twins
        policies: [Edit]

      - ssoPermissionSet: Ops
        policies: [Admin]
      - principal: arn:aws:iam::111122223333:role/B
        policies: [View]
      - principal: arn:aws:iam::111122223333:user/new
        policies: [View]
  - name: other # not asked about
    access: []
"#;
    assert_eq!(updated(EXISTING, &actual), expected);
}

#[test]
fn what_is_gone_goes_and_a_grant_that_gives_something_else_is_written_out() {
    let actual = r#"
clusters:
  - name: prod
    account: "111122223333"
    access:
      - {principal: "arn:aws:iam::111122223333:role/Admin", policies: [View]}
  - name: new
    access:
      - {principal: "arn:aws:iam::111122223333:role/X", policies: [View]}
"#;
    let text = updated(EXISTING, actual);
    assert!(!text.contains("role/Dev") && !text.contains("role/A,") && !text.contains("Ops"), "{text}");
    assert!(text.contains("# developers look"), "{text}");
    assert!(!text.contains("grants: [admins]"), "{text}");
    assert!(
        text.contains("      - principal: arn:aws:iam::111122223333:role/Admin\n        policies: [View]\n"),
        "{text}"
    );
    assert!(text.ends_with("  - name: new\n    access:\n      - principal: arn:aws:iam::111122223333:role/X\n        policies: [View]\n"), "{text}");
}

#[test]
fn empty_and_bracketed_lists_grow() {
    let actual = "clusters:\n- name: a\n  access:\n  - {principal: role/X, policies: [View]}\n  - {principal: role/Y, groups: [g]}\n";
    for existing in [
        "clusters:\n- name: a\n  access: []\n",
        "clusters:\n- name: a\n",
        "clusters:\n- name: a\n  access:\n",
        "clusters:\n- name: a\n  access: [{principal: role/X, policies: [View]}]",
        "clusters:\n- name: a\n  access:\n  - principal: role/X\n    policies: [View]",
        "clusters: []\n",
        "grants: {}\n",
    ] {
        let text = updated(existing, actual);
        let read = declared(&text);
        let labels: Vec<&str> = read.clusters[0].entries.iter().map(|entry| entry.label.as_str()).collect();
        assert_eq!(labels, ["X", "Y"], "{existing}\n---\n{text}");
    }
}

#[test]
fn line_ends_of_the_file_are_kept() {
    let text = updated(
        "clusters:\r\n- name: a\r\n  access: []\r\n",
        "clusters:\n- name: a\n  access: [{principal: role/X, policies: [View]}]\n",
    );
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{text:?}");
}

#[test]
fn a_grant_for_a_while_stays_one_and_an_end_is_taken_over() {
    let existing = "clusters:\n- name: a\n  access:\n  - principal: role/X\n    policies:\n      - {policy: View, for: 8h}\n      - Edit # long\n    for: 1d\n";
    let actual = |ends: &str| {
        format!(
            "clusters:\n- name: a\n  access:\n  - {{principal: role/X, policies: [{{policy: View, expires: 2030-01-01T00:00Z}}, Edit], {ends}}}\n"
        )
    };
    assert_eq!(updated(existing, &actual("expires: 2030-01-02T00:00Z")), existing);
    let text = updated(existing, &actual("groups: [g]"));
    assert!(text.contains("      - Edit # long\n    groups: [g]\n"), "{text}");
    assert!(!text.contains("for: 1d"), "{text}");
}

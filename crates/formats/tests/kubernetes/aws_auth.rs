//! Each kind of damage found in the wild, with the line and column of the file that a person has to go to.

use entryway_formats::{Declared, Read};

use crate::common::{read_as, said, same};
use crate::{lines, problems};

const HEAD: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: aws-auth\n  namespace: kube-system\ndata:\n  mapRoles: |\n";

/// A ConfigMap whose `mapRoles` is that block; its first line is line 8.
fn roles(block: &str) -> Read<Declared> {
    let block: String = block.lines().map(|line| format!("    {line}\n")).collect();
    read_as("aws-auth.yaml", &format!("{HEAD}{block}"))
}

fn of_roles(block: &str) -> Vec<String> {
    let read = roles(block);
    same(said(&read), &[]);
    problems(&read)
}

const GOOD: &str =
    "- rolearn: arn:aws:iam::111122223333:role/Admin\n  username: admin\n  groups:\n  - system:masters\n";

#[test]
fn good_lines_are_read_with_their_places() {
    let read = roles(&format!("{GOOD}{}", GOOD.replace("Admin", "Dev").replace("system:masters", "dev")));
    same(problems(&read), &[]);
    assert_eq!(
        lines(&read),
        &[
            "8:7 arn:aws:iam::111122223333:role/Admin admin [system:masters]",
            "12:7 arn:aws:iam::111122223333:role/Dev admin [dev]"
        ]
    );
}

#[test]
fn the_sample_that_is_indented_wrongly() {
    same(
        of_roles(
            "- groups:\n  - system:bootstrappers\n  - system:nodes\n  rolearn: arn:aws:iam::111122223333:role/hybrid\n   username: system:node:{{SessionName}}\n",
        ),
        &[
            "12:16 dropped all of mapRoles is out of force: not valid YAML: mapping values are not allowed in this context",
        ],
    );
}

#[test]
fn two_groups_folded_into_one() {
    same(
        of_roles("- rolearn: arn:aws:iam::111122223333:role/A\n  username: a\n  groups:\n    - one\n      - two\n"),
        &["11:11 noted the group `one - two` looks like several, made one by a wrong indentation"],
    );
}

#[test]
fn arns_in_the_wrong_list() {
    same(
        of_roles("- userarn: arn:aws:iam::111122223333:user/a\n  username: a\n"),
        &["8:7 dropped `userarn` does not belong in mapRoles; the member is called `rolearn`"],
    );
    let read = read_as(
        "a.yaml",
        &HEAD.replace("mapRoles", "mapUsers").replace("|\n", "|\n    - rolearn: arn:aws:iam::111122223333:role/a\n"),
    );
    same(problems(&read), &["8:7 dropped `rolearn` does not belong in mapUsers; the member is called `userarn`"]);
}

#[test]
fn a_member_with_the_wrong_name_or_kind() {
    same(
        of_roles("- rolearn: arn:aws:iam::111122223333:role/A\n  username: a\n  group:\n  - dev\n"),
        &["11:9 noted `group` is ignored; the member is called `groups`, and is a list"],
    );
    same(
        of_roles("- rolearn: arn:aws:iam::111122223333:role/A\n  username: a\n  groups: dev\n"),
        &["8:7 dropped `groups` must be a list, each group begun by `- `"],
    );
    same(
        of_roles("- rolearn: arn:aws:iam::111122223333:role/A\n  groups: [dev]\n"),
        &["8:7 dropped `arn:aws:iam::111122223333:role/A` has no username, and is mapped to nobody; add `username`"],
    );
}

#[test]
fn arns_that_never_match() {
    same(
        of_roles(
            "- rolearn: arn:aws:sts::111122223333:assumed-role/A/me\n  username: a\n- rolearn: arn:aws:iam::111122223333:instance-profile/A\n  username: b\n- rolearn: arn:aws:iam::111122223333:role/team/A\n  username: c\n- rolearn: arn:aws:iam::1111:role/A\n  username: d\n",
        ),
        &[
            "8:16 dropped matches nobody: `arn:aws:sts::111122223333:assumed-role/A/me` is not a valid IAM principal ARN: it names a session; the role behind it is arn:PARTITION:iam::ACCOUNT:role/NAME",
            "10:16 dropped matches nobody: `arn:aws:iam::111122223333:instance-profile/A` is not a valid IAM principal ARN: an instance profile is no principal; name the role within it",
            "12:16 dropped `arn:aws:iam::111122223333:role/team/A`: STS never tells a role's path, so this line matches nobody; write `arn:aws:iam::111122223333:role/A`",
            "14:16 dropped matches nobody: `arn:aws:iam::1111:role/A` is not a valid IAM principal ARN: the account must be 12 digits",
        ],
    );
}

#[test]
fn a_role_that_is_there_twice() {
    same(
        of_roles(&format!("{GOOD}{}", GOOD.replace("Admin", "ADMIN"))),
        &[
            "8:7 dropped the line for `arn:aws:iam::111122223333:role/Admin` at line 5, column 3 comes later and wins; groups are not merged",
        ],
    );
}

#[test]
fn a_placeholder_without_quotes() {
    same(
        of_roles("- rolearn: arn:aws:iam::111122223333:role/A\n  username: {{SessionName}}\n  groups: [dev]\n"),
        &[
            "9:18 dropped all of mapRoles is out of force: a key must be a plain text; a value that begins with `{{` needs quotes around it",
        ],
    );
}

#[test]
fn keys_in_another_letter_case() {
    let read = read_as("a.yaml", &format!("{HEAD}    []\n  maproles: |\n    []\n  other: x\n"));
    same(
        problems(&read),
        &[
            "10:5 dropped the key `maproles` is ignored: its letter case must be `mapRoles`",
            "11:10 dropped the key `other` is ignored: only mapRoles, mapUsers and mapAccounts mean anything",
        ],
    );
    let read = roles("- RoleARN: arn:aws:iam::111122223333:role/A\n  UserName: a\n  GROUPS: [dev]\n");
    same(lines(&read), &["8:7 arn:aws:iam::111122223333:role/A a [dev]"]);
}

#[test]
fn a_list_where_the_bar_was_forgotten() {
    let text = HEAD.replace(" |\n", "\n").replace("data:", "data:\n  mapUsers: []");
    let read = read_as(
        "a.yaml",
        &format!(
            "{text}  - rolearn: arn:aws:iam::111122223333:role/A\n    username: a\n    groups:\n    - dev\n  - rolearn: arn:aws:iam::111122223333:role/x/B\n    username: b\n  mapAccounts:\n  - 012345678901\n  - 77\n  - x\n"
        ),
    );
    same(
        said(&read),
        &[
            "8:13 warning `mapUsers` is a list, and Kubernetes takes nothing but texts in a ConfigMap",
            "10:5 warning `mapRoles` is a list, and Kubernetes takes nothing but texts in a ConfigMap",
            "17:5 warning `mapAccounts` is a list, and Kubernetes takes nothing but texts in a ConfigMap",
        ],
    );
    same(
        lines(&read),
        &[
            "10:5 arn:aws:iam::111122223333:role/A a [dev]",
            "14:5 arn:aws:iam::111122223333:role/x/B b []",
            "account 012345678901",
            "account 000000000077",
        ],
    );
    same(
        problems(&read),
        &[
            "19:5 dropped `x` is not a valid account id: must be 12 digits, in quotes",
            "14:14 dropped `arn:aws:iam::111122223333:role/x/B`: STS never tells a role's path, so this line matches nobody; write `arn:aws:iam::111122223333:role/B`",
        ],
    );
}

#[test]
fn accounts_that_yaml_takes_for_numbers() {
    let read = read_as(
        "a.yaml",
        &format!("{HEAD}    []\n  mapAccounts: |\n    - 012345678901\n    - \"111122223333\"\n    - 12\n    - abc\n"),
    );
    same(lines(&read), &["account 012345678901", "account 111122223333", "account 000000000012"]);
    same(problems(&read), &["13:7 dropped `abc` is not a valid account id: must be 12 digits, in quotes"]);
}

#[test]
fn nothing_in_all_its_forms() {
    for nothing in ["|\n    []", "\"\"", "''", "|\n    [{}]", "\"null\"", "|\n\n", "", "\"``\"", "~"] {
        let read = read_as("a.yaml", &format!("{}  mapRoles: {nothing}\n", HEAD.replace("  mapRoles: |\n", "")));
        assert_eq!(said(&read), Vec::<String>::new(), "{nothing}");
        assert!(problems(&read).is_empty() && lines(&read).is_empty(), "{nothing}: {:?}", problems(&read));
    }
}

/// The same broken line in every style that YAML and JSON can write a text in.
#[test]
fn places_are_found_in_every_style() {
    let head = HEAD.replace("mapRoles: |\n", "");
    let mut found = Vec::new();
    for style in [
        "mapRoles: |\n    - rolearn: arn:aws:iam::111122223333:role/x/A\n      username: a\n",
        "mapRoles: |-\n\n    # c\n    - rolearn: arn:aws:iam::111122223333:role/x/A\n      username: a\n",
        "mapRoles: |2-\n      - rolearn: arn:aws:iam::111122223333:role/x/A\n        username: a\n",
        "mapRoles: >\n    - rolearn: arn:aws:iam::111122223333:role/x/A\n      username: a\n",
        "mapRoles: >-   # why\n    - {rolearn: \"arn:aws:iam::111122223333:role/x/A\",\n    username: a}\n",
        "mapRoles: \"- rolearn: arn:aws:iam::111122223333:role/x/A\\n  username: a\\n\"\n",
        "mapRoles: \"# \\u00e9 \\\"\\n- rolearn: \\\n    arn:aws:iam::111122223333:role/x/A\\n  username: a\\n\"\n",
        "mapRoles: '[{\"rolearn\": \"arn:aws:iam::111122223333:role/x/A\", \"username\": \"it''s\"}]'\n",
        "\"mapRoles\": |\n    - \"groups\": [a]\n      \"rolearn\": \"arn:aws:iam::111122223333:role/x/A\"\n      \"username\": \"a\"\n",
        "mapRoles: &x |\n    - rolearn: arn:aws:iam::111122223333:role/x/A\n      username: a\n",
        "mapRoles: !!str |\n    - rolearn: arn:aws:iam::111122223333:role/x/A\n      username: a\n",
        "mapRoles: |\r\n    - rolearn: arn:aws:iam::111122223333:role/x/A\r\n      username: a\r\n",
        "mapRoles: |\n    # ä😀\n    - {username: ö, rolearn: \"arn:aws:iam::111122223333:role/x/A\"}\n",
    ] {
        let read = read_as("a.yaml", &format!("{head}{style}"));
        let aws_auth = crate::aws_auth(&read);
        let [(_, Some(place))] = aws_auth.problems.as_slice() else { panic!("{style}: {:?}", problems(&read)) };
        let there: String = place.source.text()[place.bytes.start..].chars().take(5).collect();
        found.push(format!("{} {there}", crate::at(Some(place))));
    }
    same(
        found,
        &[
            "8:16 arn:a",
            "10:16 arn:a",
            "8:18 arn:a",
            "8:16 arn:a",
            "8:17 \"arn:",
            "7:25 arn:a",
            "8:5 arn:a",
            "7:27 \"arn:",
            "9:18 \"arn:",
            "8:16 arn:a",
            "8:16 arn:a",
            "8:16 arn:a",
            "9:30 \"arn:",
        ],
    );
}

#[test]
fn a_dump_of_kubectl_is_read_without_its_annotations() {
    let text = r#"{"apiVersion": "v1", "kind": "ConfigMap", "data": {
  "mapRoles": "- groups:\n  - system:masters\n  rolearn: arn:aws:iam::111122223333:role/x/Admin\n  username: admin\n"
}, "metadata": {"name": "aws-auth", "namespace": "kube-system", "managedFields": [{"fieldsV1": {"f:data": {"f:mapRoles": {}}}}],
 "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{\"mapRoles\":\"- rolearn: arn:aws:iam::111122223333:role/Old\\n\"}}"}}}"#;
    for name in ["a.json", "a.yaml"] {
        let read = read_as(name, text);
        same(said(&read), &[]);
        same(lines(&read), &["2:18 arn:aws:iam::111122223333:role/x/Admin admin [system:masters]"]);
        same(
            problems(&read),
            &[
                "2:58 dropped `arn:aws:iam::111122223333:role/x/Admin`: STS never tells a role's path, so this line matches nobody; write `arn:aws:iam::111122223333:role/Admin`",
            ],
        );
    }
}

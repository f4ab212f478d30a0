//! The aws-auth text as people write it: what is in force, what is reported, and where.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and prints its findings"
)]

use std::collections::BTreeMap;

use entryway_access::{AwsAuth, AwsAuthProblem, MappedPrincipal, Mapping, Position};
use proptest::prelude::*;

fn parse(pairs: &[(&str, &str)]) -> (AwsAuth, Vec<AwsAuthProblem>) {
    let data: BTreeMap<String, String> =
        pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    AwsAuth::parse(&data)
}

fn roles(text: &str) -> (Vec<Mapping>, Vec<AwsAuthProblem>) {
    let (aws_auth, problems) = parse(&[("mapRoles", text)]);
    (aws_auth.roles, problems)
}

fn arn_of(mapping: &Mapping) -> &str {
    match &mapping.principal {
        MappedPrincipal::Arn(arn) => arn.as_str(),
        MappedPrincipal::Unusable(text) => text,
    }
}

fn groups_of(mapping: &Mapping) -> Vec<&str> {
    mapping.groups.iter().map(|group| group.as_str()).collect()
}

fn at(line: u32, column: u32) -> Position {
    Position { line, column }
}

#[test]
fn a_clean_map_has_no_problems() {
    let (aws_auth, problems) = parse(&[
        (
            "mapRoles",
            "- rolearn: arn:aws:iam::111122223333:role/Node\n  username: system:node:{{EC2PrivateDNSName}}\n  groups:\n    - system:bootstrappers\n    - system:nodes\n- rolearn: arn:aws:iam::111122223333:role/Dev\n  username: dev:{{SessionName}}\n  groups: [devs]\n",
        ),
        ("mapUsers", r#"[{"userarn": "arn:aws:iam::111122223333:user/team/jo", "username": "jo", "groups": ["ops"]}]"#),
        ("mapAccounts", "- \"444455556666\"\n"),
    ]);
    assert_eq!(problems, []);
    assert_eq!(
        aws_auth.roles.iter().map(arn_of).collect::<Vec<_>>(),
        ["arn:aws:iam::111122223333:role/Node", "arn:aws:iam::111122223333:role/Dev"]
    );
    assert_eq!(groups_of(&aws_auth.roles[0]), ["system:bootstrappers", "system:nodes"]);
    assert_eq!([aws_auth.roles[0].position, aws_auth.roles[1].position], [at(1, 3), at(6, 3)]);
    assert_eq!(arn_of(&aws_auth.users[0]), "arn:aws:iam::111122223333:user/team/jo");
    assert_eq!(aws_auth.accounts, ["444455556666".parse().unwrap()]);
}

#[test]
fn members_in_any_case_keys_in_one() {
    let text = "- RoLeArN: arn:aws:iam::111122223333:role/Dev\n  UserName: dev\n  GROUPS: [devs]\n";
    let (aws_auth, problems) = parse(&[("mapRoles", text), ("maproles", text)]);
    assert_eq!(aws_auth.roles.len(), 1);
    assert_eq!(groups_of(&aws_auth.roles[0]), ["devs"]);
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].key, "maproles");
    assert!(problems[0].message.contains("`mapRoles`"), "{}", problems[0].message);
}

#[test]
fn nothing_in_many_forms() {
    for text in ["", "  \n", "''", "\"\"", "``", "[]", "[{}]", "null", "~", "---\n", "# a comment\n"] {
        let (aws_auth, problems) = parse(&[("mapRoles", text), ("mapUsers", text), ("mapAccounts", "[]")]);
        assert_eq!((aws_auth, problems), (AwsAuth::default(), Vec::new()), "{text:?}");
    }
}

#[test]
fn a_bad_element_goes_alone() {
    let good = "- rolearn: arn:aws:iam::111122223333:role/Good\n  username: good\n";
    let bad = [
        ("- just a text\n", "members"),
        ("- username: x\n", "`rolearn` is missing"),
        ("- userarn: arn:aws:iam::111122223333:user/jo\n  username: x\n", "`userarn` does not belong in mapRoles"),
        ("- rolearn: arn:aws:iam::111122223333:role/R\n  username: x\n  groups: devs\n", "`groups` must be a list"),
        ("- rolearn: arn:aws:iam::111122223333:role/R\n  username: [x]\n", "`username` must be a text"),
        ("- rolearn: arn:aws:iam::111122223333:role/R\n  username: 12\n", "quotes"),
        ("- rolearn: arn:aws:iam::111122223333:role/R\n  username: x\n  groups: [true]\n", "quotes"),
        ("- sso: {permissionSetName: x}\n  username: x\n", "`sso` is switched off"),
    ];
    for (text, message) in bad {
        let (mappings, problems) = roles(&format!("{good}{text}"));
        assert_eq!(mappings.iter().map(arn_of).collect::<Vec<_>>(), ["arn:aws:iam::111122223333:role/Good"], "{text}");
        let [problem] = problems.as_slice() else { panic!("{text}: {problems:?}") };
        assert!(problem.dropped && problem.message.contains(message), "{text}: {problem:?}");
        assert_eq!(problem.position, at(3, 3), "{text}");
    }
}

#[test]
fn a_key_that_is_no_yaml_goes_alone() {
    let users = "- userarn: arn:aws:iam::111122223333:user/jo\n  username: jo\n";
    let broken = [
        "- rolearn: arn:aws:iam::111122223333:role/Dev\n  username: {{SessionName}}\n",
        "- rolearn: x\n   username: y\n",
        "- rolearn: arn:aws:iam::111122223333:role/Dev\nusername: y\n",
        "key: value\n",
        "a text\n",
        "- *nothing\n",
        "- &a [*a]\n",
        "- \"never closed\n",
    ];
    for text in broken {
        let (aws_auth, problems) = parse(&[("mapRoles", text), ("mapUsers", users)]);
        assert_eq!((aws_auth.roles.len(), aws_auth.users.len()), (0, 1), "{text}");
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert!(problems[0].dropped && problems[0].key == "mapRoles", "{text}");
        assert!(problems[0].message.starts_with("all of mapRoles is out of force"), "{}", problems[0].message);
    }
    let (_, problems) = roles(broken[0]);
    assert_eq!(problems[0].position, at(2, 14));
    // Behind a text it is one.
    let (mappings, problems) = roles("- rolearn: arn:aws:iam::111122223333:role/Dev\n  username: a:{{SessionName}}\n");
    assert_eq!((mappings.len(), problems.len()), (1, 0));
    assert_eq!(mappings[0].username.as_ref().unwrap().as_str(), "a:{{SessionName}}");
}

#[test]
fn lines_that_map_nobody_are_named() {
    let (mappings, problems) = roles(
        "- rolearn: arn:aws:iam::111122223333:role/team/x/Dev\n  username: a\n\
         - rolearn: arn:aws:sts::111122223333:assumed-role/Dev/jo\n  username: b\n\
         - rolearn: arn:aws:iam::111122223333:instance-profile/Node\n  username: c\n\
         - rolearn: arn:aws:iam::111122223333:role/NoName\n",
    );
    assert_eq!(mappings.len(), 4);
    assert!(matches!(mappings[1].principal, MappedPrincipal::Unusable(_)));
    assert!(matches!(mappings[2].principal, MappedPrincipal::Unusable(_)));
    assert_eq!(mappings[3].username, None);
    let messages: Vec<(u32, &str)> =
        problems.iter().map(|problem| (problem.position.line, problem.message.as_str())).collect();
    assert!(problems.iter().all(|problem| problem.dropped));
    let [(1, path), (3, session), (5, profile), (7, username)] = messages.as_slice() else { panic!("{messages:?}") };
    assert!(path.contains("write `arn:aws:iam::111122223333:role/Dev`"), "{path}");
    assert!(session.contains("session"), "{session}");
    assert!(profile.contains("instance profile"), "{profile}");
    assert!(username.contains("username"), "{username}");
}

#[test]
fn odd_lines_stay_in_force() {
    let (mappings, problems) = roles(
        "- rolearn: arn:aws:iam::111122223333:role/Dev\n  username: dev\n  group: [devs]\n  note: hello\n  userid: x\n",
    );
    assert_eq!(groups_of(&mappings[0]), Vec::<&str>::new());
    assert_eq!(problems.len(), 2);
    assert!(problems.iter().all(|problem| !problem.dropped));
    assert!(problems[0].message.contains("`groups`"));
    // Letters of another case are compared alike, so they are a principal's ARN too.
    let (mappings, problems) = roles("- rolearn: ARN:aws:iam::111122223333:Role/Dev\n  username: dev\n");
    assert_eq!((arn_of(&mappings[0]), problems.len()), ("arn:aws:iam::111122223333:role/Dev", 0));
}

#[test]
fn of_repeated_lines_the_earlier_ones_are_named() {
    let line = |name: &str, username: &str| {
        format!("- rolearn: arn:aws:iam::111122223333:role/{name}\n  username: {username}\n")
    };
    let (mappings, problems) = roles(&format!("{}{}{}", line("Dev", "a"), line("Ops", "b"), line("dev", "c")));
    assert_eq!(mappings.len(), 3);
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!(problem.position, at(1, 3));
    assert!(problem.message.contains("line 5"), "{}", problem.message);
}

#[test]
fn accounts_keep_their_zeros() {
    let (aws_auth, problems) = parse(&[(
        "mapAccounts",
        "- 012345670123\n- 12345670124\n- '001234567890'\n- \"123\"\n- [1]\n- 0x12\n- abc\n- 012345670123\n- ~\n",
    )]);
    let accounts: Vec<&str> = aws_auth.accounts.iter().map(|account| account.as_str()).collect();
    assert_eq!(accounts, ["012345670123", "012345670124", "001234567890"]);
    assert_eq!(problems.iter().map(|problem| problem.position.line).collect::<Vec<_>>(), [4, 5, 6, 7]);
}

#[test]
fn anchors_are_taken_and_bounded() {
    let (mappings, problems) = roles(
        "- &dev\n  rolearn: arn:aws:iam::111122223333:role/Dev\n  username: dev\n  groups: &g [devs]\n\
         - <<: *dev\n  rolearn: arn:aws:iam::111122223333:role/Ops\n- rolearn: arn:aws:iam::111122223333:role/X\n  username: x\n  groups: *g\n",
    );
    assert_eq!(problems, []);
    assert_eq!(mappings[1].username.as_ref().unwrap().as_str(), "dev");
    assert_eq!(groups_of(&mappings[2]), ["devs"]);

    // A billion laughs: refused, and quickly.
    let mut bomb = "- &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        bomb.push_str(&format!("- &a{level} [{before}]\n"));
    }
    let long = format!("- &l {}\n{}", "x".repeat(100_000), "- *l\n".repeat(10_000));
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let large = "#".repeat(2 * 1024 * 1024);
    let nested = format!("{}x{}", "[&a ".repeat(3_000), "]".repeat(3_000));
    for text in [bomb, long, deep, large, nested] {
        let (mappings, problems) = roles(&text);
        assert!(mappings.is_empty());
        assert!(problems.len() == 1 && problems[0].dropped, "{problems:?}");
    }
}

#[test]
fn a_second_document_is_not_read() {
    let line = "- rolearn: arn:aws:iam::111122223333:role/A\n  username: a\n";
    let (mappings, problems) = roles(&format!("{line}---\n{line}"));
    assert_eq!((mappings.len(), problems.len()), (1, 1));
    assert_eq!(problems[0].position.line, 3);
}

/// Pieces that meet in real maps, put together in any order.
fn almost_yaml() -> impl Strategy<Value = String> {
    let pieces = vec![
        "- ",
        "rolearn: ",
        "arn:aws:iam::111122223333:role/Dev",
        "\n",
        "  ",
        "username: ",
        "groups:",
        "[",
        "]",
        "{",
        "}",
        "{{",
        "}}",
        "&a ",
        "*a",
        "<<: ",
        "!!str ",
        "'",
        "\"",
        ": ",
        ", ",
        "? ",
        "|",
        ">-",
        "---",
        "...",
        "%YAML 1.2",
        "#",
        "\t",
        "\u{feff}",
        "0x1",
        "~",
        "é",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..40).prop_map(|list| list.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in any::<String>(), near in almost_yaml(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = String::from_utf8_lossy(&bytes).into_owned();
        for text in [&text, &near, &bytes] {
            let (_, problems) = parse(&[("mapRoles", text), ("mapUsers", text), ("mapAccounts", text), (text, text)]);
            prop_assert!(problems.iter().all(|problem| !problem.message.is_empty() && problem.position.line >= 1));
        }
    }
}

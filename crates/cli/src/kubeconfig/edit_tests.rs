use proptest::prelude::*;
use serde_json::json;

use super::*;

fn entries() -> Entries {
    let arn = "arn:aws:eks:us-east-1:111122223333:cluster/demo";
    Entries {
        cluster: json!({"cluster": {"certificate-authority-data": "Q0E=", "server": "https://127.0.0.1:6443"}, "name": arn}),
        user: json!({"name": arn, "user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "args": ["token", "--cluster-name", "demo"], "command": "entryway"}}}),
        context: json!({"context": {"cluster": arn, "user": arn}, "name": arn}),
    }
}

const NEW: &str = r#"apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: Q0E=
    server: https://127.0.0.1:6443
  name: arn:aws:eks:us-east-1:111122223333:cluster/demo
contexts:
- context:
    cluster: arn:aws:eks:us-east-1:111122223333:cluster/demo
    user: arn:aws:eks:us-east-1:111122223333:cluster/demo
  name: arn:aws:eks:us-east-1:111122223333:cluster/demo
current-context: arn:aws:eks:us-east-1:111122223333:cluster/demo
kind: Config
preferences: {}
users:
- name: arn:aws:eks:us-east-1:111122223333:cluster/demo
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args:
      - token
      - "--cluster-name"
      - demo
      command: entryway
"#;

#[test]
fn a_new_file() {
    for text in ["", "\n", "---\n", "null\n"] {
        let edited = edit(text, &entries()).unwrap();
        assert_eq!((edited.text.as_str(), edited.rewritten), (NEW, false), "{text:?}");
    }
    assert_eq!(edit("# mine\n", &entries()).unwrap().text, format!("# mine\n{NEW}"));
}

#[test]
fn twice_is_the_same_as_once() {
    assert_eq!(edit(NEW, &entries()).unwrap(), Edited { text: NEW.to_owned(), rewritten: false });
}

#[test]
fn everything_else_stays_with_its_comments() {
    let before = r#"# my clusters
kind: Config   # the kind
apiVersion: v1
preferences:
  colors: true
users:
  # first the office
  - name: office
    user: {token: "0123"}   # a flow map

  - name: "arn:aws:eks:us-east-1:111122223333:cluster/demo"   # to be replaced
    user:
      token: old
  # behind the replaced one
  - name: home
    user:
      client-key-data: |
        a
        # no comment
clusters:
- name: office
  cluster:
    server: 'https://office:6443'
# after all clusters
contexts: []   # none yet
extensions:
- name: x
  extension: 1.0
current-context: office  # where I work
"#;
    let after = r#"# my clusters
kind: Config   # the kind
apiVersion: v1
preferences:
  colors: true
users:
  # first the office
  - name: office
    user: {token: "0123"}   # a flow map

  - name: arn:aws:eks:us-east-1:111122223333:cluster/demo
    user:
      exec:
        apiVersion: client.authentication.k8s.io/v1beta1
        args:
        - token
        - "--cluster-name"
        - demo
        command: entryway
  # behind the replaced one
  - name: home
    user:
      client-key-data: |
        a
        # no comment
clusters:
- name: office
  cluster:
    server: 'https://office:6443'
- cluster:
    certificate-authority-data: Q0E=
    server: https://127.0.0.1:6443
  name: arn:aws:eks:us-east-1:111122223333:cluster/demo
# after all clusters
contexts: # none yet
- context:
    cluster: arn:aws:eks:us-east-1:111122223333:cluster/demo
    user: arn:aws:eks:us-east-1:111122223333:cluster/demo
  name: arn:aws:eks:us-east-1:111122223333:cluster/demo
extensions:
- name: x
  extension: 1.0
current-context: arn:aws:eks:us-east-1:111122223333:cluster/demo  # where I work
"#;
    let edited = edit(before, &entries()).unwrap();
    assert_eq!(edited.text, after);
    assert!(!edited.rewritten);
    let windows = edit(&before.replace('\n', "\r\n"), &entries()).unwrap();
    assert_eq!(windows.text, after.replace('\n', "\r\n"));
}

#[test]
fn what_is_missing_is_added() {
    for before in
        ["kind: Config\n", "kind: Config", "kind: Config\nclusters:\nusers: ~\ncontexts: null\ncurrent-context:\n"]
    {
        let edited = edit(before, &entries()).unwrap();
        assert!(!edited.rewritten, "{before}");
        assert!(edited.text.starts_with("kind: Config\n"));
        let root = parse(&edited.text).unwrap().unwrap();
        for key in ["clusters", "users", "contexts"] {
            assert_eq!(root.get(key).and_then(Node::items).map(<[Node]>::len), Some(1), "{key}\n{}", edited.text);
        }
    }
}

#[test]
fn json_is_written_anew_and_loses_nothing() {
    let before = r#"{"kind": "Config", "clusters": [{"name": "a", "cluster": {"server": "https://a", "n": 1}}], "extra": ["x", {"y": null}]}"#;
    let edited = edit(before, &entries()).unwrap();
    assert!(edited.rewritten);
    let root = parse(&edited.text).unwrap().unwrap();
    let old = parse(before).unwrap().unwrap();
    assert!(same(root.get("extra").unwrap(), old.get("extra").unwrap()));
    assert!(same(
        &root.get("clusters").unwrap().items().unwrap()[0],
        &old.get("clusters").unwrap().items().unwrap()[0]
    ));
}

#[test]
fn broken_files_are_named_with_their_place() {
    for (text, message, place) in [
        ("a: [", "", None),
        ("- a\n", "a kubeconfig is a map", Some((1, 1))),
        ("kind: Config\nclusters: {}\n", "`clusters` has to be a list", Some((2, 11))),
        ("users:\n- a\n", "each element of `users`", Some((2, 3))),
        ("kind: a\nkind: b\n", "`kind` is there twice", Some((2, 1))),
        ("current-context: [a]\n", "`current-context` has to be a text", Some((1, 18))),
        ("a: b\n---\nc: d\n", "one YAML document", Some((2, 1))),
    ] {
        let error = edit(text, &entries()).unwrap_err();
        assert!(error.message.contains(message), "{text}: {error:?}");
        if place.is_some() {
            assert_eq!(error.place, place, "{text}: {error:?}");
        }
    }
    assert!(edit(&"[".repeat(5000), &entries()).is_err());
}

/// A kubeconfig in one of the many ways in which people write them.
fn any_kubeconfig() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("arn:aws:eks:us-east-1:111122223333:cluster/demo".to_owned()),
        "[a-z]{1,6}",
        Just("\"quo ted\"".to_owned()),
        Just("'s'".to_owned()),
    ];
    let value = prop_oneof![
        Just("token: \"1\"".to_owned()),
        Just("n: 1\n      s: |-\n        one\n        two".to_owned()),
        Just("list: [a, {b: c}]  # flow".to_owned()),
        Just("list:\n      - a\n      - b: c\n        d:".to_owned()),
        Just("# nothing but a comment\n      x: ~".to_owned()),
        Just("f: >\n        folded\n\n        text".to_owned()),
    ];
    let item = (name, value, any::<bool>(), "[a-z ]{0,8}").prop_map(|(name, value, name_first, comment)| {
        if name_first {
            format!("  # {comment}\n  - name: {name}\n    user:\n      {value}\n")
        } else {
            format!("  - user:\n      {value}\n    # {comment}\n    name: {name}\n")
        }
    });
    let list = |key: &'static str| {
        prop_oneof![
            Just(String::new()),
            Just(format!("{key}: []\n")),
            Just(format!("{key}:\n")),
            Just(format!("{key}: [{{name: a}}]\n")),
            prop::collection::vec(item.clone(), 1..4).prop_map(move |items| format!("{key}:\n{}", items.concat())),
        ]
    };
    let current = prop_oneof![
        Just(String::new()),
        Just("current-context: a # here\n".to_owned()),
        Just("current-context:\n".to_owned()),
        Just("current-context: \"x y\"\n".to_owned()),
    ];
    (list("clusters"), list("users"), list("contexts"), current, 0usize..4).prop_map(|(a, b, c, d, turn)| {
        let mut parts = [a, b, c, d, "kind: Config\n".to_owned()];
        parts.rotate_left(turn);
        parts.concat()
    })
}

/// Each list's elements but those of the new names.
fn others(root: &Node) -> Vec<(String, Vec<Node>)> {
    let new = entries();
    ["clusters", "users", "contexts"]
        .iter()
        .map(|key| {
            let items = root.get(key).and_then(Node::items).unwrap_or_default();
            ((*key).to_owned(), items.iter().filter(|item| item.name() != entry_name(&new.cluster)).cloned().collect())
        })
        .collect()
}

proptest! {
    #[test]
    fn everything_else_means_what_it_meant(before in any_kubeconfig()) {
        let old = parse(&before).unwrap().unwrap();
        // Of several elements with the new name only the first is replaced, as the AWS CLI has it.
        let edited = edit(&before, &entries()).unwrap();
        let new = parse(&edited.text).unwrap().unwrap();
        for ((key, a), (_, b)) in others(&old).iter().zip(&others(&new)) {
            prop_assert!(a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)), "{key}\n{before}\n{}", edited.text);
            let first = new.get(key).and_then(Node::items).unwrap().iter().find(|i| i.name() == entry_name(&entries().cluster)).unwrap();
            let wanted = match key.as_str() { "clusters" => entries().cluster, "users" => entries().user, _ => entries().context };
            prop_assert!(same(first, &node(&wanted).unwrap()));
        }
        let wanted = entries().context;
        prop_assert_eq!(new.get("current-context").and_then(Node::text), entry_name(&wanted));
        prop_assert_eq!(new.get("kind").and_then(Node::text), Some("Config"));
        let again = edit(&edited.text, &entries()).unwrap();
        prop_assert_eq!(again.text, edited.text);
        if !before.contains("[{name") {
            prop_assert!(!edited.rewritten, "{before}");
        }
    }

    #[test]
    fn any_text_is_edited_or_refused(text in "\\PC{0,40}|[-:\\[\\]{}#&*!|>'\"%@` \na-c?,]{0,60}") {
        if let Ok(edited) = edit(&text, &entries()) {
            prop_assert!(super::super::has_cluster(&edited.text, entry_name(&entries().cluster).unwrap()), "{text:?}\n{}", edited.text);
        }
    }
}

//! What scripts rely on: exit codes, what goes to which stream. No control plane runs here.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise: that is its report")]

use std::process::{Command, Output, Stdio};

/// The binary, in an empty home and with nothing of AWS or Kubernetes around.
fn entryway(home: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_entryway"));
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

fn run(words: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    entryway(home.path()).args(words).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn bad_usage_is_2_with_nothing_on_stdout() {
    for words in [
        &["frobnicate"][..],
        &["plan"],
        &["clusters", "mode", "demo", "SOMETHING"],
        &["access", "grant", "group/x", "-c", "demo", "--policy", "View"],
        &["access", "grant", "role/x", "-c", "demo", "--policy", "View", "-A", "-n", "team-a"],
        &["access", "grant", "role/x", "-c", "demo", "--policy", "View", "--expires", "-8h"],
        &["access", "grant", "role/x", "-c", "demo", "--group", "system:masters"],
        &["access", "grant", "role/x", "-c", "demo", "--username", "{{SessionName}}"],
        &["can-i", "get", "", "-c", "demo"],
        &["can-i", "", "pods", "-c", "demo"],
        &["can-i", "get", "pods", "-n", "Team A", "-c", "demo"],
        &["can-i", "get", "pods", "--as", ""],
        &["up", "--account", "1"],
        &["token"],
    ] {
        let done = run(words);
        assert_eq!(done.status.code(), Some(2), "{words:?}");
        assert_eq!(text(&done.stdout), "", "{words:?}");
        assert!(text(&done.stderr).starts_with("error: "), "{words:?}: {}", text(&done.stderr));
    }
}

#[test]
fn help_and_version_are_answers() {
    for (words, start) in [
        (&["--help"][..], "Example"),
        (&["up", "--help"], "Example"),
        (&["--version"], "entryway 0"),
        (&["version"], "entryway 0"),
    ] {
        let done = run(words);
        assert_eq!(done.status.code(), Some(0), "{words:?}");
        assert!(text(&done.stdout).starts_with(start), "{words:?}");
    }
}

#[test]
fn without_region_and_credentials_both_ways_are_named() {
    for words in [&["clusters", "list"][..], &["can-i", "get", "pods"], &["--region", "us-east-1", "access", "list"]] {
        let done = run(words);
        assert_eq!(done.status.code(), Some(2), "{words:?}");
        let message = text(&done.stderr);
        assert!(message.contains("eval \"$(entryway env)\"") && text(&done.stdout).is_empty(), "{words:?}: {message}");
        assert_eq!(message.matches("error:").count(), 1, "{message}");
    }
}

#[test]
fn nothing_runs_on_an_empty_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let env = run(&["env", "--data", data]);
    assert_eq!((env.status.code(), text(&env.stdout)), (Some(2), String::new()));
    assert!(text(&env.stderr).contains("`entryway up`"), "{}", text(&env.stderr));
    assert_eq!(run(&["down", "--data", data]).status.code(), Some(0));
}

#[test]
fn other_addresses_than_loopback_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let done = run(&["up", "-q", "--data", folder.path().join("d").to_str().unwrap(), "--listen", "0.0.0.0:0"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).contains("--allow-remote"), "{}", text(&done.stderr));
}

/// One message, and the file as it was.
#[test]
fn a_store_that_cannot_be_read_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("entryway.redb");
    for (content, problem) in
        [(&b""[..], "it is cut short"), (b"redb", "it is not a store"), (&[7; 8192], "it is not a store")]
    {
        std::fs::write(&store, content).unwrap();
        let done = run(&["up", "-q", "--listen", "127.0.0.1:0", "--data", folder.path().to_str().unwrap()]);
        let message = text(&done.stderr);
        assert_eq!((done.status.code(), text(&done.stdout)), (Some(2), String::new()), "{message}");
        assert!(
            message.starts_with("error: ") && message.lines().count() == 1 && message.contains(problem),
            "{message}"
        );
        assert_eq!(std::fs::read(&store).unwrap(), content);
    }
}

#[test]
fn a_data_folder_without_rights_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    // Not even root makes a folder there.
    for data in [file.join("data"), "/proc/entryway".into(), file] {
        let data = data.to_str().unwrap();
        let done = run(&["up", "-q", "--listen", "127.0.0.1:0", "--data", data]);
        let message = text(&done.stderr);
        assert_eq!((done.status.code(), text(&done.stdout)), (Some(2), String::new()), "{message}");
        assert!(message.starts_with(&format!("error: {data} ")) && message.lines().count() == 1, "{message}");
    }
}

#[test]
fn a_port_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let done = run(&["up", "-q", "--data", folder.path().join("d").to_str().unwrap(), "--listen", &address]);
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).contains(&address) && text(&done.stderr).contains("--listen"), "{}", text(&done.stderr));
}

#[test]
fn colours_only_for_a_terminal() {
    let done = run(&["clusters", "list"]);
    assert!(!text(&done.stderr).contains('\x1b'));
}

#[test]
fn who_stops_reading_is_told_nothing() {
    let home = tempfile::tempdir().unwrap();
    for words in [&["policies", "show", "View"][..], &["completions", "bash"]] {
        let mut child =
            entryway(home.path()).args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let done = child.wait_with_output().unwrap();
        // The policy's source goes to stderr in any case.
        assert!(!text(&done.stderr).contains("error"), "{words:?}: {}", text(&done.stderr));
    }
}

#[test]
fn policies_are_shown_without_a_network() {
    let done = run(&["policies", "show", "ClusterAdmin", "-o", "json"]);
    assert_eq!(done.status.code(), Some(0));
    let role: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(role["kind"], "ClusterRole");
    assert_eq!(role["rules"][0]["verbs"], serde_json::json!(["*"]));
    assert_eq!(run(&["policies", "show", "NoSuchPolicy"]).status.code(), Some(2));
}

/// One message, and no waiting for what is not there.
#[test]
fn an_endpoint_where_nothing_listens() {
    // A port that was free a moment ago: whoever takes it meanwhile speaks no AWS.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = format!("http://{free}");
    let home = tempfile::tempdir().unwrap();
    let done = entryway(home.path())
        .args(["clusters", "list", "--region", "us-east-1", "--endpoint-url", &endpoint])
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_MAX_ATTEMPTS", "1000")
        .output()
        .unwrap();
    assert_eq!((done.status.code(), text(&done.stdout).as_str()), (Some(2), ""));
    let message = text(&done.stderr);
    assert!(message.starts_with(&format!("error: ListClusters at {endpoint} did not answer: ")), "{message}");
    assert!(message.contains("entryway up"), "{message}");
}

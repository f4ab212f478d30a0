//! The commands against a control plane of their own, from `up --detach` to `down`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise: that is its report"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

struct Plane {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

struct Done {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Done {
    fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        self.out
    }
    fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }
    fn is(self, code: i32, text: &str) {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        assert!(self.out.contains(text) || self.err.contains(text), "`{text}` is not in\n{}\n{}", self.out, self.err);
    }
}

impl Plane {
    fn start(flags: &[&str]) -> Plane {
        let mut plane = Plane { folder: tempfile::tempdir().unwrap(), variables: Vec::new() };
        let data = plane.data();
        let words = ["up", "--detach", "-q", "--data", &data, "--listen", "127.0.0.1:0"];
        let ready = plane.run(&[&words, flags].concat()).json();
        assert_eq!(ready["clusters"][0]["name"], "demo");
        let env = plane.run(&["env", "--shell", "json", "--data", &data]).json();
        assert_eq!(env["AWS_ENDPOINT_URL"], ready["api"]);
        assert_eq!(env["AWS_PROFILE"], Value::Null);
        let set = env.as_object().unwrap().iter().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())));
        plane.variables = set.collect();
        plane
    }

    fn data(&self) -> String {
        self.path("data").to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, words: &[&str]) -> Done {
        let binary = Path::new(env!("CARGO_BIN_EXE_entryway"));
        let done = Command::new(binary)
            .args(words)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("TMPDIR", self.folder.path())
            .env("PATH", format!("{}:/usr/bin:/bin", binary.parent().unwrap().display()))
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Done { code: done.status.code(), out: text(done.stdout), err: text(done.stderr) }
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        let data = self.data();
        let _ = self.run(&["down", "--data", &data]);
    }
}

#[test]
fn from_up_to_down() {
    let plane = Plane::start(&[]);
    let data = plane.data();
    plane.run(&["up", "-q", "--data", &data, "--listen", "127.0.0.1:0"]).is(2, "running on");

    // Access of the user that is there.
    let entries = plane.run(&["access", "list", "-o", "json"]).json();
    assert_eq!(entries["accessEntries"][0]["principalArn"], "arn:aws:iam::111122223333:user/admin");
    plane.run(&["can-i", "delete", "nodes"]).is(0, "yes");
    plane.run(&["can-i", "delete", "nodes", "--as", "jane"]).is(1, "no");
    plane.run(&["can-i", "get", "pods", "--principal", "role/nobody"]).is(1, "401");

    // A principal of another account is taken on its word.
    let role = "arn:aws:iam::444455556666:role/team/ops";
    plane.run(&["access", "grant", role, "--policy", "Edit", "-n", "team-*", "--group", "ops"]).is(0, "Edit (team-*)");
    plane.run(&["access", "grant", role, "--policy", "Edit", "-n", "team-*", "--group", "ops"]).is(0, "already");
    plane.run(&["can-i", "create", "deploy", "-n", "team-a", "--principal", role]).is(0, "AmazonEKSEditPolicy");
    plane.run(&["can-i", "create", "deploy", "-n", "other", "--principal", role]).is(1, "no");
    // STS never tells a role's path: the role is the same without it.
    plane
        .run(&["can-i", "create", "deploy", "-n", "team-a", "--principal", "arn:aws:iam::444455556666:role/ops"])
        .is(0, "yes");
    plane.run(&["explain", "create", "deploy", "-n", "other", "--principal", role]).is(1, "does not reach there");

    // An end in the past can't be granted; one to come is kept as a tag.
    plane
        .run(&["access", "grant", role, "--policy", "View", "--expires", "2020-01-01T00:00:00Z"])
        .is(2, "over already");
    let granted = plane.run(&["access", "grant", role, "--policy", "View", "--expires", "8h", "-o", "json"]).json();
    assert!(granted["accessEntry"]["tags"]["entryway:expires/AmazonEKSViewPolicy"].as_str().unwrap().ends_with('Z'));

    plane.run(&["access", "revoke", role, "--policy", "Edit"]).is(0, "took Edit");
    plane.run(&["can-i", "create", "deploy", "-n", "team-a", "--principal", role]).is(1, "no");
    plane.run(&["access", "revoke", role]).is(0, "deleted the access entry");
    plane.run(&["access", "revoke", role]).is(0, "has no access entry");

    plane.run(&["down", "--data", &data]).is(0, "stopped process");
    plane.run(&["env", "--data", &data]).is(2, "no control plane is running");
}

#[test]
fn lines_for_the_shell() {
    let mut plane = Plane::start(&[]);
    let data = plane.data();
    let first_words = |text: String| text.lines().map(|l| l.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>();
    // Whatever the login shell is: `eval "$(entryway env)"` is for the shell that runs it.
    plane.variables.push(("SHELL".into(), "/usr/bin/fish".into()));
    let words = first_words(plane.run(&["env", "--data", &data]).ok());
    assert!(
        words.iter().all(|word| word == "export" || word == "unset") && words.contains(&"unset".into()),
        "{words:?}"
    );
    assert_eq!(first_words(plane.run(&["env", "--data", &data, "--shell", "fish"]).ok())[0], "set");
    plane.variables.push(("AWS_PROFILE".into(), "prod".into()));
    let github = plane.run(&["env", "--data", &data, "--shell", "github"]);
    assert!(github.err.contains("AWS_PROFILE is set"), "{}", github.err);
    assert!(!github.err.contains("AWS_SESSION_TOKEN"), "{}", github.err);
    assert!(!github.ok().contains("AWS_PROFILE"));
}

#[test]
fn clusters_and_kubeconfigs() {
    let plane = Plane::start(&[]);
    plane.run(&["clusters", "create", "old", "--authentication-mode", "CONFIG_MAP", "-o", "name"]).is(0, "old");
    plane
        .run(&["access", "grant", "user/admin", "-c", "old", "--policy", "View"])
        .is(2, "authentication mode must be set");
    plane
        .run(&["clusters", "mode", "old", "API"])
        .is(2, "Unsupported authentication mode update from CONFIG_MAP to API");
    plane.run(&["clusters", "mode", "old", "API_AND_CONFIG_MAP"]).is(0, "API_AND_CONFIG_MAP");
    plane.run(&["access", "list"]).is(2, "demo, old");
    plane.run(&["clusters", "describe", "nope"]).is(2, "demo, old");
    plane.run(&["clusters", "delete", "old"]).is(0, "deleted the cluster");
    assert_eq!(plane.run(&["clusters", "list", "-o", "name"]).ok(), "demo\n");

    let file = plane.path("kubeconfig");
    std::fs::write(&file, "# mine\nclusters: []\nusers:\n- name: other\n  user: {}   # kept\n").unwrap();
    let words = ["update-kubeconfig", "--name", "demo", "--alias", "demo", "--kubeconfig", file.to_str().unwrap()];
    plane.run(&words).is(0, &format!("Added new context demo to {}", file.display()));
    plane.run(&words).is(0, &format!("Updated context demo in {}", file.display()));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("# mine\n") && text.contains("user: {}   # kept"), "{text}");

    // A role as people write it; what can't be assumed is said here, not by kubectl later.
    let of_role = |role| [&words[..], &["--dry-run", "--role-arn", role]].concat();
    plane.run(&of_role("role/ops")).is(0, "arn:aws:iam::111122223333:role/ops");
    plane.run(&of_role("user/admin")).is(2, "it is not a role");
    plane.run(&of_role("nonsense")).is(2, "it is written as an ARN");
    plane.run(&["token", "--cluster-name", "demo", "--role-arn", "user/admin"]).is(2, "it is not a role");

    let credential = plane.run(&["token", "--cluster-name", "demo"]).json();
    assert_eq!(credential["kind"], "ExecCredential");
    assert_eq!(credential["apiVersion"], "client.authentication.k8s.io/v1beta1");
    assert_eq!(credential["spec"], json!({}));
    assert!(credential["status"]["token"].as_str().unwrap().starts_with("k8s-aws-v1."));

    // The same user, by the kubeconfig: the AWS side is not asked.
    plane
        .run(&[
            "can-i",
            "list",
            "secrets",
            "-A",
            "--as",
            "jane",
            "--kubeconfig",
            file.to_str().unwrap(),
            "--context",
            "demo",
            "-c",
            "demo",
        ])
        .is(1, "no");
}

#[test]
fn a_profile_for_every_shell() {
    let mut plane = Plane::start(&[]);
    let data = plane.data();
    plane.run(&["env", "--data", &data, "--write-profile", "local"]).is(0, "wrote the profile `local`");
    plane.variables.clear();
    assert_eq!(plane.run(&["--profile", "local", "clusters", "list", "-o", "name"]).ok(), "demo\n");
    plane.run(&["--profile", "missing", "clusters", "list"]).is(2, "the profile `missing`");
    let printed = plane.run(&["--profile", "local", "update-kubeconfig", "--name", "demo", "--dry-run"]).ok();
    assert!(printed.contains("AWS_PROFILE"), "{printed}");
}

#[test]
fn a_sample_company() {
    let plane = Plane::start(&["--sample"]);
    let listed = plane.run(&["access", "list"]).ok();
    for text in
        ["role/payments/payments-dev", "Edit (payments, payments-*)", "aws-auth mapRoles", "overridden by the entry"]
    {
        assert!(listed.contains(text), "`{text}` is not in\n{listed}");
    }
    plane.run(&["can-i", "update", "deploy", "-n", "web", "--principal", "role/ci-deployer"]).is(0, "deployers");
    plane.run(&["can-i", "list", "pods", "-A", "--principal", "role/legacy-ops"]).is(0, "view");
    // The entry wins, whole: the line's system:masters is not merged.
    plane.run(&["explain", "delete", "nodes", "--principal", "role/web-dev"]).is(1, "overridden");
    plane
        .run(&["can-i", "create", "secrets", "-n", "web-staging", "--principal", "user/kim"])
        .is(0, "AmazonEKSEditPolicy");
}

//! The control plane under load, its users, and what its process takes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use entryway_iam::sigv4::{PayloadHash, RequestParts, Scope, sign, uri_encode};
use entryway_iam::{Credentials, SecretKey, token};
use entryway_server::read_admin_file;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Call, Connection, Target, User};
use crate::{Failure, NAMESPACES};

pub(crate) const JSON: &str = "application/json";
/// Objects that are there before, in each namespace.
pub(crate) const STANDING: usize = 100;
const POLICIES: &str = "arn:aws:eks::aws:cluster-access-policy";

/// A namespace's name.
pub(crate) fn namespace(number: usize) -> String {
    format!("load-{}", number % NAMESPACES)
}

/// The ConfigMaps of a namespace.
pub(crate) fn maps(number: usize) -> String {
    format!("/api/v1/namespaces/{}/configmaps", namespace(number))
}

/// A ConfigMap of about a kilobyte.
pub(crate) fn map(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": name, "labels": { "app": "load" } },
        "data": { "settings": "x".repeat(900), "mode": "first" },
    })
}

/// A running `entryway up`.
pub(crate) struct Plane {
    child: Mutex<Child>,
    process: u32,
    api: String,
    pub(crate) target: Target,
    /// The administrator, an editor by policy, an editor by RBAC, somebody impersonated: all may write.
    users: Vec<User>,
}

impl Plane {
    pub(crate) async fn start(data: &Path) -> Result<Plane, Failure> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_entryway"))
            .args(["up", "-q", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no stdout")?).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line)?;
        let text = |pointer: &str| ready.pointer(pointer).and_then(Value::as_str).ok_or("not ready");
        let authority = std::fs::read_to_string(data.join("pki/ca.pem"))?;
        let target = Target::new(text("/clusters/0/endpoint")?, &authority)?;
        let api = text("/api")?.trim_start_matches("http://").to_owned();
        let process = child.id();
        let mut plane = Plane { child: Mutex::new(child), process, api, target, users: Vec::new() };
        plane.users = plane.make_users(data).await?;
        Ok(plane)
    }

    async fn make_users(&self, data: &Path) -> Result<Vec<User>, Failure> {
        let admin = read_admin_file(data).ok_or("no admin.json")?;
        let admin = keys(admin.access_key_id, admin.secret_access_key);
        let impersonating = User(vec![
            self.bearer(&admin)?,
            ("impersonate-user", "jane".to_owned()),
            ("impersonate-group", "loaders".to_owned()),
        ]);
        let mut users = vec![User(vec![self.bearer(&admin)?]), impersonating];
        for (name, policy) in [("editor", Some("AmazonEKSEditPolicy")), ("loader", None)] {
            self.iam(&admin, &[("Action", "CreateUser"), ("UserName", name)]).await?;
            let made = self.iam(&admin, &[("Action", "CreateAccessKey"), ("UserName", name)]).await?;
            let part = |tag: &str| {
                let (_, rest) = made.split_once(&format!("<{tag}>"))?;
                Some(rest.split_once("</")?.0.to_owned())
            };
            let (id, secret) = part("AccessKeyId").zip(part("SecretAccessKey")).ok_or("no key")?;
            let principal = format!("arn:aws:iam::111122223333:user/{name}");
            let groups = if policy.is_some() { json!([]) } else { json!(["loaders"]) };
            let entry = json!({ "principalArn": principal, "kubernetesGroups": groups });
            self.signed(&admin, "eks", "/clusters/demo/access-entries", JSON, entry.to_string()).await?;
            if let Some(policy) = policy {
                let path = format!("/clusters/demo/access-entries/{}/access-policies", uri_encode(&principal));
                let scope = json!({ "type": "namespace", "namespaces": ["load-*"] });
                let body = json!({ "policyArn": format!("{POLICIES}/{policy}"), "accessScope": scope });
                self.signed(&admin, "eks", &path, JSON, body.to_string()).await?;
            }
            users.push(User(vec![self.bearer(&keys(id, secret))?]));
        }
        Ok(users)
    }

    /// One of the users, in turns.
    pub(crate) fn user(&self, number: usize) -> User {
        self.users.iter().cycle().nth(number % self.users.len().max(1)).cloned().unwrap_or(User(Vec::new()))
    }

    /// How many there are.
    pub(crate) fn user_count(&self) -> usize {
        self.users.len()
    }

    /// Makes namespaces, rights and what stands there; the newest version after that.
    pub(crate) async fn furnish(&self) -> Result<String, Failure> {
        let connection = Connection::open(&self.target).await?;
        let admin = self.user(0);
        let post = async |path: &str, object: Value| -> Result<(), Failure> {
            let call = Call {
                method: "POST",
                path: path.to_owned(),
                accept: JSON,
                content_type: JSON,
                body: object.to_string().into_bytes(),
            };
            connection.call(call, &admin).await.map(drop)
        };
        for number in 0..NAMESPACES {
            let name = namespace(number);
            post("/api/v1/namespaces", json!({ "metadata": { "name": name } })).await?;
            let binding = json!({
                "metadata": { "name": "loaders" },
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit" },
                "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "loaders" }],
            });
            post(&format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{name}/rolebindings"), binding).await?;
            for standing in 0..STANDING {
                post(&maps(number), map(&format!("standing-{standing}"))).await?;
            }
        }
        let listed = connection.call(Call::bare("GET", maps(0), JSON), &admin).await?;
        let listed: Value = serde_json::from_slice(&listed)?;
        Ok(listed.pointer("/metadata/resourceVersion").and_then(Value::as_str).ok_or("no version")?.to_owned())
    }

    /// Writes the last object of each namespace, by which watchers know the end; its name.
    pub(crate) async fn finish(&self) -> Result<String, Failure> {
        let connection = Connection::open(&self.target).await?;
        for number in 0..NAMESPACES {
            let body = map("the-end").to_string().into_bytes();
            let call = Call { method: "POST", path: maps(number), accept: JSON, content_type: JSON, body };
            connection.call(call, &self.user(0)).await?;
        }
        Ok("the-end".to_owned())
    }

    /// What the process takes now.
    pub(crate) fn show_memory(&self, when: &str) -> Result<(), Failure> {
        let proc = PathBuf::from(format!("/proc/{}", self.process));
        let status = std::fs::read_to_string(proc.join("status"))?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or_default()
        };
        let stat = std::fs::read_to_string(proc.join("stat"))?;
        let ticks: u32 = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .skip(11)
            .take(2)
            .flat_map(str::parse::<u32>)
            .sum();
        let (rss, own, time) = (kib("VmRSS") / 1024.0, kib("RssAnon") / 1024.0, f64::from(ticks) / 100.0);
        println!("{when:18} {rss:8.1} MiB {own:21.1} MiB {time:25.2} s");
        Ok(())
    }

    /// Stops the process.
    pub(crate) fn stop(&self) -> Result<(), Failure> {
        let mut child = self.child.lock().map_err(|_| "poisoned")?;
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)?;
        child.wait()?;
        Ok(())
    }

    fn bearer(&self, keys: &Credentials) -> Result<(&'static str, String), Failure> {
        let url = token::presigned_url(
            &format!("http://{}", self.api),
            &"us-east-1".parse()?,
            "demo",
            keys,
            Timestamp::now(),
        )?;
        Ok(("authorization", format!("Bearer {}", token::build(&url))))
    }

    async fn iam(&self, keys: &Credentials, parameters: &[(&str, &str)]) -> Result<String, Failure> {
        let pairs = parameters.iter().chain(&[("Version", "2010-05-08")]);
        let body = pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
        self.signed(keys, "iam", "/", "application/x-www-form-urlencoded", body).await
    }

    /// A POST to the API port.
    async fn signed(
        &self,
        keys: &Credentials,
        service: &str,
        path: &str,
        content_type: &str,
        body: String,
    ) -> Result<String, Failure> {
        let headers = [("host", self.api.as_bytes()), ("content-type", content_type.as_bytes())];
        let parts = RequestParts { method: "POST", path, query: "", headers: &headers };
        let scope = Scope { region: "us-east-1", service };
        let signed = sign(&parts, keys, scope, PayloadHash::of(body.as_bytes()), Timestamp::now())?;
        let mut request = format!("POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.api);
        for (name, value) in signed {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
        let mut stream = TcpStream::connect(&self.api).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        if answer.starts_with("HTTP/1.1 200") { Ok(answer) } else { Err(answer.into()) }
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        if let Ok(child) = self.child.get_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn keys(access_key_id: String, secret: String) -> Credentials {
    Credentials { access_key_id, secret: SecretKey::new(secret), session_token: None }
}

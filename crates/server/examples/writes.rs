//! How many durable EKS API writes a second: `cargo run --release -p entryway-server --example writes -- [CONNECTIONS] [WRITES]`.
//!
//! Starts a control plane in a temporary folder and tags access entries over loopback, each connection its own entry,
//! each write signed, authorized, committed to disk with its audit record, and in force before it is answered.

use std::error::Error;
use std::io::{self, Write};
use std::time::Instant;

use entryway_iam::sigv4::{PayloadHash, RequestParts, Scope, sign, uri_encode};
use entryway_iam::{Credentials, SecretKey};
use entryway_server::{Retention, ServerConfig, read_admin_file, start};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

type Failure = Box<dyn Error + Send + Sync>;

/// One connection, kept open.
struct Client {
    stream: BufReader<TcpStream>,
    host: String,
    credentials: Credentials,
}

impl Client {
    async fn call(&mut self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        let body = body.to_string();
        let headers: [(&str, &[u8]); 2] = [("host", self.host.as_bytes()), ("content-type", b"application/json")];
        let parts = RequestParts { method, path, query: "", headers: &headers };
        let scope = Scope { region: "us-east-1", service: "eks" };
        let signed = sign(&parts, &self.credentials, scope, PayloadHash::of(body.as_bytes()), Timestamp::now())?;
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n", self.host);
        for (name, value) in signed {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        self.stream.write_all(request.as_bytes()).await?;
        let (mut length, mut status, mut line) = (0, String::new(), String::new());
        while self.stream.read_line(&mut line).await? > 0 && line != "\r\n" {
            if status.is_empty() {
                status.clone_from(&line);
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            line.clear();
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).await?;
        if !status.starts_with("HTTP/1.1 200") {
            return Err(format!("{} {}", status.trim(), String::from_utf8_lossy(&answer)).into());
        }
        Ok(serde_json::from_slice(&answer)?)
    }
}

async fn measure(connections: usize, writes: usize) -> Result<(), Failure> {
    let data = tempfile::tempdir()?;
    let began = Instant::now();
    let running = start(ServerConfig {
        data: data.path().to_owned(),
        listen: "127.0.0.1:0".parse()?,
        region: "us-east-1".parse()?,
        account: "111122223333".parse()?,
        clusters: vec!["demo".parse()?],
        public_hosts: Vec::new(),
        cluster_ports: ServerConfig::CLUSTER_PORTS,
        allow_remote: false,
        audit: Retention::default(),
    })
    .await?;
    writeln!(io::stdout(), "ready after {:?}", began.elapsed())?;
    let admin = read_admin_file(data.path()).ok_or("no admin.json")?;
    let host = running.info().api.trim_start_matches("http://").to_owned();
    let mut clients = Vec::new();
    for n in 0..connections {
        let stream = TcpStream::connect(&host).await?;
        stream.set_nodelay(true)?;
        let credentials = Credentials {
            access_key_id: admin.access_key_id.clone(),
            secret: SecretKey::new(admin.secret_access_key.clone()),
            session_token: None,
        };
        let mut client = Client { stream: BufReader::new(stream), host: host.clone(), credentials };
        let principal = format!("arn:aws:iam::444455556666:role/r{n}");
        client.call("POST", "/clusters/demo/access-entries", &json!({ "principalArn": principal })).await?;
        let entry = format!("/clusters/demo/access-entries/{}", uri_encode(&principal));
        clients.push((client, entry));
    }
    let each = writes / connections.max(1);
    let began = Instant::now();
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|(mut client, entry)| {
            tokio::spawn(async move {
                for n in 0..each {
                    client.call("POST", &entry, &json!({ "kubernetesGroups": [format!("g{n}")] })).await?;
                }
                Ok::<_, Failure>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let seconds = began.elapsed().as_secs_f64();
    let done = each * connections;
    #[allow(clippy::cast_precision_loss)]
    let rate = done as f64 / seconds;
    writeln!(io::stdout(), "{done} writes over {connections} connections in {seconds:.2} s: {rate:.0} a second")?;
    running.shutdown().await;
    Ok(())
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let connections = arguments.next().map_or(Ok(16), |n| n.parse())?;
    let writes = arguments.next().map_or(Ok(20_000), |n| n.parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure(connections, writes))
}

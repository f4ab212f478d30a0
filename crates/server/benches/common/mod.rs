//! What the benches share: a control plane's configuration, and a client of one connection.

#![expect(unreachable_pub, reason = "each bench is a program of its own and has no crate that it is part of")]

use std::error::Error;
use std::path::PathBuf;

use entryway_iam::sigv4::{PayloadHash, RequestParts, Scope, sign};
use entryway_iam::{Credentials, SecretKey};
use entryway_server::{Retention, Running, ServerConfig, read_admin_file};
use jiff::Timestamp;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub type Failure = Box<dyn Error + Send + Sync>;

/// A control plane with one cluster, on free ports.
pub fn config(data: PathBuf) -> Result<ServerConfig, Failure> {
    Ok(ServerConfig {
        data,
        listen: "127.0.0.1:0".parse()?,
        region: "us-east-1".parse()?,
        account: "111122223333".parse()?,
        clusters: vec!["demo".parse()?],
        public_hosts: Vec::new(),
        cluster_ports: ServerConfig::CLUSTER_PORTS,
        allow_remote: false,
        audit: Retention::default(),
    })
}

/// One connection, kept open.
pub struct Client {
    stream: BufReader<TcpStream>,
    host: String,
    pub credentials: Credentials,
}

/// An answer.
pub struct Answer {
    pub status: String,
    /// The value of `set-cookie`, up to its first semicolon.
    pub cookie: String,
    pub body: Vec<u8>,
}

impl Client {
    /// With the keys of the administrator.
    pub async fn of_admin(running: &Running) -> Result<Client, Failure> {
        let admin = read_admin_file(&running.info().data).ok_or("no admin.json")?;
        let host = running.info().api.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&host).await?;
        stream.set_nodelay(true)?;
        let credentials = Credentials {
            access_key_id: admin.access_key_id,
            secret: SecretKey::new(admin.secret_access_key),
            session_token: None,
        };
        Ok(Client { stream: BufReader::new(stream), host, credentials })
    }

    /// Sends a request as it is.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: &str,
    ) -> Result<Answer, Failure> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.host);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        self.stream.write_all(request.as_bytes()).await?;
        let mut answer = Answer { status: String::new(), cookie: String::new(), body: Vec::new() };
        let (mut length, mut line) = (0, String::new());
        while self.stream.read_line(&mut line).await? > 0 && line != "\r\n" {
            match line.split_once(':') {
                _ if answer.status.is_empty() => line.trim().clone_into(&mut answer.status),
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse()?,
                Some((name, value)) if name.eq_ignore_ascii_case("set-cookie") => {
                    value.split(';').next().unwrap_or_default().trim().clone_into(&mut answer.cookie);
                }
                Some(_) | None => {}
            }
            line.clear();
        }
        answer.body = vec![0; length];
        self.stream.read_exact(&mut answer.body).await?;
        Ok(answer)
    }

    /// Calls the EKS API, signed.
    pub async fn call(&mut self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        let body = body.to_string();
        let headers: [(&str, &[u8]); 2] = [("host", self.host.as_bytes()), ("content-type", b"application/json")];
        let parts = RequestParts { method, path, query: "", headers: &headers };
        let scope = Scope { region: "us-east-1", service: "eks" };
        let signed = sign(&parts, &self.credentials, scope, PayloadHash::of(body.as_bytes()), Timestamp::now())?;
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        headers.extend(signed.into_iter().map(|(name, value)| (name.to_string(), value)));
        let answer = self.send(method, path, &headers, &body).await?;
        if !answer.status.starts_with("HTTP/1.1 200") {
            return Err(format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)).into());
        }
        Ok(serde_json::from_slice(&answer.body)?)
    }
}

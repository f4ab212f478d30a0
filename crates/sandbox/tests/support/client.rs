//! Requests to a router without a network.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use futures::StreamExt;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

#[derive(Clone)]
pub struct Client {
    router: Router,
    headers: Vec<(String, String)>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }
    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }
    /// The JSON of an answer that must have this status.
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        if self.body.is_empty() { Value::Null } else { self.json() }
    }
}

impl Client {
    /// Without credentials.
    pub fn new(router: Router) -> Self {
        Self { router, headers: Vec::new() }
    }
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut next = self.clone();
        next.headers.retain(|(own, _)| own != name);
        next.headers.push((name.into(), value.into()));
        next
    }
    pub fn token(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }
    pub fn as_user(&self, user: &str) -> Self {
        self.with("impersonate-user", user)
    }

    async fn call(&self, method: &str, path: &str, body: Body) -> axum::http::Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap()
    }

    pub async fn raw(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        let response = self.call(method, path, body.into()).await;
        let (parts, body) = response.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
    }
    pub async fn get(&self, path: &str) -> Answer {
        self.raw("GET", path, Body::empty()).await
    }
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.raw("POST", path, body.to_string()).await
    }
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.raw("PUT", path, body.to_string()).await
    }
    pub async fn merge(&self, path: &str, body: Value) -> Answer {
        self.with("content-type", "application/merge-patch+json").raw("PATCH", path, body.to_string()).await
    }
    pub async fn delete(&self, path: &str) -> Answer {
        self.raw("DELETE", path, Body::empty()).await
    }

    /// Opens a watch.
    pub async fn watch(&self, path: &str) -> Events {
        let response = self.call("GET", path, Body::empty()).await;
        assert_eq!(response.status(), 200);
        Events { chunks: response.into_body().into_data_stream(), text: Vec::new() }
    }
}

pub struct Events {
    chunks: axum::body::BodyDataStream,
    text: Vec<u8>,
}

impl Events {
    /// The next event; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.text.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let within = std::time::Duration::from_secs(20);
            let chunk = tokio::time::timeout(within, self.chunks.next()).await.expect("an event in time")?;
            self.text.extend_from_slice(&chunk.unwrap());
        }
    }
    /// The next event as `TYPE name`.
    pub async fn line(&mut self) -> String {
        match self.next().await {
            None => "END".into(),
            Some(event) => format!(
                "{} {}",
                event["type"].as_str().unwrap(),
                event["object"]["metadata"]["name"]
                    .as_str()
                    .or(event["object"]["message"].as_str())
                    .unwrap_or_default()
            ),
        }
    }
}

//! Serves a sandbox cluster from memory over plain HTTP on a free port of this machine, and writes a kubeconfig for
//! an administrator: `cargo run -p entryway-sandbox --example plain -- KUBECONFIG`. For the fidelity script and for
//! trying clients; it ends when its input ends.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::Read;

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};

/// kubectl sends no token over plain HTTP, so whoever comes without one is the administrator here.
async fn as_administrator(mut request: Request, next: Next) -> axum::response::Response {
    let token = HeaderValue::from_str(&format!("Bearer {}", support::ADMIN)).unwrap();
    request.headers_mut().entry(header::AUTHORIZATION).or_insert(token);
    next.run(request).await
}

#[tokio::main]
async fn main() {
    let file = std::env::args().nth(1).expect("the path of the kubeconfig to write");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = listener.local_addr().unwrap().to_string();
    let began = std::time::Instant::now();
    let cluster = support::start(&endpoint).await;
    let config = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "plain",
        "clusters": [{"name": "plain", "cluster": {"server": format!("http://{endpoint}")}}],
        "contexts": [{"name": "plain", "context": {"cluster": "plain", "user": ""}}],
    });
    std::fs::write(&file, config.to_string()).unwrap();
    println!("http://{endpoint} after {:?}", began.elapsed());
    let router = cluster.sandbox.router().layer(from_fn(as_administrator));
    tokio::spawn(async move { axum::serve(listener, router).await });
    // End of input is the way to end it: no signal is needed, and nothing is left behind.
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
    cluster.sandbox.shutdown().await;
}

//! Serves a sandbox cluster from memory on a free port of this machine, and writes a kubeconfig for an administrator:
//! `cargo run -p entryway-sandbox --example memory -- KUBECONFIG`. For the fidelity script and for trying clients; it
//! ends when its input ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::Read;
use std::sync::Arc;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

#[tokio::main]
async fn main() {
    let file = std::env::args().nth(1).expect("the path of the kubeconfig to write");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = listener.local_addr().unwrap().to_string();
    let began = std::time::Instant::now();
    let cluster = support::start(&endpoint).await;
    let (acceptor, certificate) = tls();
    let config = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "memory",
        "clusters": [{"name": "memory", "cluster": {
            "server": format!("https://{endpoint}"), "certificate-authority-data": certificate,
        }}],
        "users": [{"name": "memory", "user": {"token": support::ADMIN}}],
        "contexts": [{"name": "memory", "context": {"cluster": "memory", "user": "memory"}}],
    });
    std::fs::write(&file, config.to_string()).unwrap();
    println!("https://{endpoint} after {:?}", began.elapsed());
    tokio::spawn(serve(listener, acceptor, cluster.sandbox.router()));
    // End of input is the way to end it: no signal is needed, and nothing is left behind.
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
    cluster.sandbox.shutdown().await;
}

/// A certificate of this run alone, and what speaks TLS with it.
fn tls() -> (TlsAcceptor, String) {
    use base64::Engine;
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let certificate = base64::engine::general_purpose::STANDARD.encode(made.cert.pem());
    (TlsAcceptor::from(Arc::new(config)), certificate)
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, router: axum::Router) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let (acceptor, router) = (acceptor.clone(), router.clone());
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = TowerToHyperService::new(router);
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

//! HTTP/2 over TLS, as client-go speaks it.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::Failure;

/// A cluster's endpoint.
#[derive(Clone)]
pub(crate) struct Target {
    address: String,
    tls: TlsConnector,
}

impl Target {
    /// `authority` is the PEM that the endpoint's certificate is trusted by.
    pub(crate) fn new(endpoint: &str, authority: &str) -> Result<Target, Failure> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes())?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let address = endpoint.strip_prefix("https://").ok_or("no https endpoint")?.to_owned();
        Ok(Target { address, tls: TlsConnector::from(Arc::new(config)) })
    }
}

/// Who asks: headers.
#[derive(Debug, Clone)]
pub(crate) struct User(pub(crate) Vec<(&'static str, String)>);

/// A request to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) accept: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Call {
    /// Without a body.
    pub(crate) fn bare(method: &'static str, path: String, accept: &'static str) -> Call {
        Call { method, path, accept, content_type: "", body: Vec::new() }
    }
}

/// A connection, kept open. Clones share it.
#[derive(Clone)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    address: String,
}

impl Connection {
    pub(crate) async fn open(target: &Target) -> Result<Connection, Failure> {
        let stream = TcpStream::connect(&target.address).await?;
        stream.set_nodelay(true)?;
        let stream = target.tls.connect(ServerName::try_from("127.0.0.1")?, stream).await?;
        let mut builder = http2::Builder::new(TokioExecutor::new());
        // Go's windows.
        builder.initial_stream_window_size(4 << 20).initial_connection_window_size(1 << 30);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Connection { sender, address: target.address.clone() })
    }

    /// Sends; the answer's head and its body as it comes.
    pub(crate) async fn open_call(&self, call: Call, user: &User) -> Result<Response<Incoming>, Failure> {
        let mut sender = self.sender.clone();
        sender.ready().await?;
        let uri = format!("https://{}{}", self.address, call.path);
        let mut request = Request::builder().method(call.method).uri(uri).header("accept", call.accept);
        for (name, value) in &user.0 {
            request = request.header(*name, value);
        }
        if !call.body.is_empty() {
            request = request.header("content-type", call.content_type);
        }
        Ok(sender.send_request(request.body(Full::new(Bytes::from(call.body)))?).await?)
    }

    /// Sends, and reads the whole answer; anything but 2xx is an error.
    pub(crate) async fn call(&self, call: Call, user: &User) -> Result<Bytes, Failure> {
        let what = format!("{} {}", call.method, call.path);
        let response = self.open_call(call, user).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        match status.is_success() {
            true => Ok(body),
            false => Err(format!("{what}: {status} {}", String::from_utf8_lossy(&body)).into()),
        }
    }
}

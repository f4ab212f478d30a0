//! Requests that no SDK crate makes: signed here, sent by the HTTP client of `kube`, whose TLS and proxies are there
//! anyway. (`aws-sdk-iam` for a handful of calls would double the time of a first build.)

use entryway_iam::sigv4::{PayloadHash, RequestParts, Scope, sign};
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use kube::client::Body;

use crate::error::innermost;
use crate::{Aws, LiveError};

/// More than any answer of these calls: a page of a thousand roles with their trust policies.
const LONGEST_ANSWER: usize = 32 << 20;

/// A request to be signed.
pub(crate) struct Call<'a> {
    /// For messages.
    pub(crate) operation: &'static str,
    /// Scheme and authority.
    pub(crate) endpoint: &'a str,
    /// The service and region of the signature.
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Percent-encoded; empty for none.
    pub(crate) query: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) body: String,
}

impl Aws {
    /// Sends a request with these credentials' signature; the answer's status and text.
    pub(crate) async fn signed(&self, call: Call<'_>) -> Result<(StatusCode, String), LiveError> {
        let endpoint = call.endpoint.trim_end_matches('/');
        let setting = |why: String| LiveError::Setting(format!("`{endpoint}` can't be asked: {why}"));
        let url: http::Uri = endpoint.parse().map_err(|error| setting(format!("it is no URL: {error}")))?;
        let host = url.authority().ok_or_else(|| setting("it has no host".to_owned()))?.to_string();
        let headers: [(&str, &[u8]); 2] = [("content-type", call.content_type.as_bytes()), ("host", host.as_bytes())];
        let parts = RequestParts { method: call.method, path: call.path, query: call.query, headers: &headers };
        let scope = Scope { region: call.region, service: call.service };
        let hash = PayloadHash::of(call.body.as_bytes());
        let signed = sign(&parts, &self.credentials(), scope, hash, Timestamp::now())
            .map_err(|error| setting(format!("the request can't be signed: {error}")))?;
        let target = if call.query.is_empty() { call.path.to_owned() } else { format!("{}?{}", call.path, call.query) };
        let mut request = http::Request::builder()
            .method(call.method)
            .uri(target)
            .header("host", &host)
            .header("content-type", call.content_type);
        for (name, value) in signed {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(call.body.into_bytes())).map_err(|error| setting(error.to_string()))?;
        let unreachable =
            |why: String| LiveError::Unreachable { what: format!("{} at {endpoint}", call.operation), why };
        let answer = client(url)?.send(request).await.map_err(|error| unreachable(innermost(&error)))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER)
            .collect()
            .await
            .map_err(|error| unreachable(error.to_string()))?
            .to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

fn client(url: http::Uri) -> Result<kube::Client, LiveError> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let is_tls = url.scheme_str() == Some("https");
    let mut config = kube::Config::new(url);
    if is_tls {
        let proxy = ["HTTPS_PROXY", "https_proxy"].iter().find_map(|name| std::env::var(name).ok());
        config.proxy_url = proxy.and_then(|text| text.parse().ok());
    }
    kube::Client::try_from(config).map_err(|error| LiveError::Setting(format!("no HTTP client: {error}")))
}

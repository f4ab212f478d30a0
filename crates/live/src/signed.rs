//! Requests that no SDK crate makes: signed here, sent by the HTTP client of `kube`, whose TLS and proxies are there
//! anyway. (`aws-sdk-iam` for a handful of calls would double the time of a first build.)

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entryway_iam::sigv4::{PayloadHash, RequestParts, Scope, sign};
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use kube::client::Body;

use crate::error::innermost;
use crate::{Aws, LiveError};

/// More than any answer of these calls: a page of a thousand roles with their trust policies.
const LONGEST_ANSWER: usize = 32 << 20;
/// Between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// What was answered.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    /// The error's name, where the header tells it (`x-amzn-ErrorType`).
    pub(crate) error: Option<String>,
    pub(crate) body: String,
}

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
    /// Sends a request with these credentials' signature. Throttled, it is sent again,
    /// as often and with such pauses as the SDK does it: what is throttled has not happened.
    pub(crate) async fn signed(&self, call: Call<'_>) -> Result<Answered, LiveError> {
        let mut retries = 0;
        loop {
            let answer = self.send_once(&call).await?;
            retries += 1;
            if retries >= self.attempts() || !is_throttled(answer.status, &answer.body) {
                return Ok(answer);
            }
            tokio::time::sleep(pause(retries, rand::random())).await;
        }
    }

    async fn send_once(&self, call: &Call<'_>) -> Result<Answered, LiveError> {
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
        let request =
            request.body(Body::from(call.body.clone().into_bytes())).map_err(|error| setting(error.to_string()))?;
        let unreachable =
            |why: String| LiveError::Unreachable { what: format!("{} at {endpoint}", call.operation), why };
        let answer = self.senders.to(url)?.send(request).await.map_err(|error| unreachable(innermost(&error)))?;
        let status = answer.status();
        // `Name:link` in some services.
        let error = answer.headers().get("x-amzn-errortype").and_then(|value| value.to_str().ok());
        let error = error.and_then(|text| text.split(':').next()).map(str::to_owned);
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER)
            .collect()
            .await
            .map_err(|error| unreachable(error.to_string()))?
            .to_bytes();
        Ok(Answered { status, error, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

/// Whether a service wants fewer calls: 429, or AWS's names for it under another status, in JSON, XML or the header's
/// words.
fn is_throttled(status: StatusCode, body: &str) -> bool {
    let names = ["Throttling", "TooManyRequests", "RequestLimitExceeded", "SlowDown"];
    let is_named = || names.iter().any(|name| body.contains(name));
    status == StatusCode::TOO_MANY_REQUESTS
        || (matches!(status, StatusCode::BAD_REQUEST | StatusCode::SERVICE_UNAVAILABLE) && is_named())
}

/// The pause before a retry (the first is 1): a random part, from 0 to 1, of 1, 2, 4, … seconds, 20 at most.
fn pause(retry: u32, part: f64) -> Duration {
    let most = Duration::from_secs(1 << (retry - 1).min(5)).min(LONGEST_PAUSE);
    most.mul_f64(part)
}

/// The HTTP client of each endpoint, made once: its connections are used again.
#[derive(Clone, Default)]
pub(crate) struct Senders(Arc<Mutex<BTreeMap<String, kube::Client>>>);

impl std::fmt::Debug for Senders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Senders(…)")
    }
}

impl Senders {
    fn to(&self, url: http::Uri) -> Result<kube::Client, LiveError> {
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match senders.entry(url.to_string()) {
            Entry::Occupied(known) => Ok(known.get().clone()),
            Entry::Vacant(place) => Ok(place.insert(client(url)?).clone()),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_again() {
        let [bad, unavailable] = [StatusCode::BAD_REQUEST, StatusCode::SERVICE_UNAVAILABLE];
        assert!(is_throttled(StatusCode::TOO_MANY_REQUESTS, ""));
        assert!(is_throttled(bad, "<Error><Code>Throttling</Code></Error>"));
        assert!(is_throttled(bad, r#"{"__type":"ThrottlingException"}"#) && is_throttled(unavailable, "SlowDown"));
        for (status, body) in [(bad, "<Code>ValidationError</Code>"), (StatusCode::OK, "Throttling"), (unavailable, "")]
        {
            assert!(!is_throttled(status, body), "{status} {body}");
        }
    }

    #[test]
    fn pauses_grow_and_end() {
        let most: Vec<u64> = (1..=8).map(|retry| pause(retry, 1.0).as_secs()).collect();
        assert_eq!(most, [1, 2, 4, 8, 16, 20, 20, 20]);
        assert_eq!(pause(3, 0.25), Duration::from_secs(1));
    }
}

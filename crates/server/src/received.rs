//! A request as it came, before anything in it is believed.

use std::net::IpAddr;

use axum::http::request::Parts;
use bytes::Bytes;
use entryway_iam::sigv4::RequestParts;

/// A request with its body. Nothing is decoded or normalised.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// `x-amzn-RequestId` of the answer, and `requestID` of the audit record.
    pub(crate) id: String,
    pub(crate) method: String,
    /// Up to `?`.
    pub(crate) path: String,
    /// After `?`, empty for none.
    pub(crate) query: String,
    /// With `host`, also where HTTP/2 has none.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Bytes,
    /// The other end of the connection.
    pub(crate) peer: IpAddr,
}

impl Received {
    pub(crate) fn new(head: &Parts, body: Bytes, peer: IpAddr) -> Self {
        let mut headers: Vec<(String, Vec<u8>)> =
            head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
        if let Some(authority) = head.uri.authority()
            && !head.headers.contains_key("host")
        {
            headers.push(("host".to_owned(), authority.as_str().as_bytes().to_vec()));
        }
        Received {
            id: uuid::Uuid::new_v4().to_string(),
            method: head.method.as_str().to_owned(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers,
            body,
            peer,
        }
    }

    /// The first value of a header, as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// `userAgent` of audit records, bounded.
    pub(crate) fn user_agent(&self) -> &str {
        let agent = self.header("user-agent").unwrap_or_default();
        agent.get(..agent.floor_char_boundary(512)).unwrap_or_default()
    }

    /// Whether the body is a form, as the query protocol has it.
    pub(crate) fn is_form(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
    }

    /// The query string without the parameters of a presigned request: they are no parameters of the call, and no
    /// record may hold a signature.
    pub(crate) fn own_query(&self) -> String {
        let kept = self.query.split('&').filter(|part| {
            let name = part.split('=').next().unwrap_or_default();
            !name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"))
        });
        kept.collect::<Vec<_>>().join("&")
    }

    /// For checking the signature.
    pub(crate) fn with_parts<T>(&self, path: &str, use_parts: impl FnOnce(&RequestParts<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        use_parts(&RequestParts { method: &self.method, path, query: &self.query, headers: &headers })
    }
}

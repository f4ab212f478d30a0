//! AWS Signature Version 4, for the services that Entryway answers as: `eks`, `sts` and `iam`.
//!
//! [`Authorization::parse`] finds what a request claims (the `Authorization` header, or the query parameters of a
//! presigned URL); [`Authorization::verify`] checks the claim against the caller's secret; [`sign`] and [`presign`]
//! are the client's side. Every path is canonicalised the way of all services but S3 (normalised, and encoded once
//! more than it came), the payload is always signed: `UNSIGNED-PAYLOAD` is S3's, and refused here.
//!
//! Not done: SigV4a, chunked signing, S3's path rules.

mod authorization;
mod canonical;
mod date;
mod error;
mod query;
mod sign;
mod verify;

pub use authorization::{Authorization, Form};
pub use date::{format_amz_date, parse_amz_date};
pub use error::SigV4Error;
pub use query::{QueryError, decode_query, encode as uri_encode};
pub use sign::{Scope, presign, sign};
pub use verify::{PayloadHash, PresignedLifetime, Rules};
pub(crate) use verify::{SKEW, STS_LIFETIME};

/// A request as it was received. Nothing may be decoded or normalised before it comes here.
#[derive(Debug, Clone, Copy)]
pub struct RequestParts<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The path with its percent-encoding, up to `?`.
    pub path: &'a str,
    /// What stands after `?`, as it came; empty for none.
    pub query: &'a str,
    /// All headers in the order they came, names in any case. With HTTP/2 the caller adds `host` from `:authority`.
    pub headers: &'a [(&'a str, &'a [u8])],
}

impl<'a> RequestParts<'a> {
    /// The values of a header, name in any case.
    pub fn header(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

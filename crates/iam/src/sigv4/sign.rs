//! The client's side: signing requests.

use jiff::{SignedDuration, Timestamp};

use super::{PayloadHash, RequestParts};
use crate::Credentials;

/// What a signature is good for, besides its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// Such as `us-east-1`.
    pub region: &'a str,
    /// Such as `sts`.
    pub service: &'a str,
}

/// Signs a request by headers: gives the headers to add to it (`x-amz-date`, `x-amz-security-token` for a session,
/// `authorization`). All headers of `request` are signed, so it holds those that are not to change on the way,
/// `host` among them.
pub fn sign(
    request: &RequestParts<'_>,
    credentials: &Credentials,
    scope: Scope<'_>,
    payload: PayloadHash,
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let _ = (request, credentials, scope, payload, now);
    todo!()
}

/// Signs a request with an empty body by its query: gives the whole query string, signature included. All headers
/// of `request` are signed and have to be sent with it.
pub fn presign(
    request: &RequestParts<'_>,
    credentials: &Credentials,
    scope: Scope<'_>,
    expires: SignedDuration,
    now: Timestamp,
) -> String {
    let _ = (request, credentials, scope, expires, now);
    todo!()
}

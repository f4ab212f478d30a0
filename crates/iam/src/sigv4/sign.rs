//! The client's side: signing requests.

use jiff::{SignedDuration, Timestamp};

use super::canonical::{ALGORITHM, canonical_request, credential_scope, signature};
use super::query::{QueryError, encode};
use super::{PayloadHash, RequestParts, format_amz_date};
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
/// `host` among them. The error is a query that does not parse.
pub fn sign(
    request: &RequestParts<'_>,
    credentials: &Credentials,
    scope: Scope<'_>,
    payload: PayloadHash,
    now: Timestamp,
) -> Result<Vec<(&'static str, String)>, QueryError> {
    let time = format_amz_date(now);
    let mut added = vec![("x-amz-date", time.clone())];
    if let Some(token) = &credentials.session_token {
        added.push(("x-amz-security-token", token.expose().to_owned()));
    }
    let mut headers = request.headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
    let names = header_names(&headers);
    let canonical = canonical_request(&RequestParts { headers: &headers, ..*request }, &names, payload)?;
    let value = format!(
        "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={}",
        credentials.access_key_id,
        credential_scope(&time, scope),
        names.join(";"),
        signature(&canonical, &credentials.secret, scope, now)
    );
    added.push(("authorization", value));
    Ok(added)
}

/// Signs a request with an empty body by its query: gives the whole query string, signature last. All headers
/// of `request` are signed and have to be sent with it. The error is a query that does not parse.
pub fn presign(
    request: &RequestParts<'_>,
    credentials: &Credentials,
    scope: Scope<'_>,
    expires: SignedDuration,
    now: Timestamp,
) -> Result<String, QueryError> {
    let time = format_amz_date(now);
    let names = header_names(request.headers);
    let credential = format!("{}/{}", credentials.access_key_id, credential_scope(&time, scope));
    let mut query = request.query.to_owned();
    let mut push = |name: &str, value: &str| {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        query.push_str(&encode(value));
    };
    push("X-Amz-Algorithm", ALGORITHM);
    push("X-Amz-Credential", &credential);
    push("X-Amz-Date", &time);
    push("X-Amz-Expires", &expires.as_secs().to_string());
    push("X-Amz-SignedHeaders", &names.join(";"));
    if let Some(token) = &credentials.session_token {
        push("X-Amz-Security-Token", token.expose());
    }
    let canonical = canonical_request(&RequestParts { query: &query, ..*request }, &names, PayloadHash::of(b""))?;
    query.push_str("&X-Amz-Signature=");
    query.push_str(&signature(&canonical, &credentials.secret, scope, now));
    Ok(query)
}

fn header_names(headers: &[(&str, &[u8])]) -> Vec<String> {
    let mut names: Vec<String> = headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

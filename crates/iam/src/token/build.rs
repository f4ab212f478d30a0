//! Making tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entryway_access::Region;
use jiff::{SignedDuration, Timestamp};

use super::url::TokenUrl;
use super::{CLUSTER_HEADER, PREFIX, TokenError};
use crate::Credentials;
use crate::sigv4::{RequestParts, Scope, presign};

/// `X-Amz-Expires` of a token, by convention.
const EXPIRES: SignedDuration = SignedDuration::from_secs(60);

/// A presigned `GetCallerIdentity` URL for a cluster. `endpoint` is scheme and authority, such as
/// `https://sts.us-east-1.amazonaws.com` or `http://127.0.0.1:4780`; a trailing `/` is fine, anything else is
/// [`TokenError::Url`].
pub fn presigned_url(
    endpoint: &str,
    region: &Region,
    cluster: &str,
    credentials: &Credentials,
    now: Timestamp,
) -> Result<String, TokenError> {
    let url = TokenUrl::split(endpoint).filter(|url| matches!(url.path, "" | "/") && url.query.is_empty());
    let url = url.filter(|url| !url.authority.contains('@')).ok_or(TokenError::Url)?;
    let host = url.signed_host();
    let request = RequestParts {
        method: "GET",
        path: "/",
        query: "Action=GetCallerIdentity&Version=2011-06-15",
        headers: &[("host", host.as_bytes()), (CLUSTER_HEADER, cluster.as_bytes())],
    };
    let scope = Scope { region: region.as_str(), service: "sts" };
    let query = presign(&request, credentials, scope, EXPIRES, now).map_err(|_| TokenError::Query)?;
    Ok(format!("{}://{}/?{query}", url.scheme, url.authority))
}

/// The token of a presigned URL.
pub fn build(url: &str) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(url))
}

//! From bytes to what has to be asked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use super::url::TokenUrl;
use super::{CLUSTER_HEADER, MAX_BYTES, PREFIX, Sources, TokenError, TokenRules};
use crate::sigv4::{
    Authorization, PayloadHash, RequestParts, Rules, SKEW, STS_LIFETIME, SigV4Error, decode_query, parse_amz_date,
};
use crate::{Credentials, sts};

/// The parameters that a token's URL may have.
const PARAMETERS: [&str; 9] = [
    "action",
    "version",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];

/// A token that passed all rules short of its signature.
#[derive(Debug, Clone)]
pub enum ParsedToken {
    /// To be verified with the secret of a key that this control plane keeps.
    Local(LocalToken),
    /// To be sent to STS.
    Sts(StsToken),
}

/// A token of a local key. `Debug` shows the key's id alone.
#[derive(Clone)]
pub struct LocalToken {
    access_key_id: String,
    /// As the client signed it: lower case, without the scheme's default port.
    host: String,
    query: String,
    signed_at: Timestamp,
}

/// A token that STS has to judge. `Debug` shows the key's id alone.
#[derive(Clone)]
pub struct StsToken {
    access_key_id: String,
    host: String,
    query: String,
}

/// The request that STS is to be asked. Redirects are not followed, the time-out is 10 seconds, and the body is
/// read up to [`crate::sts::MAX_ANSWER_BYTES`]; [`crate::sts::parse_answer`] reads it. Holds a live token: not
/// for logs, and so without `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct StsRequest {
    /// To be fetched with `GET`.
    pub url: String,
    /// The headers to send besides `host`.
    pub headers: [(&'static str, String); 2],
}

impl std::fmt::Debug for LocalToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalToken").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for StsToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StsToken").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// Checks a token by the rules of `authn.md` §2, in their order, up to where a secret or STS is needed.
/// `is_local_key` says whether an access key id is one that this control plane keeps; it is asked only where it
/// matters.
pub fn parse(
    token: &[u8],
    rules: &TokenRules<'_>,
    is_local_key: impl FnOnce(&str) -> bool,
    now: Timestamp,
) -> Result<ParsedToken, TokenError> {
    let text = decode(token)?;
    let url = TokenUrl::split(&text).ok_or(TokenError::Url)?;
    let takes_local = matches!(rules.sources, Sources::Local | Sources::LocalAndAws);
    let is_local_endpoint = takes_local && rules.local_endpoints.iter().any(|endpoint| url.is_at(endpoint));
    if !is_local_endpoint {
        check_endpoint(&url, rules)?;
    }
    if url.path != "/" {
        return Err(TokenError::Path);
    }
    let Claims { access_key_id, signed_at } = check_query(url.query, now)?;
    let query = url.query.to_owned();
    if is_local_endpoint || (takes_local && is_local_key(&access_key_id)) {
        return Ok(ParsedToken::Local(LocalToken { access_key_id, host: url.signed_host(), query, signed_at }));
    }
    match rules.sources {
        Sources::Local => Err(TokenError::UnknownKey),
        Sources::Aws | Sources::LocalAndAws => {
            Ok(ParsedToken::Sts(StsToken { access_key_id, host: url.authority.to_owned(), query }))
        }
    }
}

/// Rules 1 to 3.
fn decode(token: &[u8]) -> Result<String, TokenError> {
    if token.len() > MAX_BYTES {
        return Err(TokenError::TooLong);
    }
    let encoded = token.strip_prefix(PREFIX.as_bytes()).ok_or(TokenError::Prefix)?;
    let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenError::Base64)?;
    String::from_utf8(bytes).map_err(|_| TokenError::Url)
}

/// Rules 5 and 6.
fn check_endpoint(url: &TokenUrl<'_>, rules: &TokenRules<'_>) -> Result<(), TokenError> {
    if !url.scheme.eq_ignore_ascii_case("https") {
        return Err(TokenError::Scheme);
    }
    if url.authority.contains('@') {
        return Err(TokenError::UserInfo);
    }
    if url.authority.contains(':') {
        return Err(TokenError::Port);
    }
    if sts::is_endpoint(url.authority, rules.partition) { Ok(()) } else { Err(TokenError::Host(rules.partition)) }
}

struct Claims {
    access_key_id: String,
    signed_at: Timestamp,
}

/// Rules 8 to 13, and the access key id.
fn check_query(query: &str, now: Timestamp) -> Result<Claims, TokenError> {
    // Parsers differ on `;`: here it separates nothing and is refused.
    if query.contains(';') {
        return Err(TokenError::Query);
    }
    let pairs = decode_query(query).map_err(|_| TokenError::Query)?;
    let known = |name: &str| PARAMETERS.into_iter().find(|known| known.eq_ignore_ascii_case(name));
    for (index, (name, _)) in pairs.iter().enumerate() {
        if pairs.iter().skip(index + 1).any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            return Err(TokenError::DuplicateParameter);
        }
    }
    if pairs.iter().any(|(name, _)| known(name).is_none()) {
        return Err(TokenError::UnknownParameter);
    }
    let get = |wanted: &str| pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, v)| v.as_str());
    if get("action") != Some("GetCallerIdentity") {
        return Err(TokenError::Action);
    }
    let signed_headers = get("x-amz-signedheaders").unwrap_or_default();
    if !signed_headers.split(';').any(|name| name.eq_ignore_ascii_case(CLUSTER_HEADER)) {
        return Err(TokenError::ClusterNotSigned);
    }
    let expires = get("x-amz-expires").and_then(|text| text.parse::<i64>().ok());
    if !expires.is_some_and(|seconds| (0..=900).contains(&seconds)) {
        return Err(TokenError::Expires);
    }
    let signed_at = get("x-amz-date").and_then(parse_amz_date).ok_or(TokenError::Date)?;
    check_age(signed_at, now)?;
    let access_key_id = get("x-amz-credential").and_then(|text| text.split('/').next()).filter(|id| !id.is_empty());
    Ok(Claims { access_key_id: access_key_id.ok_or(TokenError::Credential)?.to_owned(), signed_at })
}

fn check_age(signed_at: Timestamp, now: Timestamp) -> Result<(), TokenError> {
    let age = now.duration_since(signed_at);
    if age > STS_LIFETIME { Err(TokenError::Expired { minutes: age.as_secs() / 60 }) } else { Ok(()) }
}

impl LocalToken {
    /// The key whose credentials [`LocalToken::verify`] needs.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// Checks the signature: made with these credentials, for this cluster (`x-k8s-aws-id`), for the host in the
    /// URL, within 15 minutes of `now`. Whether the session is over is the caller's to know.
    pub fn verify(&self, credentials: &Credentials, cluster: &str, now: Timestamp) -> Result<(), TokenError> {
        check_age(self.signed_at, now)?;
        if self.signed_at.duration_since(now) > SKEW {
            return Err(TokenError::FromTheFuture);
        }
        let headers: [(&str, &[u8]); 3] =
            [("host", self.host.as_bytes()), (CLUSTER_HEADER, cluster.as_bytes()), ("accept", ACCEPT.as_bytes())];
        let request = RequestParts { method: "GET", path: "/", query: &self.query, headers: &headers };
        let claim = Authorization::parse(&request)?.ok_or(SigV4Error::MissingAuthentication)?;
        if claim.service() != "sts" {
            return Err(SigV4Error::Scope("Credential should be scoped to correct service: 'sts'.".into()).into());
        }
        Ok(claim.verify(&request, credentials, PayloadHash::of(b""), now, &Rules::STS)?)
    }
}

const ACCEPT: &str = "application/json";

impl StsToken {
    /// The key that the token says it was signed with; STS tells whether that is so.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// What to ask of STS so that only a token for this cluster is answered.
    pub fn request(&self, cluster: &str) -> StsRequest {
        StsRequest {
            url: format!("https://{}/?{}", self.host, self.query),
            headers: [(CLUSTER_HEADER, cluster.to_owned()), ("accept", ACCEPT.to_owned())],
        }
    }
}

//! What a request claims about who signed it.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::canonical::{ALGORITHM, TERMINATOR};
use super::query::decode_query;
use super::{RequestParts, SigV4Error, parse_amz_date};
use crate::SecretKey;

/// Where the signature travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In the `Authorization` header.
    Header,
    /// In the query parameters of a presigned URL.
    Presigned {
        /// `X-Amz-Expires`: up to 7 days, counted from the time of signing.
        expires: SignedDuration,
    },
}

/// A parsed but not yet verified signature. `Debug` shows neither the signature nor the session token.
#[derive(Clone)]
pub struct Authorization {
    access_key_id: String,
    /// `YYYYMMDD` of the credential scope.
    pub(super) scope_date: String,
    region: String,
    service: String,
    /// INVARIANT (signed headers): lower case, ascending, none twice; canonical requests lean on it.
    signed_headers: Vec<String>,
    /// As it came; only a constant-time comparison looks at it.
    pub(super) signature: String,
    signed_at: Timestamp,
    session_token: Option<SecretKey>,
    form: Form,
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization")
            .field("access_key_id", &self.access_key_id)
            .field("region", &self.region)
            .field("service", &self.service)
            .field("signed_headers", &self.signed_headers)
            .field("signed_at", &self.signed_at)
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}

impl Authorization {
    /// Finds the signature of a request. `None` when it carries none at all; an error when it carries one that is
    /// not complete or not in SigV4's form, or two.
    pub fn parse(request: &RequestParts<'_>) -> Result<Option<Authorization>, SigV4Error> {
        let header = single_header(request, "authorization")?;
        let presigned = presigned_parameters(request.query)?;
        match (header, presigned) {
            (None, None) => Ok(None),
            (Some(header), None) => from_header(request, header).map(Some),
            (None, Some(parameters)) => from_query(&parameters).map(Some),
            (Some(_), Some(_)) => Err(incomplete(
                "Only one of the Authorization header and the X-Amz-Signature query \
                parameter may be used to sign a request.",
            )),
        }
    }

    /// The key that the request says it was signed with.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }
    /// The region of the credential scope.
    pub fn region(&self) -> &str {
        &self.region
    }
    /// The service of the credential scope: `eks`, `sts`, `iam`, …
    pub fn service(&self) -> &str {
        &self.service
    }
    /// The signed headers' names, lower case, ascending.
    pub fn signed_headers(&self) -> &[String] {
        &self.signed_headers
    }
    /// When it was signed, by the client's clock.
    pub fn signed_at(&self) -> Timestamp {
        self.signed_at
    }
    /// The session token that came with it.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_ref().map(SecretKey::expose)
    }
    /// Header or presigned.
    pub fn form(&self) -> Form {
        self.form
    }
}

fn incomplete(text: impl Into<String>) -> SigV4Error {
    SigV4Error::Incomplete(text.into())
}

/// The value of a header that may come once.
fn single_header<'a>(request: &RequestParts<'a>, name: &str) -> Result<Option<&'a str>, SigV4Error> {
    let mut values = request.header(name);
    let first = values.next();
    if values.next().is_some() {
        return Err(incomplete(format!("The request has more than one '{name}' header.")));
    }
    let text = first.map(std::str::from_utf8).transpose();
    text.map_err(|_| incomplete(format!("The value of the header '{name}' is not valid text.")))
}

fn from_header(request: &RequestParts<'_>, header: &str) -> Result<Authorization, SigV4Error> {
    let header = header.trim();
    let (algorithm, rest) = header.split_once(char::is_whitespace).unwrap_or((header, ""));
    if algorithm != ALGORITHM {
        return Err(incomplete(format!("Unsupported AWS 'algorithm': only '{ALGORITHM}' is supported.")));
    }
    let mut parts = [("Credential", None), ("SignedHeaders", None), ("Signature", None)];
    for part in rest.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let pair = part.split_once('=');
        let slot = pair.and_then(|(name, _)| parts.iter_mut().find(|(known, _)| *known == name));
        match (slot, pair) {
            (Some((_, slot @ None)), Some((_, value))) => *slot = Some(value),
            _ => {
                return Err(incomplete(
                    "Authorization header has a part that is no key=value pair, is unknown, or \
                comes twice.",
                ));
            }
        }
    }
    let [credential, signed_headers, signature] = parts;
    let date = date_of(request)?;
    let mut missing: Vec<String> = [credential, signed_headers, signature]
        .iter()
        .filter(|(_, value)| value.is_none_or(str::is_empty))
        .map(|(name, _)| format!("Authorization header requires '{name}' parameter."))
        .collect();
    if date.is_none() {
        missing.push("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".into());
    }
    let ((_, Some(credential)), (_, Some(signed_headers)), (_, Some(signature)), Some(signed_at), true) =
        (credential, signed_headers, signature, date, missing.is_empty())
    else {
        return Err(incomplete(missing.join(" ")));
    };
    let session_token = single_header(request, "x-amz-security-token")?;
    put_together(credential, signed_headers, signature, signed_at, session_token, Form::Header)
}

/// `x-amz-date`, else `Date` (which may be in either form).
fn date_of(request: &RequestParts<'_>) -> Result<Option<Timestamp>, SigV4Error> {
    let bad = |name: &str| {
        incomplete(format!("Date must be in ISO-8601 'basic format', 'YYYYMMDDTHHMMSSZ': see the header '{name}'."))
    };
    if let Some(text) = single_header(request, "x-amz-date")? {
        return parse_amz_date(text.trim()).map(Some).ok_or_else(|| bad("X-Amz-Date"));
    }
    let Some(text) = single_header(request, "date")?.map(str::trim) else { return Ok(None) };
    let rfc = || jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
    parse_amz_date(text).or_else(rfc).map(Some).ok_or_else(|| bad("Date"))
}

/// The SigV4 parameters of a query, by their names in lower case; `None` where the query has no signature.
/// A query that does not parse is left to whoever reads it, but then it has no signature that could verify.
fn presigned_parameters(query: &str) -> Result<Option<Vec<(String, String)>>, SigV4Error> {
    let Ok(pairs) = decode_query(query) else { return Ok(None) };
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in pairs {
        let name = name.to_ascii_lowercase();
        if !PRESIGNED.contains(&name.as_str()) {
            continue;
        }
        if found.iter().any(|(other, _)| *other == name) {
            return Err(incomplete(format!("The query parameter '{name}' comes more than once.")));
        }
        found.push((name, value));
    }
    let signed = found.iter().any(|(name, _)| name == "x-amz-signature" || name == "x-amz-algorithm");
    Ok(signed.then_some(found))
}

const PRESIGNED: [&str; 7] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];
/// Seven days, in seconds: the longest life of a presigned URL.
const MAX_EXPIRES: i64 = 604_800;

fn from_query(parameters: &[(String, String)]) -> Result<Authorization, SigV4Error> {
    let get = |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let require = |wanted: &str, label: &str| {
        get(wanted)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| incomplete(format!("AWS query-string parameters must include '{label}'.")))
    };
    if require("x-amz-algorithm", "X-Amz-Algorithm")? != ALGORITHM {
        return Err(incomplete(format!("Unsupported AWS 'algorithm': only '{ALGORITHM}' is supported.")));
    }
    let credential = require("x-amz-credential", "X-Amz-Credential")?;
    let signature = require("x-amz-signature", "X-Amz-Signature")?;
    let signed_headers = require("x-amz-signedheaders", "X-Amz-SignedHeaders")?;
    let signed_at = parse_amz_date(require("x-amz-date", "X-Amz-Date")?)
        .ok_or_else(|| incomplete("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""))?;
    let expires = require("x-amz-expires", "X-Amz-Expires")?;
    let expires = expires
        .parse::<i64>()
        .ok()
        .filter(|seconds| (0..=MAX_EXPIRES).contains(seconds))
        .ok_or_else(|| incomplete(format!("X-Amz-Expires must be a number of seconds, at most {MAX_EXPIRES}.")))?;
    let form = Form::Presigned { expires: SignedDuration::from_secs(expires) };
    put_together(credential, signed_headers, signature, signed_at, get("x-amz-security-token"), form)
}

fn put_together(
    credential: &str,
    signed_headers: &str,
    signature: &str,
    signed_at: Timestamp,
    session_token: Option<&str>,
    form: Form,
) -> Result<Authorization, SigV4Error> {
    let parts: Vec<&str> = credential.split('/').collect();
    let [access_key_id, scope_date, region, service, terminator] = parts.as_slice() else {
        return Err(incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term",
        ));
    };
    // Names that go into messages and look-ups: nothing but what AWS's own are made of.
    let plain = |text: &str| {
        (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    if ![access_key_id, scope_date, region, service].into_iter().all(|part| plain(part)) {
        return Err(incomplete("Credential has an element that is empty, too long or of other characters than it may"));
    }
    if *terminator != TERMINATOR {
        return Err(SigV4Error::Scope(format!("Credential should be scoped with a valid terminator: '{TERMINATOR}'.")));
    }
    let mut names: Vec<String> = signed_headers.split(';').map(str::to_ascii_lowercase).collect();
    names.sort_unstable();
    if names.iter().any(String::is_empty) || names.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(incomplete(
            "SignedHeaders must be header names separated by semicolons, none empty and none twice.",
        ));
    }
    Ok(Authorization {
        access_key_id: (*access_key_id).to_owned(),
        scope_date: (*scope_date).to_owned(),
        region: (*region).to_owned(),
        service: (*service).to_owned(),
        signed_headers: names,
        signature: signature.to_owned(),
        signed_at,
        session_token: session_token.filter(|token| !token.is_empty()).map(SecretKey::new),
        form,
    })
}

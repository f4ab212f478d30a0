//! Checking a signature.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::canonical::{canonical_request, signature};
use super::{Authorization, Form, RequestParts, Scope, SigV4Error, format_amz_date};
use crate::Credentials;

/// How far the clocks of client and server may be apart.
pub(crate) const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// How long STS takes a presigned URL after it was signed, whatever its `X-Amz-Expires` says.
pub(crate) const STS_LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// The SHA-256 of a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadHash([u8; 32]);

impl PayloadHash {
    /// Of a body, whole; an absent body is the empty one.
    pub fn of(body: &[u8]) -> Self {
        PayloadHash(Sha256::digest(body).into())
    }

    fn from_hex(text: &[u8]) -> Option<Self> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash).ok()?;
        Some(PayloadHash(hash))
    }

    /// As canonical requests and `x-amz-content-sha256` have it.
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }
}

/// How long a presigned request lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresignedLifetime {
    /// As long as its `X-Amz-Expires` says (1 second to 7 days).
    AsStated,
    /// So long, whatever `X-Amz-Expires` says: STS's rule (15 minutes), and so that of tokens.
    Fixed(SignedDuration),
}

/// The time rules that a signature is checked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How far the clocks may be apart, either way.
    pub skew: SignedDuration,
    /// The life of presigned requests.
    pub presigned: PresignedLifetime,
}

impl Rules {
    /// For API calls: 5 minutes of skew, presigned requests as they state.
    pub const API: Rules = Rules { skew: SKEW, presigned: PresignedLifetime::AsStated };
    /// For presigned `GetCallerIdentity`, and so for tokens: 15 minutes, as STS takes them.
    pub const STS: Rules = Rules { skew: SKEW, presigned: PresignedLifetime::Fixed(STS_LIFETIME) };
}

impl Authorization {
    /// Checks this claim against the request it came with and the credentials that [`Authorization::access_key_id`]
    /// names. `credentials.session_token` is what the session was given: the request must carry the same one, and
    /// none where there is none. Whether the session is over is the caller's to know ([`SigV4Error::ExpiredToken`]).
    pub fn verify(
        &self,
        request: &RequestParts<'_>,
        credentials: &Credentials,
        payload: PayloadHash,
        now: Timestamp,
        rules: &Rules,
    ) -> Result<(), SigV4Error> {
        self.check_claims(request, credentials)?;
        check_stated_payload(request, payload)?;
        self.check_time(now, rules)?;
        self.check_signature(request, credentials, payload)
    }

    /// Checks what [`Authorization::verify`] would without the body: everything but the signature; that, too, where the
    /// request states its body's hash. What passes still has to be verified with the body.
    pub fn verify_head(
        &self,
        request: &RequestParts<'_>,
        credentials: &Credentials,
        now: Timestamp,
        rules: &Rules,
    ) -> Result<(), SigV4Error> {
        self.check_claims(request, credentials)?;
        let Some(stated) = request.header("x-amz-content-sha256").next() else { return self.check_time(now, rules) };
        let payload = PayloadHash::from_hex(stated.trim_ascii()).ok_or(SigV4Error::Mismatch)?;
        check_stated_payload(request, payload)?;
        self.check_time(now, rules)?;
        self.check_signature(request, credentials, payload)
    }

    /// What the request says of itself, but for time and body.
    fn check_claims(&self, request: &RequestParts<'_>, credentials: &Credentials) -> Result<(), SigV4Error> {
        if self.access_key_id() != credentials.access_key_id {
            return Err(SigV4Error::InvalidToken);
        }
        check_session_token(self.session_token(), credentials)?;
        self.check_scope_date()?;
        self.check_signed_headers(request)?;
        // Normalising would make `/` of anything without a slash in front.
        if !request.path.is_empty() && !request.path.starts_with('/') {
            return Err(SigV4Error::Mismatch);
        }
        Ok(())
    }

    fn check_signature(
        &self,
        request: &RequestParts<'_>,
        credentials: &Credentials,
        payload: PayloadHash,
    ) -> Result<(), SigV4Error> {
        let canonical = canonical_request(request, self.signed_headers(), payload).map_err(|_| SigV4Error::Mismatch)?;
        let scope = Scope { region: self.region(), service: self.service() };
        let expected = signature(&canonical, &credentials.secret, scope, self.signed_at());
        if bool::from(expected.as_bytes().ct_eq(self.signature.as_bytes())) {
            Ok(())
        } else {
            Err(SigV4Error::Mismatch)
        }
    }

    fn check_scope_date(&self) -> Result<(), SigV4Error> {
        let signed = format_amz_date(self.signed_at());
        if signed.get(..8) == Some(&self.scope_date) {
            return Ok(());
        }
        let day = signed.get(..8).unwrap_or_default();
        Err(SigV4Error::Scope(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != \
             '{day}', from '{signed}'.",
            self.scope_date
        )))
    }

    /// `host` and every `x-amz-*` header have to be signed, and every signed header has to be there.
    fn check_signed_headers(&self, request: &RequestParts<'_>) -> Result<(), SigV4Error> {
        let signed = |name: &str| self.signed_headers().iter().any(|other| other == name);
        if !signed("host") {
            return Err(SigV4Error::UnsignedHeader("Host".into()));
        }
        for (name, _) in request.headers {
            let name = name.to_ascii_lowercase();
            if name.starts_with("x-amz-") && !signed(&name) {
                return Err(SigV4Error::UnsignedHeader(name));
            }
        }
        if self.signed_headers().iter().all(|name| request.header(name).next().is_some()) {
            Ok(())
        } else {
            Err(SigV4Error::Mismatch)
        }
    }

    fn check_time(&self, now: Timestamp, rules: &Rules) -> Result<(), SigV4Error> {
        let life = match (self.form(), rules.presigned) {
            (Form::Header, _) => rules.skew,
            (Form::Presigned { expires }, PresignedLifetime::AsStated) => expires,
            (Form::Presigned { .. }, PresignedLifetime::Fixed(life)) => life,
        };
        let signed = self.signed_at();
        let age = now.duration_since(signed);
        if age > life {
            return Err(SigV4Error::Expired {
                signed: format_amz_date(signed),
                earliest: shifted(now, -life),
                now: format_amz_date(now),
                span: span_text(life),
            });
        }
        if age < -rules.skew {
            return Err(SigV4Error::NotYetCurrent {
                signed: format_amz_date(signed),
                latest: shifted(now, rules.skew),
                now: format_amz_date(now),
                span: span_text(rules.skew),
            });
        }
        Ok(())
    }
}

/// The session token is compared without telling by the time it takes where it differs.
fn check_session_token(sent: Option<&str>, credentials: &Credentials) -> Result<(), SigV4Error> {
    let same = match (sent, &credentials.session_token) {
        (None, None) => true,
        (Some(sent), Some(expected)) => bool::from(sent.as_bytes().ct_eq(expected.expose().as_bytes())),
        (None, Some(_)) | (Some(_), None) => false,
    };
    if same { Ok(()) } else { Err(SigV4Error::InvalidToken) }
}

/// A hash that the request states has to be the body's. So `UNSIGNED-PAYLOAD` is refused, which only S3 takes.
fn check_stated_payload(request: &RequestParts<'_>, payload: PayloadHash) -> Result<(), SigV4Error> {
    let actual = payload.to_hex();
    if request.header("x-amz-content-sha256").all(|stated| stated.trim_ascii() == actual.as_bytes()) {
        Ok(())
    } else {
        Err(SigV4Error::Mismatch)
    }
}

/// `now` moved; at the ends of time, where it can't be moved, `now` itself (it is only shown).
fn shifted(now: Timestamp, by: SignedDuration) -> String {
    format_amz_date(now.checked_add(by).unwrap_or(now))
}

fn span_text(span: SignedDuration) -> String {
    if span.as_secs() % 60 == 0 { format!("{} min.", span.as_secs() / 60) } else { format!("{} sec.", span.as_secs()) }
}

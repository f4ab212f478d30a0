//! Checking a signature.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::{Authorization, RequestParts, SigV4Error};
use crate::Credentials;

/// The SHA-256 of a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadHash([u8; 32]);

impl PayloadHash {
    /// Of a body, whole; an absent body is the empty one.
    pub fn of(body: &[u8]) -> Self {
        PayloadHash(Sha256::digest(body).into())
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
    pub const API: Rules = Rules { skew: SignedDuration::from_mins(5), presigned: PresignedLifetime::AsStated };
    /// For presigned `GetCallerIdentity`: 15 minutes, as STS takes them.
    pub const TOKEN: Rules = Rules {
        skew: SignedDuration::from_mins(5),
        presigned: PresignedLifetime::Fixed(SignedDuration::from_mins(15)),
    };
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
        let _ = (request, credentials, payload, now, rules);
        todo!()
    }
}

//! What a request claims about who signed it.

use jiff::{SignedDuration, Timestamp};

use super::{RequestParts, SigV4Error};

/// Where the signature travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In the `Authorization` header.
    Header,
    /// In the query parameters of a presigned URL.
    Presigned {
        /// `X-Amz-Expires`: 1 second to 7 days, counted from the time of signing.
        expires: SignedDuration,
    },
}

/// A parsed but not yet verified signature. `Debug` shows neither the signature nor the session token.
#[derive(Clone)]
pub struct Authorization {
    pub(super) access_key_id: String,
    /// `YYYYMMDD` of the credential scope.
    pub(super) scope_date: String,
    pub(super) region: String,
    pub(super) service: String,
    /// Lower case, ascending, none twice.
    pub(super) signed_headers: Vec<String>,
    pub(super) signature: [u8; 32],
    pub(super) signed_at: Timestamp,
    pub(super) session_token: Option<crate::SecretKey>,
    pub(super) form: Form,
}

impl std::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
    /// not complete or not in SigV4's form.
    pub fn parse(request: &RequestParts<'_>) -> Result<Option<Authorization>, SigV4Error> {
        let _ = request;
        todo!()
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
        self.session_token.as_ref().map(crate::SecretKey::expose)
    }
    /// Header or presigned.
    pub fn form(&self) -> Form {
        self.form
    }
}

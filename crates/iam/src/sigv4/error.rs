//! Why a signature was refused, with AWS's words and codes.

/// A refused signature. `Display` is the message that AWS gives; [`SigV4Error::eks_code`] and
/// [`SigV4Error::query_code`] are its name in the two families of services. None is worth a retry unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigV4Error {
    /// The request carries no signature at all.
    #[error("Missing Authentication Token")]
    MissingAuthentication,
    /// A signature that lacks a part, or has one in a wrong form.
    #[error("{0}")]
    Incomplete(String),
    /// The signature is another than the one calculated here: another secret, or the request was changed.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
         Access Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
    /// Signed too long ago.
    #[error("Signature expired: {signed} is now earlier than {earliest} ({now} - {span})")]
    Expired {
        /// When it was signed, `YYYYMMDDTHHMMSSZ`, as the other times here.
        signed: String,
        /// The earliest time that would do.
        earliest: String,
        /// The server's time.
        now: String,
        /// The allowance, such as `5 min.`.
        span: String,
    },
    /// Signed in the future.
    #[error("Signature not yet current: {signed} is still later than {latest} ({now} + {span})")]
    NotYetCurrent {
        /// When it was signed.
        signed: String,
        /// The latest time that would do.
        latest: String,
        /// The server's time.
        now: String,
        /// The allowance, such as `5 min.`.
        span: String,
    },
    /// The credential scope does not fit the request.
    #[error("{0}")]
    Scope(String),
    /// A header that has to be signed is not.
    #[error("'{0}' must be a 'SignedHeader' in the AWS Authorization.")]
    UnsignedHeader(String),
    /// The access key is unknown, or the session token is not the one that belongs to it.
    #[error("The security token included in the request is invalid.")]
    InvalidToken,
    /// The session that the key belongs to is over.
    #[error("The security token included in the request is expired")]
    ExpiredToken,
}

impl SigV4Error {
    /// The error's name for EKS (JSON services), for `x-amzn-ErrorType`.
    pub fn eks_code(&self) -> &'static str {
        match self {
            SigV4Error::MissingAuthentication => "MissingAuthenticationTokenException",
            SigV4Error::Incomplete(_) => "IncompleteSignatureException",
            SigV4Error::Mismatch
            | SigV4Error::Expired { .. }
            | SigV4Error::NotYetCurrent { .. }
            | SigV4Error::Scope(_)
            | SigV4Error::UnsignedHeader(_) => "InvalidSignatureException",
            SigV4Error::InvalidToken => "UnrecognizedClientException",
            SigV4Error::ExpiredToken => "ExpiredTokenException",
        }
    }

    /// The error's code for STS and IAM (query services), for `<Code>`.
    pub fn query_code(&self) -> &'static str {
        match self {
            SigV4Error::MissingAuthentication => "MissingAuthenticationToken",
            SigV4Error::Incomplete(_) => "IncompleteSignature",
            SigV4Error::Mismatch
            | SigV4Error::Expired { .. }
            | SigV4Error::NotYetCurrent { .. }
            | SigV4Error::Scope(_)
            | SigV4Error::UnsignedHeader(_) => "SignatureDoesNotMatch",
            SigV4Error::InvalidToken => "InvalidClientTokenId",
            SigV4Error::ExpiredToken => "ExpiredToken",
        }
    }

    /// The message of STS and IAM, which differs from EKS's (`Display`) where no signature came at all.
    pub fn query_message(&self) -> String {
        match self {
            SigV4Error::MissingAuthentication => "Request is missing Authentication Token".into(),
            other => other.to_string(),
        }
    }

    /// The HTTP status of every refused signature.
    pub const HTTP_STATUS: u16 = 403;
}

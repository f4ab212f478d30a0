//! Why a token was refused.

use crate::sigv4::SigV4Error;

/// A refused token: which rule it broke. No variant holds the token or its URL, so all are fit for logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum TokenError {
    #[error("the token is longer than {} bytes", super::MAX_BYTES)]
    TooLong,
    #[error("the token does not begin with `{}`", super::PREFIX)]
    Prefix,
    #[error("the token is not base64url without padding")]
    Base64,
    #[error("the token does not hold a URL")]
    Url,
    #[error("the token's URL is not https")]
    Scheme,
    #[error("the token's URL carries user info")]
    UserInfo,
    #[error("the token's URL names a port")]
    Port,
    #[error("the token's URL is not for an STS endpoint of partition {0}")]
    Host(entryway_access::Partition),
    #[error("the path of the token's URL is not `/`")]
    Path,
    #[error("the query of the token's URL does not parse")]
    Query,
    #[error("the token's URL has a parameter twice")]
    DuplicateParameter,
    #[error("the token's URL has a parameter that GetCallerIdentity does not take")]
    UnknownParameter,
    #[error("the token's URL is for another action than GetCallerIdentity")]
    Action,
    #[error("the token does not sign the header `{}`, so it is bound to no cluster", super::CLUSTER_HEADER)]
    ClusterNotSigned,
    #[error("the token's `X-Amz-Expires` is not a number from 0 to 900")]
    Expires,
    #[error("the token has no `X-Amz-Date`, or not in the form YYYYMMDDTHHMMSSZ")]
    Date,
    #[error("the token has expired: it was signed {minutes} minutes ago, and lives for 15")]
    Expired { minutes: i64 },
    #[error("the token was signed more than 5 minutes in the future; check the clocks")]
    FromTheFuture,
    #[error("the token names no access key")]
    Credential,
    /// Only local identities are taken, and this key is none.
    #[error("the token's access key is not one that this control plane keeps")]
    UnknownKey,
    /// A local key, but the signature does not verify: another cluster, another secret, or tampered with.
    #[error("the token's signature is refused: {0}")]
    Signature(#[from] SigV4Error),
}

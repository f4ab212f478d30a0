//! From bytes to what has to be asked.

use jiff::Timestamp;

use super::{TokenError, TokenRules};
use crate::Credentials;

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
    authority: String,
    query: String,
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
/// `is_local_key` says whether an access key id is one that this control plane keeps.
pub fn parse(
    token: &[u8],
    rules: &TokenRules<'_>,
    is_local_key: impl FnOnce(&str) -> bool,
    now: Timestamp,
) -> Result<ParsedToken, TokenError> {
    let _ = (token, rules, is_local_key(""), now);
    todo!()
}

impl LocalToken {
    /// The key whose credentials [`LocalToken::verify`] needs.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// Checks the signature: made with these credentials, for this cluster (`x-k8s-aws-id`), for the host in the
    /// URL, within 15 minutes of `now`. Whether the session is over is the caller's to know.
    pub fn verify(&self, credentials: &Credentials, cluster: &str, now: Timestamp) -> Result<(), TokenError> {
        let _ = (credentials, cluster, now, &self.authority, &self.query);
        todo!()
    }
}

impl StsToken {
    /// The key that the token says it was signed with; STS tells whether that is so.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// What to ask of STS so that only a token for this cluster is answered.
    pub fn request(&self, cluster: &str) -> StsRequest {
        let _ = (cluster, &self.host, &self.query);
        todo!()
    }
}

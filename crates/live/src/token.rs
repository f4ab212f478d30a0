//! Tokens for a cluster, made on this machine: signing asks nobody.

use entryway_iam::token;
use jiff::Timestamp;

use crate::{Aws, LiveError};

/// A bearer token and when it was signed. Never printed by `Debug`.
#[derive(Clone)]
pub struct ClusterToken {
    token: String,
    signed_at: Timestamp,
}

impl std::fmt::Debug for ClusterToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterToken").field("signed_at", &self.signed_at).finish_non_exhaustive()
    }
}

impl ClusterToken {
    /// The token itself, for the credential that is asked for and the request that it is sent with.
    pub fn expose(&self) -> &str {
        &self.token
    }

    /// When it was signed; it is good for 15 minutes from then.
    pub fn signed_at(&self) -> Timestamp {
        self.signed_at
    }
}

impl Aws {
    /// A token for the cluster of that name (or id, for a local cluster on an Outpost).
    pub fn token(&self, cluster: &str, now: Timestamp) -> Result<ClusterToken, LiveError> {
        let url = token::presigned_url(self.sts_endpoint(), self.region(), cluster, &self.credentials(), now).map_err(
            |error| LiveError::Setting(format!("no token can be made for `{}`: {error}", self.sts_endpoint())),
        )?;
        Ok(ClusterToken { token: token::build(&url), signed_at: now })
    }
}

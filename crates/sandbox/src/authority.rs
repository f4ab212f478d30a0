//! Who a token belongs to and what that identity may do: asked of the outside, never kept here.

use std::sync::Arc;

use async_trait::async_trait;
use entryway_access::{Snapshot, UserInfo};
use entryway_store::Revision;
use jiff::Timestamp;

/// Why a bearer token names nobody in this cluster. All are 401 to the client, without a reason (a
/// stranger learns nothing); the text is for the log.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Unauthenticated(pub String);

/// What the sandbox asks of the control plane it runs in, for one cluster.
#[async_trait]
pub trait Authority: Send + Sync + 'static {
    /// Who an IAM token (`k8s-aws-v1.…`) belongs to in this cluster now, without `system:authenticated`. `shown` is when
    /// the token came: it, and the session that it was signed with, had to be good then, and may have run out since.
    async fn authenticate(&self, token: &str, shown: Timestamp) -> Result<UserInfo, Unauthenticated>;

    /// A number that has changed whenever keys, users or roles have: tokens may belong to others then, or to nobody.
    /// Lock-free.
    fn identities(&self) -> u64;

    /// What is in force now. Lock-free.
    fn snapshot(&self) -> Arc<Snapshot>;

    /// Returns when [`Authority::snapshot`] holds everything up to `revision`. Called after each write of
    /// an object that decides access (RBAC, aws-auth), before it is answered.
    async fn reached(&self, revision: Revision);
}

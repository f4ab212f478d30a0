//! What a sandbox cluster is made of.

use std::sync::Arc;

use entryway_store::Store;
use jiff::Timestamp;

use crate::{Authority, BodyBudget, ServiceAccountKey};

/// Everything a cluster needs from outside.
#[derive(Clone)]
pub struct SandboxConfig {
    /// The cluster's id (not its name), under which its objects are stored.
    pub cluster: String,
    /// Where its objects are.
    pub store: Arc<dyn Store>,
    /// Who knows the callers and what they may do.
    pub authority: Arc<dyn Authority>,
    /// The certificate authority of the endpoint, PEM: published in each namespace as `kube-root-ca.crt`.
    pub ca_pem: String,
    /// Signs service-account tokens.
    pub token_key: Arc<ServiceAccountKey>,
    /// Issuer and default audience of service-account tokens; `https://kubernetes.default.svc` where nothing else
    /// is wished.
    pub issuer: String,
    /// Host and port by which clients reach the cluster, such as `127.0.0.1:6443`.
    pub endpoint: String,
    /// Whether a new cluster gets an empty `aws-auth` ConfigMap.
    pub aws_auth: bool,
    /// Appended to the Kubernetes version in `/version`, such as `-entryway.1`; may be empty.
    pub version_suffix: String,
    /// Memory for the bodies of requests, shared by callers. A share is at least 3 MiB, the longest body.
    pub bodies: BodyBudget,
    /// The time now.
    pub clock: fn() -> Timestamp,
}

impl std::fmt::Debug for SandboxConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SandboxConfig")
            .field("cluster", &self.cluster)
            .field("endpoint", &self.endpoint)
            .field("issuer", &self.issuer)
            .field("aws_auth", &self.aws_auth)
            .finish_non_exhaustive()
    }
}

//! The control plane: the EKS, STS and IAM APIs on one port, and a Kubernetes endpoint for each cluster.
//!
//! [`start`] opens the data folder, makes what is missing (the administrator, certificates, the configured clusters),
//! and serves until [`Running::shutdown`]. What decides is in the crates below; here requests are read, callers
//! checked, changes written with their audit records, and each cluster's compiled snapshot kept current.

mod audit;
mod clusters;
mod config;
mod console;
mod eks;
mod folder;
mod hosts;
mod http;
mod keys;
mod kubernetes;
mod metrics;
mod other_service;
mod own_policy;
mod panics;
mod pki;
mod plane;
mod port;
mod query;
mod received;
mod runtime;
mod serve;
mod sign_ins;
mod start;
mod sweep;
#[cfg(test)]
mod tests;
mod who;

pub use audit::Retention;
pub use clusters::ClusterError;
pub use config::{PublicHost, PublicHostError, ServerConfig};
pub use folder::FolderError;
pub use pki::PkiError;
pub use start::{
    ADMIN_FILE, AdminFile, ClusterInfo, RUN_FILE, RunInfo, Running, StartError, read_admin_file, read_run_file, start,
};

//! A Kubernetes API server on the store, for one cluster: to try and test access, not to run pods.
//!
//! The way of a request is in `api`: what it asks for (`request_info`), whether that is permitted
//! (`permit`: `authenticate`, `impersonate`, `authorize`; the core decides), then the handler by verb. Which
//! resources there are, how they look and what is valid is data and functions of the crate `entryway-objects`; what
//! is in the store is in `storage`. The few controllers are in `controllers`.
//!
//! It does not: listen, terminate TLS, know AWS (see [`Authority`]), run pods, call admission webhooks, or evaluate
//! CEL.

#![expect(clippy::result_large_err, reason = "a `Status` is made once for a request that failed, and answered")]

mod admit;
mod aggregation;
mod api;
mod authenticate;
mod authority;
mod authorize;
mod bodies;
mod bootstrap;
mod config;
mod controllers;
mod create;
mod definitions;
mod delete;
mod escalate;
mod failure;
mod garbage;
mod impersonate;
pub mod keys;
mod list;
mod meta;
mod namespaces;
mod negotiate;
mod non_resource;
mod patch;
mod permit;
mod query;
mod request_info;
mod resource;
mod respond;
mod reviews;
mod sandbox;
mod service_accounts;
mod storage;
mod streams;
mod subresources;
mod text;
mod token;
mod update;
mod watch;

pub use authority::{Authority, Unauthenticated};
pub use bodies::{BodyBudget, BodyError, BufferedBody};
pub use config::SandboxConfig;
pub use sandbox::{Sandbox, StartError};
pub use token::{KeyError, ServiceAccountKey};

//! A Kubernetes API server on the store, for one cluster: to try and test access, not to run pods.

mod authority;
pub mod keys;

pub use authority::{Authority, Unauthenticated};

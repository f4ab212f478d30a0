//! Kubernetes objects as values.
//!
//! A resource is data here, not a Rust type for each kind: its names and verbs come from the recorded discovery, its
//! fields from the message table and the OpenAPI schemas, its Table columns from the recorded Tables. What data can't
//! say (defaults, validation, what the server sets, printed cells) is small functions by type in `kinds`.
//!
//! The crate is pure: values in, values out; time, ids and randomness are arguments. It knows neither HTTP nor the
//! store nor who may do what. CEL rules of CustomResourceDefinitions are not evaluated.

#![expect(clippy::result_large_err, reason = "a `Status` is made once for a request that failed, and answered")]

pub mod apply;
pub mod body;
pub mod crd;
pub mod discovery;
pub mod duration;
pub mod lifecycle;
pub mod names;
pub mod openapi;
pub mod patch;
pub mod protobuf;
pub mod quantity;
pub mod registry;
pub mod selector;
pub mod status;
pub mod table;
pub mod validate;

mod json;
mod kinds;
mod model;
mod paths;
mod typed;
mod yaml;

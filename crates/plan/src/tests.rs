//! Tests of the whole.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod build;
mod golden;
mod migrate;
mod ownership;
mod resolve;
mod walk;

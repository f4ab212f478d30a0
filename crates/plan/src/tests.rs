//! Tests of the whole.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod build;
mod golden;
mod migrate;
mod migrate_random;
mod ownership;
mod resolve;
mod walk;

//! Terraform in all its forms, read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and prints its findings"
)]

mod common;
mod expressions;
mod language;
mod modules;
mod plan;
mod state;

//! Writing: golden files for each target of this crate's own, and round trips of any declaration.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and prints its findings"
)]

mod golden;
mod others;
mod round_trip;
mod worlds;

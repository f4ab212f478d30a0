//! Writing: golden files for each target of this crate's own, and round trips of any declaration.

mod golden;
mod round_trip;
mod worlds;

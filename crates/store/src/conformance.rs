//! TBD.
/// TBD.
pub struct Harness;
/// TBD.
pub fn conformance() {}

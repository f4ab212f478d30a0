//! TBD.
/// TBD.
pub struct EmbeddedStore;

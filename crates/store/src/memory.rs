//! TBD.
/// TBD.
pub struct MemoryStore;

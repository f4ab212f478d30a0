//! eksctl's `ClusterConfig`: its access entries and identity mappings.

mod read;
mod write;

pub(crate) use read::{is_entries, read};
pub(crate) use write::write;

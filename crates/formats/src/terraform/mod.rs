//! Terraform: the JSON of plans and states, and the language itself.

pub(crate) mod json;
pub(crate) mod source;

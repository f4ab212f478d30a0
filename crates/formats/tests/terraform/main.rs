//! Terraform in all its forms, read.

mod common;
mod plan;
mod state;

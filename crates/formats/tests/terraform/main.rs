//! Terraform in all its forms, read.

mod common;
mod language;
mod plan;
mod state;

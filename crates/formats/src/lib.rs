//! Access in the formats people already keep it in: Entryway's own file, Terraform, eksctl, CloudFormation,
//! ACK, Crossplane, aws-auth in every clothing, RBAC manifests. Reads them into one model ([`Declared`]) with
//! a place for every value, and writes them from it. Pure: text in, values and diagnostics out.
//!
//! It decides nothing about access (that is `entryway_access`), and resolves nothing against the world (that
//! is `entryway_plan`): what can't be known from the text is [`PrincipalRef::Unknown`] with the reason, never
//! a guess.

mod aws_auth;
mod check;
mod cloudformation;
mod diagnostic;
mod eksctl;
mod entry;
mod export;
mod json;
mod manifest;
mod model;
mod nearest;
mod out;
mod own;
mod positions;
mod read;
mod reader;
mod template;
mod terraform;
mod tree;
mod yaml;

pub use diagnostic::{Diagnostic, Place, Placed, Read, Severity, Source};
pub use export::{Target, UnknownTarget, export};
pub use model::{
    ClusterSelector, Declared, DeclaredAwsAuth, DeclaredCluster, DeclaredEntry, DeclaredPolicy, Expiry, OwnPolicy,
    PolicyRef, PrincipalRef,
};
pub use own::{schema, update};
pub use read::{Format, UnknownFormat, read, read_all};
pub use reader::ReadOptions;
pub use terraform::folder::local_modules;

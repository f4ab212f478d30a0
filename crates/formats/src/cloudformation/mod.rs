//! CloudFormation templates: access entries, the mode of clusters, and the aws-auth that the CDK writes.
//! Functions are worked out as far as the template itself (and the caller) tells; nothing is guessed.

mod read;
mod resolve;
mod write;

pub(crate) use read::read;
pub(crate) use write::write;

//! Identity and access the IAM way, as values: SigV4 signatures, `k8s-aws-v1` tokens, what STS answers, and
//! IAM policies.
//!
//! Pure: no I/O, no async, no clock; the time is an argument. The HTTP edge hands over what it received, the
//! directory hands over secrets and policies, and this crate answers whether they fit.
//!
//! Secrets live in [`SecretKey`], which never prints and is wiped when dropped. No error of this crate holds a
//! secret, a token or a presigned URL.

pub mod policy;
mod secret;
pub mod sigv4;
pub mod sts;
pub mod token;

pub use secret::{Credentials, SecretKey};

//! The API in process: a started control plane, its router, and a strict client.

mod client;
mod clusters;
mod ends;
mod entries;
mod front;
mod iam;
mod kubernetes;
mod names;
mod own_api;
mod own_policies;
mod paging;
mod start;

pub(crate) use client::{ACCOUNT, Api, Keys, entry_path, signed_request};

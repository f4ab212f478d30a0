//! A bearer token, as a stranger sends it.
#![no_main]
use entryway_access::Partition;
use entryway_iam::token::{Sources, TokenRules, parse};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let local_endpoints = ["http://127.0.0.1:4780".to_owned()];
    let rules = TokenRules { partition: Partition::Aws, local_endpoints: &local_endpoints, sources: Sources::LocalAndAws };
    let _ = parse(bytes, &rules, |key| key.starts_with("AKIA"), jiff::Timestamp::UNIX_EPOCH);
});

//! IAM policy documents and trust policies.
#![no_main]
use entryway_iam::policy::{PolicyDocument, TrustPolicy};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = PolicyDocument::parse(text);
    let _ = TrustPolicy::parse(text);
});

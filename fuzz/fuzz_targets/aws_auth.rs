//! The texts of the aws-auth ConfigMap.
#![no_main]
use std::collections::BTreeMap;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let data: BTreeMap<String, String> = ["mapRoles", "mapUsers", "mapAccounts"].map(|key| (key.to_owned(), text.to_owned())).into();
    let _ = entryway_access::AwsAuth::parse(&data);
});

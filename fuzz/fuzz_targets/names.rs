//! ARNs, principals, policies, scopes: what parses is written back the same.
#![no_main]
use entryway_access::{Arn, ClusterArn, NamespacePattern, PolicyArn, PrincipalArn};

libfuzzer_sys::fuzz_target!(|text: &str| {
    macro_rules! same {
        ($($kind:ty),*) => { $( if let Ok(value) = text.parse::<$kind>() { assert_eq!(value.to_string(), text); } )* };
    }
    same!(Arn, PrincipalArn, PolicyArn, ClusterArn, NamespacePattern);
});

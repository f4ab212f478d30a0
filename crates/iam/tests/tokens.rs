//! Tokens: made and checked, and whatever bytes come.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside of `#[test]`"
)]

use entryway_access::{Partition, Region};
use entryway_iam::token::{PREFIX, ParsedToken, Sources, TokenRules, build, parse, presigned_url};
use entryway_iam::{Credentials, SecretKey, sts};
use jiff::Timestamp;
use proptest::prelude::*;

fn now() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

fn parse_it(token: &[u8]) -> Option<ParsedToken> {
    let local_endpoints = ["http://127.0.0.1:4780".to_owned()];
    let rules =
        TokenRules { partition: Partition::Aws, local_endpoints: &local_endpoints, sources: Sources::LocalAndAws };
    parse(token, &rules, |_| false, now()).ok()
}

fn credentials() -> Credentials {
    Credentials { access_key_id: "AKIAEXAMPLE".into(), secret: SecretKey::new("s"), session_token: None }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_no_token(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(parse_it(&bytes).is_none());
        let _ = sts::parse_answer(200, &bytes, "").is_err();
    }

    #[test]
    fn arbitrary_urls_never_panic(url in ".{0,200}|https://sts\\.[a-z.@:-]{0,20}amazonaws.com/?\\?.{0,100}") {
        if let Some(ParsedToken::Local(token)) = parse_it(build(&url).as_bytes()) {
            prop_assert!(token.verify(&credentials(), "demo", now()).is_err());
        }
    }

    #[test]
    fn a_token_verifies_for_its_cluster_and_no_other(
        cluster in "[0-9A-Za-z][A-Za-z0-9_-]{0,20}", other in "[0-9A-Za-z][A-Za-z0-9_-]{0,20}",
    ) {
        let region: Region = "eu-west-1".parse().unwrap();
        let url = presigned_url("http://127.0.0.1:4780", &region, &cluster, &credentials(), now()).unwrap();
        let Some(ParsedToken::Local(token)) = parse_it(build(&url).as_bytes()) else { panic!("not local") };
        prop_assert!(token.verify(&credentials(), &cluster, now()).is_ok());
        prop_assert_eq!(token.verify(&credentials(), &other, now()).is_ok(), cluster == other);
    }
}

#[test]
fn a_token_with_any_bit_changed_is_refused() {
    let region: Region = "eu-west-1".parse().unwrap();
    let url = presigned_url("http://127.0.0.1:4780", &region, "demo", &credentials(), now()).unwrap();
    let token = build(&url);
    let mut passed = Vec::new();
    for (at, bit) in (0..token.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut changed = token.clone().into_bytes();
        changed[at] ^= 1 << bit;
        match parse_it(&changed) {
            Some(ParsedToken::Local(parsed)) if parsed.verify(&credentials(), "demo", now()).is_ok() => {
                passed.push(String::from_utf8(changed).unwrap());
            }
            Some(ParsedToken::Sts(_)) => panic!("byte {at} bit {bit} asks STS"),
            Some(ParsedToken::Local(_)) | None => {}
        }
    }
    // The scheme and the name of the signature's own parameter have no case: such a change says the same.
    for token in passed {
        let bytes = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, &token[PREFIX.len()..]).unwrap();
        let same = String::from_utf8(bytes).unwrap();
        assert!(same.eq_ignore_ascii_case(&url), "{same}");
    }
}

//! SigV4 against signatures that botocore made (`vectors/generate.py`), AWS's published ones, and our own signer.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside of `#[test]`"
)]

use entryway_iam::sigv4::{
    Authorization, Form, PayloadHash, RequestParts, Rules, Scope, SigV4Error, parse_amz_date, presign, sign,
};
use entryway_iam::{Credentials, SecretKey};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    now: String,
    access_key_id: String,
    secret: String,
    cases: Vec<Case>,
}

/// A request that can be changed, then lent out as [`RequestParts`].
#[derive(Debug, Clone, Deserialize)]
struct Case {
    #[serde(default)]
    name: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
    session_token: Option<String>,
}

impl Case {
    fn check(&self, credentials: &Credentials, now: Timestamp, rules: &Rules) -> Result<Authorization, SigV4Error> {
        let headers: Vec<(&str, &[u8])> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        let request = RequestParts { method: &self.method, path: &self.path, query: &self.query, headers: &headers };
        let claim = Authorization::parse(&request)?.ok_or(SigV4Error::MissingAuthentication)?;
        let whole = claim.verify(&request, credentials, PayloadHash::of(self.body.as_bytes()), now, rules);
        // Without the body nothing is refused that would pass with it.
        let head = claim.verify_head(&request, credentials, now, rules);
        assert!(head.is_ok() || whole.is_err(), "{head:?} {whole:?}");
        whole?;
        Ok(claim)
    }

    fn header(&mut self, name: &str) -> &mut String {
        &mut self.headers.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name)).unwrap().1
    }
}

fn vectors() -> (Vectors, Timestamp) {
    let vectors: Vectors = serde_json::from_str(include_str!("vectors/botocore.json")).unwrap();
    assert_eq!(vectors.cases.len(), 43);
    let now = parse_amz_date(&vectors.now).unwrap();
    (vectors, now)
}

fn credentials(session_token: Option<&str>) -> Credentials {
    let (vectors, _) = vectors();
    Credentials {
        access_key_id: vectors.access_key_id,
        secret: SecretKey::new(vectors.secret),
        session_token: session_token.map(SecretKey::new),
    }
}

fn case(name: &str) -> Case {
    vectors().0.cases.into_iter().find(|case| case.name == name).unwrap()
}

fn check(case: &Case) -> Result<Authorization, SigV4Error> {
    case.check(&credentials(case.session_token.as_deref()), vectors().1, &Rules::API)
}

#[test]
fn everything_that_botocore_signs_verifies() {
    for case in vectors().0.cases {
        let claim = check(&case).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(claim.access_key_id(), "AKIDEXAMPLE");
        assert_eq!(claim.region(), "us-east-1");
        assert_eq!(matches!(claim.form(), Form::Presigned { .. }), case.name.contains("presign"), "{}", case.name);
        assert_eq!(claim.session_token(), case.session_token.as_deref());
    }
}

/// Signatures of AWS's published test suite, for the requests of the same name.
#[test]
fn published_signatures() {
    for (name, signature) in [
        ("get-vanilla", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("post-vanilla", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("get-relative", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("get-slash", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("get-unreserved", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
        ("get-vanilla-query-order-key-case", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        ("get-header-key-duplicate", "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"),
        ("get-header-value-trim", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
        ("post-x-www-form-urlencoded", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
    ] {
        let mut case = case(&format!("signer: {name}"));
        assert!(case.header("authorization").ends_with(signature), "{name}");
        check(&case).unwrap();
    }
}

#[test]
fn our_signer_signs_as_botocore_does() {
    let (vectors, now) = vectors();
    let mut signed = 0;
    for mut case in vectors.cases {
        let presigned = case.query.contains("X-Amz-Signature");
        if presigned || case.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("date")) {
            continue;
        }
        let expected = case.header("authorization").clone();
        let not_ours = ["authorization", "x-amz-date", "x-amz-security-token"];
        let unsigned = ["content-length"];
        case.headers.retain(|(n, _)| {
            let name = n.to_ascii_lowercase();
            !not_ours.contains(&name.as_str()) && !unsigned.contains(&name.as_str())
        });
        let headers: Vec<(&str, &[u8])> = case.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        let request = RequestParts { method: &case.method, path: &case.path, query: &case.query, headers: &headers };
        let service = expected.split('/').nth(3).unwrap();
        let made = sign(
            &request,
            &credentials(case.session_token.as_deref()),
            Scope { region: "us-east-1", service },
            PayloadHash::of(case.body.as_bytes()),
            now,
        );
        assert_eq!(made.unwrap().pop().unwrap().1, expected, "{}", case.name);
        signed += 1;
    }
    assert_eq!(signed, 39);
}

#[test]
fn our_presigner_presigns_as_botocore_does() {
    let case = case("signer: presign-sts");
    let headers: Vec<(&str, &[u8])> = case.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
    let query = "Action=GetCallerIdentity&Version=2011-06-15";
    let request = RequestParts { method: "GET", path: "/", query, headers: &headers };
    let scope = Scope { region: "us-east-1", service: "sts" };
    let credentials = credentials(case.session_token.as_deref());
    let made = presign(&request, &credentials, scope, SignedDuration::from_secs(60), vectors().1);
    assert_eq!(made.unwrap(), case.query);
}

#[test]
fn every_flipped_byte_is_refused() {
    for case in vectors().0.cases {
        if !case.name.starts_with("client") && !case.name.contains("presign") {
            continue;
        }
        let signed = check(&case).unwrap().signed_headers().to_vec();
        let mut tampered = 0;
        let mut refuse = |what: &str, changed: Case| {
            assert!(check(&changed).is_err(), "{}: {what} {changed:?}", case.name);
            tampered += 1;
        };
        for flipped in flips(&case.path) {
            refuse("path", Case { path: flipped, ..case.clone() });
        }
        for flipped in flips(&case.query) {
            refuse("query", Case { query: flipped, ..case.clone() });
        }
        for flipped in flips(&case.body) {
            refuse("body", Case { body: flipped, ..case.clone() });
        }
        for (index, (name, value)) in case.headers.iter().enumerate() {
            let name_signed = name.eq_ignore_ascii_case("authorization") || signed.contains(&name.to_lowercase());
            if !name_signed {
                continue;
            }
            for flipped in flips(value) {
                let mut changed = case.clone();
                changed.headers[index].1 = flipped;
                refuse(name, changed);
            }
        }
        assert!(tampered > 100, "{}", case.name);
    }
}

fn flips(text: &str) -> impl Iterator<Item = String> {
    let bytes = text.as_bytes().to_vec();
    (0..bytes.len()).filter_map(move |index| {
        let mut flipped = bytes.clone();
        flipped[index] ^= 1;
        String::from_utf8(flipped).ok()
    })
}

#[test]
fn hexadecimal_digits_of_a_signature_are_small() {
    let mut case = case("signer: get-vanilla");
    let header = case.header("authorization");
    let (start, signature) = header.split_once("Signature=").unwrap();
    *header = format!("{start}Signature={}", signature.to_uppercase());
    assert_eq!(check(&case).err(), Some(SigV4Error::Mismatch));
}

#[test]
fn another_secret_or_session_token_is_refused() {
    let (_, now) = vectors();
    let plain = case("signer: get-vanilla");
    let other = Credentials { secret: SecretKey::new("other"), ..credentials(None) };
    assert_eq!(plain.check(&other, now, &Rules::API).err(), Some(SigV4Error::Mismatch));
    let session = plain.check(&credentials(Some("t")), now, &Rules::API);
    assert_eq!(session.err(), Some(SigV4Error::InvalidToken));
    let with_token = case("signer: post-sts-header");
    assert_eq!(with_token.check(&credentials(None), now, &Rules::API).err(), Some(SigV4Error::InvalidToken));
    assert_eq!(with_token.check(&credentials(Some("t")), now, &Rules::API).err(), Some(SigV4Error::InvalidToken));
}

#[test]
fn clocks_may_be_five_minutes_apart() {
    let (_, now) = vectors();
    let case = case("signer: get-vanilla");
    let at = |seconds| case.check(&credentials(None), now + SignedDuration::from_secs(seconds), &Rules::API).err();
    assert_eq!(at(300), None);
    assert_eq!(at(-300), None);
    assert_eq!(
        at(420).unwrap().to_string(),
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123800Z (20150830T124300Z - 5 min.)"
    );
    assert_eq!(
        at(-301).unwrap().to_string(),
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T123059Z + 5 min.)"
    );
}

#[test]
fn a_presigned_request_lives_as_stated_or_15_minutes() {
    let (_, now) = vectors();
    let case = case("signer: presign-sts");
    let at = |seconds, rules| {
        let now = now + SignedDuration::from_secs(seconds);
        case.check(&credentials(case.session_token.as_deref()), now, rules).err()
    };
    assert_eq!(at(60, &Rules::API), None);
    assert_eq!(
        at(61, &Rules::API).unwrap().to_string(),
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T123701Z - 1 min.)"
    );
    assert_eq!(at(900, &Rules::STS), None);
    assert!(matches!(at(901, &Rules::STS), Some(SigV4Error::Expired { .. })));
    assert!(matches!(at(-301, &Rules::STS), Some(SigV4Error::NotYetCurrent { .. })));
}

#[test]
fn host_and_amz_headers_have_to_be_signed() {
    let mut added = case("signer: get-vanilla");
    added.headers.push(("X-Amz-Target".into(), "x".into()));
    assert_eq!(check(&added).err(), Some(SigV4Error::UnsignedHeader("x-amz-target".into())));
    let mut no_host = case("signer: get-vanilla");
    let header = no_host.header("authorization");
    *header = header.replace("host;x-amz-date", "x-amz-date");
    let error = check(&no_host).err().unwrap();
    assert_eq!(error.to_string(), "'Host' must be a 'SignedHeader' in the AWS Authorization.");
    let mut harmless = case("signer: get-vanilla");
    harmless.headers.push(("x-forwarded-for".into(), "10.0.0.1".into()));
    check(&harmless).unwrap();
}

#[test]
fn a_stated_payload_hash_is_the_bodys() {
    let (_, now) = vectors();
    for stated in ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "", "00"] {
        let headers: [(&str, &[u8]); 2] = [("host", b"h"), ("x-amz-content-sha256", stated.as_bytes())];
        let request = RequestParts { method: "POST", path: "/", query: "", headers: &headers };
        let payload = PayloadHash::of(b"body");
        let scope = Scope { region: "r", service: "eks" };
        let added = sign(&request, &credentials(None), scope, payload, now).unwrap();
        let mut all = headers.to_vec();
        all.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
        let request = RequestParts { headers: &all, ..request };
        let claim = Authorization::parse(&request).unwrap().unwrap();
        let verdict = claim.verify(&request, &credentials(None), payload, now, &Rules::API);
        assert_eq!(verdict, Err(SigV4Error::Mismatch), "{stated}");
    }
}

#[test]
fn incomplete_signatures_say_what_is_missing() {
    let parse = |authorization: &str, query: &str| {
        let headers: [(&str, &[u8]); 2] = [("host", b"h"), ("authorization", authorization.as_bytes())];
        let headers = if authorization.is_empty() { &headers[..1] } else { &headers[..] };
        let request = RequestParts { method: "GET", path: "/", query, headers };
        match Authorization::parse(&request) {
            Ok(None) => "none".to_owned(),
            Ok(Some(_)) => "some".to_owned(),
            Err(error) => {
                assert_eq!(
                    (error.eks_code(), error.query_code()),
                    ("IncompleteSignatureException", "IncompleteSignature")
                );
                error.to_string()
            }
        }
    };
    assert_eq!(parse("", ""), "none");
    assert_eq!(parse("", "x=%zz"), "none");
    assert_eq!(
        parse("AWS4-HMAC-SHA256", ""),
        "Authorization header requires 'Credential' parameter. Authorization header requires 'SignedHeaders' \
         parameter. Authorization header requires 'Signature' parameter. Authorization header requires existence of \
         either a 'X-Amz-Date' or a 'Date' header."
    );
    assert!(parse("Bearer x", "").contains("algorithm"));
    assert!(parse("AWS4-HMAC-SHA256 Credential=a, Credential=b", "").contains("twice"));
    assert!(parse("AWS4-HMAC-SHA256 Token=a", "").contains("unknown"));
    assert!(parse("", "X-Amz-Algorithm=AWS4-HMAC-SHA256").contains("X-Amz-Credential"));
    assert!(parse("", "X-Amz-Signature=0&x-amz-signature=1").contains("more than once"));
    assert!(parse("AWS4-HMAC-SHA256 Credential=a", "X-Amz-Signature=0").contains("Only one"));
}

#[test]
fn the_credential_scope_fits_the_request() {
    let changed = |from: &str, to: &str| {
        let mut case = case("signer: get-vanilla");
        let header = case.header("authorization");
        *header = header.replace(from, to);
        check(&case).err().unwrap()
    };
    assert_eq!(
        changed("/20150830/", "/20150831/").to_string(),
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150831' != \
         '20150830', from '20150830T123600Z'."
    );
    assert!(matches!(changed("aws4_request", "aws5_request"), SigV4Error::Scope(_)));
    assert!(matches!(changed("/aws4_request", ""), SigV4Error::Incomplete(_)));
    assert!(matches!(changed("us-east-1", ""), SigV4Error::Incomplete(_)));
    assert!(matches!(changed("us-east-1", "us%0aeast"), SigV4Error::Incomplete(_)));
    assert_eq!(changed("us-east-1", "us-west-2"), SigV4Error::Mismatch);
}

fn anything() -> impl Strategy<Value = Case> {
    let header = ("[a-zA-Z0-9-]{1,12}|authorization|x-amz-date|host", ".{0,40}|AWS4-HMAC-SHA256 .{0,60}");
    (
        "[A-Z]{1,7}",
        ".{0,40}",
        ".{0,40}|(X-Amz-[A-Za-z]{1,15}=.{0,20}&){0,8}",
        prop::collection::vec(header, 0..6),
        ".{0,20}",
    )
        .prop_map(|(method, path, query, headers, body)| Case {
            name: String::new(),
            method,
            path,
            query,
            headers,
            body,
            session_token: None,
        })
}

proptest! {
    #[test]
    fn arbitrary_requests_never_panic_nor_pass(case in anything()) {
        prop_assert!(check(&case).is_err());
    }

    #[test]
    fn arbitrary_authorizations_never_panic(
        credential in "[ -~]{0,60}|AKID/[0-9]{8}/r/s/aws4_request",
        signed in "[ -~]{0,30}|host;x-amz-date",
        signature in "[ -~]{0,70}|[0-9a-f]{64}",
        date in "[ -~]{0,20}|[0-9]{8}T[0-9]{6}Z",
    ) {
        let authorization = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={signature}");
        let case = Case { headers: vec![("host".into(), "h".into()), ("x-amz-date".into(), date), ("Authorization".into(), authorization)], ..case("signer: get-vanilla") };
        prop_assert!(check(&case).is_err());
    }

    #[test]
    fn what_we_sign_verifies_and_what_is_changed_does_not(
        method in "GET|POST|DELETE",
        path in "(/[a-zA-Z0-9%:._~ -]{0,12}){1,4}",
        query in "([a-z]{1,3}(=[a-zA-Z0-9+ ~/:é]{0,6})?&?){0,4}",
        headers in prop::collection::vec(("[A-Za-z][A-Za-z0-9-]{0,8}", "[ -~]{0,20}"), 0..4),
        body in "[ -~]{0,40}",
        token in prop::option::of("[ -~&&[^ ]]{1,40}"),
        secret in "[ -~]{1,80}",
        flip in any::<prop::sample::Index>(),
    ) {
        let (_, now) = vectors();
        let credentials = Credentials {
            access_key_id: "ASIAEXAMPLE".into(),
            secret: SecretKey::new(secret),
            session_token: token.clone().map(SecretKey::new),
        };
        let mut case = Case { name: String::new(), method, path, query, headers, body, session_token: token };
        case.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("host") && !name.eq_ignore_ascii_case("date"));
        case.headers.push(("Host".into(), "127.0.0.1:4780".into()));
        let lent: Vec<(&str, &[u8])> = case.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        let request = RequestParts { method: &case.method, path: &case.path, query: &case.query, headers: &lent };
        let scope = Scope { region: "eu-west-1", service: "eks" };
        let added = sign(&request, &credentials, scope, PayloadHash::of(case.body.as_bytes()), now).unwrap();
        case.headers.extend(added.into_iter().map(|(name, value)| (name.to_owned(), value)));
        prop_assert!(case.check(&credentials, now, &Rules::API).is_ok());

        let at = flip.index(64);
        let header = case.header("authorization");
        let mut bytes = header.clone().into_bytes();
        let place = bytes.len() - 64 + at;
        bytes[place] ^= 1;
        *header = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(case.check(&credentials, now, &Rules::API).err(), Some(SigV4Error::Mismatch));
    }
}

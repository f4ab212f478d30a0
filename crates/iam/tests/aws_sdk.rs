//! What the signer of AWS's SDK for Rust signs, we take; and with another secret, not.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of `#[test]`")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use entryway_iam::sigv4::{Authorization, PayloadHash, RequestParts, Rules, SigV4Error, uri_encode};
use entryway_iam::{Credentials, SecretKey};
use jiff::Timestamp;
use proptest::prelude::*;

const NOW: u32 = 1_795_514_400;
const HOST: &str = "127.0.0.1:4780";

#[derive(Debug, Clone)]
struct Sent {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// Signs with the SDK, and gives the request as it would be sent.
fn signed_by_sdk(mut sent: Sent, secret: &str, token: Option<&str>, presigned: bool) -> Sent {
    let identity = aws_credential_types::Credentials::new("ASIAEXAMPLE", secret, token.map(Into::into), None, "test");
    let identity = identity.into();
    let mut settings = SigningSettings::default();
    if presigned {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(60));
    }
    let time: SystemTime = UNIX_EPOCH + Duration::from_secs(NOW.into());
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("eks")
        .time(time)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    sent.headers.push(("host".into(), HOST.into()));
    let uri = format!("http://{HOST}{}?{}", sent.path, sent.query);
    let headers = sent.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let request = SignableRequest::new(&sent.method, uri, headers, SignableBody::Bytes(sent.body.as_bytes())).unwrap();
    let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
    let (headers, query) = instructions.into_parts();
    sent.headers.extend(headers.iter().map(|header| (header.name().to_owned(), header.value().to_owned())));
    for (name, value) in query {
        let separator = if sent.query.is_empty() { "" } else { "&" };
        sent.query += &format!("{separator}{name}={}", uri_encode(&value));
    }
    sent
}

fn check(sent: &Sent, secret: &str, token: Option<&str>) -> Result<(), SigV4Error> {
    let headers: Vec<(&str, &[u8])> = sent.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
    let request = RequestParts { method: &sent.method, path: &sent.path, query: &sent.query, headers: &headers };
    let credentials = Credentials {
        access_key_id: "ASIAEXAMPLE".into(),
        secret: SecretKey::new(secret),
        session_token: token.map(SecretKey::new),
    };
    let claim = Authorization::parse(&request)?.ok_or(SigV4Error::MissingAuthentication)?;
    let now = Timestamp::from_second(NOW.into()).unwrap();
    claim.verify(&request, &credentials, PayloadHash::of(sent.body.as_bytes()), now, &Rules::API)
}

fn requests() -> impl Strategy<Value = Sent> {
    // No dot segments: of one at the end, the SDK keeps the slash before it and botocore does not.
    let segment = "[a-zA-Z0-9:/ ._~é@+=,-]{1,20}".prop_filter("a dot segment", |text| text != "." && text != "..");
    let path = prop::collection::vec(segment, 0..4)
        .prop_map(|parts| parts.iter().map(|part| format!("/{}", uri_encode(part))).collect::<String>())
        .prop_map(|path| if path.is_empty() { "/".to_owned() } else { path });
    let query = prop::collection::vec(("[a-zA-Z]{1,5}", "[a-zA-Z0-9:/ ~é&=+]{0,8}"), 0..4).prop_map(|pairs| {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", uri_encode(value))).collect();
        pairs.join("&")
    });
    let headers = prop::collection::btree_map("x-[a-z]{1,6}|content-type", "[a-zA-Z0-9;,=/\"]{1,20}", 0..3);
    ("GET|POST|DELETE", path, query, headers, "[ -~é]{0,40}").prop_map(|(method, path, query, headers, body)| Sent {
        method,
        path,
        query,
        headers: headers.into_iter().collect(),
        body,
    })
}

proptest! {
    #[test]
    fn what_the_sdk_signs_verifies(
        request in requests(),
        secret in "[A-Za-z0-9/+]{40}",
        token in prop::option::of("[A-Za-z0-9/+=]{1,100}"),
        presigned in any::<bool>(),
    ) {
        let sent = signed_by_sdk(request, &secret, token.as_deref(), presigned);
        prop_assert_eq!(check(&sent, &secret, token.as_deref()), Ok(()), "{:?}", sent);
        prop_assert_eq!(check(&sent, &format!("{secret}x"), token.as_deref()), Err(SigV4Error::Mismatch));
        let other = Sent { body: format!("{}x", sent.body), ..sent };
        prop_assert_eq!(check(&other, &secret, token.as_deref()), Err(SigV4Error::Mismatch));
    }
}

//! Each rule of `authn.md` §2 by itself: a good token with one thing wrong.

use entryway_access::{Partition, Region};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::sigv4::SigV4Error;
use crate::{Credentials, SecretKey};

const KEY: &str = "AKIALOCALEXAMPLE";

fn now() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

fn credentials(token: Option<&str>) -> Credentials {
    Credentials {
        access_key_id: KEY.into(),
        secret: SecretKey::new("local-secret"),
        session_token: token.map(SecretKey::new),
    }
}

fn url(endpoint: &str) -> String {
    let region: Region = "us-east-1".parse().unwrap();
    presigned_url(endpoint, &region, "demo", &credentials(None), now()).unwrap()
}

fn sts_url() -> String {
    url("https://sts.us-east-1.amazonaws.com")
}

fn local_url() -> String {
    url("http://127.0.0.1:4780")
}

fn locals() -> Vec<String> {
    ["http://127.0.0.1:4780", "http://localhost:4780", "http://[::1]:4780", "https://entryway.example/"]
        .map(String::from)
        .to_vec()
}

fn parse_with(token: &str, sources: Sources, local_key: bool, now: Timestamp) -> Result<ParsedToken, TokenError> {
    let locals = locals();
    let rules = TokenRules { partition: Partition::Aws, local_endpoints: &locals, sources };
    let checked = |id: &str| {
        assert_eq!(id, KEY);
        local_key
    };
    parse(token.as_bytes(), &rules, checked, now)
}

/// What is refused of a URL, for a foreign key.
fn refused(url: &str) -> Option<TokenError> {
    parse_with(&build(url), Sources::LocalAndAws, false, now()).err()
}

fn local(url: &str) -> LocalToken {
    match parse_with(&build(url), Sources::LocalAndAws, true, now()).unwrap() {
        ParsedToken::Local(token) => token,
        ParsedToken::Sts(_) => panic!("asks STS"),
    }
}

#[test]
fn a_token_of_a_foreign_key_asks_sts_bound_to_the_cluster() {
    let ParsedToken::Sts(token) = parse_with(&build(&sts_url()), Sources::Aws, true, now()).unwrap() else {
        panic!("local")
    };
    assert_eq!(token.access_key_id(), KEY);
    let request = token.request("other");
    assert!(request.url == sts_url());
    assert_eq!(request.headers[0], ("x-k8s-aws-id", "other".to_owned()));
    assert_eq!(request.headers[1], ("accept", "application/json".to_owned()));
}

#[test]
fn which_source_judges() {
    let judge = |url: &str, sources, local_key| match parse_with(&build(url), sources, local_key, now()) {
        Ok(ParsedToken::Local(_)) => "local".to_owned(),
        Ok(ParsedToken::Sts(_)) => "sts".to_owned(),
        Err(error) => format!("{error:?}"),
    };
    let (sts, own) = (sts_url(), local_url());
    assert_eq!(judge(&sts, Sources::Local, true), "local");
    assert_eq!(judge(&sts, Sources::Local, false), "UnknownKey");
    assert_eq!(judge(&sts, Sources::LocalAndAws, true), "local");
    assert_eq!(judge(&sts, Sources::LocalAndAws, false), "sts");
    assert_eq!(judge(&sts, Sources::Aws, true), "sts");
    assert_eq!(judge(&own, Sources::Local, false), "local");
    assert_eq!(judge(&own, Sources::LocalAndAws, false), "local");
    assert_eq!(judge(&own, Sources::Aws, true), "Scheme");
    for endpoint in locals() {
        assert_eq!(judge(&url(&endpoint), Sources::LocalAndAws, false), "local", "{endpoint}");
    }
    for endpoint in ["http://127.0.0.1:4781", "http://127.0.0.1", "https://127.0.0.1:4780", "http://127.0.0.2:4780"] {
        assert_ne!(judge(&url(endpoint), Sources::LocalAndAws, true), "local", "{endpoint}");
    }
}

#[test]
fn rule_1_length() {
    let fits = |length: usize| parse_with(&format!("{PREFIX}{}", "a".repeat(length - 11)), Sources::Aws, false, now());
    assert_ne!(fits(4096).err(), Some(TokenError::TooLong));
    assert_eq!(fits(4097).err(), Some(TokenError::TooLong));
    assert_eq!(fits(1 << 20).err(), Some(TokenError::TooLong));
}

#[test]
fn rule_2_prefix() {
    let token = build(&sts_url());
    for text in ["", "k8s-aws-v1", "Bearer x", &token.replacen("v1", "v2", 1), &format!(" {token}"), &token[11..]] {
        assert_eq!(parse_with(text, Sources::Aws, false, now()).err(), Some(TokenError::Prefix), "{text}");
    }
}

#[test]
fn rule_3_base64url_without_padding() {
    for rest in ["=", "aHR0cHM6Ly8=", "a", "a+b/", "aHR0 cHM", "aHR0cHM\n", "é"] {
        let error = parse_with(&format!("{PREFIX}{rest}"), Sources::Aws, false, now()).err();
        assert_eq!(error, Some(TokenError::Base64), "{rest}");
    }
}

#[test]
fn rule_4_a_url() {
    let bad = sts_url();
    for url in [
        "",
        "sts",
        "https:///",
        "://x/",
        "https:/sts.us-east-1.amazonaws.com/",
        &format!("{bad}#x"),
        &format!("{bad} "),
        &format!("\t{bad}"),
        &bad.replacen(".com/", ".com\\/", 1),
        &bad.replacen(".com/", ".com\u{2024}/", 1),
        &bad.replacen(".com/", ".com\0/", 1),
    ] {
        assert_eq!(refused(url), Some(TokenError::Url), "{url:?}");
    }
    let bytes = [b"https://\xff/".as_slice()].concat();
    let token = format!("{PREFIX}{}", base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, bytes));
    assert_eq!(parse_with(&token, Sources::Aws, false, now()).err(), Some(TokenError::Url));
}

#[test]
fn rule_5_scheme() {
    for scheme in ["http", "ftp", "file"] {
        assert_eq!(refused(&sts_url().replacen("https", scheme, 1)), Some(TokenError::Scheme));
    }
    assert_eq!(refused(&sts_url().replacen("https", "HTTPS", 1)), None);
}

#[test]
fn rule_6_host() {
    let with = |authority: &str| refused(&sts_url().replacen("sts.us-east-1.amazonaws.com", authority, 1));
    assert_eq!(with("sts.amazonaws.com"), None);
    assert_eq!(with("sts-fips.us-east-1.amazonaws.com"), None);
    assert_eq!(with("sts.us-east-1.api.aws"), None);
    assert_eq!(with("jo@sts.us-east-1.amazonaws.com"), Some(TokenError::UserInfo));
    assert_eq!(with("jo:pw@sts.us-east-1.amazonaws.com"), Some(TokenError::UserInfo));
    assert_eq!(with("sts.us-east-1.amazonaws.com@evil.example"), Some(TokenError::UserInfo));
    assert_eq!(with("sts.us-east-1.amazonaws.com:443"), Some(TokenError::Port));
    for host in [
        "evil.example",
        "sts.us-east-1.amazonaws.com.evil.example",
        "sts.cn-north-1.amazonaws.com.cn",
        "sts.us-gov-west-1.amazonaws.com",
        "s3.us-east-1.amazonaws.com",
        "sts.us-east-1%2eamazonaws.com",
        "169.254.169.254",
    ] {
        assert_eq!(with(host), Some(TokenError::Host(Partition::Aws)), "{host}");
    }
}

#[test]
fn rule_7_path() {
    for path in ["", "//", "/x", "/%2f", "/./", "/;"] {
        for good in [sts_url(), local_url()] {
            assert_eq!(refused(&good.replacen("/?", &format!("{path}?"), 1)), Some(TokenError::Path), "{path}");
        }
    }
}

#[test]
fn rule_8_query() {
    for good in [sts_url(), local_url()] {
        for more in ["&Version=%zz", "&Version=%", "&Version=%ff", ";a=b"] {
            assert_eq!(refused(&format!("{good}{more}")), Some(TokenError::Query), "{more}");
        }
        for more in ["&Action=GetCallerIdentity", "&action=x", "&X-AMZ-DATE=x", "&%41ction=x", "&ACTION"] {
            assert_eq!(refused(&format!("{good}{more}")), Some(TokenError::DuplicateParameter), "{more}");
        }
    }
}

#[test]
fn rule_9_parameters() {
    for more in ["&x=", "&RoleArn=a", "&X-Amz-Target=a", "&=x"] {
        for good in [sts_url(), local_url()] {
            assert_eq!(refused(&format!("{good}{more}")), Some(TokenError::UnknownParameter), "{more}");
        }
    }
    let token = parse_with(&build(&sts_url().replace("X-Amz-Date", "x-amz-DATE")), Sources::Aws, false, now());
    assert!(token.is_ok());
}

/// The URL with one parameter set to another value, or taken out.
fn with(url: &str, name: &str, value: Option<&str>) -> String {
    let (base, query) = url.split_once('?').unwrap();
    let parts = query.split('&').filter_map(|part| match (part.split_once('=').unwrap().0 == name, value) {
        (false, _) => Some(part.to_owned()),
        (true, Some(value)) => Some(format!("{name}={value}")),
        (true, None) => None,
    });
    format!("{base}?{}", parts.collect::<Vec<_>>().join("&"))
}

#[test]
fn rules_10_to_13_each_parameter() {
    use TokenError as E;
    let expired = |minutes| E::Expired { minutes };
    for (name, value, error) in [
        ("Action", None, Some(E::Action)),
        ("Action", Some("AssumeRole"), Some(E::Action)),
        ("Action", Some("getcalleridentity"), Some(E::Action)),
        ("X-Amz-SignedHeaders", None, Some(E::ClusterNotSigned)),
        ("X-Amz-SignedHeaders", Some("host"), Some(E::ClusterNotSigned)),
        ("X-Amz-SignedHeaders", Some("host%3Bx-k8s-aws-idx"), Some(E::ClusterNotSigned)),
        ("X-Amz-SignedHeaders", Some("host%3BX-K8S-Aws-Id"), None),
        ("X-Amz-Expires", None, Some(E::Expires)),
        ("X-Amz-Expires", Some(""), Some(E::Expires)),
        ("X-Amz-Expires", Some("-1"), Some(E::Expires)),
        ("X-Amz-Expires", Some("901"), Some(E::Expires)),
        ("X-Amz-Expires", Some("1.5"), Some(E::Expires)),
        ("X-Amz-Expires", Some("99999999999999999999"), Some(E::Expires)),
        ("X-Amz-Expires", Some("0"), None),
        ("X-Amz-Expires", Some("900"), None),
        ("X-Amz-Date", None, Some(E::Date)),
        ("X-Amz-Date", Some("2026-11-24T10:00:00Z"), Some(E::Date)),
        ("X-Amz-Date", Some("20261124T094500Z"), None),
        ("X-Amz-Date", Some("20261124T094459Z"), Some(expired(15))),
        ("X-Amz-Date", Some("20251124T100000Z"), Some(expired(525_600))),
        ("X-Amz-Date", Some("20261124T110000Z"), None),
        ("X-Amz-Credential", None, Some(E::Credential)),
        ("X-Amz-Credential", Some(""), Some(E::Credential)),
        ("Version", None, None),
    ] {
        for good in [sts_url(), local_url()] {
            assert_eq!(refused(&with(&good, name, value)), error, "{name} {value:?}");
        }
    }
}

#[test]
fn a_local_token_verifies_for_its_cluster_alone() {
    for url in [local_url(), sts_url(), url("https://entryway.example"), url("https://entryway.example/")] {
        let token = local(&url);
        assert_eq!(token.access_key_id(), KEY);
        token.verify(&credentials(None), "demo", now()).unwrap();
        let mismatch = Err(TokenError::Signature(SigV4Error::Mismatch));
        assert_eq!(token.verify(&credentials(None), "other", now()), mismatch);
        let other = Credentials { secret: SecretKey::new("another"), ..credentials(None) };
        assert_eq!(token.verify(&other, "demo", now()), mismatch);
        let session = token.verify(&credentials(Some("t")), "demo", now());
        assert_eq!(session, Err(TokenError::Signature(SigV4Error::InvalidToken)));
    }
}

#[test]
fn a_token_of_a_session_needs_its_session_token() {
    let region: Region = "us-east-1".parse().unwrap();
    let session = credentials(Some("tok/en+="));
    let url = presigned_url("http://localhost:4780", &region, "demo", &session, now()).unwrap();
    let token = local(&url);
    token.verify(&session, "demo", now()).unwrap();
    let refused = Err(TokenError::Signature(SigV4Error::InvalidToken));
    assert_eq!(token.verify(&credentials(Some("tok/en+")), "demo", now()), refused);
    assert_eq!(token.verify(&credentials(None), "demo", now()), refused);
}

#[test]
fn the_time_of_a_local_token() {
    let token = local(&local_url());
    let at = |offset| token.verify(&credentials(None), "demo", now() + offset);
    assert_eq!(at(minutes(15)), Ok(()));
    assert_eq!(at(minutes(16)), Err(TokenError::Expired { minutes: 16 }));
    assert_eq!(at(minutes(-5)), Ok(()));
    assert_eq!(at(minutes(-6)), Err(TokenError::FromTheFuture));
}

#[test]
fn the_signature_is_for_sts() {
    let url = local_url().replace("us-east-1%2Fsts%2F", "us-east-1%2Feks%2F");
    assert!(matches!(
        local(&url).verify(&credentials(None), "demo", now()),
        Err(TokenError::Signature(SigV4Error::Scope(_)))
    ));
}

#[test]
fn a_changed_token_is_refused() {
    let url = local_url();
    let start = url.find('?').unwrap() + 1;
    for position in start..url.len() {
        let mut bytes = url.clone().into_bytes();
        bytes[position] ^= 1;
        let token = build(&String::from_utf8(bytes).unwrap());
        let verdict = match parse_with_any_key(&token) {
            Ok(ParsedToken::Local(token)) => token.verify(&credentials(None), "demo", now()),
            Ok(ParsedToken::Sts(_)) => panic!("asks STS"),
            Err(error) => Err(error),
        };
        assert!(verdict.is_err(), "byte {position} of {url}");
    }
}

fn parse_with_any_key(token: &str) -> Result<ParsedToken, TokenError> {
    let locals = locals();
    let rules = TokenRules { partition: Partition::Aws, local_endpoints: &locals, sources: Sources::LocalAndAws };
    parse(token.as_bytes(), &rules, |_| false, now())
}

#[test]
fn neither_errors_nor_debug_show_the_token() {
    let secret_parts = |text: &str| text.contains("Signature=") || text.contains("http");
    let bad = with(&local_url(), "Action", Some("AssumeRole"));
    let error = refused(&bad).unwrap();
    assert!(!secret_parts(&format!("{error} {error:?}")));
    let token = local(&local_url());
    assert!(!secret_parts(&format!("{token:?}")));
    let error = token.verify(&credentials(None), "other", now()).unwrap_err();
    assert!(!secret_parts(&format!("{error} {error:?}")));
}

#[test]
fn endpoints_to_sign_for_are_checked() {
    let region: Region = "us-east-1".parse().unwrap();
    for endpoint in ["", "sts.amazonaws.com", "https://", "https://a@b", "https://a/b", "https://a/?x", "https://a b"] {
        let made = presigned_url(endpoint, &region, "demo", &credentials(None), now());
        assert_eq!(made.err(), Some(TokenError::Url), "{endpoint}");
    }
}

//! Canonical requests and the signature over them: the one place that both signing and checking go through.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::query::{QueryError, decode_query, encode, encode_except};
use super::{PayloadHash, RequestParts, Scope, format_amz_date};
use crate::SecretKey;

pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
pub(super) const TERMINATOR: &str = "aws4_request";

/// The path as it is signed: dot segments and empty segments removed, then encoded once more than it came
/// (`%3A` becomes `%253A`). S3 alone does otherwise. Signers differ on a dot segment at the very end, which no call has;
/// here it goes with the slash before it, as in botocore.
pub(super) fn canonical_path(raw: &str) -> String {
    let mut segments = Vec::new();
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    let mut path = format!("/{}", segments.join("/"));
    if raw.ends_with('/') && !segments.is_empty() {
        path.push('/');
    }
    encode_except(path.as_bytes(), b"/")
}

/// The query as it is signed: every parameter but the signature itself, re-encoded, sorted by name and then value.
pub(super) fn canonical_query(raw: &str) -> Result<String, QueryError> {
    let mut pairs: Vec<(String, String)> = decode_query(raw)?
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("X-Amz-Signature"))
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    pairs.sort();
    Ok(pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&"))
}

/// The canonical request. `signed_headers` are lower case and ascending; the values of one that came several times
/// are joined with commas, runs of blanks become one.
pub(super) fn canonical_request(
    request: &RequestParts<'_>,
    signed_headers: &[String],
    payload: PayloadHash,
) -> Result<Vec<u8>, QueryError> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(request.method.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(canonical_path(request.path).as_bytes());
    out.push(b'\n');
    out.extend_from_slice(canonical_query(request.query)?.as_bytes());
    out.push(b'\n');
    for name in signed_headers {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        for (index, value) in request.header(name).enumerate() {
            if index > 0 {
                out.push(b',');
            }
            push_trimmed(&mut out, value);
        }
        out.push(b'\n');
    }
    out.push(b'\n');
    out.extend_from_slice(signed_headers.join(";").as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload.to_hex().as_bytes());
    Ok(out)
}

fn push_trimmed(out: &mut Vec<u8>, value: &[u8]) {
    let words = value.split(|b| b.is_ascii_whitespace()).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

/// `DATE/REGION/SERVICE/aws4_request`.
pub(super) fn credential_scope(signed_at: &str, scope: Scope<'_>) -> String {
    let date = signed_at.get(..8).unwrap_or(signed_at);
    format!("{date}/{}/{}/{TERMINATOR}", scope.region, scope.service)
}

/// The signature over a canonical request, 64 small hexadecimal digits.
pub(super) fn signature(canonical: &[u8], secret: &SecretKey, scope: Scope<'_>, signed_at: Timestamp) -> String {
    let time = format_amz_date(signed_at);
    let date = time.get(..8).unwrap_or(&time);
    let text =
        format!("{ALGORITHM}\n{time}\n{}\n{}", credential_scope(&time, scope), hex::encode(Sha256::digest(canonical)));
    let first = Zeroizing::new(format!("AWS4{}", secret.expose()));
    let mut key = hmac(first.as_bytes(), date.as_bytes());
    for part in [scope.region, scope.service, TERMINATOR] {
        key = hmac(&*key, part.as_bytes());
    }
    hex::encode(*hmac(&*key, text.as_bytes()))
}

/// HMAC-SHA-256, by the key's block so that no key is of a wrong length.
fn hmac(key: &[u8], data: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut block = Zeroizing::new([0_u8; 64]);
    let hashed: Zeroizing<[u8; 32]>;
    let key = if key.len() > block.len() {
        hashed = Zeroizing::new(Sha256::digest(key).into());
        hashed.as_slice()
    } else {
        key
    };
    for (slot, byte) in block.iter_mut().zip(key) {
        *slot = *byte;
    }
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    mac.update(data);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_key_is_hashed_as_rfc_4231_has_it() {
        let mac = hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(hex::encode(*mac), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }

    #[test]
    fn paths_are_normalised_and_encoded_once_more() {
        for (raw, canonical) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/a//b/", "/a/b/"),
            ("/a/./b/../c", "/a/c"),
            ("/../..", "/"),
            ("/clusters/c/access-entries/arn%3Aaws%2Fx", "/clusters/c/access-entries/arn%253Aaws%252Fx"),
            ("/arn:aws", "/arn%3Aaws"),
            ("/a%20b~c", "/a%2520b~c"),
            ("/ሴ", "/%E1%88%B4"),
        ] {
            assert_eq!(canonical_path(raw), canonical, "{raw}");
        }
    }

    #[test]
    fn queries_are_sorted_and_re_encoded() {
        for (raw, canonical) in [
            ("", ""),
            ("a", "a="),
            ("b=2&a=1&a=0", "a=0&a=1&b=2"),
            ("a=x%2fy&A=x/y", "A=x%2Fy&a=x%2Fy"),
            ("a=1+2&b=%7e", "a=1%202&b=~"),
            ("X-Amz-Signature=00&x=1", "x=1"),
        ] {
            assert_eq!(canonical_query(raw).unwrap(), canonical, "{raw}");
        }
        assert_eq!(canonical_query("a=%zz"), Err(QueryError::BadEscape));
        assert_eq!(canonical_query("a=%f"), Err(QueryError::BadEscape));
        assert_eq!(canonical_query("a=%ff"), Err(QueryError::NotUtf8));
    }
}

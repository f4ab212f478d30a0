//! When access ends, as tags of an access entry say it: the EKS API has no member for it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::PolicyName;

/// The tag that ends an entry.
pub const EXPIRES_AT: &str = "entryway:expires-at";
/// The beginning of the tag that ends one association; the policy's name follows.
pub const EXPIRES_POLICY: &str = "entryway:expires/";

/// A value of such a tag that is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time in UTC such as 2030-01-31T18:00:00Z")]
pub struct EndError(pub String);

/// The tag that ends the association of a policy.
pub fn expires_key(policy: &PolicyName) -> String {
    format!("{EXPIRES_POLICY}{policy}")
}

/// Reads an end: RFC 3339 in UTC.
///
/// # Errors
/// Anything else, other zones too: who reads such a tag should not have to reckon.
pub fn parse_end(value: &str) -> Result<Timestamp, EndError> {
    let wrong = || EndError(value.to_owned());
    let time = value.strip_suffix(['Z', 'z']).or_else(|| value.strip_suffix("+00:00")).ok_or_else(wrong)?;
    if !time.contains(['T', 't', ' ']) {
        return Err(wrong());
    }
    value.parse().map_err(|_| wrong())
}

/// The end that a tag gives, for whoever decides. A value that can't be read has ended: an unknown end must not
/// become no end.
pub fn end_of(tags: &BTreeMap<String, String>, key: &str) -> Option<Timestamp> {
    tags.get(key).map(|value| parse_end(value).unwrap_or(Timestamp::UNIX_EPOCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_cant_be_read_is_over() {
        let of = |value: &str| end_of(&[(EXPIRES_AT.to_owned(), value.to_owned())].into(), EXPIRES_AT);
        assert_eq!(of("2030-01-31T18:00:00Z"), Some("2030-01-31T18:00:00Z".parse().unwrap()));
        for broken in ["", "soon", "2030-01-31", "2030-01-31T18:00:00+02:00"] {
            assert_eq!(of(broken), Some(Timestamp::UNIX_EPOCH), "{broken}");
        }
        assert_eq!(end_of(&BTreeMap::new(), EXPIRES_AT), None);
    }
}

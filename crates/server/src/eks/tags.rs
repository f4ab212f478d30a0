//! Tags: AWS's limits, and those of Entryway's own that give access an end.

use std::collections::{BTreeMap, BTreeSet};

use entryway_access::{EXPIRES_AT, EXPIRES_POLICY, parse_end};

/// Tags of a resource.
pub(crate) type Tags = BTreeMap<String, String>;

/// What both of them begin with.
const EXPIRES: &str = "entryway:expires";

const MAX_TAGS: usize = 50;
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

/// Checks tags that are given to a resource.
pub(crate) fn check(given: &Tags) -> Result<(), String> {
    for (key, value) in given {
        let length = key.chars().count();
        if !(1..=MAX_KEY).contains(&length) {
            return Err(format!("The tag key must have 1 to {MAX_KEY} characters, this one has {length}"));
        }
        if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            return Err(format!("The tag key {key} is invalid, it cannot start with aws:"));
        }
        let length = value.chars().count();
        if length > MAX_VALUE {
            return Err(format!("The value of tag {key} has {length} characters, at most {MAX_VALUE} are allowed"));
        }
        if is_expiry(key)? {
            parse_end(value).map_err(|rule| format!("The value of tag {key} is invalid: {rule}"))?;
        }
    }
    Ok(())
}

/// The tags of a resource with `given` added; at most 50.
pub(crate) fn merge(have: &Tags, given: &Tags) -> Result<Tags, String> {
    check(given)?;
    let mut all = have.clone();
    all.extend(given.iter().map(|(k, v)| (k.clone(), v.clone())));
    if all.len() > MAX_TAGS {
        return Err(format!("A resource may have at most {MAX_TAGS} tags, this would be {}", all.len()));
    }
    Ok(all)
}

/// Whether a key is one of those that give an end. A slip in such a key would leave access without its end, so it is
/// refused.
fn is_expiry(key: &str) -> Result<bool, String> {
    if !key.get(..EXPIRES.len()).is_some_and(|start| start.eq_ignore_ascii_case(EXPIRES)) {
        return Ok(false);
    }
    match key.strip_prefix(EXPIRES_POLICY) {
        Some(policy) if !policy.is_empty() => Ok(true),
        None if key == EXPIRES_AT => Ok(true),
        _ => Err(format!(
            "The tag key {key} is invalid: access ends by {EXPIRES_AT} (the entry) or {EXPIRES_POLICY}POLICY_NAME (one policy)"
        )),
    }
}

/// The keys that give an end and differ between two states of a resource: added, changed or removed.
pub(crate) fn changed_ends<'a>(before: &'a Tags, after: &'a Tags) -> impl Iterator<Item = &'a str> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let ends = keys.into_iter().filter(|key| key.starts_with(EXPIRES));
    ends.filter(|key| before.get(*key) != after.get(*key)).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn limits() {
        assert_eq!(check(&tags(&[("team", "a"), (&"k".repeat(128), &"v".repeat(256)), ("é", "")])), Ok(()));
        for (key, value) in [("", "x"), (&*"k".repeat(129), ""), ("k", &*"v".repeat(257)), ("aws:x", ""), ("AWS:x", "")]
        {
            assert!(check(&tags(&[(key, value)])).is_err(), "{key}");
        }
        let many: Tags = (0..50).map(|n| (n.to_string(), String::new())).collect();
        assert_eq!(merge(&many, &tags(&[("0", "new")])).map(|t| t.len()), Ok(50));
        assert!(merge(&many, &tags(&[("one more", "")])).is_err());
    }

    #[test]
    fn ends_are_checked_when_written() {
        for (key, value) in [
            (EXPIRES_AT, "2030-01-31T18:00:00Z"),
            ("entryway:expires/AmazonEKSViewPolicy", "2030-01-31T18:00:00.5+00:00"),
        ] {
            assert_eq!(check(&tags(&[(key, value)])), Ok(()), "{key}");
        }
        for (key, value) in [
            (EXPIRES_AT, "tomorrow"),
            (EXPIRES_AT, "2030-01-31"),
            (EXPIRES_AT, "2030-01-31T18:00:00"),
            (EXPIRES_AT, "2030-01-31T18:00:00+02:00"),
            ("entryway:expires/", "2030-01-31T18:00:00Z"),
            ("entryway:expires", "2030-01-31T18:00:00Z"),
            ("entryway:expires_at", "2030-01-31T18:00:00Z"),
            ("Entryway:Expires-At", "2030-01-31T18:00:00Z"),
        ] {
            assert!(check(&tags(&[(key, value)])).is_err(), "{key}={value}");
        }
    }
}

//! Tags of roles, users, policies and sessions: at most 50, keys without regard to case.

use serde::{Deserialize, Serialize};

use crate::DirectoryError;
use crate::names::check_length;

/// The most tags that one thing has.
pub const MAX_TAGS: usize = 50;

/// One tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// 1 to 128 characters.
    pub key: String,
    /// At most 256 characters.
    pub value: String,
}

/// Valid tags, none of whose keys is there twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(Vec<Tag>);

impl Tags {
    /// Checks tags as a request gives them.
    pub fn new(tags: Vec<Tag>) -> Result<Self, DirectoryError> {
        for (index, tag) in tags.iter().enumerate() {
            check_tag(index + 1, tag)?;
            if tags.iter().take(index).any(|other| same_key(&other.key, &tag.key)) {
                return Err(DirectoryError::InvalidInput(
                    "Duplicate tag keys found. Please note that Tag keys are case insensitive.".to_owned(),
                ));
            }
        }
        let tags = Self(tags);
        tags.check_number()?;
        Ok(tags)
    }

    /// Adds tags; one whose key is there already takes its place.
    pub fn merge(&mut self, more: &Tags) -> Result<(), DirectoryError> {
        for tag in &more.0 {
            match self.0.iter_mut().find(|old| same_key(&old.key, &tag.key)) {
                Some(old) => old.clone_from(tag),
                None => self.0.push(tag.clone()),
            }
        }
        self.check_number()
    }

    /// Removes tags by their keys; keys that are not there are passed over.
    pub fn remove(&mut self, keys: &[String]) {
        self.0.retain(|tag| !keys.iter().any(|key| same_key(key, &tag.key)));
    }

    /// A tag's value.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|tag| same_key(&tag.key, key)).map(|tag| tag.value.as_str())
    }

    /// The tags, in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn check_number(&self) -> Result<(), DirectoryError> {
        if self.0.len() > MAX_TAGS {
            return Err(DirectoryError::LimitExceeded("The number of tags has reached the maximum limit.".to_owned()));
        }
        Ok(())
    }
}

fn same_key(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

fn check_tag(place: usize, tag: &Tag) -> Result<(), DirectoryError> {
    let key = format!("tags.{place}.member.key");
    let value = format!("tags.{place}.member.value");
    check_length(&key, &tag.key, 1, 128)?;
    check_length(&value, &tag.value, 0, 256)?;
    for (parameter, text, count) in [(&key, &tag.key, '+'), (&value, &tag.value, '*')] {
        if !text.chars().all(allowed) {
            return Err(DirectoryError::constraint(
                parameter,
                format_args!(
                    "Member must satisfy regular expression pattern: [\\p{{L}}\\p{{Z}}\\p{{N}}_.:/=+\\-@]{count}"
                ),
            ));
        }
    }
    if tag.key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
        return Err(DirectoryError::InvalidInput(
            "System tags cannot be added/updated by requester: tag keys must not begin with aws:".to_owned(),
        ));
    }
    Ok(())
}

/// Letters, numbers, separators and a few signs.
fn allowed(c: char) -> bool {
    c.is_alphanumeric() || "_.:/=+-@ ".contains(c) || (c.is_whitespace() && !c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: key.into(), value: value.into() }
    }

    #[test]
    fn tags_are_checked() {
        let code = |tags: Vec<Tag>| Tags::new(tags).unwrap_err().code();
        assert!(Tags::new(vec![tag("Größe x_.:/=+-@", ""), tag("b", "1")]).is_ok());
        assert_eq!(code(vec![tag("", "x")]), "ValidationError");
        assert_eq!(code(vec![tag(&"k".repeat(129), "x")]), "ValidationError");
        assert_eq!(code(vec![tag("k", &"x".repeat(257))]), "ValidationError");
        assert_eq!(code(vec![tag("k", "a;b")]), "ValidationError");
        assert_eq!(code(vec![tag("k\n", "a")]), "ValidationError");
        assert_eq!(code(vec![tag("AWS:k", "a")]), "InvalidInput");
        assert_eq!(code(vec![tag("Team", "a"), tag("team", "b")]), "InvalidInput");
        let many = |n: usize| (0..n).map(|i| tag(&format!("k{i}"), "")).collect::<Vec<_>>();
        assert!(Tags::new(many(50)).is_ok());
        assert_eq!(code(many(51)), "LimitExceeded");
    }

    #[test]
    fn merging_replaces_whatever_the_case() {
        let mut tags = Tags::new(vec![tag("Team", "a"), tag("x", "1")]).unwrap();
        tags.merge(&Tags::new(vec![tag("team", "b")]).unwrap()).unwrap();
        assert_eq!(tags.iter().cloned().collect::<Vec<_>>(), [tag("team", "b"), tag("x", "1")]);
        assert_eq!(tags.get("TEAM"), Some("b"));
        tags.remove(&["TEAM".into(), "absent".into()]);
        assert_eq!(tags.get("team"), None);
        let many = Tags::new((0..50).map(|i| tag(&format!("k{i}"), "")).collect()).unwrap();
        assert_eq!(tags.merge(&many).unwrap_err().code(), "LimitExceeded");
    }
}

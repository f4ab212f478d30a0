//! Tags as text to edit: `key=value`, one a line. Where a key or value has what would be read otherwise (an equals
//! sign in the key, ends of lines), both stand as JSON strings: `"a=b"="c"`.

use crate::eks::Tags;

/// All tags, one a line.
pub(super) fn write<'a>(tags: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    tags.map(|(key, value)| line(key, value)).collect::<Vec<_>>().join("\n")
}

fn line(key: &str, value: &str) -> String {
    let plain = |text: &str| {
        text.trim() == text && !text.starts_with('"') && !text.contains(|c: char| c.is_control() || c == '\u{2028}')
    };
    match plain(key) && plain(value) && !key.contains('=') && !key.is_empty() {
        true => format!("{key}={value}"),
        false => format!("{}={}", serde_json::json!(key), serde_json::json!(value)),
    }
}

/// Reads them; an error is for people.
pub(super) fn read(text: &str) -> Result<Tags, String> {
    let mut tags = Tags::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (key, value) = pair(line).ok_or_else(|| format!("`{line}` must be written `key=value`"))?;
        if tags.insert(key.clone(), value).is_some() {
            return Err(format!("the key `{key}` is there twice"));
        }
    }
    Ok(tags)
}

fn pair(line: &str) -> Option<(String, String)> {
    if !line.starts_with('"') {
        let (key, value) = line.split_once('=')?;
        return Some((key.trim().to_owned(), value.trim().to_owned()));
    }
    let mut keys = serde_json::Deserializer::from_str(line).into_iter::<String>();
    let key = keys.next()?.ok()?;
    let value = line.get(keys.byte_offset()..)?.trim_start().strip_prefix('=')?;
    Some((key, serde_json::from_str(value).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_people_write_them() {
        let tags = read(" team = pay=ments \r\n\n\"a=b\"=\"c\\nd\"\nempty=").unwrap();
        let expected = [("a=b", "c\nd"), ("empty", ""), ("team", "pay=ments")];
        assert_eq!(tags, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
        assert_eq!(write(tags.iter()), "\"a=b\"=\"c\\nd\"\nempty=\nteam=pay=ments");
        for bad in ["x", "\"x", "\"x\"", "\"x\"=y", "a=1\na=2"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(tags in proptest::collection::btree_map("(?s).{0,8}", "(?s).{0,8}", 0..5)) {
            prop_assert_eq!(read(&write(tags.iter())), Ok(tags));
        }
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).{0,40}") {
            let _ = read(&text);
        }
    }
}

//! JSON values as YAML: block style, strings quoted where YAML would read them as something else.

use serde_json::Value;

/// The text of a value, ending in a line feed.
pub(crate) fn to_string(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => block(&mut out, value, 0, false),
        Value::Array(list) if !list.is_empty() => block(&mut out, value, 0, false),
        scalar => {
            out.push_str(&inline(scalar));
            out.push('\n');
        }
    }
    out
}

/// The lines of an object or list. `inline_first`: the first line goes on behind a `- `.
fn block(out: &mut String, value: &Value, indent: usize, inline_first: bool) {
    let mut first = inline_first;
    let mut start = |out: &mut String| {
        if !std::mem::take(&mut first) {
            out.extend(std::iter::repeat_n(' ', indent));
        }
    };
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                start(out);
                out.push_str(&string(key));
                out.push(':');
                match value {
                    Value::Object(inner) if !inner.is_empty() => {
                        out.push('\n');
                        block(out, value, indent + 2, false);
                    }
                    Value::Array(inner) if !inner.is_empty() => {
                        out.push('\n');
                        block(out, value, indent, false);
                    }
                    scalar => {
                        out.push(' ');
                        out.push_str(&inline(scalar));
                        out.push('\n');
                    }
                }
            }
        }
        Value::Array(list) => {
            for value in list {
                start(out);
                out.push_str("- ");
                match value {
                    Value::Object(inner) if !inner.is_empty() => block(out, value, indent + 2, true),
                    Value::Array(inner) if !inner.is_empty() => block(out, value, indent + 2, true),
                    scalar => {
                        out.push_str(&inline(scalar));
                        out.push('\n');
                    }
                }
            }
        }
        scalar => {
            out.push_str(&inline(scalar));
            out.push('\n');
        }
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => string(text),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
        other => other.to_string(),
    }
}

/// A string, in double quotes (JSON's, which YAML reads) unless it is plainly one.
pub(crate) fn string(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { Value::from(text).to_string() }
}

fn is_plain(text: &str) -> bool {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./:@+=,(){}".contains(c) || c == ' ';
    let Some(first) = text.chars().next() else { return false };
    let reads_as_other = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word));
    // What begins with a letter or `/` is no number; dates and numbers begin with a digit, sign or dot.
    (first.is_ascii_alphabetic() || first == '/')
        && text.chars().all(safe)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.contains(['{', '}'])
        && !reads_as_other
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use saphyr::LoadableYamlNode;
    use serde_json::json;

    #[test]
    fn block_style_with_quotes_where_needed() {
        let value = json!({
            "name": "arn:aws:eks:us-east-1:1:cluster/x", "empty": [], "none": {}, "version": "1.36", "on": "yes", "n": 3,
            "list": ["--region", "us-east-1", {"a": "b", "c": [["d"]]}], "text": "two\nlines", "z": null, "t": true,
        });
        assert_eq!(
            to_string(&value),
            r#"empty: []
list:
- "--region"
- us-east-1
- a: b
  c:
  - - d
"n": 3
name: arn:aws:eks:us-east-1:1:cluster/x
none: {}
"on": "yes"
t: true
text: "two\nlines"
version: "1.36"
z: null
"#
        );
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[ -~äñ\n\t]{0,12}".prop_map(Value::from),
            prop_oneof!["yes|no|null|~|1.5|0x1|true|1e3|-|- a|a: b|a #b|:|\\?|!x|&a|\\*a|%|@|`|<<|=|2024-01-01"]
                .prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("[a-z0-9:# -]{1,6}", inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    fn same(yaml: &saphyr::Yaml<'_>, json: &Value) -> bool {
        match json {
            Value::Null => yaml.is_null(),
            Value::Bool(b) => yaml.as_bool() == Some(*b),
            Value::Number(n) => yaml.as_integer() == n.as_i64(),
            Value::String(s) => yaml.as_str() == Some(s.as_str()),
            Value::Array(list) => yaml
                .as_vec()
                .is_some_and(|found| found.len() == list.len() && found.iter().zip(list).all(|(y, j)| same(y, j))),
            Value::Object(map) => yaml.as_mapping().is_some_and(|found| {
                found.len() == map.len() && map.iter().all(|(k, j)| yaml.as_mapping_get(k).is_some_and(|y| same(y, j)))
            }),
        }
    }

    proptest! {
        #[test]
        fn reads_back_as_it_was(value in any_value()) {
            let text = to_string(&value);
            let read = saphyr::Yaml::load_from_str(&text).unwrap();
            prop_assert!(same(&read[0], &value), "{value}\n{text}\n{read:?}");
        }
    }
}

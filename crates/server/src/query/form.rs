//! The parameters of the query protocol: `Name=value` pairs, with `List.member.N` and `List.member.N.Field` for
//! what is nested.

use std::collections::{BTreeMap, BTreeSet};

use entryway_directory::{Tag, Tags};
use entryway_iam::sigv4::decode_query;
use serde_json::{Map, Value};

use super::QueryError;

/// The most parameters of one call. Fifty tags are a hundred.
const MOST: usize = 1000;
/// The most levels of a nested parameter: `Tags.member.1.Key` has four.
const DEEPEST: usize = 8;

/// All parameters of a call, none twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads the query string of a request and the form of its body, both as they came.
    pub(crate) fn parse(query: &str, body: &[u8]) -> Result<Self, QueryError> {
        let malformed = |why: String| QueryError::new("MalformedQueryString", 400, why);
        let body = std::str::from_utf8(body).map_err(|_| malformed("The request body is not UTF-8".to_owned()))?;
        let mut all = BTreeMap::new();
        for (place, text) in [("query string", query), ("request body", body.trim_end())] {
            let pairs = decode_query(text).map_err(|error| malformed(format!("The {place} is not a form: {error}")))?;
            for (name, value) in pairs {
                if all.len() >= MOST {
                    return Err(malformed(format!("The request has more than {MOST} parameters")));
                }
                if name.split('.').count() > DEEPEST {
                    return Err(malformed(format!("A parameter is nested more than {DEEPEST} levels deep")));
                }
                if all.contains_key(&name) {
                    let shown: String = name.chars().take(64).collect();
                    return Err(malformed(format!("The parameter {shown} is there twice")));
                }
                all.insert(name, value);
            }
        }
        Ok(Self(all))
    }

    /// A parameter's text.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter that has to be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, QueryError> {
        self.get(name).ok_or_else(|| {
            QueryError::validation(format!(
                "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
                lower_first(name)
            ))
        })
    }

    /// A whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u32>, QueryError> {
        self.get(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    QueryError::constraint(&lower_first(name), &shortened(text), "Member must be a whole number")
                })
            })
            .transpose()
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, QueryError> {
        self.get(name)
            .map(|text| match text {
                "true" | "True" | "TRUE" => Ok(true),
                "false" | "False" | "FALSE" => Ok(false),
                other => {
                    Err(QueryError::constraint(&lower_first(name), &shortened(other), "Member must be true or false"))
                }
            })
            .transpose()
    }

    /// A list of texts: `Name.member.1`, `Name.member.2`, …
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, QueryError> {
        self.members(name)?
            .into_iter()
            .map(|number| Ok(self.required(&format!("{name}.member.{number}"))?.to_owned()))
            .collect()
    }

    /// One field of each structure of a list: `Name.member.1.Field`, …
    pub(super) fn fields(&self, name: &str, field: &str) -> Result<Vec<String>, QueryError> {
        self.members(name)?
            .into_iter()
            .map(|number| Ok(self.required(&format!("{name}.member.{number}.{field}"))?.to_owned()))
            .collect()
    }

    /// The tags of a request; none where there are none.
    pub(super) fn tags(&self) -> Result<Tags, QueryError> {
        let keys = self.fields("Tags", "Key")?;
        let values = self.fields("Tags", "Value")?;
        let tags = keys.into_iter().zip(values).map(|(key, value)| Tag { key, value }).collect();
        Ok(Tags::new(tags)?)
    }

    /// The numbers of a list's members, ascending.
    fn members(&self, name: &str) -> Result<Vec<u32>, QueryError> {
        let start = format!("{name}.member.");
        let mut numbers = BTreeSet::new();
        for parameter in self.0.range(start.clone()..).map(|(name, _)| name).take_while(|name| name.starts_with(&start))
        {
            let number = parameter.strip_prefix(&start).and_then(|rest| rest.split('.').next()).unwrap_or_default();
            let plain = number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
            let number = number.parse::<u32>().ok().filter(|_| plain).ok_or_else(|| {
                QueryError::new("MalformedInput", 400, format!("{} is not a member of a list", shortened(parameter)))
            })?;
            numbers.insert(number);
        }
        Ok(numbers.into_iter().collect())
    }

    /// The parameters as CloudTrail tells them: nested, names beginning small, without what only travels.
    pub(super) fn to_json(&self) -> Value {
        let mut all = Node::default();
        for (name, value) in &self.0 {
            let travels = matches!(name.as_str(), "Action" | "Version")
                || name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"));
            if !travels {
                let value = if name == "TokenCode" { "HIDDEN_DUE_TO_SECURITY_REASONS" } else { value };
                all.insert(&mut name.split('.').filter(|part| *part != "member"), value);
            }
        }
        if all.below.is_empty() { Value::Null } else { all.to_json() }
    }
}

/// A parameter on its way from dots to JSON.
#[derive(Default)]
struct Node<'a> {
    value: Option<&'a str>,
    below: BTreeMap<&'a str, Node<'a>>,
}

impl<'a> Node<'a> {
    fn insert(&mut self, path: &mut impl Iterator<Item = &'a str>, value: &'a str) {
        match path.next() {
            Some(part) => self.below.entry(part).or_default().insert(path, value),
            None => self.value = Some(value),
        }
    }

    fn to_json(&self) -> Value {
        if self.below.is_empty() {
            return Value::String(self.value.unwrap_or_default().to_owned());
        }
        let mut numbered: Vec<(u32, &Node<'_>)> =
            self.below.iter().filter_map(|(name, node)| Some((name.parse().ok()?, node))).collect();
        if numbered.len() == self.below.len() {
            numbered.sort_by_key(|(number, _)| *number);
            return Value::Array(numbered.into_iter().map(|(_, node)| node.to_json()).collect());
        }
        let members: Map<String, Value> =
            self.below.iter().map(|(name, node)| (lower_first(name), node.to_json())).collect();
        Value::Object(members)
    }
}

/// `roleName` for `RoleName`.
pub(super) fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// The beginning of a text that somebody sent, for a message.
fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parsed(body: &str) -> Parameters {
        Parameters::parse("", body.as_bytes()).unwrap()
    }

    fn message(error: QueryError) -> String {
        error.parts().2.to_owned()
    }

    #[test]
    fn lists_and_structures() {
        let form = parsed(
            "Action=TagRole&Tags.member.2.Key=b&Tags.member.2.Value=2&Tags.member.1.Key=a&Tags.member.1.Value=\
             &TagKeys.member.10=y&TagKeys.member.9=x&Empty=",
        );
        let tags: Vec<(String, String)> =
            form.tags().unwrap().iter().map(|t| (t.key.clone(), t.value.clone())).collect();
        assert_eq!(tags, [("a".to_owned(), String::new()), ("b".to_owned(), "2".to_owned())]);
        assert_eq!(form.texts("TagKeys").unwrap(), ["x", "y"]);
        assert_eq!(form.texts("Empty").unwrap(), Vec::<String>::new());
        assert_eq!(
            form.to_json(),
            json!({"tags": [{"key": "a", "value": ""}, {"key": "b", "value": "2"}], "tagKeys": ["x", "y"], "empty": ""})
        );
    }

    #[test]
    fn query_string_and_body_are_one() {
        let form = Parameters::parse("Action=GetUser&X-Amz-Signature=abc", b"UserName=jo+ann%2Ex\n").unwrap();
        assert_eq!((form.get("Action"), form.get("UserName")), (Some("GetUser"), Some("jo ann.x")));
        assert_eq!(form.to_json(), json!({"userName": "jo ann.x"}));
        assert_eq!(parsed("Action=X").to_json(), Value::Null);
    }

    #[test]
    fn bad_forms() {
        let refused = |query: &str, body: &[u8]| message(Parameters::parse(query, body).unwrap_err());
        assert_eq!(refused("", b"\xff"), "The request body is not UTF-8");
        assert_eq!(refused("a=1", b"a=2"), "The parameter a is there twice");
        assert!(refused("a=%zz", b"").starts_with("The query string is not a form"));
        let many: String = (0..1001).map(|i| format!("p{i}=&")).collect();
        assert_eq!(refused("", many.as_bytes()), "The request has more than 1000 parameters");
        assert!(refused("", "a.".repeat(50).as_bytes()).contains("levels"));
    }

    #[test]
    fn bad_values() {
        let form = parsed("N=1x&F=yes&L.member.x=1&M.member.01=1&Tags.member.1.Key=a");
        let null = "1 validation error detected: Value null at 'roleName' failed to satisfy constraint: Member must not be null";
        assert_eq!(message(form.required("RoleName").unwrap_err()), null);
        assert!(message(form.number("N").unwrap_err()).contains("'1x' at 'n'"));
        assert!(form.flag("F").is_err());
        assert!(form.texts("L").is_err());
        assert!(form.texts("M").is_err());
        assert!(message(form.tags().unwrap_err()).contains("'tags.member.1.Value'"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(query in ".*", body in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(form) = Parameters::parse(&query, &body) {
                let _ = (form.to_json(), form.tags().is_ok(), form.texts("Tags").is_ok());
            }
        }

        #[test]
        fn any_form_is_taken(parts in proptest::collection::vec("[AT.]{0,3}(Tags|TagKeys|a)?(\\.member\\.)?[0-9]{0,11}(\\.Key|\\.Value)?=?[%+a-z0-9]{0,4}", 0..12)) {
            if let Ok(form) = Parameters::parse("", parts.join("&").as_bytes()) {
                let _ = (form.to_json(), form.tags().is_ok(), form.texts("TagKeys").is_ok(), form.number("a").is_ok());
            }
        }
    }
}

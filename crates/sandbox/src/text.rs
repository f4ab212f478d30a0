//! Small texts in the form that Go prints them, since clients and people compare Kubernetes' messages.

use std::collections::HashSet;

pub(crate) use entryway_objects::validate::go_quote as quote;

/// A list of strings as Go's `%q` prints it: `["a" "b"]`.
pub(crate) fn quote_all<S: AsRef<str>>(texts: &[S]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quote(text.as_ref())).collect();
    format!("[{}]", quoted.join(" "))
}

/// Several errors as Go's aggregate prints them: alone, or in brackets with commas; each text once.
pub(crate) fn aggregate(errors: &[String]) -> String {
    let mut seen = HashSet::new();
    let once: Vec<&str> = errors.iter().map(String::as_str).filter(|error| seen.insert(*error)).collect();
    match once.as_slice() {
        [one] => (*one).to_owned(),
        many => format!("[{}]", many.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_quoted_as_go_does() {
        assert_eq!(quote_all(&["a", ""]), r#"["a" ""]"#);
    }

    #[test]
    fn one_error_stands_alone_and_repeats_are_dropped() {
        assert_eq!(aggregate(&["a".into(), "a".into()]), "a");
        assert_eq!(aggregate(&["a".into(), "b".into()]), "[a, b]");
    }
}

//! Fields of forms and queries, as a browser sends them.

use entryway_iam::sigv4::{decode_query, uri_encode};

/// Names and values in their order. Nothing is believed yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads `a=b&c=d`; `None` where it is no such text.
    pub(super) fn parse(text: &str) -> Option<Form> {
        decode_query(text).ok().map(Form)
    }

    /// Of pairs.
    pub(super) fn of(pairs: &[(&str, &str)]) -> Form {
        Form(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// The first value of that name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The first value without white space around it; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default().trim()
    }

    /// The words of a field that takes several: one a line, or with commas between them.
    pub(super) fn words(&self, name: &str) -> Vec<String> {
        let lines = self.text(name).split(['\n', ',']);
        lines.map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    /// Whether a box is ticked.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A number from 1 on; 1 where it is missing or none.
    pub(super) fn page(&self) -> usize {
        self.text("page").parse().ok().filter(|page| *page > 0).unwrap_or(1)
    }

    /// All but these.
    pub(super) fn without(&self, names: &[&str]) -> Form {
        Form(self.0.iter().filter(|(name, _)| !names.contains(&name.as_str())).cloned().collect())
    }

    /// The same with one value in place of those of that name.
    pub(super) fn with(&self, name: &str, value: &str) -> Form {
        let mut next = self.without(&[name]);
        next.0.push((name.to_owned(), value.to_owned()));
        next
    }

    /// All pairs.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// As a query string, without fields that are empty.
    pub(super) fn to_query(&self) -> String {
        let pairs = self.pairs().filter(|(_, value)| !value.is_empty());
        pairs.map(|(name, value)| format!("{}={}", uri_encode(name), uri_encode(value))).collect::<Vec<_>>().join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields() {
        let form = Form::parse("a=+x%0D%0Ay%2C+z+&b=&a=2&page=0").unwrap();
        assert_eq!(form.text("a"), "x\r\ny, z");
        assert_eq!(form.words("a"), ["x", "y", "z"]);
        assert_eq!((form.get("b"), form.get("c"), form.page()), (Some(""), None, 1));
        assert_eq!(form.with("a", "&=").to_query(), "page=0&a=%26%3D");
        assert_eq!(Form::parse("%zz"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(pairs in proptest::collection::vec((".{1,8}", ".{1,12}"), 0..6)) {
            let form = Form(pairs);
            prop_assert_eq!(Form::parse(&form.to_query()), Some(form));
        }
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            let _ = Form::parse(&text);
        }
    }
}

//! XML as the query services write it.

use jiff::Timestamp;

/// The members of a result, being written.
#[derive(Debug, Clone)]
pub(super) struct Xml {
    text: String,
    depth: usize,
}

impl Xml {
    /// The members of an operation's result, which stand two elements deep.
    pub(super) fn result() -> Self {
        Self { text: String::new(), depth: 2 }
    }

    /// An element with a text.
    pub(super) fn leaf(&mut self, name: &str, value: impl std::fmt::Display) -> &mut Self {
        self.indent();
        self.text.push_str(&format!("<{name}>"));
        escape(&value.to_string(), &mut self.text);
        self.text.push_str(&format!("</{name}>\n"));
        self
    }

    /// [`Xml::leaf`] where there is a value.
    pub(super) fn optional(&mut self, name: &str, value: Option<impl std::fmt::Display>) -> &mut Self {
        if let Some(value) = value {
            self.leaf(name, value);
        }
        self
    }

    /// An element with elements in it; `<name/>` where there are none.
    pub(super) fn nest(&mut self, name: &str, inner: impl FnOnce(&mut Xml)) -> &mut Self {
        let mut below = Xml { text: String::new(), depth: self.depth + 1 };
        inner(&mut below);
        self.indent();
        if below.text.is_empty() {
            self.text.push_str(&format!("<{name}/>\n"));
        } else {
            self.text.push_str(&format!("<{name}>\n{}", below.text));
            self.indent();
            self.text.push_str(&format!("</{name}>\n"));
        }
        self
    }

    /// A list: `<name><member>…</member>…</name>`.
    pub(super) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut member: impl FnMut(&mut Xml, T),
    ) -> &mut Self {
        self.nest(name, |list| {
            for item in items {
                list.nest("member", |inner| member(inner, item));
            }
        })
    }

    /// A list of texts.
    pub(super) fn texts<T: std::fmt::Display>(&mut self, name: &str, items: impl IntoIterator<Item = T>) -> &mut Self {
        self.nest(name, |list| {
            for item in items {
                list.leaf("member", item);
            }
        })
    }

    fn indent(&mut self) {
        for _ in 0..self.depth {
            self.text.push_str("  ");
        }
    }
}

/// A time as these services tell it: to the second, in UTC.
pub(super) fn second(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// A whole answer.
pub(super) fn response(namespace: &str, action: &str, result: Option<Xml>, request_id: &str) -> String {
    let mut all = Xml { text: String::new(), depth: 1 };
    if let Some(result) = result {
        all.nest(&format!("{action}Result"), |inner| inner.text = result.text);
    }
    all.nest("ResponseMetadata", |metadata| {
        metadata.leaf("RequestId", request_id);
    });
    format!("<{action}Response xmlns=\"{namespace}\">\n{}</{action}Response>\n", all.text)
}

/// A whole error answer.
pub(super) fn error(namespace: &str, kind: &str, code: &str, message: &str, request_id: &str) -> String {
    let mut all = Xml { text: String::new(), depth: 1 };
    all.nest("Error", |error| {
        error.leaf("Type", kind).leaf("Code", code).leaf("Message", message);
    });
    all.leaf("RequestId", request_id);
    format!("<ErrorResponse xmlns=\"{namespace}\">\n{}</ErrorResponse>\n", all.text)
}

/// Writes a text so that it reads back; what XML 1.0 can't hold at all is replaced.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(c),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_xml_is_escaped() {
        let text = error("ns", "Sender", "Code", "a<b>&\"c\u{1}\r\n", "id");
        assert!(text.contains("<Message>a&lt;b&gt;&amp;\"c\u{fffd}&#13;\n</Message>"), "{text}");
    }

    #[test]
    fn elements_nest() {
        let mut xml = Xml::result();
        xml.texts("Names", ["a"]).list("Empty", Vec::<u8>::new(), |_, _| {});
        assert_eq!(
            response("ns", "X", Some(xml), "id"),
            "<XResponse xmlns=\"ns\">\n  <XResult>\n    <Names>\n      <member>a</member>\n    </Names>\n    <Empty/>\n  \
             </XResult>\n  <ResponseMetadata>\n    <RequestId>id</RequestId>\n  </ResponseMetadata>\n</XResponse>\n"
        );
    }
}

//! YAML and JSON to be written: a small tree, in the order that people expect, and how it looks as text.

/// A value to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Out {
    Text(String),
    List(Vec<Out>),
    Map(Vec<(String, Out)>),
}

/// The longest line that a list of texts may take; a longer one is written an element a line.
const WIDTH: usize = 100;

impl Out {
    pub(crate) fn text(text: impl ToString) -> Out {
        Out::Text(text.to_string())
    }

    /// A list of texts.
    pub(crate) fn texts<T: ToString>(texts: impl IntoIterator<Item = T>) -> Out {
        Out::List(texts.into_iter().map(Out::text).collect())
    }

    /// A mapping of those members that are there.
    pub(crate) fn map<'k>(members: impl IntoIterator<Item = (&'k str, Option<Out>)>) -> Out {
        Out::Map(members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect())
    }

    /// As a YAML document, ended by a line break.
    pub(crate) fn to_yaml(&self) -> String {
        let mut text = String::new();
        match self {
            Out::Map(_) | Out::List(_) if !self.is_inline(0) => self.block(0, false, &mut text),
            _ => {
                self.inline(&mut text);
                text.push('\n');
            }
        }
        text
    }

    /// As a block whose first line goes on where `text` ends (`continues`), the others indented.
    pub(crate) fn block(&self, indent: usize, continues: bool, text: &mut String) {
        let mut first = continues;
        let mut begin = |text: &mut String| {
            if !first {
                text.push_str(&" ".repeat(indent));
            }
            first = false;
        };
        match self {
            Out::List(items) => {
                for item in items {
                    begin(text);
                    text.push_str("- ");
                    if item.is_inline(indent + 2) {
                        item.inline(text);
                        text.push('\n');
                    } else {
                        item.block(indent + 2, true, text);
                    }
                }
            }
            Out::Map(members) => {
                for (key, value) in members {
                    begin(text);
                    member(key, value, indent, text);
                }
            }
            Out::Text(_) => {
                begin(text);
                self.inline(text);
                text.push('\n');
            }
        }
    }

    /// Whether it fits on a line: scalars, what is empty, and short lists of texts.
    fn is_inline(&self, indent: usize) -> bool {
        match self {
            Out::Text(_) => true,
            Out::Map(members) => members.is_empty(),
            Out::List(items) => {
                let scalars = items.iter().all(|item| matches!(item, Out::Text(_)));
                let mut line = String::new();
                scalars && {
                    self.inline(&mut line);
                    indent + line.len() <= WIDTH
                }
            }
        }
    }

    fn inline(&self, text: &mut String) {
        match self {
            Out::Text(value) => text.push_str(&yaml_text(value)),
            Out::List(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        text.push_str(", ");
                    }
                    item.inline(text);
                }
                text.push(']');
            }
            Out::Map(members) => {
                text.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    text.push_str(if index > 0 { ", " } else { "" });
                    text.push_str(&yaml_text(key));
                    text.push_str(": ");
                    value.inline(text);
                }
                text.push('}');
            }
        }
    }

    /// As JSON with two spaces, ended by a line break.
    pub(crate) fn to_json(&self) -> String {
        let mut text = String::new();
        self.json(0, &mut text);
        text.push('\n');
        text
    }

    fn json(&self, indent: usize, text: &mut String) {
        let line = |indent: usize, text: &mut String| {
            text.push('\n');
            text.push_str(&" ".repeat(indent));
        };
        match self {
            Out::Text(value) => text.push_str(&json_text(value)),
            Out::List(items) if items.is_empty() => text.push_str("[]"),
            Out::Map(members) if members.is_empty() => text.push_str("{}"),
            Out::List(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    text.push_str(if index > 0 { "," } else { "" });
                    line(indent + 2, text);
                    item.json(indent + 2, text);
                }
                line(indent, text);
                text.push(']');
            }
            Out::Map(members) => {
                text.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    text.push_str(if index > 0 { "," } else { "" });
                    line(indent + 2, text);
                    text.push_str(&json_text(key));
                    text.push_str(": ");
                    value.json(indent + 2, text);
                }
                line(indent, text);
                text.push('}');
            }
        }
    }
}

/// A member of a block mapping whose indentation stands already.
pub(crate) fn member(key: &str, value: &Out, indent: usize, text: &mut String) {
    text.push_str(&yaml_text(key));
    text.push(':');
    if value.is_inline(indent + key.len() + 2) {
        text.push(' ');
        value.inline(text);
        text.push('\n');
    } else {
        text.push('\n');
        value.block(indent + 2, false, text);
    }
}

/// A text as YAML writes it: plain where no reader of YAML 1.1 or 1.2 takes it for anything else.
pub(crate) fn yaml_text(text: &str) -> String {
    let good = |c: char| c.is_ascii_alphanumeric() || "_-./:@=+*".contains(c);
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let is_word = words.into_iter().any(|word| text.eq_ignore_ascii_case(word));
    if begins_well && text.chars().all(good) && !text.ends_with(':') && !is_word {
        text.to_owned()
    } else {
        json_text(text)
    }
}

/// JSON's quotes, which YAML has too. What YAML does not print as it is, is escaped.
pub(crate) fn json_text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

//! YAML and JSON as one tree in which every value and key knows its place. `yaml` and `json` make it.

use std::ops::Range;

/// A value of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// Where it stands in the text.
    pub(crate) bytes: Range<usize>,
    /// A tag that is not YAML's own, as written: `!Ref`.
    pub(crate) tag: Option<Box<str>>,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    /// In the order of the text, each key once.
    Mapping(Vec<Pair>),
}

/// A scalar with the way it is written: only a plain one can be a number, a truth value or null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes. In JSON: numbers, `true`, `false`, `null`.
    Plain,
    /// In single or double quotes.
    Quoted,
    /// `|` or `>`.
    Block,
}

/// A member of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) key: String,
    /// Where the key stands.
    pub(crate) key_bytes: Range<usize>,
    pub(crate) value: Node,
}

/// The tag of a value that can't be known; its text says why.
const UNKNOWN: &str = "!unknown";
/// The tag of a member that a known value does not have: not known either, and Terraform's `try` passes over it.
const MISSING: &str = "!missing";

/// The tag of a mapping that may have more members than are known: a resource, of which AWS fills in some.
const OPEN: &str = "!open";

impl Node {
    /// The same mapping, with more members than are known.
    pub(crate) fn opened(self) -> Node {
        Node { tag: Some(OPEN.into()), ..self }
    }

    /// Whether a member that is not there may be there all the same.
    pub(crate) fn is_open(&self) -> bool {
        self.tag.as_deref() == Some(OPEN)
    }

    /// A value that can't be known, for that reason.
    pub(crate) fn unknown(reason: impl Into<String>, bytes: Range<usize>) -> Node {
        let value = Value::Scalar(Scalar { text: reason.into(), style: Style::Quoted });
        Node { bytes, tag: Some(UNKNOWN.into()), value }
    }

    /// A member that a known value does not have, said in these words.
    pub(crate) fn missing(reason: impl Into<String>, bytes: Range<usize>) -> Node {
        Node { tag: Some(MISSING.into()), ..Node::unknown(reason, bytes) }
    }

    /// Whether it is such a member.
    pub(crate) fn is_missing(&self) -> bool {
        self.tag.as_deref() == Some(MISSING)
    }

    /// A text that stands there in other words.
    pub(crate) fn of_text(text: impl Into<String>, bytes: Range<usize>) -> Node {
        Node { bytes, tag: None, value: Value::Scalar(Scalar { text: text.into(), style: Style::Quoted }) }
    }

    /// Why the value can't be known, where it can't.
    pub(crate) fn why_unknown(&self) -> Option<&str> {
        match (&self.tag, &self.value) {
            (Some(tag), Value::Scalar(scalar)) if matches!(&**tag, UNKNOWN | MISSING) => Some(&scalar.text),
            _ => None,
        }
    }

    /// The member of that name; nothing where this is no mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.pair(key).map(|pair| &pair.value)
    }

    /// The member of that name, with its key.
    pub(crate) fn pair(&self, key: &str) -> Option<&Pair> {
        self.pairs().iter().find(|pair| pair.key == key)
    }

    /// The value under a path of keys.
    pub(crate) fn path(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The members of a mapping; none of anything else.
    pub(crate) fn pairs(&self) -> &[Pair] {
        if let Value::Mapping(pairs) = &self.value { pairs } else { &[] }
    }

    /// The elements of a sequence; none of anything else.
    pub(crate) fn items(&self) -> &[Node] {
        if let Value::Sequence(items) = &self.value { items } else { &[] }
    }

    pub(crate) fn is_mapping(&self) -> bool {
        matches!(self.value, Value::Mapping(_))
    }

    pub(crate) fn is_sequence(&self) -> bool {
        matches!(self.value, Value::Sequence(_))
    }

    /// A scalar without a tag of its own, as text; numbers as they are written. Nothing for null.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) if self.tag.is_none() && !scalar.is_null() => Some(&scalar.text),
            Value::Scalar(_) | Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// `true` or `false` without quotes.
    pub(crate) fn truth(&self) -> Option<bool> {
        match &self.value {
            Value::Scalar(scalar) if scalar.style == Style::Plain && self.tag.is_none() => match scalar.text.as_str() {
                "true" | "True" | "TRUE" => Some(true),
                "false" | "False" | "FALSE" => Some(false),
                _ => None,
            },
            Value::Scalar(_) | Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if self.tag.is_none() && scalar.is_null())
    }

    /// What it is, for a message.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar(scalar) if scalar.is_null() => "nothing",
            Value::Scalar(_) => "a text",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }

    /// As JSON; tags are lost, and plain numbers and truth values become JSON's.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Scalar(scalar) if scalar.is_null() => serde_json::Value::Null,
            Value::Scalar(scalar) if scalar.style == Style::Plain => match self.truth() {
                Some(truth) => serde_json::Value::Bool(truth),
                None => match scalar.text.parse::<serde_json::Number>() {
                    Ok(number) => serde_json::Value::Number(number),
                    Err(_) => serde_json::Value::String(scalar.text.clone()),
                },
            },
            Value::Scalar(scalar) => serde_json::Value::String(scalar.text.clone()),
            Value::Sequence(items) => items.iter().map(Node::to_json).collect(),
            Value::Mapping(pairs) => {
                serde_json::Value::Object(pairs.iter().map(|pair| (pair.key.clone(), pair.value.to_json())).collect())
            }
        }
    }
}

impl Scalar {
    pub(crate) fn is_null(&self) -> bool {
        self.style == Style::Plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

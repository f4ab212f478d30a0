//! A YAML document as a tree with positions: enough to find an entry's lines and to compare what two texts mean.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// How deep a kubeconfig may nest; real ones have six levels.
const DEEPEST: usize = 64;

/// A place in the text: line from 1, column from 0, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A node with where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) start: Place,
    /// The last line that holds something of it.
    pub(super) end: Place,
    anchor: usize,
    tag: Option<String>,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Scalar {
        text: String,
        /// Without quotes: may be a number, a null, …
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Alias(usize),
}

/// Two nodes are equal when they mean the same, wherever they stand and however they are quoted.
impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        self.value == other.value && self.anchor == other.anchor && self.tag == other.tag
    }
}
impl Eq for Node {}

/// Why a text is no document that can be edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextError {
    pub(crate) message: String,
    /// Line and column, from 1.
    pub(crate) place: Option<(usize, usize)>,
    pub(crate) line_text: String,
}

impl TextError {
    pub(super) fn new(message: impl Into<String>) -> TextError {
        TextError { message: message.into(), place: None, line_text: String::new() }
    }

    pub(super) fn at(message: impl Into<String>, text: &str, line: usize, column: usize) -> TextError {
        let line_text = text.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim_end().to_owned();
        TextError { message: message.into(), place: Some((line, column + 1)), line_text }
    }
}

impl Node {
    fn new(value: Value, span: Span) -> Node {
        let place = |marker: saphyr_parser::Marker| Place { line: marker.line(), column: marker.col() };
        Node { value, start: place(span.start), end: place(span.end), anchor: 0, tag: None }
    }

    /// A string that stands nowhere.
    pub(super) fn string(text: &str) -> Node {
        let nowhere = Place { line: 0, column: 0 };
        Node {
            value: Value::Scalar { text: text.to_owned(), plain: false },
            start: nowhere,
            end: nowhere,
            anchor: 0,
            tag: None,
        }
    }

    /// A list that stands nowhere.
    pub(super) fn list(items: Vec<Node>) -> Node {
        Node { value: Value::List(items), ..Node::string("") }
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether it is YAML's null.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The items of a list; none for a null.
    pub(super) fn items(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ if self.is_null() => Some(&[]),
            _ => None,
        }
    }

    /// The pairs of a map.
    pub(super) fn pairs(&self) -> Option<&[(Node, Node)]> {
        match &self.value {
            Value::Map(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// The value of a key of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.pair(key).map(|(_, value)| value)
    }

    /// A key of a map with its value.
    pub(super) fn pair(&self, key: &str) -> Option<&(Node, Node)> {
        self.pairs()?.iter().find(|(name, _)| name.text() == Some(key))
    }

    /// The `name` of an entry.
    pub(super) fn name(&self) -> Option<&str> {
        self.get("name")?.text()
    }

    /// Puts a value under a key, in place or at the end.
    pub(super) fn set(&mut self, key: &str, value: Node) {
        if let Value::Map(pairs) = &mut self.value {
            match pairs.iter_mut().find(|(name, _)| name.text() == Some(key)) {
                Some((_, old)) => *old = value,
                None => pairs.push((Node::string(key), value)),
            }
        }
    }
}

/// Reads the one document of a text; `None` where there is nothing but comments.
pub(super) fn parse(text: &str) -> Result<Option<Node>, TextError> {
    let mut open: Vec<Node> = Vec::new();
    let mut root = None;
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|error| TextError::at(error.info(), text, error.marker().line(), error.marker().col()))?;
        let done = match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return Err(TextError::at(
                        "a kubeconfig holds one YAML document, this text has another",
                        text,
                        span.start.line(),
                        span.start.col(),
                    ));
                }
                None
            }
            Event::Scalar(value, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let mut node = Node::new(Value::Scalar { text: value.into_owned(), plain }, span);
                node.anchor = anchor;
                node.tag = tag.map(|tag| tag.to_string());
                // A block's end is the parser's next mark, on a line that is not the block's.
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                if block && is_blank_before(text, node.end) {
                    node.end.line -= 1;
                }
                Some(node)
            }
            Event::Alias(id) => Some(Node::new(Value::Alias(id), span)),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) if open.len() < DEEPEST => {
                // Which of the two is told by the end event; a list until then.
                let mut node = Node::new(Value::List(Vec::new()), span);
                node.anchor = anchor;
                node.tag = tag.map(|tag| tag.to_string());
                open.push(node);
                None
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                return Err(TextError::at("nested too deeply", text, span.start.line(), span.start.col()));
            }
            Event::SequenceEnd => open.pop().map(|node| close(node, span)),
            Event::MappingEnd => open.pop().map(|node| close(into_map(node), span)),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => None,
        };
        if let Some(node) = done {
            match open.last_mut() {
                Some(Node { value: Value::List(items), .. }) => items.push(node),
                _ => root = Some(node),
            }
        }
    }
    Ok(root.filter(|root| !root.is_null()))
}

fn is_blank_before(text: &str, place: Place) -> bool {
    let line = text.lines().nth(place.line.saturating_sub(1)).unwrap_or_default();
    line.chars().take(place.column).all(char::is_whitespace)
}

/// A list of keys and values in turn, as a map.
fn into_map(mut node: Node) -> Node {
    if let Value::List(items) = std::mem::replace(&mut node.value, Value::Map(Vec::new())) {
        let mut pairs = Vec::with_capacity(items.len() / 2);
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            pairs.push((key, value));
        }
        node.value = Value::Map(pairs);
    }
    node
}

/// Sets a collection's end: for `[…]` and `{…}` the bracket; for block style the end of what is last in it, as the
/// parser's own mark stands behind the comments that follow.
fn close(mut node: Node, span: Span) -> Node {
    let bracket = span.end.index() > span.start.index();
    let last = match &node.value {
        Value::List(items) => items.last(),
        Value::Map(pairs) => pairs.last().map(|(key, value)| if value.is_empty_text() { key } else { value }),
        _ => None,
    };
    node.end = match last {
        Some(last) if !bracket => last.end,
        _ => Place { line: span.end.line(), column: span.end.col() },
    };
    node
}

impl Node {
    /// Nothing written at all (`key:`): its place is that of whatever comes next.
    pub(super) fn is_empty_text(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if text.is_empty())
    }

    /// YAML text of the node in block style, for writing a whole file anew.
    pub(super) fn write(&self, out: &mut String, indent: usize, behind_key: bool) {
        let lead = |out: &mut String| {
            if self.anchor > 0 {
                out.push_str(&format!(" &a{}", self.anchor));
            }
            if let Some(tag) = &self.tag {
                out.push_str(&format!(" {tag}"));
            }
        };
        let pad = |out: &mut String, n: usize| out.extend(std::iter::repeat_n(' ', n));
        match &self.value {
            Value::Alias(id) => out.push_str(&format!(" *a{id}\n")),
            Value::Scalar { text, plain } => {
                lead(out);
                if !text.is_empty() || !plain {
                    out.push(' ');
                    out.push_str(&if *plain { text.clone() } else { crate::yaml::string(text) });
                }
                out.push('\n');
            }
            Value::List(items) => {
                lead(out);
                if items.is_empty() {
                    out.push_str(" []\n");
                    return;
                }
                out.push('\n');
                let indent = if behind_key { indent } else { indent + 2 };
                for item in items {
                    pad(out, indent);
                    out.push('-');
                    item.write_item(out, indent);
                }
            }
            Value::Map(pairs) => {
                lead(out);
                if pairs.is_empty() {
                    out.push_str(" {}\n");
                    return;
                }
                out.push('\n');
                self.write_pairs(out, indent + if behind_key { 2 } else { 0 });
            }
        }
    }

    fn write_item(&self, out: &mut String, indent: usize) {
        match &self.value {
            Value::Map(pairs) if !pairs.is_empty() && self.anchor == 0 && self.tag.is_none() => {
                let mut text = String::new();
                self.write_pairs(&mut text, indent + 2);
                out.push(' ');
                out.push_str(text.trim_start_matches(' '));
            }
            _ => self.write(out, indent, false),
        }
    }

    /// The lines of a map's pairs.
    pub(super) fn write_pairs(&self, out: &mut String, indent: usize) {
        for (key, value) in self.pairs().unwrap_or_default() {
            out.extend(std::iter::repeat_n(' ', indent));
            match &key.value {
                Value::Scalar { text, plain: true } => out.push_str(text),
                Value::Scalar { text, .. } => out.push_str(&crate::yaml::string(text)),
                // No kubeconfig has such keys; what comes out is checked before it is used.
                Value::List(_) | Value::Map(_) | Value::Alias(_) => out.push_str("? "),
            }
            out.push(':');
            value.write(out, indent, true);
        }
    }
}

//! Untrusted YAML as a small tree with positions. JSON is YAML too.
//!
//! Bounded in text, depth and weight (aliases weigh what they stand for), so that no ConfigMap can cost
//! more than its size allows. Only what Kubernetes' own reading can carry on to JSON is taken: keys are scalars.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use crate::Position;

/// As large as a ConfigMap may be.
const LONGEST_TEXT: usize = 1024 * 1024;
const DEEPEST: usize = 64;
/// A value weighs one, and one more for each 64 bytes of its text.
const HEAVIEST: usize = 200_000;

/// Why a text is no tree, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct YamlError {
    pub(crate) position: Position,
    pub(crate) message: String,
}

/// A value and where it begins.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) position: Position,
    pub(crate) value: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    /// What JSON would have as a string.
    String(String),
    /// A plain number or truth value, as written.
    Other(String),
    List(Vec<Node>),
    /// In the order of the text; of two equal keys the later counts.
    Map(Vec<(String, Node)>),
}

/// The first document of a text, and where a second one begins.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) root: Node,
    pub(crate) second: Option<Position>,
}

/// Reads the first document; `None` for an empty text.
pub(crate) fn parse(text: &str) -> Result<Option<Document>, YamlError> {
    if text.len() > LONGEST_TEXT {
        let message = format!("the text is {} bytes long; at most {LONGEST_TEXT} are read", text.len());
        return Err(YamlError { position: Position { line: 1, column: 1 }, message });
    }
    let mut builder = Builder { parser: Parser::new_from_str(text), anchors: HashMap::new(), weight: 0 };
    let mut root = None;
    while let Some((event, span)) = builder.next()? {
        // Between documents there is nothing to read.
        if let Event::DocumentStart(_) = event {
            match root {
                None => root = Some(builder.node(0)?),
                Some(root) => return Ok(Some(Document { root, second: Some(position(&span)) })),
            }
        }
    }
    Ok(root.map(|root| Document { root, second: None }))
}

struct Builder<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// Each anchored value, with its weight.
    anchors: HashMap<usize, (Node, usize)>,
    weight: usize,
}

impl<'t> Builder<'t> {
    fn next(&mut self) -> Result<Option<(Event<'t>, Span)>, YamlError> {
        self.parser.next_event().transpose().map_err(|error| syntax(&error))
    }

    fn must_next(&mut self) -> Result<(Event<'t>, Span), YamlError> {
        self.next()?.ok_or_else(|| YamlError {
            position: Position { line: 1, column: 1 },
            message: "the text ends too early".to_owned(),
        })
    }

    /// The next value.
    fn node(&mut self, depth: usize) -> Result<Node, YamlError> {
        let (event, span) = self.must_next()?;
        self.node_from(event, span, depth)
    }

    fn node_from(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, YamlError> {
        let position = position(&span);
        if depth > DEEPEST {
            return Err(error(position, format!("values are nested deeper than {DEEPEST}")));
        }
        let before = self.weight;
        let text_weight = if let Event::Scalar(text, ..) = &event { text.len() / 64 } else { 0 };
        self.add_weight(1 + text_weight, position)?;
        let (value, anchor) = match event {
            Event::Alias(anchor) => return self.alias(anchor, position),
            Event::Scalar(text, style, anchor, tag) => (scalar(&text, style, tag.as_deref()), anchor),
            Event::SequenceStart(anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.map(depth)?, anchor),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(error(position, "a value is missing".to_owned())),
        };
        let node = Node { position, value };
        if anchor != 0 {
            // The copy that is kept weighs as much again.
            let weight = self.weight - before;
            self.add_weight(weight, position)?;
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.must_next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, span) => items.push(self.node_from(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut pairs = Vec::new();
        loop {
            let (event, span) = self.must_next()?;
            if event == Event::MappingEnd {
                return Ok(Value::Map(pairs));
            }
            let key = self.node_from(event, span, depth + 1)?;
            let key = match key.value {
                Value::String(text) | Value::Other(text) => text,
                Value::Null => "null".to_owned(),
                Value::List(_) | Value::Map(_) => {
                    let message = "a key must be a plain text; a value that begins with `{{` needs quotes around it";
                    return Err(error(key.position, message.to_owned()));
                }
            };
            let value = self.node(depth + 1)?;
            pairs.push((key, value));
        }
    }

    /// A copy of an anchored value, where the alias stands.
    fn alias(&mut self, anchor: usize, position: Position) -> Result<Node, YamlError> {
        let Some((node, weight)) = self.anchors.get(&anchor) else {
            return Err(error(position, "an alias must not be within what it stands for".to_owned()));
        };
        let (value, weight) = (&node.value, *weight);
        self.weight = self.weight.saturating_add(weight);
        check_weight(self.weight, position)?;
        Ok(Node { position, value: value.clone() })
    }

    fn add_weight(&mut self, more: usize, position: Position) -> Result<(), YamlError> {
        self.weight = self.weight.saturating_add(more);
        check_weight(self.weight, position)
    }
}

fn check_weight(weight: usize, position: Position) -> Result<(), YamlError> {
    if weight > HEAVIEST {
        return Err(error(position, "there are too many values, or too many aliases of large ones".to_owned()));
    }
    Ok(())
}

fn error(position: Position, message: String) -> YamlError {
    YamlError { position, message }
}

fn syntax(scan: &ScanError) -> YamlError {
    let marker = scan.marker();
    error(at(marker.line(), marker.col()), format!("not valid YAML: {}", scan.info()))
}

fn position(span: &Span) -> Position {
    at(span.start.line(), span.start.col())
}

fn at(line: usize, column_from_zero: usize) -> Position {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position { line: number(line.max(1)), column: number(column_from_zero.saturating_add(1)) }
}

/// A scalar as YAML 1.1 reads it, which is what Kubernetes' tools do.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let is_string_by_tag = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    if style != ScalarStyle::Plain || is_string_by_tag {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        _ if is_truth(text) || is_number(text) => Value::Other(text.to_owned()),
        _ => Value::String(text.to_owned()),
    }
}

fn is_truth(text: &str) -> bool {
    // `y` and `n` alone stay strings in Go's reading.
    let forms = ["true", "false", "yes", "no", "on", "off"];
    let same_case = |form: &str| {
        text == form
            || text == form.to_ascii_uppercase()
            || (text.eq_ignore_ascii_case(form)
                && text.starts_with(|c: char| c.is_ascii_uppercase())
                && text.chars().skip(1).all(|c| c.is_ascii_lowercase()))
    };
    text.len() <= 5 && forms.into_iter().any(same_case)
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = unsigned.replace('_', "");
    let radix = |prefix: &str, radix: u32| {
        plain.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_digit(radix)))
    };
    let decimal = plain.starts_with(|c: char| c.is_ascii_digit() || c == '.') && plain.parse::<f64>().is_ok();
    let special = [".inf", ".Inf", ".INF"].contains(&unsigned) || [".nan", ".NaN", ".NAN"].contains(&text);
    decimal || special || radix("0x", 16) || radix("0o", 8) || radix("0b", 2)
}

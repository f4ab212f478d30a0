//! JSON as the tree. A reader of its own, since YAML's does not take all of JSON (surrogate pairs, tabs), and
//! is slow at large files.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::tree::{Node, Pair, Scalar, Style, Value};
use crate::yaml::{LONGEST_TEXT, too_long};
use crate::{Diagnostic, Place, Read, Source};

const DEEPEST: usize = 128;
const MOST_VALUES: usize = 4_000_000;

/// Whether a text means to be JSON: it begins as an object or list does.
pub(crate) fn looks_like_json(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '['])
}

/// Reads the one value of a text; `Err` with what is wrong where it is no JSON.
pub(crate) fn read(source: &Arc<Source>) -> Result<Read<Node>, Diagnostic> {
    if source.text().len() > LONGEST_TEXT {
        return Err(too_long(source));
    }
    let mut parser = Parser { source, text: source.text(), at: 0, values: 0, diagnostics: Vec::new() };
    parser.skip("\u{feff}");
    let value = parser.value(0)?;
    parser.space();
    if parser.at < parser.text.len() {
        return Err(parser.error(parser.at..parser.at + 1, "nothing may follow the value"));
    }
    Ok(Read { value, diagnostics: parser.diagnostics })
}

/// Reads the one value that stands in a part of a text, which is known to be JSON.
pub(crate) fn read_part(source: &Arc<Source>, bytes: &Range<usize>) -> Result<Node, Diagnostic> {
    let text = source.text().get(..bytes.end).unwrap_or_default();
    let mut parser = Parser { source, text, at: bytes.start, values: 0, diagnostics: Vec::new() };
    parser.value(0)
}

struct Parser<'t> {
    source: &'t Arc<Source>,
    text: &'t str,
    at: usize,
    values: usize,
    diagnostics: Vec<Diagnostic>,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn skip(&mut self, what: &str) -> bool {
        let there = self.rest().starts_with(what);
        if there {
            self.at += what.len();
        }
        there
    }

    fn value(&mut self, depth: usize) -> Result<Node, Diagnostic> {
        self.space();
        let start = self.at;
        self.values += 1;
        if depth > DEEPEST {
            return Err(self.error(start..start + 1, &format!("values are nested deeper than {DEEPEST}")));
        }
        if self.values > MOST_VALUES {
            return Err(self.error(start..start + 1, &format!("the text holds more than {MOST_VALUES} values")));
        }
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::Scalar(Scalar { text: self.string()?, style: Style::Quoted }),
            _ => Value::Scalar(Scalar { text: self.word()?.to_owned(), style: Style::Plain }),
        };
        Ok(Node { bytes: start..self.at, tag: None, value })
    }

    fn object(&mut self, depth: usize) -> Result<Value, Diagnostic> {
        self.at += 1;
        let mut pairs: Vec<Pair> = Vec::new();
        let mut index: HashMap<String, usize> = HashMap::new();
        self.space();
        if self.skip("}") {
            return Ok(Value::Mapping(pairs));
        }
        loop {
            self.space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.error(start..start + 1, "a key in double quotes must stand here"));
            }
            let key = self.string()?;
            let key_bytes = start..self.at;
            self.space();
            if !self.skip(":") {
                return Err(self.error(self.at..self.at + 1, "`:` must follow a key"));
            }
            let value = self.value(depth + 1)?;
            match index.get(&key).and_then(|at| pairs.get_mut(*at)) {
                Some(first) => {
                    let message = format!("the key `{key}` is there twice");
                    let first_place = Place { source: Arc::clone(self.source), bytes: first.key_bytes.clone() };
                    let error = self.error(key_bytes.clone(), &message).related(first_place, "it is here first");
                    self.diagnostics.push(error.help("leave one of them out"));
                    *first = Pair { key, key_bytes, value };
                }
                None => {
                    index.insert(key.clone(), pairs.len());
                    pairs.push(Pair { key, key_bytes, value });
                }
            }
            self.space();
            if self.skip("}") {
                return Ok(Value::Mapping(pairs));
            }
            if !self.skip(",") {
                return Err(self.error(self.at..self.at + 1, "`,` or `}` must stand here"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Diagnostic> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.skip("]") {
            return Ok(Value::Sequence(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.skip("]") {
                return Ok(Value::Sequence(items));
            }
            if !self.skip(",") {
                return Err(self.error(self.at..self.at + 1, "`,` or `]` must stand here"));
            }
        }
    }

    /// A string: its end is found here, what it means is serde_json's to say.
    fn string(&mut self) -> Result<String, Diagnostic> {
        let start = self.at;
        let mut end = start + 1;
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
                None => return Err(self.error(start..start + 1, "the text that begins here has no end")),
            }
        }
        self.at = end + 1;
        let raw = self.text.get(start..self.at).unwrap_or_default();
        let text = serde_json::from_str(raw);
        text.map_err(|_| self.error(start..end + 1, "the text holds an escape or a character that JSON does not know"))
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Result<&'t str, Diagnostic> {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c)).unwrap_or(rest.len());
        let word = rest.get(..length).unwrap_or_default();
        let known = matches!(word, "true" | "false" | "null") || word.parse::<serde_json::Number>().is_ok();
        let start = self.at;
        if !known {
            return Err(self.error(start..start + length.max(1), "a value must stand here"));
        }
        self.at += length;
        Ok(word)
    }

    fn error(&self, bytes: Range<usize>, message: &str) -> Diagnostic {
        let place = Place { source: Arc::clone(self.source), bytes };
        Diagnostic::error(format!("not valid JSON: {message}"), Some(place))
    }
}

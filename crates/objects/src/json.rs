//! JSON as Go reads it: with Go's words for what is wrong, duplicate fields noted, invalid UTF-8 replaced, and depth
//! and size bounded (an object of 100 levels or half a million values is none of Kubernetes').

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Number, Value};

use crate::paths;

const MAX_DEPTH: usize = 100;
const MAX_VALUES: usize = 500_000;

/// What a body held.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) value: Value,
    /// Paths of fields that stand there twice, in order: those that are told.
    pub(crate) duplicates: Vec<String>,
}

/// Parses a whole body.
pub(crate) fn parse(body: &[u8]) -> Result<Parsed, String> {
    Parser::new(body).document().map(|(parsed, _)| parsed)
}

/// Where the fields of these paths stand in the body, the last where there are several; nothing when it does not parse.
pub(crate) fn field_order<'p>(body: &[u8], paths: impl Iterator<Item = &'p String>) -> HashMap<String, usize> {
    let mut parser = Parser::new(body);
    parser.order = paths.map(|path| (path.clone(), 0)).collect();
    parser.document().map(|(_, order)| order).unwrap_or_default()
}

struct Parser<'a> {
    body: &'a [u8],
    at: usize,
    depth: usize,
    values: usize,
    path: String,
    duplicates: Vec<String>,
    /// How many fields there were so far, and which were those that somebody asks for.
    fields: usize,
    order: HashMap<String, usize>,
}

/// A byte as Go prints it in an error.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        byte => {
            let text = crate::validate::go_quote(&char::from(byte).to_string());
            format!("'{}'", text.trim_matches('"'))
        }
    }
}

impl<'a> Parser<'a> {
    fn new(body: &'a [u8]) -> Self {
        let (path, duplicates, order) = (String::new(), Vec::new(), HashMap::new());
        Self { body, at: 0, depth: 0, values: 0, path, duplicates, fields: 0, order }
    }

    fn document(mut self) -> Result<(Parsed, HashMap<String, usize>), String> {
        let value = self.value()?;
        self.space();
        if let Some(byte) = self.peek() {
            return Err(self.invalid(byte, "after top-level value"));
        }
        Ok((Parsed { value, duplicates: self.duplicates }, self.order))
    }

    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn invalid(&self, byte: u8, context: &str) -> String {
        format!("invalid character {} {context}", quoted(byte))
    }

    /// The next byte that is no space, or the error of an end that comes too early.
    fn need(&mut self) -> Result<u8, String> {
        self.space();
        self.peek().ok_or_else(|| "unexpected end of JSON input".to_owned())
    }

    fn value(&mut self) -> Result<Value, String> {
        self.values += 1;
        if self.depth > MAX_DEPTH {
            return Err("exceeded max depth".to_owned());
        }
        if self.values > MAX_VALUES {
            return Err(format!("exceeded max number of values ({MAX_VALUES})"));
        }
        match self.need()? {
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::array),
            b'"' => Ok(Value::String(self.string()?)),
            b't' => self.literal("true", Value::Bool(true)),
            b'f' => self.literal("false", Value::Bool(false)),
            b'n' => self.literal("null", Value::Null),
            b'-' | b'0'..=b'9' => self.number(),
            byte => Err(self.invalid(byte, "looking for beginning of value")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, String>) -> Result<Value, String> {
        self.at += 1;
        self.depth += 1;
        let out = read(self);
        self.depth -= 1;
        out
    }

    fn object(&mut self) -> Result<Value, String> {
        let mut out = Map::new();
        if self.need()? == b'}' {
            self.at += 1;
            return Ok(Value::Object(out));
        }
        let start = self.path.len();
        loop {
            match self.need()? {
                b'"' => {}
                byte => return Err(self.invalid(byte, "looking for beginning of object key string")),
            }
            let key = self.string()?;
            match self.need()? {
                b':' => self.at += 1,
                byte => return Err(self.invalid(byte, "after object key")),
            }
            if !self.path.is_empty() {
                self.path.push('.');
            }
            self.path.push_str(&key);
            self.fields += 1;
            if !self.order.is_empty()
                && let Some(place) = self.order.get_mut(paths::told(&self.path))
            {
                *place = self.fields;
            }
            let value = self.value()?;
            if out.insert(key, value).is_some() {
                paths::note(&mut self.duplicates, &self.path);
            }
            self.path.truncate(start);
            match self.need()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(Value::Object(out));
                }
                byte => return Err(self.invalid(byte, "after object key:value pair")),
            }
        }
    }

    fn array(&mut self) -> Result<Value, String> {
        let mut out = Vec::new();
        if self.need()? == b']' {
            self.at += 1;
            return Ok(Value::Array(out));
        }
        let start = self.path.len();
        loop {
            self.path.push_str(&format!("[{}]", out.len()));
            out.push(self.value()?);
            self.path.truncate(start);
            match self.need()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Ok(Value::Array(out));
                }
                byte => return Err(self.invalid(byte, "after array element")),
            }
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, String> {
        for expected in word.bytes() {
            match self.peek() {
                Some(byte) if byte == expected => self.at += 1,
                Some(byte) => {
                    let context = format!("in literal {word} (expecting {})", quoted(expected));
                    return Err(self.invalid(byte, &context));
                }
                None => return Err("unexpected end of JSON input".to_owned()),
            }
        }
        Ok(value)
    }

    /// One digit or more, else the error with `context`.
    fn digits(&mut self, context: &str) -> Result<(), String> {
        match self.peek() {
            Some(b'0'..=b'9') => {}
            Some(byte) => return Err(self.invalid(byte, context)),
            None => return Err("unexpected end of JSON input".to_owned()),
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value, String> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        let text = self.body.get(start..self.at).unwrap_or_default();
        let text = std::str::from_utf8(text).unwrap_or("0");
        let whole = text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let number = if whole { text.parse::<Number>().ok() } else { text.parse().ok().and_then(Number::from_f64) };
        number
            .map(Value::Number)
            .ok_or_else(|| format!("json: cannot unmarshal number {text} into Go value of type float64"))
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut out = String::new();
        let mut start = self.at;
        loop {
            let Some(byte) = self.peek() else { return Err("unexpected end of JSON input".to_owned()) };
            match byte {
                b'"' => {
                    out.push_str(&self.text(start));
                    self.at += 1;
                    return Ok(out);
                }
                b'\\' => {
                    out.push_str(&self.text(start));
                    self.at += 1;
                    self.escape(&mut out)?;
                    start = self.at;
                }
                0..0x20 => return Err(self.invalid(byte, "in string literal")),
                _ => self.at += 1,
            }
        }
    }

    fn text(&self, start: usize) -> Cow<'a, str> {
        String::from_utf8_lossy(self.body.get(start..self.at).unwrap_or_default())
    }

    fn escape(&mut self, out: &mut String) -> Result<(), String> {
        let Some(byte) = self.peek() else { return Err("unexpected end of JSON input".to_owned()) };
        self.at += 1;
        match byte {
            b'"' | b'\\' | b'/' => out.push(char::from(byte)),
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'n' => out.push('\n'),
            b'r' => out.push('\r'),
            b't' => out.push('\t'),
            b'u' => {
                let first = self.hex()?;
                let low = self.body.get(self.at..self.at + 2) == Some(b"\\u");
                if (0xd800..0xdc00).contains(&first) && low {
                    let back = self.at;
                    self.at += 2;
                    let second = self.hex()?;
                    if (0xdc00..0xe000).contains(&second) {
                        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                        out.push(char::from_u32(code).unwrap_or('\u{fffd}'));
                        return Ok(());
                    }
                    self.at = back;
                }
                out.push(char::from_u32(first).unwrap_or('\u{fffd}'));
            }
            byte => return Err(self.invalid(byte, "in string escape code")),
        }
        Ok(())
    }

    fn hex(&mut self) -> Result<u32, String> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(byte) = self.peek() else { return Err("unexpected end of JSON input".to_owned()) };
            let digit = char::from(byte).to_digit(16);
            code = code * 16 + digit.ok_or_else(|| self.invalid(byte, "in \\u hexadecimal character escape"))?;
            self.at += 1;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_of_go() {
        for (body, want) in [
            ("not json", "invalid character 'o' in literal null (expecting 'u')"),
            ("", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            ("x", "invalid character 'x' looking for beginning of value"),
            ("{a", "invalid character 'a' looking for beginning of object key string"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1 \"b\"", "invalid character '\"' after object key:value pair"),
            ("[1 2]", "invalid character '2' after array element"),
            ("{} x", "invalid character 'x' after top-level value"),
            ("-x", "invalid character 'x' in numeric literal"),
            ("1.x", "invalid character 'x' after decimal point in numeric literal"),
            ("\"\n\"", "invalid character '\\n' in string literal"),
            ("\"\\q\"", "invalid character 'q' in string escape code"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
        ] {
            assert_eq!(parse(body.as_bytes()).unwrap_err(), want, "{body}");
        }
        let deep = "[".repeat(5000);
        assert_eq!(parse(deep.as_bytes()).unwrap_err(), "exceeded max depth");
        let many = format!("[{}0]", "0,".repeat(600_000));
        assert!(parse(many.as_bytes()).is_err());
    }

    #[test]
    fn duplicates_are_named() {
        let parsed = parse(br#"{"a":1,"b":[{"c":1,"c":2}],"a":3}"#).unwrap();
        assert_eq!(parsed.duplicates, ["b[0].c", "a"]);
        assert_eq!(parsed.value["a"], 3);
    }

    proptest! {
        #[test]
        fn agrees_with_serde(text in r#"[\[\]{}",:0-9a-etrufalsn\\ .+-]{0,40}"#, bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse(&bytes);
            let theirs = serde_json::from_str::<Value>(&text);
            prop_assert_eq!(parse(text.as_bytes()).ok().map(|p| p.value), theirs.ok());
        }

        #[test]
        fn reads_what_serde_writes(text in ".{0,40}", number in any::<i64>(), float in any::<f64>()) {
            let value = serde_json::json!({"t": text, "n": [number, null, true], "f": float, "o": {"x": {}}});
            prop_assert_eq!(parse(value.to_string().as_bytes()).unwrap().value, value);
        }
    }
}

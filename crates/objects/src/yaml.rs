//! YAML in and out, as JSON: YAML 1.1 words for booleans, as Kubernetes' reader has them, and its bounds.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

use crate::json::Parsed;

const MAX_DEPTH: usize = 100;
/// Aliases are expanded: this bounds what a small document can grow to.
const MAX_VALUES: usize = 100_000;

/// Reads the first document. Its duplicates are texts in the words of Kubernetes' reader: `line 4: key "a" already set in map`.
pub(crate) fn parse(body: &[u8]) -> Result<Parsed, String> {
    let text = std::str::from_utf8(body).map_err(|_| "yaml: invalid leading UTF-8 octet".to_owned())?;
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        anchors: HashMap::new(),
        values: 0,
        line: 0,
        duplicates: Vec::new(),
    };
    loop {
        match reader.event()? {
            Event::StreamEnd | Event::DocumentEnd => break,
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => {}
            event => {
                let value = reader.value(event, 0)?;
                return Ok(Parsed { value, duplicates: reader.duplicates });
            }
        }
    }
    Ok(Parsed::default())
}

struct Reader<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Value>,
    values: usize,
    /// Where the last event began, from 1.
    line: usize,
    duplicates: Vec<String>,
}

/// What is wrong with a document, as Kubernetes' reader says it: without what was being read, and with a line that it
/// counts from 0 where the parser and not the scanner stumbled; there is none for the first line.
fn problem(info: &str, line: usize) -> String {
    const PARSED: [&str; 6] = [
        "while parsing a node",
        "while parsing a flow sequence",
        "while parsing a flow mapping",
        "while parsing a block mapping",
        "while parsing a block collection",
        "did not find expected <document",
    ];
    let what = match info.strip_prefix("while ").and_then(|rest| rest.split_once(", ")) {
        Some((_, "expected ',' or ']'")) => "did not find expected ',' or ']'",
        Some((_, what)) => what,
        None => info,
    };
    let before = line.saturating_sub(1);
    let parsed = PARSED.iter().any(|start| info.starts_with(start));
    match (before, parsed) {
        (0, _) => format!("yaml: {what}"),
        (before, true) => format!("yaml: line {before}: {what}"),
        (_, false) => format!("yaml: line {line}: {what}"),
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(object) => 1 + object.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

impl<'a> Reader<'a> {
    fn event(&mut self) -> Result<Event<'a>, String> {
        match self.events.next_event() {
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok(event)
            }
            Some(Err(error)) => Err(problem(error.info(), error.marker().line())),
            None => Ok(Event::StreamEnd),
        }
    }

    fn count(&mut self, values: usize) -> Result<(), String> {
        self.values += values;
        if self.values > MAX_VALUES {
            return Err("yaml: document contains excessive aliasing".to_owned());
        }
        Ok(())
    }

    fn value(&mut self, event: Event<'a>, depth: usize) -> Result<Value, String> {
        if depth > MAX_DEPTH {
            return Err("yaml: exceeded max depth".to_owned());
        }
        self.count(1)?;
        let (value, anchor) = match event {
            Event::Alias(id) => {
                let value = self.anchors.get(&id).cloned().ok_or("yaml: unknown anchor referenced")?;
                self.count(size(&value))?;
                return Ok(value);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is = |name: &str| tag.as_ref().is_some_and(|t| t.suffix == name);
                let value = if style != ScalarStyle::Plain || is("str") {
                    Value::String(text.into_owned())
                } else {
                    plain(&text)
                };
                (value, anchor)
            }
            Event::SequenceStart(anchor, _) => (self.sequence(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.mapping(depth)?, anchor),
            other => return Err(format!("yaml: did not find expected node content ({other:?})")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, String> {
        let mut out = Vec::new();
        loop {
            let event = self.event()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Value::Array(out));
            }
            out.push(self.value(event, depth + 1)?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, String> {
        let mut out = Map::new();
        let mut merged: Vec<Value> = Vec::new();
        loop {
            let event = self.event()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, _) if text == "<<");
            let key = match self.value(event, depth + 1)? {
                Value::String(text) => text,
                Value::Null => "null".to_owned(),
                Value::Array(_) | Value::Object(_) => {
                    return Err("error converting YAML to JSON: a map's key is no scalar".to_owned());
                }
                other => other.to_string(),
            };
            let event = self.event()?;
            let line = self.line;
            let value = self.value(event, depth + 1)?;
            if merge {
                merged.push(value);
            } else {
                let twice = out.contains_key(&key).then(|| crate::validate::go_quote(crate::paths::told(&key)));
                out.insert(key, value);
                if let Some(key) = twice {
                    crate::paths::note(&mut self.duplicates, &format!("line {line}: key {key} already set in map"));
                }
            }
        }
        for value in merged {
            let sources = if let Value::Array(items) = value { items } else { vec![value] };
            for (key, value) in sources.into_iter().filter_map(|s| s.as_object().cloned()).flatten() {
                out.entry(key).or_insert(value);
            }
        }
        Ok(Value::Object(out))
    }
}

/// A scalar without quotes.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Value::Bool(false),
        _ => {}
    }
    number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

fn number(text: &str) -> Option<Number> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        return None;
    }
    let clean = text.replace('_', "");
    let (sign, digits) = match clean.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, clean.strip_prefix('+').unwrap_or(&clean)),
    };
    let radix = |prefix: &str, radix| digits.strip_prefix(prefix).and_then(|d| i64::from_str_radix(d, radix).ok());
    if let Some(n) = radix("0x", 16).or_else(|| radix("0b", 2)).or_else(|| radix("0o", 8)) {
        return Some(Number::from(sign * n));
    }
    if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| (b'0'..b'8').contains(&b)) {
        return i64::from_str_radix(digits, 8).ok().map(|n| Number::from(sign * n));
    }
    if let Ok(n) = clean.trim_start_matches('+').parse::<i64>() {
        return Some(Number::from(n));
    }
    if let Ok(n) = digits.parse::<u64>()
        && sign > 0
    {
        return Some(Number::from(n));
    }
    let float = digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'))
        && digits.bytes().any(|b| b.is_ascii_digit());
    if !float {
        return None;
    }
    let value = clean.parse::<f64>().ok()?;
    // YAML has one number type: `1.0` is the integer 1 in JSON, as Go writes it.
    if value.fract() == 0.0 && value.abs() < 9e15 {
        #[expect(clippy::cast_possible_truncation, reason = "whole and bounded")]
        return Some(Number::from(value as i64));
    }
    Number::from_f64(value)
}

/// Writes a value as Kubernetes' YAML answers look: keys sorted, two spaces, lists not indented.
pub(crate) fn write(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(object) if !object.is_empty() => write_object(&mut out, object, 0),
        Value::Array(items) if !items.is_empty() => write_array(&mut out, items, 0),
        other => {
            out.push_str(&scalar(other, 0));
            out.push('\n');
        }
    }
    out
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

fn write_object(out: &mut String, object: &Map<String, Value>, depth: usize) {
    for (i, (key, value)) in object.iter().enumerate() {
        if i > 0 || !out.ends_with("- ") {
            indent(out, depth);
        }
        out.push_str(&text(key, depth));
        out.push(':');
        write_value(out, value, depth);
    }
}

fn write_value(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            out.push('\n');
            write_object(out, object, depth + 1);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            write_array(out, items, depth);
        }
        other => {
            out.push(' ');
            out.push_str(&scalar(other, depth + 1));
            out.push('\n');
        }
    }
}

fn write_array(out: &mut String, items: &[Value], depth: usize) {
    for item in items {
        indent(out, depth);
        out.push_str("- ");
        match item {
            Value::Object(object) if !object.is_empty() => write_object(out, object, depth + 1),
            Value::Array(inner) if !inner.is_empty() => {
                out.push('\n');
                write_array(out, inner, depth + 1);
            }
            other => {
                out.push_str(&scalar(other, depth + 1));
                out.push('\n');
            }
        }
    }
}

fn scalar(value: &Value, depth: usize) -> String {
    match value {
        Value::String(s) => text(s, depth),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
        other => other.to_string(),
    }
}

/// A text plain where it reads back as itself, as a block where it has lines, else quoted as in JSON.
fn text(value: &str, depth: usize) -> String {
    let block = value.contains('\n')
        && !value.starts_with([' ', '\n', '\t'])
        && value.chars().all(|c| c == '\n' || !unprintable(c))
        && value.lines().all(|line| !line.ends_with(' '));
    if block {
        let body = value.trim_end_matches('\n');
        let chomp = match value.len() - body.len() {
            0 => "|-",
            1 => "|",
            _ => "|+",
        };
        let mut out = chomp.to_owned();
        for line in value.strip_suffix('\n').unwrap_or(value).split('\n') {
            out.push('\n');
            if !line.is_empty() {
                indent(&mut out, depth);
                out.push_str(line);
            }
        }
        return out;
    }
    let safe = !value.is_empty()
        && matches!(plain(value), Value::String(_))
        && !value.starts_with(|c: char| "!&*-?:,[]{}#|>@`\"'%= ".contains(c))
        && !value.ends_with([' ', ':'])
        && !value.contains(": ")
        && !value.contains(" #")
        && !value.chars().any(unprintable)
        && !looks_like_time(value)
        && !matches!(value, "y" | "Y" | "n" | "N" | "<<");
    if safe { value.to_owned() } else { quoted(value) }
}

/// Characters that a reader may refuse or fold.
fn unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
}

fn quoted(value: &str) -> String {
    let json = Value::String(value.to_owned()).to_string();
    json.chars().fold(String::with_capacity(json.len()), |mut out, c| {
        if unprintable(c) {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
        out
    })
}

/// YAML 1.1 has dates: quoted so that no reader takes the text for one.
fn looks_like_time(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.len() >= 8 && bytes.iter().take(4).all(u8::is_ascii_digit) && bytes.get(4) == Some(&b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn reads() {
        let parsed = parse(b"a: 1\nb: [x, yes, 0x10, '1']\nc: {d: ~}\nc:\n  e: |\n    l1\n    l2\n").unwrap();
        assert_eq!(parsed.value, json!({"a": 1, "b": ["x", true, 16, "1"], "c": {"e": "l1\nl2\n"}}));
        assert_eq!(parsed.duplicates, ["line 5: key \"c\" already set in map"]);
        let parsed = parse(b"x: &a {p: 1}\ny: *a\nz:\n  <<: *a\n  q: 2\n").unwrap();
        assert_eq!(parsed.value, json!({"x": {"p": 1}, "y": {"p": 1}, "z": {"p": 1, "q": 2}}));
        for (text, wrong) in [
            ("{", "yaml: line 1: did not find expected node content"),
            ("a: b: c", "yaml: mapping values are not allowed in this context"),
            ("a:\n b: 1\n  c: 2\n", "yaml: line 3: mapping values are not allowed in this context"),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err(), wrong);
        }
        assert_eq!(parse(b"").unwrap().value, Value::Null);
        assert_eq!(parse(br#"{"kind": "ConfigMap"}"#).unwrap().value, json!({"kind": "ConfigMap"}));
    }

    #[test]
    fn aliases_are_bounded() {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for i in 1..12 {
            text.push_str(&format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(",")));
        }
        assert_eq!(parse(text.as_bytes()).unwrap_err(), "yaml: document contains excessive aliasing");
        assert!(parse("[".repeat(3000).as_bytes()).is_err());
    }

    #[test]
    fn writes() {
        let value =
            json!({"a": "1", "b": [{"c": "x", "d": {"e": []}}, "l"], "t": "2026-01-01", "m": "x\ny\n", "y": "y"});
        let want = "a: \"1\"\nb:\n- c: x\n  d:\n    e: []\n- l\nm: |\n  x\n  y\nt: \"2026-01-01\"\n\"y\": \"y\"\n";
        assert_eq!(write(&value), want);
    }

    proptest! {
        #[test]
        fn written_reads_back(a in ".{0,20}", b in "[a-z:# \\n'\"-]{0,20}", n in any::<i32>()) {
            let value = json!({"a": a, "l": [b, {"k": b, "n": n}, [a]], "o": {"x": {"y": null, "e": {}}}});
            let parsed = parse(write(&value).as_bytes());
            prop_assert_eq!(parsed.unwrap().value, value);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), text in "[a-c:&* \\n{}\\[\\],|>'\"!-]{0,60}") {
            let _ = parse(&bytes);
            let _ = parse(text.as_bytes());
        }
    }
}

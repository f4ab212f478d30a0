//! Where the characters of a scalar stand in its file: through the indentation of blocks, the folds of long lines
//! and the escapes of quoted texts. So what is wrong within a text in a text is shown in the file itself.
//!
//! Both sides hold the same characters but for white space, in the same order; that is all that is leant on, and
//! it is checked. Where it does not hold, nothing is said rather than something wrong.

use std::cell::Cell;
use std::ops::Range;

use entryway_access::Position;

use crate::tree::{Node, Scalar, Style, Value};

/// The longest text that is mapped character by character: as much as the core reads of aws-auth.
pub(crate) const LONGEST: usize = 1024 * 1024;

/// From places in a decoded text to places in the file.
pub(crate) struct Positions {
    /// Each visible character: its byte in the text, and its byte in the file. In order of both.
    visible: Vec<(usize, usize)>,
    /// The whole scalar, for when nothing better is known.
    whole: Range<usize>,
}

impl Positions {
    /// Those of a scalar of that file.
    pub(crate) fn of(file: &str, node: &Node) -> Positions {
        let visible = match &node.value {
            Value::Scalar(scalar) if scalar.text.len() <= LONGEST => align(file, &node.bytes, scalar),
            Value::Scalar(_) | Value::Sequence(_) | Value::Mapping(_) => None,
        };
        Positions { visible: visible.unwrap_or_default(), whole: node.bytes.clone() }
    }

    /// The byte of the file for a byte of the text. White space is given the place behind what precedes it.
    pub(crate) fn byte(&self, at: usize) -> Option<usize> {
        match self.visible.binary_search_by_key(&at, |(text, _)| *text) {
            Ok(found) => self.visible.get(found).map(|(_, file)| *file),
            Err(0) => self.visible.first().map(|(_, file)| *file),
            Err(next) => self.visible.get(next - 1).map(|(_, file)| file + 1),
        }
    }

    /// The stretch of the file for a stretch of the text; the whole scalar where that is all that is known.
    pub(crate) fn range(&self, bytes: &Range<usize>) -> Range<usize> {
        match (self.byte(bytes.start), self.byte(bytes.end)) {
            (Some(start), Some(end)) if start <= end => start..end,
            (Some(start), _) => start..start,
            (None, _) => self.whole.clone(),
        }
    }
}

/// Lines and columns of a text, asked for mostly in their order: so that the answers to all of them cost about
/// one pass over the text.
pub(crate) struct Lines {
    /// The last answer.
    last: Cell<(Position, usize)>,
}

impl Default for Lines {
    fn default() -> Self {
        Lines { last: Cell::new((START, 0)) }
    }
}

impl Lines {
    /// The byte of a text at a line and column, both from 1; its end where it has no such place.
    pub(crate) fn byte(&self, text: &str, position: Position) -> usize {
        let (mut at, mut byte) = self.last.get();
        if position < at {
            (at, byte) = (START, 0);
        }
        while at.line < position.line {
            let Some(line) = text.get(byte..).and_then(|rest| rest.find('\n')) else {
                byte = text.len();
                break;
            };
            byte += line + 1;
            at = Position { line: at.line + 1, column: 1 };
        }
        let rest = text.get(byte..).unwrap_or_default();
        let column = usize::try_from(position.column.saturating_sub(at.column)).unwrap_or(usize::MAX);
        let byte = byte + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at);
        self.last.set((position, byte));
        byte
    }

    /// The line and column, both from 1, of a byte of a text.
    pub(crate) fn position(&self, text: &str, byte: usize) -> Position {
        let (mut at, mut start) = self.last.get();
        if byte < start {
            (at, start) = (START, 0);
        }
        for c in text.get(start..byte).unwrap_or_default().chars() {
            at = match c {
                '\n' => Position { line: at.line.saturating_add(1), column: 1 },
                _ => Position { column: at.column.saturating_add(1), ..at },
            };
        }
        self.last.set((at, byte));
        at
    }
}

const START: Position = Position { line: 1, column: 1 };

fn align(file: &str, bytes: &Range<usize>, scalar: &Scalar) -> Option<Vec<(usize, usize)>> {
    let raw = file.get(bytes.start..)?;
    let properties = properties(raw);
    let rest = raw.get(properties..)?;
    match scalar.style {
        Style::Plain => visible(rest, bytes.start + properties, None, &scalar.text),
        Style::Quoted => {
            let quote = rest.chars().next()?;
            visible(rest.get(1..)?, bytes.start + properties + 1, Some(quote), &scalar.text)
        }
        // The place of a block is that of its first line, or of what stands in front of its header.
        Style::Block => visible(raw, bytes.start, None, &scalar.text).or_else(|| {
            let header = rest.find('\n')? + 1;
            visible(rest.get(header..)?, bytes.start + properties + header, None, &scalar.text)
        }),
    }
}

/// The visible characters of a text, found in its writing, which begins at that byte of the file.
fn visible(written: &str, start: usize, quote: Option<char>, text: &str) -> Option<Vec<(usize, usize)>> {
    let mut written = Written { text: written, at: 0, quote };
    let mut visible = Vec::new();
    for (at, c) in text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        let (file_at, decoded) = written.next_visible()?;
        if decoded != c {
            return None;
        }
        visible.push((at, start + file_at));
    }
    Some(visible)
}

/// How many bytes an anchor and a tag take in front of a scalar.
fn properties(raw: &str) -> usize {
    let mut rest = raw;
    while rest.starts_with(['&', '!']) {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        rest = rest.get(end..).unwrap_or_default().trim_start();
    }
    raw.len() - rest.len()
}

/// A scalar as it is written, read character by character as it is meant.
struct Written<'t> {
    text: &'t str,
    at: usize,
    quote: Option<char>,
}

impl Written<'_> {
    /// The next character that is no white space, and where its writing begins.
    fn next_visible(&mut self) -> Option<(usize, char)> {
        loop {
            let start = self.at;
            let c = self.take()?;
            let meant = match (self.quote, c) {
                (Some('"'), '\\') => self.escape()?,
                (Some('"'), '"') => return None,
                (Some('\''), '\'') => {
                    // Two stand for one.
                    self.take().filter(|next| *next == '\'')?
                }
                _ => c,
            };
            if !meant.is_whitespace() {
                return Some((start, meant));
            }
        }
    }

    fn take(&mut self) -> Option<char> {
        let c = self.text.get(self.at..)?.chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.take()? {
            'n' | 't' | 'r' | ' ' | '\n' | '\t' | '\r' | 'N' | '_' | 'L' | 'P' | 'v' | 'f' => ' ',
            'x' => char::from_u32(self.hex(2)?)?,
            'u' => {
                let unit = self.hex(4)?;
                if (0xd800..0xdc00).contains(&unit) && self.text.get(self.at..)?.starts_with("\\u") {
                    self.at += 2;
                    let low = self.hex(4)?.checked_sub(0xdc00)?;
                    char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + low)?
                } else {
                    char::from_u32(unit)?
                }
            }
            'U' => char::from_u32(self.hex(8)?)?,
            'b' => '\u{8}',
            '0' => '\0',
            'a' => '\u{7}',
            'e' => '\u{1b}',
            other => other,
        })
    }

    fn hex(&mut self, digits: usize) -> Option<u32> {
        let text = self.text.get(self.at..self.at + digits)?;
        self.at += digits;
        u32::from_str_radix(text, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use entryway_access::Position;
    use proptest::prelude::*;

    use super::{Lines, Positions};
    use crate::tree::{Node, Value};
    use crate::{Source, yaml};

    /// Each visible character of the value of `k`, and the character of the file that it is said to be.
    fn pairs(file: &str) -> Vec<(char, String)> {
        let read = yaml::read(&Source::new("a.yaml", file));
        assert!(read.diagnostics.is_empty(), "{file:?}: {:?}", read.diagnostics);
        let node = read.value.first().and_then(|document| document.get("k")).cloned();
        let Some(node @ Node { value: Value::Scalar(_), .. }) = node else { return Vec::new() };
        let Value::Scalar(scalar) = &node.value else { return Vec::new() };
        let positions = Positions::of(file, &node);
        let visible = scalar.text.char_indices().filter(|(_, c)| !c.is_whitespace());
        let at = |byte: usize| positions.byte(byte).map(|at| file[at..].chars().take(6).collect());
        visible.map(|(byte, c)| (c, at(byte).expect("it is found"))).collect()
    }

    fn indented(text: &str) -> String {
        text.lines().map(|line| format!("   {line}\n")).collect()
    }

    proptest! {
        #[test]
        fn characters_of_quoted_texts_are_found(text in "(\\PC|[\"'\\\\ \n\t]){1,30}") {
            for (c, there) in pairs(&format!("k: {}\n", crate::out::json_text(&text))) {
                prop_assert!(there.starts_with(c) || there.starts_with('\\'), "{c:?} {there:?}");
            }
            let single = text.replace(['\n', '\t'], " ").replace('\'', "''");
            for (c, there) in pairs(&format!("k: '{single}'\n")) {
                prop_assert!(there.starts_with(c), "{c:?} {there:?}");
            }
        }

        #[test]
        fn characters_of_blocks_are_found(text in "[a-zé#:|>{\"'][a-zé# :|>{\"'\n]{0,40}") {
            for header in ["|", "|-", ">", ">+ # c", "&x |", "!!str >-"] {
                for (c, there) in pairs(&format!("k: {header}\n{}", indented(&text))) {
                    prop_assert!(there.starts_with(c), "{header} {c:?} {there:?}");
                }
            }
        }

        #[test]
        fn lines_and_columns_go_there_and_back(text in "[aé\n]{0,30}", asked in prop::collection::vec(0usize..40, 1..8)) {
            let (one, other) = (Lines::default(), Lines::default());
            for at in asked {
                let at = text.char_indices().map(|(at, _)| at).nth(at).unwrap_or(text.len());
                let position = one.position(&text, at);
                let before = &text[..at];
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
                let naive = Position { line: u32::try_from(line).unwrap(), column: u32::try_from(column).unwrap() };
                prop_assert_eq!(position, naive);
                prop_assert_eq!(other.byte(&text, position), at);
            }
        }
    }
}

//! Where the characters of a scalar stand in its file: through the indentation of blocks, the folds of long lines
//! and the escapes of quoted texts. So what is wrong within a text in a text is shown in the file itself.
//!
//! Both sides hold the same characters but for white space, in the same order; that is all that is leant on, and
//! it is checked. Where it does not hold, nothing is said rather than something wrong.

use std::ops::Range;

use entryway_access::Position;

use crate::tree::{Node, Scalar, Style, Value};

/// The longest text that is mapped character by character: as much as the core reads of aws-auth.
const LONGEST: usize = 1024 * 1024;

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

    /// The place of a line and column of the text, both from 1.
    pub(crate) fn position(&self, text: &str, position: Position) -> Range<usize> {
        let at = offset(text, position);
        self.range(&(at..at))
    }
}

/// The byte of a text at a line and column; its end where it has no such place.
pub(crate) fn offset(text: &str, position: Position) -> usize {
    let number = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    let mut start = 0;
    for line in text.split_inclusive('\n').take(number(position.line.saturating_sub(1))) {
        start += line.len();
    }
    let rest = text.get(start..).unwrap_or_default();
    let column = number(position.column.saturating_sub(1));
    start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
}

/// The line and column, both from 1, of a byte of a text.
pub(crate) fn position_of(text: &str, at: usize) -> Position {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position {
        line: number(before.bytes().filter(|b| *b == b'\n').count() + 1),
        column: number(before.get(line_start..).unwrap_or_default().chars().count() + 1),
    }
}

fn align(file: &str, bytes: &Range<usize>, scalar: &Scalar) -> Option<Vec<(usize, usize)>> {
    let start = bytes.start + properties(file.get(bytes.start..)?);
    let raw = file.get(start..)?;
    let (skip, quote) = match scalar.style {
        Style::Block if raw.starts_with(['|', '>']) => (raw.find('\n')? + 1, None),
        Style::Block | Style::Plain => (0, None),
        Style::Quoted => match raw.chars().next()? {
            quote @ ('"' | '\'') => (1, Some(quote)),
            _ => (0, None),
        },
    };
    let mut written = Written { text: raw.get(skip..)?, at: 0, quote };
    let mut visible = Vec::new();
    for (at, c) in scalar.text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        let (file_at, decoded) = written.next_visible()?;
        if decoded != c {
            return None;
        }
        visible.push((at, start + skip + file_at));
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

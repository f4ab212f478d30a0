//! Changes to a YAML text, each of a stretch of it: everything else stays to the letter.

use std::ops::Range;

use crate::out::{Out, member};
use crate::tree::{Node, Pair};

/// Changes gathered; none of them overlaps another.
pub(super) struct Splices<'t> {
    text: &'t str,
    /// The line break of the file.
    newline: &'static str,
    changes: Vec<(Range<usize>, String)>,
}

impl<'t> Splices<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Splices { text, newline, changes: Vec::new() }
    }

    /// The text with all changes.
    pub(super) fn apply(mut self) -> String {
        // Insertions at one place keep their order.
        self.changes.sort_by_key(|(bytes, _)| (bytes.start, bytes.end));
        let mut text = String::with_capacity(self.text.len());
        let mut at = 0;
        for (bytes, with) in &self.changes {
            // What stands within a stretch that is gone needs no change any more.
            if bytes.start < at {
                continue;
            }
            text.push_str(self.text.get(at..bytes.start).unwrap_or_default());
            text.push_str(&with.replace('\n', self.newline));
            at = bytes.end;
        }
        text.push_str(self.text.get(at..).unwrap_or_default());
        text
    }

    pub(super) fn replace(&mut self, bytes: Range<usize>, with: String) {
        self.changes.push((bytes, with));
    }

    /// A stretch as it stands.
    pub(super) fn raw(&self, bytes: &Range<usize>) -> &'t str {
        self.text.get(bytes.clone()).unwrap_or_default()
    }

    /// Whether a value is written in brackets or braces.
    pub(super) fn is_flow(&self, node: &Node) -> bool {
        self.raw(&node.bytes).starts_with(['{', '['])
    }

    /// How far from the beginning of its line a byte stands.
    pub(super) fn column(&self, at: usize) -> usize {
        at - self.line_start(at)
    }

    /// A value written anew as a block, where it stands.
    pub(super) fn replace_block(&mut self, node: &Node, out: &Out) {
        let mut with = String::new();
        out.block(self.column(node.bytes.start), true, &mut with);
        self.replace(node.bytes.clone(), with.trim_end_matches('\n').to_owned());
    }

    /// A member's value written anew.
    pub(super) fn replace_member(&mut self, pair: &Pair, value: &Out) {
        let mut with = String::new();
        member(&pair.key, value, self.column(pair.key_bytes.start), &mut with);
        self.replace(pair.key_bytes.start..pair.value.bytes.end, with.trim_end_matches('\n').to_owned());
    }

    /// A member taken away.
    pub(super) fn remove_member(&mut self, node: &Node, pair: &Pair) {
        let start = self.line_start(pair.key_bytes.start);
        if self.raw(&(start..pair.key_bytes.start)).trim().is_empty() {
            self.replace(start..self.next_line(pair.value.bytes.end), String::new());
            return;
        }
        // It shares its line with a dash: what follows moves up.
        let next = node.pairs().iter().find(|other| other.key_bytes.start > pair.key_bytes.start);
        let end = next.map_or(pair.value.bytes.end, |next| next.key_bytes.start);
        self.replace(pair.key_bytes.start..end, String::new());
    }

    /// A new member at the end of a block mapping that ends at `end`, and whose keys stand at `column`.
    pub(super) fn append_member(&mut self, end: usize, key: &str, value: &Out, column: usize) {
        let mut with = " ".repeat(column);
        member(key, value, column, &mut with);
        self.insert_lines(end, with);
    }

    /// An element of a list taken away, with its dash.
    pub(super) fn remove_item(&mut self, item: &Node) {
        let start = self.line_start(item.bytes.start);
        let before = self.raw(&(start..item.bytes.start));
        if before.trim() == "-" {
            self.replace(start..self.next_line(item.bytes.end), String::new());
        } else {
            // In brackets, or with a dash on a line before: nothing may stand there, which is read as no entry.
            self.replace(item.bytes.clone(), String::new());
        }
    }

    /// New elements at the end of a list.
    pub(super) fn append(&mut self, list: &Pair, items: Vec<Out>) {
        let nodes = list.value.items();
        let dash = nodes.last().map(|last| self.line_start(last.bytes.start)).and_then(|start| {
            let line = self.text.get(start..).unwrap_or_default();
            let column = line.find(|c: char| c != ' ')?;
            line.get(column..).filter(|rest| rest.starts_with('-')).map(|_| column)
        });
        match (dash, nodes.last()) {
            (Some(column), Some(last)) if !self.is_flow(&list.value) => {
                let mut with = String::new();
                Out::List(items).block(column, false, &mut with);
                self.insert_lines(last.bytes.end, with);
            }
            _ => {
                // An empty list or one in brackets becomes a block; what was in it comes first, as it was.
                let column = self.column(list.key_bytes.start) + 2;
                let mut with = format!("{}:\n", self.raw(&list.key_bytes));
                for node in nodes {
                    with.push_str(&format!("{}- {}\n", " ".repeat(column), self.raw(&node.bytes)));
                }
                Out::List(items).block(column, false, &mut with);
                let end = list.value.bytes.end.max(list.key_bytes.end + 1);
                self.replace(list.key_bytes.start..end, with.trim_end_matches('\n').to_owned());
            }
        }
    }

    /// Whole lines behind the line in which `end` stands.
    fn insert_lines(&mut self, end: usize, lines: String) {
        let at = self.next_line(end);
        let ends_open = at == self.text.len() && !self.text.is_empty() && !self.text.ends_with('\n');
        let lines = if ends_open { format!("\n{lines}") } else { lines };
        self.replace(at..at, lines);
    }

    fn line_start(&self, at: usize) -> usize {
        self.text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
    }

    /// The beginning of the line after the one in which a value ends.
    fn next_line(&self, end: usize) -> usize {
        // A block text ends with its line break.
        let end =
            if self.text.get(..end).is_some_and(|before| before.ends_with('\n')) { end.saturating_sub(1) } else { end };
        self.text.get(end..).and_then(|rest| rest.find('\n')).map_or(self.text.len(), |newline| end + newline + 1)
    }
}

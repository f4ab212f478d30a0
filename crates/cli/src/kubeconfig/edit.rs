//! Putting a cluster, a user and a context into a kubeconfig's text.

use serde_json::Value as Json;

use super::document::{Node, TextError, Value, parse};
use crate::yaml;

/// What is put in. Entries of the same name are replaced where they stand.
#[derive(Debug, Clone)]
pub(crate) struct Entries {
    /// An element of `clusters`.
    pub(crate) cluster: Json,
    /// An element of `users`.
    pub(crate) user: Json,
    /// An element of `contexts`; it becomes the current one.
    pub(crate) context: Json,
}

/// The new text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edited {
    /// The text.
    pub(crate) text: String,
    /// Whether it had to be written anew as a whole, so that its comments are gone.
    pub(crate) rewritten: bool,
}

/// Edits `text` (empty for a new file). What the result means is checked before it is given: the entries, and
/// besides them exactly what was there.
pub(crate) fn edit(text: &str, entries: &Entries) -> Result<Edited, TextError> {
    let mut edited = Edited { text: text.to_owned(), rewritten: false };
    match parse(text)? {
        None => edited.text = fresh(text),
        Some(root) => check(&root, text)?,
    }
    let context_name = entries.context.get("name").and_then(Json::as_str).unwrap_or_default().to_owned();
    for (key, entry) in [("clusters", &entries.cluster), ("contexts", &entries.context), ("users", &entries.user)] {
        edited = step(edited, |root| upsert(root, key, entry), |text, root| upsert_lines(text, root, key, entry))?;
    }
    step(
        edited,
        |root| {
            root.set("current-context", Node::string(&context_name));
            Ok(())
        },
        |text, root| set_line(text, root, "current-context", &yaml::string(&context_name)),
    )
}

/// One change: on the lines, if the result then means what the change of the tree means; else all written anew.
fn step(
    before: Edited,
    change: impl FnOnce(&mut Node) -> Result<(), TextError>,
    on_lines: impl FnOnce(&str, &Node) -> Option<String>,
) -> Result<Edited, TextError> {
    let root = parse(&before.text)?.ok_or_else(|| TextError::new("it is empty"))?;
    let mut wanted = root.clone();
    change(&mut wanted)?;
    if let Some(text) = on_lines(&before.text, &root)
        && means(&text, &wanted)
    {
        return Ok(Edited { text, ..before });
    }
    let mut text = String::new();
    wanted.write_pairs(&mut text, 0);
    if means(&text, &wanted) {
        Ok(Edited { text, rewritten: true })
    } else {
        Err(TextError::new("it is written in a way that can't be changed without loss; edit it by hand"))
    }
}

/// Whether a text means the tree. Quoting is not meaning, except that a plain text may be a number or a null.
fn means(text: &str, wanted: &Node) -> bool {
    parse(text).ok().flatten().is_some_and(|found| same(&found, wanted))
}

fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((ka, va), (kb, vb))| same(ka, kb) && same(va, vb))
        }
        (Value::Scalar { text: a_text, .. }, Value::Scalar { text: b_text, .. }) if a_text == b_text => {
            a == b || [a, b].iter().all(|node| is_string(node))
        }
        _ => a == b,
    }
}

/// A scalar that is a string however it is quoted.
fn is_string(node: &Node) -> bool {
    match &node.value {
        Value::Scalar { plain: false, .. } => true,
        Value::Scalar { text, .. } => yaml::string(text) == *text,
        _ => false,
    }
}

/// A new kubeconfig, behind the comments that `text` may hold.
fn fresh(text: &str) -> String {
    let mut start = text.lines().filter(|line| line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n");
    if !start.is_empty() {
        start.push('\n');
    }
    start
        + "apiVersion: v1\nclusters: []\ncontexts: []\ncurrent-context: \"\"\nkind: Config\npreferences: {}\nusers: []\n"
}

/// The form that a kubeconfig has.
fn check(root: &Node, text: &str) -> Result<(), TextError> {
    let wrong = |node: &Node, message: String| Err(TextError::at(message, text, node.start.line, node.start.column));
    let Some(pairs) = root.pairs() else {
        return wrong(root, "a kubeconfig is a map with `clusters`, `users` and `contexts`".to_owned());
    };
    for (at, (key, value)) in pairs.iter().enumerate() {
        let Some(name) = key.text() else { continue };
        if pairs.iter().take(at).any(|(other, _)| other.text() == Some(name)) {
            return wrong(key, format!("`{name}` is there twice"));
        }
        match name {
            "clusters" | "contexts" | "users" => {
                let Some(items) = value.items() else { return wrong(value, format!("`{name}` has to be a list")) };
                if let Some(item) = items.iter().find(|item| item.pairs().is_none()) {
                    return wrong(item, format!("each element of `{name}` has to be a map with a `name`"));
                }
            }
            "current-context" | "kind" | "apiVersion" if value.text().is_none() => {
                return wrong(value, format!("`{name}` has to be a text"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The entry as a tree, by way of its text.
fn node(entry: &Json) -> Result<Node, TextError> {
    parse(&yaml::to_string(entry))?.ok_or_else(|| TextError::new("the new entry is empty"))
}

fn entry_name(entry: &Json) -> Option<&str> {
    entry.get("name").and_then(Json::as_str)
}

/// The change of the tree: replaced where an element has the name, else at the end of the list.
fn upsert(root: &mut Node, key: &str, entry: &Json) -> Result<(), TextError> {
    let new = node(entry)?;
    let mut items = root.get(key).and_then(Node::items).unwrap_or_default().to_vec();
    match items.iter_mut().find(|item| item.name() == entry_name(entry)) {
        Some(old) => *old = new,
        None => items.push(new),
    }
    root.set(key, Node::list(items));
    Ok(())
}

/// The same change on the lines. `None` where the text is written in a way that this does not know.
fn upsert_lines(text: &str, root: &Node, key: &str, entry: &Json) -> Option<String> {
    let mut lines = Lines::of(text);
    let Some((name, list)) = root.pair(key) else {
        let mut new = vec![format!("{}{key}:", " ".repeat(root.start.column))];
        new.extend(item_lines(entry, root.start.column));
        lines.insert_at_end(new);
        return Some(lines.join());
    };
    let items = list.items()?;
    let Some(last) = items.last() else {
        // `key:`, `key: null` or `key: []` on one line; what stands behind it stays.
        let line = lines.get(name.end.line)?;
        let (head, tail) = split_at_char(line, name.end.column)?;
        let rest = tail.trim_start().strip_prefix(':')?.trim();
        let rest = ["[]", "null", "~", "Null", "NULL"]
            .iter()
            .find_map(|empty| rest.strip_prefix(empty))
            .unwrap_or(rest)
            .trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            return None;
        }
        let mut new = vec![format!("{head}: {rest}").trim_end().to_owned()];
        new.extend(item_lines(entry, name.start.column));
        lines.replace(name.end.line, name.end.line, new)?;
        return Some(lines.join());
    };
    let column = dash_column(&lines, last)?;
    match items.iter().find(|item| item.name() == entry_name(entry)) {
        Some(old) => {
            dash_column(&lines, old)?;
            lines.replace(old.start.line, old.end.line, item_lines(entry, column))?;
        }
        None => lines.insert_behind(last.end.line, item_lines(entry, column))?,
    }
    Some(lines.join())
}

/// Sets a scalar that stands behind its key on one line, or adds the line.
fn set_line(text: &str, root: &Node, key: &str, value: &str) -> Option<String> {
    let mut lines = Lines::of(text);
    let Some((name, old)) = root.pair(key) else {
        lines.insert_at_end(vec![format!("{}{key}: {value}", " ".repeat(root.start.column))]);
        return Some(lines.join());
    };
    let line = lines.get(name.end.line)?;
    let new = if old.is_empty_text() {
        let (head, tail) = split_at_char(line, name.end.column)?;
        let rest = tail.trim_start().strip_prefix(':')?;
        format!("{head}: {value}{rest}")
    } else {
        (old.start.line == name.end.line && old.end.line == name.end.line).then_some(())?;
        let (head, _) = split_at_char(line, old.start.column)?;
        let (_, rest) = split_at_char(line, old.end.column)?;
        format!("{head}{value}{rest}")
    };
    lines.replace(name.end.line, name.end.line, vec![new.trim_end().to_owned()])?;
    Some(lines.join())
}

/// The lines of a list's element whose `-` stands at `column`.
fn item_lines(entry: &Json, column: usize) -> Vec<String> {
    let indent = " ".repeat(column);
    yaml::to_string(&Json::Array(vec![entry.clone()])).lines().map(|line| format!("{indent}{line}")).collect()
}

/// Where the `-` of a list's element stands; `None` where it is not alone before it on the line.
fn dash_column(lines: &Lines, item: &Node) -> Option<usize> {
    let (before, _) = split_at_char(lines.get(item.start.line)?, item.start.column)?;
    before.trim_end().strip_suffix('-').filter(|indent| indent.trim().is_empty()).map(str::len)
}

fn split_at_char(line: &str, column: usize) -> Option<(&str, &str)> {
    let at = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
    line.split_at_checked(at)
}

/// A text as lines without their ends, which are put back as they were.
struct Lines {
    lines: Vec<String>,
    end: &'static str,
}

impl Lines {
    fn of(text: &str) -> Lines {
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Lines { lines: text.lines().map(str::to_owned).collect(), end }
    }

    /// A line, counted from 1.
    fn get(&self, line: usize) -> Option<&str> {
        self.lines.get(line.checked_sub(1)?).map(String::as_str)
    }

    /// New lines in place of those from `first` to `last`.
    fn replace(&mut self, first: usize, last: usize, new: Vec<String>) -> Option<()> {
        let first = first.checked_sub(1)?;
        (first <= last && last <= self.lines.len()).then_some(())?;
        self.lines.splice(first..last, new);
        Some(())
    }

    fn insert_behind(&mut self, line: usize, new: Vec<String>) -> Option<()> {
        (line <= self.lines.len()).then_some(())?;
        self.lines.splice(line..line, new);
        Some(())
    }

    fn insert_at_end(&mut self, new: Vec<String>) {
        while self.lines.last().is_some_and(|line| line.trim().is_empty()) {
            self.lines.pop();
        }
        self.lines.extend(new);
    }

    fn join(&self) -> String {
        self.lines.iter().flat_map(|line| [line.as_str(), self.end]).collect()
    }
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;

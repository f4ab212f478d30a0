//! HCL as `terraform fmt` leaves it: two spaces a level, and `=` aligned over lines that follow one another.
//! A line that opens a bracket, or an empty one, ends such a run.

/// Writes HCL line by line.
#[derive(Default)]
pub(super) struct Hcl {
    text: String,
    level: usize,
    /// Lines of the run that is underway: key and value.
    run: Vec<(String, String)>,
}

impl Hcl {
    /// `key = value` on one line.
    pub(super) fn attribute(&mut self, key: &str, value: impl Into<String>) {
        self.run.push((key.to_owned(), value.into()));
    }

    /// A line that opens a bracket: `resource "a" "b" {`, `tags = {`.
    pub(super) fn open(&mut self, line: &str) {
        self.end_run();
        self.line(line);
        self.level += 1;
    }

    /// The bracket's end.
    pub(super) fn close(&mut self, bracket: &str) {
        self.end_run();
        self.level = self.level.saturating_sub(1);
        self.line(bracket);
    }

    /// An empty line.
    pub(super) fn gap(&mut self) {
        self.end_run();
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    /// A comment of its own line.
    pub(super) fn comment(&mut self, text: &str) {
        self.end_run();
        self.line(&format!("# {text}"));
    }

    pub(super) fn finish(mut self) -> String {
        self.end_run();
        self.text
    }

    fn end_run(&mut self) {
        let width = self.run.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
        for (key, value) in std::mem::take(&mut self.run) {
            let space = " ".repeat(width.saturating_sub(key.chars().count()));
            self.line(&format!("{key}{space} = {value}"));
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(&"  ".repeat(self.level));
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// A text in quotes. What would begin a template is escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if rest.peek() == Some(&'{') => {
                out.push(c);
                out.push(c);
            }
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A list of texts on one line.
pub(super) fn list<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let items: Vec<String> = texts.into_iter().map(quoted).collect();
    format!("[{}]", items.join(", "))
}

/// A key of an object: bare where it is an identifier.
pub(super) fn key(text: &str) -> String {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let bare = begins && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare && !matches!(text, "true" | "false" | "null" | "for" | "if" | "in") {
        text.to_owned()
    } else {
        quoted(text)
    }
}

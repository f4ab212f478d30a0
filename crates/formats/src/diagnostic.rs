//! What a reader has to say about a text, and where: file, line, column, with the line shown.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A text that was read, by the name a person knows it by. Cheap to clone behind its `Arc`.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
}

impl Source {
    /// Takes a text under its name (`access.yaml`, `cluster demo in us-east-1`).
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Source> {
        Arc::new(Source { name: name.into(), text: text.into() })
    }
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A stretch of a source. Lines and columns are counted when asked for: places are many, messages few.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The source.
    pub source: Arc<Source>,
    /// Bytes of its text. Ends beyond the text are taken as its end.
    pub bytes: Range<usize>,
}

impl Place {
    /// Line and column of the beginning, both from 1; columns count characters.
    pub fn line_and_column(&self) -> (usize, usize) {
        let before = self.before();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        (line, before.get(line_start..).unwrap_or_default().chars().count() + 1)
    }

    /// The line that the place begins in, without its end.
    pub fn line_text(&self) -> &str {
        let start = self.before().rfind('\n').map_or(0, |at| at + 1);
        self.source.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default()
    }

    fn before(&self) -> &str {
        let mut at = self.bytes.start.min(self.source.text.len());
        while !self.source.text.is_char_boundary(at) {
            at -= 1;
        }
        self.source.text.get(..at).unwrap_or_default()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_and_column();
        write!(f, "{}:{line}:{column}", self.source.name)
    }
}

/// A value and where it stands; no place where no text says it (a default, a live cluster).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Option<Place>,
}

impl<T> Placed<T> {
    /// A value that stands somewhere.
    pub fn at(value: T, place: Place) -> Self {
        Placed { value, place: Some(place) }
    }
    /// A value that no text says.
    pub fn nowhere(value: T) -> Self {
        Placed { value, place: None }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not what was meant; the rest is used.
    Warning,
    /// What it is about is not used, and nothing is planned from the file.
    Error,
}

/// One thing to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// What is wrong with which value: lower case, no full stop.
    pub message: String,
    /// Where.
    pub place: Option<Place>,
    /// Other places that belong to it (the first of two that conflict), each with a word on it.
    pub related: Vec<(Place, String)>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(message: impl Into<String>, place: Option<Place>) -> Self {
        Diagnostic { severity: Severity::Error, message: message.into(), place, related: Vec::new(), help: None }
    }
    /// A warning at a place.
    pub fn warning(message: impl Into<String>, place: Option<Place>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Self::error(message, place) }
    }
    /// A note at a place.
    pub fn note(message: impl Into<String>, place: Option<Place>) -> Self {
        Diagnostic { severity: Severity::Note, ..Self::error(message, place) }
    }
    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
    /// Adds another place.
    #[must_use]
    pub fn related(mut self, place: Place, word: impl Into<String>) -> Self {
        self.related.push((place, word.into()));
        self
    }
}

/// What a reader made of a text, and all that it has to say about it, in the order of the text.
#[derive(Debug, Clone)]
pub struct Read<T> {
    /// What could be used.
    pub value: T,
    /// What there is to say.
    pub diagnostics: Vec<Diagnostic>,
}

impl<T> Read<T> {
    /// Whether anything is an error.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

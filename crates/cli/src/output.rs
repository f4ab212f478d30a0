//! stdout: the answer alone, in the form that was asked for.

use std::io::{IsTerminal, Write};

use serde_json::Value;

use crate::error::CliError;
use crate::table::Table;
use crate::yaml;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A table that fits the terminal.
    Table,
    /// A table with more columns.
    Wide,
    /// JSON, with AWS's field names for AWS's objects.
    Json,
    /// The same as YAML.
    Yaml,
    /// Names or ARNs alone, one a line.
    Name,
}

/// An answer in all its forms; the costly ones are made when they are asked for.
pub(crate) struct Answer<'a> {
    /// The table; `true` for the wide one.
    pub(crate) table: &'a dyn Fn(bool) -> Table,
    /// For JSON and YAML.
    pub(crate) value: &'a dyn Fn() -> Value,
    /// For `-o name`.
    pub(crate) names: &'a dyn Fn() -> Vec<String>,
}

/// `1 step`, `2 steps`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Prints an answer.
pub(crate) fn answer(format: Format, answer: &Answer<'_>) -> Result<(), CliError> {
    let text = match format {
        Format::Table => (answer.table)(false).render(width()),
        Format::Wide => (answer.table)(true).render(width()),
        Format::Json | Format::Yaml => return value(format, &(answer.value)()),
        Format::Name => lines(&(answer.names)()),
    };
    print(&text)
}

/// Prints a value as YAML or (in every other format) JSON.
pub(crate) fn value(format: Format, value: &Value) -> Result<(), CliError> {
    match format {
        Format::Yaml => print(&yaml::to_string(value)),
        _ => print(&format!("{value:#}\n")),
    }
}

/// Writes to stdout and flushes.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => CliError::ReaderGone,
        _ => CliError::new(format!("the answer could not be written: {error}")),
    })
}

/// Writes a line to stderr; nothing can be done where that fails.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

fn lines(names: &[String]) -> String {
    names.iter().map(|name| format!("{name}\n")).collect()
}

/// The terminal's width; none where stdout is no terminal, so that scripts get whole lines.
fn width() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

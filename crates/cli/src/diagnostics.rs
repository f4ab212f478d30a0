//! What readers of files have to say, shown as compilers show it: where, the line, and what to do.

use std::fmt::Write;

use entryway_formats::{Diagnostic, Place, Read, Severity};

use crate::args::Global;
use crate::error::{self, CliError};
use crate::output;

/// A line is shown up to so many characters around the place.
const LONGEST_LINE: usize = 160;

/// Says everything on stderr. Errors end the command: nothing is made of a file that has one.
pub(crate) fn value<T>(global: &Global, read: Read<T>) -> Result<T, CliError> {
    let color = error::stderr_colors(global.no_color);
    for diagnostic in &read.diagnostics {
        let is_wanted = !global.quiet || diagnostic.severity == Severity::Error;
        if is_wanted {
            output::note(render(diagnostic, color).trim_end());
        }
    }
    match read.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count() {
        0 => Ok(read.value),
        1 => Err(CliError::new("nothing was done, for the mistake above")),
        count => Err(CliError::new(format!("nothing was done, for the {count} mistakes above"))),
    }
}

/// One diagnostic as text.
pub(crate) fn render(diagnostic: &Diagnostic, color: bool) -> String {
    let (word, code) = match diagnostic.severity {
        Severity::Error => ("error", "31"),
        Severity::Warning => ("warning", "33"),
        Severity::Note => ("note", "36"),
    };
    let label = if color { format!("\x1b[1;{code}m{word}:\x1b[0m") } else { format!("{word}:") };
    let mut text = format!("{label} {}\n", printable(&diagnostic.message));
    let places = diagnostic.place.iter().map(|place| (place, None));
    let related = diagnostic.related.iter().map(|(place, word)| (place, Some(word.as_str())));
    for (place, word) in places.chain(related) {
        show(place, word, &mut text);
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(text, "  {}", printable(help));
    }
    text
}

/// The place with its line, and marks under what is meant.
fn show(place: &Place, word: Option<&str>, text: &mut String) {
    let (line, column) = place.line_and_column();
    let word = word.map(|word| format!(" ({word})")).unwrap_or_default();
    let _ = writeln!(text, "  --> {place}{word}");
    let line_text = place.line_text();
    if line_text.trim().is_empty() {
        return;
    }
    // A tab is as wide as it is shown: one space, so that the marks stand right.
    let shown: Vec<char> = line_text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let start = (column - 1).min(shown.len());
    let from = start.saturating_sub(LONGEST_LINE / 2);
    let part: String = shown.iter().skip(from).take(LONGEST_LINE).collect();
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    let bytes = place.bytes.end.saturating_sub(place.bytes.start);
    let marked = place.source.text().get(place.bytes.start..place.bytes.start + bytes).unwrap_or_default();
    let marks = marked.lines().next().unwrap_or_default().chars().count();
    let room = part.chars().count().saturating_sub(start - from);
    let marks = marks.clamp(1, room.max(1));
    let _ = writeln!(text, "  {margin} |");
    let _ = writeln!(text, "  {number} | {}", part.trim_end());
    let _ = writeln!(text, "  {margin} | {}{}", " ".repeat(start - from), "^".repeat(marks));
}

/// Files may hold anything; terminals are told nothing but text.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use entryway_formats::Source;

    #[test]
    fn the_line_is_shown_with_marks() {
        let source = Source::new("access.yaml", "clusters:\n\t- name: démo # x\n");
        let at = source.text().find("démo").unwrap();
        let place = Place { source, bytes: at..at + "démo".len() };
        let diagnostic = Diagnostic::error("no such cluster", Some(place)).help("name another");
        assert_eq!(
            render(&diagnostic, false),
            "error: no such cluster\n  --> access.yaml:2:10\n    |\n  2 |  - name: démo # x\n    |          ^^^^\n  name another\n"
        );
    }

    #[test]
    fn no_place_is_too_odd() {
        let source = Source::new("x", format!("{}\u{1b}[31m", "é".repeat(1000)));
        for bytes in [0..0, 999..1001, 1..2, 5000..6000, 2000..usize::MAX] {
            let place = Place { source: source.clone(), bytes };
            let text = render(&Diagnostic::warning("a\u{1b}b", Some(place)), false);
            assert!(!text.contains('\u{1b}') && text.lines().all(|line| line.chars().count() < 200), "{text}");
        }
    }
}

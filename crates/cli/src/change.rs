//! The one place that every change of access passes: what will change is said, and agreed to.

use std::io::{BufRead, IsTerminal, Write};

use crate::error::CliError;
use crate::output;

/// Says what will change, a line each, and asks where somebody is there to answer. `Ok(false)`: nothing is to be
/// done. (The check that nobody is locked out belongs here, before the question.)
pub(crate) fn agree(headline: &str, steps: &[String], yes: bool) -> Result<bool, CliError> {
    output::note(headline);
    for step in steps {
        output::note(&format!("  {step}"));
    }
    ask("Go ahead?", yes)
}

/// A yes-or-no question on the terminal; without a terminal, or with `--yes`, the answer is yes.
pub(crate) fn ask(question: &str, yes: bool) -> Result<bool, CliError> {
    let (stdin, mut stderr) = (std::io::stdin(), std::io::stderr());
    if yes || !stdin.is_terminal() || !stderr.is_terminal() {
        return Ok(true);
    }
    let _ = write!(stderr, "{question} [y/N] ");
    let mut answer = String::new();
    stdin
        .lock()
        .read_line(&mut answer)
        .map_err(|error| CliError::new(format!("the answer could not be read: {error}")))?;
    let agreed = is_yes(&answer);
    if !agreed {
        output::note("nothing was changed");
    }
    Ok(agreed)
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_yes_is_one() {
        for answer in ["y\n", "Yes\n", " YES "] {
            assert!(is_yes(answer));
        }
        for answer in ["", "\n", "n\n", "yep\n", "no\n", "ja"] {
            assert!(!is_yes(answer));
        }
    }
}

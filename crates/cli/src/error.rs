//! One error is one message: what, where, and what to do.

use std::fmt;
use std::io::IsTerminal;

use entryway_live::LiveError;

use crate::local;

/// What a person is told when something could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CliError {
    /// A message, and perhaps what to do.
    Told {
        /// What went wrong, and where.
        message: String,
        /// What to do, a line each.
        hints: Vec<String>,
    },
    /// Who read the answer has gone (`entryway … | head`): nobody is told anything.
    ReaderGone,
}

impl CliError {
    /// A message alone.
    pub(crate) fn new(message: impl Into<String>) -> CliError {
        CliError::Told { message: message.into(), hints: Vec::new() }
    }

    /// With one more thing to do.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> CliError {
        if let CliError::Told { hints, .. } = &mut self {
            hints.push(hint.into());
        }
        self
    }

    /// From an error while reading or writing `place`.
    pub(crate) fn io(what: &str, place: &std::path::Path, error: &std::io::Error) -> CliError {
        CliError::new(format!("{what} `{}`: {error}", place.display()))
    }

    /// The text for stderr; `color` for a terminal.
    pub(crate) fn render(&self, color: bool) -> String {
        let CliError::Told { message, hints } = self else { return String::new() };
        let label = if color { "\x1b[1;31merror:\x1b[0m" } else { "error:" };
        let mut text = format!("{label} {message}\n");
        for hint in hints {
            text.push_str(&format!("  {hint}\n"));
        }
        text
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl From<LiveError> for CliError {
    fn from(error: LiveError) -> CliError {
        let message = error.to_string();
        let told = CliError::new(message);
        match &error {
            LiveError::NoRegion { .. } => {
                told.hint("name one with `--region`, `AWS_REGION`, or `region` in ~/.aws/config").and_local_way()
            }
            LiveError::NoCredentials(_) => told.and_both_ways(),
            LiveError::Service(answer) if FOREIGN_KEY.contains(&answer.code.as_str()) => told.and_both_ways(),
            _ => match error.advice() {
                Some(advice) => told.hint(advice),
                None => told,
            },
        }
    }
}

/// Answers to a key that the endpoint does not know: it belongs to another place.
const FOREIGN_KEY: [&str; 2] = ["UnrecognizedClientException", "InvalidClientTokenId"];

impl CliError {
    fn and_both_ways(self) -> CliError {
        self.and_local_way().hint("for AWS: `aws configure sso`, `aws configure`, or name a profile with `--profile`")
    }

    fn and_local_way(self) -> CliError {
        match local::running_by_default() {
            Some(api) => self.hint(format!("for the control plane on this machine ({api}): eval \"$(entryway env)\"")),
            None => self.hint("for a control plane on this machine: `entryway up`, then eval \"$(entryway env)\""),
        }
    }
}

/// Whether stderr shows colours: a terminal, and nothing that asks for none.
pub(crate) fn stderr_colors(no_color: bool) -> bool {
    !no_color && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && std::io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_and_what_to_do() {
        let error = CliError::new("no cluster `x`").hint("see `entryway clusters list`");
        assert_eq!(error.render(false), "error: no cluster `x`\n  see `entryway clusters list`\n");
        assert!(error.render(true).starts_with("\x1b["));
        assert_eq!(CliError::ReaderGone.render(false), "");
    }

    #[test]
    fn without_credentials_both_ways_are_named() {
        let text = CliError::from(LiveError::NoCredentials("nothing".into())).to_string();
        assert!(text.contains("eval \"$(entryway env)\"") && text.contains("--profile"), "{text}");
    }
}

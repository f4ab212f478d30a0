//! A kubeconfig file: a cluster's entries are put in, everything else in it stays as it is, comments too.
//!
//! [`document`] reads the text into a tree with positions; [`edit`] changes the text line by line and checks that
//! the result means what was wanted, or else writes the whole file anew; [`file`] finds the file and replaces it.

mod document;
mod edit;
mod file;

pub(crate) use edit::{Entries, edit};
pub(crate) use file::{KubeconfigFile, candidates};

use crate::error::CliError;
use document::Node;

/// Whether the text has a cluster of that name. An unreadable file has none.
pub(crate) fn has_cluster(text: &str, name: &str) -> bool {
    document::parse(text).ok().flatten().is_some_and(|root| {
        root.get("clusters").and_then(Node::items).unwrap_or_default().iter().any(|item| item.name() == Some(name))
    })
}

/// An error of a kubeconfig's text, with file, line and column and the line itself.
pub(crate) fn broken(path: &std::path::Path, error: &document::TextError) -> CliError {
    let mut message = format!("the kubeconfig {} can't be used: {}", path.display(), error.message);
    if let Some((line, column)) = error.place {
        message = format!("{}:{line}:{column}: {}\n  {line} | {}", path.display(), error.message, error.line_text);
    }
    CliError::new(message).hint("mend the file, or name another with `--kubeconfig`; nothing was written")
}

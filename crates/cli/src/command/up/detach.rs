//! `--detach`: the same command in the background, until it says that it is ready.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use entryway_server::{RunInfo, read_run_file};

use crate::error::CliError;

/// Starts it; returns when it answers. Its messages go to a private file, which is named where it fails.
pub(super) fn start(data: &Path) -> Result<RunInfo, CliError> {
    let failed = |error: std::io::Error| CliError::new(format!("it could not be started in the background: {error}"));
    let log = tempfile::Builder::new().prefix("entryway-up-").suffix(".log").tempfile().map_err(failed)?;
    let program = std::env::current_exe().map_err(failed)?;
    let mut child = Command::new(program)
        .args(arguments(std::env::args_os().skip(1)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log.as_file().try_clone().map_err(failed)?)
        // A group of its own: Ctrl-C in this shell is not meant for it.
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line).map_err(failed)?;
    }
    if line.is_empty() {
        let _ = child.wait();
        let text = std::fs::read_to_string(log.path()).unwrap_or_default();
        let text = text.rsplit("error: ").next().unwrap_or_default().trim();
        return Err(CliError::new(if text.is_empty() { "it stopped before it was ready" } else { text }));
    }
    let _ = log.keep();
    read_run_file(data).ok_or_else(|| CliError::new(format!("{} has no run.json, though it is ready", data.display())))
}

/// The same words for the child: it is quiet, and what was agreed to here is not asked again.
fn arguments(own: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut all: Vec<OsString> = own
        .filter(|word| !["--detach", "--fresh", "--yes", "-y", "--quiet", "-q"].iter().any(|gone| word == *gone))
        .collect();
    all.push("--quiet".into());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_childs_words() {
        let words = ["up", "--detach", "-q", "--fresh", "-y", "--data", "/x", "--sample"].map(OsString::from);
        assert_eq!(arguments(words.into_iter()), ["up", "--data", "/x", "--sample", "--quiet"]);
    }
}

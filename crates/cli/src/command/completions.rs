//! `entryway completions`.

use clap::Args;
use clap_complete::env::Shells;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

/// What may be written behind `completions`.
#[derive(Debug, Args)]
#[command(before_help = "Example:\n  source <(entryway completions bash)")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_parser = ["bash", "zsh", "fish", "powershell", "elvish"])]
    shell: String,
}

/// Prints the shell's script. It asks this binary at each completion, so it also knows clusters and principals.
pub(crate) fn run(args: &CompletionsArgs) -> Result<Exit, CliError> {
    let shells = Shells::builtins();
    let shell = shells
        .completer(&args.shell)
        .ok_or_else(|| CliError::new(format!("no completions for the shell `{}`", args.shell)))?;
    let mut script = Vec::new();
    shell
        .write_registration("COMPLETE", "entryway", "entryway", "entryway", &mut script)
        .map_err(|error| CliError::new(format!("the completions could not be written: {error}")))?;
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Yes)
}

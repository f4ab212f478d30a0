//! The `entryway` command: arguments in, tables and JSON out. It has no rules of its own: access is decided by
//! `entryway-access`, clusters are reached through `entryway-live`, and `up` is `entryway-server`.

mod args;
mod change;
mod command;
mod complete;
mod context;
mod declared;
mod diagnostics;
mod error;
mod exit;
mod fleet;
mod interrupt;
mod kubeconfig;
mod local;
mod output;
mod private_file;
mod profile;
mod question;
mod sample;
mod shell;
mod table;
mod yaml;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;

use args::Cli;
use error::CliError;
use exit::Exit;

fn main() -> ExitCode {
    // A shell that asks for completions (`COMPLETE=bash entryway …`) is answered here, and that is all.
    CompleteEnv::with_factory(Cli::command).complete();

    let cli = Cli::parse();
    log_to_stderr(cli.global.verbose);
    let no_color = cli.global.no_color;
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(CliError::ReaderGone) => Exit::Yes.into(),
        Err(error) => {
            output::note(error.render(error::stderr_colors(no_color)).trim_end());
            Exit::Failed.into()
        }
    }
}

fn run(cli: Cli) -> Result<Exit, CliError> {
    let mut builder = if cli.command.is_parallel() {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = builder
        .enable_all()
        .build()
        .map_err(|error| CliError::new(format!("the system gave no threads or files to work with: {error}")))?;
    let exit = runtime.block_on(command::run(cli));
    // Whatever still waits (a thread reading stdin, a lookup) is not waited for.
    runtime.shutdown_background();
    exit
}

/// Warnings by default, more with each `-v`; `ENTRYWAY_LOG` says it in full (`debug,hyper=info`).
fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = std::env::var("ENTRYWAY_LOG")
        .ok()
        .and_then(|text| tracing_subscriber::EnvFilter::try_new(text).ok())
        .unwrap_or_else(|| {
            // The SDK warns of what is told as an error anyway.
            let quiet = if verbose == 0 {
                ",aws_config=off,aws_runtime=off,aws_smithy_runtime=off,kube_client=off,tower=off"
            } else {
                ""
            };
            tracing_subscriber::EnvFilter::new(format!("{level}{quiet}"))
        });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(error::stderr_colors(false))
        .with_target(verbose > 1)
        .init();
}

//! `entryway export`: what files declare, or what is live, in another tool's format.

use std::path::PathBuf;

use clap::Args;
use entryway_formats::{Declared, Target, export};

use crate::args::Global;
use crate::declared::FileArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::fleet::FleetFlags;
use crate::{diagnostics, output, private_file};

/// What may be written behind `export`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example:\n  entryway export --to terraform\n  entryway export --to eksctl --live -c demo\n  entryway export --to entryway main.tf -c demo --out entryway.yaml"
)]
pub(crate) struct ExportArgs {
    /// The format: entryway, terraform (the eks module's map), terraform-resources, eksctl, cloudformation, ack,
    /// crossplane
    #[arg(long, value_name = "FORMAT")]
    to: Target,
    #[command(flatten)]
    files: FileArgs,
    /// Not from files: what is in force in the cluster (`-c`)
    #[arg(long, conflicts_with_all = ["files", "format", "variables"])]
    live: bool,
    #[command(flatten)]
    fleet: FleetFlags,
    /// Write to this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Exports. What the format has no words for is said on stderr.
pub(crate) async fn run(global: &Global, args: ExportArgs) -> Result<Exit, CliError> {
    let declared = if args.live { live(global, &args).await? } else { args.files.read(global, None, None)? };
    let text = diagnostics::value(global, export(&declared, args.to))?;
    match &args.out {
        Some(out) => private_file::replace(out, &text).map_err(|error| CliError::io("can't write", out, &error))?,
        None => output::print(&text)?,
    }
    Ok(Exit::Yes)
}

async fn live(global: &Global, args: &ExportArgs) -> Result<Declared, CliError> {
    let named: Vec<_> = args.files.cluster.iter().cloned().collect();
    super::import::live(global, &args.fleet, &named).await
}

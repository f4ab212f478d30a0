//! `entryway export`: what files declare, or what is live, in another tool's format.

use std::path::PathBuf;

use clap::Args;
use entryway_formats::{ClusterSelector, Declared, Target, export};

use crate::args::Global;
use crate::declared::FileArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::fleet::{self, FleetFlags};
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
    let mut declared = if args.live { live(global, &args).await? } else { args.files.read(global, None, None)? };
    if args.to != Target::Entryway {
        settle(global, &args.fleet, &mut declared).await;
    }
    let text = diagnostics::value(global, export(&declared, args.to))?;
    match &args.out {
        Some(out) => private_file::replace(out, &text).map_err(|error| CliError::io("can't write", out, &error))?,
        None => output::print(&text)?,
    }
    Ok(Exit::Yes)
}

/// Other formats want ARNs: `role/NAME` of a cluster without an account is meant in the caller's, where there is one.
/// Without credentials the export says itself what it lacks.
async fn settle(global: &Global, flags: &FleetFlags, declared: &mut Declared) {
    let is_open = |selector: &ClusterSelector| matches!(selector, ClusterSelector::Named { account: None, .. });
    if !declared.clusters.iter().any(|cluster| is_open(&cluster.selector.value)) {
        return;
    }
    let Ok(fleet) = fleet::reach(global, flags).await else { return };
    for cluster in &mut declared.clusters {
        if let ClusterSelector::Named { account, region, .. } = &mut cluster.selector.value {
            account.get_or_insert_with(|| fleet.account().clone());
            region.get_or_insert_with(|| fleet.region().clone());
        }
    }
}

async fn live(global: &Global, args: &ExportArgs) -> Result<Declared, CliError> {
    let named: Vec<_> = args.files.cluster.iter().cloned().collect();
    super::import::live(global, &args.fleet, &named).await
}

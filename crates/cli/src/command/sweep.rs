//! `entryway sweep`: only the removal of what has ended, for a cron job.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use entryway_access::ClusterName;
use entryway_formats::ClusterSelector;
use entryway_plan::{Needs, Outcome, PlanOptions, sweep};
use jiff::Timestamp;

use super::{apply, plan};
use crate::args::Global;
use crate::complete;
use crate::error::CliError;
use crate::exit::Exit;
use crate::fleet::{self, FleetFlags};

/// What may be written behind `sweep`.
#[derive(Debug, Args)]
#[command(before_help = "Example:\n  entryway sweep --yes\n  entryway sweep -c prod --dry-run")]
pub(crate) struct SweepArgs {
    /// Only these clusters (else all of the region); repeatable
    #[arg(short = 'c', long = "cluster-name", visible_aliases = ["cluster", "name"], value_name = "CLUSTER",
          add = ArgValueCompleter::new(complete::clusters))]
    cluster: Vec<ClusterName>,
    #[command(flatten)]
    fleet: FleetFlags,
    /// Show what would be removed, and remove nothing (exit 1 where something would be)
    #[arg(long)]
    dry_run: bool,
    /// Remove also what locks everybody, or you, out
    #[arg(long)]
    allow_lockout: bool,
    /// Without a question
    #[arg(short, long)]
    yes: bool,
}

/// Sweeps.
pub(crate) async fn run(global: &Global, args: SweepArgs) -> Result<Exit, CliError> {
    let fleet = fleet::reach(global, &args.fleet).await?;
    let names = if args.cluster.is_empty() { fleet.cluster_names().await? } else { args.cluster };
    let clusters = names
        .into_iter()
        .map(|name| ClusterSelector::Named { name, region: Some(fleet.region().clone()), account: None })
        .collect();
    let world = fleet::read(&fleet, &args.fleet, &Needs { clusters, ..Needs::default() }).await?;
    let options = PlanOptions { adopt: false, prune: false, allow_lockout: args.allow_lockout, now: Timestamp::now() };
    let swept = sweep(&world, &[], &options);
    if swept.outcome() == Outcome::NothingToDo {
        plan::nothing(global, &swept, "Nothing has ended: nothing to remove.")?;
        return Ok(Exit::Yes);
    }
    if args.dry_run {
        plan::show(global, &swept)?;
        return Ok(match swept.outcome().exit_code(false) {
            0 => Exit::Yes,
            1 => Exit::No,
            _ => Exit::Failed,
        });
    }
    apply::carry_out(global, &fleet, &swept, args.yes).await
}

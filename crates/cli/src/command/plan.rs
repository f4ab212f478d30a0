//! `entryway plan`: what would change, in what order, and what it means for whom.

use std::path::PathBuf;

use clap::Args;
use entryway_plan::{Plan, PlanOptions, plan, plan_text};

use crate::args::Global;
use crate::declared::FileArgs;
use crate::error::{self, CliError};
use crate::exit::Exit;
use crate::fleet::{self, FleetFlags, Look};
use crate::output::{self, Format};
use crate::private_file;

/// What may be written behind `plan`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example:\n  entryway plan\n  entryway plan main.tf -c demo --out plan.json\n  terraform show -json tfplan | entryway plan -"
)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    what: WhatFlags,
    #[command(flatten)]
    fleet: FleetFlags,
    /// Save the plan, for `entryway apply FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit as Terraform does: 0 nothing to do, 2 changes, 1 trouble
    #[arg(long)]
    detailed_exitcode: bool,
}

/// What a plan may do.
#[derive(Debug, Clone, Args)]
pub(crate) struct WhatFlags {
    /// Take over entries that are declared and not managed by Entryway yet
    #[arg(long)]
    pub(crate) adopt: bool,
    /// Delete entries that are neither declared nor managed (never those that EKS makes)
    #[arg(long)]
    pub(crate) prune: bool,
    /// Plan also what locks everybody, or you, out
    #[arg(long)]
    pub(crate) allow_lockout: bool,
}

/// Plans.
pub(crate) async fn run(global: &Global, args: PlanArgs) -> Result<Exit, CliError> {
    match planned(global, &args).await {
        Ok(plan) => Ok(exit(&plan, args.detailed_exitcode)),
        // Terraform's 1 is an error, our 1 are changes.
        Err(error @ CliError::Told { .. }) if args.detailed_exitcode => {
            output::note(error.render(error::stderr_colors(global.no_color)).trim_end());
            Ok(Exit::No)
        }
        Err(error) => Err(error),
    }
}

async fn planned(global: &Global, args: &PlanArgs) -> Result<Plan, CliError> {
    let look = fleet::look(global, &args.files, &args.fleet).await?;
    let plan = of(&look, &args.what);
    if let Some(out) = &args.out {
        let text = plan.to_json().map_err(|error| CliError::new(error.to_string()))?;
        private_file::replace(out, &text).map_err(|error| CliError::io("can't write", out, &error))?;
    }
    show(global, &plan)?;
    if let Some(out) = args.out.as_ref().filter(|_| !global.quiet) {
        output::note(&format!("saved; `entryway apply {}` carries exactly this out", out.display()));
    }
    Ok(plan)
}

/// The plan of what was looked at.
pub(crate) fn of(look: &Look, what: &WhatFlags) -> Plan {
    let options =
        PlanOptions { adopt: what.adopt, prune: what.prune, allow_lockout: what.allow_lockout, now: look.now };
    plan(&look.desired, &look.world, &options)
}

/// Prints a plan in the form that was asked for.
pub(crate) fn show(global: &Global, plan: &Plan) -> Result<(), CliError> {
    match global.format() {
        Format::Table | Format::Wide => output::print(&plan_text(plan)),
        Format::Name => {
            let clusters = plan.clusters.iter();
            let steps = clusters.flat_map(|one| one.steps.iter().map(|step| (&one.cluster.name, step)));
            output::print(&steps.map(|(name, step)| format!("{name}: {}\n", step.action)).collect::<String>())
        }
        format @ (Format::Json | Format::Yaml) => {
            let value = serde_json::to_value(plan).map_err(|error| CliError::new(error.to_string()))?;
            output::value(format, &value)
        }
    }
}

/// Prints a plan of no steps: for people, why there are none; what is left alone is no matter of theirs here.
pub(crate) fn nothing(global: &Global, plan: &Plan, why: &str) -> Result<(), CliError> {
    match global.format() {
        Format::Table | Format::Wide if global.quiet => Ok(()),
        Format::Table | Format::Wide => output::print(&format!("{why}\n")),
        Format::Name | Format::Json | Format::Yaml => show(global, plan),
    }
}

fn exit(plan: &Plan, detailed: bool) -> Exit {
    match plan.outcome().exit_code(detailed) {
        0 => Exit::Yes,
        1 => Exit::No,
        _ => Exit::Failed,
    }
}

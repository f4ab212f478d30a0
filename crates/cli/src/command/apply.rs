//! `entryway apply`: a saved plan exactly as it is, or a fresh one of files, after a question.

use std::path::PathBuf;

use clap::Args;
use entryway_plan::{Outcome, Plan};

use super::plan::{self, WhatFlags};
use crate::args::Global;
use crate::change;
use crate::declared::FileArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::fleet::{self, FleetFlags};
use crate::output::{self, count};

/// What may be written behind `apply`.
#[derive(Debug, Args)]
#[command(
    mut_arg("files", |arg| arg.help("A plan that `plan --out` saved, or files as `plan` takes them (else entryway.yaml)")),
    before_help = "Example:\n  entryway apply\n  entryway apply plan.json --yes\n  entryway apply main.tf -c demo --adopt"
)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    what: WhatFlags,
    #[command(flatten)]
    fleet: FleetFlags,
    /// Without a question
    #[arg(short, long)]
    yes: bool,
}

/// Applies.
pub(crate) async fn run(global: &Global, args: ApplyArgs) -> Result<Exit, CliError> {
    match saved(&args.files.files)? {
        Some((path, plan)) => apply_saved(global, &args, &path, plan).await,
        None => {
            let look = fleet::look(global, &args.files, &args.fleet).await?;
            let plan = plan::of(&look, &args.what);
            carry_out(global, &look.fleet, &plan, args.yes).await
        }
    }
}

async fn apply_saved(
    global: &Global,
    args: &ApplyArgs,
    path: &std::path::Path,
    mut plan: Plan,
) -> Result<Exit, CliError> {
    if args.what.adopt || args.what.prune {
        return Err(CliError::new(format!("`{}` is a saved plan, which is carried out as it is", path.display()))
            .hint("give `--adopt` and `--prune` to `entryway plan`"));
    }
    plan.allow_lockout |= args.what.allow_lockout;
    let fleet = fleet::reach(global, &args.fleet).await?;
    let world = fleet::read(&fleet, &args.fleet, &fleet::needs_of(&plan)).await?;
    if let Some(failed) = world.failed.first() {
        return Err(CliError::new(format!("{}: {}", failed.name, failed.message))
            .hint("nothing was done: a saved plan is carried out when all its clusters are as it found them"));
    }
    for cluster in &plan.clusters {
        let gone = || CliError::new(format!("there is no cluster `{}` any more", cluster.cluster));
        let actual = world.clusters.iter().find(|actual| actual.arn == cluster.cluster).ok_or_else(gone)?;
        cluster.check(actual).map_err(|moved| CliError::new(moved.to_string()).hint("nothing was done"))?;
    }
    carry_out(global, &fleet, &plan, args.yes).await
}

/// Shows a plan, refuses or asks, and carries it out.
pub(crate) async fn carry_out(
    global: &Global,
    fleet: &entryway_live::Fleet,
    plan: &Plan,
    yes: bool,
) -> Result<Exit, CliError> {
    if !global.quiet {
        plan::show(global, plan)?;
    }
    let steps: usize = plan.clusters.iter().map(|cluster| cluster.steps.len()).sum();
    if steps > 0 {
        let lock_out = plan.clusters.iter().find_map(|cluster| cluster.lock_out.clone());
        change::refuse(lock_out.as_ref(), plan.allow_lockout)?;
        if !change::ask(&format!("Carry out {}?", count(steps, "step", "steps")), yes)? {
            return Ok(Exit::No);
        }
        fleet::carry_out(global, fleet, plan).await?;
    }
    let clusters = plan.clusters.iter().filter(|cluster| !cluster.steps.is_empty()).count();
    if steps > 0 && !global.quiet {
        let (steps, clusters) = (count(steps, "step", "steps"), count(clusters, "cluster", "clusters"));
        output::note(&format!("done: {steps} on {clusters}"));
    }
    match plan.outcome() {
        Outcome::Trouble if !plan.trouble.is_empty() => {
            let each = plan.trouble.iter().map(|trouble| format!("{}: {}", trouble.cluster, trouble.message));
            let what = if plan.clusters.is_empty() {
                "nothing was done: no cluster could be looked at"
            } else {
                "not all clusters could be looked at; the others are done"
            };
            let told = CliError::new(what);
            Err(each.fold(told, |told, one| told.hint(one)))
        }
        Outcome::Trouble | Outcome::Changes | Outcome::NothingToDo => Ok(Exit::Yes),
    }
}

/// The saved plan, where the only file is one.
fn saved(files: &[PathBuf]) -> Result<Option<(PathBuf, Plan)>, CliError> {
    let [path] = files else { return Ok(None) };
    if path.as_os_str() == "-" || !path.is_file() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).map_err(|error| CliError::io("can't read", path, &error))?;
    // Terraform's plans have `format_version`, ours `formatVersion`, near the beginning.
    let head: String = text.trim_start().chars().take(200).collect();
    if !(head.starts_with('{') && head.contains("\"formatVersion\"")) {
        return Ok(None);
    }
    let plan = Plan::from_json(&text).map_err(|error| CliError::new(format!("`{}`: {error}", path.display())))?;
    Ok(Some((path.clone(), plan)))
}

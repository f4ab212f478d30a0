//! `entryway import`: from what is in force to a file, keeping the comments and order of one that is there.

use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use entryway_access::ClusterName;
use entryway_formats::{ClusterSelector, Declared, ReadOptions, Source, Target, export, read, update};
use entryway_plan::{Needs, import, needs};

use crate::args::Global;
use crate::declared::DEFAULT_FILE;
use crate::error::CliError;
use crate::exit::Exit;
use crate::fleet::{self, FleetFlags};
use crate::{change, complete, diagnostics, output, private_file};

/// What may be written behind `import`.
#[derive(Debug, Args)]
#[command(before_help = "Example:\n  entryway import -c demo\n  entryway import access.yaml --dry-run")]
pub(crate) struct ImportArgs {
    /// The access file to write or bring up to date (else entryway.yaml)
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// These clusters (else those that the file declares, else all of the region); repeatable
    #[arg(short = 'c', long = "cluster-name", visible_aliases = ["cluster", "name"], value_name = "CLUSTER",
          add = ArgValueCompleter::new(complete::clusters))]
    cluster: Vec<ClusterName>,
    #[command(flatten)]
    fleet: FleetFlags,
    /// Print the new text, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Without a question
    #[arg(short, long)]
    yes: bool,
}

/// Imports.
pub(crate) async fn run(global: &Global, args: ImportArgs) -> Result<Exit, CliError> {
    let path = args.file.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
    let existing = existing(&path)?;
    let text = match &existing {
        None => {
            let actual = live(global, &args.fleet, &args.cluster).await?;
            diagnostics::value(global, export(&actual, Target::Entryway))?
        }
        Some(source) => {
            let fleet = fleet::reach(global, &args.fleet).await?;
            let options = ReadOptions {
                account: Some(fleet.account().clone()),
                region: Some(fleet.region().clone()),
                ..ReadOptions::default()
            };
            let mut wanted = needs(&diagnostics::value(global, read(source, &options))?);
            if !args.cluster.is_empty() {
                wanted.clusters = selectors(&fleet, &args.cluster);
            }
            let actual = actual(&fleet, &args.fleet, &wanted).await?;
            diagnostics::value(global, update(source, &actual, &options))?
        }
    };
    if args.dry_run {
        output::print(&text)?;
        return Ok(Exit::Yes);
    }
    if existing.as_ref().is_some_and(|source| source.text() == text) {
        output::note(&format!("`{}` says already what is in force", path.display()));
        return Ok(Exit::Yes);
    }
    if let Some(source) = &existing {
        let lines = changed_lines(source.text(), &text);
        if !change::ask(&format!("Change {lines} lines of `{}`?", path.display()), args.yes)? {
            return Ok(Exit::No);
        }
    }
    write(&path, &text)?;
    if !global.quiet {
        output::note(&format!("wrote `{}`", path.display()));
    }
    Ok(Exit::Yes)
}

/// What is in force in the named clusters, or all of the region, as a declaration.
pub(crate) async fn live(global: &Global, flags: &FleetFlags, named: &[ClusterName]) -> Result<Declared, CliError> {
    let fleet = fleet::reach(global, flags).await?;
    let names = if named.is_empty() { fleet.cluster_names().await? } else { named.to_vec() };
    if names.is_empty() {
        return Err(CliError::new(format!("there is no cluster in {}", fleet.region())));
    }
    actual(&fleet, flags, &Needs { clusters: selectors(&fleet, &names), ..Needs::default() }).await
}

fn selectors(fleet: &entryway_live::Fleet, names: &[ClusterName]) -> Vec<ClusterSelector> {
    let (region, account) = (fleet.region(), fleet.account());
    let one = |name: &ClusterName| ClusterSelector::Named {
        name: name.clone(),
        region: Some(region.clone()),
        account: Some(account.clone()),
    };
    names.iter().map(one).collect()
}

async fn actual(fleet: &entryway_live::Fleet, flags: &FleetFlags, needs: &Needs) -> Result<Declared, CliError> {
    let world = fleet::read(fleet, flags, needs).await?;
    if let Some(failed) = world.failed.first() {
        return Err(CliError::new(format!("{}: {}", failed.name, failed.message)));
    }
    Ok(import(&world))
}

fn existing(path: &Path) -> Result<Option<std::sync::Arc<Source>>, CliError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(Source::new(path.display().to_string(), text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CliError::io("can't read", path, &error)),
    }
}

/// An access file is no secret: a new one has the mode that any new file has.
fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let outcome = if path.exists() { private_file::replace(path, text) } else { std::fs::write(path, text) };
    outcome.map_err(|error| CliError::io("can't write", path, &error))
}

/// Lines of the new text that the old one lacks, and the other way round.
fn changed_lines(old: &str, new: &str) -> usize {
    let lacks = |a: &str, b: &str| {
        let there: std::collections::BTreeSet<&str> = b.lines().collect();
        a.lines().filter(|line| !there.contains(line)).count()
    };
    lacks(new, old).max(lacks(old, new))
}

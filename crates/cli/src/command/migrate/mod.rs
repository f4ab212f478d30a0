//! `entryway migrate`: off aws-auth, in steps of which each can be looked at, and all but the last undone.

mod authentications;
mod input;
mod live;
mod report;
mod rollback;

use std::path::PathBuf;

use clap::Args;
use entryway_access::AuthenticationMode;
use entryway_analysis::compare_models;
use entryway_live::Fleet;
use entryway_plan::{ActualCluster, Migration, MigrationPhase, Verification, meaning_text};

use self::input::Subject;
use super::apply;
use crate::args::Global;
use crate::declared::FileArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::fleet::{self, FleetFlags};
use crate::output::{self, Format, count};

/// What may be written behind `migrate`.
#[derive(Debug, Args)]
#[command(
    mut_arg("files", |arg| arg.help("Files with aws-auth and RBAC objects: what they would become, without asking a cluster (else the cluster is read)")),
    before_help = "Example:\n  entryway migrate -c demo --check\n  entryway migrate -c demo --apply\n  entryway migrate -c demo --finish\n  entryway migrate aws-auth.yaml rbac.yaml -c demo --check"
)]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    way: Way,
    #[command(flatten)]
    fleet: FleetFlags,
    /// With `--finish`: the log of the cluster's authenticator, to see who signed in of late
    #[arg(long, value_name = "FILE")]
    authenticator_log: Vec<PathBuf>,
    /// With `--finish`: although some gain or lose access by it
    #[arg(long)]
    accept_changes: bool,
    /// Although it locks everybody, or you, out
    #[arg(long)]
    allow_lockout: bool,
    /// Without a question
    #[arg(short, long)]
    yes: bool,
}

/// How far to go.
#[derive(Debug, Clone, Copy, Args)]
#[group(multiple = false)]
struct Way {
    /// Only report: exit 1 if anybody would lose or gain anything (this is the default)
    #[arg(long)]
    check: bool,
    /// Turn the entries on beside aws-auth, make them, and verify; nothing is deleted
    #[arg(long)]
    apply: bool,
    /// Turn aws-auth off (mode API). EKS has no way back from there
    #[arg(long)]
    finish: bool,
    /// Delete the entries that a migration made of lines of aws-auth, which map their principals again
    #[arg(long)]
    rollback: bool,
}

/// Migrates.
pub(crate) async fn run(global: &Global, args: MigrateArgs) -> Result<Exit, CliError> {
    if !args.files.files.is_empty() {
        if args.way.apply || args.way.finish || args.way.rollback {
            return Err(CliError::new("files can only be checked; a cluster is changed by what is in it")
                .hint("name the cluster with `-c`, and no files"));
        }
        let subject = input::of_files(global, &args.files, &args.fleet)?;
        return report(global, &subject, &subject.migration());
    }
    let fleet = fleet::reach(global, &args.fleet).await?;
    let subject = input::of_cluster(&fleet, &args.fleet, args.files.cluster.as_ref()).await?;
    let migration = subject.migration();
    match args.way {
        Way { apply: true, .. } => apply_it(global, &args, &fleet, &subject, migration).await,
        Way { finish: true, .. } => finish(global, &args, &fleet, &subject, migration).await,
        Way { rollback: true, .. } => rollback(global, &args, &fleet, &subject).await,
        Way { .. } => report(global, &subject, &migration),
    }
}

fn report(global: &Global, subject: &Subject, migration: &Migration) -> Result<Exit, CliError> {
    match global.format() {
        Format::Table | Format::Wide => output::print(&report::text(subject.cluster(), migration))?,
        Format::Name => {
            output::print(&migration.entries.iter().map(|entry| format!("{}\n", entry.principal)).collect::<String>())?
        }
        format @ (Format::Json | Format::Yaml) => {
            let value = serde_json::to_value(migration).map_err(|error| CliError::new(error.to_string()))?;
            output::value(format, &value)?;
        }
    }
    Ok(if migration.changes_access() { Exit::No } else { Exit::Yes })
}

async fn apply_it(
    global: &Global,
    args: &MigrateArgs,
    fleet: &Fleet,
    subject: &Subject,
    mut migration: Migration,
) -> Result<Exit, CliError> {
    if migration.phase == MigrationPhase::Finished {
        return Err(CliError::new(format!("the cluster `{}` is in mode API: it is off aws-auth", subject.name())));
    }
    migration.apply.allow_lockout = args.allow_lockout;
    let exit = apply::carry_out(global, fleet, &migration.apply, args.yes).await?;
    if exit != Exit::Yes {
        return Ok(exit);
    }
    let after = input::of_cluster(fleet, &args.fleet, Some(subject.name())).await?;
    let wrong = unverified(after.cluster(), &migration.verify);
    let change = compare_models(subject.cluster().model(), after.cluster().model(), subject.known(), after.now);
    let change: Vec<_> = change.into_iter().filter(|one| one.is_gain() || one.is_loss()).collect();
    if !wrong.is_empty() {
        let told = CliError::new(format!("{} not as it should be", count(wrong.len(), "entry is", "entries are")));
        return Err(wrong.into_iter().fold(told, CliError::hint));
    }
    if !change.is_empty() {
        output::print(&meaning_text(&change))?;
        return Ok(Exit::No);
    }
    live::verify(fleet, subject, &after, &migration.verify).await?;
    if !global.quiet {
        output::note(&format!(
            "verified: {} in force, and nobody gained or lost anything",
            count(migration.verify.len(), "entry is", "entries are")
        ));
        output::note("next: `entryway migrate --finish` turns aws-auth off; `--rollback` takes the entries back");
    }
    Ok(Exit::Yes)
}

/// What the cluster lacks of what has to hold.
fn unverified(cluster: &ActualCluster, verify: &[Verification]) -> Vec<String> {
    let mut wrong = Vec::new();
    for wanted in verify {
        let Some(entry) = cluster.entry(&wanted.principal) else {
            wrong.push(format!("{} has no entry", wanted.principal));
            continue;
        };
        let has = |name: &String| entry.policies.iter().any(|one| one.policy.name().as_str() == name);
        if entry.kind.takes_groups_and_username() && entry.username != wanted.username {
            wrong.push(format!("{} is `{}`, not `{}`", wanted.principal, entry.username, wanted.username));
        }
        for group in wanted.groups.iter().filter(|group| !entry.groups.contains(group)) {
            wrong.push(format!("{} is not in the group `{group}`", wanted.principal));
        }
        for policy in wanted.policies.iter().filter(|policy| !has(policy)) {
            wrong.push(format!("{} lacks the policy {policy}", wanted.principal));
        }
    }
    wrong
}

async fn finish(
    global: &Global,
    args: &MigrateArgs,
    fleet: &Fleet,
    subject: &Subject,
    mut migration: Migration,
) -> Result<Exit, CliError> {
    let name = subject.name();
    match migration.phase {
        MigrationPhase::Finished => {
            output::note(&format!("the cluster `{name}` is in mode API already"));
            return Ok(Exit::Yes);
        }
        MigrationPhase::Check => {
            return Err(CliError::new(format!("the cluster `{name}` has lines of aws-auth that no entry stands for"))
                .hint(format!("first: `entryway migrate -c {name} --apply`")));
        }
        MigrationPhase::Applied => {}
    }
    let changes: Vec<_> = migration.comparison.iter().filter(|one| one.is_gain() || one.is_loss()).cloned().collect();
    if !changes.is_empty() && !args.accept_changes {
        output::note(&meaning_text(&changes));
        return Err(CliError::new(format!(
            "{} would gain or lose access without aws-auth",
            count(changes.len(), "principal", "principals")
        ))
        .hint(format!("see `entryway migrate -c {name} --check` for what to do about each"))
        .hint("nothing was changed; `--accept-changes` goes on all the same"));
    }
    authentications::check(fleet, subject.cluster(), &args.authenticator_log, args.accept_changes).await?;
    let saved = subject.save_aws_auth()?;
    if !global.quiet {
        match &saved {
            Some(path) => output::note(&format!("aws-auth is saved in `{}`", path.display())),
            None => output::note("there is no aws-auth to save"),
        }
        output::note("EKS has no way back from the mode API: this is the step that can't be undone");
    }
    migration.finish.allow_lockout = args.allow_lockout;
    apply::carry_out(global, fleet, &migration.finish, args.yes).await
}

async fn rollback(global: &Global, args: &MigrateArgs, fleet: &Fleet, subject: &Subject) -> Result<Exit, CliError> {
    if subject.cluster().mode == AuthenticationMode::Api {
        return Err(CliError::new(format!("the cluster `{}` is in mode API, and EKS has no way back", subject.name()))
            .hint("its entries can be changed, but aws-auth maps nobody any more"));
    }
    let plan = rollback::plan(subject, args.allow_lockout);
    apply::carry_out(global, fleet, &plan, args.yes).await
}

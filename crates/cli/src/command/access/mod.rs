//! `entryway access`: access by hand.

mod expires;
mod grant;
mod grant_step;
mod list;
mod revoke;

use clap::Subcommand;
use entryway_access::PrincipalArn;
use entryway_live::{Aws, EntryWithPolicies};

use crate::args::Global;
use crate::error::CliError;
use crate::exit::Exit;

/// The verbs of `access`.
#[derive(Debug, Subcommand)]
#[command(
    before_help = "Example:\n  entryway access list -c demo\n  entryway access grant role/ops -c demo --policy View -n team-a\n  entryway access revoke role/ops -c demo"
)]
pub(crate) enum AccessCommand {
    /// List who has access: entries with their policies, and lines of aws-auth
    List(list::ListArgs),
    /// Give a principal an entry, policies, groups; may be repeated safely
    Grant(grant::GrantArgs),
    /// Take a policy away from a principal, or its whole entry
    Revoke(revoke::RevokeArgs),
}

/// Runs one of them.
pub(crate) async fn run(global: &Global, command: AccessCommand) -> Result<Exit, CliError> {
    match command {
        AccessCommand::List(args) => list::run(global, args).await,
        AccessCommand::Grant(args) => grant::run(global, args).await,
        AccessCommand::Revoke(args) => revoke::run(global, args).await,
    }
}

/// The entry of a principal: under its ARN, else the one that means the same principal though its ARN has a path
/// that the person left out (an IAM role's name is unique in its account, whatever its path).
async fn find_entry(aws: &Aws, cluster: &str, principal: &PrincipalArn) -> Result<Option<EntryWithPolicies>, CliError> {
    if let Some(found) = aws.entry(cluster, principal.as_str()).await? {
        return Ok(Some(found));
    }
    let same = aws
        .list_entries(cluster)
        .await?
        .into_iter()
        .find(|arn| arn.parse::<PrincipalArn>().is_ok_and(|other| other.same_principal(principal)));
    match same {
        Some(arn) => Ok(aws.entry(cluster, &arn).await?),
        None => Ok(None),
    }
}

/// A scope in a few words: `cluster`, or its namespaces.
fn scope_text(scope: &entryway_live::Scope) -> String {
    if scope.namespaces.is_empty() { scope.kind.clone() } else { scope.namespaces.join(", ") }
}

/// A policy's short name, from its ARN.
fn policy_text(arn: &str) -> &str {
    crate::complete::short_policy(arn.rsplit('/').next().unwrap_or(arn))
}

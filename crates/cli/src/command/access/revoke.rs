//! `entryway access revoke`: the way back.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use entryway_access::{ArnError, EXPIRES_POLICY, PolicyArn, PrincipalArn};
use entryway_live::{EntryWithPolicies, PrincipalText};
use entryway_plan::Action;

use super::{find_entry, policy_text, scope_text};
use crate::args::{ClusterFlag, Global};
use crate::command::policies;
use crate::error::CliError;
use crate::exit::Exit;
use crate::{change, complete, context, output};

/// What may be written behind `revoke`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example:\n  entryway access revoke role/ops -c demo --policy View\n  entryway access revoke role/ops -c demo"
)]
pub(crate) struct RevokeArgs {
    /// An ARN, or role/NAME, user/NAME in your account
    #[arg(value_name = "PRINCIPAL", add = ArgValueCompleter::new(complete::principals))]
    principal: PrincipalText,
    #[command(flatten)]
    cluster: ClusterFlag,
    /// Only this access policy (else the whole entry); repeatable
    #[arg(short, long, value_name = "POLICY", add = ArgValueCompleter::new(complete::policies))]
    policy: Vec<String>,
    /// Revoke also what locks everybody, or you, out
    #[arg(long)]
    allow_lockout: bool,
    /// Without a question
    #[arg(short, long)]
    yes: bool,
}

/// Revokes. What is not there is revoked already.
pub(crate) async fn run(global: &Global, args: RevokeArgs) -> Result<Exit, CliError> {
    let aws = context::aws(global).await?;
    let cluster = context::cluster(&aws, args.cluster.cluster.as_ref()).await?;
    let principal = context::principal(&aws, &args.principal).await?;
    let policies = policies::resolve(&aws, &args.policy, principal.partition()).await?;
    let policies: Vec<String> = policies.iter().map(ToString::to_string).collect();
    let Some(entry) = find_entry(&aws, &cluster.name, &principal).await? else {
        output::note(&format!("{principal} has no access entry on {}", cluster.name));
        return Ok(Exit::Yes);
    };
    let arn = &entry.entry.principal_arn;
    let headline = format!("This will, for {arn} on {}:", cluster.arn);
    let whose: PrincipalArn = arn.parse().map_err(|error: ArnError| CliError::new(error.to_string()))?;
    if policies.is_empty() {
        let actions = [Action::DeleteEntry { principal: whose }];
        let guard = change::guard(&aws, &cluster, &actions, args.allow_lockout).await?;
        if !change::agree(&headline, &[whole(&entry)], &guard, args.yes)? {
            return Ok(Exit::No);
        }
        aws.delete_entry(&cluster.name, arn).await?;
        return done(global, &format!("deleted the access entry of {arn}"));
    }
    let held: Vec<&str> = policies.iter().map(String::as_str).filter(|policy| has(&entry, policy)).collect();
    for policy in policies.iter().filter(|policy| !has(&entry, policy)) {
        output::note(&format!("{} is not associated with {arn}", policy_text(policy)));
    }
    if held.is_empty() {
        return Ok(Exit::Yes);
    }
    let steps: Vec<String> = held.iter().map(|policy| format!("disassociate {}", policy_text(policy))).collect();
    let taken = held.iter().filter_map(|policy| policy.parse::<PolicyArn>().ok());
    let actions: Vec<Action> =
        taken.map(|policy| Action::DisassociatePolicy { principal: whose.clone(), policy }).collect();
    let guard = change::guard(&aws, &cluster, &actions, args.allow_lockout).await?;
    if !change::agree(&headline, &steps, &guard, args.yes)? {
        return Ok(Exit::No);
    }
    for policy in &held {
        aws.disassociate(&cluster.name, arn, policy).await?;
    }
    // An end that outlived its association would end the next grant of that policy too.
    let ends: Vec<String> = held
        .iter()
        .map(|policy| format!("{EXPIRES_POLICY}{}", policy.rsplit('/').next().unwrap_or_default()))
        .filter(|tag| entry.entry.tags.contains_key(tag))
        .collect();
    if !ends.is_empty() {
        aws.untag(&entry.entry.access_entry_arn, &ends).await?;
    }
    let names: Vec<&str> = held.iter().map(|policy| policy_text(policy)).collect();
    done(global, &format!("took {} from {arn}", names.join(", ")))
}

fn has(entry: &EntryWithPolicies, policy: &str) -> bool {
    entry.associated_access_policies.iter().any(|has| has.policy_arn == policy)
}

/// What goes with a whole entry.
fn whole(entry: &EntryWithPolicies) -> String {
    let policies: Vec<String> = entry
        .associated_access_policies
        .iter()
        .map(|policy| format!("{} ({})", policy_text(&policy.policy_arn), scope_text(&policy.access_scope)))
        .collect();
    let mut with = Vec::new();
    if !policies.is_empty() {
        with.push(policies.join(", "));
    }
    if !entry.entry.kubernetes_groups.is_empty() {
        with.push(format!("the groups {}", entry.entry.kubernetes_groups.join(", ")));
    }
    if with.is_empty() {
        "delete the access entry".to_owned()
    } else {
        format!("delete the access entry, with {}", with.join(" and "))
    }
}

fn done(global: &Global, text: &str) -> Result<Exit, CliError> {
    if !global.quiet {
        output::print(&format!("{text}\n"))?;
    }
    Ok(Exit::Yes)
}

//! `entryway access grant`: entry and association in one. A grant only ever adds, but for a policy's scope, which
//! is replaced (EKS keeps one for each policy), and for an end, which is as the last grant says.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use entryway_access::{
    AccessEntry, AccessScope, ArnError, EntryError, EntryType, NamespacePattern, PolicyArn, PolicyCatalogue,
    PolicyRules, PrincipalArn,
};
use entryway_live::{Aws, Cluster, EntryWithPolicies, NewEntry, PrincipalText, Scope};
use entryway_plan::Action;
use jiff::Timestamp;
use serde_json::json;

use super::expires::Expires;
use super::grant_step::{Step, Wanted, plan};
use super::{find_entry, policy_text, scope_text};
use crate::args::{ClusterFlag, Global};
use crate::change::Guard;
use crate::command::policies;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, Format};
use crate::{change, complete, context};

/// What may be written behind `grant`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example:\n  entryway access grant role/ops -c demo --policy ClusterAdmin\n  entryway access grant user/jo -c demo --policy View -n team-a -n 'dev-*' --expires 8h"
)]
pub(crate) struct GrantArgs {
    /// An ARN, or role/NAME, user/NAME in your account
    #[arg(value_name = "PRINCIPAL", add = ArgValueCompleter::new(complete::principals))]
    principal: PrincipalText,
    #[command(flatten)]
    cluster: ClusterFlag,
    /// An access policy: its ARN, name or short name (AmazonEKSClusterAdminPolicy is ClusterAdmin); repeatable
    #[arg(short, long, value_name = "POLICY", add = ArgValueCompleter::new(complete::policies))]
    policy: Vec<String>,
    /// In this namespace alone, `*` stands for anything; repeatable (else in the whole cluster)
    #[arg(short, long, value_name = "NAMESPACE", requires = "policy")]
    namespace: Vec<String>,
    /// In the whole cluster, as without --namespace
    #[arg(short = 'A', long, conflicts_with = "namespace", requires = "policy")]
    all_namespaces: bool,
    /// A Kubernetes group, added to those it has; repeatable
    #[arg(short, long, value_name = "GROUP")]
    group: Vec<String>,
    /// The Kubernetes username
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// When it ends: 8h, 7d, or an instant; kept as a tag that Entryway's control plane honours
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    expires: Option<Expires>,
    /// Grant also what locks everybody, or you, out: a narrower scope, an end, an entry in place of an aws-auth line
    #[arg(long)]
    allow_lockout: bool,
    /// Without a question
    #[arg(short, long)]
    yes: bool,
}

/// Grants.
pub(crate) async fn run(global: &Global, args: GrantArgs) -> Result<Exit, CliError> {
    let scope = scope(&args.namespace)?;
    // What EKS would refuse whatever the entry is like, before anything is asked or announced.
    let refused = |error: EntryError| CliError::new(error.to_string());
    AccessEntry::check_groups(EntryType::Standard, &args.group).map_err(refused)?;
    AccessEntry::check_username(EntryType::Standard, args.username.as_deref()).map_err(refused)?;
    let expires = args
        .expires
        .map(|expires| expires.at(Timestamp::now()))
        .transpose()
        .map_err(|why| CliError::new(format!("the grant can't end then: {why}")))?;
    let aws = context::aws(global).await?;
    let cluster = context::cluster(&aws, args.cluster.cluster.as_ref()).await?;
    let principal = context::principal(&aws, &args.principal).await?;
    let policies = policies::resolve(&aws, &args.policy, principal.partition()).await?;
    policies.iter().for_each(warn_of_unpublished);

    let now = find_entry(&aws, &cluster.name, &principal).await?;
    let wanted = Wanted {
        principal: now.as_ref().map_or_else(|| principal.to_string(), |entry| entry.entry.principal_arn.clone()),
        policies,
        scope,
        groups: args.group,
        username: args.username,
        expires,
    };
    let steps = plan(now.as_ref(), &wanted);
    if steps.is_empty() {
        output::note(&format!("{} has all of that on {} already", wanted.principal, cluster.name));
    } else {
        if aws.is_aws() && wanted.expires.is_some() {
            output::note("EKS keeps a grant in force after its end, which is a tag alone: revoke it then");
        }
        let headline = format!("This will, for {} on {}:", wanted.principal, cluster.arn);
        let guard = guard(&aws, &cluster, &wanted.principal, now.as_ref(), &steps, args.allow_lockout).await?;
        if !change::agree(&headline, &steps.iter().map(Step::text).collect::<Vec<_>>(), &guard, args.yes)? {
            return Ok(Exit::No);
        }
        carry_out(&aws, &cluster.name, &wanted.principal, now.as_ref(), steps).await?;
    }
    let entry = aws
        .entry(&cluster.name, &wanted.principal)
        .await?
        .ok_or_else(|| CliError::new(format!("the entry of {} has been deleted meanwhile", wanted.principal)))?;
    print(global, &entry)
}

/// What a grant may take away: the scope that it replaces, the username that RBAC may be bound to, what has no end
/// until it gets one, and what aws-auth gives a principal as long as it has no entry.
async fn guard(
    aws: &Aws,
    cluster: &Cluster,
    principal: &str,
    now: Option<&EntryWithPolicies>,
    steps: &[Step],
    is_allowed: bool,
) -> Result<Guard, CliError> {
    let has_config_map = cluster.mode()?.has_config_map();
    let takes = |step: &Step| match step {
        Step::Create { .. } => has_config_map,
        Step::Associate { was, .. } => was.is_some(),
        Step::Update(_) | Step::Tag(_) => true,
        Step::Untag(_) => false,
    };
    if !steps.iter().any(takes) {
        return Ok(Guard::default());
    }
    let wrong = |error: ArnError| CliError::new(error.to_string());
    let principal: PrincipalArn = principal.parse().map_err(wrong)?;
    let mut actions = Vec::new();
    for step in steps {
        let principal = principal.clone();
        let entry_arn = now.map(|entry| entry.entry.access_entry_arn.clone()).unwrap_or_default();
        actions.push(match step {
            Step::Create { groups, username, tags } => Action::CreateEntry {
                principal,
                kind: EntryType::Standard,
                username: username.clone(),
                groups: groups.clone(),
                tags: tags.clone(),
                may_exist: false,
            },
            Step::Associate { policy, scope, .. } => {
                let policy = policy.parse().map_err(wrong)?;
                let scope = AccessScope::from_parts(&scope.kind, &scope.namespaces)
                    .map_err(|error| CliError::new(error.to_string()))?;
                Action::AssociatePolicy { principal, policy, scope }
            }
            Step::Update(change) => {
                let entry = now.map(|entry| entry.entry.clone()).unwrap_or_default();
                let username = change.username.clone().unwrap_or(entry.username);
                let groups = change.groups.clone().unwrap_or(entry.kubernetes_groups);
                Action::UpdateEntry { principal, username, groups }
            }
            Step::Tag(tags) => Action::TagEntry { principal, entry_arn, tags: tags.clone() },
            Step::Untag(keys) => Action::UntagEntry { principal, entry_arn, keys: keys.clone() },
        });
    }
    change::guard(aws, cluster, &actions, is_allowed).await
}

fn scope(namespaces: &[String]) -> Result<Scope, CliError> {
    if namespaces.is_empty() {
        return Ok(Scope::from(&AccessScope::Cluster));
    }
    for namespace in namespaces {
        namespace.parse::<NamespacePattern>().map_err(|error| CliError::new(error.to_string()))?;
    }
    let scope = AccessScope::from_parts("namespace", namespaces).map_err(|error| CliError::new(error.to_string()))?;
    Ok(Scope::from(&scope))
}

fn warn_of_unpublished(policy: &PolicyArn) {
    let unpublished =
        PolicyCatalogue::builtin().get(policy).is_some_and(|known| matches!(known.rules, PolicyRules::Unpublished));
    if unpublished {
        output::note(&format!("AWS has not published the rules of {}: Entryway grants nothing by it", policy.name()));
    }
}

async fn carry_out(
    aws: &Aws,
    cluster: &str,
    principal: &str,
    now: Option<&EntryWithPolicies>,
    steps: Vec<Step>,
) -> Result<(), CliError> {
    let mut entry_arn = now.map(|entry| entry.entry.access_entry_arn.clone()).unwrap_or_default();
    for step in steps {
        match step {
            Step::Create { groups, username, tags } => {
                let new = NewEntry { principal_arn: principal.to_owned(), kind: None, username, groups, tags };
                entry_arn = aws.create_entry(cluster, &new).await?.access_entry_arn;
            }
            Step::Update(change) => aws.update_entry(cluster, principal, &change).await?,
            Step::Tag(tags) => aws.tag(&entry_arn, &tags).await?,
            Step::Associate { policy, scope, .. } => aws.associate(cluster, principal, &policy, &scope).await?,
            Step::Untag(keys) => aws.untag(&entry_arn, &keys).await?,
        }
    }
    Ok(())
}

fn print(global: &Global, entry: &EntryWithPolicies) -> Result<Exit, CliError> {
    match (global.quiet, global.format()) {
        (true, _) => {}
        (false, format @ (Format::Json | Format::Yaml)) => output::value(format, &json!({ "accessEntry": entry }))?,
        (false, Format::Name) => output::print(&format!("{}\n", entry.entry.principal_arn))?,
        (false, Format::Table | Format::Wide) => {
            let policies: Vec<String> = entry
                .associated_access_policies
                .iter()
                .map(|policy| format!("{} ({})", policy_text(&policy.policy_arn), scope_text(&policy.access_scope)))
                .collect();
            let or_none = |list: &[String]| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
            output::print(&format!(
                "{}\n  username  {}\n  groups    {}\n  policies  {}\n",
                entry.entry.principal_arn,
                entry.entry.username,
                or_none(&entry.entry.kubernetes_groups),
                or_none(&policies)
            ))?;
        }
    }
    Ok(Exit::Yes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_namespaces_are_refused() {
        assert!(scope(&["Team".to_owned()]).is_err());
        assert!(scope(&[String::new()]).is_err());
    }
}

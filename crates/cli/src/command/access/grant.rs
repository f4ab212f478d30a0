//! `entryway access grant`: entry and association in one. A grant only ever adds, but for a policy's scope, which
//! is replaced (EKS keeps one for each policy), and for an end, which is as the last grant says.

use std::collections::BTreeMap;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use entryway_access::{AccessScope, ArnError, NamespacePattern, PolicyArn, PolicyCatalogue, PolicyRules, PrincipalArn};
use entryway_live::{
    Aws, Cluster, EXPIRES_AT_TAG, EXPIRES_POLICY_TAG_PREFIX, EntryChange, EntryWithPolicies, NewEntry, PrincipalText,
    Scope,
};
use entryway_plan::Action;
use jiff::Timestamp;
use serde_json::json;

use super::expires::Expires;
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
    /// A Kubernetes group, added to those it has; repeatable
    #[arg(short, long, value_name = "GROUP")]
    group: Vec<String>,
    /// The Kubernetes username
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// When it ends: 8h, 7d, or an instant; kept as a tag that Entryway's control plane honours
    #[arg(long, value_name = "WHEN")]
    expires: Option<Expires>,
    /// Grant also what narrows a scope so that everybody, or you, are locked out
    #[arg(long)]
    allow_lockout: bool,
    /// Without a question
    #[arg(short, long)]
    yes: bool,
}

/// What is wanted.
struct Wanted {
    principal: String,
    policies: Vec<PolicyArn>,
    scope: Scope,
    groups: Vec<String>,
    username: Option<String>,
    expires: Option<Timestamp>,
}

/// One call to EKS.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Create {
        groups: Vec<String>,
        username: Option<String>,
        tags: BTreeMap<String, String>,
    },
    Update(EntryChange),
    /// Before the association, so that a grant with an end never is one without.
    Tag(BTreeMap<String, String>),
    Associate {
        policy: String,
        scope: Scope,
        was: Option<Scope>,
    },
    Untag(Vec<String>),
}

/// Grants.
pub(crate) async fn run(global: &Global, args: GrantArgs) -> Result<Exit, CliError> {
    let scope = scope(&args.namespace)?;
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
        let guard = guard(&aws, &cluster, now.as_ref(), &steps, args.allow_lockout).await?;
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

/// What a grant may take away: the scope that it replaces, the username that RBAC may be bound to.
async fn guard(
    aws: &Aws,
    cluster: &Cluster,
    now: Option<&EntryWithPolicies>,
    steps: &[Step],
    is_allowed: bool,
) -> Result<Guard, CliError> {
    let Some(entry) = now else { return Ok(Guard::default()) };
    let principal: PrincipalArn =
        entry.entry.principal_arn.parse().map_err(|error: ArnError| CliError::new(error.to_string()))?;
    let mut actions = Vec::new();
    for step in steps {
        match step {
            Step::Associate { policy, scope, was: Some(_) } => {
                let policy = policy.parse().map_err(|error: ArnError| CliError::new(error.to_string()))?;
                let scope = AccessScope::from_parts(&scope.kind, &scope.namespaces)
                    .map_err(|error| CliError::new(error.to_string()))?;
                actions.push(Action::AssociatePolicy { principal: principal.clone(), policy, scope });
            }
            Step::Update(change) => {
                let username = change.username.clone().unwrap_or_else(|| entry.entry.username.clone());
                let groups = change.groups.clone().unwrap_or_else(|| entry.entry.kubernetes_groups.clone());
                actions.push(Action::UpdateEntry { principal: principal.clone(), username, groups });
            }
            Step::Create { .. } | Step::Tag(_) | Step::Untag(_) | Step::Associate { was: None, .. } => {}
        }
    }
    if actions.is_empty() {
        return Ok(Guard::default());
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

/// The calls that are missing to what is wanted, in a safe order.
fn plan(now: Option<&EntryWithPolicies>, wanted: &Wanted) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut tags = BTreeMap::new();
    let mut untag = Vec::new();
    let has = |tag: &str| now.and_then(|entry| entry.entry.tags.get(tag)).map(String::as_str);
    let mut end = |tag: String| match wanted.expires {
        Some(end) if has(&tag) != Some(&end.to_string()) => {
            tags.insert(tag, end.to_string());
        }
        None if has(&tag).is_some() => untag.push(tag),
        Some(_) | None => {}
    };
    for policy in &wanted.policies {
        end(format!("{EXPIRES_POLICY_TAG_PREFIX}{}", policy.name()));
    }
    if wanted.policies.is_empty() {
        end(EXPIRES_AT_TAG.to_owned());
    }
    match now {
        None => steps.push(Step::Create {
            groups: wanted.groups.clone(),
            username: wanted.username.clone(),
            tags: std::mem::take(&mut tags),
        }),
        Some(entry) => {
            let change = entry_change(entry, wanted);
            if !change.is_empty() {
                steps.push(Step::Update(change));
            }
            if !tags.is_empty() {
                steps.push(Step::Tag(tags));
            }
        }
    }
    for policy in &wanted.policies {
        let arn = policy.to_string();
        let was = now
            .and_then(|entry| entry.associated_access_policies.iter().find(|has| has.policy_arn == arn))
            .map(|has| has.access_scope.clone());
        if was.as_ref() != Some(&wanted.scope) {
            steps.push(Step::Associate { policy: arn, scope: wanted.scope.clone(), was });
        }
    }
    if !untag.is_empty() {
        steps.push(Step::Untag(untag));
    }
    steps
}

fn entry_change(entry: &EntryWithPolicies, wanted: &Wanted) -> EntryChange {
    let has = &entry.entry.kubernetes_groups;
    let mut groups = has.clone();
    for group in &wanted.groups {
        if !groups.contains(group) {
            groups.push(group.clone());
        }
    }
    EntryChange {
        groups: (groups.len() > has.len()).then_some(groups),
        username: wanted.username.clone().filter(|name| *name != entry.entry.username),
    }
}

impl Step {
    fn text(&self) -> String {
        match self {
            Step::Create { groups, username, tags } => {
                let groups =
                    if groups.is_empty() { String::new() } else { format!(", in the groups {}", groups.join(", ")) };
                let username = username.as_ref().map(|name| format!(", with the username {name}")).unwrap_or_default();
                let end = tags.get(EXPIRES_AT_TAG).map(|end| format!(", until {end}")).unwrap_or_default();
                format!("make an access entry{username}{groups}{end}{}", ends(tags))
            }
            Step::Update(change) => {
                let username = change.username.as_ref().map(|name| format!("set the username {name}"));
                let groups = change.groups.as_ref().map(|groups| format!("set the groups {}", groups.join(", ")));
                [username, groups].into_iter().flatten().collect::<Vec<_>>().join(" and ")
            }
            Step::Tag(tags) => {
                let end = tags.get(EXPIRES_AT_TAG).map(|end| format!("let the entry end at {end}"));
                end.unwrap_or_else(|| format!("set an end{}", ends(tags)))
            }
            Step::Associate { policy, scope, was: None } => {
                format!("associate {} ({})", policy_text(policy), scope_text(scope))
            }
            Step::Associate { policy, scope, was: Some(was) } => {
                format!("change the scope of {} from {} to {}", policy_text(policy), scope_text(was), scope_text(scope))
            }
            Step::Untag(tags) => format!("remove the end ({})", tags.join(", ")),
        }
    }
}

/// The ends of policies among tags, in words.
fn ends(tags: &BTreeMap<String, String>) -> String {
    tags.iter()
        .filter_map(|(tag, end)| Some((tag.strip_prefix(EXPIRES_POLICY_TAG_PREFIX)?, end)))
        .map(|(policy, end)| format!(", {} until {end}", policy_text(policy)))
        .collect()
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
    use entryway_live::{AssociatedPolicy, Entry};

    fn wanted(namespaces: &[&str], groups: &[&str], expires: Option<&str>) -> Wanted {
        Wanted {
            principal: "arn:aws:iam::111122223333:role/ops".into(),
            policies: vec!["arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy".parse().unwrap()],
            scope: scope(&namespaces.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap(),
            groups: groups.iter().map(|g| (*g).to_owned()).collect(),
            username: None,
            expires: expires.map(|e| e.parse().unwrap()),
        }
    }

    /// The entry after the steps, as EKS would have it.
    fn after(now: Option<EntryWithPolicies>, steps: &[Step]) -> EntryWithPolicies {
        let mut entry = now.unwrap_or_default();
        for step in steps.iter().cloned() {
            match step {
                Step::Create { groups, username, tags } => {
                    entry.entry = Entry {
                        kubernetes_groups: groups,
                        username: username.unwrap_or_default(),
                        tags,
                        ..Entry::default()
                    };
                }
                Step::Update(change) => {
                    if let Some(groups) = change.groups {
                        entry.entry.kubernetes_groups = groups;
                    }
                    if let Some(username) = change.username {
                        entry.entry.username = username;
                    }
                }
                Step::Tag(tags) => entry.entry.tags.extend(tags),
                Step::Associate { policy, scope, .. } => {
                    entry.associated_access_policies.retain(|has| has.policy_arn != policy);
                    entry.associated_access_policies.push(AssociatedPolicy {
                        policy_arn: policy,
                        access_scope: scope,
                        ..AssociatedPolicy::default()
                    });
                }
                Step::Untag(keys) => entry.entry.tags.retain(|key, _| !keys.contains(key)),
            }
        }
        entry
    }

    #[test]
    fn repeating_changes_nothing() {
        for wanted in [
            wanted(&[], &[], None),
            wanted(&["a", "dev-*"], &["g", "h"], None),
            wanted(&["a"], &[], Some("2030-01-01T00:00:00Z")),
            Wanted { policies: Vec::new(), ..wanted(&[], &["g"], Some("2030-01-01T00:00:00Z")) },
        ] {
            let entry = after(None, &plan(None, &wanted));
            assert_eq!(plan(Some(&entry), &wanted), []);
        }
    }

    #[test]
    fn a_grant_adds_groups_and_replaces_scope_and_end() {
        let first = after(None, &plan(None, &wanted(&["a"], &["g"], Some("2030-01-01T00:00:00Z"))));
        let steps = plan(Some(&first), &wanted(&["b"], &["h"], None));
        let texts: Vec<String> = steps.iter().map(Step::text).collect();
        assert_eq!(
            texts,
            [
                "set the groups g, h",
                "change the scope of View from a to b",
                "remove the end (entryway:expires/AmazonEKSViewPolicy)"
            ]
        );
    }

    #[test]
    fn an_end_is_set_before_the_policy_is_given() {
        let bare = after(None, &plan(None, &Wanted { policies: Vec::new(), ..wanted(&[], &[], None) }));
        let steps = plan(Some(&bare), &wanted(&[], &[], Some("2030-01-01T00:00:00Z")));
        assert!(matches!(steps.as_slice(), [Step::Tag(_), Step::Associate { .. }]), "{steps:?}");
        let steps = plan(None, &wanted(&[], &[], Some("2030-01-01T00:00:00Z")));
        let [Step::Create { tags, .. }, Step::Associate { .. }] = steps.as_slice() else { panic!("{steps:?}") };
        assert_eq!(tags.get("entryway:expires/AmazonEKSViewPolicy").map(String::as_str), Some("2030-01-01T00:00:00Z"));
    }

    #[test]
    fn bad_namespaces_are_refused() {
        assert!(scope(&["Team".to_owned()]).is_err());
        assert!(scope(&[String::new()]).is_err());
    }
}

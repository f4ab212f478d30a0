//! `entryway access list`.

use std::collections::BTreeMap;

use clap::Args;
use entryway_access::{AwsAuth, EXPIRES_AT, EXPIRES_POLICY, MappedPrincipal, Mapping, PrincipalArn};
use entryway_live::EntryWithPolicies;
use serde_json::{Value, json};

use super::{policy_text, scope_text};
use crate::args::{ClusterFlag, Global, KubeFlags};
use crate::context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, Answer};
use crate::table::Table;

/// What may be written behind `list`.
#[derive(Debug, Args)]
#[command(before_help = "Example:\n  entryway access list -c demo\n  entryway access list -c demo -o json")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterFlag,
    #[command(flatten)]
    kube: KubeFlags,
}

/// A line of aws-auth, and what overrides it.
struct Line<'a> {
    key: &'static str,
    mapping: &'a Mapping,
    overridden_by: Option<String>,
}

/// Lists.
pub(crate) async fn run(global: &Global, args: ListArgs) -> Result<Exit, CliError> {
    let aws = context::aws(global).await?;
    let cluster = context::cluster(&aws, args.cluster.cluster.as_ref()).await?;
    let mode = cluster.mode()?;
    let entries = if mode.has_api() { aws.entries(&cluster.name).await? } else { Vec::new() };
    let aws_auth = if mode.has_config_map() {
        match context::kubernetes(&aws, &cluster, &args.kube).await {
            Ok(kubernetes) => read_aws_auth(kubernetes.aws_auth().await.map_err(CliError::from), &cluster.name),
            Err(error) => read_aws_auth(Err(error), &cluster.name),
        }
    } else {
        AwsAuth::default()
    };
    let lines = lines(&aws_auth, &entries);
    output::answer(
        global.format(),
        &Answer {
            table: &|wide| table(&entries, &lines, &aws_auth, wide),
            value: &|| value(&entries, &lines, &aws_auth),
            names: &|| {
                let of_entries = entries.iter().map(|entry| entry.entry.principal_arn.clone());
                of_entries.chain(lines.iter().map(|line| principal(line.mapping))).collect()
            },
        },
    )?;
    Ok(Exit::Yes)
}

/// The lines of aws-auth. Who may not read it still gets the entries, and is told what is missing.
fn read_aws_auth(answer: Result<Option<BTreeMap<String, String>>, CliError>, cluster: &str) -> AwsAuth {
    match answer {
        Ok(None) => AwsAuth::default(),
        Ok(Some(data)) => {
            let (aws_auth, problems) = AwsAuth::parse(&data);
            for problem in problems {
                let place = problem.position;
                output::note(&format!("aws-auth {}:{}:{}: {}", problem.key, place.line, place.column, problem.message));
            }
            aws_auth
        }
        Err(error) => {
            output::note(&format!(
                "lines of aws-auth in `{cluster}` are missing here, it could not be read\n{}",
                error.to_string().trim_end()
            ));
            AwsAuth::default()
        }
    }
}

fn lines<'a>(aws_auth: &'a AwsAuth, entries: &[EntryWithPolicies]) -> Vec<Line<'a>> {
    let principals: Vec<PrincipalArn> =
        entries.iter().filter_map(|entry| entry.entry.principal_arn.parse().ok()).collect();
    let line = |key: &'static str| {
        let principals = &principals;
        move |mapping: &'a Mapping| {
            let overridden_by = match &mapping.principal {
                MappedPrincipal::Arn(arn) => {
                    principals.iter().find(|entry| entry.same_principal(arn)).map(ToString::to_string)
                }
                MappedPrincipal::Unusable(_) => None,
            };
            Line { key, mapping, overridden_by }
        }
    };
    aws_auth.roles.iter().map(line("mapRoles")).chain(aws_auth.users.iter().map(line("mapUsers"))).collect()
}

fn principal(mapping: &Mapping) -> String {
    match &mapping.principal {
        MappedPrincipal::Arn(arn) => arn.to_string(),
        MappedPrincipal::Unusable(text) => text.clone(),
    }
}

fn table(entries: &[EntryWithPolicies], lines: &[Line<'_>], aws_auth: &AwsAuth, wide: bool) -> Table {
    let mut table = if wide {
        Table::new(&["PRINCIPAL", "TYPE", "USERNAME", "GROUPS", "POLICIES", "REMARK", "MODIFIED"])
    } else {
        Table::new(&["PRINCIPAL", "TYPE", "USERNAME", "GROUPS", "POLICIES", "REMARK"])
    };
    for EntryWithPolicies { entry, associated_access_policies } in entries {
        let policies: Vec<String> = associated_access_policies
            .iter()
            .map(|policy| {
                let name = policy.policy_arn.rsplit('/').next().unwrap_or_default();
                let end = entry.tags.get(&format!("{EXPIRES_POLICY}{name}"));
                let end = end.map(|end| format!(" until {end}")).unwrap_or_default();
                format!("{} ({}){end}", policy_text(&policy.policy_arn), scope_text(&policy.access_scope))
            })
            .collect();
        let end = entry.tags.get(EXPIRES_AT).map(|end| format!("until {end}")).unwrap_or_default();
        let mut cells = vec![
            entry.principal_arn.clone(),
            entry.kind.clone(),
            entry.username.clone(),
            entry.kubernetes_groups.join(", "),
            policies.join("\n"),
            end,
        ];
        if wide {
            cells.push(entry.modified_at.clone().unwrap_or_default());
        }
        table.row(cells);
    }
    for line in lines {
        let remark = match (&line.mapping.principal, &line.overridden_by) {
            (MappedPrincipal::Unusable(_), _) => "maps nobody: not the ARN of a principal".to_owned(),
            (_, Some(_)) => "overridden by the entry".to_owned(),
            (_, None) if line.mapping.username.is_none() => "maps nobody: no username".to_owned(),
            (_, None) => String::new(),
        };
        table.row([
            principal(line.mapping),
            format!("aws-auth {}", line.key),
            line.mapping.username.as_ref().map(|name| name.as_str().to_owned()).unwrap_or_default(),
            line.mapping.groups.iter().map(|group| group.as_str()).collect::<Vec<_>>().join(", "),
            String::new(),
            remark,
        ]);
    }
    for account in &aws_auth.accounts {
        table.row([format!("account {account}"), "aws-auth mapAccounts".to_owned(), "the principal's ARN".to_owned()]);
    }
    table
}

fn value(entries: &[EntryWithPolicies], lines: &[Line<'_>], aws_auth: &AwsAuth) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .map(|line| {
            json!({
                "key": line.key,
                "principalArn": principal(line.mapping),
                "username": line.mapping.username.as_ref().map(|name| name.as_str()),
                "groups": line.mapping.groups.iter().map(|group| group.as_str()).collect::<Vec<_>>(),
                "overriddenBy": line.overridden_by,
            })
        })
        .collect();
    let accounts: Vec<&str> = aws_auth.accounts.iter().map(|account| account.as_str()).collect();
    json!({ "accessEntries": entries, "awsAuth": { "lines": lines, "accounts": accounts } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use entryway_live::{AssociatedPolicy, Entry, Scope};

    fn entry() -> EntryWithPolicies {
        EntryWithPolicies {
            entry: Entry {
                principal_arn: "arn:aws:iam::111122223333:role/team/ops".into(),
                kind: "STANDARD".into(),
                username: "ops".into(),
                kubernetes_groups: vec!["a".into(), "b".into()],
                tags: [("entryway:expires/AmazonEKSViewPolicy".to_owned(), "2026-01-01T00:00:00Z".to_owned())].into(),
                ..Entry::default()
            },
            associated_access_policies: vec![AssociatedPolicy {
                policy_arn: "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy".into(),
                access_scope: Scope { kind: "namespace".into(), namespaces: vec!["x".into(), "dev-*".into()] },
                ..AssociatedPolicy::default()
            }],
        }
    }

    #[test]
    fn entries_and_lines_in_one_table() {
        let data = [(
            "mapRoles".to_owned(),
            "- rolearn: arn:aws:iam::111122223333:role/ops\n  username: old\n  groups: [g]\n- rolearn: arn:aws:iam::111122223333:role/ci\n  username: ci\n".to_owned(),
        )]
        .into();
        let (aws_auth, _) = AwsAuth::parse(&data);
        let entries = [entry()];
        let lines = lines(&aws_auth, &entries);
        let text = table(&entries, &lines, &aws_auth, false).render(None);
        let row = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_owned();
        assert!(
            row("arn:aws:iam::111122223333:role/team/ops").contains("View (x, dev-*) until 2026-01-01T00:00:00Z"),
            "{text}"
        );
        assert!(row("arn:aws:iam::111122223333:role/ops").contains("overridden by the entry"), "{text}");
        assert!(row("arn:aws:iam::111122223333:role/ci").contains("aws-auth mapRoles"), "{text}");
        let value = value(&entries, &lines, &aws_auth);
        assert_eq!(value["awsAuth"]["lines"][0]["overriddenBy"], "arn:aws:iam::111122223333:role/team/ops");
        assert_eq!(value["accessEntries"][0]["associatedAccessPolicies"][0]["accessScope"]["type"], "namespace");
    }
}

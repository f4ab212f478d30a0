//! `entryway policies`: what there is, and what each grants.

use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCompleter;
use entryway_access::{AccessPolicy, Partition, PolicyArn, PolicyCatalogue, PolicyRules, Region};
use serde_json::json;

use crate::args::Global;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, Answer, Format};
use crate::table::Table;
use crate::{complete, context};

/// The verbs of `policies`.
#[derive(Debug, Subcommand)]
#[command(before_help = "Example:\n  entryway policies list\n  entryway policies show ClusterAdmin")]
pub(crate) enum PoliciesCommand {
    /// List the access policies that the EKS endpoint offers
    #[command(before_help = "Example:\n  entryway policies list -o wide")]
    List,
    /// Show what a policy grants, as a table or (-o yaml) as a ClusterRole
    #[command(
        before_help = "Example:\n  entryway policies show ClusterAdmin\n  entryway policies show AmazonEKSViewPolicy -o yaml"
    )]
    Show(ShowArgs),
}

/// What may be written behind `show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Its ARN, its name or its short name (AmazonEKSClusterAdminPolicy is ClusterAdmin)
    #[arg(value_name = "POLICY", add = ArgValueCompleter::new(complete::policies))]
    policy: String,
}

/// Runs one of them.
pub(crate) async fn run(global: &Global, command: PoliciesCommand) -> Result<Exit, CliError> {
    match command {
        PoliciesCommand::List => list(global).await,
        PoliciesCommand::Show(args) => show(global, &args.policy),
    }
}

/// What stands beside a policy in a list.
fn remark(catalogue: &PolicyCatalogue, arn: &str) -> &'static str {
    let Some(policy) = arn.parse::<PolicyArn>().ok().and_then(|arn| catalogue.get(&arn).cloned()) else {
        return "not in the catalogue: grants nothing here";
    };
    match (&policy.rules, policy.service_linked_only) {
        (_, true) => "for service-linked roles alone",
        (PolicyRules::Unpublished, false) => "rules not published: grants nothing here",
        (PolicyRules::Known(_), false) => "",
    }
}

async fn list(global: &Global) -> Result<Exit, CliError> {
    let aws = context::aws(global).await?;
    let listed = aws.list_policies().await?;
    let catalogue = PolicyCatalogue::builtin();
    output::answer(
        global.format(),
        &Answer {
            table: &|wide| {
                let mut table = if wide {
                    Table::new(&["NAME", "SHORT", "REMARK", "ARN"])
                } else {
                    Table::new(&["NAME", "SHORT", "REMARK"])
                };
                for policy in &listed {
                    let short = complete::short_policy(&policy.name);
                    let short = if short == policy.name { "" } else { short };
                    let mut cells =
                        vec![policy.name.clone(), short.to_owned(), remark(&catalogue, &policy.arn).to_owned()];
                    if wide {
                        cells.push(policy.arn.clone());
                    }
                    table.row(cells);
                }
                table
            },
            value: &|| json!({ "accessPolicies": listed }),
            names: &|| listed.iter().map(|policy| policy.name.clone()).collect(),
        },
    )?;
    Ok(Exit::Yes)
}

/// The policy that a person means.
pub(crate) fn resolve(text: &str, partition: Partition) -> Result<PolicyArn, CliError> {
    PolicyCatalogue::builtin()
        .resolve(text, partition)
        .map_err(|message| CliError::new(message).hint("all of them: `entryway policies list`"))
}

fn show(global: &Global, text: &str) -> Result<Exit, CliError> {
    let partition = global
        .region
        .as_deref()
        .and_then(|region| region.parse::<Region>().ok())
        .map_or(Partition::Aws, |region| Partition::of_region(&region));
    let arn = resolve(text, partition)?;
    let catalogue = PolicyCatalogue::builtin();
    let policy = catalogue.get(&arn).ok_or_else(|| {
        CliError::new(format!("the policy `{arn}` is not in the catalogue")).hint("see `entryway policies list`")
    })?;
    let PolicyRules::Known(rules) = &policy.rules else {
        return unpublished(global, policy, &arn);
    };
    match global.format() {
        format @ (Format::Json | Format::Yaml) => output::value(
            format,
            &json!({
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRole",
                "metadata": {"name": policy.name.as_str(), "annotations": {"entryway/policy-arn": arn.to_string(), "entryway/source": policy.source}},
                "rules": &**rules,
            }),
        )?,
        Format::Name => output::print(&format!("{arn}\n"))?,
        Format::Table | Format::Wide => {
            output::note(&format!("{arn}\n{}\n", policy.source));
            output::answer(
                global.format(),
                &Answer { table: &|_| table(rules), value: &|| json!(&**rules), names: &Vec::new },
            )?;
        }
    }
    Ok(Exit::Yes)
}

/// A policy whose rules nobody knows: said, not shown as one that grants nothing by its rules.
fn unpublished(global: &Global, policy: &AccessPolicy, arn: &PolicyArn) -> Result<Exit, CliError> {
    let text =
        format!("AWS has not published the rules of {}: it may be associated, and grants nothing here", policy.name);
    match global.format() {
        format @ (Format::Json | Format::Yaml) => {
            output::value(
                format,
                &json!({"name": policy.name.as_str(), "arn": arn.to_string(), "rules": null, "source": policy.source}),
            )?;
        }
        Format::Name => output::print(&format!("{arn}\n"))?,
        Format::Table | Format::Wide => output::print(&format!("{text}\n"))?,
    }
    Ok(Exit::Yes)
}

fn table(rules: &[entryway_access::PolicyRule]) -> Table {
    let mut table = Table::new(&["API GROUPS", "RESOURCES", "NAMES", "VERBS"]);
    for rule in rules {
        let groups = rule.api_groups.iter().map(|group| if group.is_empty() { "core" } else { group.as_str() });
        let (groups, resources) = if rule.non_resource_urls.is_empty() {
            (groups.collect::<Vec<_>>().join(", "), rule.resources.join(", "))
        } else {
            ("(paths)".to_owned(), rule.non_resource_urls.join(", "))
        };
        table.row([groups, resources, rule.resource_names.join(", "), rule.verbs.join(", ")]);
    }
    table
}

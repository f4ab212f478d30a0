//! `entryway policies`: what there is, what each grants, and those of one's own.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCompleter;
use entryway_access::{
    AccessPolicy, ArnError, Partition, PolicyArn, PolicyCatalogue, PolicyName, PolicyRule, PolicyRules, Region,
};
use entryway_formats::{Declared, ReadOptions};
use entryway_live::Aws;
use serde_json::json;

use crate::args::Global;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, Answer, Format};
use crate::table::Table;
use crate::{change, complete, context, declared, diagnostics};

/// The verbs of `policies`.
#[derive(Debug, Subcommand)]
#[command(before_help = "Example:\n  entryway policies list\n  entryway policies show ClusterAdmin")]
pub(crate) enum PoliciesCommand {
    /// List the access policies that the EKS endpoint offers
    #[command(before_help = "Example:\n  entryway policies list -o wide")]
    List,
    /// Make own access policies, or replace their rules: of an Entryway control plane alone
    #[command(before_help = "Example:\n  entryway policies put crd-reader.yaml")]
    Put(PutArgs),
    /// Delete an own access policy that no entry has
    #[command(before_help = "Example:\n  entryway policies delete crd-reader")]
    Delete(DeleteArgs),
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

/// What may be written behind `put`.
#[derive(Debug, Args)]
pub(crate) struct PutArgs {
    /// ClusterRoles (YAML or JSON, as `show -o yaml` prints them) or an access file with `policies`; `-` for stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Although it locks everybody, or you, out
    #[arg(long)]
    allow_lockout: bool,
    /// Without a question
    #[arg(short, long)]
    yes: bool,
}

/// What may be written behind `delete`.
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// Its name or its ARN
    #[arg(value_name = "POLICY")]
    policy: String,
    /// Without a question
    #[arg(short, long)]
    yes: bool,
}

/// Runs one of them.
pub(crate) async fn run(global: &Global, command: PoliciesCommand) -> Result<Exit, CliError> {
    match command {
        PoliciesCommand::List => list(global).await,
        PoliciesCommand::Show(args) => show(global, &args.policy).await,
        PoliciesCommand::Put(args) => put(global, args).await,
        PoliciesCommand::Delete(args) => delete(global, &args).await,
    }
}

/// What stands beside a policy in a list.
fn remark(catalogue: &PolicyCatalogue, arn: &str) -> &'static str {
    let arn = arn.parse::<PolicyArn>();
    if matches!(arn, Ok(PolicyArn::Own { .. })) {
        return "own";
    }
    let Some(policy) = arn.ok().and_then(|arn| catalogue.get(&arn).cloned()) else {
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

/// The policies that a person means. The endpoint is asked for own ones only where a text is none of AWS's.
pub(crate) async fn resolve(aws: &Aws, texts: &[String], partition: Partition) -> Result<Vec<PolicyArn>, CliError> {
    let builtin = PolicyCatalogue::builtin();
    let found: Result<Vec<_>, _> = texts.iter().map(|text| builtin.resolve(text, partition)).collect();
    if let Ok(found) = found {
        return Ok(found);
    }
    let catalogue = aws.policy_catalogue().await?;
    texts.iter().map(|text| catalogue.resolve(text, partition).map_err(unknown)).collect()
}

fn unknown(message: String) -> CliError {
    CliError::new(message).hint("all of them: `entryway policies list`")
}

/// Own policies are Entryway's alone.
async fn control_plane(global: &Global) -> Result<Aws, CliError> {
    let aws = context::aws(global).await?;
    if aws.is_aws() {
        return Err(CliError::new("EKS has no policies of one's own, only an Entryway control plane has")
            .hint("on EKS, `entryway apply` makes a ClusterRole and bindings of the `policies` of an access file"));
    }
    Ok(aws)
}

async fn put(global: &Global, args: PutArgs) -> Result<Exit, CliError> {
    let aws = control_plane(global).await?;
    // ClusterRoles are of some cluster, for those who read them; here it does not matter which.
    let options = ReadOptions { cluster: "any".parse().ok(), ..ReadOptions::default() };
    let sources = declared::sources(std::slice::from_ref(&args.file))?;
    let policies = policies_of(diagnostics::value(global, entryway_formats::read_all(&sources, &options))?)?;
    if policies.is_empty() {
        return Err(CliError::new(format!("`{}` holds no policy", args.file.display())).hint(
            "write a ClusterRole (`entryway policies show View -o yaml` is one), or an access file's `policies`",
        ));
    }
    let there = aws.own_policies().await?;
    for (name, rules, description) in policies {
        let done = match there.get(&name) {
            None => "made",
            Some(before) if *before == rules => "kept: its rules are these already",
            Some(_) => {
                let guard = change::guard_policy(&aws, &name, &rules, args.allow_lockout).await?;
                change::refuse(guard.lock_out.as_ref(), guard.is_allowed)?;
                if !change::ask(&format!("{name} is there; replace its rules?"), args.yes)? {
                    return Ok(Exit::No);
                }
                "replaced"
            }
        };
        aws.put_described_policy(&name, &rules, description.as_deref()).await?;
        output::print(&format!("policy {name} {done}\n"))?;
    }
    Ok(Exit::Yes)
}

type Described = (PolicyName, Vec<PolicyRule>, Option<String>);

/// The policies that files declare: under `policies`, or as ClusterRoles.
fn policies_of(declared: Declared) -> Result<Vec<Described>, CliError> {
    let mut all: Vec<Described> =
        declared.policies.into_iter().map(|own| (own.name.value, own.rules, own.description)).collect();
    for role in declared.clusters.into_iter().flat_map(|cluster| cluster.rbac.roles) {
        if role.namespace.is_some() || role.aggregation.is_some() {
            return Err(CliError::new(format!("the role `{}` can't be a policy", role.name))
                .hint("only a ClusterRole with rules of its own can; the scope comes with each association"));
        }
        let name = role.name.parse().map_err(|error: ArnError| CliError::new(error.to_string()))?;
        all.push((name, role.rules, None));
    }
    Ok(all)
}

async fn delete(global: &Global, args: &DeleteArgs) -> Result<Exit, CliError> {
    let aws = control_plane(global).await?;
    let name: PolicyName = match args.policy.parse::<PolicyArn>() {
        Ok(arn @ PolicyArn::Own { .. }) => arn.name().clone(),
        Ok(PolicyArn::Aws { name, .. }) => {
            return Err(CliError::new(format!("{name} is AWS's; only policies of your own can be deleted")));
        }
        Err(_) => args.policy.parse().map_err(|error: ArnError| CliError::new(error.to_string()))?,
    };
    if !change::ask(&format!("delete the policy {name}?"), args.yes)? {
        return Ok(Exit::No);
    }
    aws.delete_own_policy(&name).await?;
    output::print(&format!("policy {name} deleted\n"))?;
    Ok(Exit::Yes)
}

async fn show(global: &Global, text: &str) -> Result<Exit, CliError> {
    let partition = global
        .region
        .as_deref()
        .and_then(|region| region.parse::<Region>().ok())
        .map_or(Partition::Aws, |region| Partition::of_region(&region));
    let builtin = PolicyCatalogue::builtin();
    let (catalogue, arn) = match builtin.resolve(text, partition) {
        Ok(arn) => (builtin, arn),
        // Who reaches no control plane is told of AWS's policies.
        Err(message) => match context::aws(global).await {
            Ok(aws) if !aws.is_aws() => {
                let (catalogue, partition) = (aws.policy_catalogue().await?, Partition::of_region(aws.region()));
                let arn = catalogue.resolve(text, partition).map_err(unknown)?;
                (catalogue, arn)
            }
            Ok(_) | Err(_) => return Err(unknown(message)),
        },
    };
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

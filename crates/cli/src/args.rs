//! What may be written behind `entryway`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::engine::ArgValueCompleter;
use entryway_access::ClusterName;
use entryway_live::AwsOptions;

use crate::command::{
    access, apply, can_i, clusters, completions, console, down, drift, env, explain, export, import, migrate, plan,
    policies, schema, sweep, token, up, update_kubeconfig,
};
use crate::complete;
use crate::output::Format;

/// Who may do what in Kubernetes clusters, the way Amazon EKS does it with access entries.
#[derive(Debug, Parser)]
#[command(
    name = "entryway",
    version,
    before_help = "Example:\n  entryway up\n  eval \"$(entryway env)\"\n  entryway access grant role/ops -c demo --policy View -n default",
    disable_help_subcommand = true,
    max_term_width = 120
)]
pub(crate) struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The AWS region (else AWS_REGION, AWS_DEFAULT_REGION, the profile)
    #[arg(long, global = true, value_name = "REGION", help_heading = "Everywhere")]
    pub(crate) region: Option<String>,
    /// The AWS profile (else AWS_PROFILE)
    #[arg(long, global = true, value_name = "NAME", help_heading = "Everywhere")]
    pub(crate) profile: Option<String>,
    /// Another EKS endpoint (else AWS_ENDPOINT_URL_EKS, AWS_ENDPOINT_URL, the profile); also for STS, unless it is
    /// a host of AWS
    #[arg(long, global = true, value_name = "URL", help_heading = "Everywhere")]
    pub(crate) endpoint_url: Option<String>,
    /// The form of the answer
    #[arg(short, long, global = true, value_enum, value_name = "FORM", help_heading = "Everywhere")]
    pub(crate) output: Option<Format>,
    /// Only what was asked for
    #[arg(short, long, global = true, help_heading = "Everywhere")]
    pub(crate) quiet: bool,
    /// Say more on stderr; more often, more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Everywhere")]
    pub(crate) verbose: u8,
    /// No colours (also with NO_COLOR set)
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) no_color: bool,
}

impl Global {
    /// For finding credentials, region and endpoint.
    pub(crate) fn aws(&self) -> AwsOptions {
        AwsOptions {
            profile: self.profile.clone(),
            region: self.region.clone(),
            endpoint_url: self.endpoint_url.clone(),
        }
    }

    /// The form of the answer, a table where nothing else is said.
    pub(crate) fn format(&self) -> Format {
        self.output.unwrap_or(Format::Table)
    }
}

/// The cluster that a command is about.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClusterFlag {
    /// The cluster; where the region has one alone, that one
    #[arg(short = 'c', long = "cluster-name", visible_aliases = ["cluster", "name"], value_name = "CLUSTER",
          add = ArgValueCompleter::new(complete::clusters))]
    pub(crate) cluster: Option<ClusterName>,
}

/// How to reach the Kubernetes API of the cluster, where not as the EKS API says.
#[derive(Debug, Clone, Args)]
pub(crate) struct KubeFlags {
    /// Reach the cluster by this context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// The kubeconfig file
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a control plane on this machine: EKS, STS and IAM APIs and a sandbox cluster
    Up(up::UpArgs),
    /// Stop the control plane that `up --detach` started
    Down(down::DownArgs),
    /// Print and open a link to the console that signs in, once
    Console(console::ConsoleArgs),
    /// Print what aws, kubectl and terraform need to reach the control plane on this machine
    Env(env::EnvArgs),
    /// Clusters: list, describe, create, delete, authentication mode
    #[command(subcommand)]
    Clusters(clusters::ClustersCommand),
    /// Access policies: list them, show their rules; own ones: put, delete
    #[command(subcommand)]
    Policies(policies::PoliciesCommand),
    /// Access entries with their policies: list, grant, revoke
    #[command(subcommand)]
    Access(access::AccessCommand),
    /// Print a token for a cluster, as kubectl takes it
    Token(token::TokenArgs),
    /// Put a cluster into the kubeconfig, as `aws eks update-kubeconfig` does
    UpdateKubeconfig(update_kubeconfig::UpdateKubeconfigArgs),
    /// May somebody do something in a cluster?
    CanI(can_i::CanIArgs),
    /// May somebody do something in a cluster, and why?
    Explain(explain::ExplainArgs),
    /// Show what would change from what is in force to what files declare, and what that means for whom
    Plan(plan::PlanArgs),
    /// Carry a plan out
    Apply(apply::ApplyArgs),
    /// Show what differs from the files, and who changed it
    Drift(drift::DriftArgs),
    /// Write what is in force into a file, keeping the comments of one that is there
    Import(import::ImportArgs),
    /// Write what files declare, or what is in force, in another tool's format
    Export(export::ExportArgs),
    /// Move off aws-auth: check, apply, finish, roll back
    Migrate(migrate::MigrateArgs),
    /// Remove what has ended
    Sweep(sweep::SweepArgs),
    /// Print the JSON Schema of the access file, or check files
    Schema(schema::SchemaArgs),
    /// Print the completions of a shell
    Completions(completions::CompletionsArgs),
    /// Print the version
    #[command(before_help = "Example:\n  entryway version -o name")]
    Version,
}

impl Command {
    /// Whether several threads are of use to it: it serves requests, or reads fleets.
    pub(crate) fn is_parallel(&self) -> bool {
        match self {
            Command::Up(args) => !args.detach,
            Command::Plan(_) | Command::Apply(_) | Command::Drift(_) | Command::Import(_) | Command::Sweep(_) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn names_and_aliases() {
        for flag in ["-c demo", "--cluster-name demo", "--cluster demo", "--name demo"] {
            let Command::Access(access::AccessCommand::List(args)) =
                parse(&format!("entryway access list {flag}")).unwrap().command
            else {
                panic!("not access list")
            };
            assert_eq!(args.cluster.cluster.unwrap().as_str(), "demo");
        }
        for line in [
            "entryway up -q --data /x --listen 127.0.0.1:0 --cluster a --cluster b --sample --public-host h:1",
            "entryway env --shell json --data /x",
            "entryway clusters mode demo API --yes",
            "entryway policies show ClusterAdmin -o yaml",
            "entryway access grant role/x -c demo --policy View -n a -n b --expires 8h --yes",
            "entryway access revoke role/x -c demo --policy View",
            "entryway token --cluster-name demo --role-arn arn:aws:iam::111122223333:role/x",
            "entryway update-kubeconfig --name demo --alias a --user-alias b --dry-run --verbose",
            "entryway can-i get pods/web -n a --principal role/x -c demo",
            "entryway explain list secrets -A --as jane --context x",
            "entryway --region eu-west-1 clusters list -o name",
            "entryway completions fish",
            "entryway plan",
            "entryway plan main.tf -c demo --var a=b --adopt --prune --allow-lockout --out p --detailed-exitcode",
            "entryway apply plan.json --yes",
            "entryway drift --trail t.json -o json",
            "entryway import access.yaml -c a -c b --dry-run",
            "entryway export --to terraform-resources --live -c demo",
            "entryway migrate -c demo --check",
            "entryway sweep -c demo --dry-run",
            "entryway schema",
        ] {
            parse(line).unwrap_or_else(|error| panic!("{line}\n{error}"));
        }
    }

    #[test]
    fn bad_usage_is_refused() {
        for line in [
            "entryway",
            "entryway frobnicate",
            "entryway export",
            "entryway export --to pdf",
            "entryway migrate --apply --finish",
            "entryway plan --var x",
            "entryway up --listen nowhere",
            "entryway up --account 12",
            "entryway up --cluster a --no-cluster",
            "entryway up --cluster -x",
            "entryway access grant role/x --policy View -n a --expires soon",
            "entryway clusters mode demo api",
            "entryway can-i get",
            "entryway can-i get pods --principal role/x --as jane",
            "entryway can-i get pods -n a -A",
            "entryway -o xml clusters list",
        ] {
            let error = parse(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn every_help_begins_with_an_example() {
        fn check(command: &mut clap::Command, path: &str) {
            let help = command.render_long_help().to_string();
            assert!(help.starts_with("Example"), "{path}: {help}");
            let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
            for name in names {
                check(command.find_subcommand_mut(&name).unwrap(), &format!("{path} {name}"));
            }
        }
        let mut command = Cli::command();
        command.build();
        check(&mut command, "entryway");
    }
}

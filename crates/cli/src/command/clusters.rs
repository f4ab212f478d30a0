//! `entryway clusters`.

use std::time::Duration;

use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCompleter;
use entryway_access::{AuthenticationMode, ClusterName};
use entryway_live::{Aws, Cluster, NewCluster};
use entryway_plan::Action;
use serde_json::json;

use crate::args::Global;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, Answer};
use crate::table::Table;
use crate::{change, complete, context};

/// The verbs of `clusters`.
#[derive(Debug, Subcommand)]
#[command(
    before_help = "Example:\n  entryway clusters list\n  entryway clusters create staging\n  entryway clusters mode staging API"
)]
pub(crate) enum ClustersCommand {
    /// List the clusters of the region
    #[command(before_help = "Example:\n  entryway clusters list -o wide")]
    List,
    /// Show one cluster
    #[command(before_help = "Example:\n  entryway clusters describe demo -o json")]
    Describe(NameArgs),
    /// Make a cluster (on an Entryway control plane)
    #[command(before_help = "Example:\n  entryway clusters create staging --authentication-mode API")]
    Create(CreateArgs),
    /// Delete a cluster with all that is in it
    #[command(before_help = "Example:\n  entryway clusters delete staging")]
    Delete(DeleteArgs),
    /// Change the authentication mode: CONFIG_MAP, then API_AND_CONFIG_MAP, then API, and never back
    #[command(before_help = "Example:\n  entryway clusters mode staging API_AND_CONFIG_MAP")]
    Mode(ModeArgs),
}

/// A cluster's name.
#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// The cluster
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(complete::clusters))]
    name: ClusterName,
}

/// What may be written behind `create`.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The new cluster's name
    name: ClusterName,
    /// The authentication mode
    #[arg(long, value_name = "MODE", default_value = "API_AND_CONFIG_MAP")]
    authentication_mode: AuthenticationMode,
    /// The cluster's own role; nothing needs to be behind it
    #[arg(long, value_name = "ARN")]
    role_arn: Option<String>,
    /// Subnets; nothing needs to be behind them
    #[arg(long, value_name = "ID", value_delimiter = ',', default_values = ["subnet-00000000000000001", "subnet-00000000000000002"])]
    subnet_ids: Vec<String>,
}

/// What may be written behind `delete`.
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    name: NameArgs,
    /// Without a question
    #[arg(short, long)]
    yes: bool,
}

/// What may be written behind `mode`.
#[derive(Debug, Args)]
pub(crate) struct ModeArgs {
    #[command(flatten)]
    name: NameArgs,
    /// The new mode
    #[arg(value_name = "MODE")]
    mode: AuthenticationMode,
    /// Change it also where that locks everybody, or you, out
    #[arg(long)]
    allow_lockout: bool,
    /// Without a question
    #[arg(short, long)]
    yes: bool,
}

/// How often an update is asked after: a control plane on this machine is done at once, EKS takes minutes.
const PAUSE_LOCAL: Duration = Duration::from_millis(50);
const PAUSE_AWS: Duration = Duration::from_secs(5);
/// Clusters that are described at once for a list.
const AT_ONCE: usize = 8;

/// Runs one of them.
pub(crate) async fn run(global: &Global, command: ClustersCommand) -> Result<Exit, CliError> {
    let aws = context::aws(global).await?;
    match command {
        ClustersCommand::List => list(global, &aws).await,
        ClustersCommand::Describe(args) => describe(global, &aws, &args.name).await,
        ClustersCommand::Create(args) => create(global, &aws, args).await,
        ClustersCommand::Delete(args) => delete(global, &aws, &args).await,
        ClustersCommand::Mode(args) => mode(global, &aws, &args).await,
    }
}

async fn list(global: &Global, aws: &Aws) -> Result<Exit, CliError> {
    let names = aws.list_clusters().await?;
    let mut clusters = Vec::new();
    for some in names.chunks(AT_ONCE) {
        let described = some.iter().map(|name| aws.describe_cluster(name));
        for cluster in futures::future::join_all(described).await {
            match cluster {
                Ok(cluster) => clusters.push(cluster),
                // Deleted meanwhile.
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    show(global, &clusters, &|| json!({ "clusters": clusters }))
}

async fn describe(global: &Global, aws: &Aws, name: &ClusterName) -> Result<Exit, CliError> {
    let cluster = context::cluster(aws, Some(name)).await?;
    show(global, std::slice::from_ref(&cluster), &|| json!({ "cluster": cluster }))
}

fn show(global: &Global, clusters: &[Cluster], value: &dyn Fn() -> serde_json::Value) -> Result<Exit, CliError> {
    output::answer(
        global.format(),
        &Answer {
            table: &|wide| table(clusters, wide),
            value,
            names: &|| clusters.iter().map(|cluster| cluster.name.clone()).collect(),
        },
    )?;
    Ok(Exit::Yes)
}

fn table(clusters: &[Cluster], wide: bool) -> Table {
    let mut table = if wide {
        Table::new(&["NAME", "STATUS", "MODE", "VERSION", "ENDPOINT", "ARN", "CREATED"])
    } else {
        Table::new(&["NAME", "STATUS", "MODE", "VERSION", "ENDPOINT"])
    };
    for cluster in clusters {
        let mut cells = vec![
            cluster.name.clone(),
            cluster.status.clone(),
            cluster.access_config.authentication_mode.clone(),
            cluster.version.clone().unwrap_or_default(),
            cluster.endpoint.clone().unwrap_or_default(),
        ];
        if wide {
            cells.extend([cluster.arn.clone(), cluster.created_at.clone().unwrap_or_default()]);
        }
        table.row(cells);
    }
    table
}

async fn create(global: &Global, aws: &Aws, args: CreateArgs) -> Result<Exit, CliError> {
    if aws.is_aws() {
        return Err(CliError::new("clusters of real EKS are not made by Entryway: it manages access, not clusters")
            .hint("use Terraform (`aws_eks_cluster`) or eksctl (`eksctl create cluster`)")
            .hint("for a cluster on this machine: `entryway up`, then eval \"$(entryway env)\""));
    }
    let role_arn = match args.role_arn {
        Some(arn) => arn,
        None => {
            let (partition, account) = context::own_account(aws).await?;
            format!("arn:{partition}:iam::{account}:role/eks-cluster")
        }
    };
    let new = NewCluster {
        name: args.name.as_str().to_owned(),
        role_arn,
        subnet_ids: args.subnet_ids,
        mode: args.authentication_mode,
    };
    aws.create_cluster(&new).await?;
    let cluster =
        settled(aws, &new.name).await?.ok_or_else(|| CliError::new("the new cluster was deleted meanwhile"))?;
    show(global, std::slice::from_ref(&cluster), &|| json!({ "cluster": cluster }))
}

async fn delete(global: &Global, aws: &Aws, args: &DeleteArgs) -> Result<Exit, CliError> {
    let cluster = context::cluster(aws, Some(&args.name.name)).await?;
    let steps = [format!("delete the cluster {} with its access entries and all objects in it", cluster.arn)];
    if !change::agree("This will:", &steps, &change::Guard::default(), args.yes)? {
        return Ok(Exit::No);
    }
    aws.delete_cluster(&cluster.name).await?;
    if !global.quiet {
        output::note("it goes on if you interrupt");
    }
    if let Some(left) = settled(aws, &cluster.name).await? {
        return Err(CliError::new(format!("the cluster `{}` is still there, as {}", left.name, left.status)));
    }
    if !global.quiet {
        output::print(&format!("deleted the cluster {}\n", cluster.arn))?;
    }
    Ok(Exit::Yes)
}

/// The cluster when it is no longer on its way from one state to another; `None` when it is gone.
async fn settled(aws: &Aws, name: &str) -> Result<Option<Cluster>, CliError> {
    let pause = if aws.is_aws() { PAUSE_AWS } else { PAUSE_LOCAL };
    loop {
        match aws.describe_cluster(name).await {
            Ok(cluster) if matches!(cluster.status.as_str(), "CREATING" | "DELETING" | "PENDING") => {
                tokio::time::sleep(pause).await;
            }
            Ok(cluster) => return Ok(Some(cluster)),
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

async fn mode(global: &Global, aws: &Aws, args: &ModeArgs) -> Result<Exit, CliError> {
    let cluster = context::cluster(aws, Some(&args.name.name)).await?;
    let from = cluster.mode()?;
    if from == args.mode {
        output::note(&format!("the cluster `{}` is in mode {from} already", cluster.name));
        return show(global, std::slice::from_ref(&cluster), &|| json!({ "cluster": cluster }));
    }
    from.step(args.mode).map_err(|error| {
        CliError::new(error.to_string())
            .hint("the mode goes one way, a step at a time: CONFIG_MAP, API_AND_CONFIG_MAP, API")
    })?;
    let effect = match args.mode {
        AuthenticationMode::Api => "lines of aws-auth are out of force from then on",
        AuthenticationMode::ApiAndConfigMap | AuthenticationMode::ConfigMap => {
            "access entries come into force, before lines of aws-auth"
        }
    };
    let steps = [
        format!("change the authentication mode of {} from {from} to {}", cluster.arn, args.mode),
        format!("{effect}; there is no way back"),
    ];
    let action = Action::SetMode { from, to: args.mode };
    let guard = change::guard(aws, &cluster, &[action], args.allow_lockout).await?;
    if !change::agree("This will:", &steps, &guard, args.yes)? {
        return Ok(Exit::No);
    }
    let update = aws.update_mode(&cluster.name, args.mode).await?;
    if !global.quiet {
        output::note(&format!("update {} is under way; it goes on if you interrupt", update.id));
    }
    let pause = if aws.is_aws() { PAUSE_AWS } else { PAUSE_LOCAL };
    let done = aws.wait_for_update(&cluster.name, &update.id, pause).await?;
    if done.status != "Successful" {
        return Err(CliError::new(format!("the update {} ended as {}", done.id, done.status)));
    }
    describe(global, aws, &args.name.name).await
}

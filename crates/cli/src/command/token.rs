//! `entryway token`: what kubectl asks of an exec plugin.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use entryway_iam::token::{ExecApiVersion, exec_credential};
use entryway_live::PrincipalText;
use jiff::Timestamp;

use crate::args::Global;
use crate::complete;
use crate::context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, Format};

/// What may be written behind `token`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example:\n  entryway token --cluster-name demo\n  entryway token --cluster-name demo --role-arn arn:aws:iam::111122223333:role/ops"
)]
#[group(skip)]
pub(crate) struct TokenArgs {
    /// The cluster
    #[arg(short = 'c', long, visible_aliases = ["cluster", "name"], value_name = "CLUSTER", required_unless_present = "cluster_id",
          add = ArgValueCompleter::new(complete::clusters))]
    cluster_name: Option<String>,
    /// The id of a local cluster on an Outpost
    #[arg(long, value_name = "ID", conflicts_with = "cluster_name")]
    cluster_id: Option<String>,
    /// Assume this role first
    #[arg(long, visible_alias = "role", value_name = "ARN", add = ArgValueCompleter::new(complete::principals))]
    role_arn: Option<PrincipalText>,
}

/// The session's name under `--role-arn`: that of the AWS CLI, as audit logs and username templates know it.
const SESSION: &str = "EKSGetTokenAuth";

/// Prints an `ExecCredential`.
pub(crate) async fn run(global: &Global, args: TokenArgs) -> Result<Exit, CliError> {
    let info = std::env::var("KUBERNETES_EXEC_INFO").ok();
    let (version, note) = ExecApiVersion::from_exec_info(info.as_deref());
    if let Some(note) = note {
        output::note(note);
    }
    let mut aws = context::aws(global).await?;
    if let Some(role) = &args.role_arn {
        aws = aws.assume_role(&context::role(&aws, role).await?, SESSION).await?;
    }
    let cluster = args.cluster_id.or(args.cluster_name).unwrap_or_default();
    let token = aws.token(&cluster, Timestamp::now())?;
    let credential = exec_credential(token.expose(), token.signed_at(), version);
    match global.output {
        Some(Format::Yaml) => output::value(Format::Yaml, &credential)?,
        Some(Format::Name) => output::print(&format!("{}\n", token.expose()))?,
        _ => output::print(&format!("{credential}\n"))?,
    }
    Ok(Exit::Yes)
}

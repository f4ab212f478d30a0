//! Which EKS and which cluster a command is about.

use entryway_access::{AccountId, ClusterName, Partition, PrincipalKind};
use entryway_live::{Aws, Cluster, Kubernetes, PrincipalText};
use jiff::Timestamp;

use crate::args::{Global, KubeFlags};
use crate::error::CliError;

/// Reaches EKS by the AWS conventions.
pub(crate) async fn aws(global: &Global) -> Result<Aws, CliError> {
    Ok(Aws::load(&global.aws()).await?)
}

/// The cluster that was named, or the only one there is.
pub(crate) async fn cluster(aws: &Aws, named: Option<&ClusterName>) -> Result<Cluster, CliError> {
    let name = match named {
        Some(name) => name.as_str().to_owned(),
        None => only_cluster(aws).await?,
    };
    match aws.describe_cluster(&name).await {
        Ok(cluster) => Ok(cluster),
        Err(error) if error.is_not_found() => {
            let there = aws.list_clusters().await.unwrap_or_default();
            let told = CliError::new(format!("there is no cluster `{name}` in {}", aws.region()));
            Err(if there.is_empty() {
                told.hint("the region has none: is it the right one, and the right endpoint?")
            } else {
                told.hint(format!("there are: {}", there.join(", ")))
            })
        }
        Err(error) => Err(error.into()),
    }
}

async fn only_cluster(aws: &Aws) -> Result<String, CliError> {
    let mut names = aws.list_clusters().await?;
    match (names.len(), names.pop()) {
        (1, Some(name)) => Ok(name),
        (0, _) => Err(CliError::new(format!("there is no cluster in {}", aws.region()))
            .hint("name another region with `--region`")),
        (_, last) => {
            names.extend(last);
            Err(CliError::new("which cluster?").hint(format!("name it with `-c`; there are: {}", names.join(", "))))
        }
    }
}

/// The Kubernetes API of a cluster: by the kubeconfig where one is named, else at its endpoint with a token of the
/// current credentials.
pub(crate) async fn kubernetes(aws: &Aws, cluster: &Cluster, flags: &KubeFlags) -> Result<Kubernetes, CliError> {
    if flags.context.is_some() || flags.kubeconfig.is_some() {
        return by_kubeconfig(flags).await;
    }
    let id = if cluster.is_local { cluster.id.as_deref() } else { None };
    let token = aws.token(id.unwrap_or(&cluster.name), Timestamp::now())?;
    Ok(Kubernetes::connect(cluster, &token)?)
}

/// The Kubernetes API that the kubeconfig names.
pub(crate) async fn by_kubeconfig(flags: &KubeFlags) -> Result<Kubernetes, CliError> {
    Ok(Kubernetes::from_kubeconfig(flags.kubeconfig.as_deref(), flags.context.as_deref()).await?)
}

/// Partition and account that `role/NAME` is meant in: those of the caller.
pub(crate) async fn own_account(aws: &Aws) -> Result<(Partition, AccountId), CliError> {
    let caller = aws.caller().await?;
    let partition = Partition::of_region(aws.region());
    let account = caller
        .account
        .parse()
        .map_err(|_| CliError::new(format!("STS named the account `{}`, which is none", caller.account)))?;
    Ok((partition, account))
}

/// The principal's ARN; STS is asked only where the text leaves the account out.
pub(crate) async fn principal(aws: &Aws, text: &PrincipalText) -> Result<entryway_access::PrincipalArn, CliError> {
    let (partition, account) = if text.needs_account() { own_account(aws).await? } else { anywhere(aws)? };
    text.principal(partition, &account).map_err(|error| CliError::new(error.to_string()))
}

/// The ARN of a role that is to be assumed.
pub(crate) async fn role(aws: &Aws, text: &PrincipalText) -> Result<String, CliError> {
    let principal = principal(aws, text).await?;
    match principal.kind() {
        PrincipalKind::Role { .. } => Ok(principal.as_str().to_owned()),
        PrincipalKind::User { .. } | PrincipalKind::Root | PrincipalKind::FederatedUser { .. } => {
            Err(CliError::new(format!("`{principal}` can't be assumed: it is not a role"))
                .hint("write the ARN of a role, or `role/NAME` for one in your own account"))
        }
    }
}

/// For texts that name their account themselves.
pub(crate) fn anywhere(aws: &Aws) -> Result<(Partition, AccountId), CliError> {
    let account = "000000000000".parse().map_err(|_| CliError::new("no account"))?;
    Ok((Partition::of_region(aws.region()), account))
}

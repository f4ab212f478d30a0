//! What the shell is told when it asks for clusters, principals and policies. Nothing is ever an error here: who
//! can't be reached in time adds nothing.

use std::ffi::OsStr;
use std::future::Future;
use std::time::Duration;

use clap_complete::CompletionCandidate;
use entryway_access::PolicyCatalogue;
use entryway_live::{Aws, AwsOptions};

/// How long a person waits after a press of the tab key.
const PATIENCE: Duration = Duration::from_secs(2);
/// Entries of so many clusters are looked at.
const CLUSTERS: usize = 5;

/// Clusters of the region.
pub(crate) fn clusters(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, ask(async |aws| aws.list_clusters().await.unwrap_or_default()))
}

/// Principals that have an access entry somewhere in the region.
pub(crate) fn principals(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut arns = ask(async |aws| {
        let mut arns = Vec::new();
        for cluster in aws.list_clusters().await.unwrap_or_default().into_iter().take(CLUSTERS) {
            arns.extend(aws.list_entries(&cluster).await.unwrap_or_default());
        }
        arns
    });
    arns.sort();
    arns.dedup();
    matching(current, arns)
}

/// Access policies by their short names.
pub(crate) fn policies(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, PolicyCatalogue::builtin().aws().map(|policy| short_policy(policy.name.as_str()).to_owned()))
}

/// `AmazonEKSClusterAdminPolicy` is `ClusterAdmin`; other names stay.
pub(crate) fn short_policy(name: &str) -> &str {
    name.strip_prefix("AmazonEKS")
        .and_then(|rest| rest.strip_suffix("Policy"))
        .filter(|middle| !middle.is_empty())
        .unwrap_or(name)
}

fn matching(current: &OsStr, all: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    let start = current.to_string_lossy();
    all.into_iter().filter(|one| one.starts_with(start.as_ref())).map(CompletionCandidate::new).collect()
}

fn ask<F>(question: impl FnOnce(Aws) -> F) -> Vec<String>
where
    F: Future<Output = Vec<String>>,
{
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Vec::new() };
    let answer = async {
        match Aws::load(&AwsOptions::default()).await {
            Ok(aws) => question(aws).await,
            Err(_) => Vec::new(),
        }
    };
    runtime.block_on(async { tokio::time::timeout(PATIENCE, answer).await.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names() {
        assert_eq!(short_policy("AmazonEKSClusterAdminPolicy"), "ClusterAdmin");
        assert_eq!(short_policy("AIDevOpsAgentAccessPolicy"), "AIDevOpsAgentAccessPolicy");
        assert_eq!(short_policy("AmazonEKSPolicy"), "AmazonEKSPolicy");
    }

    #[test]
    fn policies_complete_without_a_network() {
        let found: Vec<_> =
            policies(OsStr::new("Cluster")).iter().map(|c| c.get_value().to_string_lossy().into_owned()).collect();
        assert!(found.contains(&"ClusterAdmin".to_owned()), "{found:?}");
        assert!(found.iter().all(|name| name.starts_with("Cluster")));
    }
}

//! All access entries of a cluster with their policies.
//!
//! EKS has no call that tells of several entries, so they are described one by one, some at a time. Entryway's own API
//! tells the same of all in one call; whatever has no such API is read as EKS is.

use std::collections::BTreeMap;

use aws_smithy_types::DateTime;
use entryway_iam::sigv4::uri_encode;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;

use crate::{AssociatedPolicy, Aws, Entry, EntryWithPolicies, LiveError, Scope, time};

/// How many entries are read at once: enough to hide the latency, few enough not to be throttled.
const AT_ONCE: usize = 16;
/// Set to anything, entries are read one by one from Entryway's own control plane, too.
const ONE_BY_ONE: &str = "ENTRYWAY_ENTRIES_ONE_BY_ONE";

impl Aws {
    /// All entries with their policies, by ascending ARN. One that is deleted meanwhile is left out.
    pub async fn entries(&self, cluster: &str) -> Result<Vec<EntryWithPolicies>, LiveError> {
        if std::env::var_os(ONE_BY_ONE).is_none()
            && let Some(all) = self.entries_at_once(cluster).await?
        {
            return Ok(all);
        }
        self.entries_one_by_one(cluster).await
    }

    /// By EKS's own calls: the list, and two for each entry.
    async fn entries_one_by_one(&self, cluster: &str) -> Result<Vec<EntryWithPolicies>, LiveError> {
        let arns = self.list_entries(cluster).await?;
        let found: Vec<Option<EntryWithPolicies>> = stream::iter(arns)
            .map(|arn| async move { self.entry(cluster, &arn).await })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// By Entryway's own API; `None` where there is none. An entry that the caller may not read fails here as it does
    /// alone.
    async fn entries_at_once(&self, cluster: &str) -> Result<Option<Vec<EntryWithPolicies>>, LiveError> {
        let path = format!("/entryway/v1/clusters/{}/access-entries", uri_encode(cluster));
        let (mut all, mut query) = (Vec::new(), String::new());
        loop {
            let Some(page) = self.own_page::<Page>("DescribeAccessEntries", &path, &query).await? else {
                return Ok(None);
            };
            all.extend(page.access_entries.into_iter().map(EntryWithPolicies::from));
            match page.next_token {
                Some(token) => query = format!("nextToken={}", uri_encode(&token)),
                None => return Ok(Some(all)),
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    access_entries: Vec<Described>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    access_entry: ToldEntry,
    associated_access_policies: Vec<ToldPolicy>,
}

/// `accessEntry` as the API writes it: times are seconds since 1970.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToldEntry {
    cluster_name: String,
    principal_arn: String,
    kubernetes_groups: Vec<String>,
    access_entry_arn: String,
    created_at: f64,
    modified_at: f64,
    tags: BTreeMap<String, String>,
    username: String,
    r#type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToldPolicy {
    policy_arn: String,
    access_scope: Scope,
    associated_at: f64,
    modified_at: f64,
}

impl From<Described> for EntryWithPolicies {
    fn from(told: Described) -> EntryWithPolicies {
        let entry = told.access_entry;
        EntryWithPolicies {
            entry: Entry {
                cluster_name: entry.cluster_name,
                principal_arn: entry.principal_arn,
                kubernetes_groups: entry.kubernetes_groups,
                access_entry_arn: entry.access_entry_arn,
                created_at: text(entry.created_at),
                modified_at: text(entry.modified_at),
                tags: entry.tags,
                username: entry.username,
                kind: entry.r#type,
            },
            associated_access_policies: told
                .associated_access_policies
                .into_iter()
                .map(AssociatedPolicy::from)
                .collect(),
        }
    }
}

impl From<ToldPolicy> for AssociatedPolicy {
    fn from(told: ToldPolicy) -> AssociatedPolicy {
        AssociatedPolicy {
            policy_arn: told.policy_arn,
            access_scope: told.access_scope,
            associated_at: text(told.associated_at),
            modified_at: text(told.modified_at),
        }
    }
}

fn text(seconds: f64) -> Option<String> {
    time::text(Some(&DateTime::from_secs_f64(seconds)))
}

//! Access entries and their associations, with AWS's field names.

use std::collections::BTreeMap;

use aws_sdk_eks::types as sdk;
use entryway_access::AccessScope;
use serde::{Deserialize, Serialize};

use crate::error::from_sdk;
use crate::{Aws, LiveError, time};

/// An access entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The cluster's name.
    pub cluster_name: String,
    /// Whose it is.
    pub principal_arn: String,
    /// Its groups in the cluster.
    pub kubernetes_groups: Vec<String>,
    /// Its own ARN.
    pub access_entry_arn: String,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Its username in the cluster, with placeholders.
    pub username: String,
    /// `STANDARD`, `EC2_LINUX`, …
    #[serde(rename = "type")]
    pub kind: String,
}

/// `accessScope`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// `cluster` or `namespace`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Namespaces or patterns of them.
    #[serde(default)]
    pub namespaces: Vec<String>,
}

impl From<&AccessScope> for Scope {
    fn from(scope: &AccessScope) -> Scope {
        Scope {
            kind: scope.kind().to_owned(),
            namespaces: scope.namespaces().iter().map(|pattern| pattern.as_str().to_owned()).collect(),
        }
    }
}

/// A policy of an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssociatedPolicy {
    /// The policy.
    pub policy_arn: String,
    /// Where.
    pub access_scope: Scope,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub associated_at: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<String>,
}

/// An entry and what is associated with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryWithPolicies {
    /// The entry.
    #[serde(flatten)]
    pub entry: Entry,
    /// Its policies.
    pub associated_access_policies: Vec<AssociatedPolicy>,
}

/// An entry to be made.
#[derive(Debug, Clone, Default)]
pub struct NewEntry {
    /// For whom.
    pub principal_arn: String,
    /// EKS's default (STANDARD) where absent.
    pub kind: Option<String>,
    /// EKS's default where absent.
    pub username: Option<String>,
    /// Groups.
    pub groups: Vec<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// What of an entry is to be changed; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryChange {
    /// All groups from now on.
    pub groups: Option<Vec<String>>,
    /// The username from now on.
    pub username: Option<String>,
}

impl EntryChange {
    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.groups.is_none() && self.username.is_none()
    }
}

impl Aws {
    /// The principals that have an entry, in the service's order.
    pub async fn list_entries(&self, cluster: &str) -> Result<Vec<String>, LiveError> {
        let mut pages = self.eks().list_access_entries().cluster_name(cluster).into_paginator().items().send();
        let mut arns = Vec::new();
        while let Some(arn) = pages.next().await {
            arns.push(arn.map_err(|e| from_sdk("ListAccessEntries", self.eks_endpoint(), e))?);
        }
        Ok(arns)
    }

    /// One entry.
    pub async fn describe_entry(&self, cluster: &str, principal: &str) -> Result<Entry, LiveError> {
        let answer = self
            .eks()
            .describe_access_entry()
            .cluster_name(cluster)
            .principal_arn(principal)
            .send()
            .await
            .map_err(|e| from_sdk("DescribeAccessEntry", self.eks_endpoint(), e))?;
        answer
            .access_entry
            .map(entry)
            .ok_or(LiveError::Incomplete { what: "DescribeAccessEntry", member: "accessEntry" })
    }

    /// The policies of an entry.
    pub async fn list_associated(&self, cluster: &str, principal: &str) -> Result<Vec<AssociatedPolicy>, LiveError> {
        let mut pages = self
            .eks()
            .list_associated_access_policies()
            .cluster_name(cluster)
            .principal_arn(principal)
            .into_paginator()
            .send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| from_sdk("ListAssociatedAccessPolicies", self.eks_endpoint(), e))?;
            all.extend(page.associated_access_policies.unwrap_or_default().into_iter().map(associated));
        }
        Ok(all)
    }

    /// An entry with its policies; `None` where there is none.
    pub async fn entry(&self, cluster: &str, principal: &str) -> Result<Option<EntryWithPolicies>, LiveError> {
        // An entry of a type that takes no policies refuses nothing here: its list is empty.
        match tokio::try_join!(self.describe_entry(cluster, principal), self.list_associated(cluster, principal)) {
            Ok((entry, associated_access_policies)) => {
                Ok(Some(EntryWithPolicies { entry, associated_access_policies }))
            }
            Err(LiveError::Service(error))
                if error.code == "ResourceNotFoundException" && !error.message.starts_with("No cluster found") =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes an entry.
    pub async fn create_entry(&self, cluster: &str, new: &NewEntry) -> Result<Entry, LiveError> {
        self.create_entry_once(cluster, new, None).await
    }

    /// Makes an entry; repeated with the same `token` (`clientRequestToken`), it is made once.
    pub async fn create_entry_once(
        &self,
        cluster: &str,
        new: &NewEntry,
        token: Option<&str>,
    ) -> Result<Entry, LiveError> {
        let groups = (!new.groups.is_empty()).then(|| new.groups.clone());
        let tags = (!new.tags.is_empty()).then(|| new.tags.clone().into_iter().collect());
        let answer = self
            .eks()
            .create_access_entry()
            .cluster_name(cluster)
            .principal_arn(&new.principal_arn)
            .set_type(new.kind.clone())
            .set_username(new.username.clone())
            .set_kubernetes_groups(groups)
            .set_tags(tags)
            .set_client_request_token(token.map(str::to_owned))
            .send()
            .await
            .map_err(|e| from_sdk("CreateAccessEntry", self.eks_endpoint(), e))?;
        answer.access_entry.map(entry).ok_or(LiveError::Incomplete { what: "CreateAccessEntry", member: "accessEntry" })
    }

    /// Changes groups or username of an entry.
    pub async fn update_entry(&self, cluster: &str, principal: &str, change: &EntryChange) -> Result<(), LiveError> {
        self.update_entry_once(cluster, principal, change, None).await
    }

    /// Changes groups or username of an entry; repeated with the same `token` (`clientRequestToken`), once.
    pub async fn update_entry_once(
        &self,
        cluster: &str,
        principal: &str,
        change: &EntryChange,
        token: Option<&str>,
    ) -> Result<(), LiveError> {
        self.eks()
            .update_access_entry()
            .cluster_name(cluster)
            .principal_arn(principal)
            .set_kubernetes_groups(change.groups.clone())
            .set_username(change.username.clone())
            .set_client_request_token(token.map(str::to_owned))
            .send()
            .await
            .map_err(|e| from_sdk("UpdateAccessEntry", self.eks_endpoint(), e))?;
        Ok(())
    }

    /// Deletes an entry and its associations.
    pub async fn delete_entry(&self, cluster: &str, principal: &str) -> Result<(), LiveError> {
        self.eks()
            .delete_access_entry()
            .cluster_name(cluster)
            .principal_arn(principal)
            .send()
            .await
            .map_err(|e| from_sdk("DeleteAccessEntry", self.eks_endpoint(), e))?;
        Ok(())
    }

    /// Associates a policy, or replaces its scope.
    pub async fn associate(
        &self,
        cluster: &str,
        principal: &str,
        policy_arn: &str,
        scope: &Scope,
    ) -> Result<(), LiveError> {
        let namespaces = (!scope.namespaces.is_empty()).then(|| scope.namespaces.clone());
        let scope = sdk::AccessScope::builder().r#type(scope.kind.as_str().into()).set_namespaces(namespaces).build();
        self.eks()
            .associate_access_policy()
            .cluster_name(cluster)
            .principal_arn(principal)
            .policy_arn(policy_arn)
            .access_scope(scope)
            .send()
            .await
            .map_err(|e| from_sdk("AssociateAccessPolicy", self.eks_endpoint(), e))?;
        Ok(())
    }

    /// Takes a policy away from an entry.
    pub async fn disassociate(&self, cluster: &str, principal: &str, policy_arn: &str) -> Result<(), LiveError> {
        self.eks()
            .disassociate_access_policy()
            .cluster_name(cluster)
            .principal_arn(principal)
            .policy_arn(policy_arn)
            .send()
            .await
            .map_err(|e| from_sdk("DisassociateAccessPolicy", self.eks_endpoint(), e))?;
        Ok(())
    }

    /// Sets tags of an entry (by its own ARN).
    pub async fn tag(&self, arn: &str, tags: &BTreeMap<String, String>) -> Result<(), LiveError> {
        self.eks()
            .tag_resource()
            .resource_arn(arn)
            .set_tags(Some(tags.clone().into_iter().collect()))
            .send()
            .await
            .map_err(|e| from_sdk("TagResource", self.eks_endpoint(), e))?;
        Ok(())
    }

    /// Removes tags of an entry (by its own ARN).
    pub async fn untag(&self, arn: &str, keys: &[String]) -> Result<(), LiveError> {
        self.eks()
            .untag_resource()
            .resource_arn(arn)
            .set_tag_keys(Some(keys.to_vec()))
            .send()
            .await
            .map_err(|e| from_sdk("UntagResource", self.eks_endpoint(), e))?;
        Ok(())
    }
}

fn entry(from: sdk::AccessEntry) -> Entry {
    Entry {
        created_at: time::text(from.created_at()),
        modified_at: time::text(from.modified_at()),
        cluster_name: from.cluster_name.unwrap_or_default(),
        principal_arn: from.principal_arn.unwrap_or_default(),
        kubernetes_groups: from.kubernetes_groups.unwrap_or_default(),
        access_entry_arn: from.access_entry_arn.unwrap_or_default(),
        tags: from.tags.unwrap_or_default().into_iter().collect(),
        username: from.username.unwrap_or_default(),
        kind: from.r#type.unwrap_or_default(),
    }
}

fn associated(from: sdk::AssociatedAccessPolicy) -> AssociatedPolicy {
    AssociatedPolicy {
        associated_at: time::text(from.associated_at()),
        modified_at: time::text(from.modified_at()),
        policy_arn: from.policy_arn.unwrap_or_default(),
        access_scope: from
            .access_scope
            .map(|scope| Scope {
                kind: scope.r#type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
                namespaces: scope.namespaces.unwrap_or_default(),
            })
            .unwrap_or_default(),
    }
}

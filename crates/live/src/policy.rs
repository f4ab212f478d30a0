//! The access policies that an EKS endpoint offers.

use serde::{Deserialize, Serialize};

use crate::error::from_sdk;
use crate::{Aws, LiveError};

/// A policy as `ListAccessPolicies` names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedPolicy {
    /// Such as `AmazonEKSViewPolicy`.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

impl Aws {
    /// All access policies, in the service's order.
    pub async fn list_policies(&self) -> Result<Vec<ListedPolicy>, LiveError> {
        let mut pages = self.eks().list_access_policies().into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(policy) = pages.next().await {
            let policy = policy.map_err(|e| from_sdk("ListAccessPolicies", self.eks_endpoint(), e))?;
            all.push(ListedPolicy { name: policy.name.unwrap_or_default(), arn: policy.arn.unwrap_or_default() });
        }
        Ok(all)
    }
}

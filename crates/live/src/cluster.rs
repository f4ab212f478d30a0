//! Clusters, with AWS's field names.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_eks::types as sdk;
use entryway_access::AuthenticationMode;
use serde::Serialize;

use crate::error::from_sdk;
use crate::{Aws, LiveError, time};

/// A cluster, as far as access and connecting go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// Kubernetes version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Address of its Kubernetes API; none until there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The cluster's own role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// Its network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources_vpc_config: Option<VpcConfig>,
    /// How callers are authenticated.
    pub access_config: AccessConfig,
    /// `ACTIVE`, `CREATING`, …
    pub status: String,
    /// The CA of its endpoint.
    pub certificate_authority: CertificateAuthority,
    /// EKS's platform version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_version: Option<String>,
    /// Tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The id of a local cluster on an Outpost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whether it is a local cluster on an Outpost, whose tokens are made for its id.
    #[serde(skip)]
    pub is_local: bool,
}

/// `accessConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessConfig {
    /// `CONFIG_MAP`, `API_AND_CONFIG_MAP` or `API`.
    pub authentication_mode: String,
}

/// `certificateAuthority`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CertificateAuthority {
    /// PEM in base64; none until there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

/// `resourcesVpcConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct VpcConfig {
    pub subnet_ids: Vec<String>,
    pub security_group_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_security_group_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    pub endpoint_public_access: bool,
    pub endpoint_private_access: bool,
    pub public_access_cidrs: Vec<String>,
}

/// A change of a cluster that EKS carries out in its own time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Update {
    /// Its id.
    pub id: String,
    /// `InProgress`, `Failed`, `Cancelled` or `Successful`.
    pub status: String,
    /// Such as `AccessConfigUpdate`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// What a new cluster is to be. Entryway's control plane needs no role and no subnets behind these names.
#[derive(Debug, Clone)]
pub struct NewCluster {
    /// Its name.
    pub name: String,
    /// The cluster's role.
    pub role_arn: String,
    /// Subnets.
    pub subnet_ids: Vec<String>,
    /// The mode.
    pub mode: AuthenticationMode,
}

impl Cluster {
    /// The authentication mode; EKS leaves the member out of clusters from before there were entries.
    pub fn mode(&self) -> Result<AuthenticationMode, LiveError> {
        match self.access_config.authentication_mode.as_str() {
            "" => Ok(AuthenticationMode::ConfigMap),
            text => text.parse().map_err(|error: entryway_access::ArnError| LiveError::Setting(error.to_string())),
        }
    }
}

impl Aws {
    /// The names of all clusters in the region.
    pub async fn list_clusters(&self) -> Result<Vec<String>, LiveError> {
        let mut pages = self.eks().list_clusters().into_paginator().items().send();
        let mut names = Vec::new();
        while let Some(name) = pages.next().await {
            names.push(name.map_err(|e| from_sdk("ListClusters", self.eks_endpoint(), e))?);
        }
        Ok(names)
    }

    /// One cluster.
    pub async fn describe_cluster(&self, name: &str) -> Result<Cluster, LiveError> {
        let answer = self
            .eks()
            .describe_cluster()
            .name(name)
            .send()
            .await
            .map_err(|e| from_sdk("DescribeCluster", self.eks_endpoint(), e))?;
        answer.cluster.map(cluster).ok_or(LiveError::Incomplete { what: "DescribeCluster", member: "cluster" })
    }

    /// Makes a cluster.
    pub async fn create_cluster(&self, new: &NewCluster) -> Result<Cluster, LiveError> {
        let network = sdk::VpcConfigRequest::builder().set_subnet_ids(Some(new.subnet_ids.clone())).build();
        let access = sdk::CreateAccessConfigRequest::builder().authentication_mode(new.mode.as_str().into()).build();
        let answer = self
            .eks()
            .create_cluster()
            .name(&new.name)
            .role_arn(&new.role_arn)
            .resources_vpc_config(network)
            .access_config(access)
            .send()
            .await
            .map_err(|e| from_sdk("CreateCluster", self.eks_endpoint(), e))?;
        answer.cluster.map(cluster).ok_or(LiveError::Incomplete { what: "CreateCluster", member: "cluster" })
    }

    /// Deletes a cluster.
    pub async fn delete_cluster(&self, name: &str) -> Result<Cluster, LiveError> {
        let answer = self
            .eks()
            .delete_cluster()
            .name(name)
            .send()
            .await
            .map_err(|e| from_sdk("DeleteCluster", self.eks_endpoint(), e))?;
        answer.cluster.map(cluster).ok_or(LiveError::Incomplete { what: "DeleteCluster", member: "cluster" })
    }

    /// Asks for another authentication mode.
    pub async fn update_mode(&self, name: &str, mode: AuthenticationMode) -> Result<Update, LiveError> {
        self.update_mode_once(name, mode, None).await
    }

    /// Asks for another authentication mode; repeated with the same `token` (`clientRequestToken`), once.
    pub async fn update_mode_once(
        &self,
        name: &str,
        mode: AuthenticationMode,
        token: Option<&str>,
    ) -> Result<Update, LiveError> {
        let access = sdk::UpdateAccessConfigRequest::builder().authentication_mode(mode.as_str().into()).build();
        let answer = self
            .eks()
            .update_cluster_config()
            .name(name)
            .access_config(access)
            .set_client_request_token(token.map(str::to_owned))
            .send()
            .await
            .map_err(|e| from_sdk("UpdateClusterConfig", self.eks_endpoint(), e))?;
        answer.update.map(update).ok_or(LiveError::Incomplete { what: "UpdateClusterConfig", member: "update" })
    }

    /// Waits until an update is over, asking every `pause`. Can be interrupted without loss: the update goes on.
    pub async fn wait_for_update(&self, name: &str, id: &str, pause: Duration) -> Result<Update, LiveError> {
        loop {
            let answer = self
                .eks()
                .describe_update()
                .name(name)
                .update_id(id)
                .send()
                .await
                .map_err(|e| from_sdk("DescribeUpdate", self.eks_endpoint(), e))?;
            let now =
                answer.update.map(update).ok_or(LiveError::Incomplete { what: "DescribeUpdate", member: "update" })?;
            if now.status != "InProgress" {
                return Ok(now);
            }
            tokio::time::sleep(pause).await;
        }
    }
}

fn cluster(from: sdk::Cluster) -> Cluster {
    let outpost = from.outpost_config();
    Cluster {
        is_local: outpost.is_some_and(|config| config.etcd_instance_type().is_none()),
        created_at: time::text(from.created_at()),
        name: from.name.unwrap_or_default(),
        arn: from.arn.unwrap_or_default(),
        version: from.version,
        endpoint: from.endpoint,
        role_arn: from.role_arn,
        resources_vpc_config: from.resources_vpc_config.map(vpc_config),
        access_config: AccessConfig {
            authentication_mode: from
                .access_config
                .and_then(|config| config.authentication_mode)
                .map(|mode| mode.as_str().to_owned())
                .unwrap_or_default(),
        },
        status: from.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        certificate_authority: CertificateAuthority { data: from.certificate_authority.and_then(|ca| ca.data) },
        platform_version: from.platform_version,
        tags: from.tags.unwrap_or_default().into_iter().collect(),
        id: from.id,
    }
}

fn vpc_config(from: sdk::VpcConfigResponse) -> VpcConfig {
    VpcConfig {
        endpoint_public_access: from.endpoint_public_access,
        endpoint_private_access: from.endpoint_private_access,
        subnet_ids: from.subnet_ids.unwrap_or_default(),
        security_group_ids: from.security_group_ids.unwrap_or_default(),
        cluster_security_group_id: from.cluster_security_group_id,
        vpc_id: from.vpc_id,
        public_access_cidrs: from.public_access_cidrs.unwrap_or_default(),
    }
}

fn update(from: sdk::Update) -> Update {
    Update {
        id: from.id.unwrap_or_default(),
        status: from.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        kind: from.r#type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
    }
}

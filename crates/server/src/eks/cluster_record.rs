//! A cluster as it is stored, and as DescribeCluster shows it.

use entryway_access::{AuthenticationMode, BootstrapCreator};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::body::Object;
use super::shapes::{Settings, VpcConfig};
use super::tags::Tags;
use super::time::seconds;
use super::version::PLATFORM_VERSION;
use crate::keys::Place;

/// A cluster. What Entryway itself uses has fields of its own; the rest is kept to be shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClusterRecord {
    /// Names the cluster's objects in the store: a name can be used again, an id never.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) role_arn: String,
    pub(crate) created_at: Timestamp,
    /// `CONFIG_MAP`, …
    pub(crate) mode: String,
    /// The port of its Kubernetes endpoint.
    pub(crate) port: u16,
    /// The creator's hidden `system:masters` mapping (clusters made in mode CONFIG_MAP, until the API is on).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bootstrap_creator: Option<Creator>,
    pub(crate) vpc: VpcConfig,
    pub(crate) settings: Settings,
    pub(crate) tags: Tags,
}

/// Who made a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Creator {
    /// The ARN with its path.
    pub(crate) principal: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unique_id: Option<String>,
}

/// How far a cluster is. Nothing here takes long: the states in between are what the answers to changes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// CreateCluster's answer: no endpoint or certificate yet, as on EKS.
    Creating,
    Active,
    /// DeleteCluster's answer.
    Deleting,
}

impl ClusterRecord {
    /// Reads a stored record.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("a cluster's record is damaged: {error}"))
    }

    /// The mode. A record with another text (none is ever written) counts as API: aws-auth is out of force, and
    /// nobody gains access.
    pub(crate) fn mode(&self) -> AuthenticationMode {
        self.mode.parse().unwrap_or(AuthenticationMode::Api)
    }

    /// The hidden mapping, where it parses.
    pub(crate) fn bootstrap_creator(&self) -> Option<BootstrapCreator> {
        let creator = self.bootstrap_creator.as_ref()?;
        Some(BootstrapCreator { principal: creator.principal.parse().ok()?, unique_id: creator.unique_id.clone() })
    }

    pub(crate) fn arn(&self, place: &Place) -> String {
        cluster_arn(place, &self.name)
    }

    /// The `cluster` of answers. `ca` is the PEM of the authority, base64; `host` what the endpoint is reached by.
    pub(crate) fn to_aws(&self, place: &Place, status: Status, host: &str, ca: &str) -> Value {
        let mut all = Map::new();
        let mut put = |name: &str, value: Value| {
            all.insert(name.to_owned(), value);
        };
        put("name", json!(self.name));
        put("arn", json!(self.arn(place)));
        put("createdAt", seconds(self.created_at));
        put("version", json!(self.version));
        put("platformVersion", json!(PLATFORM_VERSION));
        put("roleArn", json!(self.role_arn));
        put("resourcesVpcConfig", self.vpc_config());
        put("kubernetesNetworkConfig", self.network_config());
        put("accessConfig", json!({ "authenticationMode": self.mode }));
        put("health", json!({ "issues": [] }));
        put("tags", json!(self.tags));
        put("logging", self.logging());
        put("upgradePolicy", json!({ "supportType": self.support_type() }));
        put("deletionProtection", json!(self.settings.deletion_protection.unwrap_or(false)));
        for (name, value) in [
            ("zonalShiftConfig", json!(self.settings.zonal_shift_config)),
            ("encryptionConfig", json!(self.settings.encryption_config)),
            ("remoteNetworkConfig", json!(self.settings.remote_network_config)),
            ("computeConfig", json!(self.settings.compute_config)),
            ("storageConfig", json!(self.settings.storage_config)),
        ] {
            if !value.is_null() {
                put(name, value);
            }
        }
        match status {
            Status::Creating => {
                put("status", json!("CREATING"));
                put("certificateAuthority", json!({}));
            }
            Status::Active | Status::Deleting => {
                put("status", json!(if status == Status::Active { "ACTIVE" } else { "DELETING" }));
                put("certificateAuthority", json!({ "data": ca }));
                put("endpoint", json!(self.endpoint(host)));
                put("identity", json!({ "oidc": { "issuer": self.issuer(place) } }));
            }
        }
        Value::Object(all)
    }

    /// The URL of its Kubernetes endpoint; `host` is as it stands in a URL.
    pub(crate) fn endpoint(&self, host: &str) -> String {
        format!("https://{host}:{}", self.port)
    }

    /// Real EKS has an OIDC issuer for each cluster; tools parse its URL.
    fn issuer(&self, place: &Place) -> String {
        format!("https://oidc.eks.{}.amazonaws.com/id/{}", place.region, self.hex_id(32).to_uppercase())
    }

    fn hex_id(&self, digits: usize) -> String {
        self.id.chars().filter(char::is_ascii_hexdigit).take(digits).collect()
    }

    fn vpc_config(&self) -> Value {
        let list = |list: &Option<Vec<String>>| json!(list.clone().unwrap_or_default());
        json!({
            "subnetIds": list(&self.vpc.subnet_ids),
            "securityGroupIds": list(&self.vpc.security_group_ids),
            "clusterSecurityGroupId": format!("sg-{}", self.hex_id(17)),
            "vpcId": format!("vpc-{}", self.hex_id(17)),
            "endpointPublicAccess": self.vpc.endpoint_public_access.unwrap_or(true),
            "endpointPrivateAccess": self.vpc.endpoint_private_access.unwrap_or(false),
            "publicAccessCidrs": self.vpc.public_access_cidrs.clone().unwrap_or_else(|| vec!["0.0.0.0/0".to_owned()]),
        })
    }

    fn network_config(&self) -> Value {
        let given = self.settings.kubernetes_network_config.clone().unwrap_or_default().0;
        let balancing = given.elastic_load_balancing.unwrap_or_default().0.enabled.unwrap_or(false);
        json!({
            "serviceIpv4Cidr": given.service_ipv4_cidr.unwrap_or_else(|| "10.100.0.0/16".to_owned()),
            "ipFamily": given.ip_family.unwrap_or_else(|| "ipv4".to_owned()),
            "elasticLoadBalancing": { "enabled": balancing },
        })
    }

    /// Every log type, in two groups as EKS has it.
    fn logging(&self) -> Value {
        const TYPES: [&str; 5] = ["api", "audit", "authenticator", "controllerManager", "scheduler"];
        let mut on = [false; 5];
        for setup in self.settings.logging.iter().flat_map(|l| l.0.cluster_logging.iter().flatten()) {
            for (kind, on) in TYPES.iter().zip(&mut on) {
                if setup.0.types.iter().flatten().any(|t| t == kind) {
                    *on = setup.0.enabled.unwrap_or(false);
                }
            }
        }
        let group = |wanted: bool| -> Vec<&str> {
            TYPES.iter().zip(on).filter(|(_, on)| *on == wanted).map(|(kind, _)| *kind).collect()
        };
        let groups: Vec<Value> = [true, false]
            .into_iter()
            .filter(|enabled| !group(*enabled).is_empty())
            .map(|enabled| json!({ "types": group(enabled), "enabled": enabled }))
            .collect();
        json!({ "clusterLogging": groups })
    }

    fn support_type(&self) -> &str {
        self.settings.upgrade_policy.as_ref().and_then(|Object(p)| p.support_type.as_deref()).unwrap_or("EXTENDED")
    }
}

/// `arn:P:eks:REGION:ACCOUNT:cluster/NAME`, also of a cluster that does not exist.
pub(crate) fn cluster_arn(place: &Place, name: &str) -> String {
    place.arn(format_args!("cluster/{name}"))
}

//! Structures of the service model that CreateCluster takes and DescribeCluster gives back. Types are checked where
//! they are read; what else Entryway asks of a member is in `cluster.rs`.

use serde::{Deserialize, Serialize};

use super::body::Object;

macro_rules! shape {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub(crate) struct $name {
            $(#[serde(skip_serializing_if = "Option::is_none")] pub(crate) $field: Option<$type>,)*
        }
    };
}

shape!(VpcConfig {
    subnet_ids: Vec<String>,
    security_group_ids: Vec<String>,
    endpoint_public_access: bool,
    endpoint_private_access: bool,
    public_access_cidrs: Vec<String>,
});
shape!(NetworkConfig { service_ipv4_cidr: String, ip_family: String, elastic_load_balancing: Object<Enabled> });
shape!(Enabled { enabled: bool });
shape!(Logging { cluster_logging: Vec<Object<LogSetup>> });
shape!(LogSetup { types: Vec<String>, enabled: bool });
shape!(CreateAccessConfig { bootstrap_cluster_creator_admin_permissions: bool, authentication_mode: String });
shape!(UpdateAccessConfig { authentication_mode: String });
shape!(UpgradePolicy { support_type: String });
shape!(EncryptionConfig { resources: Vec<String>, provider: Object<Provider> });
shape!(Provider { key_arn: String });
shape!(RemoteNetworkConfig { remote_node_networks: Vec<Object<Cidrs>>, remote_pod_networks: Vec<Object<Cidrs>> });
shape!(Cidrs { cidrs: Vec<String> });
shape!(ComputeConfig { enabled: bool, node_pools: Vec<String>, node_role_arn: String });
shape!(StorageConfig { block_storage: Object<Enabled> });

shape!(
    /// What a cluster was made with beyond what Entryway itself uses: kept, and shown again.
    Settings {
        kubernetes_network_config: Object<NetworkConfig>,
        logging: Object<Logging>,
        upgrade_policy: Object<UpgradePolicy>,
        zonal_shift_config: Object<Enabled>,
        encryption_config: Vec<Object<EncryptionConfig>>,
        remote_network_config: Object<RemoteNetworkConfig>,
        compute_config: Object<ComputeConfig>,
        storage_config: Object<StorageConfig>,
        deletion_protection: bool,
    }
);

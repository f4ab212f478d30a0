//! UpdateClusterConfig, UpdateClusterVersion and the updates that they make.
//!
//! A change takes effect in the transaction that records it. As on EKS the answer says `InProgress`, and
//! DescribeUpdate then says `Successful`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use entryway_store::{ListOptions, Store, Txn};

use super::body::Object;
use super::call::{Answer, Call, Stored, retry};
use super::cluster::{check_settings, check_vpc, creator_entry, parse_mode};
use super::cluster_record::ClusterRecord;
use super::entry::to_bytes;
use super::error::{EksError, Fault};
use super::page::Items;
use super::request_token::{self, Token};
use super::shapes::{Settings, UpdateAccessConfig, VpcConfig};
use super::time::seconds;
use super::version;
use crate::keys::Place;
use crate::runtime::Part;

/// An update, done.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateRecord {
    id: String,
    kind: String,
    /// Type and value.
    params: Vec<(String, String)>,
    created_at: Timestamp,
}

/// When a cluster itself was last changed; `None` where it never was since it was made.
pub(crate) async fn last_update(
    store: &dyn Store,
    place: &Place,
    cluster: &str,
) -> Result<Option<Timestamp>, entryway_store::StoreError> {
    let items = store.list(&place.updates(cluster), ListOptions::default()).await?.items;
    let records = items.iter().filter_map(|item| serde_json::from_slice::<UpdateRecord>(&item.value).ok());
    Ok(records.map(|record| record.created_at).max())
}

impl UpdateRecord {
    fn to_aws(&self, status: &str) -> Value {
        let params: Vec<Value> =
            self.params.iter().map(|(kind, value)| json!({ "type": kind, "value": value })).collect();
        json!({
            "id": self.id,
            "status": status,
            "type": self.kind,
            "params": params,
            "createdAt": seconds(self.created_at),
            "errors": [],
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConfigInput {
    resources_vpc_config: Option<Object<VpcConfig>>,
    access_config: Option<Object<UpdateAccessConfig>>,
    client_request_token: Option<String>,
    #[serde(flatten)]
    settings: Settings,
    control_plane_scaling_config: Option<Value>,
    kube_api_server_config: Option<Value>,
    kube_scheduler_config: Option<Value>,
    kube_controller_manager_config: Option<Value>,
}

pub(super) async fn update_config(call: &Call<'_>) -> Result<Answer, EksError> {
    let input: ConfigInput = call.body()?;
    retry(async || try_update(call, &input).await).await
}

async fn try_update(call: &Call<'_>, input: &ConfigInput) -> Result<Option<Answer>, EksError> {
    let mode = input.access_config.as_ref().and_then(|Object(access)| access.authentication_mode.as_deref());
    let cluster = call.find_cluster().await?;
    call.authorize_cluster(cluster.as_ref().map(|c| &c.record), |context| {
        if let Some(mode) = mode {
            context.set("eks:authenticationMode", mode);
        }
    })?;
    let mut cluster = cluster.ok_or_else(|| EksError::no_cluster(call.cluster_name()))?;
    let token = request_token::look_up(call, input.client_request_token.as_deref()).await?;
    if let Token::Again(answer) = token {
        return Ok(Some(Answer::read(answer)));
    }
    let before = cluster.record.mode();
    let (kind, params) = apply(call, input, mode, &mut cluster.record)?;
    let mut txn = Txn::new().modified_at(&cluster.key, cluster.modified);
    if !before.has_api() && cluster.record.mode().has_api() {
        txn = show_creator(call, &mut cluster, txn).await?;
    }
    record(call, &cluster, kind, params, token, txn).await
}

/// Commits a changed cluster together with its update.
async fn record(
    call: &Call<'_>,
    cluster: &Stored<ClusterRecord>,
    kind: &str,
    params: Params,
    token: Token,
    txn: Txn,
) -> Result<Option<Answer>, EksError> {
    let update =
        UpdateRecord { id: uuid::Uuid::new_v4().to_string(), kind: kind.to_owned(), params, created_at: call.now };
    let answer = json!({ "update": update.to_aws("InProgress") });
    let name = &cluster.record.name;
    let mut txn =
        txn.put(&cluster.key, to_bytes(&cluster.record)?).put(call.place.update(name, &update.id), to_bytes(&update)?);
    txn = token.remember(txn, &answer, call.now);
    let Some(revision) = call.commit(txn, &answer).await? else { return Ok(None) };
    call.in_force(&*call.running()?, &[Part::Record, Part::Entries], revision).await?;
    Ok(Some(Answer::changed(answer)))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VersionInput {
    version: Option<String>,
    client_request_token: Option<String>,
}

/// The version is what a cluster tells of itself: all of them serve the API of the newest.
pub(super) async fn update_version(call: &Call<'_>) -> Result<Answer, EksError> {
    let input: VersionInput = call.body()?;
    retry(async || {
        let cluster = call.find_cluster().await?;
        call.authorize_cluster(cluster.as_ref().map(|c| &c.record), |_| {})?;
        let mut cluster = cluster.ok_or_else(|| EksError::no_cluster(call.cluster_name()))?;
        let token = request_token::look_up(call, input.client_request_token.as_deref()).await?;
        if let Token::Again(answer) = token {
            return Ok(Some(Answer::read(answer)));
        }
        let to = call.required("version", input.version.as_deref())?;
        let from = &cluster.record.version;
        if !version::is_known(to) {
            return Err(call.bad(format!("unsupported Kubernetes version {to}")));
        }
        if !version::is_step(from, to) {
            return Err(call.bad(format!("Unsupported Kubernetes minor version update from {from} to {to}")));
        }
        to.clone_into(&mut cluster.record.version);
        let params = [("Version", to), ("PlatformVersion", version::PLATFORM_VERSION)];
        let params = params.map(|(kind, value)| (kind.to_owned(), value.to_owned())).to_vec();
        let txn = Txn::new().modified_at(&cluster.key, cluster.modified);
        record(call, &cluster, "VersionUpdate", params, token, txn).await
    })
    .await
}

/// Turning the API on makes an entry of the creator's hidden mapping, unless there is one already.
async fn show_creator(call: &Call<'_>, cluster: &mut Stored<ClusterRecord>, txn: Txn) -> Result<Txn, EksError> {
    let Some(creator) = cluster.record.bootstrap_creator.take() else { return Ok(txn) };
    let key = call.place.entry(&cluster.record.name, &creator.principal);
    if call.plane.store.get(&key).await?.is_some() {
        return Ok(txn);
    }
    let entry = creator_entry(&creator, call.place, &cluster.record.name, call.now)?;
    Ok(txn.absent(&key).put(&key, to_bytes(&entry)?))
}

type Params = Vec<(String, String)>;

/// Makes the one change that is asked for; its type and params.
fn apply(
    call: &Call<'_>,
    input: &ConfigInput,
    mode: Option<&str>,
    cluster: &mut ClusterRecord,
) -> Result<(&'static str, Params), EksError> {
    let given = &input.settings;
    for (member, is_given) in [
        ("controlPlaneScalingConfig", is_given(&input.control_plane_scaling_config)),
        ("kubeApiServerConfig", is_given(&input.kube_api_server_config)),
        ("kubeSchedulerConfig", is_given(&input.kube_scheduler_config)),
        ("kubeControllerManagerConfig", is_given(&input.kube_controller_manager_config)),
    ] {
        if is_given {
            return Err(
                call.bad(format!("{member} is not supported: clusters of Entryway have nothing to configure there"))
            );
        }
    }
    check_settings(call, given)?;
    let mut done: Vec<(&'static str, Params)> = Vec::new();
    let param = |kind: &str, value: String| (kind.to_owned(), value);
    if input.access_config.is_some() {
        let text = call.required("accessConfig.authenticationMode", mode)?;
        let mode = cluster.mode().step(parse_mode(call, text)?).map_err(|error| call.bad(error))?;
        cluster.mode = mode.to_string();
        done.push(("AccessConfigUpdate", vec![param("AuthenticationMode", mode.to_string())]));
    }
    if let Some(Object(vpc)) = &input.resources_vpc_config {
        done.push(apply_vpc(call, vpc, cluster)?);
    }
    let settings = &mut cluster.settings;
    if let Some(logging) = &given.logging {
        settings.logging = Some(logging.clone());
        done.push(("LoggingUpdate", vec![param("ClusterLogging", json!(logging).to_string())]));
    }
    if let Some(policy) = &given.upgrade_policy {
        settings.upgrade_policy = Some(policy.clone());
        let value = policy.0.support_type.clone().unwrap_or_default();
        done.push(("UpgradePolicyUpdate", vec![param("UpgradePolicy", value)]));
    }
    if let Some(shift) = &given.zonal_shift_config {
        settings.zonal_shift_config = Some(shift.clone());
        done.push(("ZonalShiftConfigUpdate", vec![param("ZonalShiftConfig", json!(shift).to_string())]));
    }
    if let Some(remote) = &given.remote_network_config {
        settings.remote_network_config = Some(remote.clone());
        done.push(("RemoteNetworkConfigUpdate", vec![param("RemoteNetworkConfig", json!(remote).to_string())]));
    }
    if let Some(protection) = given.deletion_protection {
        settings.deletion_protection = Some(protection);
        done.push(("DeletionProtectionUpdate", vec![param("DeletionProtection", protection.to_string())]));
    }
    // EKS Auto Mode is switched by three members together.
    let mut auto = Params::new();
    if let Some(compute) = &given.compute_config {
        settings.compute_config = Some(compute.clone());
        auto.push(param("ComputeConfig", json!(compute).to_string()));
    }
    if let Some(storage) = &given.storage_config {
        settings.storage_config = Some(storage.clone());
        auto.push(param("StorageConfig", json!(storage).to_string()));
    }
    if let Some(network) = &given.kubernetes_network_config {
        settings.kubernetes_network_config = Some(network.clone());
        auto.push(param("KubernetesNetworkConfig", json!(network).to_string()));
    }
    if !auto.is_empty() {
        done.push(("AutoModeUpdate", auto));
    }
    match (done.pop(), done.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(call.bad("Only one type of update can be allowed.")),
        (None, _) => Err(call.bad("At least one configuration to update must be provided")),
    }
}

fn is_given(value: &Option<Value>) -> bool {
    value.as_ref().is_some_and(|value| !value.is_null())
}

fn apply_vpc(
    call: &Call<'_>,
    given: &VpcConfig,
    cluster: &mut ClusterRecord,
) -> Result<(&'static str, Params), EksError> {
    let vpc = &mut cluster.vpc;
    let mut params = Params::new();
    let text = |list: &Vec<String>| json!(list).to_string();
    if let Some(public) = given.endpoint_public_access {
        vpc.endpoint_public_access = Some(public);
        params.push(("EndpointPublicAccess".to_owned(), public.to_string()));
    }
    if let Some(private) = given.endpoint_private_access {
        vpc.endpoint_private_access = Some(private);
        params.push(("EndpointPrivateAccess".to_owned(), private.to_string()));
    }
    if let Some(cidrs) = &given.public_access_cidrs {
        vpc.public_access_cidrs = Some(cidrs.clone());
        params.push(("PublicAccessCidrs".to_owned(), text(cidrs)));
    }
    let endpoint = !params.is_empty();
    if let Some(subnets) = &given.subnet_ids {
        vpc.subnet_ids = Some(subnets.clone());
        params.push(("Subnets".to_owned(), text(subnets)));
    }
    if let Some(groups) = &given.security_group_ids {
        vpc.security_group_ids = Some(groups.clone());
        params.push(("SecurityGroups".to_owned(), text(groups)));
    }
    check_vpc(call, vpc)?;
    if params.is_empty() {
        return Err(call.bad("resourcesVpcConfig names nothing to update"));
    }
    Ok((if endpoint { "EndpointAccessUpdate" } else { "VpcConfigUpdate" }, params))
}

/// Updates of node groups and add-ons are not Entryway's, so there are none.
async fn authorized(call: &Call<'_>) -> Result<ClusterRecord, EksError> {
    let cluster = call.find_cluster().await?;
    call.authorize_cluster(cluster.as_ref().map(|c| &c.record), |_| {})?;
    let cluster = cluster.ok_or_else(|| EksError::no_cluster(call.cluster_name()))?;
    for (parameter, what) in [("nodegroupName", "node group"), ("addonName", "addon"), ("capabilityName", "capability")]
    {
        if let Some(name) = call.query(parameter) {
            return Err(EksError::new(Fault::ResourceNotFound, format!("No {what} found for name: {name}.")));
        }
    }
    Ok(cluster.record)
}

pub(super) async fn describe(call: &Call<'_>) -> Result<Answer, EksError> {
    let cluster = authorized(call).await?;
    let id = call.target.update.as_deref().unwrap_or_default();
    let found = if id.len() <= 64 { call.plane.store.get(&call.place.update(&cluster.name, id)).await? } else { None };
    let found = found.ok_or_else(|| EksError::new(Fault::ResourceNotFound, format!("No update found for ID: {id}")))?;
    let update: UpdateRecord = serde_json::from_slice(&found.value).map_err(EksError::internal)?;
    Ok(Answer::read(json!({ "update": update.to_aws("Successful") })))
}

pub(super) async fn list(call: &Call<'_>) -> Result<Answer, EksError> {
    let cluster = authorized(call).await?;
    let page = call.page(&cluster.id)?;
    let prefix = call.place.updates(&cluster.name);
    let after = page.after.map(|last| format!("{prefix}{last}"));
    let listing = call.plane.store.list(&prefix, ListOptions { after, limit: page.limit, at: None }).await?;
    let ids: Vec<String> =
        listing.items.iter().filter_map(|kv| kv.key.strip_prefix(&prefix)).map(str::to_owned).collect();
    let more_after = ids.last().filter(|_| listing.remaining > 0).cloned();
    let items = Items { items: ids.into_iter().map(Value::String).collect(), more_after };
    Ok(Answer::read(call.paged("updateIds", items, &cluster.id)))
}

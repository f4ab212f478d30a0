//! Clusters: create, describe, list, delete.
//!
//! A cluster here is its record, its access and a Kubernetes endpoint; nothing else has to exist behind the role and
//! subnets that it names, so only their form is checked.

use entryway_access::{
    AccessEntry, AccessScope, Arn, AuthenticationMode, ClusterName, EntryType, PolicyArn, PrincipalArn,
};
use entryway_store::{ListOptions, Txn};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Object;
use super::call::{Answer, Call, request_tags, retry};
use super::cluster_record::{ClusterRecord, Creator, Status};
use super::entry::to_bytes;
use super::entry_record::{AssociationRecord, EntryRecord};
use super::error::{EksError, Fault};
use super::page::Items;
use super::request_token::{self, Token};
use super::shapes::{CreateAccessConfig, Settings, VpcConfig};
use super::tags::{self, Tags};
use super::version;
use crate::keys::{self, Place};

/// EKS's quota for a region.
const MAX_CLUSTERS: usize = 100;
/// The policy that a cluster's creator gets.
const CREATOR_POLICY: &str = "AmazonEKSClusterAdminPolicy";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateInput {
    name: Option<String>,
    version: Option<String>,
    role_arn: Option<String>,
    resources_vpc_config: Option<Object<VpcConfig>>,
    access_config: Option<Object<CreateAccessConfig>>,
    tags: Option<Tags>,
    client_request_token: Option<String>,
    #[serde(flatten)]
    settings: Settings,
    // Known, and not for clusters of this kind.
    outpost_config: Option<Value>,
    control_plane_scaling_config: Option<Value>,
    kube_api_server_config: Option<Value>,
    kube_scheduler_config: Option<Value>,
    kube_controller_manager_config: Option<Value>,
}

pub(super) async fn create(call: &Call<'_>) -> Result<Answer, EksError> {
    let input: CreateInput = call.body()?;
    match try_create(call, &input).await {
        // By the same request, perhaps, at the same time.
        Err(error) if error.fault == Fault::ResourceInUse => {
            request_token::first_answer(call, input.client_request_token.as_deref(), error).await
        }
        done => done,
    }
}

async fn try_create(call: &Call<'_>, input: &CreateInput) -> Result<Answer, EksError> {
    let name = call.required("name", input.name.as_deref())?;
    let access = input.access_config.as_ref().map(|Object(access)| access.clone()).unwrap_or_default();
    call.authorize(&super::cluster_record::cluster_arn(call.place, name), |context| {
        let mode = access.authentication_mode.as_deref().unwrap_or(AuthenticationMode::ConfigMap.as_str());
        let bootstrap = access.bootstrap_cluster_creator_admin_permissions.unwrap_or(true);
        context.set("eks:clusterName", name);
        context.set("eks:authenticationMode", mode);
        context.set("eks:bootstrapClusterCreatorAdminPermissions", bootstrap.to_string());
        request_tags(context, input.tags.as_ref().unwrap_or(&Tags::new()));
    })?;
    let token = request_token::look_up(call, input.client_request_token.as_deref()).await?;
    if let Token::Again(answer) = token {
        return Ok(Answer::read(answer));
    }
    let plan = checked(call, input, &access)?;
    if call.plane.store.get(&call.place.cluster(name)).await?.is_some() {
        return Err(exists(name));
    }
    let some = ListOptions { limit: MAX_CLUSTERS, ..ListOptions::default() };
    if call.plane.store.list(&call.place.clusters(), some).await?.items.len() >= MAX_CLUSTERS {
        let message =
            format!("Cluster limit exceeded for account {} in this region: {MAX_CLUSTERS}", call.place.account);
        return Err(EksError::new(Fault::ResourceLimitExceeded, message));
    }
    // The port is taken before the record is written, so that the record never names one that is not ours.
    let (listener, port) = call.plane.clusters.take_port().await.map_err(EksError::internal)?;
    let (record, first_entry) = plan.build(call.plane.creator(call.who), port, call.place, call.now)?;
    let answer = json!({ "cluster": call.plane.show(&record, call.place, Status::Creating) });
    let mut txn = write_new(&record, first_entry.as_ref(), call.place)?;
    txn = token.remember(txn, &answer, call.now);
    let Some(revision) = call.commit(txn, &answer).await? else { return Err(exists(name)) };
    call.plane.clusters.start(call.place, &record, listener, revision).await.map_err(EksError::internal)?;
    Ok(Answer::changed(answer))
}

fn exists(name: &str) -> EksError {
    EksError::new(Fault::ResourceInUse, format!("Cluster already exists with name: {name}"))
}

/// The transaction that makes a cluster.
pub(crate) fn write_new(record: &ClusterRecord, entry: Option<&EntryRecord>, place: &Place) -> Result<Txn, EksError> {
    let key = place.cluster(&record.name);
    let mut txn = Txn::new().absent(&key).put(&key, to_bytes(record)?);
    if let Some(entry) = entry {
        txn = txn.put(place.entry(&record.name, &entry.principal), to_bytes(entry)?);
    }
    Ok(txn)
}

/// A checked new cluster, short of who makes it and its port.
#[derive(Debug)]
pub(crate) struct NewCluster {
    pub(crate) name: ClusterName,
    pub(crate) version: String,
    pub(crate) role_arn: String,
    pub(crate) mode: AuthenticationMode,
    /// Whether its creator administers it.
    pub(crate) bootstrap: bool,
    pub(crate) vpc: VpcConfig,
    pub(crate) settings: Settings,
    pub(crate) tags: Tags,
}

impl NewCluster {
    /// The records to write: the cluster, and its creator's entry where the mode has entries.
    pub(crate) fn build(
        self,
        creator: Option<Creator>,
        port: u16,
        place: &Place,
        now: jiff::Timestamp,
    ) -> Result<(ClusterRecord, Option<EntryRecord>), EksError> {
        let creator = creator.filter(|_| self.bootstrap);
        let record = ClusterRecord {
            id: uuid::Uuid::new_v4().to_string(),
            name: self.name.to_string(),
            version: self.version,
            role_arn: self.role_arn,
            created_at: now,
            mode: self.mode.to_string(),
            port,
            bootstrap_creator: creator.clone().filter(|_| !self.mode.has_api()),
            vpc: self.vpc,
            settings: self.settings,
            tags: self.tags,
        };
        let entry = match creator {
            Some(creator) if self.mode.has_api() => Some(creator_entry(&creator, place, &record.name, now)?),
            _ => None,
        };
        Ok((record, entry))
    }
}

/// The entry that administers a cluster in its creator's name.
pub(crate) fn creator_entry(
    creator: &Creator,
    place: &Place,
    cluster: &str,
    now: jiff::Timestamp,
) -> Result<EntryRecord, EksError> {
    let principal: PrincipalArn = creator.principal.parse().map_err(EksError::internal)?;
    let entry =
        AccessEntry::new(principal, EntryType::Standard, None, None, &place.account).map_err(EksError::internal)?;
    let mut record = EntryRecord::new(&entry, creator.unique_id.clone(), Tags::new(), place, cluster, now);
    let name = CREATOR_POLICY.parse().map_err(EksError::internal)?;
    let policy = PolicyArn::Aws { partition: place.partition(), name };
    record.policies.insert(policy.to_string(), AssociationRecord::new(&AccessScope::Cluster, now));
    Ok(record)
}

fn checked(call: &Call<'_>, input: &CreateInput, access: &CreateAccessConfig) -> Result<NewCluster, EksError> {
    let name = call.required("name", input.name.as_deref())?;
    let name: ClusterName = name.parse().map_err(|_| {
        call.bad(format!(
            "The cluster name {name:?} is invalid, it must be 1 to 100 letters, digits, hyphens and underscores, and begin with a letter or digit"
        ))
    })?;
    for (member, value) in [
        ("outpostConfig", &input.outpost_config),
        ("controlPlaneScalingConfig", &input.control_plane_scaling_config),
        ("kubeApiServerConfig", &input.kube_api_server_config),
        ("kubeSchedulerConfig", &input.kube_scheduler_config),
        ("kubeControllerManagerConfig", &input.kube_controller_manager_config),
    ] {
        if value.as_ref().is_some_and(|value| !value.is_null()) {
            return Err(
                call.bad(format!("{member} is not supported: clusters of Entryway have nothing to configure there"))
            );
        }
    }
    let role_arn = call.required("roleArn", input.role_arn.as_deref())?;
    let (role, partition) = (role_arn.parse::<PrincipalArn>().ok(), call.place.partition());
    if !role.is_some_and(|role| role.is_role() && role.partition() == partition) {
        return Err(call.bad(format!(
            "The roleArn {role_arn} is invalid, it must have the form arn:{partition}:iam::ACCOUNT:role/NAME"
        )));
    }
    let vpc = call.required("resourcesVpcConfig", input.resources_vpc_config.as_ref())?.0.clone();
    check_vpc(call, &vpc)?;
    let version = input.version.clone().unwrap_or_else(|| version::DEFAULT_VERSION.to_owned());
    if !version::is_known(&version) {
        return Err(call.bad(format!("unsupported Kubernetes version {version}")));
    }
    check_settings(call, &input.settings)?;
    let mode = match &access.authentication_mode {
        Some(text) => parse_mode(call, text)?,
        None => AuthenticationMode::ConfigMap,
    };
    let bootstrap = access.bootstrap_cluster_creator_admin_permissions.unwrap_or(true);
    if !bootstrap && mode == AuthenticationMode::ConfigMap {
        return Err(call.bad(
            "bootstrapClusterCreatorAdminPermissions must be true if cluster authentication mode is set to CONFIG_MAP",
        ));
    }
    let tags = tags::merge(&Tags::new(), input.tags.as_ref().unwrap_or(&Tags::new())).map_err(|p| call.bad(p))?;
    Ok(NewCluster {
        name,
        version,
        role_arn: role_arn.to_owned(),
        mode,
        bootstrap,
        vpc,
        settings: input.settings.clone(),
        tags,
    })
}

/// `CONFIG_MAP`, `API_AND_CONFIG_MAP` or `API`.
pub(super) fn parse_mode(call: &Call<'_>, text: &str) -> Result<AuthenticationMode, EksError> {
    text.parse().map_err(|_| {
        call.bad(format!("authenticationMode must be one of [API, API_AND_CONFIG_MAP, CONFIG_MAP], not {text}"))
    })
}

/// Subnets and security groups by their form, networks as CIDR blocks.
pub(super) fn check_vpc(call: &Call<'_>, vpc: &VpcConfig) -> Result<(), EksError> {
    for (prefix, what, ids) in
        [("subnet-", "subnet", &vpc.subnet_ids), ("sg-", "security group", &vpc.security_group_ids)]
    {
        for id in ids.iter().flatten() {
            let rest = id.strip_prefix(prefix).unwrap_or_default();
            if rest.is_empty() || rest.len() > 32 || !rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                return Err(call
                    .bad(format!("The {what} ID '{id}' is invalid, it must have the form {prefix}0123456789abcdef0")));
            }
        }
    }
    if vpc.endpoint_public_access == Some(false) && vpc.endpoint_private_access != Some(true) {
        return Err(call.bad("Private and public endpoint access cannot be false"));
    }
    for cidr in vpc.public_access_cidrs.iter().flatten() {
        check_cidr(call, cidr)?;
    }
    Ok(())
}

fn check_cidr(call: &Call<'_>, cidr: &str) -> Result<(), EksError> {
    let good = cidr.split_once('/').is_some_and(|(ip, bits)| {
        let most = match ip.parse::<std::net::IpAddr>() {
            Ok(ip) if ip.is_ipv4() => 32,
            Ok(_) => 128,
            Err(_) => return false,
        };
        bits.parse::<u8>().is_ok_and(|bits| bits <= most)
    });
    if good { Ok(()) } else { Err(call.bad(format!("The CIDR {cidr} is invalid, it must have the form 10.0.0.0/16"))) }
}

/// The enumerations among what is only kept.
pub(super) fn check_settings(call: &Call<'_>, settings: &Settings) -> Result<(), EksError> {
    let one_of = |what: &str, value: Option<&String>, allowed: &[&str]| match value {
        Some(value) if !allowed.contains(&value.as_str()) => {
            Err(call.bad(format!("{what} must be one of [{}], not {value}", allowed.join(", "))))
        }
        _ => Ok(()),
    };
    if let Some(Object(network)) = &settings.kubernetes_network_config {
        one_of("ipFamily", network.ip_family.as_ref(), &["ipv4", "ipv6"])?;
        if let Some(cidr) = &network.service_ipv4_cidr {
            check_cidr(call, cidr)?;
        }
    }
    if let Some(Object(policy)) = &settings.upgrade_policy {
        one_of("supportType", policy.support_type.as_ref(), &["STANDARD", "EXTENDED"])?;
    }
    for Object(setup) in settings.logging.iter().flat_map(|Object(l)| l.cluster_logging.iter().flatten()) {
        for kind in setup.types.iter().flatten() {
            one_of("log type", Some(kind), &["api", "audit", "authenticator", "controllerManager", "scheduler"])?;
        }
    }
    for Object(encryption) in settings.encryption_config.iter().flatten() {
        if let Some(key) = encryption.provider.as_ref().and_then(|Object(provider)| provider.key_arn.as_ref())
            && key.parse::<Arn>().is_err()
        {
            return Err(call.bad(format!("The keyArn {key} is invalid, it must be an ARN")));
        }
    }
    Ok(())
}

pub(super) async fn describe(call: &Call<'_>) -> Result<Answer, EksError> {
    let cluster = call.find_cluster().await?;
    call.authorize_cluster(cluster.as_ref().map(|c| &c.record), |_| {})?;
    let cluster = cluster.ok_or_else(|| EksError::no_cluster(call.cluster_name()))?;
    Ok(Answer::read(json!({ "cluster": call.plane.show(&cluster.record, call.place, Status::Active) })))
}

pub(super) async fn list(call: &Call<'_>) -> Result<Answer, EksError> {
    call.authorize("*", |_| {})?;
    if let Some(other) = call.query_all("include").find(|include| *include != "all") {
        return Err(call.bad(format!("include must be all, not {other}")));
    }
    let page = call.page("")?;
    let prefix = call.place.clusters();
    let after = page.after.map(|last| format!("{prefix}{last}"));
    let listing = call.plane.store.list(&prefix, ListOptions { after, limit: page.limit, at: None }).await?;
    let names: Vec<String> =
        listing.items.iter().filter_map(|kv| kv.key.strip_prefix(&prefix)).map(str::to_owned).collect();
    let more_after = names.last().filter(|_| listing.remaining > 0).cloned();
    let items = Items { items: names.into_iter().map(Value::String).collect(), more_after };
    Ok(Answer::read(call.paged("clusters", items, "")))
}

pub(super) async fn delete(call: &Call<'_>) -> Result<Answer, EksError> {
    let (answer, id) = retry(async || {
        let cluster = call.find_cluster().await?;
        call.authorize_cluster(cluster.as_ref().map(|c| &c.record), |_| {})?;
        let cluster = cluster.ok_or_else(|| EksError::no_cluster(call.cluster_name()))?;
        let name = &cluster.record.name;
        if cluster.record.settings.deletion_protection == Some(true) {
            let message =
                format!("Cluster {name} has deletion protection enabled, turn it off before deleting the cluster");
            return Err(EksError::new(Fault::InvalidRequest, message));
        }
        // Its objects are removed afterwards, and again after a restart until nothing is left.
        let mut txn = Txn::new().modified_at(&cluster.key, cluster.modified).delete(&cluster.key);
        txn = txn.put(format!("{}{}", keys::GONE, cluster.record.id), Vec::new());
        for prefix in [call.place.entries(name), call.place.names(name), call.place.updates(name)] {
            for item in call.plane.store.list(&prefix, ListOptions::default()).await?.items {
                txn = txn.modified_at(&item.key, item.modified).delete(item.key);
            }
        }
        let answer = json!({ "cluster": call.plane.show(&cluster.record, call.place, Status::Deleting) });
        Ok(call.commit(txn, &answer).await?.map(|_| (answer, cluster.record.id)))
    })
    .await?;
    call.plane.clusters.stop(call.place, call.cluster_name(), &id);
    call.plane.sweep.notify_one();
    Ok(Answer::changed(answer))
}

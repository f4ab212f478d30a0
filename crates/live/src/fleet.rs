//! The clusters that declarations are about, wherever they are: read at once, as far as they can be.
//!
//! One cluster that fails takes nothing from the others: it is named in [`World::failed`]. What of a cluster can't be
//! read (its RBAC from outside its network, say) is [`Readable::Unreadable`] with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use entryway_access::{
    AccessScope, AccountId, AwsAuth, Caller, ClusterArn, ClusterName, Partition, PolicyArn, PolicyCatalogue,
    PolicyName, PolicyRule, PrincipalArn, Region,
};
use entryway_analysis::PrincipalFacts;
use entryway_formats::ClusterSelector;
use entryway_plan::{
    ActualAssociation, ActualCluster, ActualEntry, ControlPlane, FailedCluster, Needs, Readable, World,
};
use futures::{StreamExt, stream};
use jiff::Timestamp;

use crate::{Aws, Cluster, EntryWithPolicies, Kubernetes, LiveError};

/// Clusters that are read at once: each reads several entries at once itself.
const CLUSTERS_AT_ONCE: usize = 8;
/// Clusters that are described at once for a selector by tags.
const DESCRIBED_AT_ONCE: usize = 16;
/// The session's name where a role is assumed.
const SESSION: &str = "entryway";

/// How a fleet is reached.
#[derive(Debug, Clone, Default)]
pub struct FleetOptions {
    /// The role that is assumed in accounts other than the caller's: a name (with its path), the same everywhere.
    pub assume_role: Option<String>,
    /// The Kubernetes API of a single cluster, where it is not to be reached at the endpoint that EKS names.
    pub kubernetes: Option<Kubernetes>,
    /// Do not ask IAM which principals there are.
    pub without_iam: bool,
}

/// Credentials, and the ways from them to clusters in other regions and accounts.
#[derive(Debug, Clone)]
pub struct Fleet {
    home: Aws,
    account: AccountId,
    caller: PrincipalArn,
    options: FleetOptions,
    accounts: Arc<tokio::sync::Mutex<BTreeMap<AccountId, Aws>>>,
}

/// The own policies of each account and region, asked for once.
type OwnPolicies = Arc<tokio::sync::Mutex<BTreeMap<(AccountId, Region), BTreeMap<PolicyName, Vec<PolicyRule>>>>>;

/// A cluster to read.
struct Found {
    aws: Aws,
    cluster: Cluster,
    arn: ClusterArn,
}

impl Fleet {
    /// Finds out who the credentials belong to.
    pub async fn new(home: Aws, options: FleetOptions) -> Result<Fleet, LiveError> {
        let own = home.caller().await?;
        let wrong = |error: String| LiveError::Setting(format!("STS named the caller `{}`: {error}", own.arn));
        let caller = Caller::from_sts(&own.account, &own.arn, &own.user_id, "").map_err(|e| wrong(e.to_string()))?;
        let account = own.account.parse().map_err(|e: entryway_access::ArnError| wrong(e.to_string()))?;
        Ok(Fleet { home, account, caller: caller.principal, options, accounts: Arc::default() })
    }

    /// The caller's account.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The caller's region.
    pub fn region(&self) -> &Region {
        self.home.region()
    }

    /// The caller's credentials.
    pub fn home(&self) -> &Aws {
        &self.home
    }

    /// Credentials for a region of an account: one's own, or those of the role to assume.
    pub async fn place(&self, region: &Region, account: &AccountId) -> Result<Aws, LiveError> {
        if *account == self.account {
            return Ok(self.home.in_region(region));
        }
        let Some(role) = &self.options.assume_role else {
            return Err(LiveError::Setting(format!(
                "it is in account {account}, and the credentials are of account {}; name a role to assume there with `--assume-role`",
                self.account
            )));
        };
        let mut accounts = self.accounts.lock().await;
        if let Some(known) = accounts.get(account) {
            return Ok(known.in_region(region));
        }
        let arn = format!("arn:{}:iam::{account}:role/{role}", Partition::of_region(region));
        let there = self.home.assume_role(&arn, SESSION).await?;
        accounts.insert(account.clone(), there.clone());
        Ok(there.in_region(region))
    }

    /// The Kubernetes API of a cluster.
    pub fn kubernetes(&self, aws: &Aws, cluster: &Cluster) -> Result<Kubernetes, LiveError> {
        if let Some(given) = &self.options.kubernetes {
            return Ok(given.clone());
        }
        let id = if cluster.is_local { cluster.id.as_deref() } else { None };
        let token = aws.token(id.unwrap_or(&cluster.name), Timestamp::now())?;
        Kubernetes::connect(cluster, &token)
    }

    /// Reads all that is needed.
    pub async fn read(&self, needs: &Needs) -> World {
        let mut world =
            World { account: Some(self.account.clone()), region: Some(self.home.region().clone()), ..World::default() };
        let found = self.find(&needs.clusters, &mut world).await;
        let own_policies = OwnPolicies::default();
        // A task each, so that a fleet's reads use all processors: signing and reading answers is what they cost.
        let read = stream::iter(found).map(|found| {
            let (fleet, own_policies, rbac) = (self.clone(), Arc::clone(&own_policies), needs.rbac);
            let arn = found.arn.clone();
            let task = tokio::spawn(async move { fleet.read_cluster(&found, rbac, &own_policies).await });
            async move {
                let outcome =
                    task.await.unwrap_or_else(|error| Err(LiveError::Setting(format!("reading it failed: {error}"))));
                (arn, outcome)
            }
        });
        let mut read: Vec<_> = read.buffer_unordered(CLUSTERS_AT_ONCE).collect().await;
        read.sort_by_key(|(arn, _)| arn.to_string());
        for (arn, outcome) in read {
            match outcome {
                Ok(cluster) => world.clusters.push(cluster),
                Err(error) => world.failed.push(failed(&arn.name, Some(arn.region), Some(arn.account), &error)),
            }
        }
        if !self.options.without_iam {
            self.read_iam(needs, &mut world).await;
        }
        world
    }

    /// The clusters of all selectors, each once.
    async fn find(&self, selectors: &[ClusterSelector], world: &mut World) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut take = |one: Found, found: &mut Vec<Found>| {
            if seen.insert(one.arn.to_string()) {
                found.push(one);
            }
        };
        let named = selectors.iter().filter_map(|selector| match selector {
            ClusterSelector::Named { name, region, account } => Some((name, region, account)),
            ClusterSelector::Tagged { .. } | ClusterSelector::Unknown { .. } => None,
        });
        let looked = stream::iter(named).map(|(name, region, account)| async move {
            let region = region.as_ref().unwrap_or(self.home.region());
            let account = account.as_ref().unwrap_or(&self.account);
            let outcome = self.named(name, region, account).await;
            (name, region, account, outcome)
        });
        let looked: Vec<_> = looked.buffered(DESCRIBED_AT_ONCE).collect().await;
        for (name, region, account, outcome) in looked {
            match outcome {
                Ok(one) => take(one, &mut found),
                Err(error) => {
                    world.failed.push(failed(name, Some(region.clone()), Some(account.clone()), &error));
                }
            }
        }
        for selector in selectors {
            let ClusterSelector::Tagged { tags, region, account } = selector else { continue };
            let region = region.as_ref().unwrap_or(self.home.region());
            let account = account.as_ref().unwrap_or(&self.account);
            match self.all_in(region, account).await {
                Ok(all) => {
                    let has = |one: &Found| tags.iter().all(|(key, value)| one.cluster.tags.get(key) == Some(value));
                    all.into_iter().filter(has).for_each(|one| take(one, &mut found));
                }
                Err(error) => {
                    // There is no name to give: the selector stands for it.
                    let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
                    let message = format!("the clusters tagged {} in {region}: {error}", tags.join(", "));
                    if let Ok(name) = "tagged".parse::<ClusterName>() {
                        let (region, account) = (Some(region.clone()), Some(account.clone()));
                        world.failed.push(FailedCluster { name, region, account, message });
                    }
                }
            }
        }
        found
    }

    async fn named(&self, name: &ClusterName, region: &Region, account: &AccountId) -> Result<Found, LiveError> {
        let aws = self.place(region, account).await?;
        match aws.describe_cluster(name.as_str()).await {
            Ok(cluster) => Found::new(aws, cluster),
            Err(error) if error.is_not_found() => {
                let there = aws.list_clusters().await.unwrap_or_default();
                let list = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
                Err(LiveError::Setting(format!(
                    "there is no cluster `{name}` in {region} of account {account}; there are: {list}"
                )))
            }
            Err(error) => Err(error),
        }
    }

    async fn all_in(&self, region: &Region, account: &AccountId) -> Result<Vec<Found>, LiveError> {
        let aws = self.place(region, account).await?;
        let names = aws.list_clusters().await?;
        let described = stream::iter(names).map(|name| {
            let aws = aws.clone();
            async move {
                let cluster = aws.describe_cluster(&name).await;
                (aws, cluster)
            }
        });
        let described: Vec<_> = described.buffered(DESCRIBED_AT_ONCE).collect().await;
        let mut all = Vec::new();
        for (aws, cluster) in described {
            match cluster {
                Ok(cluster) => all.push(Found::new(aws, cluster)?),
                // Deleted meanwhile.
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// The names of all clusters of the caller's region.
    pub async fn cluster_names(&self) -> Result<Vec<ClusterName>, LiveError> {
        let names = self.home.list_clusters().await?;
        Ok(names.into_iter().filter_map(|name| name.parse().ok()).collect())
    }

    async fn read_cluster(
        &self,
        found: &Found,
        needs_rbac: bool,
        own_policies: &OwnPolicies,
    ) -> Result<ActualCluster, LiveError> {
        let Found { aws, cluster, arn } = found;
        let mode = cluster.mode()?;
        let control_plane = if aws.is_aws() { ControlPlane::Eks } else { ControlPlane::Entryway };
        let entries = async { if mode.has_api() { aws.entries(&cluster.name).await } else { Ok(Vec::new()) } };
        let objects = async {
            let kubernetes = match self.kubernetes(aws, cluster) {
                Ok(kubernetes) => kubernetes,
                Err(error) => return unread(&error),
            };
            let wants_namespaces = needs_rbac && control_plane == ControlPlane::Eks;
            let aws_auth = async { if mode.has_config_map() { kubernetes.aws_auth().await } else { Ok(None) } };
            let namespaces = async { if wants_namespaces { Some(kubernetes.namespaces().await) } else { None } };
            let (rbac, aws_auth, namespaces) = tokio::join!(kubernetes.rbac(), aws_auth, namespaces);
            let rbac = match rbac {
                Ok((rbac, _, unread)) if unread.is_empty() => Readable::Read(rbac),
                Ok((_, _, unread)) => {
                    let each: Vec<String> = unread.iter().map(|one| format!("{}: {}", one.what, one.why)).collect();
                    Readable::Unreadable(each.join("; "))
                }
                Err(error) => Readable::Unreadable(error.to_string()),
            };
            let aws_auth = match aws_auth {
                Ok(data) => Readable::Read(data.map(|data| AwsAuth::parse(&data).0).unwrap_or_default()),
                Err(error) => Readable::Unreadable(error.to_string()),
            };
            let namespaces = match namespaces {
                Some(Ok(names)) => Readable::Read(names),
                Some(Err(error)) => Readable::Unreadable(error.to_string()),
                None => Readable::Unreadable("they are not needed".to_owned()),
            };
            (rbac, aws_auth, namespaces)
        };
        let (entries, (rbac, aws_auth, namespaces), own_policies) =
            tokio::join!(entries, objects, policies_of(found, own_policies));
        let entries: Vec<ActualEntry> = entries?.iter().map(actual_entry).collect::<Result<_, _>>()?;
        let is_own = |one: &ActualAssociation| matches!(one.policy, PolicyArn::Own { .. });
        let own_policies = match own_policies {
            // Who may not list them can plan all the same, as long as none is of any matter.
            Err(error) if error.is_forbidden() && !needs_rbac => {
                if entries.iter().flat_map(|entry| &entry.policies).any(is_own) {
                    return Err(error);
                }
                BTreeMap::new()
            }
            other => other?,
        };
        Ok(ActualCluster {
            arn: arn.clone(),
            control_plane,
            tags: cluster.tags.clone(),
            mode,
            created_at: cluster.created_at.as_deref().and_then(|time| time.parse().ok()),
            entries,
            aws_auth,
            rbac,
            namespaces,
            own_policies,
            catalogue: PolicyCatalogue::builtin(),
            caller: Some(self.caller.clone()),
            // EKS tells nobody who made a cluster in mode CONFIG_MAP.
            bootstrap_creator: None,
        })
    }

    /// What IAM says of the accounts that matter: a list or two each, whatever the number of principals.
    async fn read_iam(&self, needs: &Needs, world: &mut World) {
        let of_clusters = || world.clusters.iter().map(|cluster| cluster.arn.account.clone());
        let mut accounts: BTreeSet<AccountId> = of_clusters().collect();
        accounts.extend(needs.sso_accounts.iter().flatten().cloned());
        accounts.extend(needs.iam_groups.iter().filter_map(|(account, _)| account.clone()));
        let lists = stream::iter(accounts).map(|account| async move {
            let aws = match self.place(self.home.region(), &account).await {
                Ok(aws) => aws,
                Err(error) => return (account, Err(error)),
            };
            let (roles, users) = tokio::join!(aws.list_roles(None), aws.list_users());
            (account, roles.and_then(|roles| users.map(|users| (roles, users))))
        });
        let lists: Vec<_> = lists.buffer_unordered(CLUSTERS_AT_ONCE).collect().await;
        for (account, listed) in lists {
            match listed {
                Ok((roles, users)) => {
                    world
                        .roles
                        .insert(account.clone(), Readable::Read(roles.iter().map(|role| role.arn.clone()).collect()));
                    for one in roles.into_iter().chain(users) {
                        let facts = PrincipalFacts {
                            exists: Some(true),
                            unique_id: Some(one.unique_id).filter(|id| !id.is_empty()),
                            created_at: one.created_at,
                        };
                        world.known.insert(&one.arn, facts);
                    }
                    self.note_absent(&account, needs, world);
                }
                Err(error) => {
                    world.roles.insert(account, Readable::Unreadable(error.to_string()));
                }
            }
        }
        let homes: BTreeSet<AccountId> = world.clusters.iter().map(|cluster| cluster.arn.account.clone()).collect();
        for (account, group) in &needs.iam_groups {
            let accounts: Vec<AccountId> =
                account.clone().map_or_else(|| homes.iter().cloned().collect(), |account| vec![account]);
            for account in accounts {
                let members = match self.place(self.home.region(), &account).await {
                    Ok(aws) => aws.group_members(group).await,
                    Err(error) => Err(error),
                };
                let members = match members {
                    Ok(users) => Readable::Read(users.into_iter().map(|user| user.arn).collect()),
                    Err(error) => Readable::Unreadable(error.to_string()),
                };
                world.group_members.insert((account, group.clone()), members);
            }
        }
    }

    /// Principals of the account that somebody names and IAM did not list.
    fn note_absent(&self, account: &AccountId, needs: &Needs, world: &mut World) {
        let mut named: BTreeSet<PrincipalArn> = needs.principals.clone();
        for cluster in &world.clusters {
            named.extend(cluster.entries.iter().map(|entry| entry.principal.clone()));
            let mapped = cluster.aws_auth.get().into_iter().flat_map(|map| map.roles.iter().chain(&map.users));
            named.extend(mapped.filter_map(|mapping| match &mapping.principal {
                entryway_access::MappedPrincipal::Arn(arn) => Some(arn.clone()),
                entryway_access::MappedPrincipal::Unusable(_) => None,
            }));
        }
        let is_listed = |arn: &PrincipalArn| {
            use entryway_access::PrincipalKind;
            matches!(arn.kind(), PrincipalKind::Role { .. } | PrincipalKind::User { .. })
        };
        for arn in named.into_iter().filter(|arn| arn.account() == account && is_listed(arn)) {
            if world.known.get(&arn).is_none() {
                world.known.insert(&arn, PrincipalFacts { exists: Some(false), ..PrincipalFacts::default() });
            }
        }
    }
}

/// The own policies of a cluster's account and region.
async fn policies_of(found: &Found, known: &OwnPolicies) -> Result<BTreeMap<PolicyName, Vec<PolicyRule>>, LiveError> {
    let place = (found.arn.account.clone(), found.arn.region.clone());
    let mut known = known.lock().await;
    if let Some(policies) = known.get(&place) {
        return Ok(policies.clone());
    }
    let policies = found.aws.own_policies().await?;
    known.insert(place, policies.clone());
    Ok(policies)
}

impl Found {
    fn new(aws: Aws, cluster: Cluster) -> Result<Found, LiveError> {
        let arn =
            cluster.arn.parse().map_err(|error: entryway_access::ArnError| LiveError::Setting(error.to_string()))?;
        Ok(Found { aws, cluster, arn })
    }
}

type Objects = (Readable<entryway_access::RbacObjects>, Readable<AwsAuth>, Readable<Vec<String>>);

fn unread(error: &LiveError) -> Objects {
    let why = error.to_string();
    (Readable::Unreadable(why.clone()), Readable::Unreadable(why.clone()), Readable::Unreadable(why))
}

fn failed(name: &ClusterName, region: Option<Region>, account: Option<AccountId>, error: &LiveError) -> FailedCluster {
    let advice = error.advice().map(|advice| format!("; {advice}")).unwrap_or_default();
    FailedCluster { name: name.clone(), region, account, message: format!("{error}{advice}") }
}

/// An entry as plans know it. One that can't be understood fails the cluster: a plan that overlooks an entry would be
/// wrong about it.
fn actual_entry(read: &EntryWithPolicies) -> Result<ActualEntry, LiveError> {
    let entry = &read.entry;
    let wrong = |error: String| {
        LiveError::Setting(format!("the access entry of `{}` can't be understood: {error}", entry.principal_arn))
    };
    let association = |one: &crate::AssociatedPolicy| {
        let scope = AccessScope::from_parts(&one.access_scope.kind, &one.access_scope.namespaces);
        Ok(ActualAssociation {
            policy: one.policy_arn.parse().map_err(|error: entryway_access::ArnError| wrong(error.to_string()))?,
            scope: scope.map_err(|error| wrong(error.to_string()))?,
        })
    };
    Ok(ActualEntry {
        principal: entry.principal_arn.parse().map_err(|error: entryway_access::ArnError| wrong(error.to_string()))?,
        entry_arn: entry.access_entry_arn.clone(),
        kind: entry.kind.parse().map_err(|error: entryway_access::EntryError| wrong(error.to_string()))?,
        username: entry.username.clone(),
        groups: entry.kubernetes_groups.clone(),
        tags: entry.tags.clone(),
        created_at: entry.created_at.as_deref().and_then(|time| time.parse().ok()),
        unique_id: None,
        policies: read.associated_access_policies.iter().map(association).collect::<Result<_, LiveError>>()?,
    })
}

//! What a migration stands on: a live cluster, or files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use entryway_access::{
    AccountId, AwsAuth, AwsAuthProblem, ClusterArn, ClusterName, MappedPrincipal, Partition, PolicyCatalogue,
    PrincipalArn, Region,
};
use entryway_analysis::KnownPrincipals;
use entryway_formats::{ClusterSelector, Place};
use entryway_live::{Fleet, IamDetails, Kubernetes};
use entryway_plan::{ActualCluster, LookedUp, Migration, MigrationInput, Needs, Readable, World, migrate};
use jiff::Timestamp;
use serde_json::json;

use crate::args::Global;
use crate::declared::FileArgs;
use crate::error::CliError;
use crate::fleet::{self, FleetFlags};
use crate::{context, yaml};

/// A cluster to migrate, with all that is known around it.
pub(super) struct Subject {
    cluster: ActualCluster,
    problems: Vec<(AwsAuthProblem, Option<Place>)>,
    places: Vec<Option<Place>>,
    lookup: BTreeMap<PrincipalArn, LookedUp>,
    known: KnownPrincipals,
    /// The ConfigMap's data, where it was read from the cluster.
    data: Option<BTreeMap<String, String>>,
    pub(super) now: Timestamp,
}

impl Subject {
    pub(super) fn cluster(&self) -> &ActualCluster {
        &self.cluster
    }

    pub(super) fn name(&self) -> &ClusterName {
        &self.cluster.arn.name
    }

    pub(super) fn known(&self) -> &KnownPrincipals {
        &self.known
    }

    /// Its Kubernetes API.
    pub(super) async fn kubernetes(&self, fleet: &Fleet) -> Result<Kubernetes, CliError> {
        let aws = fleet.place(&self.cluster.arn.region, &self.cluster.arn.account).await?;
        let described = aws.describe_cluster(self.name().as_str()).await?;
        Ok(fleet.kubernetes(&aws, &described)?)
    }

    pub(super) fn migration(&self) -> Migration {
        migrate(&MigrationInput {
            cluster: &self.cluster,
            problems: &self.problems,
            places: &self.places,
            lookup: &self.lookup,
            known: &self.known,
            protected: &[],
            now: self.now,
        })
    }

    /// Writes aws-auth as a manifest into the current folder; a file that is there is not touched.
    pub(super) fn save_aws_auth(&self) -> Result<Option<PathBuf>, CliError> {
        let Some(data) = &self.data else { return Ok(None) };
        let manifest = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": "aws-auth", "namespace": "kube-system" },
            "data": data,
        });
        let text = yaml::to_string(&manifest);
        let stamp = self.now.strftime("%Y%m%dT%H%M%SZ");
        let name = self.name();
        for path in [format!("aws-auth-{name}.yaml"), format!("aws-auth-{name}-{stamp}.yaml")].map(PathBuf::from) {
            if path.exists() {
                if std::fs::read_to_string(&path).is_ok_and(|there| there == text) {
                    return Ok(Some(path));
                }
                continue;
            }
            std::fs::write(&path, &text).map_err(|error| CliError::io("can't save aws-auth to", &path, &error))?;
            return Ok(Some(path));
        }
        Err(CliError::new("aws-auth could not be saved: there are other files of its name"))
    }
}

/// Reads a live cluster.
pub(super) async fn of_cluster(
    fleet: &Fleet,
    flags: &FleetFlags,
    named: Option<&ClusterName>,
) -> Result<Subject, CliError> {
    let described = context::cluster(fleet.home(), named).await?;
    let arn: ClusterArn =
        described.arn.parse().map_err(|error: entryway_access::ArnError| CliError::new(error.to_string()))?;
    let needs = Needs { clusters: vec![fleet::named(&arn)], rbac: true, ..Needs::default() };
    let mut world = fleet::read(fleet, flags, &needs).await?;
    if let Some(failed) = world.failed.first() {
        return Err(CliError::new(format!("{}: {}", failed.name, failed.message)));
    }
    let cluster = world.clusters.pop().ok_or_else(|| CliError::new(format!("`{arn}` could not be read")))?;
    let mut data = None;
    if cluster.mode.has_config_map() {
        if let Readable::Unreadable(why) = &cluster.aws_auth {
            return Err(CliError::new(format!("aws-auth of `{}` can't be read: {why}", arn.name))
                .hint("give a kubeconfig that may read it (`--context`), or the ConfigMap as a file"));
        }
        let kubernetes = fleet.kubernetes(fleet.home(), &described)?;
        data = kubernetes.aws_auth().await?;
    }
    let problems = data.as_ref().map(|data| AwsAuth::parse(data).1).unwrap_or_default();
    let lookup = lookup(&cluster, &world);
    Ok(Subject {
        problems: problems.into_iter().map(|problem| (problem, None)).collect(),
        places: Vec::new(),
        lookup,
        known: world.known,
        data,
        now: Timestamp::now(),
        cluster,
    })
}

/// Reads files alone.
pub(super) fn of_files(global: &Global, files: &FileArgs, flags: &FleetFlags) -> Result<Subject, CliError> {
    let mut named = files.clone();
    if named.cluster.is_none() {
        named.cluster = "cluster".parse().ok();
    }
    let declared = named.read(global, None, None)?;
    let [one] = declared.clusters.as_slice() else {
        return Err(CliError::new(format!(
            "the files are about {} clusters, and one is migrated at a time",
            declared.clusters.len()
        ))
        .hint("name files of one cluster: its aws-auth ConfigMap and its RBAC"));
    };
    let Some(aws_auth) = &one.aws_auth else {
        return Err(CliError::new("none of the files holds an aws-auth")
            .hint("`kubectl get configmap aws-auth -n kube-system -o yaml` prints it"));
    };
    let arn = arn_of(global, &one.selector.value, &aws_auth.map)?;
    let cluster = ActualCluster::from_declared(one, arn, PolicyCatalogue::builtin());
    let mut world = World::default();
    for file in &flags.iam {
        let text = std::fs::read_to_string(file).map_err(|error| CliError::io("can't read", file, &error))?;
        let details =
            IamDetails::parse(&text).map_err(|error| CliError::new(format!("`{}`: {error}", file.display())))?;
        let principals = mapped(&aws_auth.map).cloned().collect();
        details.add_to(&Needs { principals, ..Needs::default() }, &mut world);
    }
    Ok(Subject {
        problems: aws_auth.problems.clone(),
        places: aws_auth.places.clone(),
        lookup: lookup(&cluster, &world),
        known: world.known,
        data: None,
        now: Timestamp::now(),
        cluster,
    })
}

/// The cluster that files are about: as they say it; else the account is that of its first line, and the region the
/// one that is set.
fn arn_of(global: &Global, selector: &ClusterSelector, aws_auth: &AwsAuth) -> Result<ClusterArn, CliError> {
    let ClusterSelector::Named { name, region, account } = selector else {
        return Err(CliError::new("which cluster the files are about can't be known").hint("name it with `-c`"));
    };
    let said = region.clone().or_else(|| global.region.as_deref()?.parse().ok());
    let set = || ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| std::env::var(name).ok()?.parse().ok());
    let first = mapped(aws_auth).next();
    let partition = first.map_or(Partition::Aws, PrincipalArn::partition);
    let fallback = match partition {
        Partition::AwsCn => "cn-north-1",
        Partition::AwsUsGov => "us-gov-west-1",
        _ => "us-east-1",
    };
    let wrong = |error: entryway_access::ArnError| CliError::new(error.to_string());
    let region: Region = match said.or_else(set) {
        Some(region) => region,
        None => fallback.parse().map_err(wrong)?,
    };
    let account: AccountId = match account.clone().or_else(|| first.map(|arn| arn.account().clone())) {
        Some(account) => account,
        None => "111122223333".parse().map_err(wrong)?,
    };
    Ok(ClusterArn { partition: Partition::of_region(&region), region, account, name: name.clone() })
}

fn mapped(aws_auth: &AwsAuth) -> impl Iterator<Item = &PrincipalArn> {
    aws_auth.roles.iter().chain(&aws_auth.users).filter_map(|mapping| match &mapping.principal {
        MappedPrincipal::Arn(arn) => Some(arn),
        MappedPrincipal::Unusable(_) => None,
    })
}

/// What IAM says of each line's principal, by its exact name in its own account.
fn lookup(cluster: &ActualCluster, world: &World) -> BTreeMap<PrincipalArn, LookedUp> {
    let mut all = BTreeMap::new();
    for arn in cluster.aws_auth.get().into_iter().flat_map(mapped) {
        let plain = arn.without_path();
        let found = match world.roles.get(arn.account()) {
            Some(Readable::Read(_)) if world.known.is_gone(arn) => LookedUp::NotFound,
            Some(Readable::Read(roles)) => {
                let role = roles.iter().find(|role| role.without_path() == plain);
                LookedUp::Found(role.unwrap_or(arn).clone())
            }
            Some(Readable::Unreadable(why)) => LookedUp::Unknown(why.clone()),
            None => LookedUp::Unknown("IAM of its account was not asked".to_owned()),
        };
        all.insert(plain, found);
    }
    all
}

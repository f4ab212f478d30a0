//! The clusters of a declaration: reached, read, and changed by a plan's steps.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use entryway_access::{PrincipalArn, PrincipalKind};
use entryway_formats::{ClusterSelector, Declared, Diagnostic};
use entryway_live::{CarriedOut, Fleet, FleetOptions, Hand, IamDetails, needs_kubernetes};
use entryway_plan::{ClusterPlan, Desired, Needs, Plan, Readable, World, needs, resolve};
use futures::{StreamExt, stream};
use jiff::Timestamp;

use crate::args::{Global, KubeFlags};
use crate::declared::FileArgs;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::{context, diagnostics, output};

/// Clusters that are changed at once.
const AT_ONCE: usize = 8;

/// How clusters and IAM are reached.
#[derive(Debug, Clone, Args)]
pub(crate) struct FleetFlags {
    /// The role to assume in accounts other than yours: its name, the same in each
    #[arg(long, value_name = "ROLE")]
    pub(crate) assume_role: Option<String>,
    /// Roles, users and groups from a file that `aws iam get-account-authorization-details` wrote, not from IAM;
    /// repeatable
    #[arg(long = "iam", value_name = "FILE")]
    pub(crate) iam: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) kube: KubeFlags,
}

/// Finds credentials and who they are.
pub(crate) async fn reach(global: &Global, flags: &FleetFlags) -> Result<Fleet, CliError> {
    let aws = context::aws(global).await?;
    let by_kubeconfig = flags.kube.context.is_some() || flags.kube.kubeconfig.is_some();
    let kubernetes = if by_kubeconfig { Some(context::by_kubeconfig(&flags.kube).await?) } else { None };
    let options =
        FleetOptions { assume_role: flags.assume_role.clone(), kubernetes, without_iam: !flags.iam.is_empty() };
    Ok(Fleet::new(aws, options).await?)
}

/// Reads what is needed, with what files say of IAM.
pub(crate) async fn read(fleet: &Fleet, flags: &FleetFlags, needs: &Needs) -> Result<World, CliError> {
    let mut world = fleet.read(needs).await;
    let with_own_kubernetes = flags.kube.context.is_some() || flags.kube.kubeconfig.is_some();
    if with_own_kubernetes && world.clusters.len() > 1 {
        return Err(CliError::new("a kubeconfig context is one cluster, and the files are about several")
            .hint("leave `--context` and `--kubeconfig` out: each cluster is reached at the endpoint that EKS names"));
    }
    for file in &flags.iam {
        let text = std::fs::read_to_string(file).map_err(|error| CliError::io("can't read", file, &error))?;
        let details =
            IamDetails::parse(&text).map_err(|error| CliError::new(format!("`{}`: {error}", file.display())))?;
        details.add_to(needs, &mut world);
    }
    Ok(world)
}

/// What files declare, against the world.
pub(crate) struct Look {
    pub(crate) fleet: Fleet,
    pub(crate) desired: Desired,
    pub(crate) world: World,
    pub(crate) now: Timestamp,
}

/// Reads files and world, and resolves the one against the other.
pub(crate) async fn look(global: &Global, files: &FileArgs, flags: &FleetFlags) -> Result<Look, CliError> {
    let fleet = reach(global, flags).await?;
    let declared = files.read(global, Some(fleet.account()), Some(fleet.region()))?;
    let (world, desired, now) = resolved(global, &fleet, flags, &declared).await?;
    Ok(Look { fleet, desired, world, now })
}

async fn resolved(
    global: &Global,
    fleet: &Fleet,
    flags: &FleetFlags,
    declared: &Declared,
) -> Result<(World, Desired, Timestamp), CliError> {
    let now = Timestamp::now();
    let world = read(fleet, flags, &needs(declared)).await?;
    let mut resolved = resolve(declared, &world, now);
    resolved.diagnostics.extend(absent(&resolved.value, &world));
    let desired = diagnostics::value(global, resolved)?;
    Ok((world, desired, now))
}

/// Declared principals that IAM does not have: EKS refuses an entry for one.
fn absent(desired: &Desired, world: &World) -> Vec<Diagnostic> {
    let entries = desired.clusters.iter().flat_map(|cluster| &cluster.entries);
    let is_gone = |principal: &PrincipalArn| {
        let is_listed = matches!(principal.kind(), PrincipalKind::Role { .. } | PrincipalKind::User { .. })
            && matches!(world.roles.get(principal.account()), Some(Readable::Read(_)));
        world.known.is_gone(principal) || (is_listed && world.known.get(principal).is_none())
    };
    let gone = entries.filter(|entry| is_gone(&entry.principal));
    let mut told: Vec<Diagnostic> = Vec::new();
    for entry in gone {
        let message = format!("`{}` does not exist in its account, and EKS refuses an entry for it", entry.principal);
        if !told.iter().any(|other| other.message == message) {
            told.push(Diagnostic::warning(message, entry.place.clone()));
        }
    }
    told
}

/// The clusters of a plan, to be read again.
pub(crate) fn needs_of(plan: &Plan) -> Needs {
    let clusters = plan.clusters.iter().map(|cluster| named(&cluster.cluster)).collect();
    Needs { clusters, ..Needs::default() }
}

/// One cluster, by its ARN.
pub(crate) fn named(arn: &entryway_access::ClusterArn) -> ClusterSelector {
    ClusterSelector::Named {
        name: arn.name.clone(),
        region: Some(arn.region.clone()),
        account: Some(arn.account.clone()),
    }
}

/// Carries a plan out, several clusters at once, each step by step. Says what is done; fails with what is not.
pub(crate) async fn carry_out(global: &Global, fleet: &Fleet, plan: &Plan) -> Result<(), CliError> {
    let interrupt = Interrupt::watch()?;
    let work = plan.clusters.iter().filter(|cluster| !cluster.steps.is_empty());
    let work = stream::iter(work).map(|cluster| {
        let interrupt = &interrupt;
        async move { (cluster, one(global, fleet, cluster, interrupt).await) }
    });
    let outcomes: Vec<(&ClusterPlan, CarriedOut)> = work.buffer_unordered(AT_ONCE).collect().await;
    drop(interrupt);
    let mut told: Option<CliError> = None;
    let mut advice: BTreeSet<&'static str> = BTreeSet::new();
    for (cluster, outcome) in &outcomes {
        let left = cluster.steps.get(outcome.done..).unwrap_or_default();
        if left.is_empty() {
            continue;
        }
        let name = &cluster.cluster.name;
        let mut left = left.iter();
        let why = match &outcome.failed {
            Some(error) => {
                advice.extend(error.advice());
                let failed = left.next().map(|step| step.action.to_string()).unwrap_or_default();
                format!("could not {failed}: {error}")
            }
            None => "stopped, as you asked".to_owned(),
        };
        let message = format!(
            "{name}: {} of {} done; {why}",
            outcome.done,
            output::count(cluster.steps.len(), "step is", "steps are")
        );
        told = Some(match told {
            None => CliError::new(message),
            Some(error) => error.hint(message),
        });
        for step in left {
            told = told.map(|error| error.hint(format!("not done on {name}: {}", step.action)));
        }
    }
    match told {
        Some(error) => Err(advice
            .into_iter()
            .fold(error, CliError::hint)
            .hint("make a new plan and apply it: it goes on from here")),
        None => Ok(()),
    }
}

async fn one(global: &Global, fleet: &Fleet, plan: &ClusterPlan, interrupt: &Interrupt) -> CarriedOut {
    let failed = |error| CarriedOut { done: 0, failed: Some(error) };
    let arn = &plan.cluster;
    let aws = match fleet.place(&arn.region, &arn.account).await {
        Ok(aws) => aws,
        Err(error) => return failed(error),
    };
    let kubernetes = match needs_kubernetes(&plan.steps) {
        false => None,
        true => match aws.describe_cluster(arn.name.as_str()).await.and_then(|it| fleet.kubernetes(&aws, &it)) {
            Ok(kubernetes) => Some(kubernetes),
            Err(error) => return failed(error),
        },
    };
    let hand = Hand { aws: &aws, kubernetes: kubernetes.as_ref(), cluster: arn.name.as_str() };
    let goes_on = |step: &entryway_plan::Step| {
        let goes_on = !interrupt.is_asked();
        if goes_on && !global.quiet {
            output::note(&format!("{}: {}", arn.name, step.action));
        }
        goes_on
    };
    hand.carry_out(&plan.steps, goes_on).await
}

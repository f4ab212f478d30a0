//! The plan: for each cluster what is to be done, in order, and what it means.

use entryway_access::{AuthenticationMode, ClusterArn, PrincipalArn};
use entryway_analysis::{Difference, LockOut, as_text};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::diff::{Draft, diff_entries, diff_mode, diff_rules};
use crate::order::in_order;
use crate::{ActualCluster, Change, Desired, DesiredCluster, Made, Step, World, fingerprint};

/// What the planner may do.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// Take over entries that are declared and not managed yet.
    pub adopt: bool,
    /// Delete entries that are neither declared nor managed (those that EKS makes are never deleted).
    pub prune: bool,
    /// Do not refuse a lock-out.
    pub allow_lockout: bool,
    /// The time.
    pub now: Timestamp,
}

/// A plan over clusters. Its JSON is stable (`docs/`), and is the saved form as well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The form of this document.
    pub format_version: String,
    /// When it was made.
    #[serde(with = "as_text")]
    pub made_at: Timestamp,
    /// Whether lock-outs are allowed.
    pub allow_lockout: bool,
    /// Each cluster, also those where nothing is to be done.
    pub clusters: Vec<ClusterPlan>,
    /// Clusters that could not be planned.
    pub trouble: Vec<Trouble>,
}

/// A cluster that could not be read or planned; the others are planned all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Its name.
    pub cluster: String,
    /// What went wrong.
    pub message: String,
}

/// The plan of one cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterPlan {
    /// Which.
    #[serde(with = "as_text")]
    pub cluster: ClusterArn,
    /// The state that it was made from ([`fingerprint`]).
    pub state: String,
    /// What changes, as people see it.
    pub changes: Vec<Change>,
    /// The calls, in order.
    pub steps: Vec<Step>,
    /// What is there and is not touched.
    pub left_alone: Vec<LeftAlone>,
    /// Who gains and who loses what.
    pub meaning: Vec<Difference>,
    /// What of the cluster could not be read, so that `meaning` may lack something; what has ended.
    pub notes: Vec<String>,
    /// Why it is refused, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_out: Option<LockOut>,
}

/// An entry that is not touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftAlone {
    /// Whose.
    #[serde(with = "as_text")]
    pub principal: PrincipalArn,
    /// Why.
    pub why: WhyLeftAlone,
}

/// Why an entry is not touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WhyLeftAlone {
    /// It is declared, as it is, and not managed: nothing to do but to adopt it.
    NotManaged,
    /// It is declared otherwise and not managed: `--adopt` would change it.
    NotManagedAndDiffers,
    /// It is neither declared nor managed: `--prune` would delete it.
    Undeclared,
    /// EKS made it.
    MadeByEks(Made),
}

/// What a plan comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All is as declared.
    NothingToDo,
    /// There is something to do.
    Changes,
    /// Something could not be read, or is refused.
    Trouble,
}

impl Outcome {
    /// 0 nothing, 1 changes, 2 trouble; `detailed` is Terraform's 0, 2, 1.
    pub fn exit_code(self, detailed: bool) -> u8 {
        match (self, detailed) {
            (Outcome::NothingToDo, _) => 0,
            (Outcome::Changes, false) | (Outcome::Trouble, true) => 1,
            (Outcome::Trouble, false) | (Outcome::Changes, true) => 2,
        }
    }
}

/// The form that this code writes and reads.
const FORMAT_VERSION: &str = "1.0";

/// Why a saved plan can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    /// It is no plan, or not whole.
    #[error("this is no saved plan: {0}")]
    Form(#[from] serde_json::Error),
    /// It was written by another version.
    #[error("the plan has the form `{0}`, and this entryway reads `{FORMAT_VERSION}`; make it again")]
    Version(String),
}

/// The cluster is no longer as it was when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cluster `{cluster}` has changed since the plan was made; plan again")]
pub struct StateMoved {
    /// Which.
    pub cluster: ClusterArn,
}

impl Plan {
    /// What it comes to.
    pub fn outcome(&self) -> Outcome {
        let refused = self.clusters.iter().any(|cluster| cluster.lock_out.is_some()) && !self.allow_lockout;
        if refused || !self.trouble.is_empty() {
            Outcome::Trouble
        } else if self.clusters.iter().all(|cluster| cluster.steps.is_empty()) {
            Outcome::NothingToDo
        } else {
            Outcome::Changes
        }
    }

    /// The plan as saved and as `-o json` prints it.
    pub fn to_json(&self) -> Result<String, SavedPlanError> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// Reads a saved plan.
    pub fn from_json(text: &str) -> Result<Plan, SavedPlanError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            format_version: String,
        }
        let Version { format_version } = serde_json::from_str(text)?;
        if format_version != FORMAT_VERSION {
            return Err(SavedPlanError::Version(format_version));
        }
        Ok(serde_json::from_str(text)?)
    }
}

impl ClusterPlan {
    /// Whether the cluster is still as it was when the plan was made.
    pub fn check(&self, cluster: &ActualCluster) -> Result<(), StateMoved> {
        if fingerprint(cluster) == self.state { Ok(()) } else { Err(StateMoved { cluster: self.cluster.clone() }) }
    }
}

/// Makes the plan. Only clusters that are declared are planned. Clusters that could not be read are named.
pub fn plan(desired: &Desired, world: &World, options: &PlanOptions) -> Plan {
    let mut trouble: Vec<Trouble> = world
        .failed
        .iter()
        .map(|failed| Trouble { cluster: failed.name.to_string(), message: failed.message.clone() })
        .collect();
    let mut clusters = Vec::new();
    for wanted in &desired.clusters {
        match world.clusters.iter().find(|cluster| cluster.arn == wanted.arn) {
            Some(actual) => clusters.push(plan_cluster(actual, wanted, &desired.protected, world, options)),
            None => trouble
                .push(Trouble { cluster: wanted.arn.name.to_string(), message: "the cluster was not read".to_owned() }),
        }
    }
    finish(clusters, trouble, options)
}

pub(crate) fn finish(clusters: Vec<ClusterPlan>, trouble: Vec<Trouble>, options: &PlanOptions) -> Plan {
    let format_version = FORMAT_VERSION.to_owned();
    Plan { format_version, made_at: options.now, allow_lockout: options.allow_lockout, clusters, trouble }
}

pub(crate) fn plan_cluster(
    actual: &ActualCluster,
    wanted: &DesiredCluster,
    protected: &[PrincipalArn],
    world: &World,
    options: &PlanOptions,
) -> ClusterPlan {
    let mut draft = Draft::default();
    diff_mode(actual, wanted, &mut draft);
    let base = once_the_api_is_on(actual, &draft, options.now);
    diff_rules(actual, wanted, &mut draft);
    let just_on = actual.mode != base.mode;
    diff_entries(&base, wanted, just_on, world, options, &mut draft);
    let mut notes = wanted.ended.clone();
    notes.append(&mut draft.notes);
    assemble(actual, draft, notes, protected, world, options)
}

/// The cluster that entries are compared with: the API is on, and EKS has made the entries that it makes itself then.
pub(crate) fn once_the_api_is_on(actual: &ActualCluster, draft: &Draft, now: Timestamp) -> ActualCluster {
    let mut base = actual.clone();
    for step in &draft.moves {
        // The step to the API's mode is the only one there can be.
        if base.mode == AuthenticationMode::ConfigMap {
            let _ = base.apply(&step.action, now);
        }
    }
    base
}

/// From the moves to a plan: in order, with its meaning.
pub(crate) fn assemble(
    actual: &ActualCluster,
    draft: Draft,
    mut notes: Vec<String>,
    protected: &[PrincipalArn],
    world: &World,
    options: &PlanOptions,
) -> ClusterPlan {
    let state = fingerprint(actual);
    let steps = in_order(draft.moves, &state, options.now);
    let mut meaning = Vec::new();
    let mut refused = None;
    if !steps.is_empty() {
        let mut end = actual.clone();
        for step in &steps {
            if let Err(error) = end.apply(&step.action, options.now) {
                notes.push(format!("`{}` may fail: {error}", step.action));
            }
        }
        let effect = actual.effect(&end, protected, &world.known, options.now);
        meaning = effect.meaning;
        refused = effect.lock_out;
        notes.extend(actual.blind_spots());
    }
    let (changes, left_alone) = (draft.changes, draft.left_alone);
    ClusterPlan { cluster: actual.arn.clone(), state, changes, steps, left_alone, meaning, notes, lock_out: refused }
}

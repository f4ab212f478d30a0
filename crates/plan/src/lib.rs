//! Access as code: from what is declared and what is there to what has to be done, and what that means for
//! whom. Pure: `live` reads a [`World`] and carries [`Step`]s out; this crate decides which.
//!
//! The way through: [`needs`] says what of the world has to be read for what files declare; [`resolve`] makes
//! of both what each cluster is to be ([`Desired`]); [`plan`] makes the steps. [`drift`], [`sweep`],
//! [`import`] and [`migrate`] stand on the same parts. No rule of access is here: who can do what before and
//! after is `entryway_analysis`' answer, which is the core's.

mod desired;
mod diff;
mod drift;
mod effect;
mod fingerprint;
mod import;
mod migrate;
mod needs;
mod offline;
mod order;
mod own_policy;
mod ownership;
mod plan;
mod principals;
mod render;
mod resolve;
mod scope_text;
mod simulate;
mod step;
mod sweep;
mod tags;
#[cfg(test)]
mod tests;
mod world;

pub use desired::{Desired, DesiredCluster, DesiredEntry};
pub use drift::{Drift, DriftItem, DriftKind, LastChange, drift};
pub use effect::Effect;
pub use fingerprint::fingerprint;
pub use import::import;
pub use migrate::{
    Fate, LineReport, LineSource, LookedUp, Migration, MigrationInput, MigrationPhase, NotCarried, Verification,
    migrate,
};
pub use needs::{Needs, needs};
pub use ownership::Made;
pub use plan::{
    ClusterPlan, LeftAlone, Outcome, Plan, PlanOptions, SavedPlanError, StateMoved, Trouble, WhyLeftAlone, plan,
};
pub use render::{meaning_text, plan_text};
pub use resolve::resolve;
pub use simulate::SimulateError;
pub use step::{Action, Change, ChangeKind, FieldChange, Item, ObjectKind, Step};
pub use sweep::sweep;
pub use tags::{MANAGED_BY, MANAGED_BY_VALUE};
pub use world::{ActualAssociation, ActualCluster, ActualEntry, ControlPlane, FailedCluster, Readable, World};

//! The order of steps, and why no moment in the middle takes away what the end keeps.
//!
//! Grants only add: a principal can do what any of its policies, groups or usernames allows. So let a state be
//! its set of grants. Steps are carried out phase by phase:
//!
//! 1. [`Phase::ModeUp`] turns the API on. aws-auth stays in force: nothing is taken away.
//! 2. [`Phase::GrowRules`] puts own policies and RBAC objects, each with the old rules beside the new where it
//!    would otherwise lose some: only adds.
//! 3. [`Phase::Grow`] creates entries with their policies, associates further ones, widens scopes: only adds, but
//!    for one case. A new entry takes its principal out of aws-auth whole, and CreateAccessEntry takes no
//!    policies: until they are associated, which follows at once, the principal has its groups alone. EKS
//!    leaves no other way; the step says so (`gap`).
//! 4. [`Phase::Replace`] deletes and creates an entry whose type is another, or whose principal was made again:
//!    neither can be changed in place. The calls follow one another at once; the first says so (`gap`).
//! 5. [`Phase::Swap`] makes the changes that add and take at once: username and groups, or one scope. Before it a
//!    principal has at least what it had at the start (phases 1 to 4 took nothing), after it at least what it
//!    has in the end: the grants of the end that the swap does not give were given by Grow. There is at most one
//!    swap a principal, for where two would be needed, scopes are widened to both in Grow and narrowed in
//!    Shrink.
//! 6. [`Phase::ModeApi`] takes aws-auth out of force. Whoever keeps access has an entry by now.
//! 7. [`Phase::Shrink`] narrows scopes and takes policies off, [`Phase::Delete`] deletes entries: nothing of the
//!    end is among it. It comes after ModeApi, so that nobody whose entry goes falls back on aws-auth.
//! 8. [`Phase::ShrinkRules`] puts own policies and RBAC as they are to be, and deletes what nobody needs.
//!
//! Principals do not depend on one another but through own policies and RBAC, which phases 2 and 8 bracket. A
//! property test walks random plans through the core and finds no principal that loses in the middle what both
//! ends have, outside the gaps.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::{Action, Step};

/// When a step has its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    ModeUp,
    GrowRules,
    Grow,
    Replace,
    Swap,
    ModeApi,
    Shrink,
    Delete,
    ShrinkRules,
}

/// A step without its place.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    pub(crate) phase: Phase,
    pub(crate) action: Action,
    pub(crate) gap: Option<String>,
}

impl Move {
    pub(crate) fn new(phase: Phase, action: Action) -> Move {
        Move { phase, action, gap: None }
    }
}

/// The steps in order; those of a phase stay in the order they were found, so the calls of one principal
/// follow one another. Tokens depend on the plan, so that another plan's equal step is another request.
pub(crate) fn in_order(mut moves: Vec<Move>, state: &str, made_at: Timestamp) -> Vec<Step> {
    moves.sort_by_key(|a| a.phase);
    let step = |(index, Move { action, gap, .. }): (usize, Move)| {
        let text = serde_json::to_string(&action).unwrap_or_default();
        let digest = hex::encode(Sha256::digest(format!("{made_at}\n{state}\n{index}\n{text}")));
        Step { action, token: digest.get(..36).unwrap_or_default().to_owned(), gap }
    };
    moves.into_iter().enumerate().map(step).collect()
}

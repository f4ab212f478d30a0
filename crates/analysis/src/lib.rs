//! Questions over the access of a cluster, answered by the core over whole models: what a principal can do,
//! who gains and loses what by a change, whether a change locks people out.
//!
//! It never decides anything itself: every answer is [`Snapshot::decide`](entryway_access::Snapshot::decide)
//! at a question. What it adds is which questions to ask, so that few of them tell all ([`compare`] says why),
//! and how to say the answers in few lines ([`Ability`]).

mod ability;
mod administer;
pub mod as_text;
mod compare;
mod lock_out;
mod mapped;
mod probe;
mod question;
mod subject;
#[cfg(test)]
mod tests;

pub use ability::{Ability, lines};
pub use administer::{Administers, administers};
pub use compare::{Difference, SignIn, abilities, compare, compare_models};
pub use lock_out::{LockOut, LockOutReason, administrators, lock_out};
pub use probe::{Probe, ProbeAttributes, probes};
pub use question::{namespace_covers, scope_covers};
pub use subject::{KnownPrincipals, PrincipalFacts, Subject, subjects};

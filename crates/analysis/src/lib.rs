//! Questions over the access of a cluster, answered by the core over whole models: what a principal can do,
//! who gains and loses what by a change, whether a change locks people out, who holds what is risky
//! ([`finding`]), and who can become whom ([`path`]).
//!
//! It never decides anything itself: every answer is [`Snapshot::decide`](entryway_access::Snapshot::decide)
//! at a question, or the core's reading of one rule of a role or policy. What it adds is which questions to ask, so
//! that few of them tell all ([`compare`] says why), and how to say the answers in few lines ([`Ability`]).

mod ability;
mod administer;
pub mod as_text;
mod compare;
pub mod finding;
mod lock_out;
mod mapped;
pub mod path;
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
pub use question::{Place, namespace_covers, scope_covers};
pub use subject::{KnownPrincipals, PrincipalFacts, Subject, subjects};

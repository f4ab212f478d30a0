//! A change after which nobody who could administer the cluster before still can, or the caller loses what
//! lets him undo it, or a protected principal loses what it has: at once, or when what has an end is over.

use std::collections::BTreeMap;
use std::fmt;

use entryway_access::{PrincipalArn, Snapshot};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::compare::user_of;
use crate::subject::Cast;
use crate::{Administers, KnownPrincipals, Subject, administers, as_text, subjects};

/// Why a change is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockOut {
    /// At least one.
    pub reasons: Vec<LockOutReason>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LockOutReason {
    /// Nobody of those who administer the cluster could any longer.
    NobodyAdministers {
        /// Those who can now.
        before: Vec<Subject>,
    },
    /// The caller administers the cluster now and could not any longer.
    CallerLoses(#[serde(with = "as_text")] PrincipalArn),
    /// A protected principal would lose its administration of the cluster, or its way in.
    ProtectedLoses(#[serde(with = "as_text")] PrincipalArn),
    /// Not at once: when everything that has an end is over. What is for good must not become what ends unseen.
    WhenEndsAreOver(Box<LockOutReason>),
    /// Parts of the cluster could not be read, the change takes something away, and of those that could be read
    /// nobody administers the cluster afterwards.
    Unknown {
        /// What could not be read, and why.
        unread: Vec<String>,
    },
}

impl fmt::Display for LockOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockOutReason::NobodyAdministers { before } => {
                let names: Vec<String> = before.iter().map(|subject| format!("`{subject}`")).collect();
                write!(f, "nobody who can administer the cluster now still could: {}", names.join(", "))
            }
            LockOutReason::CallerLoses(caller) => {
                write!(f, "you (`{caller}`) would lose what lets you undo it")
            }
            LockOutReason::ProtectedLoses(principal) => write!(f, "`{principal}` is protected and would lose access"),
            LockOutReason::WhenEndsAreOver(reason) => write!(f, "when what has an end is over, {reason}"),
            LockOutReason::Unknown { unread } => {
                write!(f, "nobody is known to administer the cluster afterwards, and {}", unread.join("; and "))
            }
        }
    }
}

impl fmt::Display for LockOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons: Vec<String> = self.reasons.iter().map(LockOutReason::to_string).collect();
        f.write_str(&reasons.join("; "))
    }
}

/// Those who administer the cluster, and how. Principals that IAM says are gone do not count, nor do those
/// whose entry was made for another unique id: nobody can sign in as them.
pub fn administrators(state: &Snapshot, known: &KnownPrincipals, now: Timestamp) -> BTreeMap<Subject, Administers> {
    let states = [state];
    let stage = Stage { state, cast: Cast::new(&states, known, now), now };
    let all = subjects(&states).into_iter();
    all.filter_map(|subject| stage.administers(&subject).map(|how| (subject, how))).collect()
}

/// One state, ready to be asked about many.
struct Stage<'a> {
    state: &'a Snapshot,
    cast: Cast<'a>,
    now: Timestamp,
}

impl Stage<'_> {
    fn administers(&self, subject: &Subject) -> Option<Administers> {
        let callers = self.cast.stand_ins(subject);
        callers
            .iter()
            .find_map(|stand_in| administers(self.state, &user_of(self.state, &stand_in.caller, self.now)?, self.now))
    }

    fn signs_in(&self, subject: &Subject) -> bool {
        let callers = self.cast.stand_ins(subject);
        callers.first().is_some_and(|stand_in| user_of(self.state, &stand_in.caller, self.now).is_some())
    }
}

/// Whether a change is a lock-out. `caller` is who makes it, where that is known; a cluster that nobody
/// administers can't be locked further.
///
/// Looks at `now`, and, where anything is still to end, at when all ends are over.
pub fn lock_out(
    before: &Snapshot,
    after: &Snapshot,
    caller: Option<&PrincipalArn>,
    protected: &[PrincipalArn],
    known: &KnownPrincipals,
    now: Timestamp,
) -> Option<LockOut> {
    let change = Change { before, after, caller, protected, known };
    let mut reasons = change.reasons(now);
    let is_all_for_good = before.ends().chain(after.ends()).all(|end| end <= now);
    let late = if is_all_for_good { Vec::new() } else { change.reasons(Timestamp::MAX) };
    for reason in late {
        if !reasons.iter().any(|found| found.is_same_loss(&reason)) {
            reasons.push(LockOutReason::WhenEndsAreOver(Box::new(reason)));
        }
    }
    (!reasons.is_empty()).then_some(LockOut { reasons })
}

impl LockOutReason {
    /// Whether it is the same loss, whoever had what was lost.
    fn is_same_loss(&self, other: &LockOutReason) -> bool {
        let of_all = |reason: &LockOutReason| matches!(reason, LockOutReason::NobodyAdministers { .. });
        self == other || (of_all(self) && of_all(other))
    }
}

struct Change<'a> {
    before: &'a Snapshot,
    after: &'a Snapshot,
    caller: Option<&'a PrincipalArn>,
    protected: &'a [PrincipalArn],
    known: &'a KnownPrincipals,
}

impl Change<'_> {
    fn reasons(&self, at: Timestamp) -> Vec<LockOutReason> {
        let mut reasons = Vec::new();
        let (states_before, states_after) = ([self.before], [self.after]);
        let was = Stage { state: self.before, cast: Cast::new(&states_before, self.known, at), now: at };
        let is = Stage { state: self.after, cast: Cast::new(&states_after, self.known, at), now: at };
        let still = |subject: &Subject| was.administers(subject).is_some() && is.administers(subject).is_some();
        // Mostly it is the caller who still can; then nobody else needs to be asked about.
        let caller_still = self.caller.is_some_and(|caller| still(&Subject::Principal(caller.clone())));
        if !caller_still {
            let all = subjects(&states_before);
            if !all.iter().any(still) {
                let could = |subject: &Subject| was.administers(subject).is_some();
                let before: Vec<Subject> = all.into_iter().filter(could).collect();
                if !before.is_empty() {
                    reasons.push(LockOutReason::NobodyAdministers { before });
                }
            }
        }
        let loses = |principal: &PrincipalArn| {
            let subject = Subject::Principal(principal.clone());
            was.administers(&subject).is_some() && is.administers(&subject).is_none()
        };
        if let Some(caller) = self.caller.filter(|caller| loses(caller)) {
            reasons.push(LockOutReason::CallerLoses(caller.clone()));
        }
        for principal in self.protected {
            let subject = Subject::Principal(principal.clone());
            if loses(principal) || (was.signs_in(&subject) && !is.signs_in(&subject)) {
                reasons.push(LockOutReason::ProtectedLoses(principal.clone()));
            }
        }
        reasons
    }
}

//! What a change of one cluster means: who gains and who loses what, and whether it locks people out.

use entryway_access::{PrincipalArn, Snapshot};
use entryway_analysis::{Difference, KnownPrincipals, LockOut, LockOutReason, administrators, compare, lock_out};
use jiff::Timestamp;

use crate::{ActualCluster, ActualEntry};

/// What a change means.
#[derive(Debug, Clone)]
pub struct Effect {
    /// For whom, and what.
    pub meaning: Vec<Difference>,
    /// Why it is refused, if it is.
    pub lock_out: Option<LockOut>,
}

impl ActualCluster {
    /// What it means that the cluster becomes `after`. Who gains and loses what is dear: see [`Self::lock_out`].
    pub fn effect(
        &self,
        after: &ActualCluster,
        protected: &[PrincipalArn],
        known: &KnownPrincipals,
        now: Timestamp,
    ) -> Effect {
        let (was, is) = (Snapshot::compile(self.model()), Snapshot::compile(after.model()));
        let lock_out = self.lock_out_between(after, &was, &is, protected, known, now);
        Effect { meaning: compare(&was, &is, known, now), lock_out }
    }

    /// Whether it locks people out that the cluster becomes `after`, without who else gains or loses what.
    ///
    /// Where parts of it could not be read, what is taken away may be all that lets anybody administer it: that is
    /// refused unless somebody is known to administer it afterwards.
    pub fn lock_out(
        &self,
        after: &ActualCluster,
        protected: &[PrincipalArn],
        known: &KnownPrincipals,
        now: Timestamp,
    ) -> Option<LockOut> {
        let (was, is) = (Snapshot::compile(self.model()), Snapshot::compile(after.model()));
        self.lock_out_between(after, &was, &is, protected, known, now)
    }

    fn lock_out_between(
        &self,
        after: &ActualCluster,
        was: &Snapshot,
        is: &Snapshot,
        protected: &[PrincipalArn],
        known: &KnownPrincipals,
        now: Timestamp,
    ) -> Option<LockOut> {
        let found = lock_out(was, is, self.caller.as_ref(), protected, known, now);
        let unread = self.blind_spots();
        let is_unknown = found.is_none()
            && !unread.is_empty()
            && self.loses_something(after)
            && administrators(is, known, now).is_empty();
        let unknown = || LockOut { reasons: vec![LockOutReason::Unknown { unread }] };
        found.or_else(|| is_unknown.then(unknown))
    }

    /// Whether anything that may give access is not there, or otherwise, in `after`.
    fn loses_something(&self, after: &ActualCluster) -> bool {
        self.mode.has_config_map() != after.mode.has_config_map()
            || self.own_policies.iter().any(|(name, rules)| after.own_policies.get(name) != Some(rules))
            || self.entries.iter().any(|entry| !after.entry(&entry.principal).is_some_and(|now| entry.is_within(now)))
    }
}

impl ActualEntry {
    /// Whether all that it gives is given by `other` too, ends included.
    fn is_within(&self, other: &ActualEntry) -> bool {
        self.username == other.username
            && self.tags == other.tags
            && self.groups.iter().all(|group| other.groups.contains(group))
            && self.policies.iter().all(|policy| other.policies.contains(policy))
    }
}

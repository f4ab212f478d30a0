//! The compiled core against a naive model, on random worlds: RBAC with aggregation, entries with ends and
//! unique ids, aws-auth, modes, impersonation, and single changes to a snapshot.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and prints its findings"
)]

mod naive;
mod worlds;

use std::sync::Arc;

use entryway_access::{Request, Snapshot};
use proptest::prelude::*;

use worlds::{attributes, caller, entry, now, user, world};

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn decisions_agree(
        model in world(),
        questions in prop::collection::vec((user(), attributes()), 1..24),
    ) {
        let snapshot = Snapshot::compile(model.clone());
        for (user, asked) in &questions {
            let attributes = asked.as_attributes();
            let expected = naive::allowed(&model, user, &attributes, now());
            let request = Request { user, attributes };
            let decision = snapshot.decide(&request, now());
            prop_assert_eq!(decision.is_allowed(), expected, "{:?} {:?} {:?}", user, attributes, decision);
            prop_assert_eq!(&snapshot.explain(&request, now()).decision, &decision);
        }
    }

    #[test]
    fn identities_agree(model in world(), callers in prop::collection::vec(caller(), 1..16)) {
        let snapshot = Snapshot::compile(model.clone());
        for caller in &callers {
            let expected = naive::identity(&model, caller, now());
            let found = snapshot.identity(caller, None, now());
            let found = found.map(|identity| (identity.user.username, identity.user.groups));
            prop_assert_eq!(&found, &expected, "{:?}", caller);
            // What the authenticator answers is a principal for the authorizer, whoever mapped it.
            let candidates = snapshot.candidates(caller, None, now());
            let winners = candidates.iter().filter(|(_, outcome)| *outcome == entryway_access::CandidateOutcome::Maps);
            prop_assert_eq!(winners.count(), usize::from(expected.is_some()), "{:?}", candidates);
        }
    }

    /// An identity's own user info, sent on by the API server, decides as the model says.
    #[test]
    fn identity_then_decision(model in world(), caller in caller(), asked in attributes()) {
        let snapshot = Snapshot::compile(model.clone());
        if let Some(identity) = snapshot.identity(&caller, None, now()) {
            let attributes = asked.as_attributes();
            let expected = naive::allowed(&model, &identity.user, &attributes, now());
            let decision = snapshot.decide(&Request { user: &identity.user, attributes }, now());
            prop_assert_eq!(decision.is_allowed(), expected, "{:?} {:?}", identity, decision);
        }
    }

    /// Entries put in and taken out one at a time make the same snapshot as compiling the result.
    #[test]
    fn single_changes_agree(
        model in world(),
        changes in prop::collection::vec((entry(), any::<bool>()), 0..12),
        questions in prop::collection::vec((user(), attributes()), 1..12),
    ) {
        let mut model = model;
        let mut snapshot = Snapshot::compile(model.clone());
        for (entry, put) in changes {
            model.entries.retain(|other| other.principal != entry.principal);
            if put {
                model.entries.push(Arc::new(entry.clone()));
                snapshot = snapshot.with_entry(Arc::new(entry));
            } else {
                snapshot = snapshot.without_entry(&entry.principal);
            }
        }
        model.entries.sort_by_key(|entry| entry.principal.to_string());
        prop_assert_eq!(&snapshot.entries(), &model.entries);
        for (user, asked) in &questions {
            let attributes = asked.as_attributes();
            let expected = naive::allowed(&model, user, &attributes, now());
            let decision = snapshot.decide(&Request { user, attributes }, now());
            prop_assert_eq!(decision.is_allowed(), expected);
        }
    }

    /// `rules_for` and `decide_rbac` say the same.
    #[test]
    fn rules_agree_with_decisions(model in world(), user in user(), asked in attributes()) {
        let snapshot = Snapshot::compile(model);
        let attributes = asked.as_attributes();
        let namespace = asked.namespace();
        let by_rules = snapshot.rules_for(&user, namespace).iter().any(|rule| rule.allows(&attributes));
        let masters = user.groups.iter().any(|group| group == "system:masters");
        let decision = snapshot.decide_rbac(&Request { user: &user, attributes });
        prop_assert_eq!(decision.is_allowed(), by_rules || masters);
    }
}

//! What maps a caller in a state, as written: to compare two states without asking a question.

use std::sync::Arc;

use entryway_access::{AccessPolicy, Association, Caller, IdentitySource, PolicyRules, Snapshot, Template};
use jiff::Timestamp;

use crate::subject::INSTANCE_DNS_NAME;

/// Username and groups as the source has them, before placeholders are filled.
pub(crate) fn templates_of<'s>(state: &'s Snapshot, source: &IdentitySource) -> (Option<&'s Template>, Vec<Template>) {
    match source {
        IdentitySource::Entry(principal) => match state.entry(principal) {
            Some(entry) => (Some(&entry.username), entry.groups.iter().map(Template::new).collect()),
            None => (None, Vec::new()),
        },
        IdentitySource::AwsAuthLine { key, index } => {
            let aws_auth = state.aws_auth();
            let lines = if *key == "mapUsers" { &aws_auth.users } else { &aws_auth.roles };
            match lines.get(*index) {
                Some(line) => (line.username.as_ref(), line.groups.clone()),
                None => (None, Vec::new()),
            }
        }
        IdentitySource::AwsAuthAccount | IdentitySource::BootstrapCreator => (None, Vec::new()),
    }
}

/// All of a caller's mapping that decides, but for RBAC.
#[derive(PartialEq)]
pub(crate) struct Mapped<'s> {
    username: Option<&'s Template>,
    groups: Vec<Template>,
    fixed: Option<IdentitySource>,
    policies: Vec<(&'s Association, Option<&'s PolicyRules>)>,
}

impl<'s> Mapped<'s> {
    /// `None` where nothing maps the caller.
    pub(crate) fn of(state: &'s Snapshot, caller: &Caller, now: Timestamp) -> Option<Mapped<'s>> {
        let source = state.identity(caller, Some(INSTANCE_DNS_NAME), now)?.source;
        let (username, groups) = templates_of(state, &source);
        let entry = state.entry_for(caller, now).map(Arc::as_ref);
        let associations = entry.into_iter().flat_map(|entry| &entry.policies);
        let policies = associations
            .filter(|association| association.is_in_force(now))
            .map(|association| (association, state.catalogue().get(&association.policy).map(rules_of)))
            .collect();
        Some(Mapped { username, groups, fixed: username.is_none().then_some(source), policies })
    }
}

fn rules_of(policy: &AccessPolicy) -> &PolicyRules {
    &policy.rules
}

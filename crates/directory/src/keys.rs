//! Where records are in the store. Names are folded to lower case; ARNs and ids stand as they are.

use entryway_access::AccountId;

use crate::Name;

/// All accounts.
pub(crate) const ROOT: &str = "/iam/";

pub(crate) fn account(account: &AccountId) -> String {
    format!("{ROOT}{account}/account")
}

pub(crate) fn roles(account: &AccountId) -> String {
    format!("{ROOT}{account}/roles/")
}

pub(crate) fn role(account: &AccountId, name: &Name) -> String {
    format!("{ROOT}{account}/roles/{}", name.folded())
}

pub(crate) fn users(account: &AccountId) -> String {
    format!("{ROOT}{account}/users/")
}

pub(crate) fn user(account: &AccountId, name: &Name) -> String {
    format!("{ROOT}{account}/users/{}", name.folded())
}

pub(crate) fn groups(account: &AccountId) -> String {
    format!("{ROOT}{account}/groups/")
}

pub(crate) fn group(account: &AccountId, name: &Name) -> String {
    format!("{ROOT}{account}/groups/{}", name.folded())
}

pub(crate) fn policies(account: &AccountId) -> String {
    format!("{ROOT}{account}/policies/")
}

pub(crate) fn policy(account: &AccountId, name: &Name) -> String {
    format!("{ROOT}{account}/policies/{}", name.folded())
}

/// How often a managed policy is attached.
pub(crate) fn usage(account: &AccountId, policy_arn: &str) -> String {
    format!("{ROOT}{account}/usage/{policy_arn}")
}

pub(crate) fn access_key(account: &AccountId, id: &str) -> String {
    format!("{ROOT}{account}/keys/{id}")
}

pub(crate) fn sessions(account: &AccountId) -> String {
    format!("{ROOT}{account}/sessions/")
}

pub(crate) fn session(account: &AccountId, id: &str) -> String {
    format!("{ROOT}{account}/sessions/{id}")
}

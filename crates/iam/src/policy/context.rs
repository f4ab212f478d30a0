//! The facts of a request that conditions and policy variables look at.

use std::collections::BTreeMap;

use entryway_access::{Caller, PrincipalKind};
use jiff::Timestamp;

/// Context keys with their values. Keys have no case (`aws:SourceIp` is `aws:sourceip`); a key may have many values,
/// and a key with no values is present but empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    values: BTreeMap<String, Vec<String>>,
}

impl Context {
    /// Without keys.
    pub fn new() -> Self {
        Context::default()
    }

    /// With the global keys that follow from who calls and when: `aws:PrincipalArn` (a session's role),
    /// `aws:PrincipalAccount`, `aws:PrincipalType`, `aws:userid`, `aws:username` (users alone), `aws:CurrentTime` and
    /// `aws:EpochTime`.
    pub fn of_caller(caller: &Caller, now: Timestamp) -> Self {
        let mut context = Context::new();
        let (kind, session) = match caller.principal.kind() {
            PrincipalKind::Role { .. } => ("AssumedRole", true),
            PrincipalKind::User { name, .. } => {
                context.set("aws:username", name);
                ("User", false)
            }
            PrincipalKind::Root => ("Account", false),
            PrincipalKind::FederatedUser { .. } => ("FederatedUser", false),
        };
        let user_id = if session && !caller.session_name.is_empty() {
            format!("{}:{}", caller.unique_id, caller.session_name)
        } else {
            caller.unique_id.clone()
        };
        context
            .set("aws:PrincipalArn", caller.principal.as_str())
            .set("aws:PrincipalAccount", caller.principal.account().as_str())
            .set("aws:PrincipalType", kind)
            .set("aws:userid", user_id)
            .set_time(now);
        context
    }

    /// Sets `aws:CurrentTime` and `aws:EpochTime`, to the second.
    pub fn set_time(&mut self, now: Timestamp) -> &mut Self {
        self.set("aws:CurrentTime", now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
            .set("aws:EpochTime", now.as_second().to_string())
    }

    /// Sets a key to one value.
    pub fn set(&mut self, key: &str, value: impl Into<String>) -> &mut Self {
        self.values.insert(key.to_lowercase(), vec![value.into()]);
        self
    }

    /// Sets a multi-valued key.
    pub fn set_all<V: Into<String>>(&mut self, key: &str, values: impl IntoIterator<Item = V>) -> &mut Self {
        self.values.insert(key.to_lowercase(), values.into_iter().map(Into::into).collect());
        self
    }

    /// The values of a key; `None` where it is absent.
    pub fn get(&self, key: &str) -> Option<&[String]> {
        self.values.get(&key.to_lowercase()).map(Vec::as_slice)
    }
}

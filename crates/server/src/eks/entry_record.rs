//! An access entry with its associations as it is stored, as the API shows it, and as the core takes it.

use std::collections::BTreeMap;

use entryway_access::{
    AccessEntry, AccessScope, Association, EXPIRES_AT, PolicyArn, PrincipalArn, PrincipalKind, Template, end_of,
    expires_key,
};
use entryway_iam::policy::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tags::Tags;
use super::time::seconds;
use crate::keys::Place;

/// An access entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EntryRecord {
    /// The ARN with its path.
    pub(crate) principal: String,
    /// `AROA…`, `AIDA…`: of a principal in an account that is kept here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unique_id: Option<String>,
    /// `STANDARD`, …
    pub(crate) kind: String,
    pub(crate) username: String,
    pub(crate) groups: Vec<String>,
    /// `accessEntryArn`.
    pub(crate) arn: String,
    pub(crate) created_at: Timestamp,
    pub(crate) modified_at: Timestamp,
    pub(crate) tags: Tags,
    /// By the policy's ARN.
    pub(crate) policies: BTreeMap<String, AssociationRecord>,
}

/// A policy of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AssociationRecord {
    /// `cluster` or `namespace`.
    pub(crate) scope: String,
    pub(crate) namespaces: Vec<String>,
    pub(crate) associated_at: Timestamp,
    pub(crate) modified_at: Timestamp,
}

impl AssociationRecord {
    pub(crate) fn new(scope: &AccessScope, now: Timestamp) -> Self {
        AssociationRecord {
            scope: scope.kind().to_owned(),
            namespaces: scope.namespaces().iter().map(|pattern| pattern.as_str().to_owned()).collect(),
            associated_at: now,
            modified_at: now,
        }
    }

    /// The condition keys of an association that is there.
    pub(crate) fn facts(&self, context: &mut Context, policy: &str) {
        context.set("eks:policyArn", policy);
        context.set("eks:accessScope", self.scope.as_str());
        context.set_all("eks:namespaces", self.namespaces.iter().cloned());
    }

    /// `associatedAccessPolicy`.
    pub(crate) fn to_aws(&self, policy: &str) -> Value {
        json!({
            "policyArn": policy,
            "accessScope": { "type": self.scope, "namespaces": self.namespaces },
            "associatedAt": seconds(self.associated_at),
            "modifiedAt": seconds(self.modified_at),
        })
    }
}

impl EntryRecord {
    /// A new entry's record.
    pub(crate) fn new(
        entry: &AccessEntry,
        unique_id: Option<String>,
        tags: Tags,
        place: &Place,
        cluster: &str,
        now: Timestamp,
    ) -> Self {
        let id = uuid::Uuid::new_v4().to_string();
        EntryRecord {
            principal: entry.principal.to_string(),
            unique_id,
            kind: entry.kind.to_string(),
            username: entry.username.as_str().to_owned(),
            groups: entry.groups.clone(),
            arn: entry_arn(place, cluster, &entry.principal, &id),
            created_at: now,
            modified_at: now,
            tags,
            policies: BTreeMap::new(),
        }
    }

    /// Reads a stored record.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("an access entry's record is damaged: {error}"))
    }

    /// `accessEntry`.
    pub(crate) fn to_aws(&self, cluster: &str) -> Value {
        json!({
            "clusterName": cluster,
            "principalArn": self.principal,
            "kubernetesGroups": self.groups,
            "accessEntryArn": self.arn,
            "createdAt": seconds(self.created_at),
            "modifiedAt": seconds(self.modified_at),
            "tags": self.tags,
            "username": self.username,
            "type": self.kind,
        })
    }

    /// As the core takes it. An error (no such record is ever written) means that it maps nobody.
    pub(crate) fn to_core(&self) -> Result<AccessEntry, String> {
        let mut policies = Vec::with_capacity(self.policies.len());
        for (arn, association) in &self.policies {
            let policy: PolicyArn = arn.parse().map_err(|error| format!("{error}"))?;
            let scope = AccessScope::from_parts(&association.scope, &association.namespaces)
                .map_err(|error| error.to_string())?;
            let expires = end_of(&self.tags, &expires_key(policy.name()));
            policies.push(Association { policy, scope, expires });
        }
        Ok(AccessEntry {
            principal: self.principal.parse().map_err(|error| format!("{error}"))?,
            unique_id: self.unique_id.clone(),
            kind: self.kind.parse().map_err(|error| format!("{error}"))?,
            username: Template::new(self.username.clone()),
            groups: self.groups.clone(),
            policies,
            expires: end_of(&self.tags, EXPIRES_AT),
        })
    }
}

/// `arn:P:eks:REGION:ACCOUNT:access-entry/CLUSTER/role/PRINCIPAL_ACCOUNT/NAME/ID`.
pub(crate) fn entry_arn(place: &Place, cluster: &str, principal: &PrincipalArn, id: &str) -> String {
    place.arn(format_args!("access-entry/{cluster}/{}/{id}", without_path(principal)))
}

/// `role/PRINCIPAL_ACCOUNT/NAME`: what a principal is known by, whatever its path.
pub(crate) fn without_path(principal: &PrincipalArn) -> String {
    let kind = match principal.kind() {
        PrincipalKind::Role { .. } => "role",
        PrincipalKind::User { .. } => "user",
        PrincipalKind::Root => "root",
        PrincipalKind::FederatedUser { .. } => "federated-user",
    };
    format!("{kind}/{}/{}", principal.account(), principal.name())
}

/// The cluster in the resource part of an entry's ARN.
pub(crate) fn cluster_of_arn(resource: &str) -> Option<&str> {
    resource.strip_prefix("access-entry/")?.split('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_leave_the_path_out() {
        let place = Place { account: "111122223333".parse().unwrap(), region: "us-west-2".parse().unwrap() };
        let principal = "arn:aws:iam::444455556666:role/team/x/Dev".parse().unwrap();
        let arn = entry_arn(&place, "demo", &principal, "id-1");
        assert_eq!(arn, "arn:aws:eks:us-west-2:111122223333:access-entry/demo/role/444455556666/Dev/id-1");
        assert_eq!(cluster_of_arn(arn.rsplit(':').next().unwrap()), Some("demo"));
    }
}

//! What a cluster is after a step: to tell beforehand what a plan means.

use std::collections::BTreeMap;

use entryway_access::{AccessEntry, AccessScope, AuthenticationMode, EntryType, PolicyArn, PolicyName, PrincipalArn};
use jiff::Timestamp;

use crate::own_policy::{ObjectId, read_object};
use crate::{Action, ActualAssociation, ActualCluster, ActualEntry, ObjectKind, Readable};

/// A step that a control plane would refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimulateError {
    /// There is no such entry.
    #[error("there is no entry of `{0}`")]
    NoEntry(PrincipalArn),
    /// There is one already.
    #[error("there is an entry of `{0}` already")]
    EntryExists(PrincipalArn),
    /// Access entries are refused in CONFIG_MAP mode.
    #[error("the mode CONFIG_MAP has no entries")]
    NoApi,
    /// No such step.
    #[error("{0}")]
    Mode(#[from] entryway_access::ModeStepError),
}

impl ActualCluster {
    /// Carries a step out on this value.
    pub fn apply(&mut self, action: &Action, now: Timestamp) -> Result<(), SimulateError> {
        if action.principal().is_some() && !self.mode.has_api() {
            return Err(SimulateError::NoApi);
        }
        match action {
            Action::SetMode { to, .. } => self.set_mode(*to, now)?,
            Action::PutObject { object } => self.put_object(object),
            Action::DeleteObject { kind, namespace, name } => {
                self.delete_object(&ObjectId { kind: *kind, namespace: namespace.clone(), name: name.clone() });
            }
            Action::PutPolicy { name, rules } => {
                self.own_policies.insert(name.clone(), rules.clone());
            }
            Action::CreateEntry { principal, kind, username, groups, tags, may_exist } => {
                match self.entry(principal).is_some() {
                    true if *may_exist => {}
                    true => return Err(SimulateError::EntryExists(principal.clone())),
                    false => {
                        let entry = new_entry(principal, *kind, username.as_deref(), groups, tags, now);
                        self.entries.push(entry);
                    }
                }
            }
            Action::UpdateEntry { principal, username, groups } => {
                let entry = self.entry_mut(principal)?;
                entry.username.clone_from(username);
                entry.groups.clone_from(groups);
            }
            Action::TagEntry { principal, tags, .. } => self.entry_mut(principal)?.tags.extend(tags.clone()),
            Action::UntagEntry { principal, keys, .. } => {
                self.entry_mut(principal)?.tags.retain(|key, _| !keys.contains(key));
            }
            Action::AssociatePolicy { principal, policy, scope } => {
                associate(self.entry_mut(principal)?, policy, scope);
            }
            Action::DisassociatePolicy { principal, policy } => {
                self.entry_mut(principal)?.policies.retain(|association| association.policy != *policy);
            }
            Action::DeleteEntry { principal } => {
                self.entry_mut(principal)?;
                self.entries.retain(|entry| entry.principal != *principal);
            }
        }
        Ok(())
    }

    fn entry_mut(&mut self, principal: &PrincipalArn) -> Result<&mut ActualEntry, SimulateError> {
        let entry = self.entries.iter_mut().find(|entry| entry.principal == *principal);
        entry.ok_or_else(|| SimulateError::NoEntry(principal.clone()))
    }

    /// On leaving CONFIG_MAP, EKS makes an entry of the creator's hidden mapping.
    fn set_mode(&mut self, to: AuthenticationMode, now: Timestamp) -> Result<(), SimulateError> {
        self.mode = self.mode.step(to)?;
        if let Some(creator) = self.bootstrap_creator.take()
            && self.entry(&creator.principal).is_none()
        {
            let mut entry = new_entry(&creator.principal, EntryType::Standard, None, &[], &BTreeMap::new(), now);
            if let Some(policy) = cluster_admin(self) {
                associate(&mut entry, &policy, &AccessScope::Cluster);
            }
            self.entries.push(entry);
        }
        Ok(())
    }

    fn put_object(&mut self, manifest: &serde_json::Value) {
        let Readable::Read(rbac) = &mut self.rbac else { return };
        let objects = read_object(manifest);
        for role in objects.roles {
            rbac.roles.retain(|other| (&other.name, &other.namespace) != (&role.name, &role.namespace));
            rbac.roles.push(role);
        }
        for binding in objects.bindings {
            rbac.bindings.retain(|other| ObjectId::of_binding(other) != ObjectId::of_binding(&binding));
            rbac.bindings.push(binding);
        }
    }

    fn delete_object(&mut self, id: &ObjectId) {
        let Readable::Read(rbac) = &mut self.rbac else { return };
        match id.kind {
            ObjectKind::ClusterRole => rbac.roles.retain(|role| ObjectId::of_role(role).as_ref() != Some(id)),
            ObjectKind::ClusterRoleBinding | ObjectKind::RoleBinding => {
                rbac.bindings.retain(|binding| ObjectId::of_binding(binding) != *id);
            }
        }
    }
}

/// The policy of cluster administration, in the cluster's partition.
pub(crate) fn cluster_admin(cluster: &ActualCluster) -> Option<PolicyArn> {
    let name: PolicyName = "AmazonEKSClusterAdminPolicy".parse().ok()?;
    Some(PolicyArn::Aws { partition: cluster.arn.partition, name })
}

fn new_entry(
    principal: &PrincipalArn,
    kind: EntryType,
    username: Option<&str>,
    groups: &[String],
    tags: &BTreeMap<String, String>,
    now: Timestamp,
) -> ActualEntry {
    let default = || AccessEntry::default_username(principal, kind).as_str().to_owned();
    let groups = match kind.takes_groups_and_username() {
        true => groups.to_vec(),
        false => AccessEntry::default_groups(kind).iter().map(|group| (*group).to_owned()).collect(),
    };
    ActualEntry {
        principal: principal.clone(),
        entry_arn: String::new(),
        kind,
        username: username.map_or_else(default, str::to_owned),
        groups,
        tags: tags.clone(),
        created_at: Some(now),
        unique_id: None,
        policies: Vec::new(),
    }
}

fn associate(entry: &mut ActualEntry, policy: &PolicyArn, scope: &AccessScope) {
    match entry.policies.iter_mut().find(|association| association.policy == *policy) {
        Some(association) => association.scope = scope.clone(),
        None => entry.policies.push(ActualAssociation { policy: policy.clone(), scope: scope.clone() }),
    }
}

//! Managed policies on roles, users and groups, as permissions or as a boundary.
//!
//! How often each policy is used is counted in a record of its own, written with every attachment, so that a
//! policy can't be deleted while somebody attaches it.

use std::collections::HashMap;

use entryway_store::Txn;
use serde::{Deserialize, Serialize};

use crate::holder::Holder;
use crate::managed_policy::check_policy_arn;
use crate::storage::{ATTEMPTS, Loaded, commit, create, load, load_all};
use crate::{Account, DirectoryError, Name, keys};

/// The most managed policies on one role, user or group.
const ATTACHED: usize = 10;

/// How many roles, users and groups use a managed policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// As permissions.
    pub attached: u32,
    /// As a permissions boundary.
    pub boundary: u32,
}

impl Usage {
    /// Whether any does.
    pub fn is_used(self) -> bool {
        self != Self::default()
    }
}

impl Account {
    /// How many roles, users and groups use a managed policy.
    pub async fn usage(&self, policy_arn: &str) -> Result<Usage, DirectoryError> {
        let found = load::<Usage>(self.store(), &keys::usage(self.id(), policy_arn)).await?;
        Ok(found.map(|found| found.record).unwrap_or_default())
    }

    /// How many roles, users and groups use each managed policy that any uses, by its ARN.
    pub async fn usages(&self) -> Result<HashMap<String, Usage>, DirectoryError> {
        let prefix = keys::usage(self.id(), "");
        let all = load_all::<Usage>(self.store(), &prefix).await?;
        let arn = |key: &str| key.strip_prefix(&prefix).unwrap_or(key).to_owned();
        Ok(all.into_iter().map(|loaded| (arn(&loaded.key), loaded.record)).collect())
    }

    /// Attaches a managed policy. Again is fine.
    pub async fn attach<H: Holder>(&self, name: &Name, policy_arn: &str) -> Result<(), DirectoryError> {
        check_policy_arn(policy_arn)?;
        for _ in 0..ATTEMPTS {
            let mut holder = self.loaded::<H>(name).await?;
            let txn = self.needs_policy(Txn::new(), policy_arn).await?;
            let attached = &mut holder.record.grants_mut().attached;
            if !attached.insert(policy_arn.to_owned()) {
                return Ok(());
            }
            if attached.len() > ATTACHED {
                return Err(DirectoryError::quota(&format!("PoliciesPer{}", H::TITLE), ATTACHED));
            }
            let txn = self
                .counted(holder.replace(txn)?, policy_arn, |usage| usage.attached = usage.attached.saturating_add(1))
                .await?;
            if commit(self.store(), txn).await? {
                return Ok(());
            }
        }
        Err(DirectoryError::Contention)
    }

    /// Detaches a managed policy.
    pub async fn detach<H: Holder>(&self, name: &Name, policy_arn: &str) -> Result<(), DirectoryError> {
        check_policy_arn(policy_arn)?;
        for _ in 0..ATTEMPTS {
            let mut holder = self.loaded::<H>(name).await?;
            if !holder.record.grants_mut().attached.remove(policy_arn) {
                return Err(DirectoryError::no_policy(policy_arn));
            }
            let txn = self
                .counted(holder.replace(Txn::new())?, policy_arn, |usage| {
                    usage.attached = usage.attached.saturating_sub(1);
                })
                .await?;
            if commit(self.store(), txn).await? {
                return Ok(());
            }
        }
        Err(DirectoryError::Contention)
    }

    /// Sets or removes the permissions boundary. Removing one that is not there is an error, as in IAM.
    pub async fn set_boundary<H: Holder>(&self, name: &Name, policy_arn: Option<&str>) -> Result<(), DirectoryError> {
        if let Some(arn) = policy_arn {
            check_policy_arn(arn)?;
        }
        for _ in 0..ATTEMPTS {
            let mut holder = self.loaded::<H>(name).await?;
            let old = std::mem::replace(&mut holder.record.grants_mut().boundary, policy_arn.map(str::to_owned));
            if old.is_none() && policy_arn.is_none() {
                return Err(DirectoryError::NoSuchEntity(format!(
                    "The {} with name {} has no permissions boundary.",
                    H::KIND,
                    holder.record.name()
                )));
            }
            let mut txn = holder.replace(Txn::new())?;
            if old.as_deref() != policy_arn {
                if let Some(arn) = policy_arn {
                    txn = self.as_boundary(txn, arn).await?;
                }
                if let Some(arn) = &old {
                    txn = self.counted(txn, arn, |usage| usage.boundary = usage.boundary.saturating_sub(1)).await?;
                }
            }
            if commit(self.store(), txn).await? {
                return Ok(());
            }
        }
        Err(DirectoryError::Contention)
    }

    /// Adds to a transaction that a policy becomes one more boundary.
    pub(crate) async fn as_boundary(&self, txn: Txn, policy_arn: &str) -> Result<Txn, DirectoryError> {
        check_policy_arn(policy_arn)?;
        let txn = self.needs_policy(txn, policy_arn).await?;
        self.counted(txn, policy_arn, |usage| usage.boundary = usage.boundary.saturating_add(1)).await
    }

    /// Adds to a transaction that a policy has to exist.
    async fn needs_policy(&self, txn: Txn, policy_arn: &str) -> Result<Txn, DirectoryError> {
        if let Some(own) = self.own_policy(policy_arn).await? {
            return Ok(txn.modified_at(own.key, own.revision));
        }
        match self.find_policy(policy_arn).await? {
            Some(_) => Ok(txn),
            None => Err(DirectoryError::not_attachable(policy_arn)),
        }
    }

    /// Adds a change of a policy's usage to a transaction.
    pub(crate) async fn counted(
        &self,
        txn: Txn,
        policy_arn: &str,
        change: impl FnOnce(&mut Usage),
    ) -> Result<Txn, DirectoryError> {
        let key = keys::usage(self.id(), policy_arn);
        let found: Option<Loaded<Usage>> = load(self.store(), &key).await?;
        match found {
            None => {
                let mut usage = Usage::default();
                change(&mut usage);
                create(txn, &key, &usage)
            }
            Some(mut loaded) => {
                change(&mut loaded.record);
                if loaded.record.is_used() { loaded.replace(txn) } else { Ok(loaded.remove(txn)) }
            }
        }
    }
}

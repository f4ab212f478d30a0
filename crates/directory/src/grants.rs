//! What is done with roles, users and groups alike: found, listed, given tags and inline policies, created, deleted.

use std::collections::{BTreeMap, BTreeSet};

use entryway_access::PrincipalArn;
use entryway_iam::policy::{PolicyDocument, counted_size};
use entryway_store::Txn;
use serde::{Deserialize, Serialize};

use crate::storage::{ATTEMPTS, Loaded, commit, load, load_all};
use crate::{Account, DirectoryError, EntityPath, Holder, Name, Page, PageRequest, Tagged, Tags, arns, check_document};

/// Policies of a role, user or group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grants {
    /// Inline policies by name: their JSON as it was given.
    pub inline: BTreeMap<String, String>,
    /// The ARNs of attached managed policies.
    pub attached: BTreeSet<String>,
    /// The ARN of the permissions boundary. A group has none.
    pub boundary: Option<String>,
}

impl Account {
    /// The ARN of a role, user or group of this account.
    pub fn arn<H: Holder>(&self, holder: &H) -> String {
        self.arn_of::<H>(holder.path(), holder.name())
    }

    /// The ARN that a role, user or group of this path and name has.
    pub fn arn_of<H: Holder>(&self, path: &EntityPath, name: &Name) -> String {
        arns::entity(self.partition(), self.id(), H::KIND, path, name)
    }

    /// A role, user or group, if it exists.
    pub async fn find<H: Holder>(&self, name: &Name) -> Result<Option<H>, DirectoryError> {
        Ok(load(self.store(), &H::key(self.id(), name)).await?.map(|found| found.record))
    }

    /// A role, user or group, or IAM's error.
    pub async fn get<H: Holder>(&self, name: &Name) -> Result<H, DirectoryError> {
        Ok(self.loaded(name).await?.record)
    }

    /// Roles, users or groups under a path prefix, in the order of their names.
    pub async fn list<H: Holder>(&self, path_prefix: &str, page: &PageRequest) -> Result<Page<H>, DirectoryError> {
        let all = load_all::<H>(self.store(), &H::prefix(self.id())).await?;
        let holders = all
            .into_iter()
            .map(|loaded| loaded.record)
            .filter(|holder| holder.path().as_str().starts_with(path_prefix));
        Ok(Page::of(holders, |holder| holder.name().folded(), page))
    }

    pub(crate) async fn loaded<H: Holder>(&self, name: &Name) -> Result<Loaded<H>, DirectoryError> {
        load(self.store(), &H::key(self.id(), name))
            .await?
            .ok_or_else(|| DirectoryError::not_found(H::KIND, name.as_str()))
    }

    /// Changes one role, user or group. The closure may run several times, each time on what is newest.
    pub(crate) async fn edit<H: Holder, T>(
        &self,
        name: &Name,
        mut change: impl FnMut(&mut H) -> Result<T, DirectoryError> + Send,
    ) -> Result<T, DirectoryError> {
        for _ in 0..ATTEMPTS {
            let mut loaded = self.loaded::<H>(name).await?;
            let value = change(&mut loaded.record)?;
            if commit(self.store(), loaded.replace(Txn::new())?).await? {
                return Ok(value);
            }
        }
        Err(DirectoryError::Contention)
    }

    /// Adds tags, or replaces those whose keys are there.
    pub async fn tag<H: Tagged>(&self, name: &Name, tags: &Tags) -> Result<(), DirectoryError> {
        self.edit(name, |holder: &mut H| holder.tags_mut().merge(tags)).await
    }

    /// Removes tags by their keys.
    pub async fn untag<H: Tagged>(&self, name: &Name, keys: &[String]) -> Result<(), DirectoryError> {
        self.edit(name, |holder: &mut H| {
            holder.tags_mut().remove(keys);
            Ok(())
        })
        .await
    }

    /// Sets an inline policy.
    pub async fn put_inline<H: Holder>(
        &self,
        name: &Name,
        policy: &Name,
        document: &str,
    ) -> Result<(), DirectoryError> {
        check_document("policyDocument", document)?;
        PolicyDocument::parse(document)?;
        self.edit(name, |holder: &mut H| {
            let inline = &mut holder.grants_mut().inline;
            inline.insert(policy.as_str().to_owned(), document.to_owned());
            let size: usize = inline.values().map(|text| counted_size(text)).sum();
            if size > H::INLINE_SIZE {
                return Err(DirectoryError::LimitExceeded(format!(
                    "Maximum policy size of {} bytes exceeded for {} {}",
                    H::INLINE_SIZE,
                    H::KIND,
                    holder.name()
                )));
            }
            Ok(())
        })
        .await
    }

    /// An inline policy of a role, user or group that was read.
    pub fn inline<'a, H: Holder>(&self, holder: &'a H, policy: &Name) -> Result<&'a str, DirectoryError> {
        holder.grants().inline.get(policy.as_str()).map(String::as_str).ok_or_else(|| no_inline::<H>(policy))
    }

    /// Removes an inline policy.
    pub async fn delete_inline<H: Holder>(&self, name: &Name, policy: &Name) -> Result<(), DirectoryError> {
        self.edit(name, |holder: &mut H| {
            holder.grants_mut().inline.remove(policy.as_str()).map(drop).ok_or_else(|| no_inline::<H>(policy))
        })
        .await
    }

    /// Creates a role, user or group that must not exist yet.
    pub(crate) async fn create_holder<H: Holder>(&self, holder: H) -> Result<H, DirectoryError> {
        // What can sign has to be a principal that entries can name; a group is none.
        if holder.tags().is_some()
            && let Err(error) = self.arn(&holder).parse::<PrincipalArn>()
        {
            return Err(DirectoryError::InvalidInput(error.to_string()));
        }
        let key = H::key(self.id(), holder.name());
        for _ in 0..ATTEMPTS {
            if let Some(found) = load::<H>(self.store(), &key).await? {
                return Err(DirectoryError::exists(H::TITLE, found.record.name().as_str()));
            }
            let mut txn = crate::storage::create(Txn::new(), &key, &holder)?;
            if let Some(boundary) = &holder.grants().boundary {
                txn = self.as_boundary(txn, boundary).await?;
            }
            if commit(self.store(), txn).await? {
                return Ok(holder);
            }
        }
        Err(DirectoryError::Contention)
    }

    /// Deletes a role, user or group that nothing hangs on any more.
    pub(crate) async fn delete_holder<H: Holder>(
        &self,
        name: &Name,
        check: impl Fn(&H) -> Result<(), DirectoryError> + Send,
    ) -> Result<(), DirectoryError> {
        for _ in 0..ATTEMPTS {
            let loaded = self.loaded::<H>(name).await?;
            let grants = loaded.record.grants();
            check(&loaded.record)?;
            if !grants.attached.is_empty() {
                return Err(conflict("Cannot delete entity, must detach all policies first."));
            }
            if !grants.inline.is_empty() {
                return Err(conflict("Cannot delete entity, must delete policies first."));
            }
            let mut txn = loaded.remove(Txn::new());
            if let Some(boundary) = &grants.boundary {
                txn = self.counted(txn, boundary, |usage| usage.boundary = usage.boundary.saturating_sub(1)).await?;
            }
            if commit(self.store(), txn).await? {
                return Ok(());
            }
        }
        Err(DirectoryError::Contention)
    }
}

pub(crate) fn conflict(message: &str) -> DirectoryError {
    DirectoryError::DeleteConflict(message.to_owned())
}

fn no_inline<H: Holder>(policy: &Name) -> DirectoryError {
    DirectoryError::not_found(&format!("{} policy", H::KIND), policy.as_str())
}

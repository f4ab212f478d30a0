//! Groups of users. A user has its groups' policies beside its own; nothing can be a group, or name one as a principal.
//!
//! INVARIANT (membership): a group holds a user as its member if and only if the user holds the group; both records are
//! written in one transaction.

use std::collections::BTreeSet;

use entryway_store::Txn;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::grants::conflict;
use crate::holder::Holder;
use crate::ids::{IdKind, unique_id};
use crate::storage::{ATTEMPTS, commit, load_all};
use crate::{Account, DirectoryError, EntityPath, Grants, Name, User, keys};

/// The most groups that one user is in.
const GROUPS: usize = 10;

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Unique in the account.
    pub name: Name,
    /// The path.
    pub path: EntityPath,
    /// `AGPA…`: another one when the group is deleted and made again.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its members, as they stand in the store.
    pub(crate) members: BTreeSet<String>,
    /// What its members may do.
    pub grants: Grants,
}

/// What a new group is made of.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// The name.
    pub name: Name,
    /// The path.
    pub path: EntityPath,
}

impl Account {
    /// Makes a group, without members.
    pub async fn create_group(&self, new: NewGroup, now: Timestamp) -> Result<Group, DirectoryError> {
        self.create_holder(Group {
            id: unique_id(IdKind::Group, self.entropy()),
            name: new.name,
            path: new.path,
            created: now,
            members: BTreeSet::new(),
            grants: Grants::default(),
        })
        .await
    }

    /// Deletes a group that has no members and no policies any more.
    pub async fn delete_group(&self, name: &Name) -> Result<(), DirectoryError> {
        self.delete_holder(name, |group: &Group| {
            if group.members.is_empty() {
                return Ok(());
            }
            Err(conflict("Cannot delete entity, must remove users from group first."))
        })
        .await
    }

    /// Puts a user into a group. Again is fine.
    pub async fn add_to_group(&self, group: &Name, user: &Name) -> Result<(), DirectoryError> {
        self.change_membership(group, user, |groups, members, group, user| {
            groups.insert(group);
            members.insert(user);
            if groups.len() > GROUPS {
                return Err(DirectoryError::quota("GroupsPerUser", GROUPS));
            }
            Ok(())
        })
        .await
    }

    /// Takes a user out of a group. One that is not in it is fine.
    pub async fn remove_from_group(&self, group: &Name, user: &Name) -> Result<(), DirectoryError> {
        self.change_membership(group, user, |groups, members, group, user| {
            groups.remove(&group);
            members.remove(&user);
            Ok(())
        })
        .await
    }

    async fn change_membership(
        &self,
        group: &Name,
        user: &Name,
        change: impl Fn(&mut BTreeSet<String>, &mut BTreeSet<String>, String, String) -> Result<(), DirectoryError> + Send,
    ) -> Result<(), DirectoryError> {
        for _ in 0..ATTEMPTS {
            let mut found = self.loaded::<Group>(group).await?;
            let mut member = self.loaded::<User>(user).await?;
            let before = (found.record.members.clone(), member.record.groups.clone());
            change(&mut member.record.groups, &mut found.record.members, group.folded(), user.folded())?;
            if before == (found.record.members.clone(), member.record.groups.clone()) {
                return Ok(());
            }
            if commit(self.store(), member.replace(found.replace(Txn::new())?)?).await? {
                return Ok(());
            }
        }
        Err(DirectoryError::Contention)
    }

    /// The members of a group, in the order of their names.
    pub async fn members(&self, group: &Group) -> Result<Vec<User>, DirectoryError> {
        let all = load_all::<User>(self.store(), &keys::users(self.id())).await?;
        Ok(all
            .into_iter()
            .map(|loaded| loaded.record)
            .filter(|user| group.members.contains(&user.name.folded()))
            .collect())
    }

    /// The groups of a user, in the order of their names.
    pub async fn groups_of(&self, user: &User) -> Result<Vec<Group>, DirectoryError> {
        if user.groups.is_empty() {
            return Ok(Vec::new());
        }
        let all = load_all::<Group>(self.store(), &keys::groups(self.id())).await?;
        Ok(all
            .into_iter()
            .map(|loaded| loaded.record)
            .filter(|group| user.groups.contains(&group.name().folded()))
            .collect())
    }
}

//! Users.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::grants::conflict;
use crate::ids::{IdKind, unique_id};
use crate::{Account, DirectoryError, EntityPath, Grants, Name, Tags};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Unique in the account.
    pub name: Name,
    /// The path.
    pub path: EntityPath,
    /// `AIDA…`: another one when the user is deleted and made again.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// The ids of its access keys.
    pub keys: BTreeSet<String>,
    /// The groups that it is in, as they stand in the store: each of these holds the user as a member, too.
    #[serde(default)]
    pub(crate) groups: BTreeSet<String>,
    /// Its permissions, those of its groups apart.
    pub grants: Grants,
    /// The tags.
    pub tags: Tags,
}

/// What a new user is made of.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The name.
    pub name: Name,
    /// The path.
    pub path: EntityPath,
    /// The ARN of the permissions boundary.
    pub boundary: Option<String>,
    /// The tags.
    pub tags: Tags,
}

impl Account {
    /// Makes a user, without access keys.
    pub async fn create_user(&self, new: NewUser, now: Timestamp) -> Result<User, DirectoryError> {
        self.create_holder(self.fresh_user(new, now)).await
    }

    /// Deletes a user. Its sessions end with it.
    pub async fn delete_user(&self, name: &Name) -> Result<(), DirectoryError> {
        self.delete_holder(name, |user: &User| {
            if !user.keys.is_empty() {
                return Err(conflict("Cannot delete entity, must delete access keys first."));
            }
            if !user.groups.is_empty() {
                return Err(conflict("Cannot delete entity, must remove users from group first."));
            }
            Ok(())
        })
        .await
    }

    pub(crate) fn fresh_user(&self, new: NewUser, now: Timestamp) -> User {
        User {
            id: unique_id(IdKind::User, self.entropy()),
            name: new.name,
            path: new.path,
            created: now,
            keys: BTreeSet::new(),
            groups: BTreeSet::new(),
            grants: Grants { boundary: new.boundary, ..Grants::default() },
            tags: new.tags,
        }
    }
}

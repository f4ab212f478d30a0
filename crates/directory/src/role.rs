//! Roles.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{IdKind, unique_id};
use crate::{Account, DirectoryError, EntityPath, Grants, Name, Tags, check_description};

/// How long a role's sessions may last at most when nothing else is said, in seconds.
pub const DEFAULT_SESSION_SECONDS: u32 = 3600;
/// What a role's longest session may be set to, in seconds.
pub const SESSION_SECONDS: RangeInclusive<u32> = 3600..=43_200;

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Unique in the account.
    pub name: Name,
    /// The path.
    pub path: EntityPath,
    /// `AROA…`: another one when the role is deleted and made again.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Free text, where one was given.
    pub description: Option<String>,
    /// The longest session, in seconds.
    pub max_session_seconds: u32,
    /// The trust policy: its JSON as it was given.
    pub trust: String,
    /// The local principals that the trust policy names, with the unique ids they had when it was set: one that is
    /// deleted and made again is not trusted any more.
    pub trusted: BTreeMap<String, String>,
    /// Its permissions.
    pub grants: Grants,
    /// The tags.
    pub tags: Tags,
}

/// What a new role is made of.
#[derive(Debug, Clone)]
pub struct NewRole {
    /// The name.
    pub name: Name,
    /// The path.
    pub path: EntityPath,
    /// The trust policy's JSON.
    pub trust: String,
    /// Free text.
    pub description: Option<String>,
    /// The longest session in seconds; [`DEFAULT_SESSION_SECONDS`] where none is given.
    pub max_session_seconds: Option<u32>,
    /// The ARN of the permissions boundary.
    pub boundary: Option<String>,
    /// The tags.
    pub tags: Tags,
}

/// What of a role is to change; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct RoleUpdate {
    /// Free text.
    pub description: Option<String>,
    /// The longest session, in seconds.
    pub max_session_seconds: Option<u32>,
}

impl Account {
    /// Makes a role.
    pub async fn create_role(&self, new: NewRole, now: Timestamp) -> Result<Role, DirectoryError> {
        if let Some(text) = &new.description {
            check_description(text)?;
        }
        let max_session_seconds = new.max_session_seconds.unwrap_or(DEFAULT_SESSION_SECONDS);
        check_session_seconds(max_session_seconds)?;
        let trusted = self.check_trust("assumeRolePolicyDocument", &new.trust).await?;
        let role = Role {
            id: unique_id(IdKind::Role, self.entropy()),
            name: new.name,
            path: new.path,
            created: now,
            description: new.description,
            max_session_seconds,
            trust: new.trust,
            trusted,
            grants: Grants { boundary: new.boundary, ..Grants::default() },
            tags: new.tags,
        };
        self.create_holder(role).await
    }

    /// Deletes a role. Its sessions end with it.
    pub async fn delete_role(&self, name: &Name) -> Result<(), DirectoryError> {
        self.delete_holder(name, |_: &Role| Ok(())).await
    }

    /// Changes a role's description and longest session; gives the role as it then is.
    pub async fn update_role(&self, name: &Name, update: &RoleUpdate) -> Result<Role, DirectoryError> {
        if let Some(text) = &update.description {
            check_description(text)?;
        }
        if let Some(seconds) = update.max_session_seconds {
            check_session_seconds(seconds)?;
        }
        self.edit(name, |role: &mut Role| {
            if let Some(text) = &update.description {
                role.description = Some(text.clone());
            }
            if let Some(seconds) = update.max_session_seconds {
                role.max_session_seconds = seconds;
            }
            Ok(role.clone())
        })
        .await
    }

    /// Replaces a role's trust policy.
    pub async fn update_trust(&self, name: &Name, document: &str) -> Result<(), DirectoryError> {
        self.get::<Role>(name).await?;
        let trusted = self.check_trust("policyDocument", document).await?;
        self.edit(name, |role: &mut Role| {
            document.clone_into(&mut role.trust);
            role.trusted.clone_from(&trusted);
            Ok(())
        })
        .await
    }
}

fn check_session_seconds(seconds: u32) -> Result<(), DirectoryError> {
    if seconds < *SESSION_SECONDS.start() {
        return Err(DirectoryError::constraint(
            "maxSessionDuration",
            format_args!("Member must have value greater than or equal to {}", SESSION_SECONDS.start()),
        ));
    }
    if seconds > *SESSION_SECONDS.end() {
        return Err(DirectoryError::constraint(
            "maxSessionDuration",
            format_args!("Member must have value less than or equal to {}", SESSION_SECONDS.end()),
        ));
    }
    Ok(())
}

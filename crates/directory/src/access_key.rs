//! Users' long-term access keys.

use std::fmt;
use std::str::FromStr;

use entryway_iam::{Credentials, SecretKey};
use entryway_store::Txn;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::storage::{ATTEMPTS, commit, create, load};
use crate::{Account, DirectoryError, Name, User, ids, keys, secret_text};

/// The most access keys that a user has.
const KEYS_PER_USER: usize = 2;

/// Whether a key is good for anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyStatus {
    /// It is.
    Active,
    /// It is not, until it is made active again.
    Inactive,
}

impl KeyStatus {
    /// As IAM writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Inactive => "Inactive",
        }
    }
}

impl fmt::Display for KeyStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyStatus {
    type Err = DirectoryError;
    fn from_str(text: &str) -> Result<Self, DirectoryError> {
        match text {
            "Active" => Ok(Self::Active),
            "Inactive" => Ok(Self::Inactive),
            _ => Err(DirectoryError::constraint("status", "Member must satisfy enum value set: [Active, Inactive]")),
        }
    }
}

/// What may be told of an access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// `AKIA…`.
    pub id: String,
    /// Whose it is.
    pub user: Name,
    /// Whether it is good for anything.
    pub status: KeyStatus,
    /// When it was made.
    pub created: Timestamp,
}

/// A key that was just made: the only time that its secret is told.
#[derive(Debug, Clone)]
pub struct NewAccessKey {
    /// What may be told of it.
    pub key: AccessKey,
    /// Its secret.
    pub secret: SecretKey,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRecord {
    pub(crate) id: String,
    pub(crate) user: Name,
    pub(crate) user_id: String,
    #[serde(with = "secret_text")]
    pub(crate) secret: SecretKey,
    pub(crate) status: KeyStatus,
    pub(crate) created: Timestamp,
}

impl KeyRecord {
    pub(crate) fn fresh(account: &Account, user: &User, now: Timestamp) -> Self {
        Self {
            id: ids::access_key_id(false, account.id(), account.entropy()),
            user: user.name.clone(),
            user_id: user.id.clone(),
            secret: ids::secret(account.entropy()),
            status: KeyStatus::Active,
            created: now,
        }
    }

    pub(crate) fn credentials(&self) -> Credentials {
        Credentials { access_key_id: self.id.clone(), secret: self.secret.clone(), session_token: None }
    }

    fn public(self) -> AccessKey {
        AccessKey { id: self.id, user: self.user, status: self.status, created: self.created }
    }
}

impl Account {
    /// Makes an access key of a user.
    pub async fn create_access_key(&self, name: &Name, now: Timestamp) -> Result<NewAccessKey, DirectoryError> {
        for _ in 0..ATTEMPTS {
            let mut user = self.loaded::<User>(name).await?;
            if user.record.keys.len() >= KEYS_PER_USER {
                return Err(DirectoryError::quota("AccessKeysPerUser", KEYS_PER_USER));
            }
            let key = KeyRecord::fresh(self, &user.record, now);
            user.record.keys.insert(key.id.clone());
            let txn = create(user.replace(Txn::new())?, &keys::access_key(self.id(), &key.id), &key)?;
            if commit(self.store(), txn).await? {
                let secret = key.secret.clone();
                return Ok(NewAccessKey { key: key.public(), secret });
            }
        }
        Err(DirectoryError::Contention)
    }

    /// A user's access keys.
    pub async fn access_keys(&self, name: &Name) -> Result<Vec<AccessKey>, DirectoryError> {
        let user = self.get::<User>(name).await?;
        let mut found = Vec::with_capacity(user.keys.len());
        for id in &user.keys {
            // One that was deleted since the user was read is passed over.
            if let Some(key) = load::<KeyRecord>(self.store(), &keys::access_key(self.id(), id)).await? {
                found.push(key.record.public());
            }
        }
        Ok(found)
    }

    /// The user that a key belongs to, if the key exists.
    pub async fn access_key(&self, id: &str) -> Result<Option<AccessKey>, DirectoryError> {
        let key = load::<KeyRecord>(self.store(), &keys::access_key(self.id(), id)).await?;
        Ok(key.map(|key| key.record.public()))
    }

    /// Makes a key active or inactive.
    pub async fn set_access_key_status(&self, name: &Name, id: &str, status: KeyStatus) -> Result<(), DirectoryError> {
        for _ in 0..ATTEMPTS {
            let user = self.loaded::<User>(name).await?;
            let mut key = self.key_of(&user.record, id).await?;
            key.record.status = status;
            if commit(self.store(), key.replace(Txn::new())?).await? {
                return Ok(());
            }
        }
        Err(DirectoryError::Contention)
    }

    /// Deletes a key.
    pub async fn delete_access_key(&self, name: &Name, id: &str) -> Result<(), DirectoryError> {
        for _ in 0..ATTEMPTS {
            let mut user = self.loaded::<User>(name).await?;
            let key = self.key_of(&user.record, id).await?;
            user.record.keys.remove(id);
            if commit(self.store(), user.replace(key.remove(Txn::new()))?).await? {
                return Ok(());
            }
        }
        Err(DirectoryError::Contention)
    }

    async fn key_of(&self, user: &User, id: &str) -> Result<crate::storage::Loaded<KeyRecord>, DirectoryError> {
        let missing = || DirectoryError::NoSuchEntity(format!("The Access Key with id {id} cannot be found."));
        if !user.keys.contains(id) {
            return Err(missing());
        }
        load::<KeyRecord>(self.store(), &keys::access_key(self.id(), id)).await?.ok_or_else(missing)
    }
}

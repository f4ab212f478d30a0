//! Sessions: temporary credentials of a role or a user.
//!
//! Each is a record, since SigV4 needs its secret and token; one that is over is swept away when others are made. A
//! session is good as long as the very role or user that it was made for exists: the same name with another unique
//! id is another principal.

use std::sync::PoisonError;

use entryway_iam::{Credentials, SecretKey};
use entryway_store::Txn;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::storage::{commit, create, load_all};
use crate::{Account, DirectoryError, Name, Role, Tags, User, ids, keys, secret_text};

/// How often sessions that are over are looked for.
const SWEEP_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// How many are deleted in one transaction.
const SWEEP_BATCH: usize = 500;

/// Whose session it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum SessionOwner {
    Role { name: Name, id: String, session_name: String },
    User { name: Name, id: String },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionRecord {
    pub(crate) id: String,
    #[serde(with = "secret_text")]
    pub(crate) secret: SecretKey,
    #[serde(with = "secret_text")]
    pub(crate) token: SecretKey,
    pub(crate) owner: SessionOwner,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
    /// Session policies: their JSON.
    pub(crate) policies: Vec<String>,
    pub(crate) tags: Tags,
    /// The keys of the tags that go on to the next session of a chain.
    pub(crate) transitive: Vec<String>,
    pub(crate) source_identity: Option<String>,
}

/// What a role's session is made of, once it is known that the caller may have it.
#[derive(Debug, Clone)]
pub struct NewRoleSession {
    /// The session's name.
    pub session_name: String,
    /// How long it lasts.
    pub duration: SignedDuration,
    /// Session policies: their JSON, parsed before.
    pub policies: Vec<String>,
    /// Session tags, those of the chain among them.
    pub tags: Tags,
    /// The keys of the tags that go on to the next session of a chain.
    pub transitive: Vec<String>,
    /// The source identity, which goes on along a chain.
    pub source_identity: Option<String>,
}

/// A session that was just made.
#[derive(Debug, Clone)]
pub struct IssuedSession {
    /// Key id, secret and session token.
    pub credentials: Credentials,
    /// When it ends.
    pub expires: Timestamp,
}

impl Account {
    /// Makes a session of a role.
    pub async fn create_role_session(
        &self,
        role: &Role,
        new: NewRoleSession,
        now: Timestamp,
    ) -> Result<IssuedSession, DirectoryError> {
        let owner = SessionOwner::Role { name: role.name.clone(), id: role.id.clone(), session_name: new.session_name };
        let record = SessionRecord {
            policies: new.policies,
            tags: new.tags,
            transitive: new.transitive,
            source_identity: new.source_identity,
            ..self.fresh_session(owner, new.duration, now)?
        };
        self.store_session(record).await
    }

    /// Makes a session of a user, with the user's own permissions.
    pub async fn create_user_session(
        &self,
        user: &User,
        duration: SignedDuration,
        now: Timestamp,
    ) -> Result<IssuedSession, DirectoryError> {
        let owner = SessionOwner::User { name: user.name.clone(), id: user.id.clone() };
        self.store_session(self.fresh_session(owner, duration, now)?).await
    }

    fn fresh_session(
        &self,
        owner: SessionOwner,
        duration: SignedDuration,
        now: Timestamp,
    ) -> Result<SessionRecord, DirectoryError> {
        // AWS tells and keeps whole seconds.
        let issued = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let expires = issued
            .checked_add(duration)
            .map_err(|_| DirectoryError::constraint("durationSeconds", "Member must end before the year 10000"))?;
        Ok(SessionRecord {
            id: ids::access_key_id(true, self.id(), self.entropy()),
            secret: ids::secret(self.entropy()),
            token: ids::session_token(self.entropy()),
            owner,
            issued,
            expires,
            policies: Vec::new(),
            tags: Tags::default(),
            transitive: Vec::new(),
            source_identity: None,
        })
    }

    async fn store_session(&self, record: SessionRecord) -> Result<IssuedSession, DirectoryError> {
        if self.sweep_is_due(record.issued) {
            self.sweep(record.issued).await?;
        }
        if !commit(self.store(), create(Txn::new(), &keys::session(self.id(), &record.id), &record)?).await? {
            // Two equal ids of 39 random bits: the caller may simply ask again.
            return Err(DirectoryError::Contention);
        }
        let credentials =
            Credentials { access_key_id: record.id, secret: record.secret, session_token: Some(record.token) };
        Ok(IssuedSession { credentials, expires: record.expires })
    }

    /// Deletes the sessions of this account that were over by `now`; gives their number. A session that is over is
    /// good for nothing whether or not it has been swept.
    pub async fn sweep(&self, now: Timestamp) -> Result<usize, DirectoryError> {
        let over: Vec<String> = load_all::<SessionRecord>(self.store(), &keys::sessions(self.id()))
            .await?
            .into_iter()
            .filter(|session| session.record.expires <= now)
            .map(|session| session.key)
            .collect();
        for batch in over.chunks(SWEEP_BATCH) {
            let txn = batch.iter().fold(Txn::new(), |txn, key| txn.delete(key));
            commit(self.store(), txn).await?;
        }
        Ok(over.len())
    }

    fn sweep_is_due(&self, now: Timestamp) -> bool {
        let mut swept = self.directory.inner.swept.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not stop the sweeping for as long.
        let due = swept.get(self.id()).is_none_or(|last| now.duration_since(*last).abs() >= SWEEP_EVERY);
        if due {
            swept.insert(self.id().clone(), now);
        }
        due
    }
}

//! From an access key to who it is and what it may do.

use std::sync::Arc;

use entryway_access::{Caller, PrincipalArn};
use entryway_iam::Credentials;
use entryway_iam::policy::{Context, PolicyDocument, PolicySet};
use jiff::Timestamp;

use crate::access_key::KeyRecord;
use crate::holder::Holder;
use crate::session::{SessionOwner, SessionRecord};
use crate::storage::load;
use crate::{Account, Directory, DirectoryError, KeyStatus, Role, Tags, User, account_of_key, keys};

/// A key that exists and is active: what its signatures are checked with. Expiry is still to be asked.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Id, secret and session token.
    pub credentials: Credentials,
    /// When a session ends; none for a long-term key.
    pub expires: Option<Timestamp>,
    account: Account,
    owner: Owner,
}

/// What the key's record says of whom it is for; whether that one still exists is looked up later.
#[derive(Debug, Clone)]
enum Owner {
    Key(KeyRecord),
    Session(Box<SessionRecord>),
}

impl Credential {
    /// Whether it is a session that is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// How a caller signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionKind {
    /// With a user's access key.
    LongTerm,
    /// With a user's session (GetSessionToken), made at this time.
    User {
        /// When the session was made.
        issued: Timestamp,
    },
    /// With a role's session (AssumeRole).
    Role {
        /// When the session was made.
        issued: Timestamp,
        /// The source identity that the chain of sessions began with.
        source_identity: Option<String>,
        /// The session's tags that go on to the next session of a chain.
        transitive_tags: Tags,
    },
}

/// The policies in force for a caller.
#[derive(Debug, Clone, Default)]
pub struct EffectivePolicies {
    identity: Vec<Arc<PolicyDocument>>,
    boundary: Option<Arc<PolicyDocument>>,
    session: Vec<Arc<PolicyDocument>>,
}

impl EffectivePolicies {
    /// More that allows and denies.
    pub(crate) fn add(&mut self, documents: Vec<Arc<PolicyDocument>>) {
        self.identity.extend(documents);
    }

    /// For [`entryway_iam::policy::evaluate`].
    pub fn as_set(&self) -> PolicySet<'_> {
        PolicySet {
            identity: self.identity.iter().map(Arc::as_ref).collect(),
            boundary: self.boundary.as_deref(),
            session: self.session.iter().map(Arc::as_ref).collect(),
        }
    }
}

/// A local caller: who it is, and all that decides what it may do.
#[derive(Debug, Clone)]
pub struct LocalCaller {
    /// As STS tells it. The principal is without its path, if it is a role.
    pub caller: Caller,
    /// The role or user itself, path and all.
    pub principal: PrincipalArn,
    /// Its account.
    pub account: Account,
    /// How it signed.
    pub session: SessionKind,
    /// Its policies.
    pub policies: EffectivePolicies,
    /// The condition keys that are the caller's: `aws:PrincipalArn`, `aws:userid`, `aws:PrincipalTag/…` and so on.
    /// Those of the request (`aws:SourceIp`, `aws:CurrentTime`, …) are to be added.
    pub context: Context,
}

impl Directory {
    /// What to check a signature with: one read of the store, none for an id that can't be local. `None` for a key
    /// that does not exist or is inactive.
    pub async fn credentials(&self, access_key_id: &str) -> Result<Option<Credential>, DirectoryError> {
        let Some(account) = account_of_key(access_key_id).and_then(|id| self.account(&id)) else { return Ok(None) };
        if access_key_id.starts_with("ASIA") {
            let found = load::<SessionRecord>(self.store(), &keys::session(account.id(), access_key_id)).await?;
            return Ok(found.map(|found| {
                let record = found.record;
                Credential {
                    credentials: Credentials {
                        access_key_id: record.id.clone(),
                        secret: record.secret.clone(),
                        session_token: Some(record.token.clone()),
                    },
                    expires: Some(record.expires),
                    account,
                    owner: Owner::Session(Box::new(record)),
                }
            }));
        }
        let found = load::<KeyRecord>(self.store(), &keys::access_key(account.id(), access_key_id)).await?;
        Ok(found.filter(|found| found.record.status == KeyStatus::Active).map(|found| Credential {
            credentials: found.record.credentials(),
            expires: None,
            account,
            owner: Owner::Key(found.record),
        }))
    }

    /// Who a key is, for a token: `None` when its role or user is gone, or was made again.
    pub async fn identity(&self, credential: &Credential) -> Result<Option<Caller>, DirectoryError> {
        Ok(match self.holder_of(credential).await? {
            Some(holder) => Some(holder.caller(credential)?),
            None => None,
        })
    }

    /// Who a key is and what it may do, for a call whose signature has been checked: `None` when its role or user is
    /// gone, or was made again.
    pub async fn caller(&self, credential: &Credential) -> Result<Option<LocalCaller>, DirectoryError> {
        let Some(holder) = self.holder_of(credential).await? else { return Ok(None) };
        let account = &credential.account;
        let caller = holder.caller(credential)?;
        let (arn, mut policies, mut context) = match &holder {
            Found::Role(role) => role_facts(account, role).await?,
            Found::User(user) => user_facts(account, user).await?,
        };
        context.set("aws:userid", user_id(&caller));
        let session = match (&credential.owner, &holder) {
            (Owner::Key(_), _) => SessionKind::LongTerm,
            (Owner::Session(session), Found::User(_)) => SessionKind::User { issued: session.issued },
            (Owner::Session(session), Found::Role(_)) => {
                for (index, text) in session.policies.iter().enumerate() {
                    let place = format!("{} session policy {index}", session.id);
                    policies.session.push(self.inner.documents.parsed(&place, text)?);
                }
                for tag in session.tags.iter() {
                    context.set(&format!("aws:PrincipalTag/{}", tag.key), tag.value.as_str());
                }
                if let Some(identity) = &session.source_identity {
                    context.set("aws:SourceIdentity", identity.as_str());
                }
                SessionKind::Role {
                    issued: session.issued,
                    source_identity: session.source_identity.clone(),
                    transitive_tags: transitive(session)?,
                }
            }
        };
        if let Owner::Session(session) = &credential.owner {
            context.set("aws:TokenIssueTime", session.issued.to_string());
            context.set("aws:MultiFactorAuthPresent", "false");
        }
        let principal = arn.parse().map_err(|error: entryway_access::ArnError| DirectoryError::Corrupt {
            key: arn.clone(),
            problem: error.to_string(),
        })?;
        Ok(Some(LocalCaller { caller, principal, account: account.clone(), session, policies, context }))
    }

    /// The role or user that a key is for, if it is still the same one.
    async fn holder_of(&self, credential: &Credential) -> Result<Option<Found>, DirectoryError> {
        let account = &credential.account;
        let (role, name, id) = match &credential.owner {
            Owner::Key(key) => (false, &key.user, &key.user_id),
            Owner::Session(session) => match &session.owner {
                SessionOwner::Role { name, id, .. } => (true, name, id),
                SessionOwner::User { name, id } => (false, name, id),
            },
        };
        Ok(if role {
            account.find::<Role>(name).await?.filter(|role| role.id == *id).map(Found::Role)
        } else {
            account.find::<User>(name).await?.filter(|user| user.id == *id).map(Found::User)
        })
    }
}

/// `UserId` as GetCallerIdentity tells it: with the session's name for a role.
pub fn user_id(caller: &Caller) -> String {
    if caller.session_name.is_empty() {
        caller.unique_id.clone()
    } else {
        format!("{}:{}", caller.unique_id, caller.session_name)
    }
}

enum Found {
    Role(Role),
    User(User),
}

impl Found {
    /// What GetCallerIdentity answers, read as any such answer is.
    fn caller(&self, credential: &Credential) -> Result<Caller, DirectoryError> {
        let account = &credential.account;
        let (arn, user_id) = match (self, &credential.owner) {
            (Found::User(user), _) => (account.arn(user), user.id.clone()),
            (Found::Role(role), Owner::Session(session)) => {
                let SessionOwner::Role { session_name, .. } = &session.owner else {
                    return Err(mismatch(credential));
                };
                (
                    format!(
                        "arn:{}:sts::{}:assumed-role/{}/{session_name}",
                        account.partition(),
                        account.id(),
                        role.name
                    ),
                    format!("{}:{session_name}", role.id),
                )
            }
            (Found::Role(_), Owner::Key(_)) => return Err(mismatch(credential)),
        };
        let id = &credential.credentials.access_key_id;
        Caller::from_sts(account.id().as_str(), &arn, &user_id, id)
            .map_err(|error| DirectoryError::Corrupt { key: arn, problem: error.to_string() })
    }
}

fn mismatch(credential: &Credential) -> DirectoryError {
    DirectoryError::Corrupt {
        key: credential.credentials.access_key_id.clone(),
        problem: "a role's key without a session".to_owned(),
    }
}

/// What a role, user or group allows and denies by its own policies.
async fn permissions<H: Holder>(account: &Account, holder: &H) -> Result<Vec<Arc<PolicyDocument>>, DirectoryError> {
    let arn = account.arn(holder);
    let mut documents = Vec::new();
    for (name, text) in &holder.grants().inline {
        documents.push(account.directory.inner.documents.parsed(&format!("{arn} policy {name}"), text)?);
    }
    for policy in &holder.grants().attached {
        // One that is gone was detached and deleted since the holder was read.
        documents.extend(managed(account, policy).await?);
    }
    Ok(documents)
}

/// ARN, policies and condition keys: of a user, those of its groups too.
pub(crate) type Facts = (String, EffectivePolicies, Context);

pub(crate) async fn user_facts(account: &Account, user: &User) -> Result<Facts, DirectoryError> {
    let (arn, mut policies, mut context) = own_facts(account, user).await?;
    for group in account.groups_of(user).await? {
        policies.add(permissions(account, &group).await?);
    }
    context.set("aws:username", user.name.as_str()).set("aws:PrincipalType", "User");
    Ok((arn, policies, context))
}

pub(crate) async fn role_facts(account: &Account, role: &Role) -> Result<Facts, DirectoryError> {
    let (arn, policies, mut context) = own_facts(account, role).await?;
    context.set("aws:PrincipalType", "AssumedRole");
    Ok((arn, policies, context))
}

/// A role's or user's ARN, policies and condition keys. A boundary that can't be found is an error: without it, more
/// would be allowed.
async fn own_facts<H: Holder>(account: &Account, holder: &H) -> Result<Facts, DirectoryError> {
    let arn = account.arn(holder);
    let mut policies = EffectivePolicies { identity: permissions(account, holder).await?, ..Default::default() };
    if let Some(policy) = &holder.grants().boundary {
        let boundary = managed(account, policy).await?.ok_or_else(|| DirectoryError::Corrupt {
            key: arn.clone(),
            problem: format!("the permissions boundary {policy} does not exist"),
        })?;
        policies.boundary = Some(boundary);
    }
    let mut context = Context::new();
    context.set("aws:PrincipalArn", arn.as_str());
    context.set("aws:PrincipalAccount", account.id().as_str());
    context.set("aws:PrincipalIsAWSService", "false");
    for tag in holder.tags().into_iter().flat_map(Tags::iter) {
        context.set(&format!("aws:PrincipalTag/{}", tag.key), tag.value.as_str());
    }
    Ok((arn, policies, context))
}

async fn managed(account: &Account, arn: &str) -> Result<Option<Arc<PolicyDocument>>, DirectoryError> {
    let Some(policy) = account.find_policy(arn).await? else { return Ok(None) };
    account.directory.inner.documents.parsed(arn, policy.document()?).map(Some)
}

fn transitive(session: &SessionRecord) -> Result<Tags, DirectoryError> {
    let goes_on = |key: &str| session.transitive.iter().any(|other| other.eq_ignore_ascii_case(key));
    Tags::new(session.tags.iter().filter(|tag| goes_on(&tag.key)).cloned().collect())
}

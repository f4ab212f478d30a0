//! The accounts that this control plane keeps, and the way to what is in each.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use entryway_access::{AccountId, Partition, PrincipalArn, PrincipalKind};
use entryway_iam::Credentials;
use entryway_store::{Store, Txn};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::access_key::KeyRecord;
use crate::documents::Documents;
use crate::storage::{ATTEMPTS, commit, create, load};
use crate::{ADMIN_USER, DirectoryError, EntityPath, Entropy, KeyStatus, Name, NewUser, SystemEntropy, keys};

/// The local identities of all accounts. Clones share everything.
#[derive(Clone)]
pub struct Directory {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) entropy: Box<dyn Entropy>,
    pub(crate) documents: Documents,
    accounts: RwLock<BTreeMap<AccountId, Partition>>,
    /// When each account's sessions were last swept.
    pub(crate) swept: Mutex<BTreeMap<AccountId, Timestamp>>,
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("accounts", &self.accounts()).finish_non_exhaustive()
    }
}

/// One account of the directory.
#[derive(Debug, Clone)]
pub struct Account {
    pub(crate) directory: Directory,
    id: AccountId,
    partition: Partition,
}

/// Whether a principal exists, as far as this control plane can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalStatus {
    /// It does, with this unique id.
    Exists(String),
    /// Its account is kept here, and has no such principal.
    Absent,
    /// Its account is not kept here: nobody knows.
    Elsewhere,
}

/// How many identities an account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Users.
    pub users: usize,
    /// Roles.
    pub roles: usize,
    /// Groups.
    pub groups: usize,
    /// Managed policies of its own.
    pub policies: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountRecord {
    partition: String,
    created: Timestamp,
    /// The key that the first start gave the administrator.
    admin_key: String,
}

impl Directory {
    /// Opens the directory on a store, and reads which accounts there are.
    pub async fn open(store: Arc<dyn Store>) -> Result<Self, DirectoryError> {
        Self::with_entropy(store, SystemEntropy).await
    }

    /// [`Directory::open`] with another source of ids and secrets.
    pub async fn with_entropy(store: Arc<dyn Store>, entropy: impl Entropy) -> Result<Self, DirectoryError> {
        let mut accounts = BTreeMap::new();
        let mut after = None;
        // One account's keys may be many, so step from account to account.
        loop {
            let options = entryway_store::ListOptions { after, limit: 1, at: None };
            let Some(first) = store.list(keys::ROOT, options).await?.items.into_iter().next() else { break };
            let Some(digits) = first.key.strip_prefix(keys::ROOT).and_then(|rest| rest.split('/').next()) else {
                break;
            };
            if let Ok(id) = digits.parse::<AccountId>()
                && let Some(found) = load::<AccountRecord>(store.as_ref(), &keys::account(&id)).await?
            {
                let partition = found.record.partition.parse().map_err(|_| DirectoryError::Corrupt {
                    key: found.key,
                    problem: format!("`{}` is not a known partition", found.record.partition),
                })?;
                accounts.insert(id, partition);
            }
            after = Some(format!("{}{digits}/\u{10ffff}", keys::ROOT));
        }
        let inner = Inner {
            store,
            entropy: Box::new(entropy),
            documents: Documents::default(),
            accounts: RwLock::new(accounts),
            swept: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Makes the account if it is not there, with its administrator: the user `admin` with `AdministratorAccess`
    /// and one access key, all in one transaction. `true`: it was made now.
    ///
    /// An account keeps the partition that it was made with; another one is refused.
    pub async fn ensure_account(
        &self,
        partition: Partition,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<bool, DirectoryError> {
        for _ in 0..ATTEMPTS {
            if let Some(found) = load::<AccountRecord>(self.store(), &keys::account(account)).await? {
                if found.record.partition != partition.as_str() {
                    return Err(DirectoryError::InvalidInput(format!(
                        "account {account} is of partition {}, not {partition}: choose a region of that partition, \
                         another account, or another data folder",
                        found.record.partition
                    )));
                }
                self.know(account, partition);
                return Ok(false);
            }
            if commit(self.store(), self.first_records(partition, account, now).await?).await? {
                self.know(account, partition);
                return Ok(true);
            }
        }
        Err(DirectoryError::Contention)
    }

    async fn first_records(&self, partition: Partition, id: &AccountId, now: Timestamp) -> Result<Txn, DirectoryError> {
        let account = Account { directory: self.clone(), id: id.clone(), partition };
        let admin = NewUser {
            name: Name::user(ADMIN_USER)?,
            path: EntityPath::default(),
            tags: Default::default(),
            boundary: None,
        };
        let mut user = account.fresh_user(admin, now);
        let key = KeyRecord::fresh(&account, &user, now);
        user.keys.insert(key.id.clone());
        let administrator = format!("arn:{partition}:iam::aws:policy/AdministratorAccess");
        user.grants.attached.insert(administrator.clone());
        let record = AccountRecord { partition: partition.to_string(), created: now, admin_key: key.id.clone() };
        let mut txn = create(Txn::new(), &keys::account(id), &record)?;
        txn = create(txn, &keys::user(id, &user.name), &user)?;
        txn = create(txn, &keys::access_key(id, &key.id), &key)?;
        account.counted(txn, &administrator, |usage| usage.attached = usage.attached.saturating_add(1)).await
    }

    /// The access key that the first start gave the administrator: for the private file that `entryway env` reads,
    /// which can so be written again whenever it is missing. `None` once that key has been deleted or made inactive.
    pub async fn administrator(&self, account: &AccountId) -> Result<Option<Credentials>, DirectoryError> {
        let Some(record) = load::<AccountRecord>(self.store(), &keys::account(account)).await? else {
            return Ok(None);
        };
        let key = load::<KeyRecord>(self.store(), &keys::access_key(account, &record.record.admin_key)).await?;
        Ok(key.filter(|key| key.record.status == KeyStatus::Active).map(|key| key.record.credentials()))
    }

    /// The accounts that are kept here.
    pub fn accounts(&self) -> Vec<AccountId> {
        self.inner.accounts.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// An account, if it is kept here.
    pub fn account(&self, id: &AccountId) -> Option<Account> {
        let accounts = self.inner.accounts.read().unwrap_or_else(PoisonError::into_inner);
        let partition = *accounts.get(id)?;
        Some(Account { directory: self.clone(), id: id.clone(), partition })
    }

    /// Whether an access key id is of an account that is kept here. Costs no read: such a key may still not exist.
    pub fn is_local_key(&self, access_key_id: &str) -> bool {
        crate::account_of_key(access_key_id).is_some_and(|account| self.account(&account).is_some())
    }

    /// Whether a principal exists. A role or user does when its path is the one of the ARN, too.
    pub async fn principal_status(&self, principal: &PrincipalArn) -> Result<PrincipalStatus, DirectoryError> {
        let Some(account) = self.account(principal.account()) else { return Ok(PrincipalStatus::Elsewhere) };
        if account.partition != principal.partition() {
            return Ok(PrincipalStatus::Absent);
        }
        let found = match principal.kind() {
            PrincipalKind::Root => Some((principal.as_str().to_owned(), account.id.to_string())),
            PrincipalKind::Role { name, .. } => match Name::role(name) {
                Ok(name) => account.find::<crate::Role>(&name).await?.map(|role| (account.arn(&role), role.id)),
                Err(_) => None,
            },
            PrincipalKind::User { name, .. } => match Name::user(name) {
                Ok(name) => account.find::<crate::User>(&name).await?.map(|user| (account.arn(&user), user.id)),
                Err(_) => None,
            },
            PrincipalKind::FederatedUser { .. } => None,
        };
        Ok(match found {
            Some((arn, id)) if arn == principal.as_str() => PrincipalStatus::Exists(id),
            _ => PrincipalStatus::Absent,
        })
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.inner.store.as_ref()
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        self.inner.entropy.as_ref()
    }

    fn know(&self, account: &AccountId, partition: Partition) {
        self.inner.accounts.write().unwrap_or_else(PoisonError::into_inner).insert(account.clone(), partition);
    }
}

impl Account {
    /// The twelve digits.
    pub fn id(&self) -> &AccountId {
        &self.id
    }

    /// The partition of all its ARNs.
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// The directory that it is in.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.directory.store()
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        self.directory.entropy()
    }

    /// How many of each there are.
    pub async fn counts(&self) -> Result<Counts, DirectoryError> {
        Ok(Counts {
            users: self.count(&keys::users(&self.id)).await?,
            roles: self.count(&keys::roles(&self.id)).await?,
            groups: self.count(&keys::groups(&self.id)).await?,
            policies: self.count(&keys::policies(&self.id)).await?,
        })
    }

    async fn count(&self, prefix: &str) -> Result<usize, DirectoryError> {
        Ok(self.store().list(prefix, entryway_store::ListOptions::default()).await?.items.len())
    }
}

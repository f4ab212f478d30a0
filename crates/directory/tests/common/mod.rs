//! An account in memory.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may stop at the first surprise, as tests do")]

use std::sync::Arc;

use entryway_access::{AccountId, Partition};
use entryway_directory::{Account, Directory, EntityPath, Name, NewPolicy, NewRole, NewUser, Tags};
use entryway_store::{MemoryStore, Store};
use jiff::Timestamp;

pub(crate) const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]}"#;
pub(crate) const ALLOW: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
pub(crate) const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

pub(crate) fn now() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

pub(crate) fn id() -> AccountId {
    "111122223333".parse().unwrap()
}

pub(crate) async fn account_on(store: Arc<dyn Store>) -> Account {
    let directory = Directory::open(store).await.unwrap();
    directory.ensure_account(Partition::Aws, &id(), now()).await.unwrap();
    directory.account(&id()).unwrap()
}

pub(crate) async fn account() -> Account {
    account_on(Arc::new(MemoryStore::new())).await
}

pub(crate) fn role(name: &str) -> NewRole {
    NewRole {
        name: Name::role(name).unwrap(),
        path: EntityPath::default(),
        trust: TRUST.to_owned(),
        description: None,
        max_session_seconds: None,
        boundary: None,
        tags: Tags::default(),
    }
}

pub(crate) fn user(name: &str) -> NewUser {
    NewUser { name: Name::user(name).unwrap(), path: EntityPath::default(), boundary: None, tags: Tags::default() }
}

pub(crate) fn policy(name: &str) -> NewPolicy {
    NewPolicy {
        name: Name::policy(name).unwrap(),
        path: EntityPath::default(),
        document: ALLOW.to_owned(),
        description: None,
        tags: Tags::default(),
    }
}

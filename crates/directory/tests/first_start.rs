//! The first start, later ones, and what is kept between them.

mod common;

use std::sync::Arc;

use common::{account_on, id, now};
use entryway_access::Partition;
use entryway_directory::{Directory, KeyStatus, Name, PrincipalStatus, SessionKind};
use entryway_iam::policy::{Request, evaluate};
use entryway_store::{MemoryStore, Store, Txn};

#[tokio::test]
async fn the_first_start_makes_an_administrator_and_later_ones_do_not() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let directory = Directory::open(Arc::clone(&store)).await.unwrap();
    assert!(directory.accounts().is_empty());
    assert!(directory.administrator(&id()).await.unwrap().is_none());
    assert!(directory.ensure_account(Partition::Aws, &id(), now()).await.unwrap());
    let keys = directory.administrator(&id()).await.unwrap().unwrap();

    let again = Directory::open(store).await.unwrap();
    assert_eq!(again.accounts(), [id()]);
    assert!(!again.ensure_account(Partition::Aws, &id(), now()).await.unwrap());
    let same = again.administrator(&id()).await.unwrap().unwrap();
    assert_eq!((same.access_key_id, same.secret.expose()), (keys.access_key_id.clone(), keys.secret.expose()));

    let credential = again.credentials(&keys.access_key_id).await.unwrap().unwrap();
    let caller = again.caller(&credential).await.unwrap().unwrap();
    assert_eq!(caller.caller.arn, "arn:aws:iam::111122223333:user/admin");
    assert_eq!(caller.session, SessionKind::LongTerm);
    let request = Request { action: "eks:CreateCluster", resource: "*", context: &caller.context };
    assert!(evaluate(&caller.policies.as_set(), &request).is_ok());
    let one = |key: &str| caller.context.get(key).map(|values| values.join(","));
    assert_eq!(one("aws:username").as_deref(), Some("admin"));
    assert_eq!(one("aws:PrincipalArn").as_deref(), Some("arn:aws:iam::111122223333:user/admin"));
    assert_eq!(one("aws:PrincipalAccount").as_deref(), Some("111122223333"));
    assert_eq!(one("aws:userid"), Some(caller.caller.unique_id.clone()));
    assert_eq!(one("aws:MultiFactorAuthPresent"), None);
}

#[tokio::test]
async fn two_first_starts_at_once_make_one_administrator() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let start = |store: Arc<dyn Store>| async move {
        let directory = Directory::open(store).await.unwrap();
        directory.ensure_account(Partition::Aws, &id(), now()).await.unwrap()
    };
    let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(start(Arc::clone(&store)))).collect();
    let mut made = 0;
    for task in tasks {
        made += usize::from(task.await.unwrap());
    }
    assert_eq!(made, 1);
}

#[tokio::test]
async fn an_account_keeps_its_partition() {
    let account = common::account().await;
    let error = account.directory().ensure_account(Partition::AwsCn, &id(), now()).await.unwrap_err();
    assert!(error.to_string().contains("is of partition aws, not aws-cn"), "{error}");
}

#[tokio::test]
async fn several_accounts_are_kept_apart() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let first = account_on(Arc::clone(&store)).await;
    let other = "000000000001".parse().unwrap();
    let directory = first.directory();
    directory.ensure_account(Partition::AwsUsGov, &other, now()).await.unwrap();
    let reopened = Directory::open(store).await.unwrap();
    assert_eq!(reopened.accounts(), [other.clone(), id()]);
    let second = reopened.account(&other).unwrap();
    second.create_role(common::role("Dev"), now()).await.unwrap();
    assert!(first.find::<entryway_directory::Role>(&Name::role("Dev").unwrap()).await.unwrap().is_none());
    let keys = reopened.administrator(&other).await.unwrap().unwrap();
    let credential = reopened.credentials(&keys.access_key_id).await.unwrap().unwrap();
    let caller = reopened.caller(&credential).await.unwrap().unwrap();
    assert_eq!(caller.caller.arn, "arn:aws-us-gov:iam::000000000001:user/admin");
    assert!(reopened.is_local_key(&keys.access_key_id));
    assert!(!reopened.is_local_key("AKIAIOSFODNN7EXAMPLE"));
    assert!(!reopened.is_local_key("ASIAQNZGKIQY56JQ7WML"), "of account 029608264753");
}

#[tokio::test]
async fn principals_exist_or_not_by_their_whole_arn() {
    let account = common::account().await;
    let mut new = common::role("Dev");
    new.path = entryway_directory::EntityPath::new("/team/x/").unwrap();
    let role = account.create_role(new, now()).await.unwrap();
    let status = async |arn: &str| account.directory().principal_status(&arn.parse().unwrap()).await.unwrap();
    assert_eq!(status("arn:aws:iam::111122223333:role/team/x/Dev").await, PrincipalStatus::Exists(role.id));
    assert_eq!(status("arn:aws:iam::111122223333:role/Dev").await, PrincipalStatus::Absent);
    assert_eq!(status("arn:aws:iam::111122223333:role/team/x/dev").await, PrincipalStatus::Absent);
    assert_eq!(status("arn:aws-cn:iam::111122223333:role/team/x/Dev").await, PrincipalStatus::Absent);
    assert!(matches!(status("arn:aws:iam::111122223333:user/admin").await, PrincipalStatus::Exists(_)));
    assert_eq!(status("arn:aws:iam::111122223333:root").await, PrincipalStatus::Exists("111122223333".into()));
    assert_eq!(status("arn:aws:iam::999999999999:role/Any").await, PrincipalStatus::Elsewhere);
}

#[tokio::test]
async fn the_administrators_first_key_can_be_lost_for_good() {
    let account = common::account().await;
    let admin = Name::user("admin").unwrap();
    let key = account.access_keys(&admin).await.unwrap().remove(0);
    account.set_access_key_status(&admin, &key.id, KeyStatus::Inactive).await.unwrap();
    assert!(account.directory().administrator(&id()).await.unwrap().is_none());
    account.delete_access_key(&admin, &key.id).await.unwrap();
    assert!(account.directory().administrator(&id()).await.unwrap().is_none());
}

#[tokio::test]
async fn broken_records_let_nobody_in_and_tell_no_secret() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let account = account_on(Arc::clone(&store)).await;
    let directory = account.directory();
    let keys = directory.administrator(&id()).await.unwrap().unwrap();
    let credential = directory.credentials(&keys.access_key_id).await.unwrap().unwrap();
    let printed = format!("{credential:?} {:?}", directory.caller(&credential).await.unwrap());
    assert!(printed.contains(&keys.access_key_id));
    assert!(!printed.contains(keys.secret.expose()));

    for key in ["users/admin", &format!("keys/{}", keys.access_key_id)] {
        let key = format!("/iam/111122223333/{key}");
        let before = store.get(&key).await.unwrap().unwrap().value;
        let cut = before.slice(..before.len() - 2);
        let _ = store.commit(Txn::new().put(&key, cut)).await.unwrap();
        let error = match directory.credentials(&keys.access_key_id).await {
            Ok(Some(credential)) => directory.caller(&credential).await.unwrap_err(),
            Ok(None) => panic!("a broken key must not look like none"),
            Err(error) => error,
        };
        assert_eq!(error.code(), "ServiceFailure");
        assert!(error.to_string().contains(&key) && !error.to_string().contains(keys.secret.expose()), "{error}");
        let _ = store.commit(Txn::new().put(&key, before)).await.unwrap();
    }

    // A stored policy that can't be read any more might be the one that denies.
    let broken = String::from_utf8(store.get("/iam/111122223333/users/admin").await.unwrap().unwrap().value.to_vec())
        .unwrap()
        .replace(r#""inline":{}"#, r#""inline":{"p":"{}"}"#);
    let _ = store.commit(Txn::new().put("/iam/111122223333/users/admin", broken.into_bytes())).await.unwrap();
    let error = directory.caller(&credential).await.unwrap_err();
    assert!(error.to_string().contains("policy p"), "{error}");
}

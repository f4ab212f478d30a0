//! A store that keeps nothing more, and a cluster that is deleted while somebody looks at it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use entryway_store::{
    EmbeddedStore, KeyValue, ListOptions, Listing, Revision, Store, StoreError, Txn, TxnOutcome, Watch,
};
use serde_json::Value;

use super::{Browser, DEMO};
use crate::tests::{Api, entry_path};

/// Can be read, and written until it is shut.
struct Shut {
    store: EmbeddedStore,
    shut: Arc<AtomicBool>,
}

#[async_trait]
impl Store for Shut {
    async fn commit(&self, txn: Txn) -> Result<TxnOutcome, StoreError> {
        if self.shut.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("read-only file system (os error 30)".to_owned()));
        }
        self.store.commit(txn).await
    }
    async fn revision(&self) -> Result<Revision, StoreError> {
        self.store.revision().await
    }
    async fn get(&self, key: &str) -> Result<Option<KeyValue>, StoreError> {
        self.store.get(key).await
    }
    async fn list(&self, prefix: &str, options: ListOptions) -> Result<Listing, StoreError> {
        self.store.list(prefix, options).await
    }
    async fn watch(&self, prefix: &str, after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        self.store.watch(prefix, after).await
    }
    async fn compact(&self, revision: Revision) -> Result<(), StoreError> {
        self.store.compact(revision).await
    }
    async fn oldest(&self) -> Result<Revision, StoreError> {
        self.store.oldest().await
    }
}

#[tokio::test]
async fn a_store_that_is_read_only_loses_nothing_that_was_typed() {
    let shut = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&shut);
    let api = Api::start_over(&["demo"], |store| Arc::new(Shut { store, shut: flag })).await;
    let role = api.role("/", "dev").await;
    let mut browser = Browser::of(&api, &api.admin).await;
    shut.store(true, Ordering::SeqCst);
    // Reading goes on.
    browser.get(&format!("{DEMO}/access")).await.is(200).has("admin");
    let create = [
        ("do", "create"),
        ("principal", role.as_str()),
        ("username", "jo:x"),
        ("groups", "developers"),
        ("policy", "View"),
        ("scope", "namespace"),
        ("namespaces", "web"),
    ];
    browser.access("preview", &create).await.is(200).has("gets in");
    let seen = browser.access("apply", &create).await;
    seen.is(500).has("role=\"alert\"").has("Nothing that you typed is lost");
    // What the disk says is for the log; every field is as it was.
    seen.has_not("os error").has("value=\"jo:x\"").has("developers</textarea>").has("web</textarea>").has(&role);
    let admin = format!("arn:aws:iam::{}:user/admin", crate::tests::ACCOUNT);
    let delete = [("do", "delete"), ("principal", admin.as_str()), ("override", "on")];
    browser.access("apply", &delete).await.is(500).has("Nothing is known to have changed");
    shut.store(false, Ordering::SeqCst);
    assert_eq!(api.eks("GET", &entry_path("demo", &role), Value::Null).await.status, 404);
    api.eks("GET", &entry_path("demo", &admin), Value::Null).await.ok();
    browser.access("apply", &create).await.is(303);
}

#[tokio::test]
async fn a_cluster_deleted_meanwhile_is_told_so() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "dev").await;
    let mut browser = Browser::of(&api, &api.admin).await;
    let create = [("do", "create"), ("principal", role.as_str()), ("username", "jo:x"), ("step", "preview")];
    browser.get(&format!("{DEMO}/access/change?do=create")).await.is(200);
    api.eks("DELETE", "/clusters/demo", Value::Null).await.ok();
    browser
        .change(&format!("{DEMO}/access/change"), &create)
        .await
        .is(404)
        .has("No cluster found for name: demo.")
        .has("jo:x");
    for page in ["access", "policies", "who-can", "matrix", "resources", "namespaces", "access/change?do=create"] {
        browser.get(&format!("{DEMO}/{page}")).await.is(404).has("No cluster found for name: demo.").has("/console\"");
    }
    browser.get("/console/live?region=us-east-1&cluster=demo").await.is(404);
    browser.get("/console").await.is(200).has("There are no clusters");
}

//! The keeper: what it takes in, and what it does when history is gone.

use std::sync::Arc;

use entryway_access::PolicyCatalogue;
use entryway_store::{MemoryStore, Revision, Store, Txn, TxnOutcome};
use jiff::Timestamp;
use serde_json::json;

use super::{Part, Runtime};
use crate::eks::{ClusterRecord, Settings, Tags, VpcConfig};
use crate::keys::Place;

fn place() -> Place {
    Place { account: "111122223333".parse().unwrap(), region: "us-east-1".parse().unwrap() }
}

fn cluster(name: &str, id: &str) -> ClusterRecord {
    ClusterRecord {
        id: id.to_owned(),
        name: name.to_owned(),
        version: "1.36".to_owned(),
        role_arn: String::new(),
        created_at: Timestamp::UNIX_EPOCH,
        mode: "API".to_owned(),
        port: 1,
        bootstrap_creator: None,
        vpc: VpcConfig::default(),
        settings: Settings::default(),
        tags: Tags::new(),
    }
}

fn entry(principal: &str) -> Vec<u8> {
    json!({
        "principal": principal, "kind": "STANDARD", "username": "u", "groups": [], "arn": "", "tags": {}, "policies": {},
        "createdAt": "2026-01-01T00:00:00Z", "modifiedAt": "2026-01-01T00:00:00Z",
    })
    .to_string()
    .into_bytes()
}

async fn put(store: &MemoryStore, key: String, value: Vec<u8>) -> Revision {
    match store.commit(Txn::new().put(key, value)).await.unwrap() {
        TxnOutcome::Committed(revision) => revision,
        TxnOutcome::Conflict { .. } => panic!("conflict"),
    }
}

async fn started(store: &MemoryStore) -> Arc<Runtime> {
    let record = cluster("demo", "id-1");
    put(store, place().cluster("demo"), serde_json::to_vec(&record).unwrap()).await;
    let store: Arc<dyn Store> = Arc::new(store.clone());
    Runtime::start(store, &place(), &record, PolicyCatalogue::builtin()).await.unwrap().0
}

fn role(n: usize) -> String {
    format!("arn:aws:iam::444455556666:role/r{n}")
}

#[tokio::test]
async fn changes_come_in_and_neighbours_stay_out() {
    let store = MemoryStore::new();
    let runtime = started(&store).await;
    put(&store, place().entry("demo-2", &role(9)), entry(&role(9))).await;
    put(&store, place().cluster("demo-2"), b"not even a record".to_vec()).await;
    let revision = put(&store, place().entry("demo", &role(1)), entry(&role(1))).await;
    runtime.reached(Part::Entries, revision).await.unwrap();
    assert_eq!(runtime.entry_count(), 1);
    assert!(runtime.current().entry(&role(1).parse().unwrap()).is_some());
    // A record that can't be read maps nobody, and takes nobody else down.
    put(&store, place().entry("demo", &role(2)), b"{".to_vec()).await;
    let revision = put(&store, place().entry("demo", &role(1)), b"broken".to_vec()).await;
    runtime.reached(Part::Entries, revision).await.unwrap();
    assert_eq!((runtime.entry_count(), runtime.current().entries().len()), (0, 0));
}

#[tokio::test]
async fn rbac_and_aws_auth_come_in() {
    use entryway_sandbox::keys::object_key;
    let store = MemoryStore::new();
    let runtime = started(&store).await;
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "b" },
        "subjects": [{ "kind": "User", "name": "u", "apiGroup": "rbac.authorization.k8s.io" }],
        "roleRef": { "kind": "ClusterRole", "name": "r", "apiGroup": "rbac.authorization.k8s.io" },
    });
    let key = object_key("id-1", "rbac.authorization.k8s.io", "clusterrolebindings", None, "b");
    put(&store, key.clone(), binding.to_string().into_bytes()).await;
    let map = json!({ "data": { "mapRoles": "- rolearn: arn:aws:iam::444455556666:role/x\n  username: x\n" } });
    let key_of_map = object_key("id-1", "", "configmaps", Some("kube-system"), "aws-auth");
    let revision = put(&store, key_of_map, map.to_string().into_bytes()).await;
    runtime.reached(Part::Objects, revision).await.unwrap();
    assert_eq!(runtime.current().rbac().bindings.len(), 1);
    assert_eq!(runtime.current().aws_auth().roles.len(), 1);
    let TxnOutcome::Committed(revision) = store.commit(Txn::new().delete(key)).await.unwrap() else { panic!() };
    runtime.reached(Part::Objects, revision).await.unwrap();
    assert!(runtime.current().rbac().bindings.is_empty());
}

#[tokio::test]
async fn lost_history_is_listed_again() {
    let store = MemoryStore::new();
    let runtime = started(&store).await;
    // One thread: the keeper sees nothing of this before history is gone.
    let mut revision = 0;
    for n in 0..50 {
        revision = put(&store, place().entry("demo", &role(n)), entry(&role(n))).await;
    }
    store.compact(revision).await.unwrap();
    runtime.reached(Part::Entries, revision).await.unwrap();
    assert_eq!(runtime.entry_count(), 50);
    let revision = put(&store, place().entry("demo", &role(50)), entry(&role(50))).await;
    runtime.reached(Part::Entries, revision).await.unwrap();
    assert_eq!(runtime.entry_count(), 51);
}

#[tokio::test]
async fn a_deleted_cluster_maps_nobody() {
    let store = MemoryStore::new();
    let runtime = started(&store).await;
    let revision = put(&store, place().entry("demo", &role(1)), entry(&role(1))).await;
    runtime.reached(Part::Entries, revision).await.unwrap();
    // Another cluster of the same name: not this one any more.
    let other = serde_json::to_vec(&cluster("demo", "id-2")).unwrap();
    let revision = put(&store, place().cluster("demo"), other).await;
    runtime.reached(Part::Record, revision).await.unwrap();
    assert!(runtime.current().entries().is_empty());
}

#[tokio::test]
async fn what_happens_elsewhere_leaves_the_very_same_snapshot() {
    let store = MemoryStore::new();
    let runtime = started(&store).await;
    let before = runtime.current();
    let revision = put(&store, "/audit/1".to_owned(), b"{}".to_vec()).await;
    // The store's mark of progress has come in.
    runtime.reached(Part::Entries, revision).await.unwrap();
    assert!(Arc::ptr_eq(&before, &runtime.current()));
    let revision = put(&store, place().entry("demo", &role(1)), entry(&role(1))).await;
    runtime.reached(Part::Entries, revision).await.unwrap();
    assert!(!Arc::ptr_eq(&before, &runtime.current()));
}

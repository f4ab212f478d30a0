//! Objects from birth to end: writes and their conflicts, namespaces, owners, definitions, restarts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

#[path = "support/client.rs"]
mod client;

mod support;

use client::Client;
use entryway_sandbox::{Sandbox, keys};
use entryway_store::{ListOptions, MemoryStore, Store};
use serde_json::{Value, json};
use std::sync::Arc;
use support::{ADMIN, NOBODY};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

async fn cluster() -> (support::Cluster, Client) {
    let cluster = support::start("127.0.0.1:6443").await;
    let client = Client::new(cluster.sandbox.router()).token(ADMIN);
    (cluster, client)
}

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
}

#[tokio::test]
async fn a_new_cluster_has_what_a_new_cluster_has() {
    let (_cluster, client) = cluster().await;
    let namespaces = client.get("/api/v1/namespaces").await.expect(200);
    let names: Vec<&str> =
        namespaces["items"].as_array().unwrap().iter().map(|n| n["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["default", "kube-node-lease", "kube-public", "kube-system"]);
    for name in names {
        client.get(&format!("/api/v1/namespaces/{name}/serviceaccounts/default")).await.expect(200);
        let ca = client.get(&format!("/api/v1/namespaces/{name}/configmaps/kube-root-ca.crt")).await.expect(200);
        assert_eq!(ca["data"]["ca.crt"], support::CA);
    }
    client.get("/api/v1/namespaces/default/services/kubernetes").await.expect(200);
    let roles = client.get("/apis/rbac.authorization.k8s.io/v1/clusterroles").await.expect(200);
    assert_eq!(roles["items"].as_array().unwrap().len(), 70);
}

#[tokio::test]
async fn bodies_that_cannot_be_read_say_so() {
    let (_cluster, client) = cluster().await;
    let protobuf =
        client.with("content-type", "application/vnd.kubernetes.protobuf").with("accept", "application/json");
    let whole: &[u8] = b"k8s\0\n\x0f\n\x02v1\x12\tConfigMap\x12\x05\n\x03\n\x01p\x1a\0\"\0";
    protobuf.raw("POST", MAPS, whole.to_vec()).await.expect(201);
    for cut in [0, 3, 9, 20, whole.len() - 5] {
        let answer = protobuf.raw("POST", MAPS, whole[..cut].to_vec()).await;
        assert_eq!(answer.status, 400, "cut at {cut}: {}", String::from_utf8_lossy(&answer.body));
    }
    client.raw("POST", MAPS, "{").await.expect(400);
    client.raw("POST", MAPS, vec![0xff, 0xfe, 0x00]).await.expect(400);
    client.with("content-type", "application/xml").raw("POST", MAPS, "<a/>").await.expect(415);
    let large = json!({"metadata": {"name": "l"}, "data": {"x": "y".repeat(3 * 1024 * 1024)}});
    let status = client.post(MAPS, large).await.expect(413);
    assert_eq!(status["reason"], "RequestEntityTooLarge");
    client.get("/api/v1/namespaces/%ff/configmaps").await.expect(400);
    client.get("/api/v1/namespaces/default/configmaps").await.expect(200);
}

/// Three limits, each in the words of who has it on the real server: ConfigMap, etcd, the request.
#[tokio::test]
async fn large_objects() {
    const MIB: usize = 1024 * 1024;
    let (_cluster, client) = cluster().await;
    let map = |size: usize| json!({"metadata": {"name": "large"}, "data": {"x": "y".repeat(size)}});
    client.post(MAPS, map(MIB)).await.expect(201);
    assert_eq!(client.get(&format!("{MAPS}/large")).await.expect(200)["data"]["x"].as_str().unwrap().len(), MIB);
    let status = client.post(MAPS, map(MIB + 1)).await.expect(422);
    let message = status["message"].as_str().unwrap();
    assert!(message.ends_with("Too long: may not be more than 1048576 bytes"), "{message}");
    let secret = |size: usize| json!({"metadata": {"name": "large"}, "stringData": {"x": "y".repeat(size)}});
    let secrets = MAPS.replace("configmaps", "secrets");
    client.post(&secrets, secret(MIB)).await.expect(201);
    let status = client.post(&secrets, secret(MIB + 1)).await.expect(422);
    assert_eq!(status["details"]["causes"][0]["message"], "Too long: may not be more than 1048576 bytes");

    let deployment = |size: usize| {
        let container = json!({"name": "c", "image": "i", "args": ["y".repeat(size)]});
        let labels = json!({"app": "a"});
        let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [container]}});
        json!({"metadata": {"name": "large"}, "spec": {"selector": {"matchLabels": labels}, "template": template}})
    };
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    for size in [MIB * 3 / 2, MIB * 29 / 10] {
        let status = client.post(deployments, deployment(size)).await.expect(500);
        assert_eq!((&status["message"], &status["reason"]), (&json!("etcdserver: request is too large"), &Value::Null));
    }
    client.post(deployments, deployment(MIB * 14 / 10)).await.expect(201);
    // What is small when it is written in protobuf is small, however long it is in JSON.
    let controls = json!({"metadata": {"name": "controls"}, "data": {"x": "\u{1}".repeat(MIB * 4 / 10)}});
    client.post(MAPS, controls).await.expect(201);

    let status = client.post(MAPS, map(3 * MIB)).await.expect(413);
    assert_eq!(status["message"], "Request entity too large: limit is 3145728");
}

#[tokio::test]
async fn of_many_writers_none_is_lost() {
    let (_cluster, client) = cluster().await;
    client.post(MAPS, map("shared")).await.expect(201);
    let path = format!("{MAPS}/shared");
    let writers = (0..20).map(|index| {
        let (client, path) = (client.clone(), path.clone());
        tokio::spawn(async move {
            loop {
                let mut object = client.get(&path).await.expect(200);
                if object["data"].is_null() {
                    object["data"] = json!({});
                }
                object["data"][format!("k{index}")] = json!("v");
                match client.put(&path, object).await.status.as_u16() {
                    200 => return,
                    409 => tokio::task::yield_now().await,
                    other => panic!("{other}"),
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(client.get(&path).await.expect(200)["data"].as_object().unwrap().len(), 20);
    let patches = (0..20).map(|index| {
        let (client, path) = (client.clone(), path.clone());
        tokio::spawn(async move { client.merge(&path, json!({"data": {format!("p{index}"): "v"}})).await.status })
    });
    let mut done = 0;
    for patch in patches.collect::<Vec<_>>() {
        done += usize::from(patch.await.unwrap() == 200);
    }
    assert_eq!(client.get(&path).await.expect(200)["data"].as_object().unwrap().len(), 20 + done);
}

#[tokio::test]
async fn a_write_that_changes_nothing_is_none() {
    let (_cluster, client) = cluster().await;
    let made = client.post(MAPS, json!({"metadata": {"name": "a"}, "data": {"x": "y"}})).await.expect(201);
    let same = client.merge(&format!("{MAPS}/a"), json!({"data": {"x": "y"}})).await.expect(200);
    assert_eq!(made["metadata"]["resourceVersion"], same["metadata"]["resourceVersion"]);
    let dry = client.merge(&format!("{MAPS}/a?dryRun=All"), json!({"data": {"x": "z"}})).await.expect(200);
    assert_eq!(dry["data"]["x"], "z");
    client.delete(&format!("{MAPS}/a?dryRun=All")).await.expect(200);
    assert_eq!(client.get(&format!("{MAPS}/a")).await.expect(200)["data"]["x"], "y");
}

#[tokio::test]
async fn a_finalizer_holds_its_object() {
    let (_cluster, client) = cluster().await;
    client.post(MAPS, json!({"metadata": {"name": "f", "finalizers": ["a.io/x"]}})).await.expect(201);
    let path = format!("{MAPS}/f");
    let marked = client.delete(&path).await.expect(200);
    assert_eq!(marked["kind"], "ConfigMap");
    assert!(marked["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(
        client.delete(&path).await.expect(200)["metadata"]["deletionTimestamp"],
        marked["metadata"]["deletionTimestamp"]
    );
    client.merge(&path, json!({"metadata": {"finalizers": null}})).await.expect(200);
    client.get(&path).await.expect(404);
}

#[tokio::test]
async fn a_namespace_ends_after_its_contents() {
    let (_cluster, client) = cluster().await;
    client.post("/api/v1/namespaces", json!({"metadata": {"name": "n"}})).await.expect(201);
    let maps = "/api/v1/namespaces/n/configmaps";
    client.post(maps, json!({"metadata": {"name": "held", "finalizers": ["a.io/x"]}})).await.expect(201);
    client.post(maps, map("free")).await.expect(201);
    let now = client.get(maps).await.expect(200)["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let mut gone =
        client.watch(&format!("{maps}?watch=1&resourceVersion={now}&fieldSelector=metadata.name%3Dfree")).await;
    let mut ends = client.watch("/api/v1/namespaces?watch=1&fieldSelector=metadata.name%3Dn").await;
    assert_eq!(ends.line().await, "ADDED n");
    let marked = client.delete("/api/v1/namespaces/n").await.expect(200);
    assert_eq!(marked["status"]["phase"], "Terminating");
    let refused = client.post(maps, map("late")).await;
    let status = refused.expect(403);
    assert_eq!(
        status["message"],
        r#"configmaps "late" is forbidden: unable to create new content in namespace n because it is being terminated"#
    );
    assert_eq!(status["details"]["causes"][0]["reason"], "NamespaceTerminating");
    assert_eq!(gone.line().await, "DELETED free");
    client.get(&format!("{maps}/held")).await.expect(200);
    client.merge(&format!("{maps}/held"), json!({"metadata": {"finalizers": null}})).await.expect(200);
    loop {
        match ends.line().await.as_str() {
            "MODIFIED n" => {}
            "DELETED n" => break,
            other => panic!("{other}"),
        }
    }
    client.get("/api/v1/namespaces/n").await.expect(404);
    let left = client.get("/api/v1/serviceaccounts").await.expect(200);
    assert!(left["items"].as_array().unwrap().iter().all(|account| account["metadata"]["namespace"] != "n"));
}

async fn owned(client: &Client, name: &str, owner: &Value) {
    let reference = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "blockOwnerDeletion": true});
    let object = json!({"metadata": {"name": name, "ownerReferences": [reference]}});
    client.post(MAPS, object).await.expect(201);
}

#[tokio::test]
async fn owners_take_what_they_own_along_or_let_it_go() {
    let (_cluster, client) = cluster().await;
    for policy in ["Background", "Foreground", "Orphan"] {
        let owner = client.post(MAPS, map("owner")).await.expect(201);
        owned(&client, "owned", &owner).await;
        let now = client.get(MAPS).await.expect(200)["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
        let watch = format!("{MAPS}?watch=1&resourceVersion={now}");
        let mut events = client.watch(&watch).await;
        client.delete(&format!("{MAPS}/owner?propagationPolicy={policy}")).await.expect(200);
        let mut seen = Vec::new();
        let wanted = if policy == "Orphan" { 1 } else { 2 };
        while seen.len() < wanted {
            let line = events.line().await;
            if line.starts_with("DELETED") {
                seen.push(line);
            }
        }
        match policy {
            "Background" => assert_eq!(seen, ["DELETED owner", "DELETED owned"]),
            "Foreground" => assert_eq!(seen, ["DELETED owned", "DELETED owner"]),
            _ => {
                assert_eq!(seen, ["DELETED owner"]);
                let left = client.get(&format!("{MAPS}/owned")).await.expect(200);
                assert_eq!(left["metadata"]["ownerReferences"], Value::Null);
            }
        }
    }
}

#[tokio::test]
async fn an_owner_that_never_was_owns_nothing_for_long() {
    let (_cluster, client) = cluster().await;
    let mut events = client.watch(&format!("{MAPS}?watch=1&fieldSelector=metadata.name%3Downed")).await;
    owned(&client, "owned", &json!({"metadata": {"name": "none", "uid": "00000000-0000-0000-0000-000000000000"}}))
        .await;
    assert_eq!(events.line().await, "ADDED owned");
    assert_eq!(events.line().await, "DELETED owned");
}

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "crons.x.io"},
        "spec": {
            "group": "x.io", "scope": "Namespaced",
            "names": {"plural": "crons", "singular": "cron", "kind": "Cron", "shortNames": ["cr"]},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"n": {"type": "integer", "default": 1}}},
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                }}},
            }],
        },
    })
}

#[tokio::test]
async fn a_definition_brings_its_type_and_takes_it_away() {
    let (_cluster, client) = cluster().await;
    let crons = "/apis/x.io/v1/namespaces/default/crons";
    assert_eq!(client.get(crons).await.status, 404);
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let mut events = client.watch(&format!("{definitions}?watch=1")).await;
    client.post(definitions, definition()).await.expect(201);
    let cron = json!({"apiVersion": "x.io/v1", "kind": "Cron", "metadata": {"name": "a"}, "spec": {}});
    let made = client.post(crons, cron).await.expect(201);
    assert_eq!(made["spec"]["n"], 1);
    let list = client.get(crons).await.expect(200);
    assert_eq!((list["kind"].as_str(), list["items"][0]["kind"].as_str()), (Some("CronList"), Some("Cron")));
    client.get("/apis/x.io/v1").await.expect(200);
    let strategic = client.with("content-type", "application/strategic-merge-patch+json");
    strategic.raw("PATCH", &format!("{crons}/a"), "{}").await.expect(415);
    assert_eq!(events.line().await, "ADDED crons.x.io");
    let established = events.next().await.unwrap();
    let conditions = established["object"]["status"]["conditions"].as_array().unwrap();
    assert!(conditions.iter().any(|one| one["type"] == "Established" && one["status"] == "True"));
    client.delete(&format!("{definitions}/crons.x.io")).await.expect(200);
    while events.line().await != "DELETED crons.x.io" {}
    client.post(definitions, definition()).await.expect(201);
    assert_eq!(client.get(crons).await.expect(200)["items"], json!([]), "old objects do not come back");
}

#[tokio::test]
async fn what_needs_a_node_is_authorized_then_explained() {
    let (cluster, client) = cluster().await;
    let pods = "/api/v1/namespaces/default/pods";
    let log = "/api/v1/namespaces/default/pods/p/log";
    assert_eq!(client.get(log).await.expect(404)["message"], "pods \"p\" not found");
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    client.post(pods, pod).await.expect(201);
    assert_eq!(client.get(log).await.status, 204, "a pod that no node has taken has said nothing yet");
    let status = client.get(&format!("{log}?container=d")).await.expect(400);
    assert_eq!(status["message"], "container d is not valid for pod p");
    for way in ["exec?command=ls", "attach", "portforward"] {
        let status = client.get(&format!("{pods}/p/{way}")).await.expect(400);
        assert_eq!(status["message"], "pod p does not have a host assigned");
    }
    let binding = json!({"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}});
    client.post(&format!("{pods}/p/binding"), binding).await.expect(201);
    let status = client.get(log).await.expect(501);
    assert!(status["message"].as_str().unwrap().contains("runs no pods"));
    Client::new(cluster.sandbox.router()).token(NOBODY).get(log).await.expect(403);
}

#[tokio::test]
async fn a_restart_finds_everything_and_makes_nothing_anew() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let first = support::start_on(store.clone(), "127.0.0.1:6443").await;
    let client = Client::new(first.sandbox.router()).token(ADMIN);
    let made = client.post(MAPS, map("kept")).await.expect(201);
    first.sandbox.shutdown().await;
    let before = store.revision().await.unwrap();
    let second = support::start_on(store.clone(), "127.0.0.1:6444").await;
    let client = Client::new(second.sandbox.router()).token(ADMIN);
    assert_eq!(client.get(&format!("{MAPS}/kept")).await.expect(200), made);
    assert_eq!(store.revision().await.unwrap(), before);
    let version = made["metadata"]["resourceVersion"].as_str().unwrap();
    let mut events = client.watch(&format!("{MAPS}?watch=1&resourceVersion={version}")).await;
    client.post(MAPS, map("later")).await.expect(201);
    assert_eq!(events.line().await, "ADDED later", "a client goes on where it was");

    second.sandbox.shutdown().await;
    Sandbox::delete(store.as_ref(), support::CLUSTER).await.unwrap();
    let left = store.list(&keys::cluster_prefix(support::CLUSTER), ListOptions::default()).await.unwrap();
    assert!(left.items.is_empty());
}

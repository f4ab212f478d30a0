//! Pages, watches, and history that is gone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

#[path = "support/client.rs"]
mod client;

mod support;

use client::Client;
use serde_json::{Value, json};
use support::ADMIN;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

async fn cluster() -> (support::Cluster, Client) {
    let cluster = support::start("127.0.0.1:6443").await;
    let client = Client::new(cluster.sandbox.router()).token(ADMIN);
    (cluster, client)
}

fn map(name: &str, label: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"l": label}}})
}

async fn version(client: &Client) -> u64 {
    let list = client.get(MAPS).await.expect(200);
    list["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn pages_are_of_one_moment() {
    let (cluster, client) = cluster().await;
    for index in 0..7 {
        client.post(MAPS, map(&format!("m{index}"), "x")).await.expect(201);
    }
    let first = client.get(&format!("{MAPS}?limit=3")).await.expect(200);
    assert_eq!(first["metadata"]["remainingItemCount"], 5, "seven and kube-root-ca.crt, less three");
    let token = first["metadata"]["continue"].as_str().unwrap();
    client.post(MAPS, map("m9", "x")).await.expect(201);
    let second = client.get(&format!("{MAPS}?limit=100&continue={token}")).await.expect(200);
    assert_eq!(second["items"].as_array().unwrap().len(), 5, "what came later is in no later page");
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);

    cluster.store.compact(cluster.store.revision().await.unwrap()).await.unwrap();
    let late = client.get(&format!("{MAPS}?limit=100&continue={token}")).await;
    let status = late.expect(410);
    assert_eq!(status["reason"], "Expired");
}

#[tokio::test]
async fn versions_that_cannot_be_are_refused() {
    let (_cluster, client) = cluster().await;
    let now = version(&client).await;
    client.get(&format!("{MAPS}?resourceVersion=x")).await.expect(400);
    let future = client.get(&format!("{MAPS}?resourceVersion={}", now + 1000)).await;
    assert_eq!(future.expect(504)["reason"], "Timeout");
    client.get(&format!("{MAPS}?resourceVersionMatch=Exact")).await.expect(422);
    client.get(&format!("{MAPS}?resourceVersion={now}&resourceVersionMatch=Exact")).await.expect(200);
    client.get(&format!("{MAPS}?continue=bogus")).await.expect(400);
    let elsewhere = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiLi4vLi4vc2VjcmV0cyJ9";
    let list = client.get(&format!("{MAPS}?limit=5&continue={elsewhere}")).await.expect(200);
    assert_eq!(list["kind"], "ConfigMapList", "a token never leads out of the collection");
    for item in list["items"].as_array().unwrap() {
        assert_eq!(item["metadata"]["namespace"], "default");
    }
}

#[tokio::test]
async fn a_watch_sees_what_enters_and_leaves_its_selection() {
    let (_cluster, client) = cluster().await;
    let now = version(&client).await;
    let mut events =
        client.watch(&format!("{MAPS}?watch=true&resourceVersion={now}&labelSelector=l%3Din&timeoutSeconds=60")).await;
    client.post(MAPS, map("a", "out")).await.expect(201);
    client.post(MAPS, map("b", "in")).await.expect(201);
    client.merge(&format!("{MAPS}/a"), json!({"metadata": {"labels": {"l": "in"}}})).await.expect(200);
    client.merge(&format!("{MAPS}/a"), json!({"data": {"x": "y"}})).await.expect(200);
    client.merge(&format!("{MAPS}/a"), json!({"metadata": {"labels": {"l": "out"}}})).await.expect(200);
    client.delete(&format!("{MAPS}/b")).await.expect(200);
    let mut versions = Vec::new();
    for want in ["ADDED b", "ADDED a", "MODIFIED a", "DELETED a", "DELETED b"] {
        let event = events.next().await.unwrap();
        assert_eq!(
            format!("{} {}", event["type"].as_str().unwrap(), event["object"]["metadata"]["name"].as_str().unwrap()),
            want
        );
        versions.push(event["object"]["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap());
    }
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}: a client resumes from the last it saw");
}

#[tokio::test]
async fn initial_events_end_with_a_bookmark() {
    let (_cluster, client) = cluster().await;
    client.post(MAPS, map("a", "x")).await.expect(201);
    let query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut events = client.watch(&format!("{MAPS}?{query}")).await;
    assert_eq!(events.line().await, "ADDED a");
    assert_eq!(events.line().await, "ADDED kube-root-ca.crt");
    let bookmark = events.next().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    client.get(&format!("{MAPS}?watch=1&sendInitialEvents=true")).await.expect(422);
}

#[tokio::test]
async fn a_watch_ends_in_its_time_with_a_bookmark() {
    let (_cluster, client) = cluster().await;
    let now = version(&client).await;
    let mut events =
        client.watch(&format!("{MAPS}?watch=1&resourceVersion={now}&timeoutSeconds=1&allowWatchBookmarks=true")).await;
    assert_eq!(events.next().await.unwrap()["type"], "BOOKMARK");
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn history_that_is_gone_is_said_on_the_stream() {
    let (cluster, client) = cluster().await;
    let then = version(&client).await;
    for index in 0..3 {
        client.post(MAPS, map(&format!("m{index}"), "x")).await.expect(201);
    }
    cluster.store.compact(cluster.store.revision().await.unwrap()).await.unwrap();
    let mut events = client.watch(&format!("{MAPS}?watch=1&resourceVersion={then}")).await;
    let error = events.next().await.unwrap();
    assert_eq!(
        (error["type"].as_str(), error["object"]["code"].as_u64(), error["object"]["reason"].as_str()),
        (Some("ERROR"), Some(410), Some("Expired"))
    );
    assert_eq!(events.next().await, None);
}

/// More than a page of what is there, and a time that no clock has.
#[tokio::test]
async fn a_watch_begins_with_all_there_is() {
    let (_cluster, client) = cluster().await;
    for n in 0..250 {
        client.post(MAPS, json!({"metadata": {"name": format!("m{n:03}")}})).await.expect(201);
    }
    let path = format!("{MAPS}?watch=1&timeoutSeconds={}", i64::MAX);
    let mut watch = client.watch(&path).await;
    let mut names = Vec::new();
    while names.len() < 251 {
        let event = watch.next().await.unwrap();
        assert_eq!(event["type"], "ADDED");
        names.push(event["object"]["metadata"]["name"].as_str().unwrap().to_owned());
    }
    assert!(names.is_sorted() && names[0] == "kube-root-ca.crt" && names[250] == "m249", "{names:?}");
    client.post(MAPS, json!({"metadata": {"name": "later"}})).await.expect(201);
    assert_eq!(watch.next().await.unwrap()["object"]["metadata"]["name"], "later");
}

#[tokio::test]
async fn a_version_to_come_is_waited_for() {
    let (_cluster, client) = cluster().await;
    let next = version(&client).await + 1;
    let mut events = client.watch(&format!("{MAPS}?watch=1&resourceVersion={next}")).await;
    client.post(MAPS, map("a", "x")).await.expect(201);
    client.post(MAPS, map("b", "x")).await.expect(201);
    assert_eq!(events.line().await, "ADDED b", "the first was the version that the client has");
}

#[tokio::test]
async fn tables_are_watched_with_columns_once() {
    let (_cluster, client) = cluster().await;
    let table = client.with("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
    let mut events = table.watch(&format!("{MAPS}?watch=1")).await;
    client.post(MAPS, map("a", "x")).await.expect(201);
    let first = events.next().await.unwrap();
    assert_eq!(first["object"]["kind"], "Table");
    assert_eq!(first["object"]["columnDefinitions"][0]["name"], "Name");
    let second = events.next().await.unwrap();
    assert!(second["object"]["columnDefinitions"].as_array().is_none_or(Vec::is_empty));
    assert_eq!(second["object"]["rows"][0]["cells"][0], "a");
}

#[tokio::test]
async fn a_watcher_that_does_not_read_is_dropped_and_told() {
    let (cluster, client) = cluster().await;
    let now = version(&client).await;
    let mut events = client.watch(&format!("{MAPS}?watch=1&resourceVersion={now}")).await;
    // Nothing is kept for it: while it reads, it gets what history has, and is told when that is gone.
    client.post(MAPS, map("a", "x")).await.expect(201);
    assert_eq!(events.line().await, "ADDED a");
    for index in 0..1000 {
        client.merge(&format!("{MAPS}/a"), json!({"data": {"n": index.to_string()}})).await.expect(200);
    }
    cluster.store.compact(cluster.store.revision().await.unwrap()).await.unwrap();
    let mut count = 0;
    let last = loop {
        match events.next().await {
            Some(event) if event["type"] == "ERROR" => break event,
            Some(_) => count += 1,
            None => panic!("it ended without a word after {count} events"),
        }
    };
    assert_eq!(last["object"]["code"], 410);
    assert!(count < 1000);
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_stopped_cluster_ends_its_watches() {
    let (cluster, client) = cluster().await;
    let now = version(&client).await;
    let mut events = client.watch(&format!("{MAPS}?watch=1&resourceVersion={now}")).await;
    cluster.sandbox.shutdown().await;
    assert_eq!(events.next().await, None);
}

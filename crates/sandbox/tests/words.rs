//! What the server says of requests that are not quite right, in the words of the real one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

#[path = "support/client.rs"]
mod client;

mod support;

use client::Client;
use serde_json::{Value, json};
use support::ADMIN;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const REVIEWS: &str = "/apis/authorization.k8s.io/v1";

async fn cluster() -> (support::Cluster, Client) {
    let cluster = support::start("127.0.0.1:6443").await;
    let client = Client::new(cluster.sandbox.router()).token(ADMIN);
    (cluster, client)
}

#[tokio::test]
async fn questions_about_access_are_checked() {
    let (_cluster, client) = cluster().await;
    let resource = |more: Value| {
        let mut resource = json!({"verb": "get", "resource": "pods"});
        for (field, value) in more.as_object().unwrap() {
            resource[field] = value.clone();
        }
        json!({"spec": {"resourceAttributes": resource}})
    };
    let at = "spec.resourceAttributes.fieldSelector";
    for (question, wrong) in [
        (
            json!({"spec": {"resourceAttributes": {}, "nonResourceAttributes": {"path": "/", "verb": "get"}}}),
            "spec.nonResourceAttributes: Invalid value: {\"Path\":\"/\",\"Verb\":\"get\"}: cannot be specified in combination with resourceAttributes".to_owned(),
        ),
        (
            resource(json!({"fieldSelector": {}})),
            format!("{at}.requirements: Required value: when {at} is specified, requirements or rawSelector is required"),
        ),
        (
            resource(json!({"fieldSelector": {"rawSelector": "a=b", "requirements": [{"key": "a", "operator": "Exists"}]}})),
            format!("{at}.rawSelector: Invalid value: \"a=b\": may not specified at the same time as requirements"),
        ),
        (
            resource(json!({"fieldSelector": {"requirements": [{"key": "a", "operator": "In"}]}})),
            format!("{at}.requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"),
        ),
    ] {
        let status = client.post(&format!("{REVIEWS}/selfsubjectaccessreviews"), question).await.expect(422);
        assert_eq!(status["message"], format!(".authorization.k8s.io \"\" is invalid: {wrong}"));
    }
    let named = json!({"metadata": {"name": "x"}, "spec": {"user": "u", "resourceAttributes": {"verb": "get"}}});
    let status = client.post(&format!("{REVIEWS}/subjectaccessreviews"), named).await.expect(422);
    let message = status["message"].as_str().unwrap();
    assert!(
        message.contains("metadata: Invalid value: {\"name\":\"x\"") && message.ends_with(": must be empty"),
        "{message}"
    );
}

#[tokio::test]
async fn a_token_is_of_the_account_that_the_path_names() {
    let (_cluster, client) = cluster().await;
    let token = "/api/v1/namespaces/default/serviceaccounts/default/token";
    let status = client.post(token, json!({"metadata": {"name": "other"}, "spec": {}})).await.expect(422);
    assert_eq!(
        status["message"],
        "TokenRequest.authentication.k8s.io \"default\" is invalid: metadata.name: Invalid value: \"other\": must match the service account name if specified"
    );
    client.post(token, json!({"metadata": {"name": "default"}, "spec": {}})).await.expect(201);
}

#[tokio::test]
async fn a_namespace_says_that_it_ends_only_when_it_does() {
    let (_cluster, client) = cluster().await;
    let merge = client.with("content-type", "application/merge-patch+json");
    let change = json!({"status": {"phase": "Terminating"}}).to_string();
    let status = merge.raw("PATCH", "/api/v1/namespaces/default/status", change).await.expect(422);
    assert_eq!(
        status["message"],
        "Namespace \"default\" is invalid: status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty"
    );
}

#[tokio::test]
async fn a_scale_is_of_the_object_that_the_path_names() {
    let (_cluster, client) = cluster().await;
    let sets = "/apis/apps/v1/namespaces/default/replicasets";
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let set =
        json!({"metadata": {"name": "r"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}});
    client.post(sets, set).await.expect(201);
    let scale = |name: &str| json!({"metadata": {"name": name}, "spec": {"replicas": 2}}).to_string();
    let path = format!("{sets}/r/scale");
    let status = client.raw("PUT", &path, scale("s")).await.expect(400);
    assert_eq!(status["message"], "the name of the object (s) does not match the name on the URL (r)");
    assert_eq!(client.raw("PUT", &path, scale("r")).await.expect(200)["spec"]["replicas"], 2);
}

#[tokio::test]
async fn who_applies_to_a_version_means_that_version() {
    let (_cluster, client) = cluster().await;
    let apply = client.with("content-type", "application/apply-patch+yaml");
    let path = format!("{MAPS}/a?fieldManager=m");
    let map = |metadata: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}).to_string();
    let status = apply.raw("PATCH", &path, map(json!({"name": "a", "uid": "u"}))).await.expect(409);
    let why = "uid mismatch: the provided object specified uid u, and no existing object was found";
    assert_eq!(status["message"], format!("Operation cannot be fulfilled on configmaps \"a\": {why}"));
    let made = apply.raw("PATCH", &path, map(json!({"name": "a"}))).await.expect(201);
    let version = &made["metadata"]["resourceVersion"];
    apply.raw("PATCH", &path, map(json!({"name": "a", "resourceVersion": "1"}))).await.expect(409);
    let status = apply.raw("PATCH", &path, map(json!({"name": "a", "uid": "u"}))).await.expect(422);
    assert_eq!(status["message"], "ConfigMap \"a\" is invalid: metadata.uid: Invalid value: \"u\": field is immutable");
    apply.raw("PATCH", &path, map(json!({"name": "a", "resourceVersion": version}))).await.expect(200);
}

#[tokio::test]
async fn a_list_of_any_version_is_whole() {
    let (_cluster, client) = cluster().await;
    for name in ["a", "b"] {
        client.post(MAPS, json!({"metadata": {"name": name}})).await.expect(201);
    }
    let count = |list: &Value| list["items"].as_array().unwrap().len();
    assert_eq!(count(&client.get(&format!("{MAPS}?limit=1")).await.expect(200)), 1);
    let any = client.get(&format!("{MAPS}?limit=1&resourceVersion=0")).await.expect(200);
    assert_eq!((count(&any), &any["metadata"]["continue"]), (3, &Value::Null));
}

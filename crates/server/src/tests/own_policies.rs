//! Own access policies: the API, what it refuses, and that they decide.

use std::sync::Arc;

use entryway_access::{Attributes, Request, Resource};
use serde_json::{Value, json};

use super::client::{Api, entry_path};
use crate::keys::Place;

const PATH: &str = "/entryway/v1/policies/crd-reader";
const ARN: &str = "arn:aws:eks:us-east-1:111122223333:cluster-access-policy/crd-reader";
const ROLE: &str = "arn:aws:iam::444455556666:role/Dev";

fn reader(resource: &str) -> Value {
    json!({ "rules": [{ "verbs": ["get"], "apiGroups": ["example.com"], "resources": [resource] }] })
}

/// Whether [`ROLE`] may `get` in a group of its own, by what is in force now.
fn may_get(api: &Api, resource: &str) -> bool {
    let place = Place { account: super::ACCOUNT.parse().unwrap(), region: "us-east-1".parse().unwrap() };
    let running = api.plane.clusters.get(&place, "demo").unwrap();
    let snapshot = running.runtime.current();
    let caller = entryway_access::Caller::from_sts(
        "444455556666",
        "arn:aws:sts::444455556666:assumed-role/Dev/jo",
        "AROAAAAAAAAAAAAAAAAAA:jo",
        "ASIAAAAAAAAAAAAAAAAA",
    )
    .unwrap();
    let now = jiff::Timestamp::now();
    let identity = snapshot.identity(&caller, None, now).unwrap();
    let resource = Resource { group: "example.com", resource, subresource: "", namespace: "team", name: "x" };
    let attributes = Attributes::Resource { verb: "get", resource };
    snapshot.decide(&Request { user: &identity.user, attributes }, now).is_allowed()
}

async fn associate(api: &Api, policy: &str) -> super::client::Answered {
    let body = json!({ "policyArn": policy, "accessScope": { "type": "cluster" } });
    api.eks("POST", &format!("{}/access-policies", entry_path("demo", ROLE)), body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_put_to_delete() {
    let api = Api::start(&["demo"]).await;
    api.eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": ROLE })).await.ok();
    associate(&api, ARN).await.fails(404, "ResourceNotFoundException", "The specified policyArn could not be found.");

    let made = api.eks("PUT", PATH, reader("widgets")).await.ok();
    assert_eq!((&made["policy"]["arn"], &made["policy"]["rules"]), (&json!(ARN), &reader("widgets")["rules"]));
    assert_eq!(api.eks("GET", PATH, Value::Null).await.ok(), made);
    let listed = api.eks("GET", "/entryway/v1/policies", Value::Null).await.ok();
    assert_eq!(listed, json!({ "policies": [made["policy"]] }));
    // After AWS's, which make up most of a page.
    let all = api.eks("GET", "/access-policies", Value::Null).await.ok();
    assert_eq!(all["accessPolicies"].as_array().unwrap().last(), Some(&json!({ "name": "crd-reader", "arn": ARN })));

    associate(&api, ARN).await.ok();
    assert!(may_get(&api, "widgets") && !may_get(&api, "gadgets"));
    // A change decides as soon as it is answered, each way.
    for resource in ["gadgets", "widgets", "gadgets"] {
        api.eks("PUT", PATH, reader(resource)).await.ok();
        assert_eq!(
            (may_get(&api, "gadgets"), may_get(&api, "widgets")),
            (resource == "gadgets", resource == "widgets")
        );
    }

    let refused = "The policy is associated with access entries: arn:aws:iam::444455556666:role/Dev on demo. \
                   Disassociate it from them first.";
    api.eks("DELETE", PATH, Value::Null).await.fails(409, "ResourceInUseException", refused);
    let association = format!("{}/access-policies/{}", entry_path("demo", ROLE), entryway_iam::sigv4::uri_encode(ARN));
    api.eks("DELETE", &association, Value::Null).await.ok();
    assert!(!may_get(&api, "gadgets"));
    api.eks("DELETE", PATH, Value::Null).await.ok();
    api.eks("GET", PATH, Value::Null).await.fails(
        404,
        "ResourceNotFoundException",
        "No own access policy found for name: crd-reader.",
    );
    associate(&api, ARN).await.fails(404, "ResourceNotFoundException", "The specified policyArn could not be found.");

    let records = api.stop_and_read_audit().await;
    let of = |name: &str| records.iter().filter(|record| record["eventName"] == name).collect::<Vec<_>>();
    assert_eq!(of("PutPolicy").len(), 4);
    let record = of("PutPolicy")[0];
    assert_eq!(
        (&record["eventSource"], &record["requestParameters"]["policyName"]),
        (&json!("entryway"), &json!("crd-reader"))
    );
    assert_eq!(of("DeletePolicy").iter().filter(|record| record["errorCode"] == "ResourceInUseException").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_keep_changes_apart() {
    let api = Api::start(&[]).await;
    let with = |resource: &str, version: &Value| {
        let mut body = reader(resource);
        body["version"] = version.clone();
        body
    };
    let first = api.eks("PUT", PATH, with("a", &json!("0"))).await.ok()["policy"]["version"].clone();
    assert_eq!(api.eks("PUT", PATH, with("b", &json!("0"))).await.error, "ConflictException");
    let second = api.eks("PUT", PATH, with("b", &first)).await.ok()["policy"]["version"].clone();
    let refused = api.eks("PUT", PATH, with("c", &first)).await;
    assert_eq!((refused.status, refused.error.as_str()), (409, "ConflictException"));
    let delete = |version: &Value| format!("{PATH}?version={}", version.as_str().unwrap());
    assert_eq!(api.eks("DELETE", &delete(&first), Value::Null).await.error, "ConflictException");
    assert_eq!(api.eks("DELETE", &format!("{PATH}?version=x"), Value::Null).await.error, "InvalidParameterException");
    api.eks("DELETE", &delete(&second), Value::Null).await.ok();
    assert_eq!(api.eks("PUT", PATH, with("c", &second)).await.error, "ConflictException");
    api.running.shutdown().await;
}

#[tokio::test]
async fn what_is_refused() {
    let api = Api::start(&["demo"]).await;
    for (path, body, error, message) in [
        (PATH, json!({}), "InvalidParameterException", "The rules parameter is required"),
        (PATH, json!({ "rules": [{}] }), "InvalidParameterException", "rules[0].verbs: Required value"),
        (PATH, json!({ "rules": [], "role": 1 }), "SerializationException", "unknown field `role`"),
        (PATH, json!({ "rules": {} }), "SerializationException", "expected a sequence"),
        ("/entryway/v1/policies/ClusterAdmin", reader("x"), "InvalidParameterException", "AmazonEKSClusterAdminPolicy"),
        ("/entryway/v1/policies/a%20b", reader("x"), "InvalidParameterException", "must be 1 to 128"),
        ("/entryway/v1/nothing", reader("x"), "UnknownOperationException", "no operation"),
    ] {
        let answer = api.eks("PUT", path, body).await;
        assert_eq!(answer.error, error, "{}", answer.body);
        assert!(answer.message().contains(message), "{}", answer.body);
    }
    let role = api.role("/", "reader").await;
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "entryway:GetPolicy", "Resource": ARN },
    ]});
    let keys = api.session(&role, policy).await;
    api.eks("PUT", PATH, reader("x")).await.ok();
    api.eks_as(&keys, "GET", PATH, Value::Null).await.ok();
    for (method, path, action, name) in [
        ("PUT", PATH, "PutPolicy", "crd-reader"),
        ("DELETE", PATH, "DeletePolicy", "crd-reader"),
        ("GET", "/entryway/v1/policies", "ListPolicies", "*"),
        ("GET", "/entryway/v1/policies/other", "GetPolicy", "other"),
    ] {
        let answer = api.eks_as(&keys, method, path, Value::Null).await;
        assert_eq!((answer.status, answer.error.as_str()), (403, "AccessDeniedException"), "{method} {path}");
        let resource = format!("arn:aws:eks:us-east-1:111122223333:cluster-access-policy/{name}");
        let wanted = format!("is not authorized to perform: entryway:{action} on resource: {resource}");
        assert!(answer.message().contains(&wanted), "{}", answer.message());
    }
    api.running.shutdown().await;
}

/// Associating and deleting at the same time: never an association of a policy that is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_association_outlives_its_policy() {
    let api = Arc::new(Api::start(&["demo"]).await);
    api.eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": ROLE })).await.ok();
    let associations = format!("{}/access-policies", entry_path("demo", ROLE));
    for _ in 0..20 {
        api.eks("PUT", PATH, reader("x")).await.ok();
        let (associated, deleted) = tokio::join!(associate(&api, ARN), api.eks("DELETE", PATH, Value::Null));
        let there = api.eks("GET", PATH, Value::Null).await.status == 200;
        let listed = api.eks("GET", &associations, Value::Null).await.ok();
        let associated_now = !listed["associatedAccessPolicies"].as_array().unwrap().is_empty();
        assert_eq!((associated.status == 200, deleted.status != 200), (there, there), "{associated:?} {deleted:?}");
        assert_eq!(associated_now, there);
        if there {
            let one = format!("{associations}/{}", entryway_iam::sigv4::uri_encode(ARN));
            api.eks("DELETE", &one, Value::Null).await.ok();
        }
    }
}

//! Who may set, move and remove the ends of access.

use entryway_iam::sigv4::uri_encode;
use serde_json::{Value, json};

use super::client::{Api, entry_path};

const VIEW: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
const END: &str = "entryway:expires-at";
const VIEW_END: &str = "entryway:expires/AmazonEKSViewPolicy";

/// Tagging alone gives nobody access back that has ended.
#[tokio::test]
async fn ends_are_not_for_taggers() {
    let api = Api::start(&["demo"]).await;
    let dev = api.role("/", "Dev").await;
    let tags = json!({ END: "2020-01-01T00:00:00Z", VIEW_END: "2020-01-01T00:00:00Z", "team": "x" });
    let made =
        api.eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": dev, "tags": tags })).await.ok();
    let policies = format!("{}/access-policies", entry_path("demo", &dev));
    api.eks("POST", &policies, json!({ "policyArn": VIEW, "accessScope": { "type": "cluster" } })).await.ok();
    let arn = made["accessEntry"]["accessEntryArn"].as_str().unwrap();
    let path = format!("/tags/{}", uri_encode(arn));
    let untag = |key: &str| format!("{path}?tagKeys={}", uri_encode(key));
    let later = |key: &str| json!({ "tags": { key: "2040-01-01T00:00:00Z" } });

    let allow = |actions: Value| {
        let statement = json!([{ "Effect": "Allow", "Action": actions, "Resource": "*" }]);
        json!({ "Version": "2012-10-17", "Statement": statement })
    };
    let role = api.role("/", "Tagger").await;
    let tagger = api.session(&role, allow(json!(["eks:TagResource", "eks:UntagResource"]))).await;
    for (key, action) in [(END, "eks:UpdateAccessEntry"), (VIEW_END, "eks:AssociateAccessPolicy")] {
        for answer in [
            api.eks_as(&tagger, "POST", &path, later(key)).await,
            api.eks_as(&tagger, "DELETE", &untag(key), Value::Null).await,
        ] {
            assert_eq!((answer.status, answer.error.as_str()), (403, "AccessDeniedException"), "{key}");
            assert!(answer.message().contains(&format!("not authorized to perform: {action} on resource: {arn}")));
        }
    }
    // What is none of the ends, or leaves an end as it is, needs no more than tagging.
    api.eks_as(&tagger, "DELETE", &untag("team"), Value::Null).await.ok();
    let same = json!({ "tags": { END: "2020-01-01T00:00:00Z", "team": "y" } });
    api.eks_as(&tagger, "POST", &path, same).await.ok();

    let both = json!(["eks:TagResource", "eks:UntagResource", "eks:UpdateAccessEntry"]);
    let updater = api.session(&role, allow(both)).await;
    api.eks_as(&updater, "POST", &path, later(END)).await.ok();
    assert_eq!(api.eks_as(&updater, "DELETE", &untag(VIEW_END), Value::Null).await.status, 403);
    let both = json!(["eks:TagResource", "eks:UntagResource", "eks:AssociateAccessPolicy"]);
    let associator = api.session(&role, allow(both)).await;
    assert_eq!(api.eks_as(&associator, "DELETE", &untag(END), Value::Null).await.status, 403);
    api.eks_as(&associator, "DELETE", &untag(VIEW_END), Value::Null).await.ok();
    api.running.shutdown().await;
}

/// The associated policy and its scope are conditions, as when it is associated.
#[tokio::test]
async fn the_end_of_an_association_is_of_its_policy() {
    let api = Api::start(&["demo"]).await;
    let dev = api.role("/", "Dev").await;
    let body = json!({ "principalArn": dev, "tags": { VIEW_END: "2020-01-01T00:00:00Z" } });
    let made = api.eks("POST", "/clusters/demo/access-entries", body).await.ok();
    let policies = format!("{}/access-policies", entry_path("demo", &dev));
    api.eks("POST", &policies, json!({ "policyArn": VIEW, "accessScope": { "type": "cluster" } })).await.ok();
    let path = format!("/tags/{}", uri_encode(made["accessEntry"]["accessEntryArn"].as_str().unwrap()));
    let untag = format!("{path}?tagKeys={}", uri_encode(VIEW_END));
    let role = api.role("/", "Helper").await;
    for (scope, status) in [("namespace", 403), ("cluster", 200)] {
        let equals = json!({ "StringEquals": { "eks:policyArn": VIEW, "eks:accessScope": scope } });
        let policy = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "eks:UntagResource", "Resource": "*" },
            { "Effect": "Allow", "Action": "eks:AssociateAccessPolicy", "Resource": "*", "Condition": equals },
        ]});
        let helper = api.session(&role, policy).await;
        assert_eq!(api.eks_as(&helper, "DELETE", &untag, Value::Null).await.status, status, "{scope}");
    }
    api.running.shutdown().await;
}

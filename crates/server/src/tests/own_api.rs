//! Entryway's own API beside policies: the audit log and who signed in.

use entryway_access::IdentitySource;
use serde_json::{Value, json};

use super::client::{Api, entry_path};
use crate::keys::Place;

const DEV: &str = "arn:aws:iam::444455556666:role/team/Dev";
const OPS: &str = "arn:aws:iam::444455556666:role/Ops";

fn names(answer: &Value) -> Vec<String> {
    let name = |event: &Value| {
        let on = event["requestParameters"]["principalArn"].as_str().unwrap_or("-");
        format!("{} {}", event["eventName"].as_str().unwrap(), on.rsplit('/').next().unwrap())
    };
    answer["events"].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn the_audit_log_by_cluster_principal_and_time() {
    let api = Api::start(&["demo", "other"]).await;
    for (cluster, role) in [("demo", DEV), ("demo", OPS), ("other", DEV)] {
        let path = format!("/clusters/{cluster}/access-entries");
        let made = api.eks("POST", &path, json!({ "principalArn": role })).await.ok();
        if cluster == "demo" && role == DEV {
            let arn = made["accessEntry"]["accessEntryArn"].as_str().unwrap();
            let tags = format!("/tags/{}", entryway_iam::sigv4::uri_encode(arn));
            api.eks("POST", &tags, json!({ "tags": { "a": "b" } })).await.ok();
        }
        // Refused, so nothing that changed.
        api.eks("POST", &path, json!({ "principalArn": role })).await;
    }
    let changes = "/entryway/v1/audit?onlyChanges=true&clusterName=demo";
    let all = api.eks("GET", changes, Value::Null).await.ok();
    assert_eq!(names(&all), ["CreateAccessEntry Dev", "TagResource -", "CreateAccessEntry Ops"]);
    assert_eq!(all["events"][0]["userIdentity"]["arn"], "arn:aws:iam::111122223333:user/admin");
    let of_dev = format!("{changes}&principalArn={}", entryway_iam::sigv4::uri_encode(DEV));
    let of_dev = names(&api.eks("GET", &of_dev, Value::Null).await.ok());
    assert_eq!(of_dev, ["CreateAccessEntry Dev", "TagResource -"]);

    let before = format!("{changes}&endTime=2020-01-01T00%3A00%3A00Z");
    let after = format!("{changes}&startTime=2100-01-01T00%3A00%3A00Z");
    for path in [before, after] {
        let none = api.eks("GET", &path, Value::Null).await.ok();
        assert_eq!((names(&none).len(), none.get("nextToken")), (0, None), "{path}");
    }

    // Pages hold everything once, in order.
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = api.eks("GET", &format!("{changes}&maxResults=1{token}"), Value::Null).await.ok();
        seen.extend(names(&page));
        match page["nextToken"].as_str() {
            Some(next) => token = format!("&nextToken={next}"),
            None => break,
        }
    }
    assert_eq!(seen, names(&all));
    let other = format!("/entryway/v1/audit?clusterName=other{token}");
    api.eks("GET", &other, Value::Null).await.fails(
        400,
        "InvalidParameterException",
        "The nextToken parameter is not valid for this request",
    );
    for (query, message) in [
        ("startTime=now", "startTime must be a time such as 2026-01-02T03:04:05Z, not now"),
        ("onlyChanges=yes", "onlyChanges must be true or false, not yes"),
        ("principalArn=x", "The principalArn parameter format is not valid"),
        ("maxResults=0", "maxResults must be a number from 1 to 100, not 0"),
    ] {
        let answer = api.eks("GET", &format!("/entryway/v1/audit?{query}"), Value::Null).await;
        answer.fails(400, "InvalidParameterException", message);
    }
}

#[tokio::test]
async fn one_cluster_s_log_may_be_somebody_s_to_read() {
    let api = Api::start(&["demo", "other"]).await;
    let role = api.role("/", "auditor").await;
    let on_demo = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "entryway:List*", "Resource": "arn:aws:eks:us-east-1:111122223333:cluster/demo",
    }]});
    let keys = api.session(&role, on_demo).await;
    for path in ["/entryway/v1/audit?clusterName=demo", "/entryway/v1/clusters/demo/sign-ins"] {
        api.eks_as(&keys, "GET", path, Value::Null).await.ok();
    }
    for path in ["/entryway/v1/audit", "/entryway/v1/audit?clusterName=other", "/entryway/v1/clusters/other/sign-ins"] {
        let refused = api.eks_as(&keys, "GET", path, Value::Null).await;
        assert_eq!((refused.status, refused.error.as_str()), (403, "AccessDeniedException"), "{path}");
        assert!(refused.message().contains("is not authorized to perform: entryway:List"), "{}", refused.message());
    }
}

#[tokio::test]
async fn who_signed_in_and_by_what() {
    let api = Api::start(&["demo"]).await;
    let place = Place { account: super::ACCOUNT.parse().unwrap(), region: "us-east-1".parse().unwrap() };
    let running = api.plane.clusters.get(&place, "demo").unwrap();
    let now = jiff::Timestamp::now();
    let [dev, ops] = [DEV, OPS].map(|arn| arn.parse::<entryway_access::PrincipalArn>().unwrap());
    running.sign_ins.note(&ops, &IdentitySource::AwsAuthLine { key: "mapRoles", index: 0 }, now);
    running.sign_ins.note(&dev, &IdentitySource::Entry(dev.clone()), now);
    let told = api.eks("GET", "/entryway/v1/clusters/demo/sign-ins", Value::Null).await.ok();
    let line = |arn: &str, source: &str| json!({ "principalArn": arn, "source": source, "count": 1, "lastAt": now.to_string() });
    assert_eq!(told["signIns"], json!([line(OPS, "awsAuth"), line(DEV, "accessEntry")]));
    assert_eq!(told["complete"], true);
    assert!(told["since"].as_str().unwrap() <= now.to_string().as_str());
    let page = api.eks("GET", "/entryway/v1/clusters/demo/sign-ins?maxResults=1", Value::Null).await.ok();
    let next =
        format!("/entryway/v1/clusters/demo/sign-ins?maxResults=1&nextToken={}", page["nextToken"].as_str().unwrap());
    assert_eq!(api.eks("GET", &next, Value::Null).await.ok()["signIns"], json!([line(DEV, "accessEntry")]));
    api.eks("GET", &entry_path("none", DEV), Value::Null).await.fails(
        404,
        "ResourceNotFoundException",
        "No cluster found for name: none.",
    );
    api.eks("GET", "/entryway/v1/clusters/none/sign-ins", Value::Null).await.fails(
        404,
        "ResourceNotFoundException",
        "No cluster found for name: none.",
    );
}

/// What EKS's own calls tell of a cluster's entries, one after the other.
async fn one_by_one(api: &Api, cluster: &str) -> Vec<Value> {
    let listed = api.eks("GET", &format!("/clusters/{cluster}/access-entries"), Value::Null).await.ok();
    let mut all = Vec::new();
    for arn in listed["accessEntries"].as_array().unwrap() {
        let path = entry_path(cluster, arn.as_str().unwrap());
        let entry = api.eks("GET", &path, Value::Null).await.ok();
        let policies = api.eks("GET", &format!("{path}/access-policies"), Value::Null).await.ok();
        all.push(json!({
            "accessEntry": entry["accessEntry"],
            "associatedAccessPolicies": policies["associatedAccessPolicies"],
        }));
    }
    all
}

#[tokio::test]
async fn all_entries_at_once_are_what_the_single_calls_tell() {
    let api = Api::start(&["demo", "other"]).await;
    for (role, namespaces) in [(DEV, json!(["team-*"])), (OPS, json!([]))] {
        let new = json!({ "principalArn": role, "kubernetesGroups": ["g", "a"], "tags": { "team": "x" } });
        api.eks("POST", "/clusters/demo/access-entries", new).await.ok();
        let scope = if namespaces == json!([]) { "cluster" } else { "namespace" };
        for name in ["AmazonEKSViewPolicy", "AmazonEKSEditPolicy"] {
            let policy = format!("arn:aws:eks::aws:cluster-access-policy/{name}");
            let body = json!({ "policyArn": policy, "accessScope": { "type": scope, "namespaces": namespaces } });
            api.eks("POST", &format!("{}/access-policies", entry_path("demo", role)), body).await.ok();
        }
    }
    let path = "/entryway/v1/clusters/demo/access-entries";
    let all = api.eks("GET", path, Value::Null).await.ok();
    let single = one_by_one(&api, "demo").await;
    assert_eq!(single.len(), 3, "the creator's, too");
    assert_eq!(all["accessEntries"], Value::Array(single.clone()));
    assert_eq!(all.get("nextToken"), None);

    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let page = api.eks("GET", &format!("{path}?maxResults=1{token}"), Value::Null).await.ok();
        paged.extend(page["accessEntries"].as_array().unwrap().iter().cloned());
        match page["nextToken"].as_str() {
            Some(next) => token = format!("&nextToken={next}"),
            None => break,
        }
    }
    assert_eq!(paged, single);

    let none = "/entryway/v1/clusters/none/access-entries";
    let message = "No cluster found for name: none.";
    api.eks("GET", none, Value::Null).await.fails(404, "ResourceNotFoundException", message);
    api.eks("GET", &format!("{path}?maxResults=1001"), Value::Null).await.fails(
        400,
        "InvalidParameterException",
        "maxResults must be a number from 1 to 1000, not 1001",
    );
}

#[tokio::test]
async fn all_entries_at_once_are_for_those_who_may_read_each() {
    let api = Api::start(&["demo"]).await;
    for role in [DEV, OPS] {
        api.eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": role })).await.ok();
    }
    let role = api.role("/", "auditor").await;
    let all = ["eks:ListAccessEntries", "eks:DescribeAccessEntry", "eks:ListAssociatedAccessPolicies"];
    let allow = |actions: &[&str]| json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
    let but_ops = json!({ "Effect": "Deny", "Action": "eks:DescribeAccessEntry", "Resource": "*",
        "Condition": { "StringEquals": { "eks:principalArn": OPS } } });
    let path = "/entryway/v1/clusters/demo/access-entries";
    for (statements, missing) in [
        (vec![allow(&all)], None),
        (
            vec![allow(&all[1..])],
            Some("eks:ListAccessEntries on resource: arn:aws:eks:us-east-1:111122223333:cluster/demo"),
        ),
        (vec![allow(&[all[0], all[2]])], Some("eks:DescribeAccessEntry on resource")),
        (vec![allow(&all[..2])], Some("eks:ListAssociatedAccessPolicies on resource")),
        (
            vec![allow(&all), but_ops],
            Some(
                "eks:DescribeAccessEntry on resource: arn:aws:eks:us-east-1:111122223333:access-entry/demo/role/444455556666/Ops/",
            ),
        ),
        (vec![allow(&["entryway:*"])], Some("eks:ListAccessEntries")),
    ] {
        let keys = api.session(&role, json!({ "Version": "2012-10-17", "Statement": statements })).await;
        let answer = api.eks_as(&keys, "GET", path, Value::Null).await;
        match missing {
            None => assert_eq!(answer.ok()["accessEntries"].as_array().unwrap().len(), 3),
            Some(missing) => {
                assert_eq!((answer.status, answer.error.as_str()), (403, "AccessDeniedException"), "{missing}");
                assert!(answer.message().contains(missing), "{}", answer.message());
            }
        }
    }
    let records = api.stop_and_read_audit().await;
    let told = |record: &&Value| record["eventName"] == "DescribeAccessEntries";
    let mut told: Vec<_> = records.iter().filter(told).collect();
    assert_eq!(told.len(), 6);
    let first = told.remove(0);
    assert_eq!((first["eventSource"].as_str(), first["readOnly"].as_bool()), (Some("entryway"), Some(true)));
    assert_eq!(first["requestParameters"], json!({ "name": "demo" }));
    assert!(
        told.iter()
            .all(|refused| refused["errorCode"] == "AccessDenied" || refused["errorCode"] == "AccessDeniedException")
    );
}

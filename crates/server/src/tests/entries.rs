//! Access entries and associations: every rule of EKS, with its own words.

use entryway_iam::sigv4::uri_encode;
use serde_json::{Value, json};

use super::client::{ACCOUNT, Api, entry_path};

const VIEW: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
const BAD: &str = "InvalidParameterException";

#[tokio::test]
async fn an_entry_from_creation_to_deletion() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/team/x/", "Dev").await;
    let path = entry_path("demo", &role);

    let made = api
        .eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": role, "tags": { "team": "x" } }))
        .await
        .ok();
    let entry = &made["accessEntry"];
    assert_eq!(entry["principalArn"], json!(role));
    assert_eq!(entry["username"], "arn:aws:sts::111122223333:assumed-role/Dev/{{SessionName}}");
    assert_eq!((&entry["kubernetesGroups"], &entry["type"]), (&json!([]), &json!("STANDARD")));
    assert_eq!((&entry["clusterName"], &entry["tags"]), (&json!("demo"), &json!({ "team": "x" })));
    let arn = entry["accessEntryArn"].as_str().unwrap();
    assert!(
        arn.starts_with(&format!("arn:aws:eks:us-east-1:{ACCOUNT}:access-entry/demo/role/{ACCOUNT}/Dev/")),
        "{arn}"
    );
    assert_eq!(entry.as_object().unwrap().len(), 9);
    assert_eq!(api.eks("GET", &path, Value::Null).await.ok(), made);

    let updated = api.eks("POST", &path, json!({ "kubernetesGroups": ["a", "b"] })).await.ok();
    assert_eq!(updated["accessEntry"]["kubernetesGroups"], json!(["a", "b"]));
    let updated = api.eks("POST", &path, json!({ "username": "dev:{{SessionName}}" })).await.ok();
    assert_eq!(updated["accessEntry"]["kubernetesGroups"], json!(["a", "b"]), "an absent field is left alone");
    assert_eq!(updated["accessEntry"]["username"], "dev:{{SessionName}}");
    let updated = api.eks("POST", &path, json!({ "kubernetesGroups": [] })).await.ok();
    assert_eq!(updated["accessEntry"]["kubernetesGroups"], json!([]), "an empty list empties it");
    assert_eq!(updated["accessEntry"]["createdAt"], entry["createdAt"]);

    assert_eq!(api.eks("DELETE", &path, Value::Null).await.ok(), json!({}));
    api.eks("GET", &path, Value::Null).await.fails(404, "ResourceNotFoundException", NO_ENTRY);
    api.running.shutdown().await;
}

const NO_ENTRY: &str = "The specified principalArn could not be found. You can view your available access entries with \
                        'list-access-entries'.";

#[tokio::test]
async fn associations() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "Dev").await;
    api.eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": role })).await.ok();
    let path = format!("{}/access-policies", entry_path("demo", &role));
    let scope = json!({ "type": "namespace", "namespaces": ["a", "dev-*"] });
    let first = api.eks("POST", &path, json!({ "policyArn": VIEW, "accessScope": scope })).await.ok();
    let association = &first["associatedAccessPolicy"];
    assert_eq!((&association["policyArn"], &association["accessScope"]), (&json!(VIEW), &scope));
    assert_eq!((&first["clusterName"], &first["principalArn"]), (&json!("demo"), &json!(role)));

    // Again: another scope, the same date of association.
    let again = api.eks("POST", &path, json!({ "policyArn": VIEW, "accessScope": { "type": "cluster" } })).await.ok();
    let again = &again["associatedAccessPolicy"];
    assert_eq!(again["accessScope"], json!({ "type": "cluster", "namespaces": [] }));
    assert_eq!(again["associatedAt"], association["associatedAt"]);

    let listed = api.eks("GET", &path, Value::Null).await.ok();
    assert_eq!(listed["associatedAccessPolicies"], json!([again]));
    let of_policy = format!("/clusters/demo/access-entries?associatedPolicyArn={}", uri_encode(VIEW));
    assert_eq!(api.eks("GET", &of_policy, Value::Null).await.ok(), json!({ "accessEntries": [role] }));

    // Through a proxy that decodes the path.
    let (signed, sent) = (
        format!("{path}/{}", uri_encode(VIEW)),
        format!("/clusters/demo/access-entries/{role}/access-policies/{VIEW}"),
    );
    api.eks_raw(&api.admin, "DELETE", &signed, &sent, Vec::new()).await.ok();
    let gone = api.eks("DELETE", &signed, Value::Null).await;
    gone.fails(404, "ResourceNotFoundException", "The specified policyArn is not associated with the access entry.");
    assert_eq!(api.eks("GET", &of_policy, Value::Null).await.ok(), json!({ "accessEntries": [] }));
    api.running.shutdown().await;
}

/// The table of `entries.md` §3: what is asked, and EKS's answer.
#[tokio::test]
async fn refusals_in_eks_own_words() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "Dev").await;
    let node = api.role("/", "node").await;
    let entries = "/clusters/demo/access-entries";
    api.eks("POST", entries, json!({ "principalArn": role })).await.ok();
    let made = api.eks("POST", entries, json!({ "principalArn": node, "type": "EC2_LINUX" })).await.ok();
    assert_eq!(made["accessEntry"]["username"], "system:node:{{EC2PrivateDNSName}}");
    assert_eq!(made["accessEntry"]["kubernetesGroups"], json!(["system:nodes"]));
    let other = api.role("/", "other").await;
    let refused = async |body: Value, status: u16, error: &str, message: &str| {
        let answer = api.eks("POST", entries, body.clone()).await;
        assert_eq!((answer.status, answer.error.as_str(), answer.message()), (status, error, message), "{body}");
    };
    let in_use = "The specified access entry resource is already in use on this cluster.";
    refused(json!({ "principalArn": role }), 409, "ResourceInUseException", in_use).await;
    for principal in [
        "role/Dev".to_owned(),
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/Dev/jo"),
        format!("arn:aws:sts::{ACCOUNT}:federated-user/jo"),
        format!("arn:aws:iam::{ACCOUNT}:group/g"),
        format!("arn:aws-cn:iam::{ACCOUNT}:role/Dev"),
        String::new(),
    ] {
        refused(json!({ "principalArn": principal }), 400, BAD, "The principalArn parameter format is not valid").await;
    }
    for missing in ["role/Nobody", "user/nobody", "role/path/Dev"] {
        let principal = format!("arn:aws:iam::{ACCOUNT}:{missing}");
        let message = "The specified principalArn is invalid: invalid principal.";
        refused(json!({ "principalArn": principal }), 400, BAD, message).await;
    }
    for prefix in ["system:", "eks:", "aws:", "amazon:", "iam:"] {
        let message = format!("The kubernetes group name {prefix}x is invalid, it cannot start with {prefix}");
        refused(json!({ "principalArn": other, "kubernetesGroups": ["ok", format!("{prefix}x")] }), 400, BAD, &message)
            .await;
        let message = format!("The username must not begin with {prefix}");
        refused(json!({ "principalArn": other, "username": format!("{prefix}x") }), 400, BAD, &message).await;
    }
    let linked = format!("arn:aws:iam::{ACCOUNT}:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS");
    let message =
        "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role";
    refused(json!({ "principalArn": linked }), 400, BAD, message).await;
    for member in ["kubernetesGroups", "username"] {
        let mut body = json!({ "principalArn": other, "type": "EC2_LINUX" });
        body[member] = if member == "username" { json!("x") } else { json!(["x"]) };
        let message = format!(
            "The specified {member} is invalid: setting {member} is not allowed when the type is \"EC2_LINUX\""
        );
        refused(body, 400, BAD, &message).await;
    }
    let types = "[EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, HYBRID_LINUX, EC2]";
    let message = format!("AccessEntry principalArn must be IAM role when using types {types}");
    let admin = format!("arn:aws:iam::{ACCOUNT}:user/admin");
    refused(json!({ "principalArn": admin, "type": "EC2_LINUX" }), 400, BAD, &message).await;
    let message =
        format!("AccessEntry principalArn must be from the same account as the cluster when using types {types}");
    refused(json!({ "principalArn": "arn:aws:iam::444455556666:role/x", "type": "EC2" }), 400, BAD, &message).await;
    let answer = api.eks("POST", entries, json!({ "principalArn": other, "type": "standard" })).await;
    assert!(answer.message().starts_with("AccessEntry type must be one of [STANDARD, "), "{answer:?}");
    let answer = api.eks("POST", entries, json!({})).await;
    answer.fails(400, BAD, "The principalArn parameter is required");
    let answer = api.eks("POST", entries, json!({ "principalArn": 5 })).await;
    assert_eq!((answer.status, answer.error.as_str()), (400, "SerializationException"));
    let answer = api.eks("POST", "/clusters/nope/access-entries", json!({ "principalArn": role })).await;
    answer.fails(404, "ResourceNotFoundException", "No cluster found for name: nope.");
    assert_eq!(answer.body["clusterName"], "nope");

    let (gone, policies) = (entry_path("demo", &other), format!("{}/access-policies", entry_path("demo", &role)));
    let associate = json!({ "policyArn": VIEW, "accessScope": { "type": "cluster" } });
    for (method, path, body) in [
        ("GET", gone.clone(), Value::Null),
        ("POST", gone.clone(), json!({})),
        ("DELETE", gone.clone(), Value::Null),
        ("GET", format!("{gone}/access-policies"), Value::Null),
        ("POST", format!("{gone}/access-policies"), associate.clone()),
        ("DELETE", format!("{gone}/access-policies/{}", uri_encode(VIEW)), Value::Null),
    ] {
        api.eks(method, &path, body).await.fails(404, "ResourceNotFoundException", NO_ENTRY);
    }
    let at_least = "At least 1 namespace must be provided if the type is set as namespace";
    let none = "accessScope should not include namespaces if the type is not set as namespace";
    for (policy, scope, status, error, message) in [
        (VIEW, json!({ "type": "namespace" }), 400, BAD, at_least),
        (VIEW, json!({ "type": "namespace", "namespaces": [] }), 400, BAD, at_least),
        (VIEW, json!({ "type": "cluster", "namespaces": ["a"] }), 400, BAD, none),
        ("AmazonEKSViewPolicy", json!({ "type": "cluster" }), 400, BAD, "The policyArn parameter format is not valid"),
        (
            "arn:aws:eks::aws:cluster-access-policy/AmazonEKSComputeClusterPolicy",
            json!({ "type": "cluster" }),
            400,
            BAD,
            "The specified policyArn can only be associated with service-linked roles",
        ),
        (
            "arn:aws:eks::aws:cluster-access-policy/AmazonEKSNoSuchPolicy",
            json!({ "type": "cluster" }),
            404,
            "ResourceNotFoundException",
            "The specified policyArn could not be found.",
        ),
        (
            "arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
            json!({ "type": "cluster" }),
            404,
            "ResourceNotFoundException",
            "The specified policyArn could not be found.",
        ),
    ] {
        let answer = api.eks("POST", &policies, json!({ "policyArn": policy, "accessScope": scope })).await;
        answer.fails(status, error, message);
    }
    let of_node = entry_path("demo", &node);
    let standard = "This operation can only be performed on Access Entries with a type of \"STANDARD\".";
    api.eks("POST", &format!("{of_node}/access-policies"), associate).await.fails(400, BAD, standard);
    let answer = api.eks("POST", &of_node, json!({ "username": "x" })).await;
    assert!(answer.message().starts_with("The specified username is invalid"), "{answer:?}");
    api.running.shutdown().await;
}

#[tokio::test]
async fn other_accounts_and_root_are_taken() {
    let api = Api::start(&["demo"]).await;
    for principal in [
        "arn:aws:iam::444455556666:role/a/b/x".to_owned(),
        "arn:aws:iam::444455556666:user/jo".to_owned(),
        format!("arn:aws:iam::{ACCOUNT}:root"),
    ] {
        let made = api.eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": principal })).await.ok();
        assert_eq!(made["accessEntry"]["principalArn"], json!(principal));
        let described = api.eks("GET", &entry_path("demo", &principal), Value::Null).await.ok();
        assert_eq!(described, made);
    }
    api.running.shutdown().await;
}

#[tokio::test]
async fn request_tokens() {
    let api = Api::start(&["demo"]).await;
    let (one, two) = (api.role("/", "one").await, api.role("/", "two").await);
    let entries = "/clusters/demo/access-entries";
    let body = json!({ "principalArn": one, "clientRequestToken": "t-1" });
    let first = api.eks("POST", entries, body.clone()).await.ok();
    assert_eq!(api.eks("POST", entries, body).await.ok(), first);
    let answer = api.eks("POST", entries, json!({ "principalArn": two, "clientRequestToken": "t-1" })).await;
    answer.fails(400, BAD, "The clientRequestToken was used before with other parameters");
    // A retry after the entry was deleted must not bring access back.
    api.eks("DELETE", &entry_path("demo", &one), Value::Null).await.ok();
    api.eks("POST", entries, json!({ "clientRequestToken": "t-1", "principalArn": one })).await.ok();
    assert_eq!(api.eks("GET", &entry_path("demo", &one), Value::Null).await.status, 404);
    api.running.shutdown().await;
}

#[tokio::test]
async fn ends_travel_as_tags() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "Dev").await;
    let body = json!({ "principalArn": role, "tags": { "entryway:expires-at": "soon" } });
    let answer = api.eks("POST", "/clusters/demo/access-entries", body).await;
    assert_eq!((answer.status, answer.error.as_str()), (400, BAD));
    let tags = json!({ "entryway:expires-at": "2031-01-01T00:00:00Z", "entryway:expires/AmazonEKSViewPolicy": "2030-01-01T00:00:00Z" });
    let made =
        api.eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": role, "tags": tags })).await.ok();
    let path = format!("{}/access-policies", entry_path("demo", &role));
    api.eks("POST", &path, json!({ "policyArn": VIEW, "accessScope": { "type": "cluster" } })).await.ok();

    let place = crate::keys::Place { account: ACCOUNT.parse().unwrap(), region: "us-east-1".parse().unwrap() };
    let running = api.plane.clusters.get(&place, "demo").unwrap();
    let in_force = || running.runtime.current().entry(&role.parse().unwrap()).unwrap().clone();
    assert_eq!(in_force().expires, Some("2031-01-01T00:00:00Z".parse().unwrap()));
    assert_eq!(in_force().policies[0].expires, Some("2030-01-01T00:00:00Z".parse().unwrap()));
    let arn = made["accessEntry"]["accessEntryArn"].as_str().unwrap();
    let untag = format!("/tags/{}?tagKeys=entryway%3Aexpires-at", uri_encode(arn));
    assert_eq!(api.eks("DELETE", &untag, Value::Null).await.ok(), json!({}));
    assert_eq!(in_force().expires, None, "the answer waits until the change is in force");
    api.running.shutdown().await;
}

#[tokio::test]
async fn many_at_once() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "Dev").await;
    let made = async || api.eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": role })).await.status;
    let all = futures::future::join_all((0..8).map(|_| made())).await;
    assert_eq!(all.iter().filter(|status| **status == 200).count(), 1, "{all:?}");
    assert_eq!(all.iter().filter(|status| **status == 409).count(), 7, "{all:?}");

    // Each policy's association is a change of the same record; none gets lost.
    let path = format!("{}/access-policies", entry_path("demo", &role));
    let names = ["View", "Edit", "Admin", "ClusterAdmin", "AdminView", "SecretReader"];
    let associate = async |name: &str| {
        let policy = format!("arn:aws:eks::aws:cluster-access-policy/AmazonEKS{name}Policy");
        api.eks("POST", &path, json!({ "policyArn": policy, "accessScope": { "type": "cluster" } })).await.ok();
    };
    futures::future::join_all(names.iter().map(|name| associate(name))).await;
    let listed = api.eks("GET", &path, Value::Null).await.ok();
    assert_eq!(listed["associatedAccessPolicies"].as_array().unwrap().len(), names.len());
    api.running.shutdown().await;
}

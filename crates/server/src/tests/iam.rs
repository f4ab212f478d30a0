//! Who may do what: IAM's policies and conditions on the EKS API, and what is recorded.

use serde_json::{Value, json};

use super::client::{ACCOUNT, Api, entry_path};

const VIEW: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
const ADMIN: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";

fn policy(statements: Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

#[tokio::test]
async fn without_a_policy_nothing_goes() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "Dev").await;
    let allowed = policy(json!([{ "Effect": "Allow", "Action": "eks:ListClusters", "Resource": "*" }]));
    let keys = api.session(&role, allowed).await;
    api.eks_as(&keys, "GET", "/clusters", Value::Null).await.ok();
    let answer = api.eks_as(&keys, "GET", "/clusters/demo", Value::Null).await;
    let text = format!(
        "User: arn:aws:sts::{ACCOUNT}:assumed-role/Dev/jo is not authorized to perform: eks:DescribeCluster on resource: \
         arn:aws:eks:us-east-1:{ACCOUNT}:cluster/demo because no identity-based policy allows the eks:DescribeCluster action"
    );
    answer.fails(403, "AccessDeniedException", &text);
    // What does not exist is not told to those who may not know.
    assert_eq!(api.eks_as(&keys, "GET", "/clusters/nope", Value::Null).await.status, 403);
    assert_eq!(api.eks_as(&keys, "GET", &entry_path("demo", &role), Value::Null).await.status, 403);
    api.running.shutdown().await;
}

#[tokio::test]
async fn conditions_of_the_request() {
    let api = Api::start(&["demo"]).await;
    for (n, (condition, allowed)) in [
        (json!({ "StringEquals": { "aws:RequestedRegion": "us-east-1" } }), true),
        (json!({ "StringNotEquals": { "aws:RequestedRegion": ["us-east-1", "eu-west-1"] } }), false),
        (json!({ "StringEquals": { "aws:ResourceAccount": "${aws:PrincipalAccount}" } }), true),
        (json!({ "StringEquals": { "aws:ResourceAccount": "444455556666" } }), false),
        (json!({ "Bool": { "aws:ViaAWSService": "false", "aws:SecureTransport": "false" } }), true),
        (json!({ "Bool": { "aws:ViaAWSService": "true" } }), false),
    ]
    .into_iter()
    .enumerate()
    {
        let role = api.role("/", &format!("asks-{n}")).await;
        let statement = json!([{ "Effect": "Allow", "Action": "eks:*", "Resource": "*", "Condition": condition }]);
        let keys = api.session(&role, policy(statement)).await;
        let status = api.eks_as(&keys, "GET", "/clusters/demo", Value::Null).await.status;
        assert_eq!(status == 200, allowed, "{condition}: {status}");
    }
    api.running.shutdown().await;
}

#[tokio::test]
async fn conditions_of_entries() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "delegate").await;
    let (mine, other) = (api.role("/team-x/", "mine").await, api.role("/", "other").await);
    let cluster = format!("arn:aws:eks:us-east-1:{ACCOUNT}:cluster/demo");
    let entry = format!("arn:aws:eks:us-east-1:{ACCOUNT}:access-entry/demo/*");
    let keys = api
        .session(
            &role,
            policy(json!([
                {
                    "Effect": "Allow", "Action": "eks:CreateAccessEntry", "Resource": cluster,
                    "Condition": {
                        "ArnLike": { "eks:principalArn": format!("arn:aws:iam::{ACCOUNT}:role/team-x/*") },
                        "StringEquals": { "eks:accessEntryType": "STANDARD", "aws:RequestTag/team": "x" },
                        "ForAllValues:StringLike": { "eks:kubernetesGroups": "team-x-*" },
                    },
                },
                {
                    "Effect": "Allow", "Action": "eks:AssociateAccessPolicy", "Resource": entry,
                    "Condition": {
                        "ArnEquals": { "eks:policyArn": VIEW },
                        "StringEquals": { "eks:accessScope": "namespace", "aws:ResourceTag/team": "x" },
                        "ForAllValues:StringLike": { "eks:namespaces": "x-*" },
                    },
                },
                {
                    "Effect": "Allow", "Action": ["eks:DescribeAccessEntry", "eks:DeleteAccessEntry"], "Resource": entry,
                    "Condition": { "StringEquals": { "eks:clusterName": "demo", "eks:username": "x:{{SessionName}}" } },
                },
            ])),
        )
        .await;
    let make = async |body: Value| api.eks_as(&keys, "POST", "/clusters/demo/access-entries", body).await.status;
    let tags = json!({ "team": "x" });
    let good = json!({ "principalArn": mine, "tags": tags, "kubernetesGroups": ["team-x-dev"], "username": "x:{{SessionName}}" });
    let with = |member: &str, value: Value| {
        let mut body = good.clone();
        body[member] = value;
        body
    };
    assert_eq!(make(with("principalArn", json!(other))).await, 403);
    assert_eq!(make(with("tags", json!({ "team": "y" }))).await, 403);
    assert_eq!(make(with("kubernetesGroups", json!(["team-x-dev", "admins"]))).await, 403);
    assert_eq!(make(with("type", json!("EC2_LINUX"))).await, 403);
    assert_eq!(make(good.clone()).await, 200);

    let path = entry_path("demo", &mine);
    let associate = async |policy: &str, scope: Value| {
        let body = json!({ "policyArn": policy, "accessScope": scope });
        api.eks_as(&keys, "POST", &format!("{path}/access-policies"), body).await.status
    };
    assert_eq!(associate(ADMIN, json!({ "type": "namespace", "namespaces": ["x-a"] })).await, 403);
    assert_eq!(associate(VIEW, json!({ "type": "cluster" })).await, 403);
    assert_eq!(associate(VIEW, json!({ "type": "namespace", "namespaces": ["x-a", "y"] })).await, 403);
    assert_eq!(associate(VIEW, json!({ "type": "namespace", "namespaces": ["x-a", "x-b"] })).await, 200);
    api.eks_as(&keys, "GET", &path, Value::Null).await.ok();
    api.eks("POST", &path, json!({ "username": "y" })).await.ok();
    assert_eq!(api.eks_as(&keys, "GET", &path, Value::Null).await.status, 403);
    api.running.shutdown().await;
}

#[tokio::test]
async fn conditions_of_clusters() {
    let api = Api::start(&[]).await;
    let role = api.role("/", "delegate").await;
    let keys = api
        .session(
            &role,
            policy(json!([
                {
                    "Effect": "Allow", "Action": "eks:CreateCluster", "Resource": "*",
                    "Condition": { "StringEquals": { "eks:authenticationMode": "API" },
                                   "Bool": { "eks:bootstrapClusterCreatorAdminPermissions": "false" } },
                },
                { "Effect": "Allow", "Action": "eks:*", "Resource": "*" },
                { "Effect": "Deny", "Action": "eks:UpdateClusterConfig", "Resource": "*",
                  "Condition": { "StringEquals": { "eks:authenticationMode": "API" } } },
                { "Effect": "Deny", "Action": "eks:TagResource", "Resource": "*",
                  "Condition": { "ForAnyValue:StringEquals": { "aws:TagKeys": ["owner"] } } },
                { "Effect": "Deny", "Action": "eks:CreateCluster", "Resource": "*",
                  "Condition": { "StringNotEquals": { "eks:authenticationMode": "API" } } },
            ])),
        )
        .await;
    let body = |mode: &str| {
        json!({ "name": "c", "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/c"), "resourcesVpcConfig": {},
                "accessConfig": { "authenticationMode": mode, "bootstrapClusterCreatorAdminPermissions": true } })
    };
    let answer = api.eks_as(&keys, "POST", "/clusters", body("API_AND_CONFIG_MAP")).await;
    assert_eq!(answer.status, 403);
    assert!(answer.message().ends_with("with an explicit deny in an identity-based policy"), "{}", answer.message());
    api.eks("POST", "/clusters", body("API_AND_CONFIG_MAP")).await.ok();
    let update = json!({ "accessConfig": { "authenticationMode": "API" } });
    assert_eq!(api.eks_as(&keys, "POST", "/clusters/c/update-config", update).await.status, 403);
    let arn = format!("/tags/arn%3Aaws%3Aeks%3Aus-east-1%3A{ACCOUNT}%3Acluster%2Fc");
    assert_eq!(api.eks_as(&keys, "POST", &arn, json!({ "tags": { "owner": "me" } })).await.status, 403);
    api.eks_as(&keys, "POST", &arn, json!({ "tags": { "team": "x" } })).await.ok();
    api.running.shutdown().await;
}

#[tokio::test]
async fn everything_is_recorded() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "Dev").await;
    let keys = api.session(&role, policy(json!([{ "Effect": "Deny", "Action": "*", "Resource": "*" }]))).await;
    let secret = keys.credentials.secret.expose().to_owned();
    let token = keys.credentials.session_token.as_ref().unwrap().expose().to_owned();
    api.eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": role })).await.ok();
    api.eks("GET", &entry_path("demo", &role), Value::Null).await.ok();
    assert_eq!(api.eks_as(&keys, "GET", "/clusters", Value::Null).await.status, 403);
    let mut stranger = api.admin.clone();
    stranger.credentials.access_key_id = "AKIAIOSFODNN7EXAMPLE".to_owned();
    for _ in 0..5 {
        let answer = api.eks_as(&stranger, "GET", "/clusters", Value::Null).await;
        assert_eq!((answer.status, answer.error.as_str()), (403, "UnrecognizedClientException"));
    }
    let records = api.stop_and_read_audit().await;
    let named = |name: &str| records.iter().filter(|r| r["eventName"] == name).collect::<Vec<_>>();

    let [made] = named("CreateAccessEntry")[..] else { panic!("{records:#?}") };
    assert_eq!((&made["eventSource"], &made["readOnly"]), (&json!("eks.amazonaws.com"), &json!(false)));
    assert_eq!(made["requestParameters"], json!({ "name": "demo", "principalArn": role }));
    assert_eq!(made["responseElements"]["accessEntry"]["principalArn"], json!(role));
    assert_eq!(made["userIdentity"]["arn"], format!("arn:aws:iam::{ACCOUNT}:user/admin"));
    assert_eq!((&made["awsRegion"], &made["sourceIPAddress"]), (&json!("us-east-1"), &json!("127.0.0.1")));
    assert_eq!(made.get("errorCode"), None);

    let [read] = named("DescribeAccessEntry")[..] else { panic!("{records:#?}") };
    assert_eq!((&read["readOnly"], &read["responseElements"]), (&json!(true), &Value::Null));
    let lists = named("ListClusters");
    let refused = lists.iter().find(|r| r["errorCode"] == "AccessDeniedException").unwrap();
    assert_eq!(refused["userIdentity"]["type"], "AssumedRole");
    assert_eq!(refused["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"], json!(role));
    // Strangers are counted, not listed.
    let strangers: Vec<_> = lists.iter().filter(|r| r["errorCode"] == "UnrecognizedClientException").collect();
    let counted: u64 = strangers.iter().map(|r| r["additionalEventData"]["count"].as_u64().unwrap()).sum();
    assert_eq!(counted, 5);
    assert!(strangers.len() <= 2, "{strangers:?}");
    assert!(strangers.iter().all(|r| r["userIdentity"] == json!({ "type": "Unknown" })));

    let [assumed] = named("AssumeRole")[..] else { panic!("{records:#?}") };
    assert_eq!(assumed["eventSource"], "sts.amazonaws.com");
    assert_eq!(assumed["requestParameters"]["roleArn"], json!(role));
    assert_eq!(assumed["responseElements"]["credentials"]["accessKeyId"], json!(keys.credentials.access_key_id));
    assert_eq!(named("CreateRole").len(), 1);
    let all = json!(records).to_string();
    assert!(!all.contains(&secret) && !all.contains(&token) && !all.contains("Signature="));
}

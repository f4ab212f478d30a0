//! One entry for one principal, and one result for one request, whatever comes at the same time.

use futures::future::join_all;
use serde_json::{Value, json};

use super::client::{Api, entry_path};

const ENTRIES: &str = "/clusters/demo/access-entries";
const TAKEN: &str = "The specified access entry resource is already in use on this cluster.";

#[tokio::test]
async fn equal_requests_at_once_have_one_result() {
    let api = Api::start(&["demo"]).await;
    for round in 0..4 {
        let role = api.role("/", &format!("Dev{round}")).await;
        let body = json!({ "principalArn": role, "clientRequestToken": format!("t-{round}") });
        let answers = join_all((0..8).map(|_| api.eks("POST", ENTRIES, body.clone()))).await;
        let answers: Vec<Value> = answers.into_iter().map(|answer| answer.ok()).collect();
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    }
    // One token is for one request.
    let (one, two) = (api.role("/", "One").await, api.role("/", "Two").await);
    let with_token = async |arn: &str| {
        api.eks("POST", ENTRIES, json!({ "principalArn": arn, "clientRequestToken": "t" })).await.status
    };
    let (one, two) = futures::join!(with_token(&one), with_token(&two));
    assert_eq!(one.min(two)..=one.max(two), 200..=400);
    let cluster = json!({
        "name": "next", "roleArn": "arn:aws:iam::111122223333:role/c", "resourcesVpcConfig": {},
        "clientRequestToken": "c-1",
    });
    let answers = join_all((0..4).map(|_| api.eks("POST", "/clusters", cluster.clone()))).await;
    let answers: Vec<Value> = answers.into_iter().map(|answer| answer.ok()).collect();
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    api.running.shutdown().await;
}

/// Role names are unique in an account, whatever the path; callers are known by them.
#[tokio::test]
async fn one_entry_for_one_name() {
    let api = Api::start(&["demo"]).await;
    let create = async |arn: &str| api.eks("POST", ENTRIES, json!({ "principalArn": arn })).await;
    let (a, b) = ("arn:aws:iam::444455556666:role/a/Dup", "arn:aws:iam::444455556666:role/b/Dup");
    create(a).await.ok();
    create(b).await.fails(409, "ResourceInUseException", TAKEN);
    create(a).await.fails(409, "ResourceInUseException", TAKEN);
    // Others: of another kind, another account, another case.
    for other in ["444455556666:user/a/Dup", "444455556667:role/b/Dup", "444455556666:role/b/dup"] {
        create(&format!("arn:aws:iam::{other}")).await.ok();
    }
    api.eks("DELETE", &entry_path("demo", a), Value::Null).await.ok();
    create(b).await.ok();
    create(a).await.fails(409, "ResourceInUseException", TAKEN);

    for round in 0..4 {
        let arns: Vec<_> = (0..8).map(|n| format!("arn:aws:iam::444455556666:role/{n}/Same{round}")).collect();
        let answers = join_all(arns.iter().map(|arn| create(arn))).await;
        let made = answers.iter().filter(|answer| answer.status == 200).count();
        let refused = answers.iter().filter(|answer| answer.error == "ResourceInUseException").count();
        assert_eq!((made, refused), (1, 7), "{answers:?}");
    }
    api.running.shutdown().await;
}

/// A role that was deleted and made again under another path is another one.
#[tokio::test]
async fn a_role_made_again_is_another() {
    let api = Api::start(&["demo"]).await;
    let first = api.role("/a/", "Dev").await;
    api.eks("POST", ENTRIES, json!({ "principalArn": first })).await.ok();
    let parameters = [("Action", "DeleteRole"), ("RoleName", "Dev")];
    let (status, body) = api.query(&api.admin, "iam", &parameters).await;
    assert_eq!(status, 200, "{body}");
    let second = api.role("/b/", "Dev").await;
    api.eks("POST", ENTRIES, json!({ "principalArn": second })).await.ok();
    api.running.shutdown().await;
}

//! Clusters, their modes, updates, tags and versions.

use entryway_iam::sigv4::uri_encode;
use serde_json::{Value, json};

use super::client::{ACCOUNT, Api};

fn body(name: &str, mode: Option<&str>) -> Value {
    let mut body = json!({
        "name": name,
        "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/cluster"),
        "resourcesVpcConfig": { "subnetIds": ["subnet-1", "subnet-2"] },
    });
    if let Some(mode) = mode {
        body["accessConfig"] = json!({ "authenticationMode": mode });
    }
    body
}

#[tokio::test]
async fn a_cluster_from_creation_to_deletion() {
    let api = Api::start(&[]).await;
    let made = api.eks("POST", "/clusters", body("new", Some("API"))).await.ok();
    assert_eq!((&made["cluster"]["status"], &made["cluster"]["endpoint"]), (&json!("CREATING"), &Value::Null));
    let shown = api.eks("GET", "/clusters/new", Value::Null).await.ok();
    let cluster = &shown["cluster"];
    assert_eq!(cluster["status"], "ACTIVE");
    assert_eq!(cluster["arn"], format!("arn:aws:eks:us-east-1:{ACCOUNT}:cluster/new"));
    assert_eq!(cluster["accessConfig"], json!({ "authenticationMode": "API" }));
    assert!(cluster["endpoint"].as_str().unwrap().starts_with("https://127.0.0.1:"));
    assert!(!cluster["certificateAuthority"]["data"].as_str().unwrap().is_empty());
    assert_eq!(api.eks("GET", "/clusters", Value::Null).await.ok(), json!({ "clusters": ["new"] }));
    let admin = format!("arn:aws:iam::{ACCOUNT}:user/admin");
    let listed = api.eks("GET", "/clusters/new/access-entries", Value::Null).await.ok();
    assert_eq!(listed, json!({ "accessEntries": [admin] }));
    let again = api.eks("POST", "/clusters", body("new", None)).await;
    again.fails(409, "ResourceInUseException", "Cluster already exists with name: new");

    let deleted = api.eks("DELETE", "/clusters/new", Value::Null).await.ok();
    assert_eq!(deleted["cluster"]["status"], "DELETING");
    let gone = api.eks("GET", "/clusters/new", Value::Null).await;
    gone.fails(404, "ResourceNotFoundException", "No cluster found for name: new.");
    // The same name again is another cluster, with no entries of the old one.
    let mut without = body("new", Some("API"));
    without["accessConfig"]["bootstrapClusterCreatorAdminPermissions"] = json!(false);
    api.eks("POST", "/clusters", without).await.ok();
    let listed = api.eks("GET", "/clusters/new/access-entries", Value::Null).await.ok();
    assert_eq!(listed, json!({ "accessEntries": [] }));
    api.running.shutdown().await;
}

#[tokio::test]
async fn modes_go_one_way() {
    let api = Api::start(&[]).await;
    api.eks("POST", "/clusters", body("old", None)).await.ok();
    let entries = "/clusters/old/access-entries";
    let must =
        "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.";
    api.eks("GET", entries, Value::Null).await.fails(400, "InvalidRequestException", must);
    let step = async |mode: &str| {
        api.eks("POST", "/clusters/old/update-config", json!({ "accessConfig": { "authenticationMode": mode } })).await
    };
    let refused = |from: &str, to: &str| format!("Unsupported authentication mode update from {from} to {to}");
    for to in ["API", "CONFIG_MAP"] {
        step(to).await.fails(400, "InvalidParameterException", &refused("CONFIG_MAP", to));
    }
    let update = step("API_AND_CONFIG_MAP").await.ok();
    let update = &update["update"];
    assert_eq!((&update["status"], &update["type"]), (&json!("InProgress"), &json!("AccessConfigUpdate")));
    assert_eq!(update["params"], json!([{ "type": "AuthenticationMode", "value": "API_AND_CONFIG_MAP" }]));
    let id = update["id"].as_str().unwrap();
    let described = api.eks("GET", &format!("/clusters/old/updates/{id}"), Value::Null).await.ok();
    assert_eq!(described["update"]["status"], "Successful");
    assert_eq!(api.eks("GET", "/clusters/old/updates", Value::Null).await.ok(), json!({ "updateIds": [id] }));
    // The creator's hidden mapping has become an entry.
    let listed = api.eks("GET", entries, Value::Null).await.ok();
    assert_eq!(listed, json!({ "accessEntries": [format!("arn:aws:iam::{ACCOUNT}:user/admin")] }));
    step("API").await.ok();
    step("API").await.fails(400, "InvalidParameterException", &refused("API", "API"));
    step("API_AND_CONFIG_MAP").await.fails(400, "InvalidParameterException", &refused("API", "API_AND_CONFIG_MAP"));
    assert_eq!(step("api").await.error, "InvalidParameterException");
    api.running.shutdown().await;
}

#[tokio::test]
async fn creation_is_checked() {
    let api = Api::start(&[]).await;
    let mut bootstrap = body("x", Some("CONFIG_MAP"));
    bootstrap["accessConfig"]["bootstrapClusterCreatorAdminPermissions"] = json!(false);
    let must =
        "bootstrapClusterCreatorAdminPermissions must be true if cluster authentication mode is set to CONFIG_MAP";
    api.eks("POST", "/clusters", bootstrap).await.fails(400, "InvalidParameterException", must);
    let with = |member: &str, value: Value| {
        let mut body = body("x", None);
        body[member] = value;
        body
    };
    for (bad, error) in [
        (with("name", json!("-x")), "InvalidParameterException"),
        (with("name", json!("x".repeat(101))), "InvalidParameterException"),
        (with("name", Value::Null), "InvalidParameterException"),
        (with("roleArn", json!("role")), "InvalidParameterException"),
        (with("roleArn", json!("arn:aws:iam::111122223333:user/x")), "InvalidParameterException"),
        (with("roleArn", json!("arn:aws-cn:iam::111122223333:role/x")), "InvalidParameterException"),
        (with("resourcesVpcConfig", Value::Null), "InvalidParameterException"),
        (with("resourcesVpcConfig", json!({ "subnetIds": ["vpc-1"] })), "InvalidParameterException"),
        (with("resourcesVpcConfig", json!({ "publicAccessCidrs": ["10.0.0.0/33"] })), "InvalidParameterException"),
        (with("resourcesVpcConfig", json!({ "endpointPublicAccess": false })), "InvalidParameterException"),
        (with("version", json!("1.2")), "InvalidParameterException"),
        (with("accessConfig", json!({ "authenticationMode": "BOTH" })), "InvalidParameterException"),
        (with("outpostConfig", json!({})), "InvalidParameterException"),
        (with("tags", json!({ "aws:x": "y" })), "InvalidParameterException"),
        (with("upgradePolicy", json!({ "supportType": "NONE" })), "InvalidParameterException"),
        (with("resourcesVpcConfig", json!([])), "SerializationException"),
        (with("logging", json!({ "clusterLogging": [["api"]] })), "SerializationException"),
        (with("version", json!(1.36)), "SerializationException"),
        (with("tags", json!(["a"])), "SerializationException"),
    ] {
        let answer = api.eks("POST", "/clusters", bad.clone()).await;
        assert_eq!((answer.status, answer.error.as_str()), (400, error), "{bad} {answer:?}");
    }
    assert_eq!(api.eks("GET", "/clusters", Value::Null).await.ok(), json!({ "clusters": [] }));
    api.running.shutdown().await;
}

#[tokio::test]
async fn other_updates_one_at_a_time() {
    let api = Api::start(&["demo"]).await;
    let update = async |body: Value| api.eks("POST", "/clusters/demo/update-config", body).await;
    let protect = update(json!({ "deletionProtection": true })).await.ok();
    assert_eq!(protect["update"]["type"], "DeletionProtectionUpdate");
    let answer = api.eks("DELETE", "/clusters/demo", Value::Null).await;
    assert_eq!((answer.status, answer.error.as_str()), (400, "InvalidRequestException"));
    let logging = json!({ "clusterLogging": [{ "types": ["api"], "enabled": true }] });
    assert_eq!(update(json!({ "logging": logging })).await.ok()["update"]["type"], "LoggingUpdate");
    let shown = api.eks("GET", "/clusters/demo", Value::Null).await.ok();
    assert_eq!(shown["cluster"]["logging"]["clusterLogging"][0], json!({ "types": ["api"], "enabled": true }));
    let both = update(json!({ "logging": logging, "deletionProtection": false })).await;
    both.fails(400, "InvalidParameterException", "Only one type of update can be allowed.");
    assert_eq!(update(json!({})).await.error, "InvalidParameterException");
    let answer = api.eks("GET", "/clusters/demo/updates/nope", Value::Null).await;
    answer.fails(404, "ResourceNotFoundException", "No update found for ID: nope");
    api.running.shutdown().await;
}

#[tokio::test]
async fn tags_of_clusters() {
    let api = Api::start(&["demo"]).await;
    let arn = format!("arn:aws:eks:us-east-1:{ACCOUNT}:cluster/demo");
    let path = format!("/tags/{}", uri_encode(&arn));
    assert_eq!(api.eks("POST", &path, json!({ "tags": { "a": "1", "b": "2" } })).await.ok(), json!({}));
    assert_eq!(api.eks("DELETE", &format!("{path}?tagKeys=a&tagKeys=c"), Value::Null).await.ok(), json!({}));
    assert_eq!(api.eks("GET", &path, Value::Null).await.ok(), json!({ "tags": { "b": "2" } }));
    for (method, path, body, status, error) in [
        ("GET", format!("/tags/{}", uri_encode(&arn.replace("demo", "nope"))), Value::Null, 404, "NotFoundException"),
        (
            "GET",
            format!("/tags/{}", uri_encode(&arn.replace("us-east-1", "eu-west-1"))),
            Value::Null,
            404,
            "NotFoundException",
        ),
        ("GET", "/tags/nonsense".to_owned(), Value::Null, 400, "BadRequestException"),
        ("POST", path.clone(), json!({ "tags": {} }), 400, "BadRequestException"),
        ("POST", path.clone(), json!({ "tags": { "aws:x": "" } }), 400, "BadRequestException"),
        ("DELETE", path.clone(), Value::Null, 400, "BadRequestException"),
    ] {
        let answer = api.eks(method, &path, body).await;
        assert_eq!((answer.status, answer.error.as_str()), (status, error), "{method} {path}");
    }
    api.running.shutdown().await;
}

#[tokio::test]
async fn regions_are_apart() {
    let api = Api::start(&["demo"]).await;
    let elsewhere = super::Keys { region: "eu-west-1", ..api.admin.clone() };
    let list = api.eks_as(&elsewhere, "GET", "/clusters", Value::Null).await.ok();
    assert_eq!(list, json!({ "clusters": [] }));
    api.eks_as(&elsewhere, "POST", "/clusters", body("demo", Some("API"))).await.ok();
    let shown = api.eks_as(&elsewhere, "GET", "/clusters/demo", Value::Null).await.ok();
    assert_eq!(shown["cluster"]["arn"], format!("arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/demo"));
    let china = super::Keys { region: "cn-north-1", ..api.admin.clone() };
    let answer = api.eks_as(&china, "GET", "/clusters", Value::Null).await;
    assert_eq!((answer.status, answer.error.as_str()), (403, "InvalidSignatureException"));
    api.running.shutdown().await;
}

#[tokio::test]
async fn versions() {
    let api = Api::start(&[]).await;
    let all = api.eks("GET", "/cluster-versions", Value::Null).await.ok();
    let all = all["clusterVersions"].as_array().unwrap();
    assert_eq!((&all[0]["clusterVersion"], &all[0]["defaultVersion"]), (&json!("1.36"), &json!(true)));
    let default = api.eks("GET", "/cluster-versions?defaultOnly=true", Value::Null).await.ok();
    assert_eq!(default["clusterVersions"], json!([all[0]]));
    let some = api.eks("GET", "/cluster-versions?clusterVersions=1.34&clusterVersions=1.33", Value::Null).await.ok();
    assert_eq!(some["clusterVersions"].as_array().unwrap().len(), 2);
    assert_eq!(
        api.eks("GET", "/cluster-versions?defaultOnly=maybe", Value::Null).await.error,
        "InvalidParameterException"
    );
    api.running.shutdown().await;
}

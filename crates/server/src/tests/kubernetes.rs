//! The clusters' Kubernetes endpoints over loopback: certificate, tokens, and changes that take effect at once.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entryway_iam::token;
use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Keys;
use super::client::{Api, entry_path};

const POLICY: &str = "arn:aws:eks::aws:cluster-access-policy/";

/// A GET with a bearer token, over TLS that trusts the cluster's authority alone: status and body.
async fn get(api: &Api, cluster: &str, path: &str, token: &str) -> (u16, Value) {
    let shown = api.eks("GET", &format!("/clusters/{cluster}"), Value::Null).await.ok();
    let pem = STANDARD.decode(shown["cluster"]["certificateAuthority"]["data"].as_str().unwrap()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let address = shown["cluster"]["endpoint"].as_str().unwrap().strip_prefix("https://").unwrap().to_owned();
    let stream = TcpStream::connect(&address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let json =
        answer.find('{').and_then(|at| serde_json::from_str(answer[at..].trim_end_matches("0\r\n\r\n").trim()).ok());
    (status, json.unwrap_or_default())
}

fn make_token(api: &Api, keys: &Keys, cluster: &str, age: SignedDuration) -> String {
    let at = Timestamp::now() - age;
    let region = "us-east-1".parse().unwrap();
    token::build(&token::presigned_url(&api.running.info().api, &region, cluster, &keys.credentials, at).unwrap())
}

#[tokio::test]
async fn tokens_and_changes_at_once() {
    let api = Api::start(&["demo", "other"]).await;
    let role = api.role("/team/x/", "Dev").await;
    let nothing =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Action": "*", "Resource": "*" }] });
    let keys = api.session(&role, nothing).await;
    let now = SignedDuration::ZERO;
    let pods = "/api/v1/namespaces/default/pods";
    let fresh = make_token(&api, &keys, "demo", now);
    let status = async |path: &str| get(&api, "demo", path, &fresh).await.0;

    assert_eq!(status(pods).await, 401, "nothing maps the role yet");
    api.eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": role })).await.ok();
    let (refused, body) = get(&api, "demo", pods, &fresh).await;
    assert_eq!(refused, 403);
    let message = body["message"].as_str().unwrap_or_default();
    assert!(
        message.contains("User \"arn:aws:sts::111122223333:assumed-role/Dev/jo\" cannot list resource \"pods\""),
        "{message}"
    );

    let associate = format!("{}/access-policies", entry_path("demo", &role));
    let view = format!("{POLICY}AmazonEKSViewPolicy");
    let one = json!({ "policyArn": view, "accessScope": { "type": "namespace", "namespaces": ["default"] } });
    let disassociate = format!("{associate}/{}", entryway_iam::sigv4::uri_encode(&view));
    for _ in 0..5 {
        api.eks("POST", &associate, one.clone()).await.ok();
        assert_eq!((status(pods).await, status("/api/v1/namespaces/kube-system/pods").await), (200, 403));
        api.eks("DELETE", &disassociate, Value::Null).await.ok();
        assert_eq!(status(pods).await, 403);
    }
    let told = api.eks("GET", "/entryway/v1/clusters/demo/sign-ins", Value::Null).await.ok();
    let line = &told["signIns"][0];
    assert_eq!((&line["source"], &line["principalArn"]), (&json!("accessEntry"), &json!(role.replace("team/x/", ""))));
    assert!(line["count"].as_u64() > Some(10), "refused tokens do not count, and each other request does: {line}");
    let everywhere =
        json!({ "policyArn": format!("{POLICY}AmazonEKSClusterAdminPolicy"), "accessScope": { "type": "cluster" } });
    api.eks("POST", &associate, everywhere).await.ok();
    assert_eq!(status("/api/v1/secrets").await, 200);

    // Tokens of another cluster, too old, from the future, tampered with, or nonsense.
    let other = make_token(&api, &keys, "other", now);
    let old = make_token(&api, &keys, "demo", SignedDuration::from_mins(16));
    let young = make_token(&api, &keys, "demo", SignedDuration::from_mins(14));
    let future = make_token(&api, &keys, "demo", SignedDuration::from_mins(-6));
    let mut stranger = keys.clone();
    stranger.credentials.secret = entryway_iam::SecretKey::new("another");
    let forged = make_token(&api, &stranger, "demo", now);
    for (token, wanted) in
        [(&other, 401), (&old, 401), (&young, 200), (&future, 401), (&forged, 401), (&"x".to_owned(), 401)]
    {
        assert_eq!(get(&api, "demo", "/api/v1/secrets", token).await.0, wanted, "{token}");
    }
    let url = "k8s-aws-v1.aHR0cHM6Ly9zdHMuYW1hem9uYXdzLmNvbS8_QWN0aW9uPUdldENhbGxlcklkZW50aXR5";
    assert_eq!(get(&api, "demo", "/api/v1/secrets", url).await.0, 401, "no foreign STS is asked");

    // An end that has passed: the very next request sees it.
    let arn =
        api.eks("GET", &entry_path("demo", &role), Value::Null).await.ok()["accessEntry"]["accessEntryArn"].clone();
    let tags = format!("/tags/{}", entryway_iam::sigv4::uri_encode(arn.as_str().unwrap()));
    let ended = json!({ "tags": { "entryway:expires/AmazonEKSClusterAdminPolicy": "2020-01-01T00:00:00Z" } });
    api.eks("POST", &tags, ended).await.ok();
    assert_eq!(status("/api/v1/secrets").await, 403);
    api.eks("POST", &tags, json!({ "tags": { "entryway:expires-at": "2020-01-01T00:00:00Z" } })).await.ok();
    assert_eq!(status("/api/v1/secrets").await, 401);
    api.eks("DELETE", &entry_path("demo", &role), Value::Null).await.ok();
    assert_eq!(status("/api/v1/secrets").await, 401);
    api.running.shutdown().await;
}

#[tokio::test]
async fn the_creator_of_a_config_map_cluster_is_a_master_until_the_api_is_on() {
    let api = Api::start(&[]).await;
    let body = json!({ "name": "old", "roleArn": "arn:aws:iam::111122223333:role/c", "resourcesVpcConfig": {} });
    api.eks("POST", "/clusters", body).await.ok();
    let token = make_token(&api, &api.admin, "old", SignedDuration::ZERO);
    let secrets = async || get(&api, "old", "/api/v1/secrets", &token).await.0;
    assert_eq!(secrets().await, 200);
    for mode in ["API_AND_CONFIG_MAP", "API"] {
        let mode = json!({ "accessConfig": { "authenticationMode": mode } });
        api.eks("POST", "/clusters/old/update-config", mode).await.ok();
        assert_eq!(secrets().await, 200, "by its entry now");
    }
    let admin = "arn:aws:iam::111122223333:user/admin";
    api.eks("DELETE", &entry_path("old", admin), Value::Null).await.ok();
    assert_eq!(secrets().await, 401);
    api.eks("DELETE", "/clusters/old", Value::Null).await.ok();
    api.running.shutdown().await;
}

/// The directory's changes end watches, too; a token that has run out since does not.
#[tokio::test]
async fn a_watch_ends_with_the_key_that_opened_it() {
    let api = Api::start(&["demo"]).await;
    let (_, made) = api.query(&api.admin, "iam", &[("Action", "CreateUser"), ("UserName", "ann")]).await;
    assert!(made.contains("user/ann"), "{made}");
    let (_, made) = api.query(&api.admin, "iam", &[("Action", "CreateAccessKey"), ("UserName", "ann")]).await;
    let part = |name: &str| {
        let (_, rest) = made.split_once(&format!("<{name}>")).unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    let mut keys = api.admin.clone();
    keys.credentials.access_key_id = part("AccessKeyId");
    keys.credentials.secret = entryway_iam::SecretKey::new(part("SecretAccessKey"));
    let user = format!("arn:aws:iam::{}:user/ann", super::ACCOUNT);
    api.eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": user })).await.ok();
    let one =
        json!({ "policyArn": format!("{POLICY}AmazonEKSClusterAdminPolicy"), "accessScope": { "type": "cluster" } });
    api.eks("POST", &format!("{}/access-policies", entry_path("demo", &user)), one).await.ok();

    let place = crate::keys::Place { account: super::ACCOUNT.parse().unwrap(), region: "us-east-1".parse().unwrap() };
    let router = api.plane.clusters.get(&place, "demo").unwrap().kubernetes.clone();
    let send = async |keys: &Keys, method: &str, path: &str, body: Value| {
        let request = axum::http::Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", make_token(&api, keys, "demo", SignedDuration::ZERO)))
            .body(axum::body::Body::from(body.to_string()));
        tower::ServiceExt::oneshot(router.clone(), request.unwrap()).await.unwrap()
    };
    let maps = "/api/v1/namespaces/kube-system/configmaps";
    let path = format!("{maps}?watch=1&resourceVersion=0&fieldSelector=metadata.name%3Dm");
    let watch = send(&keys, "GET", &path, Value::Null).await;
    assert_eq!(watch.status(), 200);
    let key = keys.credentials.access_key_id.clone();
    let gone = [("Action", "DeleteAccessKey"), ("UserName", "ann"), ("AccessKeyId", &key)];
    assert_eq!(api.query(&api.admin, "iam", &gone).await.0, 200);
    let made = send(&api.admin, "POST", maps, json!({ "metadata": { "name": "m" }, "data": { "secret": "x" } })).await;
    assert_eq!(made.status(), 201);
    let told = http_body_util::BodyExt::collect(watch.into_body()).await.unwrap().to_bytes();
    let told: Value = serde_json::from_slice(&told).unwrap();
    assert_eq!((told["type"].as_str(), told["object"]["code"].as_u64()), (Some("ERROR"), Some(401)), "{told}");
    api.running.shutdown().await;
}

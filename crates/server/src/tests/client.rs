//! A client that checks what every answer has: status, request id, content type, and the form of errors.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use entryway_iam::sigv4::{PayloadHash, RequestParts, Scope, sign, uri_encode};
use entryway_iam::{Credentials, SecretKey};
use entryway_store::{EmbeddedStore, Store};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::audit::Retention;
use crate::plane::ControlPlane;
use crate::start::start_over;
use crate::{Running, ServerConfig, http, read_admin_file};

pub(crate) const ACCOUNT: &str = "111122223333";

/// A configuration for tests: any free ports.
pub(crate) fn config(data: &Path, clusters: &[&str]) -> ServerConfig {
    ServerConfig {
        data: data.to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        account: ACCOUNT.parse().unwrap(),
        clusters: clusters.iter().map(|name| name.parse().unwrap()).collect(),
        public_hosts: Vec::new(),
        cluster_ports: ServerConfig::CLUSTER_PORTS,
        allow_remote: false,
        audit: Retention::default(),
    }
}

/// What a request is signed with.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub(crate) credentials: Credentials,
    pub(crate) region: &'static str,
}

/// A control plane and the administrator's keys.
pub(crate) struct Api {
    pub(crate) running: Running,
    pub(crate) plane: Arc<ControlPlane>,
    router: Router,
    pub(crate) admin: Keys,
    _data: TempDir,
}

/// An answer of the EKS API.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    /// `x-amzn-ErrorType`; empty for success.
    pub(crate) error: String,
    pub(crate) body: Value,
}

impl Answered {
    pub(crate) fn ok(self) -> Value {
        assert_eq!((self.status, self.error.as_str()), (200, ""), "{}", self.body);
        self.body
    }

    pub(crate) fn fails(&self, status: u16, error: &str, message: &str) {
        assert_eq!((self.status, self.error.as_str(), self.message()), (status, error, message));
    }

    pub(crate) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }
}

impl Api {
    /// With the clusters named, in mode API_AND_CONFIG_MAP.
    pub(crate) async fn start(clusters: &[&str]) -> Api {
        Api::start_over(clusters, |store| Arc::new(store)).await
    }

    /// The same, over what becomes of the folder's store.
    pub(crate) async fn start_over(clusters: &[&str], over: impl FnOnce(EmbeddedStore) -> Arc<dyn Store>) -> Api {
        let data = tempfile::tempdir().unwrap();
        let running = start_over(config(data.path(), clusters), Timestamp::now(), over).await.unwrap();
        let admin = read_admin_file(data.path()).unwrap();
        let credentials = Credentials {
            access_key_id: admin.access_key_id,
            secret: SecretKey::new(admin.secret_access_key),
            session_token: None,
        };
        let plane = Arc::clone(running.plane());
        let router = http::router(Arc::clone(&plane));
        Api { running, plane, router, admin: Keys { credentials, region: "us-east-1" }, _data: data }
    }

    /// An EKS call of the administrator.
    pub(crate) async fn eks(&self, method: &str, path: &str, body: Value) -> Answered {
        self.eks_as(&self.admin, method, path, body).await
    }

    /// An EKS call. `path` may hold a query.
    pub(crate) async fn eks_as(&self, keys: &Keys, method: &str, path: &str, body: Value) -> Answered {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.eks_raw(keys, method, path, path, body.into_bytes()).await
    }

    /// A call that is signed for one path and sent to another, as by a proxy that decodes.
    pub(crate) async fn eks_raw(&self, keys: &Keys, method: &str, signed: &str, sent: &str, body: Vec<u8>) -> Answered {
        let request = signed_request(keys, "eks", method, signed, sent, "application/json", body);
        let (status, headers, body) = self.send(request).await;
        assert_eq!(headers.get("content-type").unwrap(), "application/json");
        let error = headers.get("x-amzn-errortype").map(|e| e.to_str().unwrap().to_owned()).unwrap_or_default();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(status == 200, error.is_empty(), "{status} {error} {body}");
        if !error.is_empty() {
            assert_eq!(body["__type"], json!(error));
            assert!(!body["message"].as_str().unwrap().is_empty());
            let allowed = ["__type", "message", "clusterName"];
            assert!(body.as_object().unwrap().keys().all(|key| allowed.contains(&key.as_str())), "{body}");
        }
        Answered { status, error, body }
    }

    /// A call of STS or IAM: status and body.
    pub(crate) async fn query(&self, keys: &Keys, service: &str, parameters: &[(&str, &str)]) -> (u16, String) {
        let version = if service == "iam" { "2010-05-08" } else { "2011-06-15" };
        let pairs = parameters.iter().copied().chain([("Version", version)]);
        let body = pairs.map(|(n, v)| format!("{n}={}", uri_encode(v))).collect::<Vec<_>>().join("&");
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        let request = signed_request(keys, service, "POST", "/", "/", form, body.into_bytes());
        let (status, headers, body) = self.send(request).await;
        assert!(headers.get("content-type").unwrap().to_str().unwrap().starts_with("text/xml"));
        (status, String::from_utf8(body).unwrap())
    }

    /// Any request.
    pub(crate) async fn send(&self, request: Request<Body>) -> (u16, axum::http::HeaderMap, Vec<u8>) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let id = head.headers.get("x-amzn-requestid").expect("a request id").to_str().unwrap();
        assert_eq!(id.len(), 36, "{id}");
        (head.status.as_u16(), head.headers, body.collect().await.unwrap().to_bytes().to_vec())
    }

    /// A role that the account may assume.
    pub(crate) async fn role(&self, path: &str, name: &str) -> String {
        let trust = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") }, "Action": "sts:AssumeRole",
        }]});
        let parameters = [
            ("Action", "CreateRole"),
            ("RoleName", name),
            ("Path", path),
            ("AssumeRolePolicyDocument", &trust.to_string()),
        ];
        let (status, body) = self.query(&self.admin, "iam", &parameters).await;
        assert_eq!(status, 200, "{body}");
        format!("arn:aws:iam::{ACCOUNT}:role{path}{name}")
    }

    /// Gives a role an inline policy, and a session of it.
    pub(crate) async fn session(&self, role: &str, policy: Value) -> Keys {
        let name = role.rsplit('/').next().unwrap();
        let parameters = [
            ("Action", "PutRolePolicy"),
            ("RoleName", name),
            ("PolicyName", "p"),
            ("PolicyDocument", &policy.to_string()),
        ];
        let (status, body) = self.query(&self.admin, "iam", &parameters).await;
        assert_eq!(status, 200, "{body}");
        let parameters = [("Action", "AssumeRole"), ("RoleArn", role), ("RoleSessionName", "jo")];
        let (status, body) = self.query(&self.admin, "sts", &parameters).await;
        assert_eq!(status, 200, "{body}");
        let part = |name: &str| {
            let (_, rest) = body.split_once(&format!("<{name}>")).unwrap();
            rest.split_once("</").unwrap().0.to_owned()
        };
        let credentials = Credentials {
            access_key_id: part("AccessKeyId"),
            secret: SecretKey::new(part("SecretAccessKey")),
            session_token: Some(SecretKey::new(part("SessionToken"))),
        };
        Keys { credentials, region: "us-east-1" }
    }

    /// The audit records so far, oldest first, once those that wait have been written.
    pub(crate) async fn stop_and_read_audit(self) -> Vec<Value> {
        let store = Arc::clone(&self.plane.store);
        self.running.shutdown().await;
        let items = store.list("/audit/", entryway_store::ListOptions::default()).await.unwrap().items;
        items.iter().map(|item| serde_json::from_slice(&item.value).unwrap()).collect()
    }
}

/// `/clusters/CLUSTER/access-entries/PRINCIPAL`, encoded.
pub(crate) fn entry_path(cluster: &str, principal: &str) -> String {
    format!("/clusters/{cluster}/access-entries/{}", uri_encode(principal))
}

pub(crate) fn signed_request(
    keys: &Keys,
    service: &str,
    method: &str,
    signed: &str,
    sent: &str,
    content_type: &str,
    body: Vec<u8>,
) -> Request<Body> {
    let (path, query) = signed.split_once('?').unwrap_or((signed, ""));
    let headers: [(&str, &[u8]); 2] = [("host", b"127.0.0.1:4780"), ("content-type", content_type.as_bytes())];
    let parts = RequestParts { method, path, query, headers: &headers };
    let scope = Scope { region: keys.region, service };
    let more = sign(&parts, &keys.credentials, scope, PayloadHash::of(&body), Timestamp::now()).unwrap();
    let mut request = Request::builder().method(method).uri(sent);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    for (name, value) in more {
        request = request.header(name, value);
    }
    request.body(Body::from(body)).unwrap()
}

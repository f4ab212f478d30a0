//! One cluster's Kubernetes API, through `kube`: what decides access is read, and (for samples) objects are made.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use entryway_access::{RbacObjects, RbacProblem};
use http::Request;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use serde_json::Value;

use crate::error::{chain, innermost};
use crate::{Cluster, ClusterToken, LiveError};

/// How many objects are asked for at once.
const PAGE: usize = 500;
/// A private endpoint that can't be reached from here says nothing at all; nobody waits for it longer.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(60);
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// Something that could not be read: an answer that rests on it is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// What, such as `clusterroles`.
    pub what: String,
    /// Why.
    pub why: String,
}

/// A client of one cluster.
#[derive(Clone)]
pub struct Kubernetes {
    client: kube::Client,
    server: String,
}

impl std::fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kubernetes").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Kubernetes {
    /// Reaches a cluster at the endpoint that EKS names, as the token's principal.
    pub fn connect(cluster: &Cluster, token: &ClusterToken) -> Result<Kubernetes, LiveError> {
        let server = cluster.endpoint.clone().ok_or_else(|| {
            LiveError::Setting(format!(
                "the cluster `{}` has no endpoint yet (its status is {})",
                cluster.name, cluster.status
            ))
        })?;
        let url = server
            .parse()
            .map_err(|error| LiveError::Setting(format!("`{server}` is no URL of a cluster: {error}")))?;
        let mut config = kube::Config::new(url);
        if let Some(ca) = &cluster.certificate_authority.data {
            config.root_cert = Some(certificates(ca).ok_or_else(|| {
                LiveError::Setting(format!(
                    "the certificate authority of the cluster `{}` is not PEM in base64",
                    cluster.name
                ))
            })?);
        }
        config.auth_info = AuthInfo { token: Some(token.expose().to_owned().into()), ..AuthInfo::default() };
        Kubernetes::new(config, server)
    }

    /// Reaches the cluster of a kubeconfig context (the current one where none is named), as kubectl would.
    pub async fn from_kubeconfig(path: Option<&Path>, context: Option<&str>) -> Result<Kubernetes, LiveError> {
        let setting = |error: &dyn std::error::Error| {
            let which = context.map(|name| format!(" context `{name}`")).unwrap_or_default();
            LiveError::Setting(format!("the kubeconfig{which} can't be used: {}", chain(error)))
        };
        let kubeconfig = match path {
            Some(path) => Kubeconfig::read_from(path),
            None => Kubeconfig::read(),
        }
        .map_err(|error| setting(&error))?;
        let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
        let config =
            kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| setting(&error))?;
        let server = config.cluster_url.to_string();
        Kubernetes::new(config, server)
    }

    fn new(mut config: kube::Config, server: String) -> Result<Kubernetes, LiveError> {
        // Only the first call of the process has an effect; ring is the only provider that is compiled in.
        let _ = rustls::crypto::ring::default_provider().install_default();
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = Some(ANSWER);
        let client = kube::Client::try_from(config)
            .map_err(|error| LiveError::Setting(format!("no client for `{server}`: {}", chain(&error))))?;
        Ok(Kubernetes { client, server })
    }

    /// The address of its API.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Reads an object or a list.
    pub async fn get(&self, path: &str) -> Result<Value, LiveError> {
        self.get_as(path, "application/json").await
    }

    pub(crate) async fn get_as(&self, path: &str, accept: &str) -> Result<Value, LiveError> {
        self.send(Request::get(path).header("accept", accept), None).await
    }

    /// Makes an object in the collection `path`.
    pub async fn create(&self, path: &str, object: &Value) -> Result<Value, LiveError> {
        self.send(Request::post(path), Some(object)).await
    }

    /// Replaces the object at `path`.
    pub async fn replace(&self, path: &str, object: &Value) -> Result<Value, LiveError> {
        self.send(Request::put(path), Some(object)).await
    }

    /// Applies the object at `path` (server-side apply, as the field manager `entryway`): makes it, or sets what the
    /// manifest says of it.
    pub async fn apply(&self, path: &str, object: &Value) -> Result<Value, LiveError> {
        let request = Request::patch(format!("{path}?fieldManager=entryway&force=true"))
            .header("content-type", "application/apply-patch+yaml");
        self.send_as_is(request, object.to_string()).await
    }

    /// Deletes the object at `path`.
    pub async fn delete(&self, path: &str) -> Result<Value, LiveError> {
        self.send(Request::delete(path), None).await
    }

    /// The names of all namespaces.
    pub async fn namespaces(&self) -> Result<Vec<String>, LiveError> {
        let all = self.list("/api/v1/namespaces", "Namespace").await?;
        let name = |object: &Value| object.pointer("/metadata/name").and_then(Value::as_str).map(str::to_owned);
        Ok(all.iter().filter_map(name).collect())
    }

    async fn send(&self, request: http::request::Builder, body: Option<&Value>) -> Result<Value, LiveError> {
        let body = body.map(Value::to_string).unwrap_or_default();
        self.send_as_is(request.header("content-type", "application/json"), body).await
    }

    async fn send_as_is(&self, request: http::request::Builder, body: String) -> Result<Value, LiveError> {
        let request = request.body(body.into_bytes()).map_err(|error| LiveError::Setting(error.to_string()))?;
        self.client.request(request).await.map_err(|error| self.error(&error))
    }

    fn error(&self, error: &kube::Error) -> LiveError {
        match error {
            kube::Error::Api(status) => LiveError::Kubernetes {
                server: self.server.clone(),
                code: status.code,
                message: status.message.clone(),
            },
            other => LiveError::Unreachable { what: format!("the cluster at {}", self.server), why: innermost(other) },
        }
    }

    /// All objects of a collection, page by page, each with its `kind`.
    pub async fn list(&self, path: &str, kind: &str) -> Result<Vec<Value>, LiveError> {
        let mut all = Vec::new();
        let mut from = String::new();
        loop {
            let mut page = self.get(&format!("{path}?limit={PAGE}{from}")).await?;
            if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
                all.extend(items.into_iter().map(|mut item| {
                    if let Some(object) = item.as_object_mut() {
                        object.entry("kind").or_insert_with(|| Value::from(kind));
                    }
                    item
                }));
            }
            match page.pointer("/metadata/continue").and_then(Value::as_str) {
                Some(token) if !token.is_empty() => from = format!("&continue={}", encode(token)),
                _ => return Ok(all),
            }
        }
    }

    /// The cluster's RBAC objects. What can't be read is named beside what could: an answer of "no" does not
    /// follow from a half.
    pub async fn rbac(&self) -> Result<(RbacObjects, Vec<RbacProblem>, Vec<Unread>), LiveError> {
        let read = |plural: &'static str, kind: &'static str| async move {
            (plural, self.list(&format!("{RBAC}/{plural}"), kind).await)
        };
        let (roles, cluster_roles, bindings, cluster_bindings) = tokio::join!(
            read("roles", "Role"),
            read("clusterroles", "ClusterRole"),
            read("rolebindings", "RoleBinding"),
            read("clusterrolebindings", "ClusterRoleBinding"),
        );
        let mut objects = Vec::new();
        let mut unread = Vec::new();
        for (plural, answer) in [roles, cluster_roles, bindings, cluster_bindings] {
            match answer {
                Ok(list) => objects.extend(list),
                Err(error) if error.is_forbidden() => {
                    unread.push(Unread { what: plural.to_owned(), why: error.to_string() });
                }
                Err(error) => return Err(error),
            }
        }
        let (rbac, problems) = RbacObjects::from_values(&objects);
        Ok((rbac, problems, unread))
    }

    /// The `data` of the aws-auth ConfigMap; `None` where there is none.
    pub async fn aws_auth(&self) -> Result<Option<BTreeMap<String, String>>, LiveError> {
        match self.get("/api/v1/namespaces/kube-system/configmaps/aws-auth").await {
            Ok(map) => {
                let data = map.get("data").and_then(Value::as_object);
                Ok(Some(
                    data.into_iter()
                        .flatten()
                        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                        .collect(),
                ))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Percent-encodes a query value.
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// The DER of each certificate in base64-encoded PEM.
fn certificates(base64_pem: &str) -> Option<Vec<Vec<u8>>> {
    let engine = base64::engine::general_purpose::STANDARD;
    let pem = String::from_utf8(engine.decode(base64_pem.trim()).ok()?).ok()?;
    let mut all = Vec::new();
    for block in pem.split("-----BEGIN CERTIFICATE-----").skip(1) {
        let (body, _) = block.split_once("-----END CERTIFICATE-----")?;
        let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        all.push(engine.decode(body).ok()?);
    }
    (!all.is_empty()).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_of_a_bundle() {
        let engine = base64::engine::general_purpose::STANDARD;
        let pem = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n# next\n-----BEGIN CERTIFICATE-----\r\nBA==\r\n-----END CERTIFICATE-----";
        assert_eq!(certificates(&engine.encode(pem)), Some(vec![vec![1, 2, 3], vec![4]]));
        for bad in ["", "%%%", &engine.encode("nothing"), &engine.encode("-----BEGIN CERTIFICATE-----\nAQID")] {
            assert_eq!(certificates(bad), None);
        }
    }
}

//! What each namespace has: the service account `default` and the ConfigMap with the cluster's certificate
//! authority; and the tokens of Secrets made for a service account.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entryway_access::UserInfo;
use entryway_objects::lifecycle::{self, Creation};
use entryway_objects::status::Status;
use serde_json::{Value, json};

use crate::api::Api;
use crate::controllers::{Seen, again};
use crate::failure::internal;
use crate::meta;
use crate::storage::{NotInserted, Target};
use crate::token::Claims;

/// The issuer of the tokens in Secrets.
pub(crate) const SECRET_ISSUER: &str = "kubernetes/serviceaccount";
const TOKEN_SECRET: &str = "kubernetes.io/service-account-token";
const ACCOUNT_NAME: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";
const ROOT_CA: &str = "kube-root-ca.crt";
const ROOT_CA_DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/// What every namespace has, as (resource, object).
pub(crate) fn of_namespace(ca_pem: &str) -> [(&'static str, Value); 2] {
    [
        ("serviceaccounts", json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}})),
        (
            "configmaps",
            json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": ROOT_CA, "annotations": {"kubernetes.io/description": ROOT_CA_DESCRIPTION}},
                "data": {"ca.crt": ca_pem},
            }),
        ),
    ]
}

/// Keeps namespaces and token Secrets furnished.
#[derive(Default)]
pub(crate) struct ServiceAccounts {
    namespaces: BTreeSet<String>,
    secrets: BTreeSet<(String, String)>,
    /// Namespaces with an account that went: their token Secrets go too.
    bereaved: BTreeSet<String>,
}

impl ServiceAccounts {
    pub(crate) fn observe(&mut self, seen: &Seen) {
        let is_default = seen.is("", "serviceaccounts") && seen.name == "default";
        if seen.is("", "namespaces") && seen.current.is_some() {
            self.namespaces.insert(seen.name.clone());
        } else if seen.is("", "configmaps") && seen.name == ROOT_CA || is_default && seen.current.is_none() {
            self.namespaces.insert(seen.namespace.clone());
        }
        if seen.is("", "serviceaccounts") && seen.current.is_none() {
            self.bereaved.insert(seen.namespace.clone());
        }
        if seen.is("", "secrets") && seen.current.as_ref().is_some_and(wants_token) {
            self.secrets.insert((seen.namespace.clone(), seen.name.clone()));
        }
    }

    pub(crate) async fn work(&mut self, api: &Api) -> bool {
        for name in self.namespaces.clone() {
            match furnish(api, &name).await {
                Ok(()) => {
                    self.namespaces.remove(&name);
                }
                Err(status) => again("furnishing a namespace", &name, &status),
            }
        }
        for namespace in std::mem::take(&mut self.bereaved) {
            match token_secrets(api, &namespace).await {
                Ok(names) => self.secrets.extend(names.into_iter().map(|name| (namespace.clone(), name))),
                Err(status) => {
                    again("looking for token secrets", &namespace, &status);
                    self.bereaved.insert(namespace);
                }
            }
        }
        for (namespace, name) in self.secrets.clone() {
            match fill(api, &namespace, &name).await {
                Ok(()) => {
                    self.secrets.remove(&(namespace, name));
                }
                Err(status) => again("filling a token secret", &name, &status),
            }
        }
        !self.namespaces.is_empty() || !self.secrets.is_empty() || !self.bereaved.is_empty()
    }
}

async fn furnish(api: &Api, name: &str) -> Result<(), Status> {
    let Some(namespaces) = api.core("namespaces") else { return Ok(()) };
    for (plural, object) in of_namespace(&api.config.ca_pem) {
        let Some(namespace) = api.storage.get(&namespaces, None, name).await? else { return Ok(()) };
        if meta::is_deleted(&namespace.object) {
            return Ok(());
        }
        let Some(target) = api.core(plural) else { continue };
        let wanted = meta::name(&object).to_owned();
        match api.storage.get(&target, Some(name), &wanted).await? {
            None => {
                let at = Some((namespaces.key(&api.storage.cluster, None, name), namespace.revision));
                let object = prepared(api, &target, name, object)?;
                match api.storage.insert(&target, Some(name), &wanted, at, object).await {
                    Ok(_) | Err(NotInserted::Exists) => {}
                    Err(NotInserted::NamespaceMoved) => return Err(internal("the namespace changed")),
                    Err(NotInserted::Failed(status)) => return Err(status),
                }
            }
            // The certificate authority is what everybody here relies on: it is put right.
            Some(stored) if plural == "configmaps" && stored.object.get("data") != object.get("data") => {
                let mut right = stored.object.clone();
                if let (Some(right), Some(data)) = (right.as_object_mut(), object.get("data")) {
                    right.insert("data".into(), data.clone());
                }
                if api.storage.replace(&target, Some(name), &wanted, stored.revision, right).await?.is_none() {
                    return Err(internal("the ConfigMap changed"));
                }
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// A new object of a controller, as a request for it would have made it.
pub(crate) fn prepared(api: &Api, target: &Target, namespace: &str, object: Value) -> Result<Value, Status> {
    let with = Creation {
        namespace: (!namespace.is_empty()).then_some(namespace),
        uid: &uuid::Uuid::new_v4().to_string(),
        now: api.now(),
        seed: rand::random(),
        mounts_token: true,
    };
    lifecycle::create(&target.served, object, &with)
}

pub(crate) fn is_token_secret(secret: &Value) -> bool {
    secret.get("type").and_then(Value::as_str) == Some(TOKEN_SECRET)
}

fn wants_token(secret: &Value) -> bool {
    is_token_secret(secret) && secret.pointer("/data/token").is_none()
}

fn annotation<'a>(object: &'a Value, name: &str) -> &'a str {
    let annotations = object.get("metadata").and_then(|metadata| metadata.get("annotations"));
    annotations.and_then(|annotations| annotations.get(name)).and_then(Value::as_str).unwrap_or_default()
}

/// The token that a Secret holds.
pub(crate) fn token_of(secret: &Value) -> Option<String> {
    let encoded = secret.pointer("/data/token").and_then(Value::as_str)?;
    String::from_utf8(STANDARD.decode(encoded).ok()?).ok()
}

async fn token_secrets(api: &Api, namespace: &str) -> Result<Vec<String>, Status> {
    let Some(target) = api.core("secrets") else { return Ok(Vec::new()) };
    let secrets = api.storage.all(&target, Some(namespace)).await?;
    Ok(secrets.iter().filter(|secret| is_token_secret(secret)).map(|secret| meta::name(secret).to_owned()).collect())
}

/// Puts the token into a Secret that asks for one; removes it where its account is not there (any more).
async fn fill(api: &Api, namespace: &str, name: &str) -> Result<(), Status> {
    let (Some(secrets), Some(accounts)) = (api.core("secrets"), api.core("serviceaccounts")) else { return Ok(()) };
    let Some(stored) = api.storage.get(&secrets, Some(namespace), name).await? else { return Ok(()) };
    if !is_token_secret(&stored.object) {
        return Ok(());
    }
    let wanted_uid = annotation(&stored.object, ACCOUNT_UID).to_owned();
    let account_name = annotation(&stored.object, ACCOUNT_NAME).to_owned();
    let account = api.storage.get(&accounts, Some(namespace), &account_name).await?;
    let account = account.filter(|account| wanted_uid.is_empty() || wanted_uid == meta::uid(&account.object));
    let Some(account) = account else {
        return match api.storage.remove(&secrets, Some(namespace), name, stored.revision).await? {
            Some(_) => Ok(()),
            None => Err(internal("the Secret changed")),
        };
    };
    if !wants_token(&stored.object) {
        return Ok(());
    }
    let uid = meta::uid(&account.object).to_owned();
    let claims = Claims {
        iss: SECRET_ISSUER.into(),
        aud: Vec::new(),
        sub: UserInfo::service_account(namespace, &account_name).username,
        exp: None,
        nbf: None,
        iat: None,
        jti: None,
        bound: None,
        secret_namespace: Some(namespace.to_owned()),
        secret_name: Some(name.to_owned()),
        secret_account: Some(account_name),
        secret_account_uid: Some(uid.clone()),
    };
    let claims = serde_json::to_value(claims).map_err(|error| internal(&error.to_string()))?;
    let token = api.config.token_key.sign(&claims).map_err(|error| internal(&error.to_string()))?;
    let mut object = stored.object;
    if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.insert(ACCOUNT_UID.into(), uid.into());
    }
    if let Some(secret) = object.as_object_mut() {
        let data = secret.entry("data").or_insert_with(|| json!({}));
        if let Some(data) = data.as_object_mut() {
            data.insert("token".into(), STANDARD.encode(token).into());
            data.insert("namespace".into(), STANDARD.encode(namespace).into());
            data.insert("ca.crt".into(), STANDARD.encode(&api.config.ca_pem).into());
        }
    }
    match api.storage.replace(&secrets, Some(namespace), name, stored.revision, object).await? {
        Some(_) => Ok(()),
        None => Err(internal("the Secret changed")),
    }
}

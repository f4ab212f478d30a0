//! The Kubernetes API of one cluster: the sandbox, wired to its authority.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entryway_sandbox::{Authority, BodyBudget, Sandbox, SandboxConfig, ServiceAccountKey};
use entryway_store::{Revision, Store, Txn, TxnOutcome};
use jiff::Timestamp;
use serde_json::json;

use crate::clusters::Shared;
use crate::eks::ClusterRecord;
use crate::{http, keys, panics};

/// Memory for the bodies of requests to one cluster, in bytes: those of another cluster, or of the EKS API, are not
/// used up by them. An object that has been read takes many times its body.
const BODIES: usize = 24 * 1024 * 1024;
/// What one caller has of it: two of the longest bodies.
const SHARE: usize = 6 * 1024 * 1024;

/// Starts the cluster's Kubernetes API, and tells the revision of what it then wrote, if anything. The error says why
/// it does not start.
pub(crate) async fn start(
    shared: &Shared,
    record: &ClusterRecord,
    authority: Arc<dyn Authority>,
) -> Result<(Sandbox, Option<Revision>), String> {
    let config = SandboxConfig {
        cluster: record.id.clone(),
        store: Arc::clone(&shared.store),
        authority,
        ca_pem: shared.ca_pem.clone(),
        token_key: Arc::new(service_account_key(shared.store.as_ref(), &record.id).await?),
        issuer: "https://kubernetes.default.svc".to_owned(),
        endpoint: format!("{}:{}", shared.host, record.port),
        aws_auth: record.mode().has_config_map(),
        version_suffix: "-eks-entryway".to_owned(),
        bodies: BodyBudget::new(BODIES, SHARE),
        clock: Timestamp::now,
    };
    let before = shared.store.revision().await.map_err(|error| error.to_string())?;
    let sandbox = Sandbox::start(config).await.map_err(|error| error.to_string())?;
    let after = shared.store.revision().await.map_err(|error| error.to_string())?;
    Ok((sandbox, (after > before).then_some(after)))
}

/// The Kubernetes API with panics answered: `InternalError`, as the API server does it.
pub(crate) fn guarded(router: Router) -> Router {
    router.layer(axum::middleware::from_fn(async |request: Request, next: Next| {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        match panics::caught(next.run(request)).await {
            Ok(answer) => answer,
            Err(panic) => {
                tracing::error!(%method, path, panic, "a request to the Kubernetes API panicked");
                let reason = "this request caused apiserver to panic. Look in the logs for details.";
                let status = json!({
                    "kind": "Status",
                    "apiVersion": "v1",
                    "metadata": {},
                    "status": "Failure",
                    "message": format!("Internal error occurred: {reason}"),
                    "reason": "InternalError",
                    "details": { "causes": [{ "message": reason }] },
                    "code": 500,
                });
                http::text(StatusCode::INTERNAL_SERVER_ERROR, "application/json", status.to_string())
            }
        }
    }))
}

/// The key that signs a cluster's service-account tokens: made once, kept in the (private) store.
async fn service_account_key(store: &dyn Store, cluster: &str) -> Result<ServiceAccountKey, String> {
    let place = format!("{}{cluster}", keys::TOKEN_KEYS);
    if let Some(found) = store.get(&place).await.map_err(|error| error.to_string())? {
        let bytes = STANDARD.decode(&found.value).map_err(|_| format!("`{place}` in the store is damaged"))?;
        return ServiceAccountKey::from_pkcs8(&bytes).map_err(|error| error.to_string());
    }
    let key = ServiceAccountKey::generate().map_err(|error| error.to_string())?;
    let txn = Txn::new().absent(&place).put(&place, STANDARD.encode(key.as_pkcs8()));
    match store.commit(txn).await.map_err(|error| error.to_string())? {
        TxnOutcome::Committed(_) => Ok(key),
        TxnOutcome::Conflict { .. } => Err(format!("`{place}` was made by another process")),
    }
}

//! The Kubernetes API of one cluster: the sandbox, wired to its authority.

use std::sync::Arc;

use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entryway_sandbox::Authority;
use entryway_store::{Store, StoreError, Txn};

use crate::clusters::Shared;
use crate::eks::ClusterRecord;
use crate::keys;

/// The cluster's router.
pub(crate) async fn router(shared: &Shared, record: &ClusterRecord, authority: Arc<dyn Authority>) -> Result<Router, String> {
    let key = service_account_key(shared.store.as_ref(), &record.id).await.map_err(|error| error.to_string())?;
    let _ = (record, authority, &shared.ca_pem, key);
    Ok(Router::new())
}

/// The key that signs a cluster's service-account tokens, PKCS#8: made once, kept in the (private) store.
async fn service_account_key(store: &dyn Store, cluster: &str) -> Result<Vec<u8>, StoreError> {
    let place = format!("{}{cluster}", keys::TOKEN_KEYS);
    if let Some(found) = store.get(&place).await? {
        return STANDARD.decode(&found.value).map_err(|_| StoreError::Unavailable(format!("`{place}` is damaged")));
    }
    let _ = (Txn::new(), place);
    Ok(Vec::new())
}

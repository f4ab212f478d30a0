//! Removing what deleted clusters and old request tokens leave behind, in the background, in small steps. What a
//! crash interrupts goes on at the next start.

use std::sync::Arc;
use std::time::Duration;

use entryway_sandbox::Sandbox;
use entryway_store::{ListOptions, Store, StoreError, Txn};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::eks::request_token_is_over;
use crate::keys;
use crate::plane::ControlPlane;

/// How often everything is looked through.
const EVERY: Duration = Duration::from_secs(3600);
/// The most keys of one transaction.
const STEP: usize = 500;

/// Sweeps until `stop` turns true.
pub(crate) async fn run(plane: Arc<ControlPlane>, mut stop: watch::Receiver<bool>) {
    loop {
        let result = async {
            deleted_clusters(plane.store.as_ref()).await?;
            old_tokens(plane.store.as_ref(), Timestamp::now()).await
        };
        if let Err(error) = result.await {
            tracing::error!(%error, "the store could not be swept");
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = plane.sweep.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Removes the objects of deleted clusters, and then the notes of them.
async fn deleted_clusters(store: &dyn Store) -> Result<(), StoreError> {
    for note in store.list(keys::GONE, ListOptions::default()).await?.items {
        let Some(id) = note.key.strip_prefix(keys::GONE) else { continue };
        Sandbox::delete(store, id).await?;
        delete_all(store, &format!("{}{id}/", keys::SIGN_INS)).await?;
        let _ = store.commit(Txn::new().delete(format!("{}{id}", keys::TOKEN_KEYS)).delete(note.key)).await?;
    }
    Ok(())
}

async fn delete_all(store: &dyn Store, prefix: &str) -> Result<(), StoreError> {
    loop {
        let some = store.list(prefix, ListOptions { after: None, limit: STEP, at: None }).await?.items;
        if some.is_empty() {
            return Ok(());
        }
        let _ = store.commit(some.into_iter().fold(Txn::new(), |txn, item| txn.delete(item.key))).await?;
    }
}

/// Removes request tokens that have been forgotten.
async fn old_tokens(store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = store.list(keys::CLUSTERS_ROOT, ListOptions { after, limit: STEP, at: None }).await?.items;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.key.clone());
        let is_token = |key: &str| key.split('/').nth(4) == Some("requests");
        let over = page.into_iter().filter(|item| is_token(&item.key) && request_token_is_over(&item.value, now));
        let txn = over.fold(Txn::new(), |txn, item| txn.modified_at(&item.key, item.modified).delete(item.key));
        if !txn.ops.is_empty() {
            let _ = store.commit(txn).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entryway_store::MemoryStore;

    #[tokio::test]
    async fn deleted_clusters_leave_nothing() {
        let store = MemoryStore::new();
        let mut txn = Txn::new().put("/server/gone/a", Vec::new()).put("/server/token-keys/a", Vec::new());
        txn = txn.put("/server/sign-ins/a/head", Vec::new()).put("/server/sign-ins/a/awsAuth/x", Vec::new());
        for n in 0..1200 {
            txn = txn.put(format!("/k8s/a/core/secrets/x/{n}"), Vec::new());
        }
        let _ = store.commit(txn.put("/k8s/ab/core/secrets/x/y", Vec::new())).await.unwrap();
        deleted_clusters(&store).await.unwrap();
        let left = store.list("/", ListOptions::default()).await.unwrap().items;
        assert_eq!(left.into_iter().map(|item| item.key).collect::<Vec<_>>(), ["/k8s/ab/core/secrets/x/y"]);
    }
}

//! Tells open pages that something changed, as server-sent events from the store's watches. An event holds nothing of
//! the change: the page asks for itself again, and shows what its reader may see.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use entryway_sandbox::keys as objects;
use entryway_store::{StoreError, Watch};
use futures::stream;
use jiff::Timestamp;

use super::page::{Problem, Reply};
use super::visit::{Visit, identity};
use super::{audit, cluster, surroundings};
use crate::keys;
use crate::plane::ControlPlane;

/// A burst of changes makes one event.
const PAUSE: Duration = Duration::from_millis(200);
/// How often it is looked whether the session still is.
const CHECK: Duration = Duration::from_secs(2);

/// `GET /console/live?region=…&cluster=…&objects=on&findings=on&audit=on`.
pub(super) async fn stream(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let query = &visit.query;
    let mut prefixes = vec![format!("{}{}/", keys::CLUSTERS_ROOT, visit.who.account())];
    if !query.text("cluster").is_empty() {
        let cluster = cluster::find(visit, query.text("region"), query.text("cluster")).await?;
        prefixes = vec![
            cluster.place.cluster(&cluster.record.name),
            cluster.place.entries(&cluster.record.name),
            cluster.place.policies(),
        ];
        if query.is_on("findings") && cluster.sees_access(visit) {
            prefixes.extend(surroundings::prefixes(visit, &cluster.record, &cluster.snapshot));
        }
        let all = objects::cluster_prefix(&cluster.record.id);
        match query.is_on("objects") {
            true => prefixes.push(all),
            false => {
                prefixes.push(format!("{all}rbac.authorization.k8s.io/"));
                prefixes.push(objects::namespace_prefix(&cluster.record.id, "", "configmaps", "kube-system"));
            }
        }
    }
    if query.is_on("audit") {
        // When something happens is told only to who may see what.
        audit::may_look(visit)?;
        prefixes = vec![keys::AUDIT.to_owned()];
    }
    let store = Arc::clone(&visit.plane.store);
    let from = store.revision().await?;
    let mut watches = Vec::with_capacity(prefixes.len());
    for prefix in &prefixes {
        watches.push(store.watch(prefix, from).await?);
    }
    let state = Stream {
        plane: Arc::clone(visit.plane),
        secret: visit.secret.clone(),
        key: visit.session.key().to_owned(),
        watches,
        begun: false,
    };
    let events = stream::unfold(state, |mut state| async move {
        let event = state.next().await?;
        Some((Ok::<Bytes, Infallible>(Bytes::from_static(event)), state))
    });
    let mut response = Response::new(Body::from_stream(events));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(Reply::Other(response))
}

struct Stream {
    plane: Arc<ControlPlane>,
    secret: String,
    key: String,
    watches: Vec<Box<dyn Watch>>,
    begun: bool,
}

impl Stream {
    /// The next event; `None` where the session is over, or the browser is to ask again.
    async fn next(&mut self) -> Option<&'static [u8]> {
        if !self.begun {
            self.begun = true;
            return Some(b"retry: 1000\n\nevent: ready\ndata: 1\n\n");
        }
        match tokio::time::timeout(CHECK, any(&mut self.watches)).await {
            Ok(Ok(())) => {
                tokio::time::sleep(PAUSE).await;
                self.is_alive().await.then_some(b"event: changed\ndata: 1\n\n".as_slice())
            }
            // It fell behind or the store failed: the browser comes back, and looks at everything.
            Ok(Err(_)) => None,
            Err(_) => self.is_alive().await.then_some(b": still here\n\n".as_slice()),
        }
    }

    /// Whether the session still is. The future does not borrow the watches.
    fn is_alive(&self) -> impl Future<Output = bool> + Send + use<> {
        let (plane, key, now) = (Arc::clone(&self.plane), self.key.clone(), Timestamp::now());
        let session = plane.console.sessions.find(&self.secret, false, now);
        let same = session.is_some_and(|session| session.key() == key);
        async move { same && identity(&plane, &key, now).await.is_some() }
    }
}

/// Returns when something has changed under any of them. A mark of progress, which comes when the store moves on
/// elsewhere, is none.
async fn any(watches: &mut [Box<dyn Watch>]) -> Result<(), StoreError> {
    loop {
        let all = watches.iter_mut().map(|watch| watch.next());
        let (first, _, _) = futures::future::select_all(all).await;
        if !first?.changes.is_empty() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use entryway_store::{Change, ChangeBatch};
    use futures::FutureExt;

    use super::*;

    /// Gives these batches, then nothing more.
    struct Given(Vec<ChangeBatch>);

    #[async_trait]
    impl Watch for Given {
        async fn next(&mut self) -> Result<ChangeBatch, StoreError> {
            match self.0.pop() {
                Some(batch) => Ok(batch),
                None => std::future::pending().await,
            }
        }
    }

    #[test]
    fn a_mark_of_progress_is_no_change() {
        let mark = |revision| ChangeBatch { revision, changes: Vec::new() };
        let quiet = || Box::new(Given(vec![mark(2), mark(1)])) as Box<dyn Watch>;
        assert!(any(&mut [quiet(), quiet()]).now_or_never().is_none(), "nothing has changed");
        let change = Change { key: "a".to_owned(), current: None, previous: None };
        let busy = Given(vec![ChangeBatch { revision: 4, changes: vec![change] }, mark(3)]);
        assert!(any(&mut [quiet(), Box::new(busy)]).now_or_never().is_some_and(|changed| changed.is_ok()));
    }
}

//! Bodies of requests, buffered: each within a size and a time, all of them within a budget of memory. Who may use
//! which budget is the caller's: whoever is known should have one that strangers can't use up.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use hyper::body::Body as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a body may take to arrive, the wait for its part of the budget included.
const PATIENCE: Duration = Duration::from_secs(30);

/// Memory for the bodies that are held at a time. Clones share it.
#[derive(Debug, Clone)]
pub struct BodyBudget(Arc<Semaphore>);

/// A body, with its part of the budget for as long as it is held.
#[derive(Debug)]
pub struct BufferedBody {
    bytes: Bytes,
    _part: Option<OwnedSemaphorePermit>,
}

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// It is longer than the limit.
    #[error("it is longer")]
    TooLong,
    /// It took longer than half a minute.
    #[error("it did not arrive in time")]
    Late,
    /// The connection or its framing broke.
    #[error("{0}")]
    Broken(axum::Error),
}

impl BufferedBody {
    /// No body.
    pub const EMPTY: BufferedBody = BufferedBody { bytes: Bytes::new(), _part: None };

    /// The bytes; clones of them must not outlive the body.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl BodyBudget {
    /// A budget of that many bytes, at least as many as the longest body may have.
    pub fn new(bytes: usize) -> BodyBudget {
        BodyBudget(Arc::new(Semaphore::new(bytes)))
    }

    /// Reads a body of at most `limit` bytes. One that says that it is longer is not read at all.
    ///
    /// # Errors
    /// [`BodyError`]; none is worth a retry of the same body but [`BodyError::Late`].
    pub async fn read(&self, body: Body, limit: u32) -> Result<BufferedBody, BodyError> {
        if body.is_end_stream() {
            return Ok(BufferedBody::EMPTY);
        }
        tokio::time::timeout(PATIENCE, self.read_patiently(body, limit)).await.unwrap_or(Err(BodyError::Late))
    }

    async fn read_patiently(&self, body: Body, limit: u32) -> Result<BufferedBody, BodyError> {
        let hint = body.size_hint();
        if hint.lower() > u64::from(limit) {
            return Err(BodyError::TooLong);
        }
        // All at once: two that wait for each other's half would wait for ever.
        let most = hint.upper().and_then(|most| u32::try_from(most).ok()).unwrap_or(limit).min(limit);
        let part = Arc::clone(&self.0).acquire_many_owned(most).await.ok();
        let mut all = BytesMut::new();
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(BodyError::Broken)?;
            if all.len() + chunk.len() > most as usize {
                return Err(BodyError::TooLong);
            }
            all.extend_from_slice(&chunk);
        }
        Ok(BufferedBody { bytes: all.freeze(), _part: part })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, stream};

    fn chunked(chunks: &'static [&'static str]) -> Body {
        Body::from_stream(stream::iter(chunks.iter().map(|chunk| Ok::<_, std::io::Error>(*chunk))))
    }

    #[tokio::test]
    async fn all_bodies_share_the_budget() {
        let small = BodyBudget::new(100);
        let first = small.read(Body::from("x".repeat(60)), 80).await.unwrap();
        assert!(small.read(Body::from("x".repeat(60)), 80).now_or_never().is_none(), "it waits");
        // Without a length it may become as long as the limit.
        assert!(small.clone().read(chunked(&["x"]), 80).now_or_never().is_none());
        drop(first);
        assert_eq!(small.read(chunked(&["ab", "c"]), 80).await.unwrap().bytes(), "abc");
        assert!(matches!(small.read(chunked(&["ab", "c"]), 2).await, Err(BodyError::TooLong)));
        assert!(matches!(small.read(Body::from("abc"), 2).await, Err(BodyError::TooLong)));
        assert_eq!(small.0.available_permits(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_bodies_end() {
        let small = BodyBudget::new(100);
        let never = || Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        assert!(matches!(small.read(never(), 80).await, Err(BodyError::Late)));
        let held = small.read(Body::from("x".repeat(60)), 80).await.unwrap();
        assert!(matches!(small.read(never(), 80).await, Err(BodyError::Late)), "also while they wait");
        drop(held);
    }
}

//! Bodies of requests to the API port, buffered: each within a size and a time, all of them within a budget of
//! memory. Whoever has not shown an access key that exists has a budget apart, so that strangers can't use up the
//! others'.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use hyper::body::Body as _;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// The budget of those with an access key that exists, in bytes.
static KNOWN: Semaphore = Semaphore::const_new(64 * 1024 * 1024);
/// The budget of all others.
static STRANGERS: Semaphore = Semaphore::const_new(16 * 1024 * 1024);

/// Whose budget a body is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    /// Shows an access key that exists. The signature is checked later.
    Known,
    /// Anybody else.
    Stranger,
}

/// A body, with its part of the budget for as long as it is held.
#[derive(Debug)]
pub(crate) struct Buffered {
    pub(crate) bytes: Bytes,
    _part: Option<SemaphorePermit<'static>>,
}

impl Buffered {
    /// No body.
    pub(crate) const EMPTY: Buffered = Buffered { bytes: Bytes::new(), _part: None };
}

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("it is longer")]
    TooLong,
    #[error("it did not arrive in time")]
    Late,
    #[error("{0}")]
    Broken(axum::Error),
}

/// Reads a body of at most `limit` bytes. One that says that it is longer is not read at all.
pub(crate) async fn read(body: Body, sender: Sender, limit: u32) -> Result<Buffered, BodyError> {
    if body.is_end_stream() {
        return Ok(Buffered::EMPTY);
    }
    let budget = match sender {
        Sender::Known => &KNOWN,
        Sender::Stranger => &STRANGERS,
    };
    tokio::time::timeout(PATIENCE, read_within(body, budget, limit)).await.unwrap_or(Err(BodyError::Late))
}

async fn read_within(body: Body, budget: &'static Semaphore, limit: u32) -> Result<Buffered, BodyError> {
    let hint = body.size_hint();
    if hint.lower() > u64::from(limit) {
        return Err(BodyError::TooLong);
    }
    // All at once: two that wait for each other's half would wait for ever.
    let most = hint.upper().and_then(|most| u32::try_from(most).ok()).unwrap_or(limit).min(limit);
    let part = budget.acquire_many(most).await.ok();
    let mut all = BytesMut::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(BodyError::Broken)?;
        if all.len() + chunk.len() > most as usize {
            return Err(BodyError::TooLong);
        }
        all.extend_from_slice(&chunk);
    }
    Ok(Buffered { bytes: all.freeze(), _part: part })
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, stream};

    static SMALL: Semaphore = Semaphore::const_new(100);

    fn chunked(chunks: &'static [&'static str]) -> Body {
        Body::from_stream(stream::iter(chunks.iter().map(|chunk| Ok::<_, std::io::Error>(*chunk))))
    }

    #[tokio::test]
    async fn all_bodies_share_the_budget() {
        let first = read_within(Body::from("x".repeat(60)), &SMALL, 80).await.unwrap();
        assert!(read_within(Body::from("x".repeat(60)), &SMALL, 80).now_or_never().is_none(), "it waits");
        // Without a length it may become as long as the limit.
        assert!(read_within(chunked(&["x"]), &SMALL, 80).now_or_never().is_none());
        drop(first);
        assert_eq!(read_within(chunked(&["ab", "c"]), &SMALL, 80).await.unwrap().bytes, "abc");
        assert!(matches!(read_within(chunked(&["ab", "c"]), &SMALL, 2).await, Err(BodyError::TooLong)));
        assert!(matches!(read_within(Body::from("abc"), &SMALL, 2).await, Err(BodyError::TooLong)));
        assert_eq!(SMALL.available_permits(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_bodies_end() {
        let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        assert!(matches!(read(never, Sender::Stranger, 10).await, Err(BodyError::Late)));
    }
}

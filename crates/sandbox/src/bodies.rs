//! Bodies of requests, buffered: each within a size and a time, all of them within a budget of memory, and of each
//! holder within a share of it. A body pays for what has arrived, not for what it announces.
//!
//! Nobody waits for room. A small body, as nearly all are, takes it from the largest that is still arriving; any body
//! takes it from those that have been arriving for long; else it is refused, to be sent again. So whoever sends
//! slowly, or much, is in nobody's way, not even where he and another are taken for one.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use hyper::body::Body as _;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// From then on, a body that is still arriving gives way to any other.
const SLOW: Duration = Duration::from_secs(2);
/// Up to so many bytes, a body is small.
const SMALL: usize = 64 * 1024;

/// Memory for the bodies that are held at a time. Clones share it.
#[derive(Debug, Clone)]
pub struct BodyBudget(Arc<Ledger>);

#[derive(Debug)]
struct Ledger {
    /// Of all, in bytes.
    most: usize,
    /// Of one holder.
    share: usize,
    books: Mutex<Books>,
}

/// INVARIANT: `held` is the sum of `holders`, and each of these the sum of its bodies.
#[derive(Debug, Default)]
struct Books {
    held: usize,
    holders: HashMap<Arc<str>, usize>,
    bodies: BTreeMap<u64, Entry>,
    next: u64,
}

/// A body in the books.
#[derive(Debug)]
struct Entry {
    holder: Arc<str>,
    bytes: usize,
    begun: Instant,
    /// Tells who reads it to give up; `None` once it is complete.
    arriving: Option<Arc<Notify>>,
}

impl Entry {
    /// Whether it gives way to another that comes to hold so much.
    fn gives_way(&self, to: usize, now: Instant) -> bool {
        let is_slow = self.bytes > 0 && now.duration_since(self.begun) >= SLOW;
        self.arriving.is_some() && (is_slow || to <= SMALL && to < self.bytes)
    }
}

impl Books {
    fn close(&mut self, id: u64) {
        let Some(entry) = self.bodies.remove(&id) else { return };
        self.held -= entry.bytes;
        if let Some(own) = self.holders.get_mut(&entry.holder) {
            *own -= entry.bytes;
            if *own == 0 {
                self.holders.remove(&entry.holder);
            }
        }
        if let Some(reader) = entry.arriving {
            reader.notify_one();
        }
    }

    /// Whether there is room for so many more bytes of a body, at others' cost where need be.
    fn charge(&mut self, id: u64, more: usize, ledger: &Ledger, now: Instant) -> bool {
        loop {
            let Some(entry) = self.bodies.get_mut(&id) else { return false };
            let own = self.holders.entry(Arc::clone(&entry.holder)).or_default();
            let in_share = *own + more <= ledger.share;
            if in_share && self.held + more <= ledger.most {
                *own += more;
                self.held += more;
                entry.bytes += more;
                return true;
            }
            let (holder, to) = (Arc::clone(&entry.holder), entry.bytes + more);
            let others = self.bodies.iter().filter(|(other, entry)| {
                **other != id && (in_share || entry.holder == holder) && entry.gives_way(to, now)
            });
            match others.max_by_key(|(_, entry)| entry.bytes).map(|(other, _)| *other) {
                Some(largest) => self.close(largest),
                None => return false,
            }
        }
    }
}

impl Ledger {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one body in the books, for as long as it is held.
#[derive(Debug)]
struct Part {
    ledger: Arc<Ledger>,
    id: u64,
}

impl Drop for Part {
    fn drop(&mut self) {
        self.ledger.books().close(self.id);
    }
}

/// A body, with its part of the budget for as long as it is held.
#[derive(Debug)]
pub struct BufferedBody {
    bytes: Bytes,
    _part: Option<Part>,
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
    /// There is no room for it beside others, or no more.
    #[error("too much is being sent at a time")]
    Crowded,
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
    /// A budget of that many bytes, of which one holder has at most `share`: at least as many as the longest body may
    /// have.
    pub fn new(most: usize, share: usize) -> BodyBudget {
        BodyBudget(Arc::new(Ledger { most, share, books: Mutex::default() }))
    }

    /// Reads a body of at most `limit` bytes, of a holder by any name. One that says that it is longer is not read at
    /// all.
    ///
    /// # Errors
    /// [`BodyError`]; worth a retry of the same body are [`BodyError::Late`] and [`BodyError::Crowded`].
    pub async fn read(&self, holder: &str, body: Body, limit: u32) -> Result<BufferedBody, BodyError> {
        if body.is_end_stream() {
            return Ok(BufferedBody::EMPTY);
        }
        if body.size_hint().lower() > u64::from(limit) {
            return Err(BodyError::TooLong);
        }
        let (part, given_up) = self.open(holder);
        let read = tokio::select! {
            biased;
            () = given_up.notified() => return Err(BodyError::Crowded),
            read = tokio::time::timeout(PATIENCE, part.fill(body, limit)) => read.unwrap_or(Err(BodyError::Late)),
        };
        let bytes = read?;
        if let Some(entry) = self.0.books().bodies.get_mut(&part.id) {
            entry.arriving = None;
        }
        Ok(BufferedBody { bytes, _part: Some(part) })
    }

    /// Enters a body, with nothing arrived.
    fn open(&self, holder: &str) -> (Part, Arc<Notify>) {
        let given_up = Arc::new(Notify::new());
        let mut books = self.0.books();
        let id = books.next;
        books.next += 1;
        let entry =
            Entry { holder: holder.into(), bytes: 0, begun: Instant::now(), arriving: Some(Arc::clone(&given_up)) };
        books.bodies.insert(id, entry);
        (Part { ledger: Arc::clone(&self.0), id }, given_up)
    }
}

impl Part {
    async fn fill(&self, body: Body, limit: u32) -> Result<Bytes, BodyError> {
        let mut all = BytesMut::new();
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(BodyError::Broken)?;
            if all.len() + chunk.len() > limit as usize {
                return Err(BodyError::TooLong);
            }
            if !self.ledger.books().charge(self.id, chunk.len(), &self.ledger, Instant::now()) {
                return Err(BodyError::Crowded);
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, stream};

    const KB: usize = 1024;

    /// So many bytes, and then nothing.
    fn stuck(bytes: usize) -> Body {
        let begin = stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; bytes]))]);
        Body::from_stream(begin.chain(stream::pending()))
    }

    fn whole(bytes: usize) -> Body {
        Body::from(vec![b'x'; bytes])
    }

    /// Begins to read; gives the task once all that comes has arrived.
    async fn begin(budget: &BodyBudget, holder: &'static str, body: Body) -> Task {
        let budget = budget.clone();
        let task = tokio::spawn(async move { budget.read(holder, body, 3 << 20).await });
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        task
    }

    type Task = tokio::task::JoinHandle<Result<BufferedBody, BodyError>>;

    fn free(budget: &BodyBudget) -> usize {
        let books = budget.0.books();
        assert_eq!(books.held, books.bodies.values().map(|entry| entry.bytes).sum::<usize>());
        assert_eq!(books.held, books.holders.values().sum::<usize>());
        budget.0.most - books.held
    }

    #[tokio::test]
    async fn limits_of_one_body() {
        let budget = BodyBudget::new(100, 100);
        let chunked = || {
            let chunks = ["ab", "c"].map(Ok::<_, std::io::Error>);
            Body::from_stream(stream::iter(chunks))
        };
        assert_eq!(budget.read("a", chunked(), 80).await.unwrap().bytes(), "abc");
        assert!(matches!(budget.read("a", chunked(), 2).await, Err(BodyError::TooLong)));
        assert!(matches!(budget.read("a", Body::from("abc"), 2).await, Err(BodyError::TooLong)));
        assert!(budget.read("a", Body::empty(), 0).await.unwrap().bytes().is_empty());
        assert_eq!(free(&budget), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_announced_costs_nothing() {
        let budget = BodyBudget::new(100, 100);
        let never = || Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let waiting = [begin(&budget, "a", never()).await, begin(&budget, "a", never()).await];
        assert_eq!(free(&budget), 100);
        assert!(budget.read("a", whole(100), 100).now_or_never().unwrap().is_ok());
        for waiting in waiting {
            assert!(matches!(waiting.await.unwrap(), Err(BodyError::Late)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_has_more_than_a_share() {
        let budget = BodyBudget::new(1000 * KB, 300 * KB);
        let held = [
            budget.read("a", whole(150 * KB), 3 << 20).await.unwrap(),
            budget.read("a", whole(150 * KB), 3 << 20).await.unwrap(),
        ];
        assert!(matches!(budget.read("a", whole(1), 80).await, Err(BodyError::Crowded)), "complete ones stay");
        let others = budget.read("b", whole(300 * KB), 3 << 20).await.unwrap();
        drop(held);
        budget.read("a", whole(300 * KB), 3 << 20).await.unwrap();
        drop(others);
        assert_eq!(free(&budget), 1000 * KB);
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_body_takes_the_place_of_the_largest_that_arrives() {
        let budget = BodyBudget::new(1000 * KB, 300 * KB);
        let (smaller, larger) =
            (begin(&budget, "a", stuck(100 * KB)).await, begin(&budget, "a", stuck(200 * KB)).await);
        assert!(matches!(budget.read("a", whole(70 * KB), 3 << 20).await, Err(BodyError::Crowded)), "not so small");
        let small = budget.read("a", whole(60 * KB), 3 << 20).await.unwrap();
        assert!(matches!(larger.await.unwrap(), Err(BodyError::Crowded)));
        assert_eq!(free(&budget), 840 * KB);
        drop(small);
        assert!(!smaller.is_finished());
        assert!(matches!(smaller.await.unwrap(), Err(BodyError::Late)));
        assert_eq!(free(&budget), 1000 * KB);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_bodies_give_way_to_any() {
        let budget = BodyBudget::new(300 * KB, 300 * KB);
        let slow = [begin(&budget, "a", stuck(150 * KB)).await, begin(&budget, "b", stuck(150 * KB)).await];
        assert!(matches!(budget.read("c", whole(150 * KB), 3 << 20).await, Err(BodyError::Crowded)));
        tokio::time::advance(SLOW).await;
        let whole = budget.read("c", whole(300 * KB), 3 << 20).await.unwrap();
        for slow in slow {
            assert!(matches!(slow.await.unwrap(), Err(BodyError::Crowded)));
        }
        drop(whole);
        assert_eq!(free(&budget), 300 * KB);
    }
}

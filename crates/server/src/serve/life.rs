//! What a connection is doing, and when it has had its time.
//!
//! A connection may stay silent for a while before its first request, and longer between requests. With a request
//! under way it may stay for as long as that takes, for watches never end by themselves, unless the client leaves
//! what it was sent unread: with bytes of an answer waiting, some have to be taken now and then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Limits;

/// The life of one connection.
#[derive(Debug)]
pub(super) struct Life {
    limits: Limits,
    state: Mutex<State>,
    displaced: Notify,
}

#[derive(Debug)]
struct State {
    /// Whether a request has come.
    begun: bool,
    /// Requests that are not fully answered, by a number of their own.
    requests: HashMap<u64, Progress>,
    /// The number of the next.
    next: u64,
    /// Of no meaning while there are requests.
    idle_since: Instant,
    /// Whether it has to make room for another.
    displaced: bool,
}

/// How far the answer to a request has come.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// Bytes that were given away to be sent and are still held.
    unsent: usize,
    /// When the last of them was taken, or the first given. Of no meaning while there are none.
    moved: Instant,
}

/// A request under way, for as long as it is held.
#[derive(Debug)]
pub(super) struct UnderWay {
    life: Arc<Life>,
    number: u64,
}

impl Life {
    pub(super) fn new(limits: Limits) -> Arc<Life> {
        let state =
            State { begun: false, requests: HashMap::new(), next: 0, idle_since: Instant::now(), displaced: false };
        Arc::new(Life { limits, state: Mutex::new(state), displaced: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request begins.
    pub(super) fn request(self: &Arc<Life>) -> UnderWay {
        let mut state = self.state();
        let number = state.next;
        state.begun = true;
        state.next += 1;
        state.requests.insert(number, Progress { unsent: 0, moved: Instant::now() });
        UnderWay { life: Arc::clone(self), number }
    }

    /// Whether a request has come.
    pub(super) fn has_begun(&self) -> bool {
        self.state().begun
    }

    /// Whether no request is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.state().requests.is_empty()
    }

    /// Whether the client has left an answer unread for too long.
    pub(super) fn is_stalled(&self) -> bool {
        self.state().stalled_from(self.limits.unread).is_some_and(|from| from <= Instant::now())
    }

    /// Whether it has to make room at once.
    pub(super) fn is_displaced(&self) -> bool {
        self.state().displaced
    }

    /// Whom to close first to make room, the least first; `None` while it may not be closed, or is being closed.
    pub(super) fn rank(&self) -> Option<(bool, Instant)> {
        let state = self.state();
        (state.requests.is_empty() && !state.displaced).then_some((state.begun, state.idle_since))
    }

    /// Makes [`Life::over`] return, unless a request has come in the meantime.
    pub(super) fn displace(&self) {
        let mut state = self.state();
        if state.requests.is_empty() {
            state.displaced = true;
            self.displaced.notify_one();
        }
    }

    /// Returns when the connection has been silent or unread for too long, or has to make room. It looks only when the
    /// time may be up, so that requests cost nothing here: both may last up to twice as long as they should.
    pub(super) async fn over(&self) {
        while let Some(look) = self.next_look() {
            tokio::select! {
                () = self.displaced.notified() => {}
                () = tokio::time::sleep_until(look) => {}
            }
        }
    }

    /// When the time may be up; `None` where it is.
    fn next_look(&self) -> Option<Instant> {
        let (state, now) = (self.state(), Instant::now());
        let allowed = if state.begun { self.limits.idle } else { self.limits.patience };
        let up = match state.requests.is_empty() {
            true => state.idle_since + allowed,
            false => state.stalled_from(self.limits.unread).unwrap_or(now + allowed.min(self.limits.unread)),
        };
        (!state.displaced && up > now).then_some(up)
    }
}

impl State {
    /// From when on an answer is unread for too long, if nothing more of it is taken.
    fn stalled_from(&self, patience: Duration) -> Option<Instant> {
        let waiting = self.requests.values().filter(|progress| progress.unsent > 0);
        waiting.map(|progress| progress.moved + patience).min()
    }
}

impl UnderWay {
    /// Bytes of the answer were given away to be sent.
    pub(super) fn given(&self, bytes: usize) {
        self.moved(|progress| {
            if progress.unsent == 0 {
                progress.moved = Instant::now();
            }
            progress.unsent += bytes;
        });
    }

    /// Some of them have been taken, or thrown away.
    pub(super) fn taken(&self, bytes: usize) {
        self.moved(|progress| {
            *progress = Progress { unsent: progress.unsent.saturating_sub(bytes), moved: Instant::now() }
        });
    }

    fn moved(&self, change: impl FnOnce(&mut Progress)) {
        if let Some(progress) = self.life.state().requests.get_mut(&self.number) {
            change(progress);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.life.state();
        state.requests.remove(&self.number);
        state.idle_since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use futures::FutureExt;

    const LIMITS: Limits = Limits {
        connections: 4,
        patience: Duration::from_secs(10),
        idle: Duration::from_secs(100),
        unread: Duration::from_secs(60),
    };

    #[tokio::test(start_paused = true)]
    async fn silence_ends_a_connection_and_requests_keep_it() {
        let life = Life::new(LIMITS);
        let start = Instant::now();
        life.over().await;
        assert_eq!(start.elapsed(), LIMITS.patience);

        let life = Life::new(LIMITS);
        let watch = life.request();
        let long = Duration::from_secs(86_400);
        assert!(tokio::time::timeout(long, life.over()).await.is_err(), "a watch runs on");
        let short = life.request();
        drop(watch);
        assert!(tokio::time::timeout(long, life.over()).await.is_err(), "another request is under way");
        drop(short);
        let start = Instant::now();
        life.over().await;
        assert_eq!(start.elapsed(), LIMITS.idle);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_unread_ends_a_connection() {
        let life = Life::new(LIMITS);
        let (watch, other) = (life.request(), life.request());
        watch.given(1000);
        for _ in 0..100 {
            let read_slowly = tokio::time::timeout(LIMITS.unread - Duration::from_secs(1), life.over()).await;
            assert!(read_slowly.is_err() && !life.is_stalled());
            watch.taken(5);
        }
        watch.taken(500);
        let long = Duration::from_secs(86_400);
        assert!(tokio::time::timeout(long, life.over()).await.is_err(), "all was read, nothing happens");
        watch.given(7);
        other.given(1);
        other.taken(1);
        let start = Instant::now();
        life.over().await;
        assert!(life.is_stalled() && start.elapsed() <= 2 * LIMITS.unread);
    }

    #[tokio::test(start_paused = true)]
    async fn the_silent_make_room_first() {
        let (old, silent, busy) = (Life::new(LIMITS), Life::new(LIMITS), Life::new(LIMITS));
        drop(old.request());
        let request = busy.request();
        assert!(silent.rank() < old.rank());
        assert_eq!(busy.rank(), None);
        busy.displace();
        assert!(busy.over().now_or_never().is_none(), "requests under way are never cut off");
        silent.displace();
        assert!(silent.over().now_or_never().is_some() && silent.rank().is_none());
        drop(request);
    }
}

//! What a connection is doing, and when it has had its time.
//!
//! A connection may stay silent for a while before its first request, and longer between requests. With a request
//! under way it may stay for as long as that takes: watches never end by themselves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

#[derive(Debug, Clone, Copy)]
struct State {
    /// Whether a request has come.
    begun: bool,
    /// Requests that are not fully answered.
    requests: usize,
    /// Of no meaning while there are requests.
    idle_since: Instant,
    /// Whether it has to make room for another.
    displaced: bool,
}

/// A request under way, for as long as it is held.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Life>);

impl Life {
    pub(super) fn new(limits: Limits) -> Arc<Life> {
        let state = State { begun: false, requests: 0, idle_since: Instant::now(), displaced: false };
        Arc::new(Life { limits, state: Mutex::new(state), displaced: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request begins.
    pub(super) fn request(self: &Arc<Life>) -> UnderWay {
        let mut state = self.state();
        state.begun = true;
        state.requests += 1;
        UnderWay(Arc::clone(self))
    }

    /// Whether a request has come.
    pub(super) fn has_begun(&self) -> bool {
        self.state().begun
    }

    /// Whether no request is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.state().requests == 0
    }

    /// Whether it has to make room at once.
    pub(super) fn is_displaced(&self) -> bool {
        self.state().displaced
    }

    /// Whom to close first to make room, the least first; `None` while it may not be closed, or is being closed.
    pub(super) fn rank(&self) -> Option<(bool, Instant)> {
        let state = *self.state();
        (state.requests == 0 && !state.displaced).then_some((state.begun, state.idle_since))
    }

    /// Makes [`Life::over`] return, unless a request has come in the meantime.
    pub(super) fn displace(&self) {
        let mut state = self.state();
        if state.requests == 0 {
            state.displaced = true;
            self.displaced.notify_one();
        }
    }

    /// Returns when the connection has been silent for too long, or has to make room. It looks only when the time
    /// may be up, so that requests cost nothing here: a silence may last up to twice as long as it should.
    pub(super) async fn over(&self) {
        loop {
            let state = *self.state();
            if state.displaced {
                return;
            }
            let (now, allowed) = (Instant::now(), if state.begun { self.limits.idle } else { self.limits.patience });
            let up = if state.requests == 0 { state.idle_since + allowed } else { now + allowed };
            if up <= now {
                return;
            }
            tokio::select! {
                () = self.displaced.notified() => {}
                () = tokio::time::sleep_until(up) => {}
            }
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.requests = state.requests.saturating_sub(1);
        state.idle_since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use futures::FutureExt;

    const LIMITS: Limits = Limits { connections: 4, patience: Duration::from_secs(10), idle: Duration::from_secs(100) };

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

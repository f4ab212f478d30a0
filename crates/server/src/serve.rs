//! Accepting connections: one loop for plain HTTP and TLS, with bounds on what a stranger can hold open, and an end.

mod body;
mod life;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use self::body::{Answering, Asking};
use self::life::Life;

/// The other end of a connection, as an extension of each request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// What the connections of one listener may take.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// The most at a time. Beyond, the one that has been silent for longest makes room.
    connections: usize,
    /// How long a client may take until its first request, TLS handshake included, and for each request's head.
    patience: Duration,
    /// How long a connection may have no request after its first.
    idle: Duration,
    /// How long a client may take nothing of an answer that waits for it.
    unread: Duration,
}

/// Usual clients close what they don't use after a minute and a half.
const LIMITS: Limits = Limits {
    connections: 4096,
    patience: Duration::from_secs(10),
    idle: Duration::from_secs(180),
    unread: Duration::from_secs(60),
};
/// The longest head of a request, in bytes: whoever sends a token of a megabyte is told that it is none, in the form
/// that it is waiting for. (hyper itself answers longer ones with a bare 431.)
const MAX_HEAD: u32 = 1_280 * 1024;
/// The most headers of a request over HTTP/1. `kubectl --as` sends one for each group, and neither AWS nor Kubernetes
/// counts them. (hyper itself answers more with a bare 431.)
const MAX_HEADERS: usize = 2000;
/// How long requests under way may take to end at a shutdown; watches never do by themselves.
const FAREWELL: Duration = Duration::from_secs(1);
/// How often a full listener looks whether a connection has become silent.
const LOOK: Duration = Duration::from_millis(100);

/// Serves until `stop` turns true.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: watch::Receiver<bool>,
) {
    serve_within(listener, tls, router, stop, LIMITS).await;
}

async fn serve_within(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    mut stop: watch::Receiver<bool>,
    limits: Limits,
) {
    let mut connections = Connections { tasks: JoinSet::new(), lives: HashMap::new() };
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            Some(ended) = connections.tasks.join_next_with_id() => {
                connections.forget(ended);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors, most likely: the system's bound may be below ours.
            connections.displace_silent();
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            () = connections.make_room(limits.connections) => {}
        }
        // Small answers, each complete: no waiting for more.
        let _ = stream.set_nodelay(true);
        let life = Life::new(limits);
        let served = Served { peer, router: router.clone(), life: Arc::clone(&life), stop: stop.clone(), limits };
        let task = connections.tasks.spawn(served.accepted(stream, tls.clone()));
        connections.lives.insert(task.id(), life);
    }
    drop(listener);
    let ended = async { while connections.tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(FAREWELL, ended).await;
    connections.tasks.shutdown().await;
}

/// The open connections of a listener.
struct Connections {
    tasks: JoinSet<()>,
    lives: HashMap<Id, Arc<Life>>,
}

impl Connections {
    fn forget(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
        self.lives.remove(&id);
    }

    /// Closes the connection that has been silent for longest, if one is.
    fn displace_silent(&self) {
        let ranked = self.lives.values().filter_map(|life| Some((life.rank()?, life)));
        if let Some((_, silent)) = ranked.min_by_key(|(rank, _)| *rank) {
            silent.displace();
        }
    }

    /// Returns once there is room for one more.
    async fn make_room(&mut self, most: usize) {
        while self.lives.len() >= most {
            self.displace_silent();
            tokio::select! {
                Some(ended) = self.tasks.join_next_with_id() => self.forget(ended),
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}

/// One connection.
struct Served {
    peer: SocketAddr,
    router: Router,
    life: Arc<Life>,
    stop: watch::Receiver<bool>,
    limits: Limits,
}

impl Served {
    async fn accepted(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        let peer = self.peer;
        let Some(tls) = tls else { return self.connection(stream).await };
        let shaken = tokio::select! {
            shaken = tls.accept(stream) => shaken,
            () = self.life.over() => return tracing::debug!(%peer, "TLS handshake took too long"),
        };
        match shaken {
            Ok(stream) => self.connection(stream).await,
            Err(error) => tracing::debug!(%peer, %error, "TLS handshake failed"),
        }
    }

    async fn connection<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Served { peer, router, life, mut stop, limits } = self;
        let service = service_fn(|mut request: hyper::Request<Incoming>| {
            let (router, under_way) = (router.clone(), life.request());
            request.extensions_mut().insert(Peer(peer));
            let request = Asking::wrap(request, &life);
            async move {
                let answer = router.oneshot(request).await.unwrap_or_else(|never| match never {});
                Ok::<_, Infallible>(answer.map(|body| Answering::new(body, under_way)))
            }
        });
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.patience)
            .max_buf_size(MAX_HEAD as usize)
            .max_headers(MAX_HEADERS);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(256)
            .max_header_list_size(MAX_HEAD)
            .keep_alive_interval(Duration::from_secs(30));
        let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = serving.as_mut() => Some(ended),
            () = life.over() => None,
            _ = stop.wait_for(|stop| *stop) => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            // hyper can't say farewell before it knows in which protocol.
            None if life.is_displaced() || !life.has_begun() => return tracing::debug!(%peer, "silent, closed"),
            None => loop {
                serving.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = serving.as_mut() => break ended,
                    () = tokio::time::sleep(FAREWELL) => if life.is_idle() || life.is_stalled() { return },
                }
            },
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }
}

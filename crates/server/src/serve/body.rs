//! Bodies of requests and answers, as the life of their connection needs them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::{Buf, Bytes};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::{Request, Version, header};

use super::life::{Life, UnderWay};

/// How much of a body that nobody wants is read all the same, in bytes.
const DRAIN: u64 = 32 * 1024 * 1024;
/// And for how long.
const DRAIN_PATIENCE: Duration = Duration::from_secs(10);

/// An answer's body: its request is under way until the client has been sent all of it.
pub(super) struct Answering {
    body: Body,
    under_way: Arc<UnderWay>,
}

impl Answering {
    pub(super) fn new(body: Body, under_way: UnderWay) -> Self {
        Answering { body, under_way: Arc::new(under_way) }
    }
}

impl HttpBody for Answering {
    type Data = Unsent;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Unsent>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        polled.map_ok(|frame| frame.map_data(|bytes| Unsent::new(bytes, Arc::clone(&self.under_way))))
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A part of an answer on its way. hyper and h2 hold it until the client (the window of its stream, the buffer of its
/// socket) has taken it, and then let it go.
pub(super) struct Unsent {
    bytes: Bytes,
    under_way: Arc<UnderWay>,
}

impl Unsent {
    fn new(bytes: Bytes, under_way: Arc<UnderWay>) -> Self {
        under_way.given(bytes.len());
        Unsent { bytes, under_way }
    }
}

impl Buf for Unsent {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }
    fn chunk(&self) -> &[u8] {
        &self.bytes
    }
    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.under_way.taken(count);
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        self.under_way.taken(self.bytes.len());
    }
}

/// A request's body. Over HTTP/1, what is left of it when it is dropped is read and thrown away, up to [`DRAIN`]:
/// clients send all of it before they look for an answer, and the system throws the answer away when a connection
/// is closed with bytes unread.
pub(super) struct Asking {
    /// Until its end.
    body: Option<Incoming>,
    /// Whether the client is sending without being asked to.
    sends: bool,
    life: Arc<Life>,
}

impl Asking {
    /// The request with its body wrapped.
    pub(super) fn wrap(request: Request<Incoming>, life: &Arc<Life>) -> Request<Body> {
        let sends = request.version() < Version::HTTP_2 && !request.headers().contains_key(header::EXPECT);
        request.map(|body| {
            if body.is_end_stream() {
                return Body::empty();
            }
            Body::new(Asking { body: Some(body), sends, life: Arc::clone(life) })
        })
    }
}

impl HttpBody for Asking {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }
    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }
    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| self.sends && !body.is_end_stream()) else { return };
        let under_way = self.life.request();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _under_way = under_way;
                let _ = tokio::time::timeout(DRAIN_PATIENCE, drain(body)).await;
            });
        }
    }
}

async fn drain(mut body: Incoming) {
    let mut left = DRAIN;
    while let Some(Ok(frame)) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(length as u64) {
            Some(less) => left = less,
            None => return,
        }
    }
}

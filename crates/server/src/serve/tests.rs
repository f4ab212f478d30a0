use super::*;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LONG: Duration = Duration::from_secs(3600);
/// More than the buffers of a socket hold.
const LARGE: usize = 64 * 1024 * 1024;

/// A listener that takes bodies of up to 1000 bytes.
struct Listening {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Listening {
    async fn start(limits: Limits, tls: Option<TlsAcceptor>) -> Listening {
        // Says something now and then, and not for ever.
        let watch = async || {
            Body::from_stream(futures::stream::unfold(0, async |said| {
                tokio::time::sleep(Duration::from_millis(20)).await;
                (said < 5).then_some((Ok::<_, Infallible>("."), said + 1))
            }))
        };
        let quiet = async || {
            Body::from_stream(futures::stream::unfold(false, async |said| match said {
                false => Some((Ok::<_, Infallible>("."), true)),
                true => std::future::pending().await,
            }))
        };
        let large = async || Bytes::from(vec![b'x'; LARGE]);
        let router = Router::new()
            .route("/watch", axum::routing::get(watch))
            .route("/quiet", axum::routing::get(quiet))
            .route("/large", axum::routing::get(large))
            .fallback(async |request: Request| match to_bytes(request.into_body(), 1000).await {
                Ok(_) => StatusCode::OK,
                Err(_) => StatusCode::PAYLOAD_TOO_LARGE,
            });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(serve_within(listener, tls, router, stopping, limits));
        Listening { address, stop, task }
    }

    async fn connect(&self, first: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(first).await.unwrap();
        stream
    }

    async fn end(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }
}

/// Everything until the server closes; a reset is an end, too.
async fn until_closed(mut stream: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    all
}

fn tls() -> TlsAcceptor {
    let folder = tempfile::tempdir().unwrap();
    let now = jiff::Timestamp::now();
    let pki = Arc::new(crate::pki::Pki::open(folder.path(), std::iter::empty(), now).unwrap());
    TlsAcceptor::from(pki.tls(now).unwrap())
}

/// Before a request has come, nothing that a client does or leaves undone keeps its connection.
#[tokio::test]
async fn the_silent_are_closed() {
    let limits = Limits { connections: 10, patience: Duration::from_millis(50), idle: LONG, unread: LONG };
    for tls in [None, Some(tls())] {
        let listening = Listening::start(limits, tls).await;
        for first in [&b""[..], b"PRI * HT", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01", b"GET / HT"] {
            let stream = listening.connect(first).await;
            let _ = until_closed(stream).await;
        }
        listening.end().await;
    }
}

/// A watch is never cut off, however long it takes and whoever would like its place; then its connection makes room.
#[tokio::test]
async fn watches_stay() {
    let limits = Limits { connections: 1, patience: LONG, idle: Duration::from_millis(1), unread: LONG };
    let listening = Listening::start(limits, None).await;
    let mut watch = listening.connect(b"GET /watch HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut start = [0; 12];
    watch.read_exact(&mut start).await.unwrap();
    let other = listening.connect(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert_eq!(&start, b"HTTP/1.1 200");
    let answer = String::from_utf8(until_closed(watch).await).unwrap();
    assert!(answer.ends_with("\r\n0\r\n\r\n") && answer.matches("\r\n.\r\n").count() == 5, "{answer}");
    assert!(until_closed(other).await.starts_with(b"HTTP/1.1 200"));
    listening.end().await;
}

/// However many stay silent, the next one is served.
#[tokio::test]
async fn the_silent_make_room() {
    let listening = Listening::start(Limits { connections: 3, patience: LONG, idle: LONG, unread: LONG }, None).await;
    let mut silent = Vec::new();
    for n in 0..10 {
        silent.push(listening.connect(if n % 2 == 0 { b"" } else { b"PRI * HT" }).await);
    }
    let stream = listening.connect(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(until_closed(stream).await.starts_with(b"HTTP/1.1 200"));
    listening.end().await;
}

/// A client that sends all of a body that is too large gets the answer, and not a broken pipe.
#[tokio::test]
async fn a_large_body_is_answered() {
    const SIZE: usize = 20 * 1024 * 1024;
    let listening = Listening::start(LIMITS, None).await;
    let head = format!("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {SIZE}\r\n\r\n");
    let mut stream = listening.connect(head.as_bytes()).await;
    stream.write_all(&vec![b' '; SIZE]).await.expect("everything is taken");
    assert!(until_closed(stream).await.starts_with(b"HTTP/1.1 413"));
    listening.end().await;
}

/// What a client leaves unread is not kept for it for ever; and a watch on which nothing happens has all been read.
#[tokio::test]
async fn answers_must_be_read() {
    let short = Duration::from_millis(50);
    let limits = Limits { connections: 10, patience: short, idle: short, unread: short };
    let listening = Listening::start(limits, None).await;
    let mut quiet = listening.connect(b"GET /quiet HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut unread = listening.connect(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await;
    // Closed without having been read: nothing more can be sent, sooner or later.
    while unread.write_all(b"x").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let length = until_closed(unread).await.len();
    assert!(length < LARGE, "{length}");

    // Over HTTP/2 the socket is read, but no window is given, neither for an answer nor for what follows a watch.
    let mut second = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    second.extend(b"\0\0\x0b\x01\x05\0\0\0\x01\x82\x86\x41\x01x\x04\x04/all".iter());
    let large = b"\0\0\x0d\x01\x05\0\0\0\x03\x82\x86\x41\x01x\x04\x06/large";
    second.extend(large.iter());
    let stream = listening.connect(&second).await;
    let length = until_closed(stream).await.len();
    assert!((65_535..LARGE).contains(&length), "one window, then the end: {length}");

    let mut start = vec![0; 12];
    quiet.read_exact(&mut start).await.unwrap();
    quiet.set_nodelay(true).unwrap();
    assert_eq!(start, b"HTTP/1.1 200");
    assert!(tokio::time::timeout(short * 10, until_closed(quiet)).await.is_err(), "it lives on");
    listening.end().await;
}

/// A hundred are nothing special: `kubectl --as` sends a header for each group.
#[tokio::test]
async fn many_headers() {
    let listening = Listening::start(LIMITS, None).await;
    for (count, status) in [(1_900, "200"), (2_100, "431")] {
        let head = format!(
            "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{}\r\n",
            "impersonate-group: g\r\n".repeat(count)
        );
        let stream = listening.connect(head.as_bytes()).await;
        let answer = String::from_utf8(until_closed(stream).await).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    listening.end().await;
}

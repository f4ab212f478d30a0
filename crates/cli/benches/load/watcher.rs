//! One watcher: what it sees, and when.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use tokio::task::JoinHandle;

use crate::client::{Call, Connection, User};
use crate::plane::maps;
use crate::traffic::{Kind, Written};
use crate::{Failure, NAMESPACES};

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event {
    kind: Kind,
    version: u64,
}

/// What a watcher has seen.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) number: usize,
    pub(crate) namespace: usize,
    pub(crate) events: Vec<(Event, Instant)>,
}

/// A watcher at work.
pub(crate) struct Watcher {
    pub(crate) connection: Connection,
    number: usize,
    task: JoinHandle<Result<Vec<(Event, Instant)>, Failure>>,
}

impl Watcher {
    /// Opens the watch; returns when it stands. Half of them read JSON, a quarter Tables, a quarter protobuf.
    pub(crate) async fn start(
        number: usize,
        connection: Connection,
        user: User,
        since: &str,
    ) -> Result<Watcher, Failure> {
        let accept = match number / NAMESPACES % 4 {
            0 | 1 => "application/json",
            2 => "application/json;as=Table;v=v1;g=meta.k8s.io",
            _ => "application/vnd.kubernetes.protobuf;stream=watch",
        };
        let query = format!("watch=1&resourceVersion={since}&allowWatchBookmarks=true&timeoutSeconds=3600");
        let call = Call::bare("GET", format!("{}?{query}", maps(number)), accept);
        let response = connection.open_call(call, &user).await?;
        if !response.status().is_success() {
            return Err(format!("watcher {number}: {}", response.status()).into());
        }
        let framed = accept.contains("protobuf");
        let task = tokio::spawn(async move {
            let (mut body, mut waiting, mut events) = (response.into_body(), BytesMut::new(), Vec::new());
            while let Some(frame) = body.frame().await {
                let Ok(data) = frame?.into_data() else { continue };
                waiting.extend_from_slice(&data);
                while let Some(frame) = next_frame(&mut waiting, framed) {
                    let Some(event) = read_event(&frame)? else { continue };
                    events.push((event, Instant::now()));
                    if find(&frame, b"the-end").is_some() {
                        return Ok(events);
                    }
                }
            }
            Err(format!("watcher {number} ended after {} events", events.len()).into())
        });
        Ok(Watcher { connection, number, task })
    }

    /// Waits for the last event.
    pub(crate) async fn finish(self, last: &str) -> Result<Seen, Failure> {
        let events = tokio::time::timeout(Duration::from_secs(30), self.task)
            .await
            .map_err(|_| format!("watcher {} has not seen `{last}`", self.number))???;
        Ok(Seen { number: self.number, namespace: self.number % NAMESPACES, events })
    }
}

impl Seen {
    /// Whether another has seen the same in the same order.
    pub(crate) fn same_events(&self, other: &Seen) -> bool {
        self.events.iter().map(|(event, _)| event).eq(other.events.iter().map(|(event, _)| event))
    }

    /// That versions rise, and that all that was written is there, and nothing else.
    pub(crate) fn check(&self, namespace: usize, written: &[Written]) -> Result<(), Failure> {
        let rises = self.events.is_sorted_by(|(a, _), (b, _)| a.version < b.version);
        let written: Vec<_> = written.iter().filter(|written| written.namespace == namespace).collect();
        for kind in [Kind::Create, Kind::Patch] {
            let acknowledged: BTreeSet<_> =
                written.iter().filter(|w| w.what == kind).filter_map(|w| w.version).collect();
            let mut seen: BTreeSet<_> =
                self.events.iter().filter(|(e, _)| e.kind == kind).map(|(e, _)| e.version).collect();
            if kind == Kind::Create {
                // The end.
                seen.pop_last();
            }
            if acknowledged != seen {
                let counts = (acknowledged.len(), seen.len());
                return Err(
                    format!("{}: {counts:?} acknowledged and seen in namespace {namespace}", kind.name()).into()
                );
            }
        }
        let deleted = written.iter().filter(|written| written.what == Kind::Delete).count();
        let seen = self.events.iter().filter(|(event, _)| event.kind == Kind::Delete).count();
        match rises && deleted == seen {
            true => Ok(()),
            false => Err(format!("namespace {namespace}: in order: {rises}, deleted {deleted}, seen {seen}").into()),
        }
    }

    /// How long after the sending of its write each event came.
    pub(crate) fn delays(&self, written: &[Written]) -> Vec<Duration> {
        let sent: HashMap<u64, Instant> = written.iter().filter_map(|w| Some((w.version?, w.sent))).collect();
        let delay = |(event, at): &(Event, Instant)| Some(at.duration_since(*sent.get(&event.version)?));
        self.events.iter().filter_map(delay).collect()
    }
}

/// The next whole frame: a line, or what has its length before it.
fn next_frame(waiting: &mut BytesMut, framed: bool) -> Option<BytesMut> {
    if !framed {
        let end = waiting.iter().position(|byte| *byte == b'\n')?;
        return Some(waiting.split_to(end + 1));
    }
    let length = usize::try_from(u32::from_be_bytes(*waiting.first_chunk()?)).ok()?;
    if waiting.len() < 4 + length {
        return None;
    }
    waiting.advance(4);
    Some(waiting.split_to(length))
}

/// Reads no more than what counts, for the client shares the server's processors.
fn read_event(frame: &[u8]) -> Result<Option<Event>, Failure> {
    // The type comes first or last.
    let [start, end] = [frame.get(..40), frame.get(frame.len().saturating_sub(40)..)].map(|part| part.unwrap_or(frame));
    let is = |kind: &[u8]| find(start, kind).is_some() || find(end, kind).is_some();
    let kind = match () {
        () if is(b"ADDED") => Kind::Create,
        () if is(b"MODIFIED") => Kind::Patch,
        () if is(b"DELETED") => Kind::Delete,
        () if is(b"BOOKMARK") => return Ok(None),
        () => return Err(format!("an event: {}", String::from_utf8_lossy(frame)).into()),
    };
    let version = resource_version(frame).ok_or("an event without a version")?;
    Ok(Some(Event { kind, version }))
}

/// The resource version of an object, in JSON or protobuf.
pub(crate) fn resource_version(bytes: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"\"resourceVersion\":\"";
    let digits = |rest: &[u8]| {
        let digits: Vec<u8> = rest.iter().copied().take_while(u8::is_ascii_digit).collect();
        String::from_utf8(digits).ok()?.parse().ok()
    };
    if let Some(at) = find(bytes, NAME) {
        return digits(bytes.get(at + NAME.len()..)?);
    }
    // ObjectMeta: a uid (5) of 36 bytes, then the version (6).
    let at = bytes.windows(2).position(|pair| pair == [0x2a, 36])?;
    match bytes.get(at + 38..)? {
        [0x32, length, rest @ ..] => digits(rest.get(..usize::from(*length))?),
        _ => None,
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|part| part == what)
}

//! The audit log: one CloudTrail-shaped record for each call, refused ones included, under `/audit/TIME-ID`.
//!
//! - A change's record is written in the transaction of the change: there is no change without its record.
//!   (What IAM and STS change is recorded so without its answer, which the batch then adds: [`ChangeRecorder`].)
//! - Records of reads and refusals are written in batches, within a second.
//! - Refused calls of strangers (nobody's signature) are counted and summed, at most one record a minute for each kind
//!   of refusal, so that nobody fills the disk.
//! - Records older than [`Retention::age`], and the oldest over [`Retention::bytes`], are removed.
//!
//! No record holds a signature, a session token or a secret: requests are recorded by their parameters, and no
//! parameter or answer of the EKS API is a secret.

mod change;
mod retention;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entryway_store::{Store, Txn};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

pub(crate) use change::{ChangeRecorder, with_change};
pub use retention::Retention;
use retention::clean;

use crate::eks::Call;
use crate::keys;
use crate::received::Received;
use crate::who::Signed;

/// `eventSource` of the EKS API.
pub(crate) const EKS: &str = "eks.amazonaws.com";
/// `eventSource` of Entryway's own API.
pub(crate) const OWN: &str = "entryway";
/// How long a batch gathers.
const BATCH_EVERY: Duration = Duration::from_millis(500);
/// The most records of one transaction.
const BATCH: usize = 1000;
/// Records that may wait; more slow the callers down.
const QUEUE: usize = 8192;
/// A kind of stranger's refusal is recorded once in this time.
const STRANGERS_EVERY: SignedDuration = SignedDuration::from_mins(1);
/// The kinds of strangers' refusals that are told apart.
const STRANGER_KINDS: usize = 64;
/// Parameters or answers over this size are left out of a record.
const MAX_PART: usize = 32 * 1024;
/// What is recorded of a call.
pub(crate) struct Event<'a> {
    pub(crate) request: &'a Received,
    pub(crate) now: Timestamp,
    /// Such as `eks.amazonaws.com`.
    pub(crate) source: &'a str,
    pub(crate) name: &'a str,
    pub(crate) region: &'a str,
    pub(crate) who: Option<&'a Signed>,
    pub(crate) read_only: bool,
    pub(crate) parameters: Value,
    /// Of a change; null else.
    pub(crate) response: Value,
    /// Code and message.
    pub(crate) error: Option<(&'a str, &'a str)>,
}

/// A record's key and JSON.
pub(crate) type Record = (String, Vec<u8>);

impl Event<'_> {
    /// The record, with an id of its own.
    pub(crate) fn record(&self) -> Record {
        self.record_as(&uuid::Uuid::new_v4().to_string())
    }

    /// The record under a given id: the same time and id make the same key.
    pub(crate) fn record_as(&self, id: &str) -> Record {
        let mut record = object(json!({
            "eventVersion": "1.09",
            "userIdentity": self.who.map_or_else(|| json!({ "type": "Unknown" }), Signed::user_identity),
            "eventTime": self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "eventSource": self.source,
            "eventName": self.name,
            "awsRegion": self.region,
            "sourceIPAddress": self.request.peer.to_string(),
            "userAgent": self.request.user_agent(),
            "requestParameters": bounded(&self.parameters),
            "responseElements": bounded(&self.response),
            "requestID": self.request.id,
            "eventID": id,
            "readOnly": self.read_only,
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "eventCategory": "Management",
        }));
        if let Some(who) = self.who {
            record.insert("recipientAccountId".to_owned(), json!(who.account().as_str()));
        }
        if let Some((code, message)) = self.error {
            record.insert("errorCode".to_owned(), json!(code));
            record.insert("errorMessage".to_owned(), json!(message));
        }
        (key(self.now, id), Value::Object(record).to_string().into_bytes())
    }
}

/// The members of an object; of anything else, none.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Keys ascend with time.
fn key(time: Timestamp, id: &str) -> String {
    format!("{}{}-{id}", keys::AUDIT, time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
}

fn bounded(value: &Value) -> Value {
    let size = value.to_string().len();
    if size <= MAX_PART { value.clone() } else { json!({ "omitted": format!("{size} bytes") }) }
}

/// The parameters of a call of the EKS API, as CloudTrail has them: those of path, query and body together.
pub(crate) fn parameters(call: &Call<'_>) -> Value {
    let mut all = object(serde_json::from_slice(&call.request.body).unwrap_or_default());
    for (name, value) in call.parameters {
        all.entry(name.as_str()).or_insert_with(|| json!(value));
    }
    let target = call.target;
    for (name, value) in [
        ("name", &target.cluster),
        ("principalArn", &target.principal),
        ("policyArn", &target.policy),
        ("updateId", &target.update),
        ("resourceArn", &target.resource),
        ("policyName", &target.own_policy),
    ] {
        if let Some(value) = value {
            all.insert(name.to_owned(), json!(value));
        }
    }
    if all.is_empty() { Value::Null } else { Value::Object(all) }
}

/// The record that goes into the transaction of a change.
pub(crate) fn of_change(call: &Call<'_>, answer: &Value) -> Record {
    let record = Event {
        request: call.request,
        now: call.now,
        source: call.operation().event_source(),
        name: call.operation().name(),
        region: call.place.region.as_str(),
        who: Some(call.who),
        read_only: false,
        parameters: parameters(call),
        response: answer.clone(),
        error: None,
    }
    .record();
    call.plane.audit.count(record.1.len());
    record
}

/// Refusals of one kind.
#[derive(Debug, Default)]
struct Strangers {
    count: u64,
    last_record: Option<Vec<u8>>,
    /// When the last one was written.
    written: Option<Timestamp>,
}

/// The way into the log for everything but changes.
#[derive(Debug)]
pub(crate) struct Audit {
    queue: mpsc::Sender<Record>,
    strangers: Mutex<BTreeMap<String, Strangers>>,
    /// Of all records, as far as counted.
    bytes: AtomicU64,
    /// Records that could not be written.
    pub(crate) lost: AtomicU64,
}

impl Audit {
    /// Starts the writer and the cleaner. Both end after `stop` turns true, the writer with everything written.
    pub(crate) fn start(
        store: Arc<dyn Store>,
        retention: Retention,
        stop: watch::Receiver<bool>,
    ) -> (Arc<Audit>, [JoinHandle<()>; 2]) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let audit =
            Arc::new(Audit { queue, strangers: Mutex::default(), bytes: AtomicU64::new(0), lost: AtomicU64::new(0) });
        let writer = tokio::spawn(write(Arc::clone(&audit), Arc::clone(&store), waiting, stop.clone()));
        let cleaner = tokio::spawn(clean(Arc::clone(&audit), store, retention, stop));
        (audit, [writer, cleaner])
    }

    /// Records a read, or a refusal of somebody known.
    pub(crate) async fn record(&self, event: &Event<'_>) {
        self.write(event.record()).await;
    }

    /// Writes a record, or writes it again.
    pub(crate) async fn write(&self, record: Record) {
        if self.queue.send(record).await.is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a refusal of a stranger.
    pub(crate) fn stranger(&self, event: &Event<'_>) {
        let kind = event.error.map_or_else(String::new, |(code, _)| format!("{} {code}", event.source));
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        if strangers.len() >= STRANGER_KINDS && !strangers.contains_key(&kind) {
            return;
        }
        let sum = strangers.entry(kind).or_default();
        sum.count = sum.count.saturating_add(1);
        sum.last_record = Some(event.record().1);
    }

    pub(crate) fn count(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Strangers' refusals that are to be written now: the last of its kind, with their number.
    fn due(&self, now: Timestamp, all: bool) -> Vec<Record> {
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut records = Vec::new();
        for sum in strangers.values_mut() {
            let rested = sum.written.is_none_or(|written| now.duration_since(written) >= STRANGERS_EVERY);
            if !(rested || all) {
                continue;
            }
            let Some(record) = sum.last_record.take() else { continue };
            let mut record = object(serde_json::from_slice(&record).unwrap_or_default());
            record.insert("additionalEventData".to_owned(), json!({ "count": std::mem::take(&mut sum.count) }));
            let key = key(now, record.get("eventID").and_then(Value::as_str).unwrap_or_default());
            records.push((key, Value::Object(record).to_string().into_bytes()));
            sum.written = Some(now);
        }
        records
    }
}

async fn write(
    audit: Arc<Audit>,
    store: Arc<dyn Store>,
    mut waiting: mpsc::Receiver<Record>,
    mut stop: watch::Receiver<bool>,
) {
    let mut records = Vec::new();
    loop {
        let stopping = *stop.borrow();
        if !stopping {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {}
                () = tokio::time::sleep(BATCH_EVERY) => {}
            }
        }
        loop {
            while records.len() < BATCH
                && let Ok(record) = waiting.try_recv()
            {
                records.push(record);
            }
            records.extend(audit.due(Timestamp::now(), stopping));
            if records.is_empty() {
                break;
            }
            let txn = records.drain(..).fold(Txn::new(), |txn, (key, record)| {
                audit.count(record.len());
                txn.put(key, record)
            });
            let many = txn.ops.len() as u64;
            if let Err(error) = store.commit(txn).await {
                audit.lost.fetch_add(many, Ordering::Relaxed);
                tracing::error!(%error, records = many, "audit records could not be written");
                break;
            }
        }
        if stopping {
            return;
        }
    }
}

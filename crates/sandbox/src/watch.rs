//! Watches: changes as they happen, as JSON lines or protobuf frames.
//!
//! Frames are made as the client reads them. A client that reads too slowly is dropped by the store's own bound
//! (it is never buffered without one) and told that history is gone; it lists again then.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use entryway_objects::body::{self, FieldValidation};
use entryway_objects::protobuf;
use entryway_objects::status::Status;
use entryway_objects::table::{self, IncludeObject};
use entryway_objects::validate::FieldError;
use entryway_store::{Change, ChangeBatch, Revision, StoreError, Watch};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::api::Api;
use crate::failure::{Failure, internal, store_failure, too_large, too_old};
use crate::list::Selection;
use crate::negotiate::{Encoding, Form, Output};
use crate::query::read_version;
use crate::resource::ResourceCall;
use crate::respond::raw;
use crate::storage::Target;

/// How long a watch runs where the client says nothing.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// How often a client that wants bookmarks gets one.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// Where a watch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// With all there is, then what happens; `at_least` must have happened. `marked` by a bookmark in between.
    Everything { at_least: Revision, marked: bool },
    /// With what happens from now on.
    Now,
    /// With what happened after this.
    After(Revision),
}

fn start(call: &ResourceCall) -> Result<Start, Status> {
    let query = &call.call.query;
    let initial = query.has("sendInitialEvents").then(|| query.flag("sendInitialEvents"));
    let matching = query.get("resourceVersionMatch");
    let mut errors = Vec::new();
    match (initial, matching) {
        (Some(_), None) => errors.push(FieldError::forbidden(
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        )),
        (Some(_), Some(word)) if word != "NotOlderThan" => errors.push(FieldError::forbidden(
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        )),
        (None, Some(_)) => errors.push(FieldError::forbidden(
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        )),
        _ => {}
    }
    if initial == Some(true) && !query.flag("allowWatchBookmarks") {
        errors.push(FieldError::forbidden(
            "sendInitialEvents",
            "sendInitialEvents requires setting allowWatchBookmarks to true",
        ));
    }
    if !errors.is_empty() {
        return Err(Status::invalid("meta.k8s.io", "ListOptions", "", &errors));
    }
    let version = query.get("resourceVersion").map(read_version).transpose()?;
    Ok(match (initial, version) {
        (Some(true), version) => Start::Everything { at_least: version.unwrap_or(0), marked: true },
        (Some(false), None) => Start::Now,
        (_, None | Some(0)) => Start::Everything { at_least: 0, marked: false },
        (_, Some(version)) => Start::After(version),
    })
}

/// Serves a watch.
pub(crate) async fn serve(call: ResourceCall) -> Result<Response, Failure> {
    let selection = Selection::read(&call)?;
    let start = start(&call)?;
    let seconds = call.call.query.number("timeoutSeconds")?.unwrap_or(0);
    let time = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map_or(LONGEST, Duration::from_secs);
    let shape = call.shape()?;
    let framer = Framer {
        target: call.target.clone(),
        output: frame_output(call.output),
        include: shape.include,
        columns_sent: false,
        clock: call.call.api.config.clock,
    };
    let media_type = match framer.output.encoding {
        Encoding::Protobuf => "application/vnd.kubernetes.protobuf;stream=watch",
        _ => "application/json",
    };
    let events = Events::open(&call, selection, start, framer, time).await?;
    let stream = futures::stream::unfold(events, |mut events| async move {
        let frame = events.next().await?;
        Some((Ok::<Bytes, std::convert::Infallible>(frame), events))
    });
    let mut response = raw(200, media_type, Vec::new(), false)?;
    *response.body_mut() = Body::from_stream(stream);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    Ok(response)
}

/// Events have no YAML form, and Tables no protobuf form.
fn frame_output(output: Output) -> Output {
    match output.encoding {
        Encoding::Yaml => Output { encoding: Encoding::Json, ..output },
        _ => output,
    }
}

struct Events {
    api: Arc<Api>,
    watch: Box<dyn Watch>,
    selection: Selection,
    framer: Framer,
    ready: VecDeque<Bytes>,
    /// The revision up to which all was told.
    reached: Revision,
    ends: Instant,
    bookmarks: Option<Interval>,
    stopping: Receiver<bool>,
    done: bool,
}

impl Events {
    async fn open(
        call: &ResourceCall,
        selection: Selection,
        start: Start,
        framer: Framer,
        time: Duration,
    ) -> Result<Events, Failure> {
        let api = call.call.api.clone();
        let storage = &api.storage;
        let newest = storage.revision().await?;
        let prefix = call.target.prefix(&storage.cluster, call.namespace());
        let mut events = VecDeque::new();
        let after = match start {
            Start::Now => newest,
            Start::Everything { at_least, .. } if at_least > newest => return Err(too_large(at_least, newest).into()),
            Start::After(version) => version,
            Start::Everything { .. } => {
                let listing = storage.store.list(&prefix, Default::default()).await?;
                for kv in &listing.items {
                    let object = call.target.read(kv)?;
                    if selection.matches(&call.target, &object) {
                        events.push_back(("ADDED", object));
                    }
                }
                listing.revision
            }
        };
        let mut bookmarks = call.call.query.flag("allowWatchBookmarks").then(|| tokio::time::interval(BOOKMARK_EVERY));
        if let Some(interval) = &mut bookmarks {
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval.reset();
        }
        let opened = if after < api.born {
            Err(StoreError::Compacted { requested: after, oldest: api.born })
        } else {
            storage.store.watch(&prefix, after.min(newest)).await
        };
        let (watch, gone) = match opened {
            Ok(watch) => (watch, None),
            // The stream opens and says so: that is where clients look for it.
            Err(StoreError::Compacted { requested, oldest }) => {
                (Box::new(Nothing) as Box<dyn Watch>, Some(too_old(requested, oldest)))
            }
            Err(error) => return Err(store_failure(&error).into()),
        };
        let stopping = api.stopping.clone();
        let ends = Instant::now() + time;
        let ready = VecDeque::new();
        let mut this =
            Events { api, watch, selection, framer, ready, reached: after, ends, bookmarks, stopping, done: false };
        for (kind, object) in events {
            this.push(kind, &object);
        }
        if matches!(start, Start::Everything { marked: true, .. }) {
            this.bookmark(true);
        }
        if let Some(status) = gone {
            this.fail(&status);
        }
        Ok(this)
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            if self.done {
                return None;
            }
            let tick = async {
                match &mut self.bookmarks {
                    Some(interval) => interval.tick().await,
                    None => std::future::pending().await,
                }
            };
            // The watch comes last: on a busy store it always has something, and the others must have their turn.
            tokio::select! {
                biased;
                () = stopped(&mut self.stopping) => self.done = true,
                () = tokio::time::sleep_until(self.ends) => {
                    if self.bookmarks.is_some() {
                        self.bookmark(false);
                    }
                    self.done = true;
                }
                _ = tick => self.bookmark(false),
                batch = self.watch.next() => match batch {
                    Ok(batch) => self.take(&batch),
                    Err(StoreError::Compacted { requested, oldest }) => self.fail(&too_old(requested, oldest)),
                    Err(error) => self.fail(&store_failure(&error)),
                },
            }
        }
    }

    fn take(&mut self, batch: &ChangeBatch) {
        // A client may name a version that is still to come: it wants what follows that.
        if batch.revision <= self.reached {
            return;
        }
        for change in &batch.changes {
            self.change(change, batch.revision);
        }
        self.reached = batch.revision;
    }

    /// A change as the selection sees it: what enters is added, what leaves is deleted.
    fn change(&mut self, change: &Change, revision: Revision) {
        let target = self.framer.target.clone();
        let read =
            |kv: &Option<entryway_store::KeyValue>| kv.as_ref().map(|kv| target.read_at(kv, revision)).transpose();
        let (previous, current) = match (read(&change.previous), read(&change.current)) {
            (Ok(previous), Ok(current)) => (previous, current),
            (Err(status), _) | (_, Err(status)) => return self.fail(&status),
        };
        let matching = |object: Option<Value>| object.filter(|object| self.selection.matches(&target, object));
        match (matching(previous), matching(current)) {
            (None, Some(object)) => self.push("ADDED", &object),
            (Some(_), Some(object)) => self.push("MODIFIED", &object),
            (Some(object), None) => self.push("DELETED", &object),
            (None, None) => {}
        }
    }

    fn push(&mut self, kind: &str, object: &Value) {
        match self.framer.frame(kind, object) {
            Ok(frame) => self.ready.push_back(frame),
            Err(status) => self.fail(&status),
        }
    }

    fn bookmark(&mut self, initial: bool) {
        let served = &self.framer.target.served;
        let mut metadata = json!({"resourceVersion": self.reached.to_string()});
        if let Some(metadata) = metadata.as_object_mut().filter(|_| initial) {
            metadata.insert("annotations".into(), json!({INITIAL_EVENTS_END: "true"}));
        }
        let object = json!({"kind": served.kind, "apiVersion": served.api_version(), "metadata": metadata});
        // With the fields that the type always shows.
        let shown = body::retype(served, object.clone(), FieldValidation::Ignore);
        self.push("BOOKMARK", &shown.map_or(object, |decoded| decoded.object));
    }

    /// The last event: what went wrong.
    fn fail(&mut self, status: &Status) {
        tracing::debug!(cluster = %self.api.config.cluster, message = %status.message, "a watch ended");
        self.done = true;
        if let Ok(frame) = self.framer.encode("ERROR", &status.to_value()) {
            self.ready.push_back(frame);
        }
    }
}

/// Returns when the cluster stops.
async fn stopped(stopping: &mut Receiver<bool>) {
    // A sender that is gone is a cluster that is gone.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// A watch on which nothing ever happens, in place of one that could not begin.
struct Nothing;

#[async_trait::async_trait]
impl Watch for Nothing {
    async fn next(&mut self) -> Result<ChangeBatch, StoreError> {
        std::future::pending().await
    }
}

struct Framer {
    target: Target,
    output: Output,
    include: IncludeObject,
    columns_sent: bool,
    clock: fn() -> Timestamp,
}

impl Framer {
    fn frame(&mut self, kind: &str, object: &Value) -> Result<Bytes, Status> {
        match self.output.form {
            Form::Whole => self.encode(kind, object),
            Form::Metadata { version, .. } => {
                let mut value = table::partial_metadata(object);
                if let Some(value) = value.as_object_mut() {
                    value.insert("apiVersion".into(), version.api_version().into());
                }
                self.encode(kind, &value)
            }
            Form::Table(version) => {
                let metadata = json!({"resourceVersion": object.pointer("/metadata/resourceVersion").cloned().unwrap_or(Value::Null)});
                let columns = !std::mem::replace(&mut self.columns_sent, true);
                let served = &self.target.served;
                let mut value = table::table(served, [object], metadata, self.include, columns, (self.clock)());
                if let Some(value) = value.as_object_mut() {
                    value.insert("apiVersion".into(), version.api_version().into());
                }
                self.encode(kind, &value)
            }
        }
    }

    fn encode(&self, kind: &str, object: &Value) -> Result<Bytes, Status> {
        if self.output.encoding == Encoding::Protobuf {
            return protobuf::encode_watch_event(kind, object)
                .map(Bytes::from)
                .map_err(|error| internal(&error.to_string()));
        }
        let mut bytes = serde_json::to_vec(&json!({"type": kind, "object": object}))
            .map_err(|error| internal(&error.to_string()))?;
        bytes.push(b'\n');
        Ok(Bytes::from(bytes))
    }
}

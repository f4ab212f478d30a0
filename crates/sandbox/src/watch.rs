//! Watches: changes as they happen, as JSON lines or protobuf frames.
//!
//! Frames are made as the client reads them, once for all who want the same ([`shared`]). For a client that reads too
//! slowly nothing is kept but its place in the store's history: it is dropped by its connection, which has to take
//! something of what waits, or told that history is gone; it lists again then.
//!
//! A watch lasts no longer than the rights that it was opened by: when access, identities or an end in time may have
//! changed them, it is decided anew before anything more is told, and a refusal is the last event.

mod frame;
mod shared;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use entryway_objects::body::{self, FieldValidation};
use entryway_objects::status::Status;
use entryway_objects::validate::FieldError;
use entryway_store::{ChangeBatch, ListOptions, Revision, StoreError, Watch};
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use self::frame::{Framer, Kind};
pub(crate) use self::shared::SharedChanges;
use crate::api::{Api, Call};
use crate::failure::{Failure, store_failure, too_large, too_old};
use crate::list::Selection;
use crate::negotiate::{Encoding, Output};
use crate::permit::Standing;
use crate::query::read_version;
use crate::resource::ResourceCall;
use crate::respond::raw;

/// How long a watch runs at least where the client says nothing; at most twice that, by chance, so that watches which
/// began together don't end together.
const UNASKED: Duration = Duration::from_secs(30 * 60);
/// The longest that a client may ask for. The real server takes any time; nobody's watch there is a day old, since
/// its connections aren't.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a client that wants bookmarks gets one.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// Objects that are read at once of those that are there when a watch begins.
const PAGE: usize = 100;
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
    let asked = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs);
    let time = asked.map_or_else(|| UNASKED.mul_f64(rand::random_range(1.0..2.0)), |asked| asked.min(LONGEST));
    let shape = call.shape()?;
    let output = frame_output(call.output);
    let framer = Framer::new(call.target.clone(), output, shape.include, call.call.api.config.clock);
    let media_type = match output.encoding {
        Encoding::Protobuf => "application/vnd.kubernetes.protobuf;stream=watch",
        _ => "application/json",
    };
    let events = Events::open(call, selection, start, framer, time).await?;
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

/// What is still to be told of the objects that were there at the beginning.
struct Initial {
    prefix: String,
    /// The last key that was told.
    after: Option<String>,
    at: Revision,
    /// Whether a bookmark tells the end.
    marked: bool,
}

struct Events {
    api: Arc<Api>,
    /// Who may see them; `None` once that is nobody.
    standing: Option<Standing>,
    watch: Box<dyn Watch>,
    selection: Selection,
    framer: Framer,
    initial: Option<Initial>,
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
        call: ResourceCall,
        selection: Selection,
        start: Start,
        framer: Framer,
        time: Duration,
    ) -> Result<Events, Failure> {
        let api = call.call.api.clone();
        let storage = &api.storage;
        let newest = storage.revision().await?;
        let prefix = call.target.prefix(&storage.cluster, call.namespace());
        let (after, initial) = match start {
            Start::Now => (newest, None),
            Start::Everything { at_least, .. } if at_least > newest => return Err(too_large(at_least, newest).into()),
            Start::After(version) => (version, None),
            Start::Everything { marked, .. } => {
                (newest, Some(Initial { prefix: prefix.clone(), after: None, at: newest, marked }))
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
        let Call { headers, info, asked, grounds, .. } = call.call;
        let mut this = Events {
            standing: Some(Standing::new(&headers, info, asked, grounds)),
            api,
            watch,
            selection,
            framer,
            initial,
            ready: VecDeque::new(),
            reached: after,
            ends: Instant::now() + time,
            bookmarks,
            stopping,
            done: false,
        };
        if let Some(status) = gone {
            this.fail(&status);
        }
        Ok(this)
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            self.check().await;
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            if self.done {
                return None;
            }
            if let Some(initial) = self.initial.take() {
                self.tell_initial(initial).await;
                continue;
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

    /// Ends the watch if whoever opened it could not any more. What waits to be told is not.
    async fn check(&mut self) {
        let Some(standing) = &mut self.standing else { return };
        if let Err(refusal) = standing.check(&self.api).await {
            self.standing = None;
            self.initial = None;
            self.ready.clear();
            self.fail(&refusal);
        }
    }

    fn take(&mut self, batch: &ChangeBatch) {
        // A client may name a version that is still to come: it wants what follows that.
        if batch.revision <= self.reached {
            return;
        }
        for change in &batch.changes {
            let shared = self.api.watched.of(&self.framer.target, change, batch.revision);
            let framed = shared.frame(&self.selection, &mut self.framer);
            match framed.transpose() {
                Some(Ok(frame)) => self.ready.push_back(frame),
                Some(Err(status)) => self.fail(&status),
                None => {}
            }
        }
        self.reached = batch.revision;
    }

    /// The next objects that were there at the beginning.
    async fn tell_initial(&mut self, mut initial: Initial) {
        let options = ListOptions { after: initial.after.take(), limit: PAGE, at: Some(initial.at) };
        let listing = match self.api.storage.store.list(&initial.prefix, options).await {
            Ok(listing) => listing,
            Err(error) => return self.fail(&store_failure(&error)),
        };
        for kv in &listing.items {
            match self.framer.target.read(kv) {
                Ok(object) if self.selection.matches(&self.framer.target, &object) => self.push(Kind::Added, &object),
                Ok(_) => {}
                Err(status) => return self.fail(&status),
            }
        }
        match listing.items.last() {
            Some(last) if listing.remaining > 0 => {
                self.initial = Some(Initial { after: Some(last.key.clone()), ..initial });
            }
            _ if initial.marked => self.bookmark(true),
            _ => {}
        }
    }

    fn push(&mut self, kind: Kind, object: &Value) {
        let form = self.framer.next_form(kind);
        match self.framer.frame(&form, object) {
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
        self.push(Kind::Bookmark, &shown.map_or(object, |decoded| decoded.object));
    }

    /// The last event: what went wrong.
    fn fail(&mut self, status: &Status) {
        tracing::debug!(cluster = %self.api.config.cluster, message = %status.message, "a watch ended");
        self.done = true;
        if let Ok(frame) = self.framer.encode(Kind::Error, &status.to_value()) {
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

//! What is asked, when, and by whom: decided beforehand by the request's number.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use entryway_objects::protobuf;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::{Call, Connection};
use crate::plane::{JSON, Plane, STANDING, map, maps, namespace};
use crate::watcher::resource_version;
use crate::{Failure, Measure};

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
/// Of so many requests, [`MIX`] says what each is.
const ROUND: usize = 20;
/// How many of them create; as many patch, and as many delete.
const CREATES: usize = 3;
/// Every so many requests, one comes over a connection of its own, as kubectl's do.
const FRESH: usize = 25;
/// Connections of a user that are kept.
const CONNECTIONS: usize = 5;

/// Kinds of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Get,
    List,
    Table,
    Create,
    Patch,
    Delete,
    Review,
}

impl Kind {
    pub(crate) const ALL: [Kind; 7] =
        [Kind::Get, Kind::List, Kind::Table, Kind::Create, Kind::Patch, Kind::Delete, Kind::Review];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Get => "get",
            Kind::List => "list, 160 objects",
            Kind::Table => "list as Table",
            Kind::Create => "create",
            Kind::Patch => "patch",
            Kind::Delete => "delete",
            Kind::Review => "access review",
        }
    }
}

/// A write that was acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    pub(crate) namespace: usize,
    pub(crate) what: Kind,
    /// Deletions are answered without one.
    pub(crate) version: Option<u64>,
    pub(crate) sent: Instant,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) latencies: Vec<(Kind, Duration)>,
    pub(crate) failures: Vec<String>,
    pub(crate) written: Vec<Written>,
    pub(crate) ended: Instant,
}

/// A request, and the object that it is about.
struct Planned {
    kind: Kind,
    call: Call,
    object: usize,
}

/// The request of that number. An object is patched two seconds after it was made, and deleted two more later.
fn planned(number: usize, rate: usize) -> Result<Planned, Failure> {
    let (round, place) = (number / ROUND, number % ROUND);
    let created = round * CREATES + place % CREATES;
    let step = rate / ROUND * CREATES * 2;
    let protobuf_form = number.is_multiple_of(2);
    let accept = if protobuf_form { PROTOBUF } else { JSON };
    let about = |kind: Kind, object: usize| (kind, object);
    let (kind, object) = match place {
        0..3 => about(Kind::Create, created),
        3..6 if created >= step => about(Kind::Patch, created - step),
        6..9 if created >= 2 * step => about(Kind::Delete, created - 2 * step),
        3..14 => about(Kind::Get, number),
        14 | 15 => about(Kind::Table, round),
        16 | 17 => about(Kind::List, round),
        _ => about(Kind::Review, number),
    };
    let path = maps(object);
    let name = format!("made-{object}");
    let call = match kind {
        Kind::Get => Call::bare("GET", format!("{path}/standing-{}", object / 7 % STANDING), accept),
        Kind::Table => Call::bare("GET", format!("{path}?limit=500"), TABLE),
        Kind::List => Call::bare("GET", format!("{path}?limit=500"), accept),
        Kind::Create => with_body("POST", path, accept, map(&name))?,
        Kind::Delete => Call::bare("DELETE", format!("{path}/{name}"), JSON),
        Kind::Patch => {
            let (content_type, query) = match object % 3 {
                0 => ("application/strategic-merge-patch+json", ""),
                1 => ("application/merge-patch+json", ""),
                _ => ("application/apply-patch+yaml", "?fieldManager=load&force=true"),
            };
            let change = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "mode": "second" } });
            let body = change.to_string().into_bytes();
            Call { method: "PATCH", path: format!("{path}/{name}{query}"), accept: JSON, content_type, body }
        }
        Kind::Review => {
            let asked = json!({ "namespace": namespace(object), "verb": "delete", "resource": "pods" });
            let review = json!({
                "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                "metadata": {}, "spec": { "resourceAttributes": asked }, "status": { "allowed": false },
            });
            with_body("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned(), accept, review)?
        }
    };
    Ok(Planned { kind, call, object })
}

/// A body in the form that the answer is wanted in.
fn with_body(method: &'static str, path: String, accept: &'static str, object: Value) -> Result<Call, Failure> {
    let body = if accept == PROTOBUF { protobuf::encode_object(&object)? } else { object.to_string().into_bytes() };
    Ok(Call { method, path, accept, content_type: accept, body })
}

/// Sends all, each when it is due.
pub(crate) async fn run(plane: &Arc<Plane>, measure: Measure) -> Result<Outcome, Failure> {
    let mut connections = Vec::new();
    for _ in 0..plane.user_count() * CONNECTIONS {
        connections.push(Connection::open(&plane.target).await?);
    }
    let rate = usize::try_from(measure.rate)?;
    let outcome = Arc::new(Mutex::new(Outcome {
        latencies: Vec::new(),
        failures: Vec::new(),
        written: Vec::new(),
        ended: Instant::now(),
    }));
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for number in 0..rate * usize::try_from(measure.seconds)? {
        let due = began + Duration::from_secs_f64(f64::from(u32::try_from(number)?) / f64::from(u32::try_from(rate)?));
        let planned = planned(number, rate)?;
        tokio::time::sleep_until(due.into()).await;
        // One user keeps to an object, so that all of its changes are his.
        let user = planned.object % plane.user_count();
        let connection = match number % FRESH {
            0 => None,
            _ => connections.get(user * CONNECTIONS + number / 7 % CONNECTIONS).cloned(),
        };
        let (plane, user, outcome) = (Arc::clone(plane), plane.user(user), Arc::clone(&outcome));
        tasks.spawn(async move {
            let sent = Instant::now();
            let answered = async {
                let connection = match connection {
                    Some(connection) => connection,
                    None => Connection::open(&plane.target).await?,
                };
                connection.call(planned.call, &user).await
            };
            let answered = answered.await;
            let Ok(mut outcome) = outcome.lock() else { return };
            outcome.ended = Instant::now();
            outcome.latencies.push((planned.kind, due.elapsed()));
            match answered {
                Err(error) => outcome.failures.push(error.to_string()),
                Ok(body) if matches!(planned.kind, Kind::Create | Kind::Patch | Kind::Delete) => {
                    let version = (planned.kind != Kind::Delete).then(|| resource_version(&body)).flatten();
                    let namespace = planned.object % crate::NAMESPACES;
                    outcome.written.push(Written { namespace, what: planned.kind, version, sent });
                }
                Ok(_) => {}
            }
        });
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
    let outcome = Arc::into_inner(outcome).ok_or("a request is still under way")?;
    outcome.into_inner().map_err(|_| "a request panicked".into())
}

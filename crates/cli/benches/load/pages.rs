//! A namespace of 10,000 objects, listed as kubectl does it: in pages of 500.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinSet;

use crate::client::{Call, Connection, User};
use crate::plane::{JSON, Plane, map};
use crate::{Failure, NAMESPACES};

const OBJECTS: usize = 10_000;
const PAGE: usize = 500;
/// How many are written at a time.
const WRITERS: usize = 32;

/// Makes the namespace and lists it, three times.
pub(crate) async fn measure(plane: &Plane) -> Result<(), Failure> {
    let connection = Connection::open(&plane.target).await?;
    let admin = plane.user(0);
    let post = |path: String, object: Value| Call {
        method: "POST",
        path,
        accept: JSON,
        content_type: JSON,
        body: object.to_string().into_bytes(),
    };
    let name = format!("load-{NAMESPACES}");
    let maps = format!("/api/v1/namespaces/{name}/configmaps");
    connection
        .call(post("/api/v1/namespaces".to_owned(), serde_json::json!({ "metadata": { "name": name } })), &admin)
        .await?;
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let (connection, admin, maps) = (connection.clone(), admin.clone(), maps.clone());
        tasks.spawn(async move {
            for number in (writer..OBJECTS).step_by(WRITERS) {
                connection.call(post(maps.clone(), map(&format!("object-{number:05}"))), &admin).await?;
            }
            Ok::<_, Failure>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    println!("{OBJECTS} objects made in  {:.1} s, {WRITERS} at a time", began.elapsed().as_secs_f64());
    let mut whole = Vec::new();
    for _ in 0..3 {
        whole.push(list(&connection, &admin, &maps).await?);
    }
    whole.sort_unstable();
    let (took, longest) = whole.get(1).copied().unwrap_or_default();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!("listed by {PAGE}s         {:.1} ms, the longest page {:.1} ms", ms(took), ms(longest));
    plane.show_memory("after the lists")
}

/// All pages: how long they took, and the longest of them.
async fn list(connection: &Connection, user: &User, maps: &str) -> Result<(Duration, Duration), Failure> {
    let (mut token, mut seen, mut times, mut version) = (String::new(), 0, Vec::new(), None);
    loop {
        let began = Instant::now();
        let call = Call::bare("GET", format!("{maps}?limit={PAGE}&continue={token}"), JSON);
        let answer = connection.call(call, user).await?;
        times.push(began.elapsed());
        let answer: Value = serde_json::from_slice(&answer)?;
        seen += answer.get("items").and_then(Value::as_array).map_or(0, Vec::len);
        let metadata = answer.get("metadata").ok_or("no metadata")?;
        let of_page = metadata.get("resourceVersion").cloned();
        if *version.get_or_insert_with(|| of_page.clone()) != of_page {
            return Err("pages of several moments".into());
        }
        // The namespace has a ConfigMap of its own besides.
        let left = metadata.get("remainingItemCount").and_then(Value::as_u64).unwrap_or(0);
        if u64::try_from(seen)? + left != u64::try_from(OBJECTS)? + 1 {
            return Err(format!("{seen} seen and {left} left").into());
        }
        match metadata.get("continue").and_then(Value::as_str) {
            Some(next) => token = next.to_owned(),
            None => return Ok((times.iter().sum(), times.iter().max().copied().unwrap_or_default())),
        }
    }
}

//! Durable writes a second through the EKS API: `cargo bench -p entryway-server --bench api`.
//!
//! Starts a control plane in a temporary folder and updates access entries over loopback with 1, 16 and 64 connections,
//! each with an entry of its own: every write is signed, checked, authorized, committed to disk with its audit record,
//! and in force before it is answered. Client and server share the process and its processors.
//!
//! Beside it, in the same run and on the same disk: the store alone (two records of the same sizes a commit), and the
//! flush alone, which is what one writer at a time could do at best. `TMPDIR` names the folder; on a `tmpfs` a flush
//! costs nothing, and what is left is the work of the processor.

#![expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "a bench prints what it measured")]

mod common;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use entryway_iam::sigv4::uri_encode;
use entryway_server::{Running, start};
use entryway_store::{EmbeddedStore, Store, Txn};
use serde_json::json;

use common::{Client, Failure, config};

/// What is measured at a time.
const WRITES: usize = 8_000;
/// An entry's record and its audit record, in bytes, as they are here.
const RECORDS: [usize; 2] = [520, 1_250];

/// Writes a second through the API.
async fn api(running: &Running, connections: usize) -> Result<f64, Failure> {
    let each = (WRITES / connections).min(WRITES / 4);
    let mut clients = Vec::new();
    for n in 0..connections {
        let mut client = Client::of_admin(running).await?;
        let principal = format!("arn:aws:iam::444455556666:role/of-{connections}-{n}");
        client.call("POST", "/clusters/demo/access-entries", &json!({ "principalArn": principal })).await?;
        clients.push((client, format!("/clusters/demo/access-entries/{}", uri_encode(&principal))));
    }
    let began = Instant::now();
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|(mut client, entry)| {
            tokio::spawn(async move {
                for n in 0..each {
                    client.call("POST", &entry, &json!({ "kubernetesGroups": [format!("g{n}")] })).await?;
                }
                Ok::<_, Failure>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok((each * connections) as f64 / began.elapsed().as_secs_f64())
}

/// Commits a second of the store alone, each of two records.
async fn store(folder: &Path, writers: usize) -> Result<f64, Failure> {
    let store = Arc::new(EmbeddedStore::open(folder)?);
    let each = (WRITES / writers).min(WRITES / 4);
    let began = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let [entry, audit] = RECORDS.map(|bytes| vec![b'x'; bytes]);
                for n in 0..each {
                    let txn = Txn::new().put(format!("/entry/{writer}"), entry.clone());
                    let _ = store.commit(txn.put(format!("/audit/{n:08}-{writer}"), audit.clone())).await?;
                }
                Ok::<_, Failure>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok((each * writers) as f64 / began.elapsed().as_secs_f64())
}

/// The median time of a flush of one page to a file that does not grow.
fn flush(folder: &Path) -> Result<Duration, Failure> {
    let mut file = File::create(folder.join("flush"))?;
    file.write_all(&[0; 65_536])?;
    file.sync_all()?;
    let mut times = Vec::new();
    for n in 0..200_u64 {
        file.seek(SeekFrom::Start(n % 16 * 4096))?;
        file.write_all(&[b'x'; 4096])?;
        let began = Instant::now();
        file.sync_data()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}

async fn measure() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load of the machine        {}", load.split(' ').next().unwrap_or_default());
    println!("flush of one page          {:.2} ms", flush(folder.path())?.as_secs_f64() * 1000.0);
    for connections in [1, 16, 64] {
        let rate = store(&folder.path().join(format!("store-{connections}")), connections).await?;
        println!("store, {connections:2} writers          {rate:6.0} commits a second");
    }
    let running = start(config(folder.path().join("data"))?).await?;
    for connections in [1, 16, 64] {
        println!("EKS API, {connections:2} connections   {:6.0} writes a second", api(&running, connections).await?);
    }
    running.shutdown().await;
    Ok(())
}

fn main() -> Result<(), Failure> {
    // As `entryway up` has it: a thread for each processor.
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure())
}

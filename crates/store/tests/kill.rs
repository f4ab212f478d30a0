//! `kill -9` in the middle of writes, 50 times: every acknowledged write is there, none is there by half.
//!
//! The test runs its own binary again as the writer: 16 threads of writes, each transaction writing two keys, each
//! acknowledged one printed. The parent kills it after a random number of acknowledgements and opens the
//! file.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use entryway_store::{EmbeddedStore, ListOptions, Store, Txn, TxnOutcome};

const ROUNDS: usize = 50;
const WRITERS: usize = 16;
/// Names the folder in the child's environment.
const FOLDER: &str = "ENTRYWAY_STORE_KILL_FOLDER";

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// The child: writes until it is killed. Does nothing when run as an ordinary test.
#[test]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open(folder).unwrap());
    let first = runtime().block_on(store.revision()).unwrap();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                for i in 0.. {
                    let text = format!("{first}.{writer}.{i}");
                    // Keys are written again and again, compacted now and then, and vary in size.
                    let value = format!("{text} {}", "x".repeat((i * 37 + writer * 101) % 3_000));
                    let (left, right) = (format!("/left/{writer}/{}", i % 7), format!("/right/{writer}/{}", i % 7));
                    let txn = Txn::new().put(&left, value.clone()).put(&right, value);
                    let TxnOutcome::Committed(revision) = runtime.block_on(store.commit(txn)).unwrap() else {
                        unreachable!("no condition")
                    };
                    let line = format!("ack {revision} {writer}/{} {text}\n", i % 7);
                    std::io::stdout().write_all(line.as_bytes()).unwrap();
                    if writer == 0 && i % 50 == 49 {
                        runtime.block_on(store.compact(revision - 40)).unwrap();
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
}

/// Lets a child write, kills it after `acks` acknowledgements, and returns all that it has given.
fn kill_after(folder: &Path, acks: usize) -> Vec<(u64, String, String)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut seen = Vec::new();
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        // A line that was cut off by the kill was not an acknowledgement yet.
        // (The test harness may have begun the line.)
        if let Some((_, ack)) = line.strip_suffix('\n').and_then(|line| line.split_once("ack ")) {
            let mut words = ack.split(' ').map(str::to_owned);
            let revision = words.next().unwrap().parse().unwrap();
            seen.push((revision, words.next().unwrap(), words.next().unwrap()));
            if seen.len() == acks {
                // SIGKILL. What is still in the pipe has been acknowledged as well.
                child.kill().unwrap();
            }
        }
        line.clear();
    }
    child.wait().unwrap();
    assert!(seen.len() >= acks, "the child ended by itself after {} acknowledgements", seen.len());
    seen
}

#[test]
fn every_acknowledged_write_survives() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let mut known: HashMap<String, (u64, String)> = HashMap::new();
    let mut total = 0;
    for round in 0..ROUNDS {
        // A different moment each time: early in the life of the process, in the middle, late.
        let acks = 1 + (round * 7919 + std::process::id() as usize) % 400;
        for (revision, key, text) in kill_after(folder.path(), acks) {
            total += 1;
            let newest = known.entry(key).or_default();
            if newest.0 < revision {
                *newest = (revision, text);
            }
        }
        let store = EmbeddedStore::open(folder.path()).unwrap();
        let left = runtime.block_on(store.list("/left/", ListOptions::default())).unwrap();
        let right = runtime.block_on(store.list("/right/", ListOptions::default())).unwrap();
        let side = |listing: entryway_store::Listing| -> HashMap<String, (u64, Vec<u8>)> {
            let name = |key: &str| key.splitn(3, '/').last().unwrap_or_default().to_owned();
            listing.items.into_iter().map(|kv| (name(&kv.key), (kv.modified, kv.value.to_vec()))).collect()
        };
        let (left, right) = (side(left), side(right));
        assert_eq!(left, right, "half a transaction in round {round}");
        for (key, (revision, text)) in &known {
            let (modified, value) = left.get(key).unwrap_or_else(|| unreachable!("{key} is lost in round {round}"));
            assert!(modified >= revision, "{key} of revision {revision} is lost in round {round}");
            if modified == revision {
                assert!(value.starts_with(text.as_bytes()), "{key} has another value in round {round}");
            }
        }
    }
    println!("{ROUNDS} kills, {total} acknowledged writes, none lost");
}

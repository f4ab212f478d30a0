//! Durable commits a second, by the number of writers, and redb with one transaction a write beside them.
//!
//! `cargo bench -p entryway-store`. The folder is the one of `TMPDIR`: name one on a real disk.

#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![expect(clippy::unwrap_used, reason = "a bench")]

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use entryway_store::{EmbeddedStore, ListOptions, MemoryStore, Store, Txn};
use redb::{Database, TableDefinition};

/// A record of the usual size.
const VALUE: [u8; 512] = [b'x'; 512];
const TABLE: TableDefinition<&str, &[u8]> = TableDefinition::new("bench");

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// `total` commits by `writers` tasks; each writes a key that is there, on the condition that it is.
async fn write(store: &Arc<dyn Store>, writers: u64, total: u64) -> Duration {
    let start = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let store = Arc::clone(store);
            let count = total / writers + u64::from(writer < total % writers);
            tokio::spawn(async move {
                for i in 0..count {
                    let key = format!("/eks/entries/{writer}/{}", i % 100);
                    let _ = black_box(store.commit(Txn::new().put(key, VALUE.as_slice())).await.unwrap());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    start.elapsed()
}

fn commits(c: &mut Criterion) {
    let runtime = runtime();
    let mut group = c.benchmark_group("commit");
    group.throughput(Throughput::Elements(1)).measurement_time(Duration::from_secs(5)).sample_size(20);
    for writers in [1, 16, 64] {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open(folder.path()).unwrap());
        group.bench_function(format!("embedded, {writers} writers"), |b| {
            b.iter_custom(|total| runtime.block_on(write(&store, writers, total)));
        });
    }
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    group.bench_function("memory, 16 writers", |b| {
        b.iter_custom(|total| runtime.block_on(write(&store, 16, total)));
    });
    let folder = tempfile::tempdir().unwrap();
    let db = Database::create(folder.path().join("plain.redb")).unwrap();
    let mut i = 0u64;
    group.bench_function("plain redb, one transaction a write", |b| {
        b.iter(|| {
            i += 1;
            let txn = db.begin_write().unwrap();
            txn.open_table(TABLE).unwrap().insert(format!("/eks/{}", i % 100).as_str(), VALUE.as_slice()).unwrap();
            txn.commit().unwrap();
        });
    });
    group.finish();
}

fn reads(c: &mut Criterion) {
    let runtime = runtime();
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open(folder.path()).unwrap());
    for page in 0..10 {
        let txn = (0..1_000).fold(Txn::new(), |txn, i| txn.put(format!("/k/{page}/{i:04}"), VALUE.as_slice()));
        let _ = runtime.block_on(store.commit(txn)).unwrap();
    }
    let mut group = c.benchmark_group("read");
    group.measurement_time(Duration::from_secs(3)).sample_size(20);
    group.bench_function("get", |b| b.iter(|| runtime.block_on(store.get("/k/5/0500")).unwrap()));
    group.bench_function("revision", |b| b.iter(|| runtime.block_on(store.revision()).unwrap()));
    for limit in [1, 100, 10_000] {
        let options = ListOptions { limit, ..ListOptions::default() };
        group.bench_function(format!("list {limit} of 10000"), |b| {
            b.iter(|| runtime.block_on(store.list("/k/", options.clone())).unwrap());
        });
    }
    let options = ListOptions { limit: 500, ..ListOptions::default() };
    group.bench_function("list 500 of 1000", |b| {
        b.iter(|| runtime.block_on(store.list("/k/5/", options.clone())).unwrap());
    });
    group.finish();
}

fn opening(c: &mut Criterion) {
    let runtime = runtime();
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open(folder.path()).unwrap());
    for page in 0..50 {
        let txn = (0..1_000).fold(Txn::new(), |txn, i| txn.put(format!("/k/{page}/{i:04}"), VALUE.as_slice()));
        let _ = runtime.block_on(store.commit(txn)).unwrap();
    }
    // What is in the file at some moment is what a crash would leave then.
    let now = || std::fs::read(folder.path().join(EmbeddedStore::FILE)).unwrap();
    let _ = runtime.block_on(store.commit(Txn::new().put("/last", "1"))).unwrap();
    let busy = now();
    std::thread::sleep(Duration::from_secs(1));
    let at_rest = now();
    drop(store);
    let mut group = c.benchmark_group("open");
    group.measurement_time(Duration::from_secs(3)).sample_size(10);
    let crashed = tempfile::tempdir().unwrap();
    for (name, content) in [("while it wrote", busy), ("at rest", at_rest)] {
        // Flushed, so that opening does not pay for the copy.
        let prepare = || {
            let mut file = File::create(crashed.path().join(EmbeddedStore::FILE)).unwrap();
            file.write_all(&content).unwrap();
            file.sync_all().unwrap();
        };
        group.bench_function(format!("50000 keys, killed {name}"), |b| {
            b.iter_batched(prepare, |()| EmbeddedStore::open(crashed.path()).unwrap(), BatchSize::PerIteration);
        });
    }
    group.bench_function("50000 keys, closed cleanly", |b| {
        b.iter_batched(|| (), |()| EmbeddedStore::open(folder.path()).unwrap(), BatchSize::PerIteration)
    });
    let empty = tempfile::tempdir().unwrap();
    let mut i = 0;
    let mut next = || {
        i += 1;
        empty.path().join(i.to_string())
    };
    group.bench_function("nothing there", |b| {
        b.iter_batched(&mut next, |folder| EmbeddedStore::open(folder).unwrap(), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, commits, reads, opening);
criterion_main!(benches);

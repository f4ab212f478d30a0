//! A disk that fails: nobody is acknowledged who was not written, and the store goes on when the disk does.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

use super::fault::at_io;
use super::{EmbeddedStore, file};
use crate::{ListOptions, Store, StoreError, Txn, TxnOutcome};

/// How a disk fails, and how often it was flushed.
#[derive(Debug, Default)]
struct Disk {
    /// Writes, growths and flushes that still work, when `failing`.
    left: AtomicI64,
    failing: AtomicBool,
    panicking: AtomicBool,
    /// Writes work, flushes do not.
    not_flushing: AtomicBool,
    flushes: AtomicU64,
}

impl Disk {
    fn fail_after(&self, writes: i64) {
        self.left.store(writes, Ordering::SeqCst);
        self.failing.store(true, Ordering::SeqCst);
    }

    fn heal(&self) {
        self.failing.store(false, Ordering::SeqCst);
    }

    fn change(&self) -> io::Result<()> {
        assert!(!self.panicking.load(Ordering::SeqCst), "a panic below");
        if self.failing.load(Ordering::SeqCst) && self.left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "no space left on device"));
        }
        Ok(())
    }
}

#[derive(Debug)]
struct FaultyFile {
    file: FileBackend,
    disk: Arc<Disk>,
}

type Bound = std::ops::Bound<u64>;

impl StorageBackend for FaultyFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.change()?;
        self.file.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.disk.change()?;
        if self.disk.not_flushing.load(Ordering::SeqCst) {
            return Err(io::Error::other("the flush failed"));
        }
        self.disk.flushes.fetch_add(1, Ordering::SeqCst);
        self.file.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.change()?;
        self.file.write(offset, data)
    }
    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
    fn try_lock_range(&self, start: Bound, end: Bound) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }
    fn unlock_range(&self, start: Bound, end: Bound) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
}

fn on_disk(folder: &Path, disk: &Arc<Disk>) -> Arc<EmbeddedStore> {
    drop(EmbeddedStore::open(folder).unwrap());
    let disk = Arc::clone(disk);
    let open = move |path: &Path| {
        let file = std::fs::OpenOptions::new().read(true).write(true).open(path).map_err(|e| at_io(&e, path))?;
        file::open_backend(FaultyFile { file: FileBackend::new(file)?, disk: Arc::clone(&disk) })
    };
    Arc::new(EmbeddedStore::open_with(folder.join(EmbeddedStore::FILE), Box::new(open)).unwrap())
}

/// The keys that were acknowledged, of 16 concurrent writers of two keys each.
async fn write_many(store: &Arc<EmbeddedStore>, round: i64) -> Vec<String> {
    let writers: Vec<_> = (0..16)
        .map(|writer| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let key = format!("{round}/{writer}");
                let txn = Txn::new().put(format!("/l/{key}"), "x").put(format!("/r/{key}"), vec![0; 2_000]);
                match store.commit(txn).await {
                    Ok(TxnOutcome::Committed(_)) => Some(key),
                    Ok(conflict) => panic!("{conflict:?}"),
                    Err(StoreError::Unavailable(_)) => None,
                    Err(other) => panic!("{other}"),
                }
            })
        })
        .collect();
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    acknowledged
}

/// The keys on one side.
async fn side(store: &EmbeddedStore, prefix: &str) -> Vec<String> {
    let items = store.list(prefix, ListOptions::default()).await.unwrap().items;
    items.iter().filter_map(|kv| kv.key.strip_prefix(prefix)).map(str::to_owned).collect()
}

/// At whatever write the disk fails: whole transactions only, none acknowledged that is not there, also after
/// reopening; and the store works again without a restart once the disk does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disk_full() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let store = on_disk(folder.path(), &disk);
    let mut acknowledged = Vec::new();
    let mut failures = 0;
    for round in 0..40 {
        disk.fail_after(round);
        let written = write_many(&store, round).await;
        failures += usize::from(written.len() < 16);
        acknowledged.extend(written);
        disk.heal();
        let healed = store.commit(Txn::new().put(format!("/l/h{round}"), "").put(format!("/r/h{round}"), "")).await;
        assert!(matches!(healed, Ok(TxnOutcome::Committed(_))), "round {round}: {healed:?}");
    }
    assert!(failures > 5, "the disk has hardly failed: {failures}");
    let (left, right) = (side(&store, "/l/").await, side(&store, "/r/").await);
    assert_eq!(left, right, "half a transaction");
    assert!(acknowledged.iter().all(|key| left.contains(key)), "an acknowledged write is lost");
    drop(store);
    let store = EmbeddedStore::open(folder.path()).unwrap();
    assert_eq!(side(&store, "/l/").await, left);
}

/// A watcher goes on through a failure and hears exactly what a reader sees.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watch_through_failures() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let store = on_disk(folder.path(), &disk);
    let mut watch = store.watch("/l/", 0).await.unwrap();
    for round in 0..20 {
        disk.fail_after(round);
        write_many(&store, round).await;
        disk.heal();
    }
    let _ = store.commit(Txn::new().put("/l/end", "")).await.unwrap();
    let mut heard = Vec::new();
    while heard.last().is_none_or(|key| key != "end") {
        let batch = watch.next().await.unwrap();
        heard.extend(batch.changes.iter().filter_map(|change| change.key.strip_prefix("/l/")).map(str::to_owned));
    }
    heard.sort();
    assert_eq!(heard, side(&store, "/l/").await);
}

/// Reads come back when the disk does, without a write that would ask for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let store = on_disk(folder.path(), &disk);
    let _ = store.commit(Txn::new().put("/a", "1")).await.unwrap();
    disk.fail_after(0);
    assert!(store.commit(Txn::new().put("/a", "2")).await.is_err());
    assert!(matches!(store.get("/a").await, Err(StoreError::Unavailable(_))), "the file is open on a dead disk");
    disk.heal();
    let comes_back = async {
        while store.get("/a").await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), comes_back).await.unwrap();
    assert_eq!(store.get("/a").await.unwrap().unwrap().value.as_ref(), b"1");
}

/// A commit whose flush failed is not acknowledged, but may be there: then watchers hear of it too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unacknowledged_but_there() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let store = on_disk(folder.path(), &disk);
    let _ = store.commit(Txn::new().put("/other", "")).await.unwrap();
    let mut watch = store.watch("/l/", 1).await.unwrap();
    disk.not_flushing.store(true, Ordering::SeqCst);
    let answer = store.commit(Txn::new().put("/l/unsure", "")).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    disk.not_flushing.store(false, Ordering::SeqCst);
    let _ = store.commit(Txn::new().put("/other", "")).await.unwrap();
    assert_eq!(side(&store, "/l/").await, ["unsure"]);
    let batch = watch.next().await.unwrap();
    assert_eq!((batch.revision, batch.changes.len()), (2, 1));
}

/// A panic below is an error for those who wait, and for nobody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn panic_below() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let store = on_disk(folder.path(), &disk);
    let _ = store.commit(Txn::new().put("/a", "1")).await.unwrap();
    disk.panicking.store(true, Ordering::SeqCst);
    assert!(store.commit(Txn::new().put("/a", "2")).await.is_err());
    disk.panicking.store(false, Ordering::SeqCst);
    let answer = store.commit(Txn::new().put("/a", "3")).await;
    assert!(matches!(answer, Ok(TxnOutcome::Committed(_))), "{answer:?}");
    assert_eq!(store.get("/a").await.unwrap().unwrap().value.as_ref(), b"3");
}

/// Writers that come together share flushes; conditions alone need none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flushes_are_shared() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let store = on_disk(folder.path(), &disk);
    let before = disk.flushes.load(Ordering::SeqCst);
    for _ in 0..100 {
        let _ = store.commit(Txn::new().present("/none")).await.unwrap();
        let _ = store.commit(Txn::new().absent("/none").delete("/none")).await.unwrap();
    }
    let for_questions = disk.flushes.load(Ordering::SeqCst) - before;
    assert!(for_questions < 20, "{for_questions} flushes for transactions that write nothing");
    let mut writes = tokio::task::JoinSet::new();
    for i in 0..1_000 {
        let store = Arc::clone(&store);
        writes.spawn(async move { store.commit(Txn::new().put(format!("/{i}"), "x")).await });
    }
    while let Some(result) = writes.join_next().await {
        let _ = result.unwrap().unwrap();
    }
    let flushes = disk.flushes.load(Ordering::SeqCst) - before;
    assert!(flushes < 500, "{flushes} flushes for 1,000 concurrent writes");
}

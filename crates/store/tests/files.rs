//! Files that are not there, not ours, not whole, not free; and what survives closing and opening.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use entryway_store::{EmbeddedStore, ListOptions, Store, StoreError, Txn, TxnOutcome};
use redb::TableDefinition;

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(EmbeddedStore::FILE);
    (folder, file)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A store with some data, closed.
async fn filled(folder: &Path) {
    let store = EmbeddedStore::open(folder).unwrap();
    for i in 0..200 {
        let _ = store.commit(Txn::new().put(format!("/k/{i}"), vec![b'v'; 1_000])).await.unwrap();
    }
}

/// The text of the refusal, which must be `Broken` and name the file.
fn broken(folder: &Path) -> String {
    match EmbeddedStore::open(folder) {
        Err(StoreError::Broken { path, problem }) => {
            assert!(path.ends_with(EmbeddedStore::FILE), "{path}");
            problem
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn made_private() {
    let (folder, _) = folder();
    let inner = folder.path().join("a/b");
    let store = EmbeddedStore::open(&inner).unwrap();
    assert_eq!(mode(&inner), 0o700);
    assert_eq!(mode(&inner.join(EmbeddedStore::FILE)), 0o600);
    assert_eq!(store.revision().await.unwrap(), 0);
    let names: Vec<_> = fs::read_dir(&inner).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [EmbeddedStore::FILE], "the draft is left");
}

#[tokio::test]
async fn reopened() {
    let (folder, _) = folder();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    for text in ["1", "2", "3"] {
        let _ = store.commit(Txn::new().put("/a", text)).await.unwrap();
    }
    store.compact(2).await.unwrap();
    let mut watch = store.watch("/", 3).await.unwrap();
    drop(store);
    let closed = watch.next().await;
    assert!(matches!(&closed, Err(StoreError::Unavailable(text)) if text.contains("closed")), "{closed:?}");

    let store = EmbeddedStore::open(folder.path()).unwrap();
    assert_eq!((store.revision().await.unwrap(), store.oldest().await.unwrap()), (3, 2));
    let past = store.list("/", ListOptions { at: Some(2), ..ListOptions::default() }).await.unwrap();
    assert_eq!(past.items.first().unwrap().value.as_ref(), b"2");
    let batch = store.watch("/", 2).await.unwrap().next().await.unwrap();
    assert_eq!((batch.revision, batch.changes.len()), (3, 1));
    assert_eq!(store.commit(Txn::new().modified_at("/a", 3).put("/a", "4")).await.unwrap(), TxnOutcome::Committed(4));
}

#[tokio::test]
async fn in_use() {
    let (folder, _) = folder();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    assert!(matches!(EmbeddedStore::open(folder.path()), Err(StoreError::InUse { .. })));
    drop(store);
    EmbeddedStore::open(folder.path()).unwrap();
}

#[test]
fn not_a_store() {
    let (folder, file) = folder();
    for content in ["hello", &"x".repeat(100_000), "\0"] {
        fs::write(&file, content).unwrap();
        assert!(broken(folder.path()).starts_with("it is not a store;"));
        assert_eq!(fs::read(&file).unwrap(), content.as_bytes(), "a foreign file was changed");
    }
}

#[test]
fn empty_file() {
    let (folder, file) = folder();
    File::create(&file).unwrap();
    assert!(broken(folder.path()).starts_with("it is cut short;"));
}

#[test]
fn another_redb_file() {
    let (folder, file) = folder();
    let db = redb::Database::create(&file).unwrap();
    let txn = db.begin_write().unwrap();
    txn.open_table(TableDefinition::<u64, u64>::new("mine")).unwrap().insert(1, 1).unwrap();
    txn.commit().unwrap();
    drop(db);
    assert!(broken(folder.path()).starts_with("it is a redb file, but not a store;"));
}

#[tokio::test]
async fn another_format() {
    let (folder, file) = folder();
    filled(folder.path()).await;
    let db = redb::Database::create(&file).unwrap();
    let txn = db.begin_write().unwrap();
    txn.open_table(TableDefinition::<&str, u64>::new("meta")).unwrap().insert("format", 7).unwrap();
    txn.commit().unwrap();
    drop(db);
    let problem = broken(folder.path());
    assert!(problem.starts_with("it is of format 7, this version reads format 1;"), "{problem}");
}

#[tokio::test]
async fn cut_short() {
    let (folder, file) = folder();
    filled(folder.path()).await;
    let whole = fs::read(&file).unwrap();
    for part in 0..64 {
        let kept = whole.len() * part / 64;
        fs::write(&file, &whole[..kept]).unwrap();
        let problem = broken(folder.path());
        assert!(
            problem.contains("not a store") || problem.contains("cut short") || problem.contains("damaged"),
            "{problem}"
        );
    }
    fs::write(&file, &whole).unwrap();
    EmbeddedStore::open(folder.path()).unwrap();
}

/// Damage is an error or goes unnoticed (redb checks what it reads when it opens after a crash, not each page
/// each time), but never a panic of the caller.
#[tokio::test]
async fn damaged() {
    let (folder, file) = folder();
    filled(folder.path()).await;
    let whole = fs::read(&file).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 80) {
        fs::write(&file, &whole).unwrap();
        let mut damaged = OpenOptions::new().write(true).open(&file).unwrap();
        damaged.seek(SeekFrom::Start(at as u64)).unwrap();
        damaged.write_all(&[0xA5; 512]).unwrap();
        drop(damaged);
        let Ok(store) = EmbeddedStore::open(folder.path()) else { continue };
        // Not every page is looked at when the file is opened; whatever is read later is an answer or an error.
        let _ = store.list("", ListOptions::default()).await;
        let _ = store.get("/k/77").await;
        let _ = store.commit(Txn::new().put("/k/new", "1")).await;
    }
}

#[test]
fn no_rights() {
    let (folder, file) = folder();
    drop(EmbeddedStore::open(folder.path()).unwrap());
    fs::set_permissions(&file, Permissions::from_mode(0o000)).unwrap();
    if File::open(&file).is_ok() {
        // The superuser may open anything; the mapping of the error is the same everywhere else.
        return;
    }
    match EmbeddedStore::open(folder.path()) {
        Err(StoreError::NoAccess { path, problem }) => {
            assert!(path.ends_with(EmbeddedStore::FILE) && problem.contains("choose another data folder"), "{problem}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_where_the_folder_should_be() {
    let (folder, _) = folder();
    let path = folder.path().join("taken");
    fs::write(&path, "mine").unwrap();
    assert!(EmbeddedStore::open(&path).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}

/// Space that compaction frees is used again: the file stops growing.
#[tokio::test]
async fn bounded_growth() {
    let (folder, file) = folder();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    let mut sizes = Vec::new();
    for _ in 0..12 {
        for i in 0..100 {
            let txn = (0..5).fold(Txn::new(), |txn, key| txn.put(format!("/{key}"), vec![i; 4_000]));
            let _ = store.commit(txn).await.unwrap();
        }
        store.compact(store.revision().await.unwrap()).await.unwrap();
        sizes.push(fs::metadata(&file).unwrap().len());
    }
    let (early, last) = (sizes[3], sizes[11]);
    assert!(last <= early * 2, "the file keeps growing: {sizes:?}");
}

//! Compaction forgets history and nothing else.

use super::*;

/// The state as of the compacted revision and everything after it stay as they were.
pub async fn keeps_the_state(store: Subject) {
    let first = put(&store, "/a", "1").await;
    put(&store, "/b", "1").await;
    put(&store, "/gone", "1").await;
    let kept = delete(&store, "/gone").await;
    let second = put(&store, "/a", "2").await;
    let before = list_at(&store, "/", kept).await.unwrap();
    store.compact(kept).await.unwrap();
    assert_eq!(store.oldest().await.unwrap(), kept);
    assert_eq!(store.revision().await.unwrap(), second);
    assert_eq!(list_at(&store, "/", kept).await.unwrap().items, before.items);
    assert_eq!(store.get("/a").await.unwrap(), Some(kv("/a", "2", first, second)));
    assert_eq!(texts(&list(&store, "/").await), ["/a=2", "/b=1"]);
    store.compact(second).await.unwrap();
    assert_eq!(texts(&list_at(&store, "/", second).await.unwrap()), ["/a=2", "/b=1"]);
    let third = commit(&store, Txn::new().modified_at("/a", second).put("/a", "3")).await;
    assert_eq!(store.get("/a").await.unwrap(), Some(kv("/a", "3", first, third)));
}

/// What is before can neither be read nor watched, and the error says what can.
pub async fn refuses_the_past(store: Subject) {
    put(&store, "/a", "1").await;
    let kept = put(&store, "/a", "2").await;
    put(&store, "/a", "3").await;
    store.compact(kept).await.unwrap();
    let listed = list_at(&store, "/", kept - 1).await.map(|_| ());
    let watched = store.watch("/", kept - 1).await.map(|_| ());
    for result in [listed, watched] {
        match result {
            Err(StoreError::Compacted { requested, oldest }) => assert_eq!((requested, oldest), (kept - 1, kept)),
            other => panic!("{other:?}"),
        }
    }
    let mut watch = store.watch("/", kept).await.unwrap();
    let batch = next_changes(&mut watch).await;
    assert_eq!(changes(&batch), ["/a=3"]);
    assert_eq!(batch.changes[0].previous.as_ref().unwrap().modified, kept);
}

/// A watcher that still needed what was forgotten is told so, each time it asks.
pub async fn ends_late_watchers(store: Subject) {
    let base = put(&store, "/a", "1").await;
    let mut watch = store.watch("/", base).await.unwrap();
    put(&store, "/a", "2").await;
    let newest = put(&store, "/a", "3").await;
    store.compact(newest).await.unwrap();
    for _ in 0..2 {
        let result = next(&mut watch).await;
        assert!(matches!(result, Err(StoreError::Compacted { oldest, .. }) if oldest == newest), "{result:?}");
    }
}

/// A watcher that has seen everything goes on.
pub async fn spares_watchers_in_time(store: Subject) {
    let base = store.revision().await.unwrap();
    let mut watch = store.watch("/a", base).await.unwrap();
    put(&store, "/a", "1").await;
    next_changes(&mut watch).await;
    let newest = put(&store, "/elsewhere", "1").await;
    store.compact(newest).await.unwrap();
    put(&store, "/a", "2").await;
    assert_eq!(changes(&next_changes(&mut watch).await), ["/a=2"]);
}

/// What has not happened can't be forgotten.
pub async fn of_the_future(store: Subject) {
    let now = put(&store, "/a", "1").await;
    let oldest = store.oldest().await.unwrap();
    match store.compact(now + 1).await {
        Err(StoreError::Future { requested, newest }) => assert_eq!((requested, newest), (now + 1, now)),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.oldest().await.unwrap(), oldest);
}

/// Compacting again, or to an earlier revision, changes nothing.
pub async fn again(store: Subject) {
    put(&store, "/a", "1").await;
    let kept = put(&store, "/a", "2").await;
    for revision in [kept, kept, kept - 1, 0] {
        store.compact(revision).await.unwrap();
        assert_eq!(store.oldest().await.unwrap(), kept);
    }
}

/// Long histories go while writes go on.
pub async fn many_revisions(store: Subject) {
    let mut writes = Vec::new();
    for i in 0..2_000 {
        let store = Arc::clone(&store);
        writes.push(tokio::spawn(async move { put(&store, &format!("/{}", i % 10), &i.to_string()).await }));
    }
    for write in writes {
        write.await.unwrap();
    }
    let newest = store.revision().await.unwrap();
    let state = list(&store, "/").await.items;
    store.compact(newest).await.unwrap();
    for i in 0..20 {
        put(&store, "/after", &i.to_string()).await;
    }
    assert_eq!(list_at(&store, "/", newest).await.unwrap().items, state);
    let mut watch = store.watch("/", newest).await.unwrap();
    assert_eq!(changes(&next_changes(&mut watch).await), ["/after=0"]);
}

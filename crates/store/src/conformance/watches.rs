//! Watches deliver every change once, in order, whole revisions at a time, from wherever they start.

use super::*;

/// A watch that starts where another ended misses nothing and repeats nothing.
pub async fn resume(store: Subject) {
    let base = store.revision().await.unwrap();
    for i in 0..6 {
        put(&store, "/a", &i.to_string()).await;
    }
    let mut watch = store.watch("/", base).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let batch = next_changes(&mut watch).await;
        seen.push((batch.revision - base, changes(&batch).concat()));
        drop(watch);
        watch = store.watch("/", batch.revision).await.unwrap();
    }
    for _ in 0..3 {
        let batch = next_changes(&mut watch).await;
        seen.push((batch.revision - base, changes(&batch).concat()));
    }
    assert_eq!(seen, (0..6).map(|i| (i + 1, format!("/a={i}"))).collect::<Vec<_>>());
}

/// History and the present come through one watch, without a seam.
pub async fn from_the_past(store: Subject) {
    let base = put(&store, "/a", "0").await;
    put(&store, "/a", "1").await;
    let mut watch = store.watch("/", base).await.unwrap();
    put(&store, "/a", "2").await;
    delete(&store, "/a").await;
    assert_eq!(changes(&next_changes(&mut watch).await), ["/a=1"]);
    assert_eq!(changes(&next_changes(&mut watch).await), ["/a=2"]);
    let batch = next_changes(&mut watch).await;
    assert_eq!((changes(&batch), batch.revision), (vec!["-/a".to_owned()], base + 3));
    let later = tokio::spawn({
        let store = Arc::clone(&store);
        async move { put(&store, "/a", "3").await }
    });
    assert_eq!(changes(&next_changes(&mut watch).await), ["/a=3"]);
    later.await.unwrap();
}

/// A transaction's changes come as one batch, in its order.
pub async fn whole_revisions(store: Subject) {
    put(&store, "/w/gone", "1").await;
    let base = put(&store, "/elsewhere", "1").await;
    commit(&store, Txn::new().put("/w/z", "1").put("/elsewhere", "2").delete("/w/gone").put("/w/a", "1")).await;
    let mut watch = store.watch("/w/", base).await.unwrap();
    let batch = next_changes(&mut watch).await;
    assert_eq!(
        (changes(&batch), batch.revision),
        (["/w/z=1", "-/w/gone", "/w/a=1"].map(str::to_owned).to_vec(), base + 1)
    );
}

/// Each change carries the state before it, also when the watcher comes late.
pub async fn previous_state(store: Subject) {
    let base = store.revision().await.unwrap();
    let first = put(&store, "/a", "1").await;
    let second = put(&store, "/a", "2").await;
    delete(&store, "/a").await;
    let fourth = put(&store, "/a", "4").await;
    let mut watch = store.watch("/", base).await.unwrap();
    for (previous, current) in [
        (None, Some(kv("/a", "1", first, first))),
        (Some(kv("/a", "1", first, first)), Some(kv("/a", "2", first, second))),
        (Some(kv("/a", "2", first, second)), None),
        (None, Some(kv("/a", "4", fourth, fourth))),
    ] {
        let batch = next_changes(&mut watch).await;
        assert_eq!(batch.changes, [Change { key: "/a".to_owned(), current, previous }]);
    }
}

/// A watch sees its prefix only, by bytes.
pub async fn prefixes(store: Subject) {
    let base = store.revision().await.unwrap();
    let mut all = store.watch("", base).await.unwrap();
    let mut some = store.watch("/a/", base).await.unwrap();
    let mut one = store.watch("/ab", base).await.unwrap();
    for key in ["/a", "/a/1", "/ab", "/b", "/a/2"] {
        put(&store, key, "x").await;
    }
    for key in ["/a", "/a/1", "/ab", "/b", "/a/2"] {
        assert_eq!(changes(&next_changes(&mut all).await), [format!("{key}=x")]);
    }
    assert_eq!(changes(&next_changes(&mut some).await), ["/a/1=x"]);
    assert_eq!(changes(&next_changes(&mut some).await), ["/a/2=x"]);
    assert_eq!(changes(&next_changes(&mut one).await), ["/ab=x"]);
}

/// A watcher whose keys are quiet learns how far the store has come; a mark promises that nothing is missing.
pub async fn marks(store: Subject) {
    let base = put(&store, "/a", "1").await;
    let mut watch = store.watch("/a", base).await.unwrap();
    let moved = put(&store, "/b", "1").await;
    assert_eq!(next(&mut watch).await.unwrap(), ChangeBatch { revision: moved, changes: Vec::new() });
    let changed = put(&store, "/a", "2").await;
    assert_eq!(next(&mut watch).await.unwrap().revision, changed);
    let moved = put(&store, "/b", "2").await;
    assert_eq!(next(&mut watch).await.unwrap(), ChangeBatch { revision: moved, changes: Vec::new() });
    let mut resumed = store.watch("/a", moved).await.unwrap();
    let changed = put(&store, "/a", "3").await;
    for watch in [&mut watch, &mut resumed] {
        let batch = next(watch).await.unwrap();
        assert_eq!((batch.revision, changes(&batch)), (changed, vec!["/a=3".to_owned()]));
    }
}

/// Under concurrent writers, each revision arrives once, in order, and gives the state that a listing shows.
pub async fn exactly_once(store: Subject) {
    const WRITERS: u64 = 4;
    const EACH: u64 = 25;
    let base = store.revision().await.unwrap();
    let mut watch = store.watch("/", base).await.unwrap();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for i in 0..EACH {
                    put(&store, &format!("/{writer}/{}", i % 5), &i.to_string()).await;
                    if i % 7 == 0 {
                        delete(&store, &format!("/{writer}/{}", i % 5)).await;
                    }
                }
            })
        })
        .collect();
    let total = WRITERS * (EACH + EACH.div_ceil(7));
    let mut state = std::collections::BTreeMap::new();
    for expected in base + 1..=base + total {
        let batch = next_changes(&mut watch).await;
        assert_eq!((batch.revision, batch.changes.len()), (expected, 1));
        for change in batch.changes {
            assert_eq!(change.previous, state.get(&change.key).cloned());
            match change.current {
                Some(kv) => state.insert(change.key, kv),
                None => state.remove(&change.key),
            };
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(list(&store, "/").await.items, state.into_values().collect::<Vec<_>>());
}

/// A watcher that was not read for long gets everything that is still kept.
pub async fn slow_watcher(store: Subject) {
    const CHANGES: u64 = 1_500;
    let base = store.revision().await.unwrap();
    let mut watch = store.watch("/", base).await.unwrap();
    let mut writes = Vec::new();
    for i in 0..CHANGES {
        let store = Arc::clone(&store);
        writes.push(tokio::spawn(async move { put(&store, &format!("/{i}"), &"x".repeat(2_000)).await }));
    }
    for write in writes {
        write.await.unwrap();
    }
    for expected in base + 1..=base + CHANGES {
        assert_eq!(next_changes(&mut watch).await.revision, expected);
    }
}

/// A watch can't start after a revision that has not happened.
pub async fn watch_of_the_future(store: Subject) {
    let now = put(&store, "/a", "1").await;
    store.watch("/", now).await.unwrap();
    match store.watch("/", now + 1).await.map(|_| ()) {
        Err(StoreError::Future { requested, newest }) => assert_eq!((requested, newest), (now + 1, now)),
        other => panic!("{other:?}"),
    }
}

/// Many watchers of many prefixes each get their own, and only it.
pub async fn many_watchers(store: Subject) {
    let base = store.revision().await.unwrap();
    let mut watches = Vec::new();
    for i in 0..50 {
        watches.push((i, store.watch(&format!("/{i:02}/"), base).await.unwrap()));
    }
    let txn = (0..50).fold(Txn::new(), |txn, i| txn.put(format!("/{i:02}/x"), i.to_string()));
    commit(&store, txn).await;
    for (i, watch) in &mut watches {
        assert_eq!(changes(&next_changes(watch).await), [format!("/{i:02}/x={i}")]);
    }
}

/// `next` may be given up at any point without losing a change.
pub async fn dropped_in_the_middle(store: Subject) {
    let base = store.revision().await.unwrap();
    let mut watch = store.watch("/", base).await.unwrap();
    for i in 0..20u64 {
        let write = tokio::spawn({
            let store = Arc::clone(&store);
            async move { put(&store, "/a", &i.to_string()).await }
        });
        let batch = loop {
            tokio::select! {
                biased;
                batch = watch.next() => break batch.unwrap(),
                () = tokio::task::yield_now() => {}
            }
        };
        assert_eq!((batch.revision, changes(&batch)), (base + 1 + i, vec![format!("/a={i}")]));
        write.await.unwrap();
    }
}

//! One order, all or nothing, and conditions that mean what they say.

use super::*;
use crate::{MAX_KEY_BYTES, MAX_TXN_BYTES, MAX_VALUE_BYTES};

/// What was put is there, with its revision.
pub async fn put_and_get(store: Subject) {
    assert_eq!(store.get("/a").await.unwrap(), None);
    let first = put(&store, "/a", "1").await;
    assert_eq!(store.get("/a").await.unwrap(), Some(kv("/a", "1", first, first)));
    assert_eq!(store.get("/").await.unwrap(), None, "a prefix of a key is another key");
    assert_eq!(store.get("/a/").await.unwrap(), None);
}

/// Each transaction that writes takes the next revision, however many keys it writes.
pub async fn revisions_grow_by_one(store: Subject) {
    let base = store.revision().await.unwrap();
    assert_eq!(put(&store, "/a", "1").await, base + 1);
    assert_eq!(commit(&store, Txn::new().put("/b", "1").put("/c", "1").delete("/a")).await, base + 2);
    assert_eq!(store.get("/b").await.unwrap().unwrap().modified, base + 2);
    assert_eq!(store.get("/c").await.unwrap().unwrap().modified, base + 2);
    assert_eq!(store.revision().await.unwrap(), base + 2);
    assert_eq!(put(&store, "/b", "1").await, base + 3, "writing the same value is a write");
}

/// A conflict writes nothing and takes no revision.
pub async fn all_or_nothing(store: Subject) {
    let base = put(&store, "/there", "1").await;
    let txn = Txn::new().present("/there").absent("/there").put("/x", "1").put("/there", "2").delete("/there");
    let txn = Txn { ops: txn.ops.into_iter().take(2).collect(), ..txn };
    conflict(&store, txn).await;
    assert_eq!(store.get("/x").await.unwrap(), None);
    assert_eq!(store.get("/there").await.unwrap(), Some(kv("/there", "1", base, base)));
    assert_eq!(store.revision().await.unwrap(), base);
}

/// The answer names the first condition that failed and shows its key.
pub async fn first_failed_condition(store: Subject) {
    let at = put(&store, "/a", "1").await;
    let txn = Txn::new().absent("/b").present("/a").absent("/a").present("/c").put("/d", "1");
    assert_eq!(conflict(&store, txn).await, (2, Some(kv("/a", "1", at, at))));
    assert_eq!(conflict(&store, Txn::new().present("/c").absent("/a").put("/d", "1")).await, (0, None));
}

/// `ModifiedAt` holds at exactly the revision of the last write.
pub async fn modified_at(store: Subject) {
    let first = put(&store, "/a", "1").await;
    let second = commit(&store, Txn::new().modified_at("/a", first).put("/a", "2")).await;
    for stale in [first, second + 1, 0] {
        let txn = Txn::new().modified_at("/a", stale).put("/a", "3");
        assert_eq!(conflict(&store, txn).await, (0, Some(kv("/a", "2", first, second))), "{stale}");
    }
    put(&store, "/other", "1").await;
    commit(&store, Txn::new().modified_at("/a", second).delete("/a")).await;
    assert_eq!(conflict(&store, Txn::new().modified_at("/a", second).put("/a", "4")).await, (0, None));
}

/// `created` stays through writes and begins anew after a removal.
pub async fn created_and_modified(store: Subject) {
    let first = put(&store, "/a", "1").await;
    let second = put(&store, "/a", "2").await;
    assert_eq!(store.get("/a").await.unwrap(), Some(kv("/a", "2", first, second)));
    delete(&store, "/a").await;
    assert_eq!(store.get("/a").await.unwrap(), None);
    let third = put(&store, "/a", "3").await;
    assert_eq!(store.get("/a").await.unwrap(), Some(kv("/a", "3", third, third)));
}

/// Removing what is not there changes nothing: no revision, no change for watchers.
pub async fn delete_of_absent(store: Subject) {
    let base = put(&store, "/a", "1").await;
    assert_eq!(delete(&store, "/none").await, base);
    assert_eq!(store.revision().await.unwrap(), base);
    let mixed = commit(&store, Txn::new().delete("/none").put("/b", "1")).await;
    assert_eq!(mixed, base + 1);
    let mut watch = store.watch("/", base).await.unwrap();
    assert_eq!(changes(&next_changes(&mut watch).await), ["/b=1"]);
}

/// Conditions are about the state before the transaction's own writes.
pub async fn conditions_see_the_state_before(store: Subject) {
    commit(&store, Txn::new().absent("/a").put("/a", "1")).await;
    commit(&store, Txn::new().present("/a").absent("/b").delete("/a").put("/b", "1")).await;
    assert_eq!(texts(&list(&store, "/").await), ["/b=1"]);
}

/// Conditions alone are a question: committed at the current revision, or a conflict.
pub async fn nothing_to_write(store: Subject) {
    let base = put(&store, "/a", "1").await;
    assert_eq!(commit(&store, Txn::new()).await, base);
    assert_eq!(commit(&store, Txn::new().present("/a")).await, base);
    assert_eq!(conflict(&store, Txn::new().absent("/a")).await.0, 0);
    assert_eq!(store.revision().await.unwrap(), base);
}

/// A key written twice and an empty key are mistakes of the caller.
pub async fn invalid_transactions(store: Subject) {
    let base = store.revision().await.unwrap();
    for txn in [
        Txn::new().put("/a", "1").put("/a", "2"),
        Txn::new().put("/a", "1").delete("/a"),
        Txn::new().delete("/a").delete("/a"),
        Txn::new().put("", "1"),
        Txn::new().delete(""),
        Txn::new().absent("").put("/a", "1"),
    ] {
        let result = store.commit(txn.clone()).await;
        assert!(matches!(result, Err(StoreError::Invalid(_))), "{txn:?}: {result:?}");
    }
    assert_eq!(store.revision().await.unwrap(), base);
}

/// Limits take what is at them and refuse what is one byte over.
pub async fn limits(store: Subject) {
    let base = store.revision().await.unwrap();
    let value = |size: usize| vec![7u8; size];
    let longest = "k".repeat(MAX_KEY_BYTES);
    for (txn, size, limit) in [
        (Txn::new().put("k".repeat(MAX_KEY_BYTES + 1), ""), MAX_KEY_BYTES + 1, MAX_KEY_BYTES),
        (Txn::new().delete("é".repeat(MAX_KEY_BYTES)), MAX_KEY_BYTES * 2, MAX_KEY_BYTES),
        (Txn::new().present("k".repeat(MAX_KEY_BYTES + 1)), MAX_KEY_BYTES + 1, MAX_KEY_BYTES),
        (Txn::new().put("/a", value(MAX_VALUE_BYTES + 1)), MAX_VALUE_BYTES + 1, MAX_VALUE_BYTES),
        (
            (0..4).fold(Txn::new(), |txn, i| txn.put(format!("/{i}"), value(MAX_TXN_BYTES / 4))),
            MAX_TXN_BYTES + 8,
            MAX_TXN_BYTES,
        ),
    ] {
        match store.commit(txn).await {
            Err(StoreError::TooLarge { what, size: found, limit: known }) => {
                assert_eq!((found, known), (size, limit), "{what}");
                assert!(what.len() < 200, "the message repeats a whole key");
            }
            other => panic!("{other:?} for {size} bytes"),
        }
    }
    assert_eq!(store.revision().await.unwrap(), base);
    commit(&store, Txn::new().put(&longest, value(MAX_VALUE_BYTES))).await;
    assert_eq!(store.get(&longest).await.unwrap().unwrap().value.len(), MAX_VALUE_BYTES);
}

/// Many writers that compare and put lose no write.
pub async fn concurrent_counter(store: Subject) {
    const WRITERS: u64 = 8;
    const EACH: u64 = 10;
    let base = put(&store, "/counter", "0").await;
    let writers: Vec<_> = (0..WRITERS).map(|_| tokio::spawn(count_up(Arc::clone(&store), EACH))).collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let counter = store.get("/counter").await.unwrap().unwrap();
    assert_eq!(counter, kv("/counter", &(WRITERS * EACH).to_string(), base, base + WRITERS * EACH));
}

async fn count_up(store: Subject, times: u64) {
    for _ in 0..times {
        let mut seen = store.get("/counter").await.unwrap();
        while let Some(kv) = seen {
            let count: u64 = std::str::from_utf8(&kv.value).unwrap().parse().unwrap();
            let txn = Txn::new().modified_at("/counter", kv.modified).put("/counter", (count + 1).to_string());
            seen = match store.commit(txn).await.unwrap() {
                TxnOutcome::Committed(_) => None,
                TxnOutcome::Conflict { current, .. } => current,
            };
        }
    }
}

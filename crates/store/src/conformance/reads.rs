//! Reads see one revision, whole, and pages of it fit together.

use super::*;

/// Keys and values are any text and any bytes.
pub async fn any_utf8(store: Subject) {
    let keys = ["/é", "/日本", "/\u{0}", "/\u{10FFFF}", "/a b", "/🙂", "no slash", " "];
    let txn = keys.iter().fold(Txn::new(), |txn, key| txn.put(*key, [0u8, 255, 128].as_slice()));
    commit(&store, txn).await;
    for key in keys {
        let kv = store.get(key).await.unwrap().unwrap();
        assert_eq!((kv.key.as_str(), kv.value.as_ref()), (key, [0u8, 255, 128].as_slice()));
        assert_eq!(list(&store, key).await.items, [kv]);
    }
    let all = list(&store, "").await;
    assert_eq!(all.items.len(), keys.len());
    assert!(all.items.is_sorted_by(|a, b| a.key.as_bytes() < b.key.as_bytes()));
}

/// A prefix is the first bytes of a key, not a path.
pub async fn prefix_is_bytes(store: Subject) {
    for key in ["/a", "/a/1", "/a/2", "/ab", "/a0", "/b", "/a/", "0"] {
        put(&store, key, "x").await;
    }
    assert_eq!(texts(&list(&store, "/a/").await), ["/a/=x", "/a/1=x", "/a/2=x"]);
    assert_eq!(texts(&list(&store, "/a").await), ["/a=x", "/a/=x", "/a/1=x", "/a/2=x", "/a0=x", "/ab=x"]);
    assert_eq!(texts(&list(&store, "/c").await), [""; 0]);
    assert_eq!(list(&store, "").await.items.len(), 8);
}

async fn page(store: &Subject, limit: usize, after: Option<&str>, at: Option<Revision>) -> Listing {
    store.list("/p/", ListOptions { after: after.map(str::to_owned), limit, at }).await.unwrap()
}

/// Pages hold `limit` keys, start after `after`, and count what remains.
pub async fn pages(store: Subject) {
    for key in ["/o", "/p/1", "/p/2", "/p/3", "/p/4", "/p/5", "/q"] {
        put(&store, key, "x").await;
    }
    let now = store.revision().await.unwrap();
    for (limit, after, expected, remaining) in [
        (2, None, vec!["/p/1", "/p/2"], 3),
        (2, Some("/p/2"), vec!["/p/3", "/p/4"], 1),
        (2, Some("/p/4"), vec!["/p/5"], 0),
        (2, Some("/p/5"), vec![], 0),
        (0, Some("/p/3"), vec!["/p/4", "/p/5"], 0),
        (5, None, vec!["/p/1", "/p/2", "/p/3", "/p/4", "/p/5"], 0),
        (9, Some("/p/22"), vec!["/p/3", "/p/4", "/p/5"], 0),
        (1, Some("/a"), vec!["/p/1"], 4),
        (1, Some("/p/"), vec!["/p/1"], 4),
        (1, Some("/q"), vec![], 0),
        (1, Some("/z"), vec![], 0),
    ] {
        for at in [None, Some(now)] {
            let page = page(&store, limit, after, at).await;
            let keys: Vec<_> = page.items.iter().map(|kv| kv.key.as_str()).collect();
            assert_eq!((keys, page.remaining, page.revision), (expected.clone(), remaining, now), "{limit} {after:?}");
        }
    }
}

/// Later pages of a listing are of its revision, whatever has been written since.
pub async fn pages_of_the_past(store: Subject) {
    for key in ["/p/1", "/p/2", "/p/3", "/p/4"] {
        put(&store, key, "old").await;
    }
    let first = page(&store, 2, None, None).await;
    assert_eq!((texts(&first), first.remaining), (vec!["/p/1=old".to_owned(), "/p/2=old".to_owned()], 2));
    delete(&store, "/p/1").await;
    delete(&store, "/p/3").await;
    put(&store, "/p/3", "back").await;
    put(&store, "/p/4", "new").await;
    put(&store, "/p/4", "newer").await;
    put(&store, "/p/25", "new").await;
    put(&store, "/p/5", "new").await;
    let second = page(&store, 1, Some("/p/2"), Some(first.revision)).await;
    assert_eq!((texts(&second), second.remaining), (vec!["/p/3=old".to_owned()], 1));
    assert_eq!(second.revision, first.revision);
    let third = page(&store, 2, Some("/p/3"), Some(first.revision)).await;
    assert_eq!((texts(&third), third.remaining), (vec!["/p/4=old".to_owned()], 0));
}

/// Every past state can be read as it was, with the revisions it had.
pub async fn past_revisions(store: Subject) {
    let base = store.revision().await.unwrap();
    let first = put(&store, "/a", "1").await;
    let second = commit(&store, Txn::new().put("/a", "2").put("/b", "2")).await;
    let third = delete(&store, "/a").await;
    let fourth = put(&store, "/a", "4").await;
    for (at, expected) in [
        (base, vec![]),
        (first, vec![kv("/a", "1", first, first)]),
        (second, vec![kv("/a", "2", first, second), kv("/b", "2", second, second)]),
        (third, vec![kv("/b", "2", second, second)]),
        (fourth, vec![kv("/a", "4", fourth, fourth), kv("/b", "2", second, second)]),
    ] {
        let listing = list_at(&store, "/", at).await.unwrap();
        assert_eq!((listing.items, listing.revision), (expected, at));
    }
}

/// A revision that has not happened is an error, not the newest state.
pub async fn future(store: Subject) {
    let now = put(&store, "/a", "1").await;
    match list_at(&store, "/", now + 1).await {
        Err(StoreError::Future { requested, newest }) => assert_eq!((requested, newest), (now + 1, now)),
        other => panic!("{other:?}"),
    }
}

/// Values of megabytes come back as they were, now and from the past.
pub async fn large_values(store: Subject) {
    let large = |seed: u8| (0..3_000_000usize).map(|i| (i % 251) as u8 ^ seed).collect::<Vec<u8>>();
    let first = commit(&store, Txn::new().put("/big", large(1))).await;
    commit(&store, Txn::new().put("/big", large(2))).await;
    assert!(store.get("/big").await.unwrap().unwrap().value == large(2));
    assert!(list_at(&store, "/", first).await.unwrap().items[0].value == large(1));
}

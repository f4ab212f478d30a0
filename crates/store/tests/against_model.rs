//! Random operations on the real stores and on the plainest possible model: a list of all states there ever
//! were. Compared after each step.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use entryway_store::{
    Change, Compare, EmbeddedStore, KeyValue, ListOptions, MemoryStore, Op, Revision, Store, StoreError, Txn,
    TxnOutcome,
};
use proptest::prelude::*;

type State = BTreeMap<String, KeyValue>;

/// Every state, by revision.
struct Model {
    states: Vec<State>,
    order: Vec<Vec<String>>,
    oldest: usize,
}

impl Model {
    fn new() -> Self {
        Self { states: vec![State::new()], order: vec![Vec::new()], oldest: 0 }
    }

    fn newest(&self) -> usize {
        self.states.len() - 1
    }

    fn commit(&mut self, txn: &Txn) -> TxnOutcome {
        let mut state = self.states[self.newest()].clone();
        for (failed, compare) in txn.compares.iter().enumerate() {
            let (key, holds): (_, fn(Option<&KeyValue>, u64) -> bool) = match compare {
                Compare::Absent(key) => (key, |kv, _| kv.is_none()),
                Compare::Present(key) => (key, |kv, _| kv.is_some()),
                Compare::ModifiedAt(key, _) => (key, |kv, at| kv.is_some_and(|kv| kv.modified == at)),
            };
            let at = if let Compare::ModifiedAt(_, at) = compare { *at } else { 0 };
            if !holds(state.get(key), at) {
                return TxnOutcome::Conflict { failed, current: state.get(key).cloned() };
            }
        }
        let modified = self.states.len() as Revision;
        let mut order = Vec::new();
        for op in &txn.ops {
            match op {
                Op::Put(key, value) => {
                    let created = state.get(key).map_or(modified, |kv| kv.created);
                    let kv = KeyValue { key: key.clone(), value: value.clone(), created, modified };
                    state.insert(key.clone(), kv);
                    order.push(key.clone());
                }
                Op::Delete(key) => {
                    if state.remove(key).is_some() {
                        order.push(key.clone());
                    }
                }
            }
        }
        if !order.is_empty() {
            self.states.push(state);
            self.order.push(order);
        }
        TxnOutcome::Committed(self.newest() as Revision)
    }

    fn check(&self, revision: usize) -> Result<(), String> {
        if revision > self.newest() {
            Err("future".to_owned())
        } else if revision < self.oldest {
            Err("compacted".to_owned())
        } else {
            Ok(())
        }
    }

    fn list(&self, prefix: &str, after: Option<&str>, limit: usize, at: usize) -> Result<(Vec<KeyValue>, u64), String> {
        self.check(at)?;
        let all = self.states[at].values().filter(|kv| kv.key.starts_with(prefix));
        let mut all: Vec<_> = all.filter(|kv| after.is_none_or(|after| kv.key.as_str() > after)).cloned().collect();
        let rest = if limit == 0 { 0 } else { all.len().saturating_sub(limit) };
        all.truncate(all.len() - rest);
        Ok((all, rest as u64))
    }

    fn changes(&self, prefix: &str, revision: usize) -> Vec<Change> {
        let keys = self.order[revision].iter().filter(|key| key.starts_with(prefix));
        keys.map(|key| Change {
            key: key.clone(),
            current: self.states[revision].get(key).cloned(),
            previous: self.states[revision - 1].get(key).cloned(),
        })
        .collect()
    }
}

/// One step. Revisions are given relative to the newest, so that most of them mean something.
#[derive(Debug, Clone)]
enum Step {
    Commit(Txn),
    List { prefix: String, after: Option<String>, limit: usize, back: i64 },
    Watch { prefix: String, back: i64 },
    Compact { back: i64 },
    Reopen,
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![4 => "/[ab]/[a-c]", 1 => "/[ab]", 1 => "/a/[é\u{10FFFF}]", 1 => "[ab/]{1,3}"]
}

fn prefix() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), Just("/".to_owned()), Just("/a".to_owned()), Just("/a/".to_owned()), key()]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (key(), prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(key, value)| Op::Put(key, value.into())),
        1 => key().prop_map(Op::Delete),
    ]
}

fn compare() -> impl Strategy<Value = Compare> {
    prop_oneof![
        key().prop_map(Compare::Absent),
        key().prop_map(Compare::Present),
        (key(), 0..12u64).prop_map(|(key, at)| Compare::ModifiedAt(key, at)),
    ]
}

fn txn() -> impl Strategy<Value = Txn> {
    let compares = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(compare(), 1..3)];
    (compares, prop::collection::vec(op(), 0..4)).prop_map(|(compares, mut ops)| {
        let mut seen = std::collections::HashSet::new();
        ops.retain(|op| seen.insert(op.key().to_owned()));
        Txn { compares, ops }
    })
}

fn steps(length: Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let back = || -2..10i64;
    let step = prop_oneof![
        12 => txn().prop_map(Step::Commit),
        4 => (prefix(), prop::option::of(key()), 0..4usize, back())
            .prop_map(|(prefix, after, limit, back)| Step::List { prefix, after, limit, back }),
        3 => (prefix(), back()).prop_map(|(prefix, back)| Step::Watch { prefix, back }),
        1 => back().prop_map(|back| Step::Compact { back }),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, length)
}

fn kind(error: &StoreError) -> String {
    match error {
        StoreError::Compacted { .. } => "compacted".to_owned(),
        StoreError::Future { .. } => "future".to_owned(),
        other => panic!("{other}"),
    }
}

/// Plays the steps. `reopen` gives back the store after a restart.
async fn play(mut store: Arc<dyn Store>, reopen: impl Fn(Arc<dyn Store>) -> Arc<dyn Store>, steps: Vec<Step>) {
    let mut model = Model::new();
    for step in steps {
        let relative = |back: i64| (model.newest() as i64 - back).max(0) as usize;
        match step {
            Step::Commit(txn) => assert_eq!(store.commit(txn.clone()).await.unwrap(), model.commit(&txn)),
            Step::List { prefix, after, limit, back } => {
                let at = relative(back);
                let expected = model.list(&prefix, after.as_deref(), limit, at);
                let options = ListOptions { after, limit, at: Some(at as Revision) };
                let found = store.list(&prefix, options).await;
                let found = found.map(|listing| (listing.items, listing.remaining)).map_err(|error| kind(&error));
                assert_eq!(found, expected);
            }
            Step::Watch { prefix, back } => watch(&store, &model, &prefix, relative(back)).await,
            Step::Compact { back } => {
                let to = relative(back);
                let result = store.compact(to as Revision).await.map_err(|error| kind(&error));
                assert_eq!(result, if to > model.newest() { Err("future".to_owned()) } else { Ok(()) });
                if result.is_ok() {
                    model.oldest = model.oldest.max(to);
                }
            }
            Step::Reopen => store = reopen(store),
        }
        compare_now(&store, &model).await;
    }
}

async fn compare_now(store: &Arc<dyn Store>, model: &Model) {
    assert_eq!(store.revision().await.unwrap(), model.newest() as Revision);
    assert_eq!(store.oldest().await.unwrap(), model.oldest as Revision);
    let now = store.list("", ListOptions::default()).await.unwrap();
    assert_eq!(Ok((now.items, 0)), model.list("", None, 0, model.newest()));
    for key in ["/a/a", "/b/b", "/a"] {
        assert_eq!(store.get(key).await.unwrap().as_ref(), model.states[model.newest()].get(key));
    }
}

async fn watch(store: &Arc<dyn Store>, model: &Model, prefix: &str, after: usize) {
    let mut watch = match store.watch(prefix, after as Revision).await {
        Ok(watch) => {
            assert_eq!(model.check(after), Ok(()));
            watch
        }
        Err(error) => {
            assert_eq!(model.check(after), Err(kind(&error)));
            return;
        }
    };
    for revision in after + 1..=model.newest() {
        let expected = model.changes(prefix, revision);
        if !expected.is_empty() {
            let batch = watch.next().await.unwrap();
            assert_eq!((batch.revision, batch.changes), (revision as Revision, expected));
        }
    }
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn memory(steps in steps(1..80)) {
        block_on(play(Arc::new(MemoryStore::new()), |store| store, steps));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn embedded(steps in steps(1..80)) {
        let folder = tempfile::tempdir().unwrap();
        let open = || -> Arc<dyn Store> { Arc::new(EmbeddedStore::open(folder.path()).unwrap()) };
        block_on(play(open(), |store| { drop(store); open() }, steps));
    }
}

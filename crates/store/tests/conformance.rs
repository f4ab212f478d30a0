//! The shared suite on every implementation of this crate.

mod memory {
    use std::sync::Arc;

    use entryway_store::MemoryStore;

    entryway_store::conformance_tests!((Arc::new(MemoryStore::new()), ()));
}

mod embedded {
    use std::sync::Arc;

    use entryway_store::EmbeddedStore;

    fn fresh() -> (Arc<EmbeddedStore>, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        (Arc::new(EmbeddedStore::open(folder.path()).expect("an empty store")), folder)
    }

    entryway_store::conformance_tests!(fresh());
}

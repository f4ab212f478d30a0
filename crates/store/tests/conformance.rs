//! The shared suite on every implementation of this crate.

#![expect(clippy::unwrap_used, reason = "tests")]

mod memory {
    use std::sync::Arc;

    use entryway_store::MemoryStore;

    entryway_store::conformance_tests!((Arc::new(MemoryStore::new()), ()));
}

mod embedded {
    use std::sync::Arc;

    use entryway_store::EmbeddedStore;

    fn fresh() -> (Arc<EmbeddedStore>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (Arc::new(EmbeddedStore::open(folder.path()).unwrap()), folder)
    }

    entryway_store::conformance_tests!(fresh());
}

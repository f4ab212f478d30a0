//! How long ago, as `kubectl get` says it.

/// A duration as the AGE column prints it: `3s`, `5m12s`, `4h`, `12d`, `2y45d`; `<invalid>` for more than 1 s ahead.
pub fn human(seconds: i64) -> String {
    todo!()
}

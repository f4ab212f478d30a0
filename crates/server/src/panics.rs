//! A panic in a handler is a fault of ours and must stay one request's: it is logged and answered 500 in the form of
//! the service, and neither the connection nor anybody else's request ends.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;

/// Runs a request's work. `Err` is what a panic said; the panic itself, with its place, is on stderr.
///
/// What handlers share is behind locks that are taken over when poisoned, or in the store, whose transactions a panic
/// can't cut in half: going on is safe.
pub(crate) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, String> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|panic| text(panic.as_ref()).to_owned())
}

fn text(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "a panic without a text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn panics_are_caught_with_their_text() {
        assert_eq!(caught(async { 5 }).await, Ok(5));
        let number = 7;
        assert_eq!(caught::<()>(async { panic!("constant") }).await, Err("constant".to_owned()));
        assert_eq!(caught::<()>(async { panic!("with {number}") }).await, Err("with 7".to_owned()));
        assert_eq!(caught::<()>(async { std::panic::panic_any(3) }).await, Err("a panic without a text".to_owned()));
    }
}

//! Ctrl-C (or SIGTERM, as CI sends it) while something is being changed: what is under way is finished, nothing else is
//! begun, and a second one ends the program at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::CliError;
use crate::output;

/// What a shell makes of a program that Ctrl-C ended.
const ENDED_BY_INTERRUPT: i32 = 130;

/// Watches while it is there. Afterwards a signal ends the program, as it does without.
#[derive(Debug)]
pub(crate) struct Interrupt(Arc<State>);

#[derive(Debug, Default)]
struct State {
    asked: AtomicBool,
    over: AtomicBool,
}

impl Interrupt {
    /// Begins to watch.
    pub(crate) fn watch() -> Result<Interrupt, CliError> {
        let (mut interrupt, mut terminate) =
            (listen_for(SignalKind::interrupt())?, listen_for(SignalKind::terminate())?);
        let state = Arc::new(State::default());
        let seen = Arc::clone(&state);
        // Never ended: once listened for, a signal does nothing by itself any more.
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if seen.over.load(Ordering::SeqCst) {
                    std::process::exit(ENDED_BY_INTERRUPT);
                }
                if seen.asked.swap(true, Ordering::SeqCst) {
                    output::note(
                        "ended at once: the calls that were under way may have been carried out or not; a new plan shows it",
                    );
                    std::process::exit(ENDED_BY_INTERRUPT);
                }
                output::note(
                    "interrupted: the calls that are under way are finished, no other is begun (once more: end at once)",
                );
            }
        });
        Ok(Interrupt(state))
    }

    /// Whether somebody wants it to stop.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
    }
}

/// A signal, from now on.
pub(crate) fn listen_for(kind: SignalKind) -> Result<Signal, CliError> {
    signal(kind).map_err(|error| CliError::new(format!("signals can't be listened for: {error}")))
}

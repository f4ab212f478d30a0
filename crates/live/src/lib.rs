//! Entryway: live.

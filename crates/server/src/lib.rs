//! Entryway: server.

//! Entryway: directory.

//! The recorded data, parsed on first use and at most once.

//! What data can't say about the built-in types.

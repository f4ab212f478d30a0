//! Canonical requests and the signature over them.

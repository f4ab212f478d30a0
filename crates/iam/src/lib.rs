//! Entryway: iam.

//! The cells that the server prints for each type.

//! The TozStore server: rows, access decisions, HTTP.

pub mod clock;
pub mod store;

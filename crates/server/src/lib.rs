//! The TozStore server: rows, access decisions, HTTP.

mod app;
pub mod clock;
pub mod config;
pub mod http;
pub mod ids;
pub mod keys;
pub mod policy;
mod replays;
pub mod store;

pub use app::App;

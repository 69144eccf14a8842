//! The HTTP side: routes, authentication, bodies, answers. Handlers authenticate, load, decide, act and answer, in one
//! transaction.

mod auth;
mod body;
mod cors;
mod error;
mod health;
mod log;
mod path;
mod router;
mod tokens;

pub use auth::{AccountCredential, Credential};
pub use body::{Json, OptionalJson, RawBody};
pub use error::Error;
pub use path::{FromSegment, FromSegments, Path};
pub use router::router;

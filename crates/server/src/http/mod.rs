//! The HTTP side: routes, authentication, bodies, answers. Handlers authenticate, load, decide, act and answer, in one
//! transaction.

mod access_keys;
mod accounts;
mod auth;
mod body;
mod clients;
mod cors;
mod direct_files;
mod error;
mod file_bytes;
mod files;
mod groups;
mod health;
mod hooks;
mod listings;
mod log;
mod logins;
mod memory;
mod metrics;
mod note_challenges;
mod note_files;
pub(crate) mod notes;
mod openapi;
mod path;
mod policies;
mod record_notes;
mod records;
mod registration;
mod registration_tokens;
mod router;
mod search;
mod serve;
mod share_pages;
mod stalls;
mod term_search;
mod tls;
mod tokens;

pub use auth::{AccountCredential, Credential, Signer};
pub use body::{Json, OptionalJson, RawBody, RecordJson};
pub use error::Error;
pub use memory::Budget;
pub use path::{FromSegment, FromSegments, Path};
pub use router::router;
pub use serve::{serve, serve_operations};
pub use tls::{Certificates, TlsError};

//! The server over HTTP without sockets: statuses, headers and bodies, as callers see them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed, in its helpers too")]

mod accounts;
mod bodies;
mod clients;
mod cors;
mod fixture;
mod logins;
mod registration;
mod registration_tokens;
mod running;
mod signed_requests;
mod tokens;

//! The server over HTTP without sockets: statuses, headers and bodies, as callers see them.

mod accounts;
mod bodies;
mod clients;
mod cors;
mod fixture;
mod logins;
mod registration;
mod registration_tokens;
mod signed_requests;
mod tokens;

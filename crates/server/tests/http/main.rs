//! The server over HTTP without sockets: statuses, headers and bodies, as callers see them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed, in its helpers too")]

mod access_keys;
mod accounts;
mod audit;
mod bodies;
mod clients;
mod cors;
#[path = "../database/mod.rs"]
mod database;
mod direct_files;
mod endpoints;
mod file_races;
mod files;
mod fixture;
mod group_searches;
mod groups;
mod hooks;
mod logins;
mod note_files;
mod note_mails;
mod notes;
#[path = "../object_server/mod.rs"]
mod object_server;
mod openapi;
mod operations;
mod policies;
mod quotas;
mod rates;
mod record_policies;
mod records;
mod registration;
mod registration_tokens;
mod replicas;
mod reruns;
mod running;
mod sealed_bundles;
mod sealed_censuses;
mod sealed_fixture;
mod sealed_formats;
mod sealed_logs;
mod sealed_records;
mod sealed_stages;
mod search;
mod shapes;
mod share_pages;
mod sharing;
mod signed_requests;
mod storage;
mod term_search;
mod tls;
mod tokens;
mod traces;

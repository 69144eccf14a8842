//! Schemas for tests in the PostgreSQL database that a variable names.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    reason = "shared by tests, each of which uses a part"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::{env, thread};

use tokio_postgres::{NoTls, SimpleQueryMessage};
use tozstore_server::clock::Clock;
use tozstore_server::store::{PostgresOptions, PostgresStore};
use uuid::Uuid;

const VARIABLE: &str = "TOZSTORE_TEST_POSTGRES_URL";
const CA_VARIABLE: &str = "TOZSTORE_TEST_POSTGRES_CA";

/// A schema of its own, dropped at the end.
pub struct Database {
    schema: String,
    /// An address at which this schema is the only one.
    pub url: String,
}

impl Database {
    /// Makes an empty one.
    pub fn new() -> Self {
        let schema = format!("test_{}", Uuid::new_v4().simple());
        run(format!("CREATE SCHEMA {schema}"));
        let base = base_url();
        let separator = if base.contains('?') { '&' } else { '?' };
        let url = format!("{base}{separator}application_name={schema}&options=-c%20search_path%3D{schema}");
        Self { schema, url }
    }

    /// Opens the store in it, once more if it is open already.
    pub fn open(&self, clock: Arc<dyn Clock>) -> PostgresStore {
        let options = PostgresOptions { readers: 4, ..PostgresOptions::default() };
        PostgresStore::open(&self.url, clock, options).unwrap()
    }

    /// Certificates of those who vouch for the server.
    pub fn ca_file() -> PathBuf {
        env::var_os(CA_VARIABLE)
            .unwrap_or_else(|| panic!("set {CA_VARIABLE} too, see docs/testing.md"))
            .into()
    }

    /// Asserts that the stores in it have connections, and that all are encrypted.
    pub fn assert_encrypted(&self) {
        // A division by zero tells that it is not so.
        run(format!(
            "SELECT 1 / (CASE WHEN bool_and(ssl) THEN 1 ELSE 0 END) FROM pg_stat_ssl \
             JOIN pg_stat_activity USING (pid) WHERE application_name = '{}'",
            self.schema
        ));
    }

    /// Cuts all connections of the stores in it.
    pub fn cut_connections(&self) {
        let Self { schema, .. } = self;
        let of_stores = format!("application_name = '{schema}'");
        run(format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {of_stores}"));
    }

    /// Runs statements in it.
    pub fn run(&self, sql: &str) {
        run(format!("SET search_path = {}; {sql}", self.schema));
    }

    /// The first column of what a query in it returns.
    pub fn texts(&self, sql: &str) -> Vec<String> {
        run(format!("SET search_path = {}; {sql}", self.schema))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A connection that is about to close must not keep the test waiting for long.
        run(format!("SET lock_timeout = '10s'; DROP SCHEMA {} CASCADE", self.schema));
    }
}

fn base_url() -> String {
    env::var(VARIABLE).unwrap_or_else(|_| {
        panic!("these tests need a PostgreSQL server: set {VARIABLE}, or run `./dev test`, which starts one")
    })
}

/// Runs statements on a thread of its own: the caller may be in a runtime already.
fn run(sql: String) -> Vec<String> {
    let url = base_url();
    let work = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
            let connection = tokio::spawn(connection);
            let answers = client.simple_query(&sql).await.unwrap();
            drop(client);
            connection.await.unwrap().unwrap();
            let text = |answer: &SimpleQueryMessage| match answer {
                SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
                _ => None,
            };
            answers.iter().filter_map(text).collect()
        })
    });
    work.join().expect("the database takes the statements")
}

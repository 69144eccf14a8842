//! The schema and its versions. A migration that has been released is never changed; new ones are added behind it.
//!
//! Several processes may start at once: one row is locked while the schema is changed. The statements run outside of that
//! transaction, one by one, since not every engine can change its schema within one; each does nothing if it was done.

use std::sync::Arc;

use tozstore_api::Timestamp;
use tozstore_crypto::StoreId;
use uuid::Uuid;

use super::columns::{column, params};
use super::error::{Failure, FailureKind};
use super::session::{NONE, Session, Target};
use super::writer::BEGIN;
use crate::store::StoreError;
use crate::store::raw::unless_current;

/// What brings the schema from one version to the next, the first from nothing to version 1.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_init.sql"),
    include_str!("migrations/0002_holds.sql"),
    include_str!("migrations/0003_usages.sql"),
    include_str!("migrations/0004_audit.sql"),
    include_str!("migrations/0005_shared.sql"),
    include_str!("migrations/0006_sealed.sql"),
];

/// A row for each thing that one process does at a time: 1 changing the schema, 2 writing.
const LOCKS: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS tozstore_locks (id BIGINT PRIMARY KEY)",
    "INSERT INTO tozstore_locks (id) VALUES (1) ON CONFLICT DO NOTHING",
    "INSERT INTO tozstore_locks (id) VALUES (2) ON CONFLICT DO NOTHING",
];
const LOCK_SCHEMA: &str = "SELECT id FROM tozstore_locks WHERE id = 1 FOR UPDATE";
/// Nothing has to be read behind that lock.
const NOTHING: &str = "SELECT 1";
const VERSIONS: &str =
    "CREATE TABLE IF NOT EXISTS tozstore_versions (version BIGINT PRIMARY KEY, applied BIGINT NOT NULL)";
const CURRENT: &str = "SELECT max(version) FROM tozstore_versions";
const INSERT_VERSION: &str = "INSERT INTO tozstore_versions (version, applied) VALUES ($1, $2)";
const OTHER_TABLES: &str = "SELECT count(*) FROM information_schema.tables \
    WHERE table_schema = current_schema() AND table_name <> 'tozstore_locks' AND table_name <> 'tozstore_versions'";
/// Two processes that make the same table at once get in each other's way before there is a row to lock.
const ATTEMPTS: usize = 20;

/// Brings the schema to the version of this program, and tells which store it is.
///
/// # Errors
/// The database cannot be used; [`StoreError::Corrupt`] if its schema is newer than this program, or it holds the tables
/// of another.
pub(super) fn migrate(target: &Target, now: Timestamp) -> Result<StoreId, StoreError> {
    let target = Arc::new(target.without_timeouts());
    let mut holder = Session::new(Arc::clone(&target))?;
    let mut worker = Session::new(target)?;
    for sql in LOCKS {
        patiently(|| worker.run(sql)).map_err(|failure| failure.to_internal())?;
    }
    let held = holder.begin_locked(BEGIN, LOCK_SCHEMA, NOTHING);
    held.map_err(|failure| failure.to_internal())?;
    let migrated = update(&mut worker, now);
    holder.end();
    migrated
}

/// The newest version of the schema.
pub(super) const fn newest() -> usize {
    MIGRATIONS.len()
}

/// Refuses a database without a store, and a schema that is not that of this program.
pub(super) fn check_current(session: &mut Session) -> Result<(), StoreError> {
    let rows = session.query(CURRENT, NONE).map_err(|failure| match failure.passes() {
        true => failure.to_internal(),
        false => StoreError::Internal("there is no store in this database".into()),
    })?;
    let version: Option<u64> = rows.first().map_or(Ok(None), |row| column(row, 0))?;
    unless_current(version.and_then(|version| usize::try_from(version).ok()).unwrap_or(0), newest())
}

fn update(session: &mut Session, now: Timestamp) -> Result<StoreId, StoreError> {
    let told = |failure: Failure| failure.to_internal();
    session.run(VERSIONS).map_err(told)?;
    let rows = session.query(CURRENT, NONE).map_err(told)?;
    let current: Option<u64> = rows.first().map_or(Ok(None), |row| column(row, 0))?;
    let known = MIGRATIONS.len();
    let mut version = match current {
        Some(version) => usize::try_from(version).unwrap_or(usize::MAX),
        None => {
            let rows = session.query(OTHER_TABLES, NONE).map_err(told)?;
            if rows.first().map_or(Ok(0), |row| column::<u64>(row, 0))? > 0 {
                return Err(StoreError::Corrupt(
                    "there are tables of another program; name an empty database, or a schema of its own"
                        .into(),
                ));
            }
            put_version(session, 0, now)?;
            0
        }
    };
    if version > known {
        return Err(StoreError::Corrupt(format!(
            "its schema has version {version}, this program knows versions up to {known}; start a newer program"
        )));
    }
    while let Some(migration) = MIGRATIONS.get(version) {
        for sql in statements(migration) {
            session.run(&sql).map_err(told)?;
        }
        version += 1;
        put_version(session, version, now)?;
        tracing::info!(version, "the schema was brought up to date");
    }
    store_id(session)
}

fn put_version(session: &mut Session, version: usize, now: Timestamp) -> Result<(), StoreError> {
    let (version, now) = (i64::try_from(version).unwrap_or(i64::MAX), now.micros());
    session
        .execute(INSERT_VERSION, &[params![version, now]])
        .map_err(|failure| failure.to_internal())
        .map(drop)
}

fn store_id(session: &mut Session) -> Result<StoreId, StoreError> {
    let told = |failure: Failure| failure.to_internal();
    let insert = "INSERT INTO meta (id, store_id, last_stamp, last_record_index, last_position) \
                  VALUES (1, $1, 0, 0, 0) ON CONFLICT DO NOTHING";
    session.execute(insert, &[params![Uuid::new_v4().as_bytes()]]).map_err(told)?;
    let rows = session.query("SELECT store_id FROM meta WHERE id = 1", NONE).map_err(told)?;
    let row = rows.first().ok_or_else(|| StoreError::Corrupt("the row of the store is gone".into()))?;
    column(row, 0).map(StoreId::from_bytes)
}

/// The statements of a migration. It holds no semicolon but at their ends and in comments, which are left out.
pub(super) fn statements(migration: &str) -> Vec<String> {
    let code: Vec<&str> = migration.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let code = code.join("\n");
    code.split(';').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect()
}

/// Does it again a few times where another process is doing the same.
fn patiently(mut act: impl FnMut() -> Result<(), Failure>) -> Result<(), Failure> {
    let mut done = act();
    for attempt in 1..ATTEMPTS {
        match &done {
            Err(failure) if failure.kind == FailureKind::InTheWay => {
                super::pause(attempt);
                done = act();
            }
            _ => break,
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_statement_of_a_migration_can_run_again() {
        for sql in MIGRATIONS.iter().flat_map(|migration| statements(migration)) {
            let again = ["CREATE TABLE IF NOT EXISTS ", "CREATE INDEX IF NOT EXISTS "];
            let is_kept = sql.starts_with("INSERT INTO ") && sql.ends_with("ON CONFLICT DO NOTHING");
            assert!(is_kept || again.iter().any(|start| sql.starts_with(start)), "{sql}");
        }
        assert!(statements(MIGRATIONS[0]).len() > 40);
    }
}

//! The schema and its versions. A migration that has been released is never changed; new ones are added behind it.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use tozstore_api::Timestamp;

use crate::store::StoreError;

/// Statements that bring the schema from one version to the next, the first from nothing to version 1.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_init.sql"),
    include_str!("migrations/0002_notes.sql"),
    include_str!("migrations/0003_files.sql"),
    include_str!("migrations/0004_groups.sql"),
];

/// Brings the schema to the version of this program.
///
/// # Errors
/// [`StoreError::Corrupt`] if the schema is newer than this program, or is not ours.
pub(super) fn migrate(conn: &mut Connection, now: Timestamp) -> Result<(), StoreError> {
    let known = MIGRATIONS.len();
    let mut version = current_version(conn)?;
    if version > known {
        return Err(StoreError::Corrupt(format!(
            "its schema has version {version}, this program knows versions up to {known}; start a newer program"
        )));
    }
    while let Some(statements) = MIGRATIONS.get(version) {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(statements)?;
        version += 1;
        tx.execute(
            "INSERT INTO schema_versions (version, applied) VALUES (?1, ?2)",
            params![i64::try_from(version).unwrap_or(i64::MAX), now.micros()],
        )?;
        tx.commit()?;
        tracing::info!(version, "the schema was brought up to date");
    }
    Ok(())
}

fn current_version(conn: &Connection) -> Result<usize, StoreError> {
    let one_table =
        "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name = 'schema_versions' DESC LIMIT 1";
    let table: Option<String> = conn.query_row(one_table, [], |row| row.get(0)).optional()?;
    match table.as_deref() {
        None => {
            let create =
                "CREATE TABLE schema_versions (version INTEGER PRIMARY KEY, applied INTEGER NOT NULL) STRICT";
            conn.execute_batch(create)?;
            Ok(0)
        }
        Some("schema_versions") => {
            let version: Option<i64> =
                conn.query_row("SELECT max(version) FROM schema_versions", [], |row| row.get(0))?;
            usize::try_from(version.unwrap_or(0))
                .map_err(|_| StoreError::Corrupt("its schema has a version below zero".into()))
        }
        Some(_) => Err(StoreError::Corrupt("the file is a database of another program".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_of_other_programs_and_of_newer_versions_are_refused() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("CREATE TABLE something (x)").unwrap();
        assert!(matches!(migrate(&mut conn, Timestamp::default()), Err(StoreError::Corrupt(_))));

        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, Timestamp::default()).unwrap();
        migrate(&mut conn, Timestamp::default()).unwrap();
        conn.execute("INSERT INTO schema_versions VALUES (1000, 0)", []).unwrap();
        let refused = migrate(&mut conn, Timestamp::default()).unwrap_err();
        assert!(refused.to_string().contains("version 1000"), "{refused}");
    }
}

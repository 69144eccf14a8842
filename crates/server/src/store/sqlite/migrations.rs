//! The schema and its versions. A migration that has been released is never changed; new ones are added behind it.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use tozstore_api::Timestamp;

use super::record_terms;
use crate::store::StoreError;
use crate::store::raw::unless_current;

/// What brings the schema from one version to the next, the first from nothing to version 1.
const MIGRATIONS: &[Migration] = &[
    Migration { statements: include_str!("migrations/0001_init.sql"), fill: None },
    Migration { statements: include_str!("migrations/0002_notes.sql"), fill: None },
    Migration { statements: include_str!("migrations/0003_files.sql"), fill: None },
    Migration { statements: include_str!("migrations/0004_groups.sql"), fill: None },
    Migration {
        statements: include_str!("migrations/0005_record_terms.sql"),
        fill: Some(record_terms::fill),
    },
    Migration { statements: include_str!("migrations/0006_note_files.sql"), fill: None },
    Migration { statements: include_str!("migrations/0007_record_grants.sql"), fill: None },
    Migration { statements: include_str!("migrations/0008_hooks.sql"), fill: None },
    Migration { statements: include_str!("migrations/0009_note_mails.sql"), fill: None },
    Migration { statements: include_str!("migrations/0010_holds.sql"), fill: None },
    Migration { statements: include_str!("migrations/0011_record_lists.sql"), fill: None },
    Migration { statements: include_str!("migrations/0012_usages.sql"), fill: None },
    Migration { statements: include_str!("migrations/0013_audit.sql"), fill: None },
    Migration { statements: include_str!("migrations/0014_sealed.sql"), fill: None },
    Migration { statements: include_str!("migrations/0015_packed_values.sql"), fill: None },
];

/// A step of the schema, and what makes new rows from those that are there.
struct Migration {
    statements: &'static str,
    fill: Option<Fill>,
}

type Fill = fn(&Connection) -> Result<(), StoreError>;

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
    while let Some(migration) = MIGRATIONS.get(version) {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(migration.statements)?;
        if let Some(fill) = migration.fill {
            fill(&tx)?;
        }
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

/// The newest version of the schema.
pub(super) const fn newest() -> usize {
    MIGRATIONS.len()
}

/// Refuses a schema that is not that of this program.
pub(super) fn check_current(conn: &Connection) -> Result<(), StoreError> {
    let version: Option<i64> =
        conn.query_row("SELECT max(version) FROM schema_versions", [], |row| row.get(0))?;
    unless_current(version.and_then(|version| usize::try_from(version).ok()).unwrap_or(0), newest())
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
    fn records_that_are_there_get_their_terms() {
        let mut conn = Connection::open_in_memory().unwrap();
        assert_eq!(current_version(&conn).unwrap(), 0);
        for (migration, version) in MIGRATIONS.iter().zip(1..).take_while(|(one, _)| one.fill.is_none()) {
            conn.execute_batch(migration.statements).unwrap();
            conn.execute("INSERT INTO schema_versions VALUES (?1, 0)", [version]).unwrap();
        }
        for (index, user) in [(1, [1_u8; 16]), (2, [2; 16])] {
            let plain = format!(r#"{{"k":"v{index}","long":"{}","nul":"\u0000"}}"#, "x".repeat(500));
            conn.execute(
                "INSERT INTO records (record_index, record_id, version, writer_id, user_id, record_type, account_id, \
                 region, format, suite, created, last_modified, plain, data) \
                 VALUES (?1, ?2, ?2, ?3, ?4, 't', ?3, 'local', 'f', 's', 1, 2, ?5, '{}')",
                params![index, [index as u8; 16], [1_u8; 16], user, plain],
            )
            .unwrap();
        }
        migrate(&mut conn, Timestamp::default()).unwrap();
        let count = |condition: &str| -> i64 {
            let sql = format!(
                "SELECT count(*) FROM record_terms WHERE writer_id = x'{}' AND {condition}",
                "01".repeat(16)
            );
            conn.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        assert_eq!(count("kind = 1"), 6);
        assert_eq!(count("kind = 2 AND record_index = 2"), 1);
        assert_eq!(count("name = 'k' AND value = CAST('v2' AS BLOB) AND record_index = 2"), 1);
        assert_eq!(count("name = 'long' AND length(value) = 128"), 2);
    }

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

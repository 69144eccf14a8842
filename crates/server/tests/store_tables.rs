//! The list of tables that backups hold, against the schemas of the engines.
#![allow(clippy::panic, clippy::unwrap_used, reason = "functions that tests share may fail as tests do")]

mod database;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use database::Database;
use tozstore_api::Timestamp;
use tozstore_server::clock::SystemClock;
use tozstore_server::store::tables::{Kind, LEFT_OUT, TABLES};
use tozstore_server::store::{RawSqlite, SqliteOptions, SqliteStore};

/// Columns of each table, with their types.
type Schema = BTreeMap<String, BTreeMap<String, String>>;

fn compare(schema: &Schema, engine: &str, types: fn(Kind) -> &'static [&'static str]) {
    let left_out: BTreeSet<&str> = LEFT_OUT.iter().map(|&(name, _)| name).collect();
    for table in TABLES {
        assert!(!left_out.contains(table.name), "{} is kept, and left out", table.name);
        let mut expected =
            schema.get(table.name).unwrap_or_else(|| panic!("{engine}: {}", table.name)).clone();
        for column in table.columns {
            let name = if table.by_note && column.name == "note_id" && engine == "SQLite" {
                expected.remove("position").unwrap();
                continue;
            } else {
                column.name
            };
            let found = expected.remove(name);
            let kind = found.unwrap_or_else(|| panic!("{engine} has no {}.{name}", table.name));
            assert!(types(column.kind).contains(&kind.as_str()), "{engine}: {}.{name} is {kind}", table.name);
        }
        assert!(
            expected.is_empty(),
            "{engine}: {} has columns that store/tables.rs says nothing of: {expected:?}",
            table.name
        );
    }
    for name in schema.keys() {
        let known = left_out.contains(name.as_str()) || TABLES.iter().any(|table| table.name == name);
        assert!(known, "{engine}: store/tables.rs says nothing of the table {name}: is it kept in backups?");
    }
}

#[test]
fn all_tables_and_columns_of_sqlite_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    drop(RawSqlite::alone(dir.path(), Timestamp::default()).unwrap());
    let conn = rusqlite::Connection::open(dir.path().join("tozstore.db")).unwrap();
    let sql = "SELECT tables.name, columns.name, columns.type FROM sqlite_schema AS tables \
               JOIN pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'";
    let mut statement = conn.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let mut schema = Schema::new();
    for row in rows {
        let (table, column, kind): (String, String, String) = row.unwrap();
        schema.entry(table).or_default().insert(column, kind);
    }
    compare(&schema, "SQLite", |kind| match kind {
        Kind::Bytes => &["BLOB"],
        Kind::Flag | Kind::Integer => &["INTEGER"],
        Kind::Text => &["TEXT"],
    });
}

#[test]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
fn all_tables_and_columns_of_postgresql_are_listed() {
    let database = Database::new();
    drop(database.open(Arc::new(SystemClock)));
    let sql = "SELECT table_name || ' ' || column_name || ' ' || data_type FROM information_schema.columns \
               WHERE table_schema = current_schema()";
    let mut schema = Schema::new();
    for row in database.texts(sql) {
        let mut words = row.splitn(3, ' ');
        let mut word = || words.next().unwrap().to_owned();
        let (table, column, kind) = (word(), word(), word());
        schema.entry(table).or_default().insert(column, kind);
    }
    compare(&schema, "PostgreSQL", |kind| match kind {
        Kind::Bytes => &["bytea"],
        Kind::Flag => &["boolean"],
        Kind::Integer => &["bigint", "integer", "smallint"],
        Kind::Text => &["bytea", "text"],
    });
}

/// A server that runs is told by rows, and one that starts too.
#[tokio::test]
async fn holds_keep_a_server_from_what_they_say() {
    use tozstore_server::blobs::BlobKey;
    use tozstore_server::store::raw::RawStore as _;
    use tozstore_server::store::{Hold, HoldKind, Store, StoreError};

    let dir = tempfile::tempdir().unwrap();
    let open = || SqliteStore::open(dir.path(), Arc::new(SystemClock), SqliteOptions::default());
    let store: Arc<dyn Store> = Arc::new(open().unwrap());
    let key = BlobKey::from_bytes([1; 16]);
    let release =
        || store.write::<_, StoreError, _>("t", move |tx| tx.release_blob(key, Timestamp::default()));
    let due = || store.read::<_, StoreError, _>("t", |tx| tx.due_blobs(Timestamp::from_micros(10), 9));
    release().await.unwrap();
    assert_eq!(due().await.unwrap(), [key]);

    let mut beside = RawSqlite::beside(dir.path()).unwrap();
    let never = Timestamp::from_micros(i64::MAX);
    let mut hold = Hold { id: [1; 16], kind: HoldKind::Files, detail: "a test".into(), expires: Some(never) };
    beside.put_hold(&hold).unwrap();
    assert_eq!(due().await.unwrap(), []);
    release().await.unwrap();

    let now = Timestamp::default();
    assert!(beside.change_hold(hold.id, now, HoldKind::ReadOnly, Some(never)).unwrap());
    assert_eq!(due().await.unwrap(), [key]);
    let refused = release().await.unwrap_err();
    assert!(matches!(&refused, StoreError::ReadOnly(text) if text.contains("no writes")), "{refused}");
    hold.kind = HoldKind::ReadOnly;
    assert_eq!(beside.holds().unwrap(), [hold.clone()]);

    // One that has lapsed holds nothing, and is not to be had back.
    assert!(beside.change_hold(hold.id, now, HoldKind::ReadOnly, Some(now)).unwrap());
    release().await.unwrap();
    assert!(!beside.change_hold(hold.id, now, HoldKind::ReadOnly, Some(never)).unwrap());
    beside.remove_hold(hold.id).unwrap();

    store.close().await;
    for kind in [HoldKind::Moved, HoldKind::Restoring] {
        beside.put_hold(&Hold { kind, expires: None, ..hold.clone() }).unwrap();
        assert!(matches!(open().err().unwrap(), StoreError::ReadOnly(_)), "{kind:?}");
        beside.remove_hold(hold.id).unwrap();
    }
    open().unwrap().close().await;
}

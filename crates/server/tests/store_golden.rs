//! Database files of released schemas are opened by today's code, and hold what was written into them.
#![allow(clippy::unwrap_used, reason = "functions that tests share may fail as tests do")]

mod database;
#[path = "golden/later.rs"]
mod later;
#[path = "golden/rows.rs"]
mod rows;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tozstore_server::clock::SystemClock;
use tozstore_server::store::raw::RawStore as _;
use tozstore_server::store::{
    AttemptCount, ChangeKind, HookDeliveryRow, HookRow, RawPostgres, RawSqlite, RecordIndex, RecordQuery,
    Scope, SharedMemory, SqliteOptions, SqliteStore, Store, StoreError, TermCondition, TermGroup, TermSearch,
    TextPattern, Usage, UsageOwner,
};

use self::database::Database;
use self::rows::{Rows, time};

/// All files of this kind, oldest first.
fn files(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == kind)).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn every_released_schema_is_opened() {
    for file in files("db") {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("copy.db");
        std::fs::copy(&file, &path).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        let conn = rusqlite::Connection::open(&path).unwrap();
        let version: i64 =
            conn.query_row("SELECT max(version) FROM schema_versions", [], |row| row.get(0)).unwrap();
        assert_eq!(name, format!("schema-{version:04}.db"));
        let is_complete = version >= later::FIRST_SCHEMA;
        if is_complete {
            let tables = "SELECT name FROM sqlite_schema WHERE type = 'table'";
            let mut statement = conn.prepare(tables).unwrap();
            let names = statement.query_map([], |row| row.get(0)).unwrap();
            for table in names.collect::<Result<Vec<String>, _>>().unwrap() {
                let sql = format!("SELECT count(*) FROM {table}");
                let rows: i64 = conn.query_row(&sql, [], |row| row.get(0)).unwrap();
                assert!(rows > 0, "{name} has no row in {table}");
            }
        }
        drop(conn);
        // Twice: brought up to date, and as it is then.
        for _ in 0..2 {
            let store: Arc<dyn Store> = Arc::new(
                SqliteStore::open(&path, Arc::new(SystemClock), SqliteOptions::default())
                    .unwrap_or_else(|error| panic!("{name}: {error}")),
            );
            check(&store, is_complete).await;
            store.close().await;
        }
        if is_complete {
            assert_eq!(RawSqlite::beside(&path).unwrap().holds().unwrap(), [later::hold()]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn every_released_schema_of_postgresql_is_opened() {
    for file in files("sql") {
        let name = file.file_name().unwrap().to_str().unwrap();
        let database = Database::new();
        database.run(&restorable(&std::fs::read_to_string(&file).unwrap()));
        let versions = database.texts("SELECT max(version) FROM tozstore_versions");
        assert_eq!(name, format!("postgres-{:04}.sql", versions[0].parse::<u32>().unwrap()));
        let tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()";
        for table in database.texts(tables) {
            let rows = database.texts(&format!("SELECT 1 FROM {table} LIMIT 1"));
            assert_eq!(rows.len(), 1, "{name} has no row in {table}");
        }
        for _ in 0..2 {
            let store: Arc<dyn Store> = Arc::new(database.open(Arc::new(SystemClock)));
            check(&store, true).await;
            check_shared(&*store.shared().unwrap()).await;
            store.close().await;
        }
        let url = database.url.clone();
        let holds = move || RawPostgres::beside(&url, None).unwrap().holds().unwrap();
        assert_eq!(std::thread::spawn(holds).join().unwrap(), [later::hold()]);
    }
}

/// A dump, for the schema that is current, and without what only `psql` understands.
fn restorable(dump: &str) -> String {
    let lines = dump.lines().filter(|line| !line.starts_with('\\') && !line.contains("'search_path'"));
    lines.collect::<Vec<_>>().join("\n").replace("public.", "")
}

/// What processes tell one another is known to the next ones.
async fn check_shared(shared: &dyn SharedMemory) {
    for note in later::requests() {
        assert!(!shared.note_request(note).await.unwrap(), "{note:?}");
    }
    let (name, value) = later::AGREED;
    assert!(shared.agree(name, value, false).await.unwrap());
    assert!(!shared.agree(name, [0; 32], false).await.unwrap());
    let seen = |count: AttemptCount| {
        assert_eq!(count, AttemptCount { attempts: 2, last_s: 3 });
        Ok(count)
    };
    shared.change_attempts(later::ATTEMPTS_PLACE, Box::new(seen)).await.unwrap().unwrap();
}

/// Reads every row back.
async fn check(store: &Arc<dyn Store>, is_complete: bool) {
    let rows = Rows::new().unwrap();
    let expected = rows.clone();
    let read = move |tx: &dyn tozstore_server::store::ReadTx| {
        let account = &expected.account;
        assert_eq!(tx.account(account.id)?.as_ref(), Some(account));
        assert_eq!(tx.account_by_email(&account.email_key)?.as_ref(), Some(account));
        assert_eq!(tx.registration_token(&expected.token.hash)?.as_ref(), Some(&expected.token));
        for client in &expected.clients {
            assert_eq!(tx.client(client.id)?.as_ref(), Some(client));
            assert_eq!(tx.client_by_api_key(&client.api_key_id)?.as_ref(), Some(client));
        }
        assert_eq!(tx.record_type(&expected.record_type.slot)?.as_ref(), Some(&expected.record_type));
        assert_eq!(tx.access_key(&expected.access_key.slot)?.as_ref(), Some(&expected.access_key));
        assert_eq!(tx.grants(&expected.grant.slot)?, expected.grant.grants);
        for record in &expected.records {
            assert_eq!(tx.record(record.head.id)?.as_ref(), Some(record));
        }
        let reader = expected.clients[1].id;
        assert!(tx.reads_record(expected.record_grant.record, reader)?);
        for note in &expected.notes {
            assert_eq!(tx.note(note.head.id)?.as_ref(), Some(note));
        }
        assert_eq!(tx.strangers_notes(10)?.0, 1);
        assert_eq!(tx.group(expected.group.id)?.as_ref(), Some(&expected.group));
        assert_eq!(tx.group_member(expected.group.id, reader)?.as_ref(), Some(&expected.member));
        assert_eq!(tx.group_shares(expected.group.id, 10)?, std::slice::from_ref(&expected.share));
        let hooks = tx.hooks_of(account.id, 10)?;
        let id = hooks[0].id;
        // A delivery wakes its hook.
        assert_eq!(hooks, [HookRow { id, wakes: hooks[0].wakes, ..expected.hook.clone() }]);
        assert_eq!(tx.next_delivery(id)?, Some(HookDeliveryRow { hook: id, ..expected.delivery.clone() }));
        let changes = tx.changes_after(0, 10)?;
        assert_eq!(changes.iter().filter(|row| row.change.kind == ChangeKind::RecordWritten).count(), 3);

        // Counted by a migration where the file is older.
        let sum = expected.records.iter().map(Usage::of).fold(Usage::default(), |sum, one| Usage {
            records: sum.records + one.records,
            bytes: sum.bytes + one.bytes,
            files: sum.files + one.files,
        });
        let writer = expected.clients[0].id;
        for owner in [UsageOwner::Account(account.id), UsageOwner::Client(writer)] {
            assert_eq!(tx.usage(owner)?.usage, sum);
        }
        let scopes = std::collections::BTreeSet::from([Scope { writer, only: None }]);
        let query = RecordQuery {
            scopes: scopes.clone(),
            limit: 10,
            with_data: true,
            max_data_bytes: 1 << 20,
            max_examined: 1000,
            ..RecordQuery::default()
        };
        assert_eq!(tx.query_records(&query)?, expected.records);
        // The index of terms, which a migration filled for records that were there before it.
        let red = TermCondition::Value(TextPattern::exact("red"));
        let search = TermSearch {
            scopes,
            include: vec![TermGroup { all: true, conditions: vec![red] }],
            limit: 10,
            max_data_bytes: 1 << 20,
            max_total: 100,
            max_work: 10_000,
            ..TermSearch::default()
        };
        assert_eq!(tx.search_terms(&search)?.total, expected.records.len());
        if is_complete { later::check(&expected, tx) } else { Ok(()) }
    };
    store.read::<_, StoreError, _>("golden rows", read).await.unwrap();
    if is_complete {
        let challenge = later::challenge(&rows);
        let (hash, again) = (challenge.hash, challenge.clone());
        let taken = store.write::<_, StoreError, _>("challenge", move |tx| {
            let taken = tx.take_challenge(&hash)?;
            tx.insert_challenge(&again)?;
            Ok(taken)
        });
        assert_eq!(taken.await.unwrap(), Some(challenge));
    }
    // What is new comes after what was there.
    let next = store.write::<_, StoreError, _>("next index", |tx| Ok((tx.next_record_index()?, tx.stamp()?)));
    let (index, stamp) = next.await.unwrap();
    assert!(index > RecordIndex(rows.records.len() as u64) && stamp > time(0), "{index:?} {stamp:?}");
}

//! Backups, restores and moves of stores, beside servers that run.
#![allow(clippy::panic, clippy::unwrap_used, reason = "functions that tests share may fail as tests do")]

mod database;
mod object_server;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use database::Database;
use futures_util::TryStreamExt as _;
use object_server::ObjectServer;
use tokio::runtime::Handle;
use tozstore_api::Timestamp;
use tozstore_crypto::FileTally;
use tozstore_server::App;
use tozstore_server::archive::RowSum;
use tozstore_server::blobs::{BlobKey, Blobs};
use tozstore_server::clock::{Clock, SystemClock};
use tozstore_server::config::Config;
use tozstore_server::jobs;
use tozstore_server::keys::ServerKeys;
use tozstore_server::moving::{self, MovingError, Place, Progress};
use tozstore_server::store::conformance::{client_id, record};
use tozstore_server::store::raw::RawStore;
use tozstore_server::store::tables::TABLES;
use tozstore_server::store::{
    FileContent, RawPostgres, RawSqlite, RecordIndex, RecordQuery, RecordRow, Scope, SqliteOptions,
    SqliteStore, Store, StoreError, StoredFile,
};

/// A server without sockets, in a folder of its own or of others.
struct Served {
    app: Arc<App>,
}

impl Served {
    fn open(dir: &Path) -> Result<Self, StoreError> {
        let config = Config { data_dir: dir.to_owned(), ..Config::default() };
        std::fs::create_dir_all(dir).unwrap();
        let store =
            SqliteStore::open(&dir.join("tozstore.db"), Arc::new(SystemClock), SqliteOptions::default())?;
        let blobs = Blobs::in_dir(&dir.join("files")).unwrap();
        let keys = ServerKeys::open(dir).unwrap();
        Ok(Self { app: App::new(config, Arc::new(store), blobs, Arc::new(SystemClock), keys) })
    }

    async fn write(&self, row: RecordRow) {
        let written = self.app.store.write::<_, StoreError, _>("t", move |tx| {
            let mut row = row.clone();
            (row.head.created, row.head.index) = (tx.stamp()?, tx.next_record_index()?);
            tx.insert_record(&row)
        });
        written.await.unwrap();
    }

    /// A record with a file of this content.
    async fn write_file(&self, n: u32, content: &[u8]) -> BlobKey {
        let key = BlobKey::new().unwrap();
        let mut writer = self.app.blobs.create(key);
        writer.write(content).await.unwrap();
        writer.finish().await.unwrap();
        let mut tally = FileTally::new();
        tally.count(content);
        let sealed = tally.finish();
        let content =
            FileContent { len_bytes: sealed.len_bytes, checksum: sealed.checksum, compression: "raw".into() };
        let mut row = record(n, 1, 1, "a");
        row.head.file = Some(StoredFile { key, content });
        self.write(row).await;
        key
    }

    async fn content(&self, key: BlobKey) -> Option<Vec<u8>> {
        let pieces = self.app.blobs.open(key).await.unwrap()?;
        Some(pieces.try_collect::<Vec<_>>().await.unwrap().concat())
    }

    async fn records(&self) -> Vec<RecordRow> {
        let query = RecordQuery {
            scopes: BTreeSet::from([Scope { writer: client_id(1), only: None }]),
            limit: 100_000,
            max_examined: 100_000,
            max_data_bytes: 1 << 30,
            ..RecordQuery::default()
        };
        self.app.store.read::<_, StoreError, _>("t", move |tx| tx.query_records(&query)).await.unwrap()
    }

    async fn close(self) {
        self.app.store.close().await;
    }
}

fn place(dir: &Path) -> Place {
    Place::new(Config { data_dir: dir.to_owned(), ..Config::default() })
}

fn place_at(database: &Database, dir: &Path) -> Place {
    let mut config = Config { data_dir: dir.to_owned(), ..Config::default() };
    config.store.url = database.url.clone().into();
    Place::new(config)
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn quiet(_: &Progress) -> Result<(), MovingError> {
    Ok(())
}

async fn backup(place: Place) -> Vec<u8> {
    moving::run(move |runtime| moving::backup(&place, Vec::new(), true, &clock(), runtime, &mut quiet))
        .await
        .unwrap()
        .0
}

async fn restore(place: Place, archive: Vec<u8>) -> Result<moving::Restored, MovingError> {
    moving::run(move |runtime| moving::restore(&place, &archive[..], &clock(), runtime, &mut quiet)).await
}

async fn migrate(from: Place, to: Place) -> Result<moving::Migrated, MovingError> {
    moving::run(move |runtime| moving::migrate(&from, &to, &clock(), runtime, &mut quiet)).await
}

/// What the rows of all tables come to.
fn sums(mut store: impl RawStore) -> Vec<(&'static str, RowSum)> {
    let sums = TABLES.iter().map(|table| {
        let mut sum = RowSum::default();
        store
            .each_row(table, &mut |row| {
                sum.add(&row);
                Ok(())
            })
            .unwrap();
        (table.name, sum)
    });
    sums.collect()
}

fn sums_in(dir: &Path) -> Vec<(&'static str, RowSum)> {
    sums(RawSqlite::beside(&dir.join("tozstore.db")).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_store_is_the_one_that_was_backed_up() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let served = Served::open(from.path()).unwrap();
    let contents = [Vec::new(), b"sealed".to_vec(), vec![5; 2_000_000]];
    let mut keys = Vec::new();
    for (n, content) in (1..).zip(&contents) {
        keys.push(served.write_file(n, content).await);
    }
    served.write(record(9, 1, 1, "b")).await;
    let archive = backup(place(from.path())).await;
    // What comes later is not in it.
    served.write(record(10, 1, 1, "b")).await;

    let target = to.path().join("new");
    let restored = restore(place(&target), archive.clone()).await.unwrap();
    assert!(restored.has_server_key && restored.totals.blobs == 3);
    assert_eq!(restored.header.store_id, served.app.store.id());
    let key = |dir: &Path| std::fs::read(dir.join("server.key")).unwrap();
    assert_eq!(key(&target), key(from.path()));
    let again = Served::open(&target).unwrap();
    assert_eq!(again.app.store.id(), served.app.store.id());
    let (before, after) = (served.records().await, again.records().await);
    assert_eq!(after, before[..4]);
    for (key, content) in keys.iter().zip(&contents) {
        assert!(again.content(*key).await.as_ref() == Some(content), "{key}");
    }
    // What was given out before the backup is not given out again.
    again.write(record(11, 1, 1, "b")).await;
    let last = again.records().await.pop().unwrap().head;
    assert!(last.index > before[3].head.index && last.created > before[3].head.created);
    assert_eq!(last.index, RecordIndex(5));
    again.close().await;

    // Not into a store that has something, nor beside its server.
    let refused = restore(place(&target), archive.clone()).await.unwrap_err();
    assert!(matches!(refused, MovingError::NotEmpty(_)), "{refused}");
    let refused = restore(place(from.path()), archive).await.unwrap_err();
    assert!(refused.to_string().contains("in use by another server"), "{refused}");
    served.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_cut_short_keeps_servers_away_and_begins_anew() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let served = Served::open(from.path()).unwrap();
    for n in 1..20 {
        served.write_file(n, &vec![n as u8; 1000 * n as usize]).await;
    }
    let archive = backup(place(from.path())).await;
    let header = 400;
    for len in [header, archive.len() / 3, archive.len() - 1] {
        let cut = restore(place(to.path()), archive[..len].to_vec()).await.unwrap_err();
        assert!(matches!(cut, MovingError::Archive(_)), "{cut}");
        let refused = Served::open(to.path()).err().unwrap();
        assert!(refused.to_string().contains("was cut short"), "{refused}");
    }
    // Another archive does not go on with this one.
    served.write(record(50, 1, 1, "b")).await;
    let other = backup(place(from.path())).await;
    assert!(matches!(restore(place(to.path()), other).await, Err(MovingError::NotEmpty(_))));

    restore(place(to.path()), archive).await.unwrap();
    let again = Served::open(to.path()).unwrap();
    assert_eq!(again.records().await, served.records().await[..19]);
    again.close().await;
    served.close().await;
}

/// Calls a function when the first bytes come: rows are read by then, or about to be, of a snapshot that is taken.
struct AtFirst<F: FnOnce()>(Vec<u8>, Option<F>);

impl<F: FnOnce()> Write for AtFirst<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(act) = self.1.take() {
            act();
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_during_a_backup_is_in_it_and_swept_after_it() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let served = Arc::new(Served::open(from.path()).unwrap());
    let key = served.write_file(1, b"sealed").await;
    let head = served.records().await[0].head.clone();
    let (app, runtime) = (Arc::clone(&served.app), Handle::current());
    let delete = move || {
        runtime.block_on(async {
            let deleted = app.store.write::<_, StoreError, _>("t", move |tx| tx.delete_record(head.id));
            deleted.await.unwrap();
            jobs::round(&app).await.unwrap();
        });
    };
    let from_place = place(from.path());
    let made = moving::run(move |runtime| {
        let out = AtFirst(Vec::new(), Some(delete));
        moving::backup(&from_place, out, false, &clock(), runtime, &mut quiet)
    });
    let (out, _) = made.await.unwrap();
    assert!(served.records().await.is_empty());
    assert!(served.content(key).await.is_some(), "it is swept with the next round");
    jobs::round(&served.app).await.unwrap();
    assert!(served.content(key).await.is_none());

    restore(place(to.path()), out.0).await.unwrap();
    let again = Served::open(to.path()).unwrap();
    assert_eq!(again.content(key).await.unwrap(), b"sealed");
    assert_eq!(again.records().await.len(), 1);
    again.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_or_missing_file_is_told() {
    let from = tempfile::tempdir().unwrap();
    let served = Served::open(from.path()).unwrap();
    let key = served.write_file(1, b"sealed bytes").await;
    let path = from.path().join("files").join(&key.to_string()[..2]).join(key.to_string());
    let from_place = place(from.path());
    let attempt = || {
        let from = from_place.clone();
        moving::run(move |runtime| moving::backup(&from, Vec::new(), false, &clock(), runtime, &mut quiet))
    };
    std::fs::write(&path, b"sealed bytez").unwrap();
    assert!(matches!(attempt().await, Err(MovingError::Blob { key: found, .. }) if found == key));
    std::fs::write(&path, b"sealed bytes and more").unwrap();
    assert!(matches!(attempt().await, Err(MovingError::Blob { .. })));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(attempt().await, Err(MovingError::Blob { .. })));
    // Nothing is held back for long by a backup that failed.
    assert!(
        moving::run(move |_| moving::read_only(&from_place, SystemClock.now())).await.unwrap().is_empty()
    );
    served.close().await;
}

/// Pairs are written in one transaction each: a backup has both or none, and all that were acknowledged before it began.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_beside_writers_is_of_one_moment() {
    const WRITERS: u32 = 4;
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let served = Arc::new(Served::open(from.path()).unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    let (acknowledged, mut first) = tokio::sync::mpsc::channel(1000);
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (served, stop, acknowledged) = (Arc::clone(&served), Arc::clone(&stop), acknowledged.clone());
            tokio::spawn(async move {
                for n in 0.. {
                    let left = 1_000_000 * (writer + 1) + 2 * n;
                    let pair = [record(left, 1, 1, "a"), record(left + 1, 1, 1, "a")];
                    let written = served.app.store.write::<_, StoreError, _>("t", move |tx| {
                        pair.iter().try_for_each(|row| {
                            let mut row = row.clone();
                            (row.head.created, row.head.index) = (tx.stamp()?, tx.next_record_index()?);
                            tx.insert_record(&row)
                        })
                    });
                    written.await.unwrap();
                    let _ = acknowledged.try_send(left);
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                }
            })
        })
        .collect();
    let mut before = BTreeSet::new();
    while before.len() < 50 {
        before.insert(first.recv().await.unwrap());
    }
    let archive = backup(place(from.path())).await;
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    restore(place(to.path()), archive).await.unwrap();
    let again = Served::open(to.path()).unwrap();
    let there: BTreeSet<_> = again.records().await.iter().map(|row| row.head.id).collect();
    let id = |n: u32| record(n, 1, 1, "a").head.id;
    for left in before {
        assert!(there.contains(&id(left)), "{left} was acknowledged before the backup began");
    }
    for left in (0..WRITERS).flat_map(|writer| (0..2000).map(move |n| 1_000_000 * (writer + 1) + 2 * n)) {
        assert_eq!(there.contains(&id(left)), there.contains(&id(left + 1)), "half of a pair: {left}");
    }
    again.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_goes_on_where_it_was_stopped() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let served = Served::open(from.path()).unwrap();
    for n in 1..=10 {
        served.write_file(n, &vec![n as u8; 1000]).await;
    }
    let steps = ["files", "rows", "checking rows"];
    for (turn, step) in steps.into_iter().enumerate() {
        let (from_place, to_place) = (place(from.path()), place(to.path()));
        let stopped = moving::run(move |runtime| {
            let mut seen = 0;
            let mut watcher = |progress: &Progress| {
                seen += usize::from(progress.step == step);
                if seen > 4 { Err(MovingError::Stopped) } else { Ok(()) }
            };
            moving::migrate(&from_place, &to_place, &clock(), runtime, &mut watcher)
        });
        assert!(matches!(stopped.await, Err(MovingError::Stopped)), "{step}");
        let refused = Served::open(to.path()).err().unwrap();
        assert!(refused.to_string().contains("was cut short"), "{refused}");
        // The source goes on as if nothing had been.
        served.write(record(20 + turn as u32, 1, 1, "b")).await;
    }
    let late = served.write_file(30, b"late").await;
    let moved = migrate(place(from.path()), place(to.path())).await.unwrap();
    assert_eq!((moved.files, moved.files_there), (11, 10));
    assert_eq!(sums_in(to.path()), sums_in(from.path()));

    // The old server goes on to answer reads; it takes no writes, and does not start again.
    let refused = served.app.store.write::<_, StoreError, _>("t", |tx| tx.stamp()).await;
    assert!(matches!(refused, Err(StoreError::ReadOnly(_))));
    served.app.readiness.check(&served.app).await.unwrap();
    let records = served.records().await;
    assert_eq!(records.len(), 14);
    served.close().await;
    let refused = Served::open(from.path()).err().unwrap();
    assert!(refused.to_string().contains("has moved to sqlite:"), "{refused}");
    assert!(matches!(migrate(place(from.path()), place(to.path())).await, Err(MovingError::Moved(_))));

    let again = Served::open(to.path()).unwrap();
    assert_eq!(again.records().await, records);
    assert_eq!(again.content(late).await.unwrap(), b"late");
    again.close().await;
    let from_place = place(from.path());
    assert_eq!(moving::run(move |_| moving::read_only_off(&from_place)).await.unwrap().len(), 1);
    Served::open(from.path()).unwrap().close().await;
}

/// From a folder to an S3 store, backed up from there, and restored into a folder.
#[tokio::test(flavor = "multi_thread")]
async fn files_go_to_an_s3_store_and_back() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let objects = ObjectServer::start().await;
    let served = Served::open(dirs[0].path()).unwrap();
    let contents = [Vec::new(), b"sealed".to_vec(), vec![5; 6_000_000]];
    let mut keys = Vec::new();
    for (n, content) in (1..).zip(&contents) {
        keys.push(served.write_file(n, content).await);
    }
    served.close().await;
    let files = objects.files(false);
    let in_s3 = Place::new(Config { data_dir: dirs[1].path().to_owned(), files, ..Config::default() });
    let moved = migrate(place(dirs[0].path()), in_s3.clone()).await.unwrap();
    assert_eq!((moved.files, objects.blob_count()), (3, 3));
    let archive = backup(in_s3).await;
    restore(place(dirs[2].path()), archive).await.unwrap();
    let again = Served::open(dirs[2].path()).unwrap();
    for (key, content) in keys.iter().zip(&contents) {
        assert!(again.content(*key).await.as_ref() == Some(content), "{key}");
    }
    again.close().await;
}

/// A copy of the newest golden file: a row of every noun.
fn golden(dir: &Path) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let newest = files.filter(|path| path.extension().is_some_and(|end| end == "db")).max().unwrap();
    std::fs::copy(newest, dir.join("tozstore.db")).unwrap();
}

fn copy_rows(from: &mut dyn RawStore, to: &mut dyn RawStore) {
    to.delete_all("meta").unwrap();
    let mut filled = 0;
    for table in TABLES {
        let mut rows = Vec::new();
        from.each_row(table, &mut |row| {
            rows.push(row);
            Ok(())
        })
        .unwrap();
        filled += usize::from(!rows.is_empty());
        to.insert(table, &rows).unwrap();
    }
    assert!(filled > 15, "{filled} tables have rows");
}

#[test]
fn rows_of_every_noun_are_copied() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    golden(dirs[0].path());
    let now = Timestamp::default();
    let mut from = RawSqlite::alone(&dirs[0].path().join("tozstore.db"), now).unwrap();
    let mut to = RawSqlite::alone(&dirs[1].path().join("tozstore.db"), now).unwrap();
    copy_rows(&mut from, &mut to);
    assert_eq!(sums(from), sums(to));
}

#[test]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
fn rows_of_every_noun_go_to_postgresql_and_back() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    golden(dirs[0].path());
    let (database, now) = (Database::new(), Timestamp::default());
    let mut from = RawSqlite::alone(&dirs[0].path().join("tozstore.db"), now).unwrap();
    let mut between = RawPostgres::alone(&database.url, None, now).unwrap();
    let mut to = RawSqlite::alone(&dirs[1].path().join("tozstore.db"), now).unwrap();
    copy_rows(&mut from, &mut between);
    copy_rows(&mut between, &mut to);
    let expected = sums(from);
    assert_eq!(sums(between), expected);
    assert_eq!(sums(to), expected);
}

/// To PostgreSQL while a server runs, where it is backed up, restored and moved back.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn a_store_goes_to_postgresql_and_back() {
    let dirs = [(); 4].map(|()| tempfile::tempdir().unwrap());
    let databases = [Database::new(), Database::new()];
    let served = Served::open(dirs[0].path()).unwrap();
    let mut keys = Vec::new();
    for n in 1..=5 {
        keys.push(served.write_file(n, &vec![n as u8; 100_000]).await);
    }
    let records = served.records().await;
    let in_database = place_at(&databases[0], dirs[1].path());
    let moved = migrate(place(dirs[0].path()), in_database.clone()).await.unwrap();
    assert_eq!((moved.files, moved.files_there), (5, 0));
    served.close().await;
    let expected = sums_in(dirs[0].path());
    let sums_at = |database: &Database| {
        let url = database.url.clone();
        let read = move || sums(RawPostgres::beside(&url, None).unwrap());
        std::thread::spawn(read).join().unwrap()
    };
    assert_eq!(sums_at(&databases[0]), expected);

    // Beside a server on it.
    let store: Arc<dyn Store> = Arc::new(databases[0].open(clock()));
    let archive = backup(in_database.clone()).await;
    restore(place_at(&databases[1], dirs[2].path()), archive.clone()).await.unwrap();
    assert_eq!(sums_at(&databases[1]), expected);
    let refused = restore(place_at(&databases[1], dirs[2].path()), archive).await;
    assert!(matches!(refused, Err(MovingError::NotEmpty(_))), "{refused:?}");

    migrate(in_database.clone(), place(dirs[3].path())).await.unwrap();
    assert_eq!(sums_in(dirs[3].path()), expected);
    let refused = store.write::<_, StoreError, _>("t", |tx| tx.stamp()).await;
    assert!(matches!(refused, Err(StoreError::ReadOnly(_))), "{refused:?}");
    moving::run(move |_| moving::read_only_off(&in_database)).await.unwrap();
    store.write::<_, StoreError, _>("t", |tx| tx.stamp()).await.unwrap();
    store.close().await;
    let again = Served::open(dirs[3].path()).unwrap();
    assert_eq!(again.records().await, records);
    for (n, key) in (1..).zip(keys) {
        assert!(again.content(key).await.unwrap() == vec![n; 100_000]);
    }
    again.close().await;
}

/// Files that stay where they are, while their rows move.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn files_may_stay_where_they_are() {
    let (dir, database) = (tempfile::tempdir().unwrap(), Database::new());
    let served = Served::open(dir.path()).unwrap();
    let key = served.write_file(1, b"sealed").await;
    let left_behind = BlobKey::new().unwrap();
    let later = Timestamp::from_micros(i64::MAX / 2);
    let listed =
        served.app.store.write::<_, StoreError, _>("t", move |tx| tx.release_blob(left_behind, later));
    listed.await.unwrap();
    let moved = migrate(place(dir.path()), place_at(&database, dir.path())).await.unwrap();
    assert_eq!((moved.files, moved.files_there), (1, 1));
    assert_eq!(served.content(key).await.unwrap(), b"sealed");
    served.close().await;
    // What nobody owns is swept at the new place, a day later.
    let store: Arc<dyn Store> = Arc::new(database.open(clock()));
    let due = |at: Timestamp| store.read::<_, StoreError, _>("t", move |tx| tx.due_blobs(at, 9));
    assert_eq!(due(SystemClock.now()).await.unwrap(), []);
    assert_eq!(due(SystemClock.now().plus_seconds(90_000)).await.unwrap(), [left_behind]);
    store.close().await;
}

//! What holds for SQLite alone: files, restarts, crashes, commits in groups.
#![allow(clippy::unwrap_used, reason = "functions that tests share may fail as tests do")]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};

use futures_util::FutureExt as _;
use tozstore_api::Timestamp;
use tozstore_server::clock::{ManualClock, SystemClock};
use tozstore_server::store::conformance::record;
use tozstore_server::store::{
    RecordIndex, SqliteOptions, SqliteStore, Store, StoreError, Verdict, WriteJob, WriteTx,
};

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, Arc::new(SystemClock), SqliteOptions::default())
}

fn insert(n: u32, data_bytes: usize) -> WriteJob {
    Box::new(move |tx| {
        let mut row = record(n, 1, 1, "a");
        row.data = "x".repeat(data_bytes);
        tx.insert_record(&row).unwrap();
        Verdict::Commit
    })
}

async fn count_up_to(store: &Arc<dyn Store>, last: u32) -> usize {
    let count = store.read::<_, StoreError, _>("count", move |tx| {
        (1..=last).try_fold(0, |count, n| {
            let head = tx.record_head(record(n, 1, 1, "a").head.id)?;
            Ok(count + usize::from(head.is_some()))
        })
    });
    count.await.unwrap()
}

#[tokio::test]
async fn a_restart_keeps_rows_counters_and_the_id() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new").join("folder");
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_700_000_000_500_000)));
    let reopen = || -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(&path, Arc::clone(&clock) as _, SqliteOptions::default()).unwrap())
    };
    let store = reopen();
    let id = store.id();
    store.run_write("insert", insert(1, 10)).await.unwrap();
    let kept = store.write::<_, StoreError, _>("kept", |tx| Ok((tx.stamp()?, tx.next_record_index()?)));
    let kept = kept.await.unwrap();
    let aborted = Box::new(|tx: &mut dyn WriteTx| {
        tx.stamp().unwrap();
        tx.next_record_index().unwrap();
        Verdict::Abort
    });
    store.run_write("aborted", aborted).await.unwrap();
    store.close().await;
    assert!(!path.join("tozstore.db-wal").exists(), "the log was not folded into the database");

    clock.set(Timestamp::from_micros(5));
    let store = reopen();
    assert_eq!(store.id(), id);
    assert_eq!(count_up_to(&store, 1).await, 1);
    let next = store.write::<_, StoreError, _>("next", |tx| Ok((tx.stamp()?, tx.next_record_index()?)));
    let next = next.await.unwrap();
    // One further than the aborted job, which was given values too.
    assert_eq!(next, (kept.0.next().next(), RecordIndex(kept.1.0 + 2)));
}

#[tokio::test]
async fn one_process_alone_opens_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let refused = open(directory.path()).err().unwrap().to_string();
    assert!(refused.contains("in use by another server"), "{refused}");
    store.close().await;
    open(directory.path()).unwrap();
}

#[tokio::test]
async fn newer_schemas_and_other_files_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("some.db");
    open(&path).unwrap().close().await;
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute("INSERT INTO schema_versions VALUES (1000, 0)", []).unwrap();
    drop(conn);
    let refused = open(&path).err().unwrap();
    assert!(matches!(&refused, StoreError::Corrupt(text) if text.contains("version 1000")), "{refused}");

    let path = directory.path().join("other.db");
    fs::write(&path, "not a database, but a text that is longer than its header").unwrap();
    assert!(matches!(open(&path).err().unwrap(), StoreError::Corrupt(_)));
}

#[cfg(unix)]
#[tokio::test]
async fn others_on_the_machine_cannot_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let store = open(&path).unwrap();
    store.run_write("insert", insert(1, 10)).await.unwrap();
    for entry in fs::read_dir(&path).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.path());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_jobs_share_a_commit() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let (started, has_started) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let first = store.run_write(
        "first",
        Box::new(move |_| {
            started.send(()).unwrap();
            released.recv().unwrap();
            Verdict::Commit
        }),
    );
    let first = tokio::spawn(first);
    has_started.recv().unwrap();
    // The writer stands still, so all of these wait in its queue.
    let mut waiting = Vec::new();
    for n in 1..=100 {
        let mut job = store.run_write("insert", insert(n, 1000));
        assert!((&mut job).now_or_never().is_none());
        waiting.push(job);
    }
    let before = store.commits();
    release.send(()).unwrap();
    first.await.unwrap().unwrap();
    for job in waiting {
        job.await.unwrap();
    }
    assert_eq!(store.commits() - before, 2, "one for the first job, one for all that waited");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loses_nothing_that_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(open(directory.path()).unwrap());
    // More than the log may hold, so that part lies in the database. When the small write is done, so is the copying;
    // what follows is too little for another, which two copies of files could not catch as a crash would.
    store.run_write("insert", insert(1, 6_000_000)).await.unwrap();
    store.run_write("insert", insert(2, 10)).await.unwrap();

    let acknowledged = Arc::new(AtomicU32::new(2));
    let writer = {
        let (store, acknowledged) = (Arc::clone(&store), Arc::clone(&acknowledged));
        tokio::spawn(async move {
            for n in 3..=80 {
                store.run_write("insert", insert(n, 10)).await.unwrap();
                acknowledged.store(n, Ordering::SeqCst);
            }
        })
    };
    for round in 0..5 {
        while acknowledged.load(Ordering::SeqCst) < 10 + round * 12 {
            tokio::task::yield_now().await;
        }
        let copy = tempfile::tempdir().unwrap();
        let expected = acknowledged.load(Ordering::SeqCst);
        for name in ["tozstore.db", "tozstore.db-wal"] {
            fs::copy(directory.path().join(name), copy.path().join(name)).unwrap();
        }
        let recovered: Arc<dyn Store> = Arc::new(open(copy.path()).unwrap());
        assert_eq!(count_up_to(&recovered, expected).await, expected as usize);
        recovered.close().await;
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn the_log_does_not_grow_without_end() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    for n in 1..=80 {
        store.run_write("insert", insert(n, 1_000_000)).await.unwrap();
    }
    let log_bytes = fs::metadata(directory.path().join("tozstore.db-wal")).unwrap().len();
    // A writer that is never idle lets it grow to 32 MiB.
    assert!(log_bytes < 40_000_000, "the log has {log_bytes} bytes after 80 MB of writes");
}

#[tokio::test]
async fn a_torn_end_of_the_log_costs_no_acknowledged_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.db");
    let store: Arc<dyn Store> = Arc::new(open(&path).unwrap());
    for n in 1..=3 {
        store.run_write("insert", insert(n, 10_000)).await.unwrap();
    }
    // As a machine leaves it that lost power while it wrote the next transaction.
    let crashed = directory.path().join("crashed.db");
    fs::copy(&path, &crashed).unwrap();
    let mut log = fs::read(path.with_extension("db-wal")).unwrap();
    let torn = log[log.len() - 6_000..].to_vec();
    log.extend(torn);
    fs::write(crashed.with_extension("db-wal"), &log).unwrap();
    let after: Arc<dyn Store> = Arc::new(open(&crashed).unwrap());
    assert_eq!(count_up_to(&after, 4).await, 3);
    after.run_write("insert", insert(4, 10)).await.unwrap();
    assert_eq!(count_up_to(&after, 4).await, 4);
    after.close().await;
    store.close().await;
}

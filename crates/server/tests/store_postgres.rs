//! What PostgreSQL has that other engines have not: several processes on one database, and connections that break.
#![allow(clippy::panic, clippy::unwrap_used, reason = "functions that tests share may fail as tests do")]

mod database;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use database::Database;
use tozstore_api::Timestamp;
use tozstore_server::clock::{Clock, ManualClock, SystemClock};
use tozstore_server::store::conformance::{client_id, record};
use tozstore_server::store::{
    PostgresOptions, PostgresStore, ReadTx, RecordIndex, RecordQuery, RecordRow, Scope, Store, StoreError,
    TermCondition, TermGroup, TermSearch, TextPattern, Verdict, WriteTx,
};

const WRITERS: u32 = 4;
const EACH: u32 = 25;

fn open(database: &Database) -> Arc<dyn Store> {
    Arc::new(database.open(Arc::new(SystemClock)))
}

fn all() -> RecordQuery {
    RecordQuery {
        scopes: (0..2 * WRITERS).map(|n| Scope { writer: client_id(n), only: None }).collect(),
        limit: 1000,
        max_examined: 1000,
        max_data_bytes: 1 << 20,
        ..RecordQuery::default()
    }
}

fn insert(tx: &mut dyn WriteTx, row: &RecordRow) -> Result<(Timestamp, RecordIndex), StoreError> {
    let mut row = row.clone();
    (row.head.created, row.head.index) = (tx.stamp()?, tx.next_record_index()?);
    tx.insert_record(&row)?;
    Ok((row.head.created, row.head.index))
}

/// Stamps and indexes of both stores grow together, though their clocks differ, and no reader of either sees a record
/// before one with a lower index.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn two_stores_give_out_one_order() {
    let database = Database::new();
    let at = |micros| -> Arc<dyn Clock> { Arc::new(ManualClock::at(Timestamp::from_micros(micros))) };
    let stores: [Arc<dyn Store>; 2] = [
        Arc::new(database.open(at(1_800_000_000_000_000))),
        Arc::new(database.open(at(1_700_000_000_000_000))),
    ];
    assert_eq!(stores[0].id(), stores[1].id());
    let mut writers = Vec::new();
    for writer in 0..2 * WRITERS {
        let store = Arc::clone(&stores[writer as usize % 2]);
        writers.push(tokio::spawn(async move {
            let mut given = Vec::new();
            for n in 0..EACH {
                let row = record(writer * EACH + n, writer, writer, "a");
                let kept = n % 5 != 4;
                let seen = Arc::new(Mutex::new(None));
                let inner = Arc::clone(&seen);
                let result: Result<(), StoreError> = store
                    .write("test", move |tx| {
                        *inner.lock().unwrap() = Some(insert(tx, &row)?);
                        if kept { Ok(()) } else { Err(StoreError::Missing("nothing")) }
                    })
                    .await;
                assert_eq!(result.is_ok(), kept, "{result:?}");
                given.push(seen.lock().unwrap().unwrap());
            }
            given
        }));
    }
    let kept = (2 * WRITERS * EACH / 5 * 4) as usize;
    let mut seen: Vec<RecordIndex> = Vec::new();
    for turn in 0.. {
        // The last look comes after the last write.
        let done = writers.iter().all(tokio::task::JoinHandle::is_finished);
        let list = |tx: &dyn ReadTx| {
            Ok::<_, StoreError>(
                tx.query_records(&all())?.iter().map(|row| row.head.index).collect::<Vec<_>>(),
            )
        };
        let now = stores[turn % 2].read("test", list).await.unwrap();
        assert!(now.starts_with(&seen), "{seen:?} was seen before {now:?}");
        seen = now;
        if done {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(seen.len(), kept);
    let mut given = Vec::new();
    for writer in writers {
        let one = writer.await.unwrap();
        assert!(one.is_sorted());
        given.extend(one);
    }
    given.sort_unstable();
    assert_eq!(given.len(), (2 * WRITERS * EACH) as usize);
    assert!(given.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1), "{given:?}");
}

/// A job that reads, reckons and writes never works on what another has changed meanwhile.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn no_update_of_either_store_is_lost() {
    let database = Database::new();
    let stores = [open(&database), open(&database)];
    let start = record(1, 1, 1, "a");
    let id = start.head.id;
    stores[0]
        .write("test", move |tx| tx.insert_record(&RecordRow { data: "0".into(), ..start.clone() }))
        .await
        .unwrap();
    let mut tasks = Vec::new();
    for task in 0..2 * WRITERS {
        let store = Arc::clone(&stores[task as usize % 2]);
        tasks.push(tokio::spawn(async move {
            for _ in 0..EACH {
                let add = move |tx: &mut dyn WriteTx| {
                    let mut row = tx.record(id)?.unwrap();
                    row.data = (row.data.parse::<u32>().unwrap() + 1).to_string();
                    tx.update_record(&row)
                };
                store.write("test", add).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    for store in stores {
        let row = store.read("test", move |tx| tx.record(id)).await.unwrap().unwrap();
        assert_eq!(row.data, (2 * WRITERS * EACH).to_string());
    }
}

/// Jobs that write and then fail are committed with none of what they wrote, and cost their neighbours nothing.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn a_failed_job_leaves_its_neighbours_alone() {
    let database = Database::new();
    let store = open(&database);
    let jobs: Vec<_> = (0..40)
        .map(|n| {
            let fails = n % 7 == 3;
            store.run_write(
                "test",
                Box::new(move |tx| {
                    insert(tx, &record(n, 1, 1, "a")).unwrap();
                    if fails { Verdict::Abort } else { Verdict::Commit }
                }),
            )
        })
        .collect();
    for outcome in futures_util::future::join_all(jobs).await {
        outcome.unwrap();
    }
    let kept: BTreeSet<_> = (0..40).filter(|n| n % 7 != 3).map(|n| record(n, 1, 1, "a").head.id).collect();
    let rows = store.read("test", |tx| tx.query_records(&all())).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.head.id).collect::<BTreeSet<_>>(), kept);
}

/// What a page, a look-up and a write may cost where each answer comes from afar. Each form of a statement is sent once
/// before, since what is prepared is not counted.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn round_trips_are_few() {
    const RECORDS: u32 = 200;
    let database = Database::new();
    let options = PostgresOptions { readers: 1, ..PostgresOptions::default() };
    let store = PostgresStore::open(&database.url, Arc::new(SystemClock), options).unwrap();
    let store = Arc::new(store);
    let shared: Arc<dyn Store> = Arc::clone(&store) as _;
    let fill = |tx: &mut dyn WriteTx| {
        (0..RECORDS).try_for_each(|n| insert(tx, &record(n, n % WRITERS, n % WRITERS, "a")).map(drop))
    };
    shared.write("test", fill).await.unwrap();
    let cost = async |job: fn(&dyn ReadTx) -> Result<usize, StoreError>| {
        let (found, before) = (shared.read("test", job).await.unwrap(), store.traffic());
        assert_eq!(shared.read("test", job).await.unwrap(), found);
        (found, store.traffic().round_trips - before.round_trips)
    };
    fn page(with_data: bool) -> RecordQuery {
        RecordQuery { limit: 50, with_data, ..all() }
    }
    // Two chunks of each writer's index, heads, and data.
    assert_eq!(cost(|tx| Ok(tx.query_records(&page(false))?.len())).await, (50, 3));
    assert_eq!(cost(|tx| Ok(tx.query_records(&page(true))?.len())).await, (50, 4));
    let by_ids = |tx: &dyn ReadTx| {
        let records = (0..50).map(|n| record(n, 1, 1, "a").head.id).collect();
        Ok(tx.query_records(&RecordQuery { records, ..page(true) })?.len())
    };
    assert_eq!(cost(by_ids).await, (50, 3));
    let heads = |tx: &dyn ReadTx| {
        let ids: Vec<_> = (0..RECORDS).map(|n| record(n, 1, 1, "a").head.id).collect();
        let heads = tx.record_heads(&ids)?;
        Ok(tx.record_data(&heads.iter().map(|found| &found.head).collect::<Vec<_>>())?.len())
    };
    assert_eq!(cost(heads).await, (RECORDS as usize, 3));
    let by_term = |tx: &dyn ReadTx| {
        let entry = TermCondition::Entry { name: TextPattern::exact("a"), value: TextPattern::exact("\0b") };
        let search = TermSearch {
            scopes: BTreeSet::from([Scope { writer: client_id(1), only: None }]),
            include: vec![TermGroup { all: true, conditions: vec![entry] }],
            limit: 50,
            with_data: true,
            max_data_bytes: 1 << 20,
            max_total: 50,
            max_work: 10_000,
            ..TermSearch::default()
        };
        Ok(tx.search_terms(&search)?.rows.len())
    };
    // Entries of the index in chunks that grow, then heads, then data.
    assert_eq!(cost(by_term).await, (50, 4));
    let living = |tx: &dyn ReadTx| {
        let ids: Vec<_> = (0..RECORDS).map(client_id).collect();
        Ok(tx.living_clients(&ids)?.len())
    };
    assert_eq!(cost(living).await, (0, 1));

    let write = |n| move |tx: &mut dyn WriteTx| insert(tx, &record(n, 1, 1, "a")).map(drop);
    shared.write("test", write(RECORDS)).await.unwrap();
    let before = store.traffic();
    shared.write("test", write(RECORDS + 1)).await.unwrap();
    // The lock with the counters, the record, the commit with the terms.
    assert_eq!(store.traffic().round_trips - before.round_trips, 3);
}

/// Connections that break are made again, and what was under way runs again as a whole.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn broken_connections_are_made_again() {
    let database = Arc::new(Database::new());
    let store = open(&database);
    let write = |n: u32| {
        let store = Arc::clone(&store);
        async move { store.write("test", move |tx| insert(tx, &record(n, 1, 1, "a")).map(drop)).await }
    };
    write(1).await.unwrap();
    database.cut_connections();
    write(2).await.unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let (cut, counted) = (Arc::clone(&database), Arc::clone(&runs));
    let written: Result<(), StoreError> = store
        .write("test", move |tx| {
            insert(tx, &record(3, 1, 1, "a"))?;
            if counted.fetch_add(1, Ordering::Relaxed) == 0 {
                cut.cut_connections();
            }
            insert(tx, &record(4, 1, 1, "a")).map(drop)
        })
        .await;
    written.unwrap();
    assert_eq!(runs.swap(0, Ordering::Relaxed), 2);

    let (cut, counted) = (Arc::clone(&database), Arc::clone(&runs));
    let read: Result<_, StoreError> = store
        .read("test", move |tx| {
            let first = tx.record_head(record(1, 1, 1, "a").head.id)?;
            if counted.fetch_add(1, Ordering::Relaxed) == 0 {
                cut.cut_connections();
            }
            Ok((first, tx.query_records(&all())?.len()))
        })
        .await;
    assert_eq!(read.unwrap().1, 4);
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

/// Text may hold a character that PostgreSQL's own type for text refuses.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
async fn text_may_hold_the_null_character() {
    let database = Database::new();
    let store = open(&database);
    let mut row = record(1, 1, 1, "a");
    row.head.signature = Some("a\0b".into());
    row.head.plain = [("n\0".to_owned(), "v\0".to_owned())].into_iter().collect();
    let written = row.clone();
    store.write("test", move |tx| tx.insert_record(&written)).await.unwrap();
    let id = row.head.id;
    assert_eq!(store.read("test", move |tx| tx.record(id)).await.unwrap(), Some(row));
}

/// With certificates, connections are encrypted, and a database that cannot prove itself gets none.
#[test]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
fn connections_are_encrypted() {
    let database = Database::new();
    let with = |ca_file| PostgresOptions { ca_file: Some(ca_file), ..PostgresOptions::default() };
    let clock = || Arc::new(SystemClock);
    let store = PostgresStore::open(&database.url, clock(), with(Database::ca_file())).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    runtime.block_on(store.write::<_, StoreError, _>("test", |tx| tx.stamp())).unwrap();
    database.assert_encrypted();

    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.pem");
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&other, made.cert.pem()).unwrap();
    assert!(PostgresStore::open(&database.url, clock(), with(other.clone())).is_err());
    std::fs::write(&other, "nothing").unwrap();
    let refused = PostgresStore::open(&database.url, clock(), with(other)).map(drop).unwrap_err();
    assert!(refused.to_string().contains("holds no certificate"), "{refused}");
}

/// Several processes start on an empty database at once, and on one that is there.
#[test]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
fn many_start_at_once() {
    let database = Database::new();
    for _ in 0..2 {
        let ids: BTreeSet<_> = thread::scope(|scope| {
            let starts: Vec<_> = (0..6)
                .map(|_| scope.spawn(|| database.open(Arc::new(SystemClock)).id().to_string()))
                .collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert_eq!(ids.len(), 1, "{ids:?}");
    }
}

/// A database that is not ours, or is that of a newer program, is left alone.
#[test]
#[ignore = "needs a PostgreSQL server, see docs/testing.md"]
fn other_schemas_are_refused() {
    let refusal = |database: &Database| {
        let opened = PostgresStore::open(&database.url, Arc::new(SystemClock), PostgresOptions::default());
        match opened {
            Err(StoreError::Corrupt(text)) => text,
            other => panic!("expected a refusal, got {:?}", other.map(|store| store.id())),
        }
    };
    let other = Database::new();
    other.run("CREATE TABLE accounts (id INT)");
    assert!(refusal(&other).contains("another program"));

    let newer = Database::new();
    drop(open(&newer));
    newer.run("INSERT INTO tozstore_versions VALUES (1000, 0)");
    assert!(refusal(&newer).contains("version 1000"));
}

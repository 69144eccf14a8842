//! Transactions: all or nothing, one after another, seen whole.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use tozstore_api::Timestamp;

use super::samples::{account, account_id, challenge, client_id, hash, record};
use super::{Open, assert_refused, read, write};
use crate::clock::{ManualClock, SystemClock};
use crate::store::{RecordIndex, RecordQuery, Scope, StoreError, Verdict};

/// A job that returns an error leaves nothing behind; one that goes on after a refused verb keeps the rest.
pub async fn failed_jobs_leave_nothing(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    let failed: Result<(), StoreError> = write(&store, |tx| {
        tx.insert_account(&account(1))?;
        tx.insert_challenge(&challenge(1))?;
        Err(StoreError::Missing("something"))
    })
    .await;
    assert_refused!(failed, Missing);
    assert_eq!(read(&store, |tx| tx.account(account_id(1))).await, None);
    assert_eq!(write(&store, |tx| tx.take_challenge(&hash(1))).await.unwrap(), None);

    write(&store, |tx| {
        tx.insert_account(&account(1))?;
        assert_refused!(tx.insert_account(&account(1)), AlreadyExists);
        tx.insert_account(&account(2))
    })
    .await
    .unwrap();
    let both = read(&store, |tx| Ok((tx.account(account_id(1))?, tx.account(account_id(2))?))).await;
    assert_eq!(both, (Some(account(1)), Some(account(2))));

    let aborted = Box::new(|tx: &mut dyn super::WriteTx| {
        tx.delete_account(account_id(1)).unwrap();
        Verdict::Abort
    });
    store.run_write("suite", aborted).await.unwrap();
    assert!(read(&store, |tx| tx.account(account_id(1))).await.is_some());
}

/// A transaction sees its own writes, and every read that begins after an acknowledged write sees it.
pub async fn writes_are_seen_at_once(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    for n in 1..=50 {
        write(&store, move |tx| {
            tx.insert_account(&account(n))?;
            assert_eq!(tx.as_read().account(account_id(n))?, Some(account(n)));
            Ok(())
        })
        .await
        .unwrap();
        assert!(read(&store, move |tx| tx.account(account_id(n))).await.is_some());
    }
}

/// Readers see every transaction whole or not at all, and never go back in time.
pub async fn snapshots_are_consistent(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| tx.insert_account(&account(1)).and_then(|()| tx.insert_account(&account(2))))
        .await
        .unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = Vec::new();
    for _ in 0..4 {
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        readers.push(tokio::spawn(async move {
            let mut latest = Timestamp::default();
            while !done.load(Ordering::Relaxed) {
                let pair = read(&store, |tx| {
                    let first = tx.account(account_id(1))?.unwrap().tokens_valid_after;
                    std::thread::yield_now();
                    Ok((first, tx.account(account_id(2))?.unwrap().tokens_valid_after))
                })
                .await;
                assert_eq!(pair.0, Timestamp::from_micros(pair.1.micros() - 1));
                assert!(pair.0 >= latest);
                latest = pair.0;
                tokio::task::yield_now().await;
            }
        }));
    }
    for _ in 0..100 {
        write(&store, |tx| {
            let stamp = tx.stamp()?;
            for n in [1, 2] {
                let mut row = account(n);
                row.tokens_valid_after = Timestamp::from_micros(stamp.micros() + i64::from(n));
                tx.update_account(&row)?;
            }
            Ok(())
        })
        .await
        .unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
}

/// Stamps and record indexes grow over all transactions, aborted ones included.
pub async fn stamps_and_indexes_only_grow(open: Open<'_>) {
    let store = open(Arc::new(ManualClock::at(Timestamp::from_micros(1_700_000_000_000_000))));
    let highest = Arc::new(Mutex::new((Timestamp::default(), RecordIndex(0))));
    let mut tasks = Vec::new();
    for task in 0..16 {
        let (store, highest) = (Arc::clone(&store), Arc::clone(&highest));
        tasks.push(tokio::spawn(async move {
            let mut given = Vec::new();
            for round in 0..20 {
                let before = *highest.lock().unwrap();
                let aborts = (task + round) % 3 == 0;
                let seen = Arc::new(Mutex::new(Vec::new()));
                let inner = Arc::clone(&seen);
                let result: Result<(), StoreError> = write(&store, move |tx| {
                    let pairs =
                        [(tx.stamp()?, tx.next_record_index()?), (tx.stamp()?, tx.next_record_index()?)];
                    *inner.lock().unwrap() = pairs.to_vec();
                    if aborts { Err(StoreError::Missing("nothing")) } else { Ok(()) }
                })
                .await;
                assert_eq!(result.is_err(), aborts);
                let pairs = seen.lock().unwrap().clone();
                for pair in pairs {
                    assert!(
                        pair.0 > before.0 && pair.1 > before.1,
                        "{pair:?} was given out after {before:?}"
                    );
                    assert_ne!(pair.0.micros() % 1_000_000, 0);
                    given.push(pair);
                    let mut highest = highest.lock().unwrap();
                    *highest = (highest.0.max(pair.0), highest.1.max(pair.1));
                }
            }
            given
        }));
    }
    let mut given = Vec::new();
    for task in tasks {
        given.extend(task.await.unwrap());
    }
    given.sort_unstable();
    assert_eq!(given.len(), 640);
    assert!(given.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1));
}

/// Stamps are the clock's time where it runs forward, and go on where it does not.
pub async fn stamps_follow_the_clock(open: Open<'_>) {
    let at = Timestamp::from_micros;
    let clock = Arc::new(ManualClock::at(at(7_000_000)));
    let store = open(Arc::clone(&clock) as _);
    let stamp = || write(&store, |tx| tx.stamp());
    assert_eq!(stamp().await.unwrap(), at(7_000_001));
    clock.set(at(9_500_000));
    assert_eq!(stamp().await.unwrap(), at(9_500_000));
    clock.set(at(1_000_000));
    assert_eq!(stamp().await.unwrap(), at(9_500_001));
}

/// Once a reader sees a record, no record with a lower index appears.
pub async fn records_appear_in_order_of_index(open: Open<'_>) {
    const WRITERS: u32 = 8;
    const EACH: u32 = 20;
    let store = open(Arc::new(SystemClock));
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(&store);
        writers.push(tokio::spawn(async move {
            for n in 0..EACH {
                write(&store, move |tx| {
                    let mut row = record(writer * EACH + n, writer, writer, "a");
                    row.head.index = tx.next_record_index()?;
                    tx.insert_record(&row)
                })
                .await
                .unwrap();
            }
        }));
    }
    let mut seen = Vec::new();
    while seen.len() < (WRITERS * EACH) as usize {
        let now = read(&store, |tx| {
            let scopes = (0..WRITERS).map(|n| Scope { writer: client_id(n), only: None }).collect();
            let query = RecordQuery { scopes, limit: 1000, max_examined: 1000, ..RecordQuery::default() };
            let query = RecordQuery { max_data_bytes: 1 << 20, ..query };
            Ok(tx.query_records(&query)?.iter().map(|row| row.head.index).collect::<Vec<_>>())
        })
        .await;
        assert!(now.starts_with(&seen), "{seen:?} was seen before {now:?}");
        seen = now;
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
}

/// A job that panics fails by itself and leaves nothing; the store goes on.
pub async fn panics_fail_one_job(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    let run = |n: u32| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            write(&store, move |tx| {
                tx.insert_account(&account(n))?;
                assert!(n != 3, "on purpose");
                Ok(())
            })
            .await
        })
    };
    let jobs: Vec<_> = (1..=6).map(run).collect();
    for (job, n) in jobs.into_iter().zip(1..) {
        let result = job.await.unwrap();
        if n == 3 {
            assert_refused!(result, Internal)
        } else {
            result.unwrap()
        }
        assert_eq!(read(&store, move |tx| tx.account(account_id(n))).await.is_some(), n != 3);
    }
    let panicked: Result<(), StoreError> = store.read("suite", |_| panic!("on purpose")).await;
    assert_refused!(panicked, Internal);
    assert!(read(&store, |tx| tx.account(account_id(1))).await.is_some());
}

/// Closing finishes what was accepted and refuses the rest, as often as it is called.
pub async fn closing_finishes_accepted_work(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    let mut accepted = Vec::new();
    for n in 1..=20 {
        let job = move |tx: &mut dyn super::WriteTx| {
            tx.insert_account(&account(n)).unwrap();
            Verdict::Commit
        };
        let mut future = store.run_write("suite", Box::new(job));
        match (&mut future).now_or_never() {
            Some(outcome) => outcome.unwrap(),
            None => accepted.push(future),
        }
    }
    let never_polled = store.run_write("suite", Box::new(|_| Verdict::Commit));
    store.close().await;
    store.close().await;
    for future in accepted {
        future.await.unwrap();
    }
    assert!(matches!(never_polled.await, Err(StoreError::Closed)));
    assert!(matches!(write(&store, |tx| tx.stamp()).await, Err(StoreError::Closed)));
    let refused: Result<(), StoreError> = store.read("suite", |_| Ok(())).await;
    assert!(matches!(refused, Err(StoreError::Closed)));
}

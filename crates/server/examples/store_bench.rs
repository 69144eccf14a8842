//! Writes a second: SQLite by itself against the store on top of it.
//!
//! `cargo run --release -p tozstore-server --example store_bench [DIRECTORY]`
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement prints, and stops where it fails"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use rusqlite::{Connection, params};
use tozstore_server::clock::SystemClock;
use tozstore_server::store::conformance::record;
use tozstore_server::store::{SqliteOptions, SqliteStore, Store, StoreError};

const RECORDS: u32 = 20_000;
const DATA_BYTES: usize = 1_024;

fn main() {
    let root = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    println!("{RECORDS} records of {DATA_BYTES} bytes each, synchronous=FULL");
    for batch in [1, 8, 32, 128] {
        let rate = bare_sqlite(&fresh(&root), batch);
        println!("SQLite alone, {batch:>3} records a commit:   {rate:>9.0} records/s");
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for writers in [1, 8, 32, 128, 512] {
        let (rate, commits) = runtime.block_on(through_the_store(&fresh(&root), writers));
        println!("through the store, {writers:>3} writers: {rate:>9.0} records/s, {commits} commits");
    }
}

/// One table with the indexes that records have, and one thread.
fn bare_sqlite(directory: &Path, batch: u32) -> f64 {
    let mut conn = Connection::open(directory.join("bare.db")).expect("a database");
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768;
         CREATE TABLE records (record_index INTEGER PRIMARY KEY, record_id BLOB NOT NULL UNIQUE, writer_id BLOB,
             record_type TEXT, plain TEXT, data TEXT) STRICT;
         CREATE INDEX by_writer ON records (writer_id, record_index);
         CREATE INDEX by_type ON records (writer_id, record_type, record_index);",
    )
    .expect("a schema");
    let data = "x".repeat(DATA_BYTES);
    let begun = Instant::now();
    for first in (1..=RECORDS).step_by(batch as usize) {
        let tx = conn.transaction().expect("a transaction");
        for n in first..(first + batch).min(RECORDS + 1) {
            let head = record(n, 1, 1, "a").head;
            tx.prepare_cached("INSERT INTO records VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
                .expect("a statement")
                .execute(params![
                    n,
                    head.id.as_bytes(),
                    head.type_slot.writer.as_bytes(),
                    head.type_slot.record_type.as_str(),
                    head.plain.to_json(),
                    data
                ])
                .expect("a row");
        }
        tx.commit().expect("a commit");
    }
    f64::from(RECORDS) / begun.elapsed().as_secs_f64()
}

async fn through_the_store(directory: &Path, writers: u32) -> (f64, u64) {
    let store = SqliteStore::open(directory, Arc::new(SystemClock), SqliteOptions::default());
    let sqlite = Arc::new(store.expect("a store"));
    let store: Arc<dyn Store> = Arc::clone(&sqlite) as _;
    let next = Arc::new(AtomicU32::new(1));
    let begun = Instant::now();
    let tasks = (0..writers).map(|_| {
        let (store, next) = (Arc::clone(&store), Arc::clone(&next));
        tokio::spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n > RECORDS {
                    return;
                }
                let mut row = record(n, 1, 1, "a");
                row.data = "x".repeat(DATA_BYTES);
                let job = store.write::<_, StoreError, _>("insert", move |tx| {
                    let mut row = row.clone();
                    row.head.created = tx.stamp()?;
                    row.head.index = tx.next_record_index()?;
                    tx.insert_record(&row)
                });
                job.await.expect("a write");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("a writer");
    }
    let rate = f64::from(RECORDS) / begun.elapsed().as_secs_f64();
    store.close().await;
    (rate, sqlite.commits())
}

/// An empty directory; the measurement before is removed.
fn fresh(root: &Path) -> PathBuf {
    let directory = root.join("tozstore-store-bench");
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).expect("a directory");
    directory
}

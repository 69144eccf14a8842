//! Measures backups, restores and moves, and prints Markdown. `cargo run --release --example moving_bench [RECORDS]`;
//! with `TOZSTORE_TEST_POSTGRES_URL`, a move to PostgreSQL too, into an empty database.
#![allow(clippy::print_stdout, reason = "this prints its results")]

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tozstore_crypto::FileTally;
use tozstore_server::blobs::{BlobKey, Blobs};
use tozstore_server::clock::{Clock, SystemClock};
use tozstore_server::config::Config;
use tozstore_server::moving::{self, MovingError, Place, Progress};
use tozstore_server::store::conformance::record;
use tozstore_server::store::{FileContent, SqliteOptions, SqliteStore, Store, StoreError, StoredFile};

const BATCH: u32 = 1000;
const FILES: u32 = 200;
const FILE_BYTES: usize = 5_000_000;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    let records: u32 = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let dir = tempfile::tempdir()?;
    let from = dir.path().join("from");
    fill(&from, records).await?;
    let place = Place::new(Config { data_dir: from.clone(), ..Config::default() });
    println!("| what | rows | files, MB | seconds | without writes, s |\n| --- | --- | --- | --- | --- |");
    let megabytes = u64::from(FILES) * FILE_BYTES as u64 / 1_000_000;
    let told = |what: &str, rows: u64, took: Duration, window: Option<Duration>| {
        let window = window.map_or_else(String::new, |window| format!("{:.1}", window.as_secs_f64()));
        println!("| {what} | {rows} | {megabytes} | {:.1} | {window} |", took.as_secs_f64());
    };

    let archive = dir.path().join("archive");
    let (path, source) = (archive.clone(), place.clone());
    let begun = Instant::now();
    let made = moving::run(move |runtime| {
        let out = std::io::BufWriter::with_capacity(1 << 20, create(&path)?);
        let (mut out, made) = moving::backup(&source, out, true, &clock(), runtime, &mut quiet)?;
        out.flush().and_then(|()| out.get_ref().sync_all()).map_err(io)?;
        Ok(made)
    });
    let made = made.await?;
    let rows = made.totals.rows;
    told("backup", rows, begun.elapsed(), None);

    let begun = Instant::now();
    let input = std::io::BufReader::with_capacity(1 << 20, std::fs::File::open(&archive)?);
    moving::run(move |_| moving::verify(input, &mut quiet)).await?;
    told("verify", rows, begun.elapsed(), None);

    let begun = Instant::now();
    let input = std::io::BufReader::with_capacity(1 << 20, std::fs::File::open(&archive)?);
    let to = Place::new(Config { data_dir: dir.path().join("to"), ..Config::default() });
    moving::run(move |runtime| moving::restore(&to, input, &clock(), runtime, &mut quiet)).await?;
    told("restore into the embedded store", rows, begun.elapsed(), None);

    if let Ok(url) = std::env::var("TOZSTORE_TEST_POSTGRES_URL") {
        let mut config = Config { data_dir: dir.path().join("postgres"), ..Config::default() };
        config.store.url = url.into();
        let to = Place::new(config);
        let begun = Instant::now();
        let moved =
            moving::run(move |runtime| moving::migrate(&place, &to, &clock(), runtime, &mut quiet)).await?;
        told("migrate to PostgreSQL", rows, begun.elapsed(), Some(moved.window));
    }
    Ok(())
}

async fn fill(dir: &Path, records: u32) -> Outcome {
    std::fs::create_dir_all(dir)?;
    let store: Arc<dyn Store> =
        Arc::new(SqliteStore::open(&dir.join("tozstore.db"), clock(), SqliteOptions::default())?);
    let blobs = Blobs::in_dir(&dir.join("files"))?;
    let content = vec![7; FILE_BYTES];
    let mut tally = FileTally::new();
    tally.count(&content);
    let sealed = tally.finish();
    let mut files = Vec::new();
    for _ in 0..FILES {
        let key = BlobKey::new()?;
        let mut writer = blobs.create(key);
        writer.write(&content).await?;
        writer.finish().await?;
        let content =
            FileContent { len_bytes: sealed.len_bytes, checksum: sealed.checksum, compression: "raw".into() };
        files.push(StoredFile { key, content });
    }
    for first in (0..records).step_by(BATCH as usize) {
        let files = files.clone();
        let filled = store.write::<_, StoreError, _>("fill", move |tx| {
            for n in first..(first + BATCH).min(records) {
                let mut row = record(n, n % 100, n % 100, "a");
                (row.head.created, row.head.index) = (tx.stamp()?, tx.next_record_index()?);
                row.data = format!(r#"{{"field":"{}"}}"#, "x".repeat(700));
                row.head.file = files.get(n as usize).cloned();
                tx.insert_record(&row)?;
            }
            Ok(())
        });
        filled.await?;
    }
    store.close().await;
    Ok(())
}

fn create(path: &Path) -> Result<std::fs::File, MovingError> {
    std::fs::File::create(path).map_err(io)
}

fn io(error: std::io::Error) -> MovingError {
    MovingError::Archive(error.into())
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn quiet(_: &Progress) -> Result<(), MovingError> {
    Ok(())
}

//! Rows in one SQLite file: one thread that writes, several that read.

mod access_keys;
mod accounts;
mod audit;
mod changes;
mod clients;
mod columns;
mod erasures;
mod error;
mod file;
mod files;
mod groups;
mod holds;
mod hooks;
mod list_changes;
mod migrations;
mod notes;
mod packed_indexes;
mod packed_values;
mod policies;
mod raw;
mod readers;
mod record_lists;
mod record_policies;
mod record_terms;
mod record_types;
mod record_values;
mod records;
mod registration_tokens;
mod sealed_rows;
mod tx;
mod usages;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rusqlite::OptionalExtension as _;
use tokio::sync::{mpsc, oneshot, watch};
use tozstore_crypto::StoreId;
use uuid::Uuid;

use self::file::DatabaseFile;
pub use self::raw::RawSqlite;
use self::readers::QueuedRead;
use self::record_lists::Packing;
use self::writer::{LogLimit, QueuedWrite, Writer};
use super::{BoxFuture, ReadJob, Store, StoreError, WriteJob};
use crate::clock::Clock;

/// How a SQLite store is run.
#[derive(Clone, Copy, Debug)]
pub struct SqliteOptions {
    /// Threads that read, at least one.
    pub readers: usize,
    /// Jobs of each kind that wait at most; more wait to be queued.
    pub queue_jobs: usize,
    /// Writes that are committed together at most.
    pub batch_jobs: usize,
    /// Memory for pages of the writer, and of each reader.
    pub cache_kib: u32,
    /// Entries of a listing of records that are packed together, so that searches walk less. More make long searches
    /// cheaper, and changes of old records dearer.
    pub packed_entries: usize,
    /// How long to wait for another program (a backup, say) that has locked the file.
    pub busy_timeout_ms: u32,
}

impl SqliteOptions {
    const PACKED_ENTRIES: usize = 256;
}

impl Default for SqliteOptions {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            readers: cores.clamp(2, 8),
            queue_jobs: 1024,
            batch_jobs: 128,
            cache_kib: 32 * 1024,
            packed_entries: Self::PACKED_ENTRIES,
            busy_timeout_ms: 5_000,
        }
    }
}

/// A store in one SQLite file.
///
/// Writes are durable when they are acknowledged: the log is flushed at every commit (`synchronous=FULL`). One process
/// alone may open the file. Dropping the store lets its threads finish what was accepted; [`Store::close`] waits for it.
pub struct SqliteStore {
    id: StoreId,
    /// None once the store is closed.
    queues: Arc<Mutex<Option<Queues>>>,
    commits: Arc<AtomicU64>,
    living_threads: watch::Receiver<()>,
}

#[derive(Clone)]
struct Queues {
    reads: mpsc::Sender<QueuedRead>,
    writes: mpsc::Sender<QueuedWrite>,
}

impl SqliteStore {
    /// Opens the store at `path`, or makes one there: a file if the name has an extension, otherwise a directory that
    /// holds the file `tozstore.db`.
    ///
    /// # Errors
    /// The file cannot be opened, another process has it open, or [`StoreError::Corrupt`]: it was written by a newer
    /// program or is not a store.
    pub fn open(path: &Path, clock: Arc<dyn Clock>, options: SqliteOptions) -> Result<Self, StoreError> {
        let file = Arc::new(DatabaseFile::lock(path)?);
        let mut conn = file.open_to_write(&options)?;
        migrations::migrate(&mut conn, clock.now())?;
        crate::store::holds::refuse_to_serve(&holds::list(&conn)?)?;
        list_changes::fill(&mut conn)?;
        let id = store_id(&conn)?;

        let (reads, read_queue) = mpsc::channel(options.queue_jobs.max(1));
        let (writes, write_queue) = mpsc::channel(options.queue_jobs.max(1));
        let commits = Arc::new(AtomicU64::new(0));
        // Every thread holds a sender; when the last is gone, so are the threads.
        let (living, living_threads) = watch::channel(());

        let read_queue = Arc::new(Mutex::new(read_queue));
        for number in 0..options.readers.max(1) {
            let conn = file.open_to_read(&options)?;
            let queue = Arc::clone(&read_queue);
            // The writer outlives the readers, so that the last connection can fold the log into the database.
            let held = (living.clone(), writes.clone());
            spawn(format!("store-reader-{number}"), move || {
                let _held = held;
                readers::run(&conn, &queue);
                drop(conn);
            })?;
        }
        let counters = writer::load_counters(&conn)?;
        let max_batch = options.batch_jobs.max(1);
        let writer = Writer {
            conn,
            clock,
            counters,
            max_batch,
            packing: Packing::new(options.packed_entries),
            log_limit: LogLimit::default(),
            commits: Arc::clone(&commits),
        };
        spawn("store-writer".into(), move || {
            let _living = living;
            writer.run(write_queue);
            drop(file);
        })?;
        Ok(Self { id, queues: Arc::new(Mutex::new(Some(Queues { reads, writes }))), commits, living_threads })
    }

    /// Transactions committed since the store was opened. Fewer than the jobs that were run, under load.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

impl Store for SqliteStore {
    fn id(&self) -> StoreId {
        self.id
    }

    fn run_read(&self, name: &'static str, job: ReadJob) -> BoxFuture<Result<(), StoreError>> {
        let queues = Arc::clone(&self.queues);
        Box::pin(async move {
            let (done, outcome) = oneshot::channel();
            let sent = open_queues(&queues)?.reads.send(QueuedRead { name, job, done }).await;
            sent.map_err(|_| StoreError::Closed)?;
            outcome.await.unwrap_or(Err(StoreError::Closed))
        })
    }

    fn run_write(&self, name: &'static str, job: WriteJob) -> BoxFuture<Result<(), StoreError>> {
        let queues = Arc::clone(&self.queues);
        Box::pin(async move {
            let (done, outcome) = oneshot::channel();
            let sent = open_queues(&queues)?.writes.send(QueuedWrite { name, job, done }).await;
            sent.map_err(|_| StoreError::Closed)?;
            outcome.await.unwrap_or_else(|_| Err(StoreError::Unknown("the writer has stopped".into())))
        })
    }

    fn close(&self) -> BoxFuture<()> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut living_threads = self.living_threads.clone();
        Box::pin(async move { while living_threads.changed().await.is_ok() {} })
    }
}

/// The queues as the future is first polled: one that is made and left alone holds nothing open.
fn open_queues(queues: &Mutex<Option<Queues>>) -> Result<Queues, StoreError> {
    queues.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(StoreError::Closed)
}

fn store_id(conn: &rusqlite::Connection) -> Result<StoreId, StoreError> {
    let known = conn.query_row("SELECT store_id FROM meta WHERE id = 1", [], |row| row.get(0)).optional()?;
    if let Some(bytes) = known {
        return Ok(StoreId::from_bytes(bytes));
    }
    let bytes = *Uuid::new_v4().as_bytes();
    conn.execute(
        "INSERT INTO meta (id, store_id, last_stamp, last_record_index, last_position) VALUES (1, ?1, 0, 0, 0)",
        [bytes],
    )?;
    Ok(StoreId::from_bytes(bytes))
}

fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let spawned = thread::Builder::new().name(name).spawn(work);
    spawned.map(drop).map_err(|error| StoreError::Internal(error.into()))
}

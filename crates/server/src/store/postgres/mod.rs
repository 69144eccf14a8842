//! Rows in a PostgreSQL database that several processes share: in each, one thread that writes, several that read,
//! and one for what the processes tell one another, all with a connection of their own.

mod access_keys;
mod accounts;
mod audit;
mod changes;
mod clients;
mod columns;
mod erasures;
mod error;
mod files;
mod groups;
mod holds;
mod hooks;
mod migrations;
mod notes;
mod place;
mod policies;
#[cfg(test)]
mod portable;
mod raw;
mod readers;
mod record_policies;
mod record_terms;
mod record_types;
mod records;
mod registration_tokens;
mod sealed_rows;
mod session;
mod shared;
mod tx;
mod usages;
mod writer;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, mpsc as threads};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tozstore_crypto::StoreId;

pub use self::raw::RawPostgres;
use self::readers::QueuedRead;
use self::session::{Session, Target, TrafficCounters};
use self::writer::{QueuedWrite, Writer};
use super::holds::refuse_to_serve;
use super::{BoxFuture, ReadJob, SharedMemory, Store, StoreError, WriteJob};
use crate::clock::Clock;

/// How a PostgreSQL store is run.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Threads and connections that read, at least one. Writing takes one more, now and then two.
    pub readers: usize,
    /// Jobs of each kind that wait at most; more wait to be queued.
    pub queue_jobs: usize,
    /// Writes that are committed together at most. The writers of other processes wait for them.
    pub batch_jobs: usize,
    /// Runs of a transaction at most: another may be in the way, or the database may be restarting.
    pub attempts: usize,
    /// Certificates in PEM of those who vouch for the database. Connections are encrypted if there is one, and only then.
    pub ca_file: Option<PathBuf>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { readers: 8, queue_jobs: 1024, batch_jobs: 64, attempts: 10, ca_file: None }
    }
}

/// A store in a PostgreSQL database, or in one schema of it.
///
/// Any number of processes may open the same one. Writes are as durable when they are acknowledged as the database is
/// set to make them (`synchronous_commit`). Dropping the store lets its threads finish what was accepted;
/// [`Store::close`] waits for it.
pub struct PostgresStore {
    id: StoreId,
    traffic: Arc<TrafficCounters>,
    /// None once the store is closed.
    queues: Arc<Mutex<Option<Queues>>>,
    living_threads: watch::Receiver<()>,
}

/// What a store has sent to its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Times that it waited for an answer.
    pub round_trips: u64,
    /// Statements; several may share a round trip.
    pub statements: u64,
}

#[derive(Clone)]
struct Queues {
    reads: mpsc::Sender<QueuedRead>,
    writes: mpsc::Sender<QueuedWrite>,
    shared: mpsc::Sender<shared::Task>,
}

impl PostgresStore {
    /// Opens the store at `url`, `postgres://user:password@host:port/database`, or makes one there. Blocks meanwhile.
    ///
    /// # Errors
    /// The address is none, there is no certificate in the file for them, the database cannot be reached, or [`StoreError::Corrupt`]: its schema is that of a newer
    /// program, or of another.
    pub fn open(url: &str, clock: Arc<dyn Clock>, options: PostgresOptions) -> Result<Self, StoreError> {
        let target = Arc::new(Target::parse(url, options.ca_file.as_deref())?);
        let (reads, read_queue) = mpsc::channel(options.queue_jobs.max(1));
        let (writes, write_queue) = mpsc::channel(options.queue_jobs.max(1));
        // Every thread holds a sender; when the last is gone, so are the threads.
        let (living, living_threads) = watch::channel(());

        let (opened, opening) = threads::sync_channel(1);
        let attempts = options.attempts.max(1);
        let held = living.clone();
        spawn("store-writer".into(), {
            let target = Arc::clone(&target);
            move || {
                let _living = held;
                let made = migrations::migrate(&target, clock.now()).and_then(|id| {
                    let mut session = Session::new(Arc::clone(&target))?;
                    refuse_to_serve(&holds::list(&mut session)?)?;
                    let spare = Session::new(target)?;
                    let max_batch = options.batch_jobs.max(1);
                    Ok((id, Writer { session, spare, clock, max_batch, attempts }))
                });
                match made {
                    Ok((id, writer)) => {
                        let _ = opened.send(Ok(id));
                        writer.run(write_queue);
                    }
                    Err(error) => drop(opened.send(Err(error))),
                }
            }
        })?;
        let id = opening.recv().map_err(|_| StoreError::Internal("the writer has stopped".into()))??;

        let read_queue = Arc::new(Mutex::new(read_queue));
        for number in 0..options.readers.max(1) {
            let mut session = Session::new(Arc::clone(&target))?;
            let queue = Arc::clone(&read_queue);
            let held = living.clone();
            spawn(format!("store-reader-{number}"), move || {
                let _living = held;
                readers::run(&mut session, &queue, attempts);
            })?;
        }
        let traffic = target.traffic();
        let (shared, shared_queue) = mpsc::channel(options.queue_jobs.max(1));
        let connection = shared::Connection { session: Session::new(target)?, attempts };
        spawn("store-shared".into(), move || {
            let _living = living;
            connection.run(shared_queue);
        })?;
        let queues = Arc::new(Mutex::new(Some(Queues { reads, writes, shared })));
        Ok(Self { id, traffic, queues, living_threads })
    }

    /// How often this store has waited for an answer of the database, but for those that open a connection or prepare a
    /// statement, and how many statements it has sent.
    pub fn traffic(&self) -> Traffic {
        Traffic {
            round_trips: self.traffic.round_trips.load(Ordering::Relaxed),
            statements: self.traffic.statements.load(Ordering::Relaxed),
        }
    }
}

impl Store for PostgresStore {
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

    fn shared(&self) -> Option<Arc<dyn SharedMemory>> {
        let queues = open_queues(&self.queues).ok()?;
        Some(Arc::new(shared::Shared { tasks: queues.shared }))
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

fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let spawned = thread::Builder::new().name(name).spawn(work);
    spawned.map(drop).map_err(|error| StoreError::Internal(error.into()))
}

/// First pause between two runs, and the longest: the sum over all runs spans the restart of a database.
const FIRST_PAUSE_MS: u64 = 10;
const LONGEST_PAUSE_MS: u64 = 2_000;

/// Waits before another run, longer after each, and not as long as others do.
fn pause(attempt: usize) {
    let longest = FIRST_PAUSE_MS.saturating_mul(1 << attempt.min(16)).min(LONGEST_PAUSE_MS);
    let mut random = [0; 2];
    // Without random bytes all wait for the same time.
    let _ = getrandom::fill(&mut random);
    let share = u64::from(u16::from_le_bytes(random)) * (longest / 2) / u64::from(u16::MAX);
    thread::sleep(Duration::from_millis(longest - share));
}

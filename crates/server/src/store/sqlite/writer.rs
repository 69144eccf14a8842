//! The one thread that writes. It takes all jobs that wait, runs each in a savepoint, and commits them together: one
//! flush to disk for many jobs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::{Connection, params};
use tokio::sync::{mpsc, oneshot};

use super::columns::{column, integer};
use super::error::commit_error;
use super::holds;
use super::record_lists::Packing;
use super::tx::Tx;
use crate::clock::Clock;
use crate::store::counters::Counters;
use crate::store::{StoreError, Verdict, WriteJob, panicked};

/// A job on its way to the writer, and where its outcome goes.
pub(super) struct QueuedWrite {
    pub(super) name: &'static str,
    pub(super) job: WriteJob,
    pub(super) done: oneshot::Sender<Result<(), StoreError>>,
}

/// The state of the writer's thread.
pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) counters: Counters,
    pub(super) max_batch: usize,
    pub(super) packing: Packing,
    pub(super) log_limit: LogLimit,
    pub(super) commits: Arc<AtomicU64>,
}

/// Pages of the log past which writers wait for readers to leave it, so that it can start again.
pub(super) struct LogLimit {
    pages: i64,
}

impl Default for LogLimit {
    fn default() -> Self {
        Self { pages: MAX_LOG_PAGES }
    }
}

/// Pages of the log that are worth copying to the database when nothing else is to do, and at any time.
const IDLE_CHECKPOINT_PAGES: i64 = 1_000;
const BUSY_CHECKPOINT_PAGES: i64 = 8_000;
/// First limit on the log, 128 MiB in pages of 4 KiB, and what is added when a reader would not leave in time.
const MAX_LOG_PAGES: i64 = 32_000;

/// Said when SQLite has rolled back by itself.
pub(super) const GIVEN_UP: &str = "the engine has given the transaction up";

impl Writer {
    /// Works until all senders are gone and the queue is empty.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<QueuedWrite>) {
        let mut batch = Vec::with_capacity(self.max_batch);
        while queue.blocking_recv_many(&mut batch, self.max_batch) > 0 {
            self.run_batch(&mut batch);
            if let Err(error) = self.checkpoint(queue.is_empty()) {
                tracing::warn!(%error, "the log could not be copied to the database; it is tried again later");
            }
        }
        let _ = self.conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    }

    fn run_batch(&mut self, batch: &mut Vec<QueuedWrite>) {
        let before = self.counters;
        let mut outcomes = Vec::with_capacity(batch.len());
        let committed = self.statement("BEGIN IMMEDIATE").and_then(|()| {
            holds::refuse_to_write(&self.conn, self.clock.now())?;
            outcomes.extend(batch.iter_mut().map(|queued| self.run_job(queued)));
            if self.conn.is_autocommit() {
                return Err(StoreError::Internal(GIVEN_UP.into()));
            }
            if self.counters != before {
                self.save_counters()?;
            }
            let committed = self.conn.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([]));
            committed.map(drop).map_err(|error| commit_error(&error))
        });
        match committed {
            Ok(()) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
                for (queued, outcome) in batch.drain(..).zip(outcomes) {
                    // What the job holds is let go of first: a caller that was answered may count on it.
                    let QueuedWrite { job, done, .. } = queued;
                    drop(job);
                    // A caller that has gone away does not want to know.
                    let _ = done.send(outcome);
                }
            }
            Err(error) => {
                if !matches!(error, StoreError::ReadOnly(_)) {
                    tracing::error!(%error, jobs = batch.len(), "a batch of writes failed");
                }
                if !self.conn.is_autocommit() {
                    let _ = self.conn.execute_batch("ROLLBACK");
                }
                for queued in batch.drain(..) {
                    let _ = queued.done.send(Err(same_error(&error)));
                }
            }
        }
    }

    /// Runs one job in a savepoint of its own. An error concerns this job alone.
    fn run_job(&mut self, queued: &mut QueuedWrite) -> Result<(), StoreError> {
        if self.conn.is_autocommit() {
            // A savepoint would open a transaction of its own.
            return Err(StoreError::Internal(GIVEN_UP.into()));
        }
        self.statement("SAVEPOINT job")?;
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let mut tx = Tx::writing(&self.conn, &mut self.counters, &*self.clock, self.packing);
            (queued.job)(&mut tx)
        }));
        if !matches!(ran, Ok(Verdict::Commit)) {
            self.statement("ROLLBACK TO job")?;
        }
        self.statement("RELEASE job")?;
        ran.map(drop).map_err(|payload| panicked(queued.name, &*payload))
    }

    fn statement(&self, sql: &str) -> Result<(), StoreError> {
        self.conn.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    fn save_counters(&self) -> Result<(), StoreError> {
        let sql = "UPDATE meta SET last_stamp = ?1, last_record_index = ?2, last_position = ?3 WHERE id = 1";
        let Counters { stamp, record_index, position } = self.counters;
        let values = params![stamp.micros(), integer(record_index)?, integer(position)?];
        self.conn.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Keeps the log short. SQLite's own way would make the job that happens to fill it wait for the copying.
    fn checkpoint(&mut self, idle: bool) -> Result<(), StoreError> {
        let (log_pages, copied_pages) = self.checkpoint_pages("PRAGMA wal_checkpoint(NOOP)")?;
        let due = if idle { IDLE_CHECKPOINT_PAGES } else { BUSY_CHECKPOINT_PAGES };
        if log_pages - copied_pages < due && log_pages < self.log_limit.pages {
            return Ok(());
        }
        let (log_pages, _) = self.checkpoint_pages("PRAGMA wal_checkpoint(PASSIVE)")?;
        if log_pages >= self.log_limit.pages {
            // Another program that reads for hours must not make every write wait for it.
            self.log_limit.pages = log_pages + MAX_LOG_PAGES;
            self.checkpoint_pages("PRAGMA wal_checkpoint(RESTART)")?;
        } else if log_pages < MAX_LOG_PAGES {
            self.log_limit = LogLimit::default();
        }
        Ok(())
    }

    /// Pages in the log, and how many of them were copied.
    fn checkpoint_pages(&self, sql: &str) -> Result<(i64, i64), StoreError> {
        Ok(self.conn.prepare_cached(sql)?.query_row([], |row| Ok((row.get(1)?, row.get(2)?)))?)
    }
}

/// The counters as they were saved last.
pub(super) fn load_counters(conn: &Connection) -> Result<Counters, StoreError> {
    let sql = "SELECT last_stamp, last_record_index, last_position FROM meta WHERE id = 1";
    Ok(conn.query_row(sql, [], |row| {
        Ok(Counters { stamp: column(row, 0)?, record_index: column(row, 1)?, position: column(row, 2)? })
    })?)
}

fn same_error(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unknown(source) => StoreError::Unknown(source.to_string().into()),
        StoreError::Corrupt(text) => StoreError::Corrupt(text.clone()),
        StoreError::ReadOnly(text) => StoreError::ReadOnly(text.clone()),
        other => StoreError::Internal(other.to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    use tozstore_api::Timestamp;

    use super::*;
    use crate::clock::SystemClock;
    use crate::store::WriteTx;
    use crate::store::conformance::record;
    use crate::store::sqlite::file::DatabaseFile;
    use crate::store::sqlite::{SqliteOptions, migrations, store_id};

    fn insert(n: u32, data_bytes: usize) -> (QueuedWrite, oneshot::Receiver<Result<(), StoreError>>) {
        let job = move |tx: &mut dyn WriteTx| {
            let mut row = record(n, 1, 1, "a");
            row.data = "x".repeat(data_bytes);
            // An error that a job does not look at must not let half of it through.
            let _ = tx.insert_record(&row);
            let _ = tx.insert_record(&record(n + 100, 1, 1, "a"));
            Verdict::Commit
        };
        let (done, outcome) = oneshot::channel();
        (QueuedWrite { name: "insert", job: Box::new(job), done }, outcome)
    }

    #[test]
    fn a_full_disk_costs_what_is_refused_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let file = DatabaseFile::lock(&dir.path().join("test.db")).unwrap();
        let mut conn = file.open_to_write(&SqliteOptions::default()).unwrap();
        migrations::migrate(&mut conn, Timestamp::default()).unwrap();
        store_id(&conn).unwrap();
        let counters = load_counters(&conn).unwrap();
        let mut writer = Writer {
            conn,
            clock: Arc::new(SystemClock),
            counters,
            max_batch: 8,
            packing: Packing::default(),
            log_limit: LogLimit::default(),
            commits: Arc::default(),
        };
        let pages: i64 = writer.conn.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        let limit = format!("PRAGMA max_page_count = {}", pages + 40);
        writer.conn.query_row(&limit, [], |_| Ok(())).unwrap();
        let (jobs, outcomes): (Vec<_>, Vec<_>) = [(1, 10), (2, 1_000_000), (3, 10)]
            .into_iter()
            .map(|(n, data_bytes)| insert(n, data_bytes))
            .unzip();
        let mut batch = jobs;
        writer.run_batch(&mut batch);
        let there = |writer: &Writer, n: u32| {
            let id = record(n, 1, 1, "a").head.id;
            let sql = "SELECT count(*) FROM records WHERE record_id = ?1";
            writer.conn.query_row(sql, [id.as_bytes()], |row| row.get::<_, i64>(0)).unwrap() == 1
        };
        for (n, mut outcome) in [1, 2, 3].into_iter().zip(outcomes) {
            // What was acknowledged is there, and what was refused is not.
            let acknowledged = outcome.try_recv().unwrap().is_ok();
            assert_eq!(there(&writer, n + 100), acknowledged, "{n}");
            assert_eq!(there(&writer, n), acknowledged && n != 2, "{n}");
        }
        writer.conn.query_row("PRAGMA max_page_count = 100000", [], |_| Ok(())).unwrap();
        let (job, mut outcome) = insert(4, 1_000_000);
        writer.run_batch(&mut vec![job]);
        outcome.try_recv().unwrap().unwrap();
        assert!(there(&writer, 4) && there(&writer, 104));
    }
}

//! Threads that read, each with a connection of its own. They never wait for the writer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::tx::Tx;
use crate::store::{ReadJob, StoreError, panicked};

/// A job on its way to a reader, and where its outcome goes.
pub(super) struct QueuedRead {
    pub(super) name: &'static str,
    pub(super) job: ReadJob,
    pub(super) done: oneshot::Sender<Result<(), StoreError>>,
}

/// The queue that the readers share.
pub(super) type SharedQueue = Arc<Mutex<mpsc::Receiver<QueuedRead>>>;

/// Reads until all senders are gone and the queue is empty.
pub(super) fn run(conn: &Connection, queue: &SharedQueue) {
    loop {
        // The lock is held while waiting: the other readers wait for it instead, which comes to the same.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(mut queued) = next else { return };
        if !queued.done.is_closed() {
            let outcome = run_job(conn, &mut queued);
            let _ = queued.done.send(outcome);
        }
    }
}

fn run_job(conn: &Connection, queued: &mut QueuedRead) -> Result<(), StoreError> {
    conn.prepare_cached("BEGIN DEFERRED")?.execute([])?;
    let ran = catch_unwind(AssertUnwindSafe(|| (queued.job)(&Tx::reading(conn))));
    if !conn.is_autocommit() {
        conn.prepare_cached("ROLLBACK")?.execute([])?;
    }
    ran.map_err(|payload| panicked(queued.name, &*payload))
}

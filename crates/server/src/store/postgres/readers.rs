//! Threads that read, each with a connection of its own. They never wait for those who write.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::session::Session;
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

/// One snapshot for the whole job.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Reads until all senders are gone and the queue is empty.
pub(super) fn run(session: &mut Session, queue: &SharedQueue, attempts: usize) {
    loop {
        // The lock is held while waiting: the other readers wait for it instead, which comes to the same.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(mut queued) = next else { return };
        if !queued.done.is_closed() {
            let outcome = run_job(session, &mut queued, attempts);
            let _ = queued.done.send(outcome);
            // The caller need not wait for the end of a transaction that keeps nothing.
            session.end();
        }
    }
}

fn run_job(session: &mut Session, queued: &mut QueuedRead, attempts: usize) -> Result<(), StoreError> {
    let mut attempt = 1;
    loop {
        session.begin_with_next(BEGIN);
        let tx = Tx::reading(session);
        let ran = catch_unwind(AssertUnwindSafe(|| (queued.job)(&tx)));
        match tx.into_outcome().failure {
            Some(failure) if failure.passes() => {
                session.end();
                if attempt >= attempts {
                    return Err(failure.to_refusal());
                }
                tracing::warn!(name = queued.name, attempt, ?failure, "a read is tried again");
                super::pause(attempt);
                attempt += 1;
            }
            // The job was told, and has made of it what it would.
            _ => return ran.map_err(|payload| panicked(queued.name, &*payload)),
        }
    }
}

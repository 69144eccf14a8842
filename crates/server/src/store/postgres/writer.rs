//! The one thread that writes. It takes all jobs that wait, takes the lock that the writers of all processes share, runs
//! the jobs in one transaction, and commits them together.
//!
//! With the lock, transactions run one after another, so that there is nothing to undo because two got in each other's
//! way, and what they are given (stamps, indexes, positions) grows in the order in which they are committed. The values
//! lie in one row, which the holder of the lock alone reads and writes.
//!
//! A job that writes and then gives up costs its neighbours the transaction: it is rolled back, and each job runs again
//! alone. Such jobs are rare, and savepoints, which would spare that, are not to be had in every engine.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tozstore_api::Timestamp;

use super::columns::{column, integer, params};
use super::error::Failure;
use super::session::Session;
use super::tx::{Outcome, Tx};
use crate::clock::Clock;
use crate::store::counters::Counters;
use crate::store::holds::no_writes;
use crate::store::{StoreError, Verdict, WriteJob, panicked};

/// A job on its way to the writer, and where its outcome goes.
pub(super) struct QueuedWrite {
    pub(super) name: &'static str,
    pub(super) job: WriteJob,
    pub(super) done: oneshot::Sender<Result<(), StoreError>>,
}

/// The state of the writer's thread.
pub(super) struct Writer {
    pub(super) session: Session,
    /// For the counters of a transaction that is given up.
    pub(super) spare: Session,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) max_batch: usize,
    pub(super) attempts: usize,
}

/// Each statement sees what was committed before it: with the lock, that is all there is.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
pub(super) const LOCK_WRITES: &str = "SELECT id FROM tozstore_locks WHERE id = 2 FOR UPDATE";
/// With it, when the last of the holds ends that keep from writing.
const LOAD: &str = "SELECT last_stamp, last_record_index, last_position, \
                    (SELECT max(COALESCE(expires, 9223372036854775807)) FROM holds WHERE kind <> 'files') \
                    FROM meta WHERE id = 1";
const SAVE: &str = "UPDATE meta SET last_stamp = $1, last_record_index = $2, last_position = $3 WHERE id = 1";

/// What came of running jobs in one transaction.
enum Attempt {
    /// The transaction was committed; an outcome for each job.
    Done(Vec<Result<(), StoreError>>),
    /// Something was in the way.
    Again(Failure),
    /// Nothing was kept because of one of several jobs.
    Apart,
    /// None can be served.
    Failed(StoreError),
}

type Ran = Result<Verdict, Box<dyn Any + Send>>;

impl Writer {
    /// Works until all senders are gone and the queue is empty.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<QueuedWrite>) {
        loop {
            let mut batch = Vec::with_capacity(self.max_batch);
            if queue.blocking_recv_many(&mut batch, self.max_batch) == 0 {
                return;
            }
            self.run_batch(batch);
        }
    }

    /// Runs jobs together, or one by one if they must not.
    fn run_batch(&mut self, mut jobs: Vec<QueuedWrite>) {
        match self.patiently(&mut jobs) {
            Attempt::Done(outcomes) => {
                for (queued, outcome) in jobs.into_iter().zip(outcomes) {
                    // What the job holds is let go of first: a caller that was answered may count on it.
                    let QueuedWrite { job, done, .. } = queued;
                    drop(job);
                    // A caller that has gone away does not want to know.
                    let _ = done.send(outcome);
                }
            }
            Attempt::Apart => {
                for job in jobs {
                    self.run_batch(vec![job]);
                }
            }
            Attempt::Again(failure) => refuse(jobs, &failure.to_refusal()),
            Attempt::Failed(error) => refuse(jobs, &error),
        }
    }

    /// Tries again a few times what something was in the way of.
    fn patiently(&mut self, jobs: &mut [QueuedWrite]) -> Attempt {
        for attempt in 1.. {
            match self.attempt(jobs) {
                Attempt::Again(failure) if attempt < self.attempts => {
                    tracing::warn!(attempt, ?failure, "writes are tried again");
                    super::pause(attempt);
                }
                other => return other,
            }
        }
        Attempt::Apart
    }

    fn attempt(&mut self, jobs: &mut [QueuedWrite]) -> Attempt {
        let attempt = self.run_jobs(jobs);
        // Whatever was not committed.
        self.session.end();
        attempt
    }

    fn run_jobs(&mut self, jobs: &mut [QueuedWrite]) -> Attempt {
        let before = match self.begin() {
            Ok(Ok(counters)) => counters,
            Ok(Err(failure)) => return again_or_failed(failure),
            Err(error) => return Attempt::Failed(error),
        };
        let (mut counters, mut dirty, alone) = (before, false, jobs.len() == 1);
        let mut outcomes = Vec::with_capacity(jobs.len());
        for queued in jobs {
            let mut tx = Tx::writing(&mut self.session, &mut counters, &*self.clock);
            let ran = catch_unwind(AssertUnwindSafe(|| (queued.job)(&mut tx)));
            let outcome = tx.into_outcome();
            if let Some(failure) = outcome.failure.as_ref().filter(|failure| failure.passes()) {
                return Attempt::Again(failure.clone());
            }
            let kept = matches!(ran, Ok(Verdict::Commit)) && outcome.failure.is_none();
            if kept || (!outcome.dirty && outcome.failure.is_none()) {
                dirty |= outcome.dirty;
                outcomes.push(ran.map(drop).map_err(|payload| panicked(queued.name, &*payload)));
            } else if alone {
                return self.give_up(queued.name, ran, outcome, before, counters);
            } else {
                return Attempt::Apart;
            }
        }
        if !dirty && counters == before {
            return Attempt::Done(outcomes);
        }
        match self.commit(counters) {
            Ok(Ok(())) => Attempt::Done(outcomes),
            Ok(Err(failure)) => again_or_failed(failure),
            Err(error) => Attempt::Failed(error),
        }
    }

    fn begin(&mut self) -> Result<Result<Counters, Failure>, StoreError> {
        let row = match self.session.begin_locked(BEGIN, LOCK_WRITES, LOAD) {
            Ok(row) => row,
            Err(failure) => return Ok(Err(failure)),
        };
        let row = row.ok_or_else(|| StoreError::Corrupt("the rows that writers need are gone".into()))?;
        if column::<Option<Timestamp>>(&row, 3)?.is_some_and(|until| self.clock.now() < until) {
            return Err(no_writes());
        }
        Ok(Ok(Counters {
            stamp: column(&row, 0)?,
            record_index: column(&row, 1)?,
            position: column(&row, 2)?,
        }))
    }

    fn commit(&mut self, counters: Counters) -> Result<Result<(), Failure>, StoreError> {
        let Counters { stamp, record_index, position } = counters;
        let (record_index, position) = (integer(record_index)?, integer(position)?);
        self.session.commit_with(SAVE, params![stamp.micros(), record_index, position])
    }

    /// Undoes a job that is alone in its transaction. What it was given is not given out again: that is written down in
    /// another connection, while this one still holds the lock.
    fn give_up(
        &mut self,
        name: &str,
        ran: Ran,
        outcome: Outcome,
        before: Counters,
        counters: Counters,
    ) -> Attempt {
        if counters != before {
            let Counters { stamp, record_index, position } = counters;
            let numbers = integer(record_index).and_then(|index| Ok((index, integer(position)?)));
            let (record_index, position) = match numbers {
                Ok(numbers) => numbers,
                Err(error) => return Attempt::Failed(error),
            };
            let saved = self.spare.execute(SAVE, &[params![stamp.micros(), record_index, position]]);
            if let Err(failure) = saved {
                return again_or_failed(failure);
            }
        }
        Attempt::Done(vec![match (ran, outcome.failure) {
            (Err(payload), _) => Err(panicked(name, &*payload)),
            (Ok(Verdict::Commit), Some(failure)) => Err(failure.to_internal()),
            (Ok(_), _) => Ok(()),
        }])
    }
}

fn again_or_failed(failure: Failure) -> Attempt {
    if failure.passes() { Attempt::Again(failure) } else { Attempt::Failed(failure.to_internal()) }
}

fn refuse(jobs: Vec<QueuedWrite>, error: &StoreError) {
    if !matches!(error, StoreError::ReadOnly(_)) {
        tracing::error!(%error, jobs = jobs.len(), "writes failed");
    }
    for queued in jobs {
        let _ = queued.done.send(Err(match error {
            StoreError::Unknown(source) => StoreError::Unknown(source.to_string().into()),
            StoreError::Corrupt(text) => StoreError::Corrupt(text.clone()),
            StoreError::ReadOnly(text) => StoreError::ReadOnly(text.clone()),
            StoreError::Unavailable(source) => StoreError::Unavailable(source.to_string().into()),
            other => StoreError::Internal(other.to_string().into()),
        }));
    }
}

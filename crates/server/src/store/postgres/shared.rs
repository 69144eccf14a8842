//! The memory that processes share, on a connection of its own. It takes no lock that writers take: a signed request that
//! only reads need not wait for them.

use tokio::sync::{mpsc, oneshot};

use super::columns::{column, integer, params, row_limit};
use super::error::Failure;
use super::session::Session;
use super::writer::BEGIN;
use crate::store::{AttemptChange, AttemptCount, BoxFuture, RequestNote, SharedMemory, StoreError};

/// The way to the thread that holds the connection.
pub(super) struct Shared {
    pub(super) tasks: mpsc::Sender<Task>,
}

/// What the thread is asked for.
pub(super) enum Task {
    Note(QueuedNote),
    Other(Box<dyn FnOnce(&mut Connection) + Send>),
}

/// A note on its way to the thread.
pub(super) struct QueuedNote {
    note: RequestNote,
    signed: i64,
    noted_by: [u8; 8],
    done: oneshot::Sender<Result<bool, StoreError>>,
}

/// The thread's connection.
pub(super) struct Connection {
    pub(super) session: Session,
    pub(super) attempts: usize,
}

/// Notes that are committed together at most.
const MAX_NOTES: usize = 256;

/// A request that was noted before is no error, so that the others of its transaction stand. One that this process noted
/// itself, and whose answer was lost, counts as new.
const NOTE: &str = "INSERT INTO signed_requests (signer, signed, name, noted_by) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (signer, signed, name) DO UPDATE SET noted_by = excluded.noted_by \
    WHERE signed_requests.noted_by = excluded.noted_by";
/// Runs after the note. Whoever forgets raises the floor in the transaction that removes the rows: a note that found no
/// row because of that finds the floor here.
const FLOOR: &str = "SELECT floor FROM signed_request_floors WHERE signer = $1 AND floor >= $2";

const NEWEST_TO_FORGET: &str =
    "SELECT signed FROM signed_requests WHERE signer = $1 ORDER BY signed DESC LIMIT 1 OFFSET $2";
const RAISE_FLOOR: &str = "INSERT INTO signed_request_floors (signer, floor) VALUES ($1, $2) \
    ON CONFLICT (signer) DO UPDATE SET floor = excluded.floor WHERE signed_request_floors.floor < excluded.floor";
const FORGET_OF: &str = "DELETE FROM signed_requests WHERE signer = $1 AND signed <= $2";
const FORGET: &str = "DELETE FROM signed_requests WHERE (signer, signed, name) IN \
    (SELECT signer, signed, name FROM signed_requests WHERE signed < $1 ORDER BY signed LIMIT $2)";
const FORGET_FLOORS: &str = "DELETE FROM signed_request_floors WHERE floor < $1";

const NEW_COUNT: &str =
    "INSERT INTO attempts (place, attempts, last) VALUES ($1, 0, 0) ON CONFLICT DO NOTHING";
const COUNT: &str = "SELECT attempts, last FROM attempts WHERE place = $1 FOR UPDATE";
const SET_COUNT: &str = "UPDATE attempts SET attempts = $2, last = $3 WHERE place = $1";

const AGREE: &str = "INSERT INTO agreements (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
const DECIDE: &str = "INSERT INTO agreements (name, value) VALUES ($1, $2) \
    ON CONFLICT (name) DO UPDATE SET value = excluded.value";
const AGREED: &str = "SELECT value FROM agreements WHERE name = $1";

impl SharedMemory for Shared {
    fn note_request(&self, note: RequestNote) -> BoxFuture<Result<bool, StoreError>> {
        let tasks = self.tasks.clone();
        Box::pin(async move {
            let mut noted_by = [0; 8];
            getrandom::fill(&mut noted_by).map_err(|error| StoreError::Internal(error.into()))?;
            let (done, noted) = oneshot::channel();
            let task = Task::Note(QueuedNote { note, signed: integer(note.signed_s)?, noted_by, done });
            tasks.send(task).await.map_err(|_| StoreError::Closed)?;
            noted.await.unwrap_or(Err(StoreError::Closed))
        })
    }

    fn keep_requests(&self, signer: [u8; 16], keeps: usize) -> BoxFuture<Result<(), StoreError>> {
        self.ask(move |session| {
            session.begin_with_next(BEGIN);
            let found = session.query(NEWEST_TO_FORGET, params![signer, row_limit(keeps)])?;
            let Some(row) = found.first() else { return Ok(Ok(())) };
            let floor: i64 = match column(row, 0) {
                Ok(floor) => floor,
                Err(error) => return Ok(Err(error)),
            };
            session.execute(RAISE_FLOOR, &[params![signer, floor]])?;
            session
                .commit_with(FORGET_OF, params![signer, floor])
                .map_or_else(|error| Ok(Err(error)), |kept| kept.map(Ok))
        })
    }

    fn forget_requests(&self, before_s: u64, limit: usize) -> BoxFuture<Result<usize, StoreError>> {
        self.ask(move |session| {
            let before = match integer(before_s) {
                Ok(before) => before,
                Err(error) => return Ok(Err(error)),
            };
            session.execute(FORGET_FLOORS, &[params![before]])?;
            let forgotten = session.execute(FORGET, &[params![before, row_limit(limit)]])?;
            Ok(Ok(usize::try_from(forgotten).unwrap_or(usize::MAX)))
        })
    }

    fn change_attempts(
        &self,
        place: u64,
        change: AttemptChange,
    ) -> BoxFuture<Result<Result<(), u64>, StoreError>> {
        self.ask(move |session| match change_count(session, place, &change) {
            Ok(changed) => changed.map(Ok),
            Err(error) => Ok(Err(error)),
        })
    }

    fn agree(
        &self,
        name: &'static str,
        value: [u8; 32],
        replaces: bool,
    ) -> BoxFuture<Result<bool, StoreError>> {
        self.ask(move |session| {
            session.execute(if replaces { DECIDE } else { AGREE }, &[params![name, value]])?;
            let rows = session.query(AGREED, params![name])?;
            let agreed: Option<Result<[u8; 32], _>> = rows.first().map(|row| column(row, 0));
            Ok(agreed.transpose().map(|agreed| agreed == Some(value)))
        })
    }
}

impl Shared {
    fn ask<T: Send + 'static>(
        &self,
        mut act: impl FnMut(&mut Session) -> Result<Result<T, StoreError>, Failure> + Send + 'static,
    ) -> BoxFuture<Result<T, StoreError>> {
        let tasks = self.tasks.clone();
        Box::pin(async move {
            let (done, outcome) = oneshot::channel();
            let task = Task::Other(Box::new(move |connection| {
                let _ = done.send(connection.patiently(&mut act).and_then(|answer| answer));
            }));
            tasks.send(task).await.map_err(|_| StoreError::Closed)?;
            outcome.await.unwrap_or(Err(StoreError::Closed))
        })
    }
}

impl Connection {
    /// Works until all senders are gone and the queue is empty.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Task>) {
        loop {
            let mut tasks = Vec::with_capacity(MAX_NOTES);
            if queue.blocking_recv_many(&mut tasks, MAX_NOTES) == 0 {
                return;
            }
            let mut notes = Vec::new();
            for task in tasks {
                match task {
                    Task::Note(note) => notes.push(note),
                    Task::Other(act) => act(&mut self),
                }
            }
            if !notes.is_empty() {
                self.take_notes(notes);
            }
        }
    }

    fn take_notes(&mut self, mut notes: Vec<QueuedNote>) {
        // In one order in all processes, so that none waits for another that waits for it.
        notes.sort_by_key(|queued| queued.note);
        let noted = self.patiently(&mut |session| {
            let notes: Vec<[_; 4]> = notes
                .iter()
                .map(|QueuedNote { note, signed, noted_by, .. }| {
                    *params![note.signer, *signed, note.name, *noted_by]
                })
                .collect();
            let floors: Vec<[_; 2]> = notes.iter().map(|&[signer, signed, ..]| [signer, signed]).collect();
            session.write_and_look(BEGIN, (NOTE, &notes), (FLOOR, &floors))
        });
        match noted {
            Ok(noted) => {
                for (queued, (written, found)) in notes.into_iter().zip(noted) {
                    // A caller that has gone away does not want to know.
                    let _ = queued.done.send(Ok(written > 0 && !found));
                }
            }
            Err(error) => {
                tracing::error!(%error, requests = notes.len(), "signed requests could not be noted");
                for queued in notes {
                    let _ = queued.done.send(Err(StoreError::Unavailable(error.to_string().into())));
                }
            }
        }
    }

    /// Tries again a few times what something was in the way of.
    fn patiently<T>(
        &mut self,
        act: &mut dyn FnMut(&mut Session) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut attempt = 1;
        loop {
            let outcome = act(&mut self.session);
            // Whatever was not committed.
            self.session.end();
            match outcome {
                Err(failure) if failure.passes() && attempt < self.attempts => {
                    super::pause(attempt);
                    attempt += 1;
                }
                outcome => return outcome.map_err(|failure| failure.to_refusal()),
            }
        }
    }
}

/// Changes a count while its row is locked. The innermost error is that of the change.
fn change_count(
    session: &mut Session,
    place: u64,
    change: &AttemptChange,
) -> Result<Result<Result<(), u64>, Failure>, StoreError> {
    let place = integer(place)?;
    session.begin_with_next(BEGIN);
    let rows = session.query(NEW_COUNT, params![place]).and_then(|_| session.query(COUNT, params![place]));
    let rows = match rows {
        Ok(rows) => rows,
        Err(failure) => return Ok(Err(failure)),
    };
    let count = match rows.first() {
        Some(row) => AttemptCount { attempts: column(row, 0)?, last_s: column(row, 1)? },
        None => return Ok(Err(Failure::unconnected())),
    };
    match change(count) {
        Ok(AttemptCount { attempts, last_s }) => {
            let kept = session.commit_with(SET_COUNT, params![place, attempts, integer(last_s)?])?;
            Ok(kept.map(Ok))
        }
        Err(wait_s) => Ok(Ok(Err(wait_s))),
    }
}

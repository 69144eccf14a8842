//! A transaction on one connection. Each noun has its statements in a file of its own.

use std::cell::RefCell;

use tokio_postgres::Row;
use tozstore_api::Timestamp;

use super::columns::{Value, integer};
use super::error::Failure;
use super::session::Session;
use crate::clock::Clock;
use crate::store::counters::Counters;
use crate::store::{ReadTx, RecordIndex, StoreError, WriteTx};

/// Statements that are under way at a time.
const UNDER_WAY: usize = 256;

/// A transaction under way; `R` is what it may do besides reading.
pub(super) struct Tx<'a, R> {
    state: RefCell<State<'a>>,
    role: R,
}

struct State<'a> {
    session: &'a mut Session,
    outcome: Outcome,
}

/// What has become of a transaction.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Whether it has written anything.
    pub(super) dirty: bool,
    /// The first statement that failed. The server takes no others after that, and keeps nothing.
    pub(super) failure: Option<Failure>,
}

/// May read only.
pub(super) struct Reading;

/// May write too.
pub(super) struct Writing<'a> {
    counters: &'a mut Counters,
    clock: &'a dyn Clock,
}

impl<'a> Tx<'a, Reading> {
    pub(super) fn reading(session: &'a mut Session) -> Self {
        Self { state: RefCell::new(State { session, outcome: Outcome::default() }), role: Reading }
    }
}

impl<'a> Tx<'a, Writing<'a>> {
    pub(super) fn writing(
        session: &'a mut Session,
        counters: &'a mut Counters,
        clock: &'a dyn Clock,
    ) -> Self {
        let state = RefCell::new(State { session, outcome: Outcome::default() });
        Self { state, role: Writing { counters, clock } }
    }
}

impl Tx<'_, Writing<'_>> {
    /// Place of a new row in the order of its table.
    pub(super) fn next_position(&mut self) -> Result<i64, StoreError> {
        integer(self.role.counters.next_position())
    }

    /// Adds a row, or names what is taken. The statement must do nothing where a key or unique value is taken: an error
    /// would end the transaction, and a job may go on after it is told.
    pub(super) fn insert(
        &self,
        what: &'static str,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<(), StoreError> {
        if self.execute(sql, values)? == 0 { Err(StoreError::AlreadyExists(what)) } else { Ok(()) }
    }

    /// Runs a statement; returns how many rows it changed.
    pub(super) fn execute(&self, sql: &'static str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        self.execute_all(sql, &[values])
    }

    /// The same with several sets of values at once.
    pub(super) fn execute_all<'v>(
        &self,
        sql: &'static str,
        sets: &[impl AsRef<[Value<'v>]>],
    ) -> Result<usize, StoreError> {
        let sets: Vec<_> = sets.iter().map(AsRef::as_ref).collect();
        let changed = self.statement(true, |session| session.execute(sql, &sets))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Runs a statement of which nobody asks what comes of it: together with the next one, or at the commit. If it fails,
    /// so does what it runs with.
    pub(super) fn execute_late(&self, sql: &'static str, values: &[Value<'_>]) -> Result<(), StoreError> {
        self.statement(true, |session| session.run_late(sql, values))
    }

    /// What a deletion returns of the row that it removed, if it did.
    pub(super) fn take<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl FnOnce(&Row) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let rows = self.statement(true, |session| session.query(sql, values))?;
        rows.first().map(read).transpose()
    }

    /// What a deletion returns of the rows that it removed.
    pub(super) fn take_all<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.statement(true, |session| session.query(sql, values))?;
        rows.iter().map(read).collect()
    }
}

impl<R> Tx<'_, R> {
    /// The row that a query finds, if any.
    pub(super) fn one<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl FnOnce(&Row) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let rows = self.statement(false, |session| session.query(sql, values))?;
        rows.first().map(read).transpose()
    }

    /// The rows that a query finds. The query must have a limit.
    pub(super) fn list<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.statement(false, |session| session.query(sql, values))?;
        rows.iter().map(read).collect()
    }

    /// The rows that each of several queries finds, all under way at once. Each query must have a limit.
    pub(super) fn list_all<T>(
        &self,
        statements: &[(&'static str, Vec<Value<'_>>)],
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<Vec<T>>, StoreError> {
        let mut lists = Vec::with_capacity(statements.len());
        for statements in statements.chunks(UNDER_WAY) {
            for rows in self.statement(false, |session| session.query_all(statements))? {
                lists.push(rows.iter().map(&read).collect::<Result<Vec<_>, _>>()?);
            }
        }
        Ok(lists)
    }

    /// What has become of it, once the job is done with it.
    pub(super) fn into_outcome(self) -> Outcome {
        self.state.into_inner().outcome
    }

    fn statement<T>(
        &self,
        writes: bool,
        run: impl FnOnce(&mut Session) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut state = self.state.borrow_mut();
        let State { session, outcome } = &mut *state;
        if let Some(failure) = &outcome.failure {
            return Err(failure.error());
        }
        outcome.dirty |= writes;
        run(session).map_err(|failure| {
            let error = failure.error();
            outcome.failure = Some(failure);
            error
        })
    }
}

impl<R> ReadTx for Tx<'_, R> {}

impl WriteTx for Tx<'_, Writing<'_>> {
    fn stamp(&mut self) -> Result<Timestamp, StoreError> {
        Ok(self.role.counters.next_stamp(self.role.clock.now()))
    }

    fn next_record_index(&mut self) -> Result<RecordIndex, StoreError> {
        self.role.counters.next_record_index()
    }

    fn as_read(&self) -> &dyn ReadTx {
        self
    }
}

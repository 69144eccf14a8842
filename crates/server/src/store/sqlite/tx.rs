//! A transaction on one connection. Each noun has its statements in a file of its own.

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Params, Row};
use tozstore_api::Timestamp;

use super::columns::integer;
use super::error::unless_taken;
use super::record_lists::Packing;
use super::writer::GIVEN_UP;
use crate::clock::Clock;
use crate::store::counters::Counters;
use crate::store::{ReadTx, RecordIndex, StoreError, WriteTx};

/// A transaction under way; `R` is what it may do besides reading.
pub(super) struct Tx<'a, R> {
    conn: &'a Connection,
    role: R,
}

/// May read only.
pub(super) struct Reading;

/// May write too.
pub(super) struct Writing<'a> {
    counters: &'a mut Counters,
    clock: &'a dyn Clock,
    packing: Packing,
}

impl<'a> Tx<'a, Reading> {
    pub(super) fn reading(conn: &'a Connection) -> Self {
        Self { conn, role: Reading }
    }
}

impl<'a> Tx<'a, Writing<'a>> {
    pub(super) fn writing(
        conn: &'a Connection,
        counters: &'a mut Counters,
        clock: &'a dyn Clock,
        packing: Packing,
    ) -> Self {
        Self { conn, role: Writing { counters, clock, packing } }
    }
}

impl Tx<'_, Writing<'_>> {
    /// Place of a new row in the order of its table.
    pub(super) fn next_position(&mut self) -> Result<i64, StoreError> {
        integer(self.role.counters.next_position())
    }

    pub(super) const fn packing(&self) -> Packing {
        self.role.packing
    }

    /// Adds a row, or names what is taken.
    pub(super) fn insert(
        &self,
        what: &'static str,
        sql: &str,
        params: impl Params,
    ) -> Result<(), StoreError> {
        unless_taken(self.statement(sql)?.execute(params), what)
    }

    /// Runs a statement; returns how many rows it changed.
    pub(super) fn execute(&self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        Ok(self.statement(sql)?.execute(params)?)
    }
}

impl<R> Tx<'_, R> {
    /// The row that a query finds, if any.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.statement(sql)?.query_row(params, read).optional()?)
    }

    /// The rows that a query finds. The query must have a limit.
    pub(super) fn list<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        Ok(self.statement(sql)?.query_map(params, read)?.collect::<Result<_, _>>()?)
    }

    pub(super) fn statement(&self, sql: &str) -> Result<CachedStatement<'_>, StoreError> {
        // After some failures (disk full, I/O) SQLite rolls back by itself. Without this test, what a job writes after
        // that would be committed at once, outside of any transaction.
        if self.conn.is_autocommit() {
            return Err(StoreError::Internal(GIVEN_UP.into()));
        }
        Ok(self.conn.prepare_cached(sql)?)
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

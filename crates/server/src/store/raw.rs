//! Rows as they lie in tables, of whatever table, for those who copy all of them. Works beside servers that run.

use tozstore_api::Timestamp;

use super::tables::Table;
use super::{Hold, HoldKind, StoreError};

/// A value of a column, the same in all engines. A flag is an integer, zero or one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RawValue {
    /// Of a column of bytes.
    Bytes(Vec<u8>),
    /// Of a column of integers or flags.
    Integer(i64),
    /// Of any column that allows it.
    Null,
    /// Of a column of text.
    Text(String),
}

/// The values of a row, in the order of the table's columns.
pub type RawRow = Vec<RawValue>;

/// Takes one row after the other.
pub type RowTaker<'a> = dyn FnMut(RawRow) -> Result<(), StoreError> + 'a;

/// Rows of one store, read and written by table. Blocks; must be used outside of any asynchronous runtime.
pub trait RawStore: Send {
    /// Reads one snapshot from now on.
    fn begin_snapshot(&mut self) -> Result<(), StoreError>;

    /// Reads what is there at the time from now on.
    fn end_snapshot(&mut self);

    /// All rows of a table, in any order.
    fn each_row(&mut self, table: &Table, take: &mut RowTaker<'_>) -> Result<(), StoreError>;

    /// Values of these columns, of the rows in which the first one is not null.
    fn each_with(
        &mut self,
        table: &str,
        columns: &'static [super::tables::Column],
        take: &mut RowTaker<'_>,
    ) -> Result<(), StoreError>;

    /// Adds rows, all or none; they are durable then.
    fn insert(&mut self, table: &Table, rows: &[RawRow]) -> Result<(), StoreError>;

    /// Puts keys on the list of bytes that nobody owns, to be removed from `due` on.
    fn release_blobs(&mut self, keys: &[[u8; 16]], due: Timestamp) -> Result<(), StoreError>;

    /// Removes all rows of a table.
    fn delete_all(&mut self, table: &str) -> Result<(), StoreError>;

    /// All holds, lapsed ones too.
    fn holds(&mut self) -> Result<Vec<Hold>, StoreError>;

    /// Adds a hold. When this returns, what was written before is committed, and what comes later knows of it.
    fn put_hold(&mut self, hold: &Hold) -> Result<(), StoreError>;

    /// Gives a hold that has not lapsed another kind, and another end. Returns whether it was there.
    fn change_hold(
        &mut self,
        id: [u8; 16],
        now: Timestamp,
        kind: HoldKind,
        expires: Option<Timestamp>,
    ) -> Result<bool, StoreError>;

    /// Takes a hold away, if it is there.
    fn remove_hold(&mut self, id: [u8; 16]) -> Result<(), StoreError>;

    /// The name of the engine, and the version of the schema.
    fn schema(&self) -> (&'static str, usize);
}

/// Refuses a schema of another version than that of this program.
pub(super) fn unless_current(version: usize, known: usize) -> Result<(), StoreError> {
    if version == known {
        return Ok(());
    }
    let what_to_do = if version < known {
        "start the server of this version on it once, or use the program that serves it"
    } else {
        "use the program that serves it"
    };
    Err(StoreError::Corrupt(format!(
        "its schema has version {version}, that of this program {known}; {what_to_do}"
    )))
}

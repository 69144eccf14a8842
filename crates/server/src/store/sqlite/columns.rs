//! How values lie in columns: reading them back checks them again.

use std::fmt;

use rusqlite::types::Type;
use rusqlite::{Error, Row};
use tozstore_api::{KeySet, Plain, RecordType, Timestamp};
use tozstore_crypto::{AccountId, ClientId, GroupId, PendingFileId, RecordId, Version};

use crate::store::StoreError;

/// A value that is read from one column.
pub(super) trait Column: Sized {
    /// The value in the column at this place.
    fn read(row: &Row<'_>, at: usize) -> Result<Self, Error>;
}

/// The value in the column at this place.
pub(super) fn column<T: Column>(row: &Row<'_>, at: usize) -> Result<T, Error> {
    T::read(row, at)
}

/// An id that may be absent.
pub(super) fn optional_id<T>(row: &Row<'_>, at: usize, from: fn([u8; 16]) -> T) -> Result<Option<T>, Error> {
    Ok(row.get::<_, Option<[u8; 16]>>(at)?.map(from))
}

/// A count, index or position as SQLite holds it. Those of this store never come near the limit.
pub(super) fn integer(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|error| StoreError::Internal(error.into()))
}

/// A limit on rows as SQLite takes it.
pub(super) fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The error for a value that does not read back.
pub(super) fn malformed(at: usize, kind: Type, error: impl fmt::Display) -> Error {
    Error::FromSqlConversionFailure(at, kind, error.to_string().into())
}

macro_rules! id_columns {
    ($($name:ident),+) => {$(
        impl Column for $name {
            fn read(row: &Row<'_>, at: usize) -> Result<Self, Error> {
                row.get(at).map(Self::from_bytes)
            }
        }
    )+};
}

id_columns!(AccountId, ClientId, GroupId, PendingFileId, RecordId, Version);

impl Column for Timestamp {
    fn read(row: &Row<'_>, at: usize) -> Result<Self, Error> {
        row.get(at).map(Self::from_micros)
    }
}

impl Column for u64 {
    fn read(row: &Row<'_>, at: usize) -> Result<Self, Error> {
        let value: i64 = row.get(at)?;
        Self::try_from(value).map_err(|error| malformed(at, Type::Integer, error))
    }
}

impl Column for RecordType {
    fn read(row: &Row<'_>, at: usize) -> Result<Self, Error> {
        Self::new(row.get::<_, String>(at)?).map_err(|error| malformed(at, Type::Text, error))
    }
}

impl Column for KeySet {
    fn read(row: &Row<'_>, at: usize) -> Result<Self, Error> {
        Self::from_checked_json(row.get_ref(at)?.as_str()?).map_err(|error| malformed(at, Type::Text, error))
    }
}

impl Column for Plain {
    fn read(row: &Row<'_>, at: usize) -> Result<Self, Error> {
        Self::from_json(row.get_ref(at)?.as_str()?).map_err(|error| malformed(at, Type::Text, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_read_back_is_corrupt() {
        let conn = rusqlite::Connection::open_in_memory().unwrap();
        let read = |sql: &str| -> StoreError {
            conn.query_row(sql, [], |row| column::<ClientId>(row, 0).map(drop)).unwrap_err().into()
        };
        assert!(matches!(read("SELECT x'00'"), StoreError::Corrupt(_)));
        assert!(matches!(read("SELECT 'text of 16 bytes'"), StoreError::Corrupt(_)));
        let error: StoreError =
            conn.query_row("SELECT ''", [], |row| column::<RecordType>(row, 0)).unwrap_err().into();
        assert!(matches!(error, StoreError::Corrupt(_)));
    }
}

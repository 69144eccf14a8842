//! What SQLite's errors mean to callers.

use rusqlite::{Error, ErrorCode, ffi};

use crate::store::StoreError;

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        let corrupt = matches!(
            error,
            Error::FromSqlConversionFailure(..) | Error::InvalidColumnType(..) | Error::Utf8Error(..)
        ) || matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        );
        if corrupt { Self::Corrupt(error.to_string()) } else { Self::Internal(error.into()) }
    }
}

/// The result of an insertion, where a key or unique value that is taken is named.
pub(super) fn unless_taken(result: rusqlite::Result<usize>, what: &'static str) -> Result<(), StoreError> {
    match result {
        Ok(_) => Ok(()),
        Err(error) => Err(match &error {
            Error::SqliteFailure(failure, _)
                if matches!(
                    failure.extended_code,
                    ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE
                ) =>
            {
                StoreError::AlreadyExists(what)
            }
            _ => error.into(),
        }),
    }
}

/// The result of a commit. If the file failed, the log may hold the transaction or not; the next start decides.
pub(super) fn commit_error(error: &Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::SystemIoFailure) => StoreError::Unknown(error.to_string().into()),
        _ => StoreError::Internal(error.to_string().into()),
    }
}

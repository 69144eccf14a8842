//! What PostgreSQL's errors mean to a transaction.

use tokio_postgres::Error;
use tokio_postgres::error::{Severity, SqlState};

use crate::store::StoreError;

/// Why a transaction cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    text: String,
}

/// What may be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// Another transaction was in the way: run again.
    InTheWay,
    /// The connection is gone, or leads to a server that cannot write: connect and run again.
    Lost,
    /// It would fail again.
    Refused,
}

impl Failure {
    /// What an error means before anything was committed.
    pub(super) fn of(error: &Error) -> Self {
        let text = match error.as_db_error() {
            Some(told) => format!("{} ({})", told.message(), told.code().code()),
            None => chain(error),
        };
        let kind = match error.code() {
            Some(code) => kind_of(code),
            None if error.is_closed() || is_io(error) => FailureKind::Lost,
            None => FailureKind::Refused,
        };
        Self { kind, text }
    }

    /// A failure to get a connection.
    pub(super) fn to_connect(error: &Error) -> Self {
        Self { kind: FailureKind::Lost, ..Self::of(error) }
    }

    /// There is no connection.
    pub(super) fn unconnected() -> Self {
        Self { kind: FailureKind::Lost, text: "there is no connection to the database".to_owned() }
    }

    /// Whether another run may end well.
    pub(super) fn passes(&self) -> bool {
        self.kind != FailureKind::Refused
    }

    /// What a job is told in the run that failed.
    pub(super) fn error(&self) -> StoreError {
        match self.kind {
            FailureKind::InTheWay | FailureKind::Lost => StoreError::Retry,
            FailureKind::Refused => self.to_internal(),
        }
    }

    /// What a caller is told who is not served.
    pub(super) fn to_refusal(&self) -> StoreError {
        if self.passes() { StoreError::Unavailable(self.text.clone().into()) } else { self.to_internal() }
    }

    /// What a caller is told where it would fail again.
    pub(super) fn to_internal(&self) -> StoreError {
        StoreError::Internal(self.text.clone().into())
    }

    /// What a commit's failure means: whether it was kept is not known, unless the server said that it was not.
    pub(super) fn of_commit(error: &Error) -> Result<Self, StoreError> {
        let failure = Self::of(error);
        // Graver than an error is what ends the session, at whatever point of the commit that came.
        let refused = error.as_db_error().is_some_and(|told| told.parsed_severity() == Some(Severity::Error));
        match failure.kind {
            FailureKind::InTheWay | FailureKind::Refused if refused => Ok(failure),
            _ => Err(StoreError::Unknown(failure.text.into())),
        }
    }
}

fn kind_of(code: &SqlState) -> FailureKind {
    let lost = [
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
    ];
    let in_the_way = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        // Rows are looked for before they are written: they came in between.
        SqlState::UNIQUE_VIOLATION,
        // Two processes made the same table at once, each of them only if it was not there.
        SqlState::DUPLICATE_TABLE,
        SqlState::DUPLICATE_OBJECT,
    ];
    if lost.contains(code) || code.code().starts_with("08") {
        FailureKind::Lost
    } else if in_the_way.contains(code) {
        FailureKind::InTheWay
    } else {
        FailureKind::Refused
    }
}

fn is_io(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(one) = source {
        if one.is::<std::io::Error>() {
            return true;
        }
        source = one.source();
    }
    false
}

/// An error with its causes: the driver's own text says little.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(one) = source {
        text.push_str(": ");
        text.push_str(&one.to_string());
        source = one.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        for (code, kind) in [
            ("40001", FailureKind::InTheWay),
            ("40P01", FailureKind::InTheWay),
            ("23505", FailureKind::InTheWay),
            ("42710", FailureKind::InTheWay),
            ("42P07", FailureKind::InTheWay),
            ("57P01", FailureKind::Lost),
            ("08006", FailureKind::Lost),
            ("25006", FailureKind::Lost),
            ("42P01", FailureKind::Refused),
            ("22021", FailureKind::Refused),
        ] {
            assert_eq!(kind_of(&SqlState::from_code(code)), kind, "{code}");
        }
    }
}

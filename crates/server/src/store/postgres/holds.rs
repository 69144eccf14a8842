//! Holds in PostgreSQL.

use tokio_postgres::Row;
use tozstore_api::Timestamp;

use super::columns::{column, params};
use super::error::Failure;
use super::session::{NONE, Session};
use super::writer::{BEGIN, LOCK_WRITES};
use crate::store::{Hold, HoldKind, StoreError};

const INSERT: &str = "INSERT INTO holds (hold_id, kind, detail, expires) VALUES ($1, $2, $3, $4)";
const CHANGE: &str = "UPDATE holds SET kind = $3, expires = $4 \
                      WHERE hold_id = $1 AND (expires IS NULL OR expires > $2)";

/// All holds.
pub(super) fn list(session: &mut Session) -> Result<Vec<Hold>, StoreError> {
    let rows = session.query("SELECT hold_id, kind, detail, expires FROM holds", NONE);
    rows.map_err(|failure| failure.to_internal())?.iter().map(read).collect()
}

/// Adds a hold behind the lock that writers take: each of them has committed, or will see it.
pub(super) fn insert(session: &mut Session, hold: &Hold) -> Result<(), StoreError> {
    let put = |session: &mut Session| -> Result<(), Failure> {
        session.begin_with_next(BEGIN);
        session.query(LOCK_WRITES, NONE)?;
        let expires = hold.expires.map(Timestamp::micros);
        session.execute(INSERT, &[params![hold.id, hold.kind.name(), hold.detail, expires]])?;
        session.run("COMMIT")
    };
    let done = put(session);
    session.end();
    done.map_err(|failure| failure.to_internal())
}

pub(super) fn change(
    session: &mut Session,
    id: [u8; 16],
    now: Timestamp,
    kind: HoldKind,
    expires: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let (now, expires) = (now.micros(), expires.map(Timestamp::micros));
    let changed = session.execute(CHANGE, &[params![id, now, kind.name(), expires]]);
    Ok(changed.map_err(|failure| failure.to_internal())? > 0)
}

pub(super) fn remove(session: &mut Session, id: [u8; 16]) -> Result<(), StoreError> {
    let removed = session.execute("DELETE FROM holds WHERE hold_id = $1", &[params![id]]);
    removed.map(drop).map_err(|failure| failure.to_internal())
}

fn read(row: &Row) -> Result<Hold, StoreError> {
    Ok(Hold {
        id: column(row, 0)?,
        kind: HoldKind::named(&column::<String>(row, 1)?)?,
        detail: column(row, 2)?,
        expires: column(row, 3)?,
    })
}

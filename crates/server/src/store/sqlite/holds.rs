//! Holds in SQLite.

use rusqlite::{Connection, Row, params};
use tozstore_api::Timestamp;

use super::columns::{column, malformed};
use crate::store::holds::no_writes;
use crate::store::{Hold, HoldKind, StoreError};

/// All holds.
pub(super) fn list(conn: &Connection) -> Result<Vec<Hold>, StoreError> {
    let mut statement = conn.prepare("SELECT hold_id, kind, detail, expires FROM holds")?;
    let holds = statement.query_map([], read)?.collect::<Result<_, _>>()?;
    Ok(holds)
}

/// Refuses to write while a hold keeps from it.
pub(super) fn refuse_to_write(conn: &Connection, now: Timestamp) -> Result<(), StoreError> {
    let sql = "SELECT 1 FROM holds WHERE kind <> 'files' AND (expires IS NULL OR expires > ?1)";
    if conn.prepare_cached(sql)?.exists([now.micros()])? { Err(no_writes()) } else { Ok(()) }
}

pub(super) fn insert(conn: &Connection, hold: &Hold) -> Result<(), StoreError> {
    let sql = "INSERT INTO holds (hold_id, kind, detail, expires) VALUES (?1, ?2, ?3, ?4)";
    conn.execute(sql, params![hold.id, hold.kind.name(), hold.detail, hold.expires.map(Timestamp::micros)])?;
    Ok(())
}

pub(super) fn change(
    conn: &Connection,
    id: [u8; 16],
    now: Timestamp,
    kind: HoldKind,
    expires: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let sql = "UPDATE holds SET kind = ?3, expires = ?4 \
               WHERE hold_id = ?1 AND (expires IS NULL OR expires > ?2)";
    let values = params![id, now.micros(), kind.name(), expires.map(Timestamp::micros)];
    Ok(conn.execute(sql, values)? > 0)
}

pub(super) fn remove(conn: &Connection, id: [u8; 16]) -> Result<(), StoreError> {
    conn.execute("DELETE FROM holds WHERE hold_id = ?1", [id])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Hold> {
    let kind = HoldKind::named(&row.get::<_, String>(1)?);
    Ok(Hold {
        id: row.get(0)?,
        kind: kind.map_err(|error| malformed(1, rusqlite::types::Type::Text, error))?,
        detail: row.get(2)?,
        expires: row.get::<_, Option<i64>>(3)?.map(|_| column(row, 3)).transpose()?,
    })
}

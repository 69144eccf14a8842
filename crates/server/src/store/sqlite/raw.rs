//! Rows of SQLite as they lie, for those who copy all of them.

use std::path::Path;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params, params_from_iter};
use tozstore_api::Timestamp;

use super::file::DatabaseFile;
use super::{SqliteOptions, holds, list_changes, migrations};
use crate::store::raw::{RawRow, RawStore, RawValue, RowTaker};
use crate::store::tables::{Column, Kind, Table};
use crate::store::{Hold, HoldKind, StoreError};

/// A SQLite file, opened to copy its rows.
pub struct RawSqlite {
    conn: Connection,
    /// None beside a server.
    _file: Option<DatabaseFile>,
}

impl RawSqlite {
    /// Opens what is there, beside a server that may have it open.
    ///
    /// # Errors
    /// There is nothing, or its schema is of another version than this program's: only a server changes that.
    pub fn beside(path: &Path) -> Result<Self, StoreError> {
        let conn = DatabaseFile::open_beside(path, &SqliteOptions::default())?;
        migrations::check_current(&conn)?;
        Ok(Self { conn, _file: None })
    }

    /// Opens or makes a store that no server has open.
    ///
    /// # Errors
    /// It cannot be made, or a server has it.
    pub fn alone(path: &Path, now: Timestamp) -> Result<Self, StoreError> {
        let file = DatabaseFile::lock(path)?;
        let mut conn = file.open_to_write(&SqliteOptions::default())?;
        // Nobody else copies the log.
        conn.execute_batch("PRAGMA wal_autocheckpoint = 8000")?;
        migrations::migrate(&mut conn, now)?;
        super::store_id(&conn)?;
        Ok(Self { conn, _file: Some(file) })
    }

    fn read(&self, sql: &str, columns: &[Column], take: &mut RowTaker<'_>) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let values = columns.iter().enumerate().map(|(at, column)| read_value(row, at, column));
            take(values.collect::<Result<_, _>>()?)?;
        }
        Ok(())
    }
}

impl RawStore for RawSqlite {
    fn begin_snapshot(&mut self) -> Result<(), StoreError> {
        self.conn.execute_batch("BEGIN DEFERRED")?;
        // The snapshot is that of the first read.
        self.conn.query_row("SELECT id FROM meta", [], |_| Ok(())).optional()?;
        Ok(())
    }

    fn end_snapshot(&mut self) {
        if !self.conn.is_autocommit() {
            let _ = self.conn.execute_batch("ROLLBACK");
        }
    }

    fn each_row(&mut self, table: &Table, take: &mut RowTaker<'_>) -> Result<(), StoreError> {
        let id = "(SELECT notes.note_id FROM notes WHERE notes.position = note_uses.position)";
        let names = table.columns.iter().map(|column| if is_note(table, column) { id } else { column.name });
        let names: Vec<_> = names.collect();
        self.read(&format!("SELECT {} FROM {}", names.join(", "), table.name), table.columns, take)
    }

    fn each_with(
        &mut self,
        table: &str,
        columns: &'static [Column],
        take: &mut RowTaker<'_>,
    ) -> Result<(), StoreError> {
        let names: Vec<_> = columns.iter().map(|column| column.name).collect();
        let first = names.first().copied().unwrap_or_default();
        let sql = format!("SELECT {} FROM {table} WHERE {first} IS NOT NULL", names.join(", "));
        self.read(&sql, columns, take)
    }

    fn insert(&mut self, table: &Table, rows: &[RawRow]) -> Result<(), StoreError> {
        let names = table.columns.iter().map(|one| if is_note(table, one) { "position" } else { one.name });
        let names: Vec<_> = names.collect();
        let values = table.columns.iter().zip(1..).map(|(column, number)| {
            let note = format!("(SELECT position FROM notes WHERE note_id = ?{number})");
            if is_note(table, column) { note } else { format!("?{number}") }
        });
        let values: Vec<_> = values.collect();
        let sql = format!("INSERT INTO {} ({}) VALUES ({})", table.name, names.join(", "), values.join(", "));
        let tx = self.conn.transaction()?;
        {
            let mut statement = tx.prepare(&sql)?;
            for row in rows {
                statement.execute(params_from_iter(row))?;
            }
        }
        list_changes::forget(&tx, table.name)?;
        tx.commit()?;
        Ok(())
    }

    fn release_blobs(&mut self, keys: &[[u8; 16]], due: Timestamp) -> Result<(), StoreError> {
        let tx = self.conn.transaction()?;
        for key in keys {
            let sql = "INSERT INTO unclaimed_blobs (file_key, due) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            tx.prepare_cached(sql)?.execute(params![key, due.micros()])?;
        }
        tx.commit()?;
        Ok(())
    }

    fn delete_all(&mut self, table: &str) -> Result<(), StoreError> {
        let tx = self.conn.transaction()?;
        tx.execute(&format!("DELETE FROM {table}"), [])?;
        list_changes::forget(&tx, table)?;
        tx.commit()?;
        Ok(())
    }

    fn holds(&mut self) -> Result<Vec<Hold>, StoreError> {
        holds::list(&self.conn)
    }

    fn put_hold(&mut self, hold: &Hold) -> Result<(), StoreError> {
        // One transaction writes at a time, and the next one reads what this one wrote.
        holds::insert(&self.conn, hold)
    }

    fn change_hold(
        &mut self,
        id: [u8; 16],
        now: Timestamp,
        kind: HoldKind,
        expires: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        holds::change(&self.conn, id, now, kind, expires)
    }

    fn remove_hold(&mut self, id: [u8; 16]) -> Result<(), StoreError> {
        holds::remove(&self.conn, id)
    }

    fn schema(&self) -> (&'static str, usize) {
        ("sqlite", migrations::newest())
    }
}

fn is_note(table: &Table, column: &Column) -> bool {
    table.by_note && column.name == "note_id"
}

fn read_value(row: &Row<'_>, at: usize, column: &Column) -> Result<RawValue, StoreError> {
    Ok(match (row.get_ref(at)?, column.kind) {
        (ValueRef::Null, _) => RawValue::Null,
        (ValueRef::Integer(number), Kind::Flag | Kind::Integer) => RawValue::Integer(number),
        (ValueRef::Blob(bytes), Kind::Bytes) => RawValue::Bytes(bytes.to_vec()),
        (ValueRef::Text(text), Kind::Text) => match std::str::from_utf8(text) {
            Ok(text) => RawValue::Text(text.to_owned()),
            Err(_) => return Err(StoreError::Corrupt(format!("a text in the column {}", column.name))),
        },
        _ => return Err(StoreError::Corrupt(format!("a value in the column {}", column.name))),
    })
}

impl ToSql for RawValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Null => ValueRef::Null,
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

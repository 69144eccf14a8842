//! Rows of PostgreSQL as they lie, for those who copy all of them.

use std::path::Path;
use std::sync::Arc;

use tokio_postgres::Row;
use tozstore_api::Timestamp;

use super::columns::{Malformed, ToValue as _, Value, column, params};
use super::session::{NONE, Session, Target};
use super::{holds, migrations, readers};
use crate::store::raw::{RawRow, RawStore, RawValue, RowTaker};
use crate::store::tables::{Column, Kind, Table};
use crate::store::{Hold, HoldKind, StoreError};

/// A PostgreSQL database, opened to copy its rows.
pub struct RawPostgres {
    session: Session,
}

impl RawPostgres {
    /// Opens the store at an address, beside servers that may have it open.
    ///
    /// # Errors
    /// It cannot be reached, or its schema is of another version than this program's: only a server changes that.
    pub fn beside(url: &str, ca_file: Option<&Path>) -> Result<Self, StoreError> {
        let target = Arc::new(Target::parse(url, ca_file)?.without_timeouts());
        let mut session = Session::new(target)?;
        migrations::check_current(&mut session)?;
        Ok(Self { session })
    }

    /// Opens or makes the store at an address. No server should have it open; none can be kept from it.
    ///
    /// # Errors
    /// It cannot be reached or made.
    pub fn alone(url: &str, ca_file: Option<&Path>, now: Timestamp) -> Result<Self, StoreError> {
        let target = Arc::new(Target::parse(url, ca_file)?.without_timeouts());
        migrations::migrate(&target, now)?;
        Ok(Self { session: Session::new(target)? })
    }

    fn read(&mut self, sql: &str, columns: &[Column], take: &mut RowTaker<'_>) -> Result<(), StoreError> {
        self.session.each(sql, &mut |row| {
            let values = columns.iter().enumerate().map(|(at, column)| read_value(row, at, column.kind));
            take(values.collect::<Result<_, _>>()?)
        })
    }
}

impl RawStore for RawPostgres {
    fn begin_snapshot(&mut self) -> Result<(), StoreError> {
        self.session.begin_with_next(readers::BEGIN);
        // The snapshot is that of the first read.
        let read = self.session.query("SELECT id FROM meta", NONE);
        read.map(drop).map_err(|failure| failure.to_internal())
    }

    fn end_snapshot(&mut self) {
        self.session.end();
    }

    fn each_row(&mut self, table: &Table, take: &mut RowTaker<'_>) -> Result<(), StoreError> {
        self.read(&format!("SELECT {} FROM {}", names(table.columns), table.name), table.columns, take)
    }

    fn each_with(
        &mut self,
        table: &str,
        columns: &'static [Column],
        take: &mut RowTaker<'_>,
    ) -> Result<(), StoreError> {
        let first = columns.first().map_or("", |column| column.name);
        let sql = format!("SELECT {} FROM {table} WHERE {first} IS NOT NULL", names(columns));
        self.read(&sql, columns, take)
    }

    fn insert(&mut self, table: &Table, rows: &[RawRow]) -> Result<(), StoreError> {
        let columns = names(table.columns);
        let describe = format!("SELECT {columns} FROM {}", table.name);
        let copy = format!("COPY {} ({columns}) FROM STDIN WITH (FORMAT binary)", table.name);
        let rows = rows.iter().map(|row| row.iter().zip(table.columns).map(write_value));
        self.session.copy_in(&describe, &copy, rows).map_err(|failure| failure.to_internal())
    }

    fn release_blobs(&mut self, keys: &[[u8; 16]], due: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT INTO unclaimed_blobs (file_key, due) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let due = due.micros();
        for key in keys {
            let done = self.session.execute(sql, &[params![key, due]]);
            done.map_err(|failure| failure.to_internal())?;
        }
        Ok(())
    }

    fn delete_all(&mut self, table: &str) -> Result<(), StoreError> {
        let sql = format!("DELETE FROM {table}");
        self.session.run(&sql).map_err(|failure| failure.to_internal())
    }

    fn holds(&mut self) -> Result<Vec<Hold>, StoreError> {
        holds::list(&mut self.session)
    }

    fn put_hold(&mut self, hold: &Hold) -> Result<(), StoreError> {
        holds::insert(&mut self.session, hold)
    }

    fn change_hold(
        &mut self,
        id: [u8; 16],
        now: Timestamp,
        kind: HoldKind,
        expires: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        holds::change(&mut self.session, id, now, kind, expires)
    }

    fn remove_hold(&mut self, id: [u8; 16]) -> Result<(), StoreError> {
        holds::remove(&mut self.session, id)
    }

    fn schema(&self) -> (&'static str, usize) {
        ("postgresql", migrations::newest())
    }
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
}

fn read_value(row: &Row, at: usize, kind: Kind) -> Result<RawValue, StoreError> {
    let value = match kind {
        Kind::Bytes => column::<Option<Vec<u8>>>(row, at)?.map(RawValue::Bytes),
        Kind::Flag => column::<Option<bool>>(row, at)?.map(|flag| RawValue::Integer(flag.into())),
        Kind::Integer => column::<Option<AnyInteger>>(row, at)?.map(|number| RawValue::Integer(number.0)),
        Kind::Text => column::<Option<String>>(row, at)?.map(RawValue::Text),
    };
    Ok(value.unwrap_or(RawValue::Null))
}

fn write_value<'a>((value, column): (&'a RawValue, &Column)) -> Value<'a> {
    match (value, column.kind) {
        (RawValue::Integer(number), Kind::Flag) => Value::Flag(*number != 0),
        (RawValue::Integer(number), _) => Value::Integer(*number),
        (RawValue::Bytes(bytes), _) => Value::Bytes(bytes),
        (RawValue::Text(text), _) => text.value(),
        (RawValue::Null, _) => Value::Null,
    }
}

/// An integer of whatever width.
struct AnyInteger(i64);

impl super::columns::Column for AnyInteger {
    fn parse(raw: Option<&[u8]>) -> Result<Self, Malformed> {
        let number = match raw.unwrap_or_default() {
            bytes @ [_, _] => i16::from_be_bytes(bytes.try_into()?).into(),
            bytes @ [_, _, _, _] => i32::from_be_bytes(bytes.try_into()?).into(),
            bytes => i64::from_be_bytes(bytes.try_into()?),
        };
        Ok(Self(number))
    }
}

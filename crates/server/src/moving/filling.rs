//! Filling an empty store: marked until all is there, so that no server starts on a part of it.

use super::lease::fresh_id;
use super::{MovingError, Progress, Watcher, each_row};
use crate::archive::RowSum;
use crate::store::raw::{RawRow, RawStore, RawValue};
use crate::store::tables::{TABLES, Table};
use crate::store::{Hold, HoldKind, StoreError};

/// Rows that are added at once, and the bytes of their values.
const BATCH_ROWS: usize = 5_000;
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// A store on its way.
pub(super) struct Filling {
    store: Box<dyn RawStore>,
    hold: [u8; 16],
    batch: Vec<RawRow>,
    batch_bytes: usize,
    sums: Vec<(&'static Table, RowSum)>,
}

impl Filling {
    /// Begins to fill a store, or begins anew with one whose filling from the same source was cut short.
    pub(super) fn begin(mut store: Box<dyn RawStore>, source: &str) -> Result<Self, MovingError> {
        let holds = store.holds()?;
        let hold = match holds.iter().find(|hold| hold.kind == HoldKind::Restoring) {
            Some(hold) if hold.detail == source => {
                for table in TABLES {
                    store.delete_all(table.name)?;
                }
                hold.id
            }
            Some(hold) => return Err(MovingError::NotEmpty(hold.detail.clone())),
            None if !holds.is_empty() || !is_empty(&mut *store)? => {
                return Err(MovingError::NotEmpty("it".to_owned()));
            }
            None => {
                let id = fresh_id()?;
                let hold = Hold { id, kind: HoldKind::Restoring, detail: source.into(), expires: None };
                store.put_hold(&hold)?;
                // The row of the new store: the one that comes takes its place.
                store.delete_all("meta")?;
                id
            }
        };
        Ok(Self { store, hold, batch: Vec::new(), batch_bytes: 0, sums: Vec::new() })
    }

    /// Begins a table.
    pub(super) fn begin_table(&mut self, table: &'static Table) {
        self.sums.push((table, RowSum::default()));
    }

    /// Adds a row to the table that was begun last.
    pub(super) fn row(&mut self, row: RawRow) -> Result<(), MovingError> {
        if let Some((_, sum)) = self.sums.last_mut() {
            sum.add(&row);
        }
        self.batch_bytes += row.iter().map(len_bytes).sum::<usize>();
        self.batch.push(row);
        if self.batch.len() >= BATCH_ROWS || self.batch_bytes >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    /// Ends the table; what its rows come to.
    pub(super) fn end_table(&mut self) -> Result<RowSum, MovingError> {
        self.flush()?;
        Ok(self.sums.last().map(|&(_, sum)| sum).unwrap_or_default())
    }

    /// Reads all back. Returns how many rows there are.
    pub(super) fn verify(&mut self, watcher: &mut Watcher<'_>) -> Result<u64, MovingError> {
        let mut progress = Progress { step: "checking rows", ..Progress::default() };
        for &(table, expected) in &self.sums {
            let mut found = RowSum::default();
            each_row(&mut *self.store, table, |row| {
                found.add(&row);
                progress.rows += 1;
                watcher(&progress)?;
                Ok(())
            })?;
            if found != expected {
                return Err(MovingError::Different(format!("the table {}", table.name)));
            }
        }
        let has_store = self.sums.iter().any(|(table, sum)| table.name == "meta" && sum.rows == 1);
        if has_store { Ok(progress.rows) } else { Err(super::corrupt("there is no row of the store")) }
    }

    /// Takes the mark away: servers may start.
    pub(super) fn finish(mut self) -> Result<(), MovingError> {
        Ok(self.store.remove_hold(self.hold)?)
    }

    pub(super) fn store(&mut self) -> &mut dyn RawStore {
        &mut *self.store
    }

    fn flush(&mut self) -> Result<(), MovingError> {
        if let Some(&(table, _)) = self.sums.last()
            && !self.batch.is_empty()
        {
            self.store.insert(table, &self.batch)?;
        }
        self.batch.clear();
        self.batch_bytes = 0;
        Ok(())
    }
}

/// Whether nothing was ever written to a store.
fn is_empty(store: &mut dyn RawStore) -> Result<bool, MovingError> {
    for table in TABLES {
        let mut found = false;
        let looked = store.each_row(table, &mut |row| {
            let is_new = row.iter().skip(2).all(|value| *value == RawValue::Integer(0));
            found = table.name != "meta" || !is_new;
            // One is enough.
            if found { Err(StoreError::Closed) } else { Ok(()) }
        });
        match looked {
            _ if found => return Ok(false),
            other => other?,
        }
    }
    Ok(true)
}

const fn len_bytes(value: &RawValue) -> usize {
    match value {
        RawValue::Bytes(bytes) => bytes.len(),
        RawValue::Text(text) => text.len(),
        RawValue::Integer(_) | RawValue::Null => 8,
    }
}

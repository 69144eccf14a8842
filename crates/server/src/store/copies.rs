//! A copy of the embedded database: what a thief of it has.

use std::path::Path;
use std::sync::Arc;

use tozstore_api::sealed::{EntryView, SealedBody as _, SealedTypeRows, WrapSteps};
use tozstore_crypto::sealed::TypeName;
use tozstore_crypto::{ClientId, RecordId};

use super::sealed_logs::{corrupt, type_key};
use super::{
    ReadTx, RecordIndex, SealedRun, SealedTable, SqliteOptions, SqliteStore, Store, StoreError, record_view,
    sealed_record, sealed_records_after,
};
use crate::clock::SystemClock;

/// Rows of each kind that are read, at most: far more than there is a use for.
const MAX_ROWS: usize = 100_000;

/// A copied database, which no server has open.
pub struct DatabaseCopy(Arc<dyn Store>);

impl DatabaseCopy {
    /// Opens it.
    ///
    /// # Errors
    /// It is no database of a server.
    pub fn open(database: &Path) -> Result<Self, StoreError> {
        let store = SqliteStore::open(database, Arc::new(SystemClock), SqliteOptions::default())?;
        Ok(Self(Arc::new(store)))
    }

    /// All that it holds of a sealed type.
    ///
    /// # Errors
    /// The rows do not read back.
    pub async fn sealed_type(&self, writer: ClientId, name: TypeName) -> Result<SealedTypeRows, StoreError> {
        self.0.read("copy type", move |tx| type_rows(tx, writer, &name)).await
    }

    /// The sealed fields of an interop record, as they are stored: a JSON object of texts.
    ///
    /// # Errors
    /// The row does not read back.
    pub async fn record_data(&self, record: RecordId) -> Result<Option<String>, StoreError> {
        let read = move |tx: &dyn ReadTx| Ok(tx.record(record)?.map(|row| row.data));
        self.0.read("copy record", read).await
    }
}

fn type_rows(tx: &dyn ReadTx, writer: ClientId, name: &TypeName) -> Result<SealedTypeRows, StoreError> {
    let run = SealedRun::of_prefix(writer, &type_key(name, &[]));
    let mut rows = SealedTypeRows::default();
    for (_, value) in tx.sealed_rows(SealedTable::Entries, &run, false, MAX_ROWS)? {
        rows.entries.push(EntryView::from_bytes(&value).map_err(corrupt("an entry"))?);
    }
    for (_, value) in tx.sealed_rows(SealedTable::Wraps, &run, false, MAX_ROWS)? {
        rows.wraps.extend(WrapSteps::from_bytes(&value).map_err(corrupt("a wrap"))?.0);
    }
    for (key, value) in tx.sealed_rows(SealedTable::Links, &run, false, MAX_ROWS)? {
        let broken = || StoreError::Corrupt("a link".into());
        let place: &[u8; 12] = key.last_chunk().ok_or_else(broken)?;
        let (segment, number) = place.split_first_chunk().ok_or_else(broken)?;
        let number = number.first_chunk().ok_or_else(broken)?;
        let link = value.as_slice().try_into().map_err(|_| broken())?;
        rows.links.push((u32::from_be_bytes(*segment), u64::from_be_bytes(*number), link));
    }
    for place in sealed_records_after(tx, writer, name, RecordIndex(0), MAX_ROWS)? {
        if let Some(row) = sealed_record(tx, writer, name, place.record)? {
            rows.records.push(record_view(tx, writer, name, row, |_| true)?);
        }
    }
    Ok(rows)
}

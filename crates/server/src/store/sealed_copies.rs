//! A copy of the embedded database, and what it holds of a sealed type: what a thief of it has.

use std::path::Path;
use std::sync::Arc;

use tozstore_api::sealed::{EntryView, SealedBody as _, SealedTypeRows, WrapSteps};
use tozstore_crypto::ClientId;
use tozstore_crypto::sealed::TypeName;

use super::sealed_logs::{corrupt, type_key};
use super::{
    ReadTx, RecordIndex, SealedRun, SealedTable, SqliteOptions, SqliteStore, Store, StoreError, record_view,
    sealed_record, sealed_records_after,
};
use crate::clock::SystemClock;

/// Rows of each kind that are read, at most: far more than there is a use for.
const MAX_ROWS: usize = 100_000;

/// All that a copied database, which no server has open, holds of a type.
///
/// # Errors
/// It is no database of a server, or does not read back.
pub async fn type_rows_of_copy(
    database: &Path,
    writer: ClientId,
    name: TypeName,
) -> Result<SealedTypeRows, StoreError> {
    let store: Arc<dyn Store> =
        Arc::new(SqliteStore::open(database, Arc::new(SystemClock), SqliteOptions::default())?);
    store.read("copy type", move |tx| type_rows(tx, writer, &name)).await
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

//! Erasing the sealed rows of a deleted client.

use tozstore_crypto::{AccountId, ClientId};

use super::sealed_logs::{mark_owed, shared_type, twin_of_grant};
use super::{SealedReads, SealedRun, SealedTable, SealedWrites, StoreError};

/// Tables whose rows go with their owner. The others outlive it: bundles as long as a log of another names the client, and
/// what has to be done because it is gone.
const ERASED: [SealedTable; 13] = [
    SealedTable::Entries,
    SealedTable::Epochs,
    SealedTable::Fields,
    SealedTable::Links,
    SealedTable::LogStates,
    SealedTable::RecordOrder,
    SealedTable::Records,
    SealedTable::Shares,
    SealedTable::StageWraps,
    SealedTable::Stages,
    SealedTable::Wraps,
    SealedTable::Grants,
    SealedTable::Logs,
];

/// Rows that may be large, of which one step removes few, since other writers wait.
const LARGE: [SealedTable; 4] =
    [SealedTable::Entries, SealedTable::Fields, SealedTable::LogStates, SealedTable::StageWraps];
const LARGE_PER_STEP: usize = 64;

/// Removes at most `limit` rows of the client. Returns how many, and whether none is left.
pub(super) fn erase_sealed(
    tx: &mut (impl SealedReads + SealedWrites),
    client: ClientId,
    limit: usize,
) -> Result<(usize, bool), StoreError> {
    let all = SealedRun::of_prefix(client, &[]);
    let mut erased = 0;
    for table in ERASED {
        let most = limit - erased;
        let most = if LARGE.contains(&table) { most.min(LARGE_PER_STEP) } else { most };
        settle(tx, table, client, most)?;
        let removed = tx.delete_sealed_rows(table, &all, most)?;
        erased += removed;
        if removed >= most {
            return Ok((erased, false));
        }
    }
    if tx.sealed_rows(SealedTable::Named, &all, false, 1)?.is_empty() {
        for table in [SealedTable::Bundles, SealedTable::BundleHeads] {
            let most = limit - erased;
            let removed = tx.delete_sealed_rows(table, &all, most)?;
            erased += removed;
            if removed >= most {
                return Ok((erased, false));
            }
        }
    }
    Ok((erased, true))
}

/// What rows of others come to when these go: a type that the client could read owes a rotation, and nobody reads what it
/// shared.
fn settle(
    tx: &mut (impl SealedReads + SealedWrites),
    table: SealedTable,
    client: ClientId,
    limit: usize,
) -> Result<(), StoreError> {
    if !matches!(table, SealedTable::Shares | SealedTable::Grants) {
        return Ok(());
    }
    let rows = tx.sealed_rows(table, &SealedRun::of_prefix(client, &[]), false, limit)?;
    for (key, _) in rows {
        if table == SealedTable::Grants {
            if let Some(twin) = twin_of_grant(client, &key) {
                tx.delete_sealed_row(SealedTable::Shares, &twin)?;
            }
        } else if let Some((writer, type_key)) = shared_type(&key) {
            mark_owed(tx, writer, type_key, AccountId::from_bytes([0; 16]))?;
        }
    }
    Ok(())
}

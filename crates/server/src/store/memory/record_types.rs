//! Record types in memory.

use rpds::RedBlackTreeMapSync as Map;
use tozstore_api::RecordType;
use tozstore_crypto::ClientId;

use super::tx::{Tx, Writing};
use crate::store::{RecordTypeReads, RecordTypeRow, RecordTypeSlot, RecordTypeWrites, StoreError};

#[derive(Clone, Default)]
pub(super) struct RecordTypeTable {
    rows: Map<RecordTypeSlot, RecordTypeRow>,
}

impl<R> RecordTypeReads for Tx<R> {
    fn record_type(&self, slot: &RecordTypeSlot) -> Result<Option<RecordTypeRow>, StoreError> {
        Ok(self.tables.record_types.rows.get(slot).cloned())
    }

    fn is_type_in_use(&self, writer: ClientId, name: &RecordType) -> Result<bool, StoreError> {
        let mut slots = self.tables.record_types.rows.keys();
        Ok(slots.any(|slot| slot.writer == writer && slot.record_type == *name))
    }
}

impl RecordTypeWrites for Tx<Writing<'_>> {
    fn ensure_record_type(&mut self, row: &RecordTypeRow) -> Result<RecordTypeRow, StoreError> {
        let rows = &mut self.tables.record_types.rows;
        if let Some(older) = rows.get(&row.slot) {
            return Ok(older.clone());
        }
        rows.insert_mut(row.slot.clone(), row.clone());
        Ok(row.clone())
    }
}

impl RecordTypeTable {
    /// Removes at most `limit` rows that name the client; returns how many.
    pub(super) fn erase(&mut self, client: ClientId, limit: usize) -> usize {
        let named = self.rows.keys().filter(|slot| slot.writer == client || slot.user == client);
        let named: Vec<_> = named.take(limit).cloned().collect();
        named.iter().filter(|slot| self.rows.remove_mut(*slot)).count()
    }
}

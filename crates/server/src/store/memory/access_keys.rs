//! Access keys in memory.

use rpds::RedBlackTreeMapSync as Map;
use tozstore_crypto::ClientId;

use super::tx::{Tx, Writing};
use crate::store::{AccessKeyReads, AccessKeyRow, AccessKeyWrites, KeySlot, StoreError};

#[derive(Clone, Default)]
pub(super) struct AccessKeyTable {
    rows: Map<KeySlot, AccessKeyRow>,
}

impl<R> AccessKeyReads for Tx<R> {
    fn access_key(&self, slot: &KeySlot) -> Result<Option<AccessKeyRow>, StoreError> {
        Ok(self.tables.access_keys.rows.get(slot).cloned())
    }

    fn access_keys(&self, slots: &[KeySlot]) -> Result<Vec<AccessKeyRow>, StoreError> {
        slots.iter().map(|slot| self.access_key(slot)).filter_map(Result::transpose).collect()
    }
}

impl AccessKeyWrites for Tx<Writing<'_>> {
    fn insert_access_key(&mut self, row: &AccessKeyRow) -> Result<(), StoreError> {
        let rows = &mut self.tables.access_keys.rows;
        if rows.contains_key(&row.slot) {
            return Err(StoreError::AlreadyExists("the access key"));
        }
        rows.insert_mut(row.slot.clone(), row.clone());
        Ok(())
    }

    fn delete_access_key(&mut self, slot: &KeySlot) -> Result<bool, StoreError> {
        Ok(self.tables.access_keys.rows.remove_mut(slot))
    }
}

impl AccessKeyTable {
    /// Removes at most `limit` rows that name the client; returns how many.
    pub(super) fn erase(&mut self, client: ClientId, limit: usize) -> usize {
        let names = |row: &&AccessKeyRow| {
            let slot = &row.slot.type_slot;
            [slot.writer, slot.user, row.slot.reader, row.authorizer].contains(&client)
        };
        let named: Vec<_> =
            self.rows.values().filter(names).take(limit).map(|row| row.slot.clone()).collect();
        named.iter().filter(|slot| self.rows.remove_mut(*slot)).count()
    }
}

//! Grants for single records in memory.

use rpds::RedBlackTreeMapSync as Map;
use tozstore_crypto::{ClientId, RecordId};

use super::tx::{Tx, Writing};
use crate::store::{GrantSlot, RecordGrantRow, RecordPolicyReads, RecordPolicyWrites, StoreError};

#[derive(Clone, Default)]
pub(super) struct RecordGrantTable {
    rows: Map<(RecordId, ClientId), RecordGrantRow>,
}

impl<R> RecordPolicyReads for Tx<R> {
    fn reads_record(&self, record: RecordId, client: ClientId) -> Result<bool, StoreError> {
        Ok(self.tables.record_grants.rows.contains_key(&(record, client)))
    }

    fn count_record_readers(&self, record: RecordId, limit: usize) -> Result<usize, StoreError> {
        Ok(self.tables.record_grants.of_record(record).take(limit).count())
    }

    fn count_record_grants(
        &self,
        client: ClientId,
        writer: Option<ClientId>,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let held = self.tables.record_grants.rows.values().filter(|row| row.slot.client == client);
        let counted = held.filter(|row| writer.is_none_or(|writer| row.slot.type_slot.writer == writer));
        Ok(counted.take(limit).count())
    }
}

impl RecordPolicyWrites for Tx<Writing<'_>> {
    fn put_record_grant(&mut self, row: &RecordGrantRow) -> Result<(), StoreError> {
        let table = &mut self.tables.record_grants;
        let key = (row.record, row.slot.client);
        if !table.rows.contains_key(&key) {
            table.rows.insert_mut(key, row.clone());
        }
        Ok(())
    }

    fn delete_record_grant(&mut self, record: RecordId, client: ClientId) -> Result<bool, StoreError> {
        Ok(self.tables.record_grants.rows.remove_mut(&(record, client)))
    }

    fn delete_record_grants_of_type(&mut self, slot: &GrantSlot) -> Result<usize, StoreError> {
        let table = &mut self.tables.record_grants;
        let of_slot = table.rows.values().filter(|row| row.slot == *slot);
        let records: Vec<_> = of_slot.map(|row| row.record).collect();
        Ok(records.into_iter().filter(|record| table.rows.remove_mut(&(*record, slot.client))).count())
    }
}

impl RecordGrantTable {
    fn of_record(&self, record: RecordId) -> impl Iterator<Item = &(RecordId, ClientId)> {
        let from = self.rows.range((record, ClientId::from_bytes([0; 16]))..).map(|(key, _)| key);
        from.take_while(move |(of, _)| *of == record)
    }

    /// Removes the grants of a record that goes.
    pub(super) fn remove_readers(&mut self, record: RecordId) {
        let keys: Vec<_> = self.of_record(record).copied().collect();
        for key in keys {
            self.rows.remove_mut(&key);
        }
    }

    /// Removes at most `limit` rows that the client holds or granted; returns how many.
    pub(super) fn erase(&mut self, client: ClientId, limit: usize) -> usize {
        let named = self.rows.values().filter(|row| [row.slot.client, row.granted_by].contains(&client));
        let keys: Vec<_> = named.take(limit).map(|row| (row.record, row.slot.client)).collect();
        keys.iter().filter(|key| self.rows.remove_mut(*key)).count()
    }
}

//! Grants in memory.

use rpds::RedBlackTreeMapSync as Map;
use tozstore_crypto::ClientId;

use super::tx::{Tx, Writing};
use crate::store::{GrantKind, GrantRow, GrantSet, GrantSlot, PolicyReads, PolicyWrites, StoreError};

#[derive(Clone, Default)]
pub(super) struct GrantTable {
    rows: Map<GrantSlot, (u64, GrantRow)>,
    by_writer: Map<(ClientId, u64), GrantSlot>,
    by_client: Map<(ClientId, u64), GrantSlot>,
}

impl<R> PolicyReads for Tx<R> {
    fn grants(&self, slot: &GrantSlot) -> Result<GrantSet, StoreError> {
        Ok(self.tables.grants.rows.get(slot).map(|(_, row)| row.grants).unwrap_or_default())
    }

    fn grants_by_writer(
        &self,
        writer: ClientId,
        kind: GrantKind,
        limit: usize,
    ) -> Result<Vec<GrantRow>, StoreError> {
        Ok(self.tables.grants.list(&self.tables.grants.by_writer, writer, kind, limit))
    }

    fn grants_to_client(
        &self,
        client: ClientId,
        kind: GrantKind,
        limit: usize,
    ) -> Result<Vec<GrantRow>, StoreError> {
        Ok(self.tables.grants.list(&self.tables.grants.by_client, client, kind, limit))
    }

    fn count_grants_to_client(
        &self,
        client: ClientId,
        writer: Option<ClientId>,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let slots = self.tables.grants.by_client.range((client, 0)..=(client, u64::MAX));
        let counted = slots.filter(|(_, slot)| writer.is_none_or(|writer| slot.type_slot.writer == writer));
        Ok(counted.take(limit).count())
    }
}

impl PolicyWrites for Tx<Writing<'_>> {
    fn put_grants(&mut self, row: &GrantRow) -> Result<(), StoreError> {
        let position = self.next_position();
        let table = &mut self.tables.grants;
        if row.grants.is_empty() {
            table.remove(&row.slot);
        } else if let Some((position, mut older)) = table.rows.get(&row.slot).cloned() {
            older.grants = row.grants;
            older.granted_by = row.granted_by;
            table.rows.insert_mut(row.slot.clone(), (position, older));
        } else {
            table.rows.insert_mut(row.slot.clone(), (position, row.clone()));
            table.by_writer.insert_mut((row.slot.type_slot.writer, position), row.slot.clone());
            table.by_client.insert_mut((row.slot.client, position), row.slot.clone());
        }
        Ok(())
    }
}

impl GrantTable {
    fn list(
        &self,
        order: &Map<(ClientId, u64), GrantSlot>,
        of: ClientId,
        kind: GrantKind,
        limit: usize,
    ) -> Vec<GrantRow> {
        let slots = order.range((of, 0)..=(of, u64::MAX)).map(|(_, slot)| slot);
        let rows = slots.filter_map(|slot| self.rows.get(slot)).map(|(_, row)| row);
        let of_kind = rows.filter(|row| match kind {
            GrantKind::Authorizer => row.grants.authorizer,
            GrantKind::Read => row.grants.read,
        });
        of_kind.take(limit).cloned().collect()
    }

    fn remove(&mut self, slot: &GrantSlot) -> bool {
        let Some(position) = self.rows.get(slot).map(|(position, _)| *position) else { return false };
        self.by_writer.remove_mut(&(slot.type_slot.writer, position));
        self.by_client.remove_mut(&(slot.client, position));
        self.rows.remove_mut(slot)
    }

    /// Removes at most `limit` rows that name the client; returns how many.
    pub(super) fn erase(&mut self, client: ClientId, limit: usize) -> usize {
        let names = |row: &&GrantRow| {
            let slot = &row.slot.type_slot;
            [slot.writer, slot.user, row.slot.client, row.granted_by].contains(&client)
        };
        let rows = self.rows.values().map(|(_, row)| row);
        let named: Vec<_> = rows.filter(names).take(limit).map(|row| row.slot.clone()).collect();
        named.iter().filter(|slot| self.remove(slot)).count()
    }
}

//! The outbox in memory.

use std::ops::Bound;

use rpds::RedBlackTreeMapSync as Map;
use tozstore_api::Timestamp;
use tozstore_crypto::ClientId;

use super::tx::{Tx, Writing};
use crate::store::{Change, ChangeKind, ChangeReads, ChangeRow, ChangeWrites, StoreError, audit};

#[derive(Clone, Default)]
pub(super) struct ChangeTable {
    rows: Map<u64, ChangeRow>,
}

impl<R> ChangeReads for Tx<R> {
    fn changes_after(&self, sequence: u64, limit: usize) -> Result<Vec<ChangeRow>, StoreError> {
        let range = (Bound::Excluded(sequence), Bound::Unbounded);
        Ok(self.tables.changes.rows.range(range).take(limit).map(|(_, row)| row.clone()).collect())
    }
}

impl ChangeWrites for Tx<Writing<'_>> {
    fn append_change(&mut self, at: Timestamp, change: &Change) -> Result<(), StoreError> {
        audit::append_change(self, at, change)?;
        let sequence = self.next_position();
        let row = ChangeRow { sequence, at, change: change.clone() };
        self.tables.changes.rows.insert_mut(sequence, row);
        Ok(())
    }

    fn delete_changes_before(&mut self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let rows = &mut self.tables.changes.rows;
        let old: Vec<_> =
            rows.values().take(limit).filter(|row| row.at < before).map(|row| row.sequence).collect();
        Ok(old.iter().filter(|sequence| rows.remove_mut(*sequence)).count())
    }
}

impl ChangeTable {
    /// Removes at most `limit` rows that name the client; returns how many. What says that it was deleted stays, or
    /// those who follow the outbox would never learn of it.
    pub(super) fn erase(&mut self, client: ClientId, limit: usize) -> usize {
        let names = |row: &&ChangeRow| {
            let change = &row.change;
            change.kind != ChangeKind::ClientDeleted
                && [change.actor, change.client, change.other].contains(&Some(client))
        };
        let named: Vec<_> = self.rows.values().filter(names).take(limit).map(|row| row.sequence).collect();
        named.iter().filter(|sequence| self.rows.remove_mut(*sequence)).count()
    }
}

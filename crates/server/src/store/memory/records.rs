//! Records in memory.

use std::ops::Bound;
use std::sync::Arc;

use rpds::RedBlackTreeMapSync as Map;
use tozstore_api::RecordType;
use tozstore_crypto::{ClientId, RecordId};

use super::tx::{Tx, Writing};
use crate::blobs::BlobKey;
use crate::store::record_pages::{self, RecordSource};
use crate::store::{RecordHead, RecordIndex, RecordQuery, RecordReads, RecordRow, RecordWrites, StoreError};

#[derive(Clone, Default)]
pub(super) struct RecordTable {
    rows: Map<RecordIndex, Arc<RecordRow>>,
    by_id: Map<RecordId, RecordIndex>,
    by_writer: Map<(ClientId, RecordIndex), ()>,
    by_type: Map<(ClientId, RecordType, RecordIndex), ()>,
}

impl<R> RecordReads for Tx<R> {
    fn record(&self, id: RecordId) -> Result<Option<RecordRow>, StoreError> {
        Ok(self.tables.records.by_record_id(id).map(|row| RecordRow::clone(row)))
    }

    fn record_head(&self, id: RecordId) -> Result<Option<RecordHead>, StoreError> {
        Ok(self.tables.records.by_record_id(id).map(|row| row.head.clone()))
    }

    fn query_records(&self, query: &RecordQuery) -> Result<Vec<RecordRow>, StoreError> {
        record_pages::page(self, query)
    }
}

impl<R> RecordSource for Tx<R> {
    fn indexes(
        &self,
        writer: ClientId,
        record_type: Option<&RecordType>,
        after: RecordIndex,
        limit: usize,
    ) -> Result<Vec<RecordIndex>, StoreError> {
        let (table, end) = (&self.tables.records, RecordIndex(u64::MAX));
        Ok(match record_type {
            None => {
                let range = (Bound::Excluded((writer, after)), Bound::Included((writer, end)));
                table.by_writer.range(range).take(limit).map(|((_, index), ())| *index).collect()
            }
            Some(of_type) => {
                let first = Bound::Excluded((writer, of_type.clone(), after));
                let range = (first, Bound::Included((writer, of_type.clone(), end)));
                table.by_type.range(range).take(limit).map(|((_, _, index), ())| *index).collect()
            }
        })
    }

    fn index_of(&self, id: RecordId) -> Result<Option<RecordIndex>, StoreError> {
        Ok(self.tables.records.by_id.get(&id).copied())
    }

    fn head_at(&self, index: RecordIndex) -> Result<Option<RecordHead>, StoreError> {
        Ok(self.tables.records.rows.get(&index).map(|row| row.head.clone()))
    }

    fn data_at(&self, index: RecordIndex) -> Result<Option<String>, StoreError> {
        Ok(self.tables.records.rows.get(&index).map(|row| row.data.clone()))
    }
}

impl RecordWrites for Tx<Writing<'_>> {
    fn insert_record(&mut self, row: &RecordRow) -> Result<(), StoreError> {
        let table = &mut self.tables.records;
        if table.by_id.contains_key(&row.head.id) || table.rows.contains_key(&row.head.index) {
            return Err(StoreError::AlreadyExists("the record"));
        }
        table.insert(row.clone());
        Ok(())
    }

    fn update_record(&mut self, row: &RecordRow) -> Result<(), StoreError> {
        let table = &mut self.tables.records;
        let Some(old) = table.remove(row.head.id) else { return Err(StoreError::Missing("the record")) };
        let mut row = row.clone();
        row.head.index = old.head.index;
        let key = row.head.file.as_ref().map(|file| file.key);
        table.insert(row);
        self.tables.files.let_go(file_key(&old).filter(|old| key != Some(*old)));
        Ok(())
    }

    fn delete_record(&mut self, id: RecordId) -> Result<bool, StoreError> {
        let Some(row) = self.tables.records.remove(id) else { return Ok(false) };
        self.tables.files.let_go(file_key(&row));
        Ok(true)
    }
}

impl RecordTable {
    fn by_record_id(&self, id: RecordId) -> Option<&Arc<RecordRow>> {
        self.rows.get(self.by_id.get(&id)?)
    }

    fn insert(&mut self, row: RecordRow) {
        let (index, slot) = (row.head.index, &row.head.type_slot);
        self.by_id.insert_mut(row.head.id, index);
        self.by_writer.insert_mut((slot.writer, index), ());
        self.by_type.insert_mut((slot.writer, slot.record_type.clone(), index), ());
        self.rows.insert_mut(index, Arc::new(row));
    }

    fn remove(&mut self, id: RecordId) -> Option<Arc<RecordRow>> {
        let row = Arc::clone(self.by_record_id(id)?);
        let (index, slot) = (row.head.index, &row.head.type_slot);
        self.by_id.remove_mut(&id);
        self.by_writer.remove_mut(&(slot.writer, index));
        self.by_type.remove_mut(&(slot.writer, slot.record_type.clone(), index));
        self.rows.remove_mut(&index);
        Some(row)
    }

    /// Removes at most `limit` rows that name the client; returns how many, and the keys of their files.
    pub(super) fn erase(&mut self, client: ClientId, limit: usize) -> (usize, Vec<BlobKey>) {
        let slot_names = |row: &&Arc<RecordRow>| {
            let slot = &row.head.type_slot;
            slot.writer == client || slot.user == client
        };
        let named: Vec<_> =
            self.rows.values().filter(slot_names).take(limit).map(|row| row.head.id).collect();
        let removed: Vec<_> = named.into_iter().filter_map(|id| self.remove(id)).collect();
        (removed.len(), removed.iter().filter_map(|row| file_key(row)).collect())
    }
}

fn file_key(row: &RecordRow) -> Option<BlobKey> {
    row.head.file.as_ref().map(|file| file.key)
}

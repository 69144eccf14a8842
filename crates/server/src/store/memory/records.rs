//! Records in memory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use rpds::RedBlackTreeMapSync as Map;
use tozstore_api::RecordType;
use tozstore_crypto::{ClientId, RecordId};

use super::tx::{Tx, Writing};
use crate::blobs::BlobKey;
use crate::store::record_pages::{self, RecordPlace, RecordSource, Stretch};
use crate::store::{
    RecordHead, RecordIndex, RecordQuery, RecordReads, RecordRow, RecordWrites, SizedHead, StoreError, Usage,
};

#[derive(Clone, Default)]
pub(super) struct RecordTable {
    pub(super) rows: Map<RecordIndex, Arc<RecordRow>>,
    by_id: Map<RecordId, RecordIndex>,
    pub(super) by_writer: Map<(ClientId, RecordIndex), ()>,
    pub(super) by_type: Map<(ClientId, RecordType, RecordIndex), ()>,
}

impl<R> RecordReads for Tx<R> {
    fn record(&self, id: RecordId) -> Result<Option<RecordRow>, StoreError> {
        Ok(self.tables.records.by_record_id(id).map(|row| RecordRow::clone(row)))
    }

    fn record_head(&self, id: RecordId) -> Result<Option<RecordHead>, StoreError> {
        Ok(self.tables.records.by_record_id(id).map(|row| row.head.clone()))
    }

    fn record_heads(&self, ids: &[RecordId]) -> Result<Vec<SizedHead>, StoreError> {
        self.heads(&self.places(ids)?).map(|heads| heads.into_values().collect())
    }

    fn record_data(&self, heads: &[&RecordHead]) -> Result<BTreeMap<RecordIndex, String>, StoreError> {
        let places: Vec<_> = heads.iter().map(|head| (head.type_slot.writer, head.index)).collect();
        self.data(&places)
    }

    fn query_records(&self, query: &RecordQuery) -> Result<Vec<RecordRow>, StoreError> {
        record_pages::page(self, query)
    }
}

impl<R> RecordSource for Tx<R> {
    fn indexes(&self, stretches: &[Stretch<'_>]) -> Result<Vec<Vec<RecordIndex>>, StoreError> {
        let (table, end) = (&self.tables.records, RecordIndex(u64::MAX));
        let indexes = stretches.iter().map(|stretch| {
            let Stretch { writer, after, limit, .. } = *stretch;
            match stretch.record_type {
                None => {
                    let range = (Bound::Excluded((writer, after)), Bound::Included((writer, end)));
                    table.by_writer.range(range).take(limit).map(|((_, index), ())| *index).collect()
                }
                Some(of_type) => {
                    let first = Bound::Excluded((writer, of_type.clone(), after));
                    let range = (first, Bound::Included((writer, of_type.clone(), end)));
                    table.by_type.range(range).take(limit).map(|((_, _, index), ())| *index).collect()
                }
            }
        });
        Ok(indexes.collect())
    }

    fn places(&self, ids: &[RecordId]) -> Result<Vec<RecordPlace>, StoreError> {
        let table = &self.tables.records;
        let rows = ids.iter().filter_map(|id| table.by_record_id(*id));
        Ok(rows.map(|row| (row.head.type_slot.writer, row.head.index)).collect())
    }

    fn heads(&self, places: &[RecordPlace]) -> Result<BTreeMap<RecordIndex, SizedHead>, StoreError> {
        let rows = places.iter().filter_map(|place| self.tables.records.at(*place));
        let sized = |row: &Arc<RecordRow>| SizedHead { head: row.head.clone(), data_bytes: row.data.len() };
        Ok(rows.map(|row| (row.head.index, sized(row))).collect())
    }

    fn data(&self, places: &[RecordPlace]) -> Result<BTreeMap<RecordIndex, String>, StoreError> {
        let rows = places.iter().filter_map(|place| self.tables.records.at(*place));
        Ok(rows.map(|row| (row.head.index, row.data.clone())).collect())
    }
}

impl RecordWrites for Tx<Writing<'_>> {
    fn insert_record(&mut self, row: &RecordRow) -> Result<(), StoreError> {
        let table = &mut self.tables.records;
        if table.by_id.contains_key(&row.head.id) || table.rows.contains_key(&row.head.index) {
            return Err(StoreError::AlreadyExists("the record"));
        }
        table.insert(row.clone());
        self.tables.usages.change(&row.head, Usage::default(), Usage::of(row));
        self.tables.record_terms.insert(&row.head);
        Ok(())
    }

    fn update_record(&mut self, row: &RecordRow) -> Result<(), StoreError> {
        let Some(old) = self.tables.records.remove(row.head.id) else {
            return Err(StoreError::Missing("the record"));
        };
        let mut row = row.clone();
        row.head.index = old.head.index;
        let key = row.head.file.as_ref().map(|file| file.key);
        self.tables.record_terms.remove(&old.head);
        self.tables.record_terms.insert(&row.head);
        self.tables.usages.change(&old.head, Usage::of(&old), Usage::of(&row));
        self.tables.records.insert(row);
        self.tables.files.let_go(file_key(&old).filter(|old| key != Some(*old)));
        Ok(())
    }

    fn delete_record(&mut self, id: RecordId) -> Result<bool, StoreError> {
        let Some(row) = self.tables.records.remove(id) else { return Ok(false) };
        self.tables.record_terms.remove(&row.head);
        self.tables.record_grants.remove_readers(id);
        self.tables.usages.change(&row.head, Usage::of(&row), Usage::default());
        self.tables.files.let_go(file_key(&row));
        Ok(true)
    }
}

impl RecordTable {
    fn by_record_id(&self, id: RecordId) -> Option<&Arc<RecordRow>> {
        self.rows.get(self.by_id.get(&id)?)
    }

    fn at(&self, (writer, index): RecordPlace) -> Option<&Arc<RecordRow>> {
        self.rows.get(&index).filter(|row| row.head.type_slot.writer == writer)
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

    /// At most `limit` rows that name the client.
    pub(super) fn naming(&self, client: ClientId, limit: usize) -> Vec<RecordId> {
        let slot_names = |row: &&Arc<RecordRow>| {
            let slot = &row.head.type_slot;
            slot.writer == client || slot.user == client
        };
        self.rows.values().filter(slot_names).take(limit).map(|row| row.head.id).collect()
    }
}

fn file_key(row: &RecordRow) -> Option<BlobKey> {
    row.head.file.as_ref().map(|file| file.key)
}

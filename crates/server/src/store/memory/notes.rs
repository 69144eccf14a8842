//! Notes in memory.

use std::ops::Bound;
use std::sync::Arc;

use rpds::RedBlackTreeMapSync as Map;
use tozstore_api::Timestamp;
use tozstore_crypto::{ClientId, NoteId, RecordId};

use super::tx::{Tx, Writing};
use crate::store::{NoteHead, NoteReads, NoteRow, NoteUses, NoteWrites, StoreError};

#[derive(Clone, Default)]
pub(super) struct NoteTable {
    rows: Map<NoteId, (u64, Arc<NoteRow>)>,
    by_name: Map<String, NoteId>,
    by_writer: Map<(ClientId, u64), NoteId>,
    by_gone: Map<(Timestamp, NoteId), ()>,
}

impl<R> NoteReads for Tx<R> {
    fn note(&self, id: NoteId) -> Result<Option<NoteRow>, StoreError> {
        Ok(self.tables.notes.rows.get(&id).map(|(_, row)| NoteRow::clone(row)))
    }

    fn note_head(&self, id: NoteId) -> Result<Option<NoteHead>, StoreError> {
        Ok(self.tables.notes.rows.get(&id).map(|(_, row)| row.head.clone()))
    }

    fn note_head_by_name(&self, name: &str) -> Result<Option<NoteHead>, StoreError> {
        self.tables.notes.by_name.get(name).map_or(Ok(None), |id| self.note_head(*id))
    }

    fn notes_of_record(
        &self,
        writer: ClientId,
        record: RecordId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, NoteHead)>, StoreError> {
        let table = &self.tables.notes;
        let range = (Bound::Excluded((writer, after)), Bound::Included((writer, u64::MAX)));
        let rows = table.by_writer.range(range).filter_map(|(_, id)| table.rows.get(id));
        let of_record = rows.filter(|(_, row)| row.head.record == Some(record));
        Ok(of_record.take(limit).map(|(position, row)| (*position, row.head.clone())).collect())
    }

    fn strangers_notes(&self, limit: usize) -> Result<(usize, u64), StoreError> {
        let rows = self.tables.notes.rows.values().map(|(_, row)| row);
        let counted = rows.filter(|row| row.head.writer.is_none()).take(limit);
        Ok(counted.fold((0, 0), |(count, bytes), row| (count + 1, bytes + row.sent_bytes())))
    }

    fn gone_notes(&self, now: Timestamp, limit: usize) -> Result<Vec<NoteHead>, StoreError> {
        let table = &self.tables.notes;
        let gone = table.by_gone.keys().take_while(|(gone, _)| *gone <= now).take(limit);
        Ok(gone.filter_map(|(_, id)| table.rows.get(id)).map(|(_, row)| row.head.clone()).collect())
    }
}

impl NoteWrites for Tx<Writing<'_>> {
    fn insert_note(&mut self, row: &NoteRow) -> Result<(), StoreError> {
        let position = self.next_position();
        let table = &mut self.tables.notes;
        let name_taken = row.head.name.as_ref().is_some_and(|name| table.by_name.contains_key(name));
        if name_taken || table.rows.contains_key(&row.head.id) {
            return Err(StoreError::AlreadyExists("the note"));
        }
        table.insert(position, row.clone());
        Ok(())
    }

    fn put_note_uses(&mut self, id: NoteId, uses: &NoteUses) -> Result<(), StoreError> {
        let table = &mut self.tables.notes;
        let Some((position, row)) = table.remove(id) else { return Err(StoreError::Missing("the note")) };
        let mut row = NoteRow::clone(&row);
        row.head.uses = uses.clone();
        table.insert(position, row);
        Ok(())
    }

    fn delete_note(&mut self, id: NoteId) -> Result<bool, StoreError> {
        let Some((_, row)) = self.tables.notes.remove(id) else { return Ok(false) };
        self.tables.files.let_go(row.head.file.as_ref().map(|file| file.key));
        Ok(true)
    }
}

impl NoteTable {
    fn insert(&mut self, position: u64, row: NoteRow) {
        let (id, head) = (row.head.id, &row.head);
        if let Some(name) = &head.name {
            self.by_name.insert_mut(name.clone(), id);
        }
        if let Some((writer, _)) = head.writer {
            self.by_writer.insert_mut((writer, position), id);
        }
        if let Some(gone) = head.uses.gone {
            self.by_gone.insert_mut((gone, id), ());
        }
        self.rows.insert_mut(id, (position, Arc::new(row)));
    }

    fn remove(&mut self, id: NoteId) -> Option<(u64, Arc<NoteRow>)> {
        let (position, row) = self.rows.get(&id).cloned()?;
        if let Some(name) = &row.head.name {
            self.by_name.remove_mut(name);
        }
        if let Some((writer, _)) = row.head.writer {
            self.by_writer.remove_mut(&(writer, position));
        }
        if let Some(gone) = row.head.uses.gone {
            self.by_gone.remove_mut(&(gone, id));
        }
        self.rows.remove_mut(&id);
        Some((position, row))
    }

    /// At most `limit` notes that the client wrote.
    pub(super) fn written_by(&self, client: ClientId, limit: usize) -> Vec<NoteId> {
        let places = self.by_writer.range((client, 0)..=(client, u64::MAX)).take(limit);
        places.map(|(_, id)| *id).collect()
    }
}

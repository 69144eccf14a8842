//! Access keys in SQLite.

use rusqlite::params;

use super::columns::column;
use super::record_types::read_type_slot;
use super::tx::{Tx, Writing};
use crate::store::{AccessKeyReads, AccessKeyRow, AccessKeyWrites, KeySlot, LOCAL_REGION, StoreError};

impl<R> AccessKeyReads for Tx<'_, R> {
    fn access_key(&self, slot: &KeySlot) -> Result<Option<AccessKeyRow>, StoreError> {
        self.one(
            "SELECT writer_id, user_id, record_type, reader_id, account_id, eak, authorizer_id, format, suite, created \
             FROM access_keys WHERE writer_id = ?1 AND user_id = ?2 AND record_type = ?3 AND reader_id = ?4",
            params![
                slot.type_slot.writer.as_bytes(),
                slot.type_slot.user.as_bytes(),
                slot.type_slot.record_type.as_str(),
                slot.reader.as_bytes(),
            ],
            |row| {
                Ok(AccessKeyRow {
                    slot: KeySlot { type_slot: read_type_slot(row)?, reader: column(row, 3)? },
                    account_id: column(row, 4)?,
                    eak: row.get(5)?,
                    authorizer: column(row, 6)?,
                    format: row.get(7)?,
                    suite: row.get(8)?,
                    created: column(row, 9)?,
                })
            },
        )
    }

    fn access_keys(&self, slots: &[KeySlot]) -> Result<Vec<AccessKeyRow>, StoreError> {
        slots.iter().map(|slot| self.access_key(slot)).filter_map(Result::transpose).collect()
    }
}

impl AccessKeyWrites for Tx<'_, Writing<'_>> {
    fn insert_access_key(&mut self, row: &AccessKeyRow) -> Result<(), StoreError> {
        let position = self.next_position()?;
        self.insert(
            "the access key",
            "INSERT INTO access_keys (position, writer_id, user_id, record_type, reader_id, account_id, region, eak, \
             authorizer_id, format, suite, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                position,
                row.slot.type_slot.writer.as_bytes(),
                row.slot.type_slot.user.as_bytes(),
                row.slot.type_slot.record_type.as_str(),
                row.slot.reader.as_bytes(),
                row.account_id.as_bytes(),
                LOCAL_REGION,
                row.eak,
                row.authorizer.as_bytes(),
                row.format,
                row.suite,
                row.created.micros(),
            ],
        )
    }

    fn delete_access_key(&mut self, slot: &KeySlot) -> Result<bool, StoreError> {
        let deleted = self.execute(
            "DELETE FROM access_keys WHERE writer_id = ?1 AND user_id = ?2 AND record_type = ?3 AND reader_id = ?4",
            params![
                slot.type_slot.writer.as_bytes(),
                slot.type_slot.user.as_bytes(),
                slot.type_slot.record_type.as_str(),
                slot.reader.as_bytes(),
            ],
        )?;
        Ok(deleted > 0)
    }
}

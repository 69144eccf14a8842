//! Record types in PostgreSQL.

use tokio_postgres::Row;
use tozstore_api::RecordType;
use tozstore_crypto::ClientId;

use super::columns::{column, params};
use super::tx::{Tx, Writing};
use crate::store::{
    LOCAL_REGION, RecordTypeReads, RecordTypeRow, RecordTypeSlot, RecordTypeWrites, StoreError,
};

impl<R> RecordTypeReads for Tx<'_, R> {
    fn record_type(&self, slot: &RecordTypeSlot) -> Result<Option<RecordTypeRow>, StoreError> {
        self.one(
            "SELECT writer_id, user_id, record_type, account_id, format, suite, created FROM record_types \
             WHERE writer_id = $1 AND user_id = $2 AND record_type = $3",
            params![slot.writer.as_bytes(), slot.user.as_bytes(), slot.record_type.as_str()],
            |row| {
                Ok(RecordTypeRow {
                    slot: read_type_slot(row)?,
                    account_id: column(row, 3)?,
                    format: column(row, 4)?,
                    suite: column(row, 5)?,
                    created: column(row, 6)?,
                })
            },
        )
    }

    fn is_type_in_use(&self, writer: ClientId, name: &RecordType) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM record_types WHERE writer_id = $1 AND record_type = $2 LIMIT 1";
        Ok(self.one(sql, params![writer.as_bytes(), name.as_str()], |_| Ok(()))?.is_some())
    }
}

impl RecordTypeWrites for Tx<'_, Writing<'_>> {
    fn ensure_record_type(&mut self, row: &RecordTypeRow) -> Result<RecordTypeRow, StoreError> {
        if let Some(older) = self.record_type(&row.slot)? {
            return Ok(older);
        }
        let position = self.next_position()?;
        self.insert(
            "the record type",
            "INSERT INTO record_types \
             (position, writer_id, user_id, record_type, account_id, region, format, suite, created) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT DO NOTHING",
            params![
                position,
                row.slot.writer.as_bytes(),
                row.slot.user.as_bytes(),
                row.slot.record_type.as_str(),
                row.account_id.as_bytes(),
                LOCAL_REGION,
                row.format,
                row.suite,
                row.created.micros(),
            ],
        )?;
        Ok(row.clone())
    }
}

/// The slot in the first three columns: writer, user, type.
pub(super) fn read_type_slot(row: &Row) -> Result<RecordTypeSlot, StoreError> {
    Ok(RecordTypeSlot { writer: column(row, 0)?, user: column(row, 1)?, record_type: column(row, 2)? })
}

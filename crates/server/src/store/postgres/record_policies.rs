//! Grants for single records in PostgreSQL.

use tozstore_crypto::{ClientId, RecordId};

use super::columns::{Value, column, params, row_limit};
use super::tx::{Tx, Writing};
use crate::store::{
    GrantSlot, LOCAL_REGION, RecordGrantRow, RecordPolicyReads, RecordPolicyWrites, StoreError,
};

impl<R> RecordPolicyReads for Tx<'_, R> {
    fn reads_record(&self, record: RecordId, client: ClientId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM record_grants WHERE record_id = $1 AND client_id = $2";
        Ok(self.one(sql, params![record.as_bytes(), client.as_bytes()], |_| Ok(()))?.is_some())
    }

    fn count_record_readers(&self, record: RecordId, limit: usize) -> Result<usize, StoreError> {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM record_grants WHERE record_id = $1 LIMIT $2) AS found";
        self.count(sql, params![record.as_bytes(), row_limit(limit)])
    }

    fn count_record_grants(
        &self,
        client: ClientId,
        writer: Option<ClientId>,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let limit = row_limit(limit);
        match writer {
            None => self.count(
                "SELECT count(*) FROM (SELECT 1 FROM record_grants WHERE client_id = $1 LIMIT $2) AS found",
                params![client.as_bytes(), limit],
            ),
            Some(writer) => self.count(
                "SELECT count(*) FROM (SELECT 1 FROM record_grants \
                 WHERE client_id = $1 AND writer_id = $2 LIMIT $3) AS found",
                params![client.as_bytes(), writer.as_bytes(), limit],
            ),
        }
    }
}

impl RecordPolicyWrites for Tx<'_, Writing<'_>> {
    fn put_record_grant(&mut self, row: &RecordGrantRow) -> Result<(), StoreError> {
        let position = self.next_position()?;
        let type_slot = &row.slot.type_slot;
        self.execute(
            "INSERT INTO record_grants (position, record_id, client_id, writer_id, user_id, record_type, \
             account_id, region, granted_by, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (record_id, client_id) DO NOTHING",
            params![
                position,
                row.record.as_bytes(),
                row.slot.client.as_bytes(),
                type_slot.writer.as_bytes(),
                type_slot.user.as_bytes(),
                type_slot.record_type.as_str(),
                row.account_id.as_bytes(),
                LOCAL_REGION,
                row.granted_by.as_bytes(),
                row.created.micros(),
            ],
        )?;
        Ok(())
    }

    fn delete_record_grant(&mut self, record: RecordId, client: ClientId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM record_grants WHERE record_id = $1 AND client_id = $2";
        Ok(self.execute(sql, params![record.as_bytes(), client.as_bytes()])? > 0)
    }

    fn delete_record_grants_of_type(&mut self, slot: &GrantSlot) -> Result<usize, StoreError> {
        let type_slot = &slot.type_slot;
        self.execute(
            "DELETE FROM record_grants \
             WHERE client_id = $1 AND writer_id = $2 AND record_type = $3 AND user_id = $4",
            params![
                slot.client.as_bytes(),
                type_slot.writer.as_bytes(),
                type_slot.record_type.as_str(),
                type_slot.user.as_bytes(),
            ],
        )
    }
}

impl Tx<'_, Writing<'_>> {
    /// Removes the grants of a record that goes.
    pub(super) fn delete_record_readers(&mut self, record: RecordId) -> Result<(), StoreError> {
        self.execute_late("DELETE FROM record_grants WHERE record_id = $1", params![record.as_bytes()])
    }
}

impl<R> Tx<'_, R> {
    fn count(&self, sql: &'static str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        let count = self.one(sql, values, |row| column::<u64>(row, 0))?;
        Ok(usize::try_from(count.unwrap_or(0)).unwrap_or(usize::MAX))
    }
}

//! Grants in PostgreSQL.

use tokio_postgres::Row;
use tozstore_crypto::ClientId;

use super::columns::{column, params, row_limit};
use super::record_types::read_type_slot;
use super::tx::{Tx, Writing};
use crate::store::{
    GrantKind, GrantRow, GrantSet, GrantSlot, LOCAL_REGION, PolicyReads, PolicyWrites, StoreError,
};

macro_rules! grant_columns {
    () => {
        "writer_id, user_id, record_type, client_id, account_id, can_read, can_edit, can_authorize, granted_by, created"
    };
}

macro_rules! list_grants {
    ($condition:literal) => {
        concat!("SELECT ", grant_columns!(), " FROM grants WHERE ", $condition, " ORDER BY position LIMIT $2")
    };
}

impl<R> PolicyReads for Tx<'_, R> {
    fn grants(&self, slot: &GrantSlot) -> Result<GrantSet, StoreError> {
        let grants = self.one(
            "SELECT can_read, can_edit, can_authorize FROM grants \
             WHERE writer_id = $1 AND user_id = $2 AND record_type = $3 AND client_id = $4",
            params![
                slot.type_slot.writer.as_bytes(),
                slot.type_slot.user.as_bytes(),
                slot.type_slot.record_type.as_str(),
                slot.client.as_bytes(),
            ],
            |row| Ok(GrantSet { read: column(row, 0)?, edit: column(row, 1)?, authorizer: column(row, 2)? }),
        )?;
        Ok(grants.unwrap_or_default())
    }

    fn grants_by_writer(
        &self,
        writer: ClientId,
        kind: GrantKind,
        limit: usize,
    ) -> Result<Vec<GrantRow>, StoreError> {
        let sql = match kind {
            GrantKind::Authorizer => list_grants!("writer_id = $1 AND can_authorize = TRUE"),
            GrantKind::Read => list_grants!("writer_id = $1 AND can_read = TRUE"),
        };
        self.list(sql, params![writer.as_bytes(), row_limit(limit)], read_grant)
    }

    fn grants_to_client(
        &self,
        client: ClientId,
        kind: GrantKind,
        limit: usize,
    ) -> Result<Vec<GrantRow>, StoreError> {
        let sql = match kind {
            GrantKind::Authorizer => list_grants!("client_id = $1 AND can_authorize = TRUE"),
            GrantKind::Read => list_grants!("client_id = $1 AND can_read = TRUE"),
        };
        self.list(sql, params![client.as_bytes(), row_limit(limit)], read_grant)
    }

    fn count_grants_to_client(
        &self,
        client: ClientId,
        writer: Option<ClientId>,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let limit = row_limit(limit);
        let count = match writer {
            None => self.one(
                "SELECT count(*) FROM (SELECT 1 FROM grants WHERE client_id = $1 LIMIT $2) AS found",
                params![client.as_bytes(), limit],
                |row| column::<u64>(row, 0),
            )?,
            Some(writer) => self.one(
                "SELECT count(*) FROM (SELECT 1 FROM grants WHERE client_id = $1 AND writer_id = $2 LIMIT $3) AS found",
                params![client.as_bytes(), writer.as_bytes(), limit],
                |row| column::<u64>(row, 0),
            )?,
        };
        Ok(usize::try_from(count.unwrap_or(0)).unwrap_or(usize::MAX))
    }
}

impl PolicyWrites for Tx<'_, Writing<'_>> {
    fn put_grants(&mut self, row: &GrantRow) -> Result<(), StoreError> {
        let type_slot = &row.slot.type_slot;
        if row.grants.is_empty() {
            self.execute(
                "DELETE FROM grants WHERE writer_id = $1 AND user_id = $2 AND record_type = $3 AND client_id = $4",
                params![
                    type_slot.writer.as_bytes(),
                    type_slot.user.as_bytes(),
                    type_slot.record_type.as_str(),
                    row.slot.client.as_bytes(),
                ],
            )?;
            return Ok(());
        }
        let position = self.next_position()?;
        let sql = concat!(
            "INSERT INTO grants (",
            grant_columns!(),
            ", position, region) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
             ON CONFLICT (writer_id, user_id, record_type, client_id) DO UPDATE SET \
             can_read = excluded.can_read, can_edit = excluded.can_edit, can_authorize = excluded.can_authorize, \
             granted_by = excluded.granted_by"
        );
        self.execute(
            sql,
            params![
                type_slot.writer.as_bytes(),
                type_slot.user.as_bytes(),
                type_slot.record_type.as_str(),
                row.slot.client.as_bytes(),
                row.account_id.as_bytes(),
                row.grants.read,
                row.grants.edit,
                row.grants.authorizer,
                row.granted_by.as_bytes(),
                row.created.micros(),
                position,
                LOCAL_REGION,
            ],
        )?;
        Ok(())
    }
}

fn read_grant(row: &Row) -> Result<GrantRow, StoreError> {
    Ok(GrantRow {
        slot: GrantSlot { type_slot: read_type_slot(row)?, client: column(row, 3)? },
        account_id: column(row, 4)?,
        grants: GrantSet { read: column(row, 5)?, edit: column(row, 6)?, authorizer: column(row, 7)? },
        granted_by: column(row, 8)?,
        created: column(row, 9)?,
    })
}

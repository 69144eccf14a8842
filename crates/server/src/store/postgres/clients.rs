//! Clients in PostgreSQL.

use std::sync::LazyLock;

use tokio_postgres::Row;
use tozstore_crypto::{AccountId, ClientId};

use super::columns::{Value, column, integer, params, row_limit};
use super::place::{Keys, ListStatement};
use super::tx::{Tx, Writing};
use crate::store::{ClientReads, ClientRow, ClientWrites, LOCAL_REGION, StoreError, UsageOwner};

macro_rules! client_columns {
    () => {
        "client_id, account_id, api_key_id, api_secret_hash, name, kind, public_key, signing_key, enabled, \
         has_backup, registered_with, created, tokens_valid_after"
    };
}

static LIVING: LazyLock<ListStatement> = LazyLock::new(|| {
    let select = concat!("SELECT ", client_columns!(), " FROM clients WHERE client_id IN (");
    let living = ") AND EXISTS (SELECT 1 FROM accounts WHERE accounts.account_id = clients.account_id)";
    ListStatement::new(select, 1, living)
});

impl<R> ClientReads for Tx<'_, R> {
    fn client(&self, id: ClientId) -> Result<Option<ClientRow>, StoreError> {
        let sql = concat!("SELECT ", client_columns!(), " FROM clients WHERE client_id = $1");
        self.one(sql, params![id.as_bytes()], read_client)
    }

    fn living_clients(&self, ids: &[ClientId]) -> Result<Vec<ClientRow>, StoreError> {
        let keys = ids.iter().map(|id| Value::Bytes(id.as_bytes())).collect();
        let statements = LIVING.with([Keys { fixed: Vec::new(), keys }]);
        Ok(self.list_all(&statements, read_client)?.into_iter().flatten().collect())
    }

    fn client_by_api_key(&self, api_key_id: &str) -> Result<Option<ClientRow>, StoreError> {
        let sql = concat!("SELECT ", client_columns!(), " FROM clients WHERE api_key_id = $1");
        self.one(sql, params![api_key_id], read_client)
    }

    fn clients_of(
        &self,
        account: AccountId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, ClientRow)>, StoreError> {
        let sql = concat!(
            "SELECT ",
            client_columns!(),
            ", position FROM clients WHERE account_id = $1 AND position > $2 ORDER BY position LIMIT $3"
        );
        // A place past the end of the integers is past the last client as well.
        let after = integer(after).unwrap_or(i64::MAX);
        self.list(sql, params![account.as_bytes(), after, row_limit(limit)], |row| {
            Ok((column(row, 13)?, read_client(row)?))
        })
    }
}

impl ClientWrites for Tx<'_, Writing<'_>> {
    fn insert_client(&mut self, row: &ClientRow) -> Result<(), StoreError> {
        let sql = concat!(
            "INSERT INTO clients (",
            client_columns!(),
            ", position, region) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
             ON CONFLICT DO NOTHING"
        );
        let position = self.next_position()?;
        self.insert(
            "the client",
            sql,
            params![
                row.id.as_bytes(),
                row.account_id.as_bytes(),
                row.api_key_id,
                row.api_secret_hash,
                row.name,
                row.kind,
                row.public_key.to_json(),
                row.signing_key.to_json(),
                row.enabled,
                row.has_backup,
                row.registered_with,
                row.created.micros(),
                row.tokens_valid_after.micros(),
                position,
                LOCAL_REGION,
            ],
        )
    }

    fn update_client(&mut self, row: &ClientRow) -> Result<(), StoreError> {
        let sql = concat!(
            "UPDATE clients SET (",
            client_columns!(),
            ") = ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) WHERE client_id = $1"
        );
        if self.client(row.id)?.is_none() {
            return Err(StoreError::Missing("the client"));
        }
        let same = "SELECT 1 FROM clients WHERE api_key_id = $1 AND client_id <> $2";
        if self.one(same, params![row.api_key_id, row.id.as_bytes()], |_| Ok(()))?.is_some() {
            return Err(StoreError::AlreadyExists("a client with this API key"));
        }
        self.execute(
            sql,
            params![
                row.id.as_bytes(),
                row.account_id.as_bytes(),
                row.api_key_id,
                row.api_secret_hash,
                row.name,
                row.kind,
                row.public_key.to_json(),
                row.signing_key.to_json(),
                row.enabled,
                row.has_backup,
                row.registered_with,
                row.created.micros(),
                row.tokens_valid_after.micros(),
            ],
        )
        .map(drop)
    }

    fn delete_client(&mut self, id: ClientId) -> Result<bool, StoreError> {
        let account = self.take(
            "DELETE FROM clients WHERE client_id = $1 RETURNING account_id",
            params![id.as_bytes()],
            |row| column::<AccountId>(row, 0),
        )?;
        let Some(account) = account else { return Ok(false) };
        self.delete_usage(UsageOwner::Client(id))?;
        self.queue_erasure(id, account)?;
        Ok(true)
    }
}

fn read_client(row: &Row) -> Result<ClientRow, StoreError> {
    Ok(ClientRow {
        id: column(row, 0)?,
        account_id: column(row, 1)?,
        api_key_id: column(row, 2)?,
        api_secret_hash: column(row, 3)?,
        name: column(row, 4)?,
        kind: column(row, 5)?,
        public_key: column(row, 6)?,
        signing_key: column(row, 7)?,
        enabled: column(row, 8)?,
        has_backup: column(row, 9)?,
        registered_with: column(row, 10)?,
        created: column(row, 11)?,
        tokens_valid_after: column(row, 12)?,
    })
}

//! Registration tokens in PostgreSQL.

use tokio_postgres::Row;
use tozstore_crypto::AccountId;

use super::columns::{column, params, row_limit};
use super::tx::{Tx, Writing};
use crate::store::{
    LOCAL_REGION, RegistrationTokenReads, RegistrationTokenRow, RegistrationTokenWrites, StoreError,
};

macro_rules! token_columns {
    () => {
        "hash, account_id, sealed, name, permissions, total_uses_allowed, uses, created"
    };
}

impl<R> RegistrationTokenReads for Tx<'_, R> {
    fn registration_token(&self, hash: &[u8; 32]) -> Result<Option<RegistrationTokenRow>, StoreError> {
        let sql = concat!("SELECT ", token_columns!(), " FROM registration_tokens WHERE hash = $1");
        self.one(sql, params![hash], read_token)
    }

    fn registration_tokens_of(
        &self,
        account: AccountId,
        limit: usize,
    ) -> Result<Vec<RegistrationTokenRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            token_columns!(),
            " FROM registration_tokens WHERE account_id = $1 ORDER BY position LIMIT $2"
        );
        self.list(sql, params![account.as_bytes(), row_limit(limit)], read_token)
    }
}

impl RegistrationTokenWrites for Tx<'_, Writing<'_>> {
    fn insert_registration_token(&mut self, row: &RegistrationTokenRow) -> Result<(), StoreError> {
        let sql = concat!(
            "INSERT INTO registration_tokens (",
            token_columns!(),
            ", position, region) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT DO NOTHING"
        );
        let position = self.next_position()?;
        self.insert(
            "the registration token",
            sql,
            params![
                row.hash,
                row.account_id.as_bytes(),
                row.sealed,
                row.name,
                row.permissions,
                // Bit for bit: any number may be asked for, and SQL does not compare these.
                row.total_uses_allowed.map(u64::cast_signed),
                row.uses.cast_signed(),
                row.created.micros(),
                position,
                LOCAL_REGION,
            ],
        )
    }

    fn count_registration_token_use(&mut self, hash: &[u8; 32]) -> Result<(), StoreError> {
        let sql = "UPDATE registration_tokens SET uses = uses + 1 WHERE hash = $1";
        if self.execute(sql, params![hash])? == 0 {
            Err(StoreError::Missing("the registration token"))
        } else {
            Ok(())
        }
    }

    fn delete_registration_token(&mut self, hash: &[u8; 32]) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM registration_tokens WHERE hash = $1", params![hash])? > 0)
    }
}

fn read_token(row: &Row) -> Result<RegistrationTokenRow, StoreError> {
    Ok(RegistrationTokenRow {
        hash: column(row, 0)?,
        account_id: column(row, 1)?,
        sealed: column(row, 2)?,
        name: column(row, 3)?,
        permissions: column(row, 4)?,
        total_uses_allowed: column::<Option<i64>>(row, 5)?.map(i64::cast_unsigned),
        uses: column::<i64>(row, 6)?.cast_unsigned(),
        created: column(row, 7)?,
    })
}

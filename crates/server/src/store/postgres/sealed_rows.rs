//! Sealed rows in PostgreSQL.

use tokio_postgres::Row;
use tozstore_crypto::AccountId;

use super::columns::{column, params, row_limit};
use super::tx::{Tx, Writing};
use crate::store::sealed_rows::of_sealed_table;
use crate::store::{
    LOCAL_REGION, SealedKey, SealedReads, SealedRow, SealedRun, SealedTable, SealedWrites, StoreError,
};

impl<R> SealedReads for Tx<'_, R> {
    fn sealed_row(&self, table: SealedTable, key: &SealedKey) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = of_sealed_table!(table, "SELECT value FROM ", " WHERE owner_id = $1 AND key = $2");
        self.one(sql, params![key.owner.as_bytes(), key.key], |row| column(row, 0))
    }

    fn sealed_rows(
        &self,
        table: SealedTable,
        run: &SealedRun,
        falling: bool,
        limit: usize,
    ) -> Result<Vec<SealedRow>, StoreError> {
        let (owner, from, limit) = (run.owner.as_bytes(), &run.from, row_limit(limit));
        let read = |row: &Row| Ok((column(row, 0)?, column(row, 1)?));
        match (&run.to, falling) {
            (Some(to), false) => {
                let sql = of_sealed_table!(
                    table,
                    "SELECT key, value FROM ",
                    " WHERE owner_id = $1 AND key >= $2 AND key < $3 ORDER BY key LIMIT $4"
                );
                self.list(sql, params![owner, from, to, limit], read)
            }
            (Some(to), true) => {
                let sql = of_sealed_table!(
                    table,
                    "SELECT key, value FROM ",
                    " WHERE owner_id = $1 AND key >= $2 AND key < $3 ORDER BY key DESC LIMIT $4"
                );
                self.list(sql, params![owner, from, to, limit], read)
            }
            (None, false) => {
                let sql = of_sealed_table!(
                    table,
                    "SELECT key, value FROM ",
                    " WHERE owner_id = $1 AND key >= $2 ORDER BY key LIMIT $3"
                );
                self.list(sql, params![owner, from, limit], read)
            }
            (None, true) => {
                let sql = of_sealed_table!(
                    table,
                    "SELECT key, value FROM ",
                    " WHERE owner_id = $1 AND key >= $2 ORDER BY key DESC LIMIT $3"
                );
                self.list(sql, params![owner, from, limit], read)
            }
        }
    }
}

impl SealedWrites for Tx<'_, Writing<'_>> {
    fn put_sealed_row(
        &mut self,
        table: SealedTable,
        key: &SealedKey,
        account: AccountId,
        value: &[u8],
    ) -> Result<(), StoreError> {
        let sql = of_sealed_table!(
            table,
            "INSERT INTO ",
            " (owner_id, key, account_id, region, value) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (owner_id, key) DO UPDATE SET value = excluded.value"
        );
        self.execute_late(
            sql,
            params![key.owner.as_bytes(), key.key, account.as_bytes(), LOCAL_REGION, value],
        )
    }

    fn delete_sealed_row(&mut self, table: SealedTable, key: &SealedKey) -> Result<bool, StoreError> {
        let sql = of_sealed_table!(table, "DELETE FROM ", " WHERE owner_id = $1 AND key = $2");
        Ok(self.execute(sql, params![key.owner.as_bytes(), key.key])? > 0)
    }

    fn delete_sealed_rows(
        &mut self,
        table: SealedTable,
        run: &SealedRun,
        limit: usize,
    ) -> Result<usize, StoreError> {
        // Of each run, the first rows go first.
        let keys = self.sealed_keys(table, run, limit)?;
        let mut deleted = 0;
        for key in keys {
            deleted += usize::from(self.delete_sealed_row(table, &SealedKey::new(run.owner, key))?);
        }
        Ok(deleted)
    }
}

impl Tx<'_, Writing<'_>> {
    fn sealed_keys(
        &self,
        table: SealedTable,
        run: &SealedRun,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let (owner, from, limit) = (run.owner.as_bytes(), &run.from, row_limit(limit));
        match &run.to {
            Some(to) => {
                let sql = of_sealed_table!(
                    table,
                    "SELECT key FROM ",
                    " WHERE owner_id = $1 AND key >= $2 AND key < $3 ORDER BY key LIMIT $4"
                );
                self.list(sql, params![owner, from, to, limit], |row| column(row, 0))
            }
            None => {
                let sql = of_sealed_table!(
                    table,
                    "SELECT key FROM ",
                    " WHERE owner_id = $1 AND key >= $2 ORDER BY key LIMIT $3"
                );
                self.list(sql, params![owner, from, limit], |row| column(row, 0))
            }
        }
    }
}

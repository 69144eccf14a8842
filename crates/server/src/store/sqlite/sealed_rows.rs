//! Sealed rows in SQLite.

use rusqlite::params;
use tozstore_crypto::AccountId;

use super::columns::row_limit;
use super::tx::{Tx, Writing};
use crate::store::sealed_rows::of_sealed_table;
use crate::store::{
    LOCAL_REGION, SealedKey, SealedReads, SealedRow, SealedRun, SealedTable, SealedWrites, StoreError,
};

impl<R> SealedReads for Tx<'_, R> {
    fn sealed_row(&self, table: SealedTable, key: &SealedKey) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = of_sealed_table!(table, "SELECT value FROM ", " WHERE owner_id = ?1 AND key = ?2");
        self.one(sql, params![key.owner.as_bytes(), key.key], |row| row.get(0))
    }

    fn sealed_rows(
        &self,
        table: SealedTable,
        run: &SealedRun,
        falling: bool,
        limit: usize,
    ) -> Result<Vec<SealedRow>, StoreError> {
        let (owner, from, limit) = (run.owner.as_bytes(), &run.from, row_limit(limit));
        let sql = match (run.to.is_some(), falling) {
            (true, false) => of_sealed_table!(
                table,
                "SELECT key, value FROM ",
                " WHERE owner_id = ?1 AND key >= ?2 AND key < ?3 ORDER BY key LIMIT ?4"
            ),
            (true, true) => of_sealed_table!(
                table,
                "SELECT key, value FROM ",
                " WHERE owner_id = ?1 AND key >= ?2 AND key < ?3 ORDER BY key DESC LIMIT ?4"
            ),
            (false, false) => of_sealed_table!(
                table,
                "SELECT key, value FROM ",
                " WHERE owner_id = ?1 AND key >= ?2 AND ?3 IS NULL ORDER BY key LIMIT ?4"
            ),
            (false, true) => of_sealed_table!(
                table,
                "SELECT key, value FROM ",
                " WHERE owner_id = ?1 AND key >= ?2 AND ?3 IS NULL ORDER BY key DESC LIMIT ?4"
            ),
        };
        self.list(sql, params![owner, from, run.to, limit], |row| Ok((row.get(0)?, row.get(1)?)))
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
            " (owner_id, key, account_id, region, value) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (owner_id, key) DO UPDATE SET value = excluded.value"
        );
        let params = params![key.owner.as_bytes(), key.key, account.as_bytes(), LOCAL_REGION, value];
        self.execute(sql, params).map(drop)
    }

    fn delete_sealed_row(&mut self, table: SealedTable, key: &SealedKey) -> Result<bool, StoreError> {
        let sql = of_sealed_table!(table, "DELETE FROM ", " WHERE owner_id = ?1 AND key = ?2");
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
        let sql = of_sealed_table!(
            table,
            "SELECT key FROM ",
            " WHERE owner_id = ?1 AND key >= ?2 AND (?3 IS NULL OR key < ?3) ORDER BY key LIMIT ?4"
        );
        let params = params![run.owner.as_bytes(), run.from, run.to, row_limit(limit)];
        self.list(sql, params, |row| row.get(0))
    }
}

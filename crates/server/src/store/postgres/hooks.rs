//! Hooks in PostgreSQL.

use tokio_postgres::Row;
use tozstore_api::Timestamp;
use tozstore_crypto::AccountId;

use super::columns::{column, integer, params, row_limit};
use super::tx::{Tx, Writing};
use crate::store::{HookDeliveryRow, HookReads, HookRow, HookWrites, LOCAL_REGION, StoreError};

macro_rules! hook_columns {
    () => {
        "position, account_id, url, triggers, nonce, created, failures, wakes"
    };
}

impl<R> HookReads for Tx<'_, R> {
    fn hook(&self, id: u64) -> Result<Option<HookRow>, StoreError> {
        let Ok(id) = integer(id) else { return Ok(None) };
        self.one(
            concat!("SELECT ", hook_columns!(), " FROM hooks WHERE position = $1"),
            params![id],
            read_hook,
        )
    }

    fn hooks_of(&self, account: AccountId, limit: usize) -> Result<Vec<HookRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            hook_columns!(),
            " FROM hooks WHERE account_id = $1 ORDER BY position LIMIT $2"
        );
        self.list(sql, params![account.as_bytes(), row_limit(limit)], read_hook)
    }

    fn has_hooks(&self) -> Result<bool, StoreError> {
        Ok(self.one("SELECT 1 FROM hooks LIMIT 1", params![], |_| Ok(()))?.is_some())
    }

    fn hook_cursor(&self) -> Result<u64, StoreError> {
        let cursor = self.one("SELECT sequence FROM hook_cursor", params![], |row| column(row, 0))?;
        Ok(cursor.unwrap_or(0))
    }

    fn woken_hooks(&self, now: Timestamp, limit: usize) -> Result<Vec<u64>, StoreError> {
        let sql = "SELECT position FROM hooks WHERE wakes <= $1 ORDER BY wakes LIMIT $2";
        self.list(sql, params![now.micros(), row_limit(limit)], |row| column(row, 0))
    }

    fn next_delivery(&self, hook: u64) -> Result<Option<HookDeliveryRow>, StoreError> {
        let sql = "SELECT delivery_id, hook, account_id, body, created, attempts, due FROM hook_deliveries \
                   WHERE hook = $1 ORDER BY due, position LIMIT 1";
        self.one(sql, params![integer(hook)?], read_delivery)
    }

    fn queued_deliveries(&self, hook: u64, limit: usize) -> Result<usize, StoreError> {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM hook_deliveries WHERE hook = $1 LIMIT $2) AS found";
        let count: Option<i64> =
            self.one(sql, params![integer(hook)?, row_limit(limit)], |row| column(row, 0))?;
        Ok(count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0))
    }
}

impl HookWrites for Tx<'_, Writing<'_>> {
    fn insert_hook(&mut self, row: &HookRow) -> Result<u64, StoreError> {
        let position = self.next_position()?;
        let sql = concat!(
            "INSERT INTO hooks (",
            hook_columns!(),
            ", region) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT DO NOTHING"
        );
        self.insert(
            "the hook",
            sql,
            params![
                position,
                row.account_id.as_bytes(),
                row.url,
                row.triggers,
                row.nonce,
                row.created.micros(),
                row.failures,
                row.wakes.map(Timestamp::micros),
                LOCAL_REGION,
            ],
        )?;
        Ok(position.unsigned_abs())
    }

    fn set_hook_state(&mut self, id: u64, failures: u32, wakes: Option<Timestamp>) -> Result<(), StoreError> {
        let sql = "UPDATE hooks SET failures = $2, wakes = $3 WHERE position = $1";
        self.execute(sql, params![integer(id)?, failures, wakes.map(Timestamp::micros)])?;
        Ok(())
    }

    fn delete_hook(&mut self, id: u64) -> Result<bool, StoreError> {
        let Ok(id) = integer(id) else { return Ok(false) };
        self.execute("DELETE FROM hook_deliveries WHERE hook = $1", params![id])?;
        Ok(self.execute("DELETE FROM hooks WHERE position = $1", params![id])? > 0)
    }

    fn set_hook_cursor(&mut self, sequence: u64) -> Result<(), StoreError> {
        let sql = "INSERT INTO hook_cursor (id, sequence) VALUES (1, $1) \
                   ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence";
        self.execute(sql, params![integer(sequence)?])?;
        Ok(())
    }

    fn insert_delivery(&mut self, row: &HookDeliveryRow) -> Result<(), StoreError> {
        let position = self.next_position()?;
        let hook = integer(row.hook)?;
        self.insert(
            "the delivery",
            "INSERT INTO hook_deliveries (position, delivery_id, hook, account_id, region, body, created, attempts, due) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT DO NOTHING",
            params![
                position,
                row.id,
                hook,
                row.account_id.as_bytes(),
                LOCAL_REGION,
                row.body,
                row.created.micros(),
                row.attempts,
                row.due.micros(),
            ],
        )?;
        let wake = "UPDATE hooks SET wakes = $2 WHERE position = $1 AND wakes IS NULL";
        self.execute(wake, params![hook, row.due.micros()])?;
        Ok(())
    }

    fn retry_delivery(&mut self, id: &[u8; 16], attempts: u32, due: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE hook_deliveries SET attempts = $2, due = $3 WHERE delivery_id = $1";
        self.execute(sql, params![id, attempts, due.micros()])?;
        Ok(())
    }

    fn delete_delivery(&mut self, id: &[u8; 16]) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM hook_deliveries WHERE delivery_id = $1", params![id])? > 0)
    }

    fn delete_deliveries_before(&mut self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        // They lie in order of time but for transactions that overlapped; what is missed now goes with a later call.
        self.execute(
            "DELETE FROM hook_deliveries WHERE position IN \
             (SELECT position FROM hook_deliveries ORDER BY position LIMIT $2) AND created < $1",
            params![before.micros(), row_limit(limit)],
        )
    }
}

fn read_hook(row: &Row) -> Result<HookRow, StoreError> {
    Ok(HookRow {
        id: column(row, 0)?,
        account_id: column(row, 1)?,
        url: column(row, 2)?,
        triggers: column(row, 3)?,
        nonce: column(row, 4)?,
        created: column(row, 5)?,
        failures: column(row, 6)?,
        wakes: column(row, 7)?,
    })
}

fn read_delivery(row: &Row) -> Result<HookDeliveryRow, StoreError> {
    Ok(HookDeliveryRow {
        id: column(row, 0)?,
        hook: column(row, 1)?,
        account_id: column(row, 2)?,
        body: column(row, 3)?,
        created: column(row, 4)?,
        attempts: column(row, 5)?,
        due: column(row, 6)?,
    })
}

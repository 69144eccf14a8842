//! Usage in PostgreSQL.

use tozstore_crypto::RecordId;

use super::columns::{column, integer, params};
use super::files::read_stored_file;
use super::tx::{Tx, Writing};
use crate::store::{
    LOCAL_REGION, RecordHead, StoreError, Usage, UsageLimits, UsageOwner, UsageReads, UsageRow, UsageWrites,
};

/// Counts all over again: the same as the migration that made the table.
const RECOUNT: [&str; 3] = [
    "UPDATE usages SET records = 0, bytes = 0, files = 0",
    "INSERT INTO usages (kind, owner_id, region, records, bytes, files) SELECT 1, account_id, 'local', count(*), \
     CAST(sum(octet_length(data) + octet_length(plain) + coalesce(octet_length(signature), 0) + coalesce(file_bytes, 0)) AS BIGINT), \
     count(file_key) FROM records WHERE account_id IN (SELECT account_id FROM accounts) GROUP BY account_id \
     ON CONFLICT (owner_id, kind) DO UPDATE SET records = excluded.records, bytes = excluded.bytes, files = excluded.files",
    "INSERT INTO usages (kind, owner_id, region, records, bytes, files) SELECT 2, writer_id, 'local', count(*), \
     CAST(sum(octet_length(data) + octet_length(plain) + coalesce(octet_length(signature), 0) + coalesce(file_bytes, 0)) AS BIGINT), \
     count(file_key) FROM records WHERE writer_id IN (SELECT client_id FROM clients) GROUP BY writer_id \
     ON CONFLICT (owner_id, kind) DO UPDATE SET records = excluded.records, bytes = excluded.bytes, files = excluded.files",
];

impl<R> UsageReads for Tx<'_, R> {
    fn usage(&self, owner: UsageOwner) -> Result<UsageRow, StoreError> {
        let (kind, id) = owner.key();
        let sql = "SELECT records, bytes, files, most_records, most_bytes, most_files \
                   FROM usages WHERE kind = $1 AND owner_id = $2";
        let row = self.one(sql, params![kind, id], |row| {
            Ok(UsageRow {
                usage: Usage { records: column(row, 0)?, bytes: column(row, 1)?, files: column(row, 2)? },
                limits: UsageLimits {
                    records: column(row, 3)?,
                    bytes: column(row, 4)?,
                    files: column(row, 5)?,
                },
            })
        })?;
        Ok(row.unwrap_or_default())
    }

    fn record_usage(&self, id: RecordId) -> Result<Option<Usage>, StoreError> {
        let sql = "SELECT CAST(octet_length(data) + octet_length(plain) + coalesce(octet_length(signature), 0) AS BIGINT), \
                   file_key, file_bytes, file_checksum, file_compression FROM records WHERE record_id = $1";
        self.one(sql, params![id.as_bytes()], |row| {
            Ok(Usage::of_one(column(row, 0)?, read_stored_file(row, 1)?.as_ref()))
        })
    }
}

impl UsageWrites for Tx<'_, Writing<'_>> {
    fn put_usage_limits(&mut self, owner: UsageOwner, limits: UsageLimits) -> Result<(), StoreError> {
        let (kind, id) = owner.key();
        let most = |limit: Option<u64>| limit.map(integer).transpose();
        self.execute(
            "INSERT INTO usages (kind, owner_id, region, records, bytes, files, most_records, most_bytes, most_files) \
             VALUES ($1, $2, $3, 0, 0, 0, $4, $5, $6) ON CONFLICT (owner_id, kind) DO UPDATE SET \
             most_records = excluded.most_records, most_bytes = excluded.most_bytes, most_files = excluded.most_files",
            params![kind, id, LOCAL_REGION, most(limits.records)?, most(limits.bytes)?, most(limits.files)?],
        )?;
        Ok(())
    }

    fn recount_usage(&mut self) -> Result<(), StoreError> {
        RECOUNT.iter().try_for_each(|sql| self.execute(sql, params![]).map(drop))
    }
}

impl Tx<'_, Writing<'_>> {
    /// Counts a record, a new version of one, or that one is gone. A row that is gone stays gone unless a record is new.
    pub(super) fn change_usage(&self, head: &RecordHead, from: Usage, to: Usage) -> Result<(), StoreError> {
        if from == to {
            return Ok(());
        }
        let sql = if from == Usage::default() {
            "INSERT INTO usages (kind, owner_id, region, records, bytes, files) VALUES ($1, $2, $6, $3, $4, $5) \
             ON CONFLICT (owner_id, kind) DO UPDATE SET records = usages.records + excluded.records, \
             bytes = usages.bytes + excluded.bytes, files = usages.files + excluded.files"
        } else {
            "UPDATE usages SET records = records + $3, bytes = bytes + $4, files = files + $5 \
             WHERE kind = $1 AND owner_id = $2 AND region = $6"
        };
        let more = |from: u64, to: u64| Ok::<_, StoreError>(integer(to)? - integer(from)?);
        let (records, bytes, files) =
            (more(from.records, to.records)?, more(from.bytes, to.bytes)?, more(from.files, to.files)?);
        let (account, client) =
            (UsageOwner::Account(head.account_id), UsageOwner::Client(head.type_slot.writer));
        let ((account_kind, account_id), (client_kind, client_id)) = (account.key(), client.key());
        for (kind, id) in [(account_kind, account_id), (client_kind, client_id)] {
            self.execute_late(sql, params![kind, id, records, bytes, files, LOCAL_REGION])?;
        }
        Ok(())
    }

    pub(super) fn delete_usage(&self, owner: UsageOwner) -> Result<(), StoreError> {
        let (kind, id) = owner.key();
        self.execute("DELETE FROM usages WHERE kind = $1 AND owner_id = $2", params![kind, id]).map(drop)
    }
}

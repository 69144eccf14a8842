//! Erasing in SQLite what deleted clients leave behind.

use rusqlite::params;
use tozstore_crypto::{AccountId, ClientId, RecordId};

use super::changes::CLIENT_DELETED;
use super::columns::{column, row_limit};
use super::tx::{Tx, Writing};
use crate::store::sealed_erasures::erase_sealed;
use crate::store::{AuditSubject, AuditWrites, ErasureWrites, LOCAL_REGION, RecordWrites, StoreError};

macro_rules! erase_from {
    ($table:literal, $key:literal, $condition:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE ",
            $key,
            " IN (SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE ",
            $condition,
            " LIMIT ?2)"
        )
    };
}

/// The same for what may have a file, whose key it returns.
macro_rules! erase_with_files_from {
    ($table:literal, $key:literal, $condition:literal) => {
        concat!(erase_from!($table, $key, $condition), " RETURNING file_key")
    };
}
/// Records that belong to client ?1 or name it.
const RECORDS: [&str; 2] = [
    "SELECT record_id FROM records WHERE writer_id = ?1 LIMIT ?2",
    "SELECT record_id FROM records WHERE user_id = ?1 AND user_id <> writer_id LIMIT ?2",
];

/// Each removes at most ?2 rows that belong to client ?1 or name it. The inequalities are those of the partial indexes;
/// what they leave out is what the client wrote itself.
const STATEMENTS: [&str; 12] = [
    erase_from!("access_keys", "position", "writer_id = ?1"),
    erase_from!("access_keys", "position", "reader_id = ?1 AND reader_id <> writer_id"),
    erase_from!("access_keys", "position", "user_id = ?1 AND user_id <> writer_id"),
    erase_from!("access_keys", "position", "authorizer_id = ?1 AND authorizer_id <> writer_id"),
    erase_from!("grants", "position", "writer_id = ?1"),
    erase_from!("grants", "position", "client_id = ?1"),
    erase_from!("grants", "position", "user_id = ?1 AND user_id <> writer_id"),
    erase_from!("grants", "position", "granted_by = ?1 AND granted_by <> writer_id"),
    erase_from!("record_grants", "position", "client_id = ?1"),
    erase_from!("record_grants", "position", "granted_by = ?1 AND granted_by <> writer_id"),
    erase_from!("group_shares", "position", "writer_id = ?1"),
    erase_from!("record_types", "position", "writer_id = ?1"),
];
/// Records that one step removes: each may fill thousands of pages, while other writers wait.
const RECORDS_PER_STEP: usize = 64;
const LAST_STATEMENT: &str = erase_from!("record_types", "position", "user_id = ?1 AND user_id <> writer_id");

/// The same for pending files, which may have bytes elsewhere.
const PENDING_FILES: [&str; 3] = [
    erase_with_files_from!("pending_files", "position", "client_id = ?1"),
    erase_with_files_from!("pending_files", "position", "writer_id = ?1 AND writer_id <> client_id"),
    erase_with_files_from!("pending_files", "position", "user_id = ?1 AND user_id <> client_id"),
];

impl ErasureWrites for Tx<'_, Writing<'_>> {
    fn erase_step(&mut self, limit: usize) -> Result<bool, StoreError> {
        let next = "SELECT position, client_id, changes_read FROM erasures ORDER BY position LIMIT 1";
        let mut left = limit;
        while let Some((position, client, changes_read)) = self.one(next, [], |row| {
            Ok((row.get::<_, i64>(0)?, column::<ClientId>(row, 1)?, row.get::<_, i64>(2)?))
        })? {
            for sql in RECORDS {
                let most = left.min(RECORDS_PER_STEP);
                let params = params![client.as_bytes(), row_limit(most)];
                let records = self.list(sql, params, |row| column::<RecordId>(row, 0))?;
                let erased = records.len();
                left = left.saturating_sub(erased);
                for id in records {
                    self.delete_record(id)?;
                }
                if erased >= most {
                    return Ok(true);
                }
            }
            for sql in PENDING_FILES {
                let erased = self.delete_letting_go(sql, params![client.as_bytes(), row_limit(left)])?;
                left = left.saturating_sub(erased);
                if left == 0 {
                    return Ok(true);
                }
            }
            for sql in STATEMENTS.into_iter().chain([LAST_STATEMENT]) {
                left = left.saturating_sub(self.execute(sql, params![client.as_bytes(), row_limit(left)])?);
                if left == 0 {
                    return Ok(true);
                }
            }
            let (erased, all) = erase_sealed(self, client, left)?;
            left = left.saturating_sub(erased);
            if !all {
                return Ok(true);
            }
            left = left.saturating_sub(self.erase_memberships(client, left)?);
            left = left.saturating_sub(self.erase_notes(client, left)?);
            if left == 0 {
                return Ok(true);
            }
            left = self.erase_changes(position, client, changes_read, left)?;
            if left == 0 {
                return Ok(true);
            }
            // What is left of the client in the audit log can no longer be tied to it.
            self.delete_audit_salt(AuditSubject::Client(client))?;
            self.execute("DELETE FROM erasures WHERE position = ?1", [position])?;
        }
        Ok(false)
    }
}

impl Tx<'_, Writing<'_>> {
    /// Queues the erasure of what belongs to a client whose row is gone.
    pub(super) fn queue_erasure(&mut self, client: ClientId, account: AccountId) -> Result<(), StoreError> {
        let position = self.next_position()?;
        self.execute(
            "INSERT INTO erasures (position, client_id, account_id, region, changes_read) VALUES (?1, ?2, ?3, ?4, 0) \
             ON CONFLICT (client_id) DO UPDATE SET changes_read = 0",
            params![position, client.as_bytes(), account.as_bytes(), LOCAL_REGION],
        )?;
        Ok(())
    }

    /// Looks at the next `limit` changes and erases those that name the client. Returns how many more may be looked at.
    /// The outbox has no index on clients: each of its rows is written once and read once, and an index would cost
    /// every write more than the rare erasure gains.
    fn erase_changes(
        &mut self,
        position: i64,
        client: ClientId,
        changes_read: i64,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let sequences = self.list(
            "SELECT sequence FROM changes WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
            params![changes_read, row_limit(limit)],
            |row| row.get::<_, i64>(0),
        )?;
        let Some(last) = sequences.last() else { return Ok(limit) };
        // What says that a client was deleted stays, or those who follow the outbox would never learn of it.
        self.execute(
            "DELETE FROM changes WHERE sequence > ?2 AND sequence <= ?3 \
             AND (client_id = ?1 OR other_id = ?1 OR actor_id = ?1) AND kind <> ?4",
            params![client.as_bytes(), changes_read, last, CLIENT_DELETED],
        )?;
        let sql = "UPDATE erasures SET changes_read = ?2 WHERE position = ?1";
        self.execute(sql, params![position, last])?;
        Ok(limit.saturating_sub(sequences.len()))
    }
}

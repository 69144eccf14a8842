//! Files in SQLite.

use rusqlite::types::Type;
use rusqlite::{Error, Row, params};
use tozstore_api::Timestamp;
use tozstore_crypto::{ClientId, FileChecksum, PendingFileId, RecordId, Version};

use super::columns::{column, integer, malformed, optional_id, row_limit};
use super::record_types::read_type_slot;
use super::tx::{Tx, Writing};
use crate::blobs::BlobKey;
use crate::store::files::DUE_AT_ONCE;
use crate::store::{
    FileContent, FileOwner, FileReads, FileWrites, LOCAL_REGION, PendingFileRow, RecordWithFile, StoreError,
    StoredFile,
};

const EXPIRED: &str = "DELETE FROM pending_files WHERE position IN (SELECT position FROM pending_files \
                       WHERE expires <= ?1 ORDER BY expires LIMIT ?2) RETURNING file_key";

impl<R> FileReads for Tx<'_, R> {
    fn pending_file(&self, id: PendingFileId) -> Result<Option<PendingFileRow>, StoreError> {
        self.one(
            "SELECT writer_id, user_id, record_type, pending_id, client_id, account_id, signature, record_id, version, \
             expires, file_key, file_bytes, file_checksum, file_compression, plain, data, note \
             FROM pending_files WHERE pending_id = ?1",
            [id.as_bytes()],
            read_pending,
        )
    }

    fn count_pending_files(&self, client: ClientId, limit: usize) -> Result<usize, StoreError> {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM pending_files WHERE client_id = ?1 LIMIT ?2)";
        let count: Option<u64> =
            self.one(sql, params![client.as_bytes(), row_limit(limit)], |row| column(row, 0))?;
        Ok(usize::try_from(count.unwrap_or(0)).unwrap_or(usize::MAX))
    }

    fn due_blobs(&self, now: Timestamp, limit: usize) -> Result<Vec<BlobKey>, StoreError> {
        self.list(
            "SELECT file_key FROM unclaimed_blobs WHERE due <= ?1 AND NOT EXISTS \
             (SELECT 1 FROM holds WHERE kind = 'files' AND (expires IS NULL OR expires > ?1)) ORDER BY due LIMIT ?2",
            params![now.micros(), row_limit(limit)],
            |row| row.get(0).map(BlobKey::from_bytes),
        )
    }
}

impl FileWrites for Tx<'_, Writing<'_>> {
    fn insert_pending_file(&mut self, row: &PendingFileRow) -> Result<(), StoreError> {
        let position = self.next_position()?;
        // A note is kept as it was sent: until it is committed, nobody asks for a part of it.
        let (record, note) = match &row.owner {
            FileOwner::Record(record) => (Some(record), None),
            FileOwner::Note(note) => (None, Some(serde_json::to_string(note).map_err(internal)?)),
        };
        let slot = record.map(|record| &record.type_slot);
        let replaces = record.and_then(|record| record.replaces.as_ref());
        self.insert(
            "the pending file",
            "INSERT INTO pending_files (position, pending_id, client_id, account_id, region, writer_id, user_id, \
             record_type, signature, record_id, version, expires, file_key, file_bytes, file_checksum, \
             file_compression, plain, data, note) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
            params![
                position,
                row.id.as_bytes(),
                row.client.as_bytes(),
                row.account_id.as_bytes(),
                LOCAL_REGION,
                slot.map_or(row.client, |slot| slot.writer).as_bytes(),
                slot.map_or(row.client, |slot| slot.user).as_bytes(),
                slot.map_or("", |slot| slot.record_type.as_str()),
                record.and_then(|record| record.signature.as_ref()),
                replaces.map(|(id, _)| id.as_bytes()),
                replaces.map(|(_, version)| version.as_bytes()),
                row.expires.micros(),
                row.key.as_ref().map(BlobKey::as_bytes),
                integer(row.content.len_bytes)?,
                row.content.checksum.as_bytes(),
                row.content.compression,
                record.map_or_else(|| "{}".to_owned(), |record| record.plain.to_json()),
                record.map_or("{}", |record| record.data.as_str()),
                note,
            ],
        )
    }

    fn attach_blob(&mut self, id: PendingFileId, key: BlobKey) -> Result<(), StoreError> {
        let old = "SELECT file_key FROM pending_files WHERE pending_id = ?1";
        let old = self.one(old, [id.as_bytes()], |row| optional_id(row, 0, BlobKey::from_bytes))?;
        let old = old.ok_or(StoreError::Missing("the pending file"))?;
        let sql = "UPDATE pending_files SET file_key = ?2 WHERE pending_id = ?1";
        self.execute(sql, params![id.as_bytes(), key.as_bytes()])?;
        self.let_go(old)
    }

    fn delete_pending_file(&mut self, id: PendingFileId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM pending_files WHERE pending_id = ?1 RETURNING file_key";
        Ok(self.delete_letting_go(sql, [id.as_bytes()])? > 0)
    }

    fn delete_expired_pending_files(&mut self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.delete_letting_go(EXPIRED, params![now.micros(), row_limit(limit)])
    }

    fn release_blob(&mut self, key: BlobKey, due: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT INTO unclaimed_blobs (file_key, due) VALUES (?1, ?2) \
                   ON CONFLICT (file_key) DO UPDATE SET due = excluded.due";
        self.execute(sql, params![key.as_bytes(), due.micros()]).map(drop)
    }

    fn claim_blob(&mut self, key: BlobKey) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM unclaimed_blobs WHERE file_key = ?1", [key.as_bytes()])? > 0)
    }
}

impl Tx<'_, Writing<'_>> {
    /// Runs a deletion that returns the keys of files, and lets go of those. Returns how many rows it removed.
    pub(super) fn delete_letting_go(
        &mut self,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<usize, StoreError> {
        let keys = self.list(sql, params, |row| optional_id(row, 0, BlobKey::from_bytes))?;
        for key in &keys {
            self.let_go(*key)?;
        }
        Ok(keys.len())
    }

    pub(super) fn let_go(&mut self, key: Option<BlobKey>) -> Result<(), StoreError> {
        key.map_or(Ok(()), |key| self.release_blob(key, DUE_AT_ONCE))
    }
}

/// The file of a record or a note in four columns; all are null if there is none.
pub(super) fn read_stored_file(row: &Row<'_>, at: usize) -> Result<Option<StoredFile>, Error> {
    let Some(key) = optional_id(row, at, BlobKey::from_bytes)? else { return Ok(None) };
    Ok(Some(StoredFile { key, content: read_content(row, at + 1)? }))
}

fn read_content(row: &Row<'_>, at: usize) -> Result<FileContent, Error> {
    Ok(FileContent {
        len_bytes: column(row, at)?,
        checksum: FileChecksum::from_bytes(row.get(at + 1)?),
        compression: row.get(at + 2)?,
    })
}

fn read_pending(row: &Row<'_>) -> Result<PendingFileRow, Error> {
    let owner = match row.get_ref(16)?.as_str_or_null()? {
        Some(note) => {
            let note = serde_json::from_str(note).map_err(|error| malformed(16, Type::Text, error))?;
            FileOwner::Note(note)
        }
        None => {
            let record_id = optional_id(row, 7, RecordId::from_bytes)?;
            let version = optional_id(row, 8, Version::from_bytes)?;
            FileOwner::Record(RecordWithFile {
                type_slot: read_type_slot(row)?,
                plain: column(row, 14)?,
                data: row.get(15)?,
                signature: row.get(6)?,
                replaces: record_id.zip(version),
            })
        }
    };
    Ok(PendingFileRow {
        id: column(row, 3)?,
        client: column(row, 4)?,
        account_id: column(row, 5)?,
        owner,
        expires: column(row, 9)?,
        key: optional_id(row, 10, BlobKey::from_bytes)?,
        content: read_content(row, 11)?,
    })
}

fn internal(error: serde_json::Error) -> StoreError {
    StoreError::Internal(error.into())
}

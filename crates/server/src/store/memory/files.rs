//! Files in memory: the rows, that is; bytes lie with the blobs.

use rpds::RedBlackTreeMapSync as Map;
use tozstore_api::Timestamp;
use tozstore_crypto::{ClientId, PendingFileId};

use super::tx::{Tx, Writing};
use crate::blobs::BlobKey;
use crate::store::files::DUE_AT_ONCE;
use crate::store::{FileOwner, FileReads, FileWrites, PendingFileRow, StoreError};

#[derive(Clone, Default)]
pub(super) struct FileTable {
    pending: Map<PendingFileId, PendingFileRow>,
    unclaimed: Map<BlobKey, Timestamp>,
}

impl<R> FileReads for Tx<R> {
    fn pending_file(&self, id: PendingFileId) -> Result<Option<PendingFileRow>, StoreError> {
        Ok(self.tables.files.pending.get(&id).cloned())
    }

    fn count_pending_files(&self, client: ClientId, limit: usize) -> Result<usize, StoreError> {
        let announced = self.tables.files.pending.values().filter(|row| row.client == client);
        Ok(announced.take(limit).count())
    }

    fn due_blobs(&self, now: Timestamp, limit: usize) -> Result<Vec<BlobKey>, StoreError> {
        let due = self.tables.files.unclaimed.iter().filter(|(_, due)| **due <= now);
        Ok(due.take(limit).map(|(key, _)| *key).collect())
    }
}

impl FileWrites for Tx<Writing<'_>> {
    fn insert_pending_file(&mut self, row: &PendingFileRow) -> Result<(), StoreError> {
        let pending = &mut self.tables.files.pending;
        if pending.contains_key(&row.id) {
            return Err(StoreError::AlreadyExists("the pending file"));
        }
        pending.insert_mut(row.id, row.clone());
        Ok(())
    }

    fn attach_blob(&mut self, id: PendingFileId, key: BlobKey) -> Result<(), StoreError> {
        let files = &mut self.tables.files;
        let mut row = files.pending.get(&id).cloned().ok_or(StoreError::Missing("the pending file"))?;
        let old = row.key.replace(key);
        files.pending.insert_mut(id, row);
        files.let_go(old);
        Ok(())
    }

    fn delete_pending_file(&mut self, id: PendingFileId) -> Result<bool, StoreError> {
        Ok(self.tables.files.remove(id))
    }

    fn delete_expired_pending_files(&mut self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        Ok(self.tables.files.remove_where(limit, |row| row.expires <= now))
    }

    fn release_blob(&mut self, key: BlobKey, due: Timestamp) -> Result<(), StoreError> {
        self.tables.files.unclaimed.insert_mut(key, due);
        Ok(())
    }

    fn claim_blob(&mut self, key: BlobKey) -> Result<bool, StoreError> {
        Ok(self.tables.files.unclaimed.remove_mut(&key))
    }
}

impl FileTable {
    /// Puts a key on the list of unclaimed ones, due at once.
    pub(super) fn let_go(&mut self, key: Option<BlobKey>) {
        if let Some(key) = key {
            self.unclaimed.insert_mut(key, DUE_AT_ONCE);
        }
    }

    /// Removes at most `limit` pending files that name the client; returns how many.
    pub(super) fn erase(&mut self, client: ClientId, limit: usize) -> usize {
        self.remove_where(limit, |row| match &row.owner {
            FileOwner::Note(_) => row.client == client,
            FileOwner::Record(record) => {
                [row.client, record.type_slot.writer, record.type_slot.user].contains(&client)
            }
        })
    }

    fn remove_where(&mut self, limit: usize, condition: impl Fn(&PendingFileRow) -> bool) -> usize {
        let ids = self.pending.values().filter(|row| condition(row)).take(limit).map(|row| row.id);
        let ids: Vec<_> = ids.collect();
        ids.into_iter().filter(|id| self.remove(*id)).count()
    }

    fn remove(&mut self, id: PendingFileId) -> bool {
        let Some(row) = self.pending.get(&id) else { return false };
        let key = row.key;
        self.pending.remove_mut(&id);
        self.let_go(key);
        true
    }
}

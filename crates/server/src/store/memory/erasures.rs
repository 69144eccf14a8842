//! Erasing in memory what deleted clients leave behind.

use rpds::RedBlackTreeMapSync as Map;
use tozstore_crypto::ClientId;

use super::tx::{Tx, Writing};
use crate::store::sealed_erasures::erase_sealed;
use crate::store::{AuditSubject, AuditWrites, ErasureWrites, NoteWrites, RecordWrites, StoreError};

/// Deleted clients, in the order in which they were deleted.
#[derive(Clone, Default)]
pub(super) struct ErasureTable {
    queue: Map<u64, ClientId>,
}

impl ErasureTable {
    /// Queues the erasure of what belongs to a client whose row is gone.
    pub(super) fn queue(&mut self, position: u64, client: ClientId) {
        self.queue.insert_mut(position, client);
    }
}

impl ErasureWrites for Tx<Writing<'_>> {
    fn erase_step(&mut self, limit: usize) -> Result<bool, StoreError> {
        let mut left = limit;
        while let Some((position, client)) =
            self.tables.erasures.queue.first().map(|(at, client)| (*at, *client))
        {
            let records = self.tables.records.naming(client, left);
            left -= records.len();
            for id in records {
                self.delete_record(id)?;
            }
            let notes = self.tables.notes.written_by(client, left);
            left -= notes.len();
            for id in notes {
                self.delete_note(id)?;
            }
            let (erased, all) = erase_sealed(self, client, left)?;
            left -= erased;
            if !all {
                return Ok(true);
            }
            let tables = &mut self.tables;
            left -= tables.files.erase(client, left);
            left -= tables.access_keys.erase(client, left);
            left -= tables.grants.erase(client, left);
            left -= tables.record_grants.erase(client, left);
            left -= tables.groups.erase(client, left);
            left -= tables.record_types.erase(client, left);
            left -= tables.changes.erase(client, left);
            if left == 0 {
                return Ok(true);
            }
            tables.erasures.queue.remove_mut(&position);
            // What is left of the client in the audit log can no longer be tied to it.
            self.delete_audit_salt(AuditSubject::Client(client))?;
        }
        Ok(false)
    }
}

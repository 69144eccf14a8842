//! The audit log in memory.

use std::ops::Bound;

use rpds::RedBlackTreeMapSync as Map;

use super::tx::{Tx, Writing};
use crate::store::{AuditEntry, AuditHead, AuditReads, AuditSubject, AuditWrites, StoreError};

#[derive(Clone, Default)]
pub(super) struct AuditTable {
    entries: Map<u64, AuditEntry>,
    salts: Map<AuditSubject, [u8; 32]>,
}

impl<R> AuditReads for Tx<R> {
    fn audit_head(&self) -> Result<Option<AuditHead>, StoreError> {
        let last = self.tables.audit.entries.last();
        Ok(last.map(|(&position, entry)| AuditHead { position, digest: entry.digest }))
    }

    fn audit_entries(&self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let range = (Bound::Excluded(after), Bound::Unbounded);
        Ok(self.tables.audit.entries.range(range).take(limit).map(|(_, entry)| entry.clone()).collect())
    }

    fn audit_salt(&self, subject: AuditSubject) -> Result<Option<[u8; 32]>, StoreError> {
        Ok(self.tables.audit.salts.get(&subject).copied())
    }
}

impl AuditWrites for Tx<Writing<'_>> {
    fn insert_audit_entry(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        let entries = &mut self.tables.audit.entries;
        if entries.contains_key(&entry.position) {
            return Err(StoreError::AlreadyExists("the entry of the audit log"));
        }
        entries.insert_mut(entry.position, entry.clone());
        Ok(())
    }

    fn insert_audit_salt(&mut self, subject: AuditSubject, salt: &[u8; 32]) -> Result<(), StoreError> {
        let salts = &mut self.tables.audit.salts;
        if salts.contains_key(&subject) {
            return Err(StoreError::AlreadyExists("the salt"));
        }
        salts.insert_mut(subject, *salt);
        Ok(())
    }

    fn delete_audit_salt(&mut self, subject: AuditSubject) -> Result<(), StoreError> {
        self.tables.audit.salts.remove_mut(&subject);
        Ok(())
    }
}

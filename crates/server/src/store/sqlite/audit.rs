//! The audit log in SQLite.

use rusqlite::params;

use super::columns::{column, integer, row_limit};
use super::tx::{Tx, Writing};
use crate::store::audit::{about_text, parse_about};
use crate::store::{AuditEntry, AuditHead, AuditReads, AuditSubject, AuditWrites, LOCAL_REGION, StoreError};

impl<R> AuditReads for Tx<'_, R> {
    fn audit_head(&self) -> Result<Option<AuditHead>, StoreError> {
        let sql = "SELECT position, digest FROM audit_entries ORDER BY position DESC LIMIT 1";
        self.one(sql, [], |row| Ok(AuditHead { position: column(row, 0)?, digest: row.get(1)? }))
    }

    fn audit_entries(&self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.list(
            "SELECT position, at, action, actor, about, previous, digest FROM audit_entries \
             WHERE position > ?1 ORDER BY position LIMIT ?2",
            params![integer(after).unwrap_or(i64::MAX), row_limit(limit)],
            |row| {
                Ok(AuditEntry {
                    position: column(row, 0)?,
                    at: column(row, 1)?,
                    action: row.get(2)?,
                    actor: row.get(3)?,
                    about: parse_about(&row.get::<_, String>(4)?),
                    previous: row.get(5)?,
                    digest: row.get(6)?,
                })
            },
        )
    }

    fn audit_salt(&self, subject: AuditSubject) -> Result<Option<[u8; 32]>, StoreError> {
        let (kind, id) = subject.key();
        let sql = "SELECT salt FROM audit_salts WHERE kind = ?1 AND subject_id = ?2";
        self.one(sql, params![kind, id], |row| row.get(0))
    }
}

impl AuditWrites for Tx<'_, Writing<'_>> {
    fn insert_audit_entry(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.insert(
            "the entry of the audit log",
            "INSERT INTO audit_entries (position, region, at, action, actor, about, previous, digest) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                integer(entry.position)?,
                LOCAL_REGION,
                entry.at.micros(),
                entry.action,
                entry.actor,
                about_text(&entry.about),
                entry.previous,
                entry.digest,
            ],
        )
    }

    fn insert_audit_salt(&mut self, subject: AuditSubject, salt: &[u8; 32]) -> Result<(), StoreError> {
        let (kind, id) = subject.key();
        let sql = "INSERT INTO audit_salts (kind, subject_id, region, salt) VALUES (?1, ?2, ?3, ?4)";
        self.insert("the salt", sql, params![kind, id, LOCAL_REGION, salt])
    }

    fn delete_audit_salt(&mut self, subject: AuditSubject) -> Result<(), StoreError> {
        let (kind, id) = subject.key();
        let sql = "DELETE FROM audit_salts WHERE kind = ?1 AND subject_id = ?2";
        self.execute(sql, params![kind, id]).map(drop)
    }
}

//! The audit log in PostgreSQL.

use super::columns::{column, integer, params, row_limit};
use super::tx::{Tx, Writing};
use crate::store::audit::{about_text, parse_about};
use crate::store::{AuditEntry, AuditHead, AuditReads, AuditSubject, AuditWrites, LOCAL_REGION, StoreError};

impl<R> AuditReads for Tx<'_, R> {
    fn audit_head(&self) -> Result<Option<AuditHead>, StoreError> {
        let sql = "SELECT position, digest FROM audit_entries ORDER BY position DESC LIMIT 1";
        self.one(sql, params![], |row| Ok(AuditHead { position: column(row, 0)?, digest: column(row, 1)? }))
    }

    fn audit_entries(&self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.list(
            "SELECT position, at, action, actor, about, previous, digest FROM audit_entries \
             WHERE position > $1 ORDER BY position LIMIT $2",
            params![integer(after).unwrap_or(i64::MAX), row_limit(limit)],
            |row| {
                Ok(AuditEntry {
                    position: column(row, 0)?,
                    at: column(row, 1)?,
                    action: column(row, 2)?,
                    actor: column(row, 3)?,
                    about: parse_about(&column::<String>(row, 4)?),
                    previous: column(row, 5)?,
                    digest: column(row, 6)?,
                })
            },
        )
    }

    fn audit_salt(&self, subject: AuditSubject) -> Result<Option<[u8; 32]>, StoreError> {
        let (kind, id) = subject.key();
        let sql = "SELECT salt FROM audit_salts WHERE kind = $1 AND subject_id = $2";
        self.one(sql, params![kind, id], |row| column(row, 0))
    }
}

impl AuditWrites for Tx<'_, Writing<'_>> {
    fn insert_audit_entry(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.insert(
            "the entry of the audit log",
            "INSERT INTO audit_entries (position, region, at, action, actor, about, previous, digest) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
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
        let sql = "INSERT INTO audit_salts (kind, subject_id, region, salt) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT DO NOTHING";
        self.insert("the salt", sql, params![kind, id, LOCAL_REGION, salt])
    }

    fn delete_audit_salt(&mut self, subject: AuditSubject) -> Result<(), StoreError> {
        let (kind, id) = subject.key();
        let sql = "DELETE FROM audit_salts WHERE kind = $1 AND subject_id = $2";
        self.execute(sql, params![kind, id]).map(drop)
    }
}

//! The outbox in PostgreSQL.

use tokio_postgres::Row;
use tozstore_api::{RecordType, Timestamp};
use tozstore_crypto::{ClientId, GroupId, NoteId, RecordId, Version};

use super::columns::{column, integer, malformed, optional_id, params, row_limit};
use super::tx::{Tx, Writing};
use crate::store::{
    Change, ChangeKind, ChangeReads, ChangeRow, ChangeWrites, LOCAL_REGION, StoreError, audit,
};

/// Kinds of changes as they are stored. Names are never changed, since rows keep them.
const KINDS: [(ChangeKind, &str); 31] = [
    (ChangeKind::AccessKeyDeleted, "access_key_deleted"),
    (ChangeKind::AccessKeyPut, "access_key_put"),
    (ChangeKind::AccountCreated, "account_created"),
    (ChangeKind::AccountDeleted, "account_deleted"),
    (ChangeKind::AccountUpdated, "account_updated"),
    (ChangeKind::ClientBundlePut, "client_bundle_put"),
    (ChangeKind::ClientDeleted, CLIENT_DELETED),
    (ChangeKind::ClientRegistered, "client_registered"),
    (ChangeKind::ClientUpdated, "client_updated"),
    (ChangeKind::GroupCreated, "group_created"),
    (ChangeKind::GroupDeleted, "group_deleted"),
    (ChangeKind::GroupMemberPut, "group_member_put"),
    (ChangeKind::GroupMemberRemoved, "group_member_removed"),
    (ChangeKind::GroupShared, "group_shared"),
    (ChangeKind::GroupUnshared, "group_unshared"),
    (ChangeKind::GroupUpdated, "group_updated"),
    (ChangeKind::HookCreated, "hook_created"),
    (ChangeKind::HookDeleted, "hook_deleted"),
    (ChangeKind::NoteDeleted, "note_deleted"),
    (ChangeKind::NoteReplaced, "note_replaced"),
    (ChangeKind::NoteWritten, "note_written"),
    (ChangeKind::PolicyPut, "policy_put"),
    (ChangeKind::PolicyWithdrawn, "policy_withdrawn"),
    (ChangeKind::RecordDeleted, "record_deleted"),
    (ChangeKind::RecordUpdated, "record_updated"),
    (ChangeKind::RecordWritten, "record_written"),
    (ChangeKind::RegistrationTokenCreated, "registration_token_created"),
    (ChangeKind::RegistrationTokenDeleted, "registration_token_deleted"),
    (ChangeKind::SealedEntryAppended, "sealed_entry_appended"),
    (ChangeKind::SealedRecordDeleted, "sealed_record_deleted"),
    (ChangeKind::SealedRecordWritten, "sealed_record_written"),
];

/// The kind that erasure leaves.
pub(super) const CLIENT_DELETED: &str = "client_deleted";

impl<R> ChangeReads for Tx<'_, R> {
    fn changes_after(&self, sequence: u64, limit: usize) -> Result<Vec<ChangeRow>, StoreError> {
        self.list(
            "SELECT sequence, at, kind, account_id, actor_id, client_id, other_id, record_type, record_id, version, \
             note_id, group_id FROM changes WHERE sequence > $1 ORDER BY sequence LIMIT $2",
            params![integer(sequence).unwrap_or(i64::MAX), row_limit(limit)],
            read_change,
        )
    }
}

impl ChangeWrites for Tx<'_, Writing<'_>> {
    fn append_change(&mut self, at: Timestamp, change: &Change) -> Result<(), StoreError> {
        audit::append_change(self, at, change)?;
        let sequence = self.next_position()?;
        let kind = KINDS.iter().find(|(kind, _)| *kind == change.kind).map(|(_, name)| *name);
        self.execute_late(
            "INSERT INTO changes (sequence, account_id, region, at, kind, actor_id, client_id, other_id, record_type, \
             record_id, version, note_id, group_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT DO NOTHING",
            params![
                sequence,
                change.account_id.as_bytes(),
                LOCAL_REGION,
                at.micros(),
                kind,
                change.actor.as_ref().map(ClientId::as_bytes),
                change.client.as_ref().map(ClientId::as_bytes),
                change.other.as_ref().map(ClientId::as_bytes),
                change.record_type.as_ref().map(RecordType::as_str),
                change.record.as_ref().map(|(id, _)| id.as_bytes()),
                change.record.as_ref().map(|(_, version)| version.as_bytes()),
                change.note.as_ref().map(NoteId::as_bytes),
                change.group.as_ref().map(GroupId::as_bytes),
            ],
        )
    }

    fn delete_changes_before(&mut self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        // Changes lie in order of time but for transactions that overlapped; what is missed now goes with a later call.
        let limit = row_limit(limit);
        self.execute(
            "DELETE FROM changes WHERE sequence IN (SELECT sequence FROM changes ORDER BY sequence LIMIT $2) \
             AND at < $1",
            params![before.micros(), limit],
        )
    }
}

fn read_change(row: &Row) -> Result<ChangeRow, StoreError> {
    let kind_name: String = column(row, 2)?;
    let (kind, _) = KINDS
        .iter()
        .find(|(_, name)| *name == kind_name)
        .ok_or_else(|| malformed(2, "an unknown kind of change"))?;
    let record_id = optional_id(row, 8, RecordId::from_bytes)?;
    let version = optional_id(row, 9, Version::from_bytes)?;
    Ok(ChangeRow {
        sequence: column(row, 0)?,
        at: column(row, 1)?,
        change: Change {
            kind: *kind,
            account_id: column(row, 3)?,
            actor: optional_id(row, 4, ClientId::from_bytes)?,
            client: optional_id(row, 5, ClientId::from_bytes)?,
            other: optional_id(row, 6, ClientId::from_bytes)?,
            record_type: column(row, 7)?,
            group: optional_id(row, 11, GroupId::from_bytes)?,
            record: record_id.zip(version),
            note: optional_id(row, 10, NoteId::from_bytes)?,
        },
    })
}

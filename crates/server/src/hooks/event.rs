//! What a receiver is told: a change of the outbox, as the body of a delivery.

use tozstore_api::{HookDelivery, HookEvent};
use uuid::Uuid;

use crate::store::{ChangeKind, ChangeRow, HookRow, StoreError};

/// What a change is called in deliveries. Creation and deletion of accounts happen while there are no hooks; of what is
/// sealed, receivers are told nothing yet: they would look for it where it is not.
pub(super) const fn event_of(kind: ChangeKind) -> Option<HookEvent> {
    Some(match kind {
        ChangeKind::AccessKeyDeleted => HookEvent::AccessKeyDeleted,
        ChangeKind::AccessKeyPut => HookEvent::AccessKeyPut,
        ChangeKind::AccountUpdated => HookEvent::AccountUpdated,
        ChangeKind::ClientDeleted => HookEvent::ClientDeleted,
        ChangeKind::ClientRegistered => HookEvent::ClientRegistered,
        ChangeKind::ClientUpdated => HookEvent::ClientUpdated,
        ChangeKind::GroupCreated => HookEvent::GroupCreated,
        ChangeKind::GroupDeleted => HookEvent::GroupDeleted,
        ChangeKind::GroupMemberPut => HookEvent::GroupMemberPut,
        ChangeKind::GroupMemberRemoved => HookEvent::GroupMemberRemoved,
        ChangeKind::GroupShared => HookEvent::GroupShared,
        ChangeKind::GroupUnshared => HookEvent::GroupUnshared,
        ChangeKind::GroupUpdated => HookEvent::GroupUpdated,
        ChangeKind::NoteDeleted => HookEvent::NoteDeleted,
        ChangeKind::NoteReplaced => HookEvent::NoteReplaced,
        ChangeKind::NoteWritten => HookEvent::NoteWritten,
        ChangeKind::PolicyPut => HookEvent::PolicyGranted,
        ChangeKind::PolicyWithdrawn => HookEvent::PolicyWithdrawn,
        ChangeKind::RecordDeleted => HookEvent::RecordDeleted,
        ChangeKind::RecordUpdated => HookEvent::RecordUpdated,
        ChangeKind::RecordWritten => HookEvent::RecordWritten,
        ChangeKind::RegistrationTokenCreated => HookEvent::RegistrationTokenCreated,
        ChangeKind::RegistrationTokenDeleted => HookEvent::RegistrationTokenDeleted,
        ChangeKind::AccountCreated
        | ChangeKind::AccountDeleted
        | ChangeKind::ClientBundlePut
        | ChangeKind::HookCreated
        | ChangeKind::HookDeleted
        | ChangeKind::SealedEntryAppended
        | ChangeKind::SealedRecordDeleted
        | ChangeKind::SealedRecordWritten => return None,
    })
}

/// The body of a delivery.
pub(super) fn body(
    hook: &HookRow,
    id: Uuid,
    event: HookEvent,
    row: &ChangeRow,
) -> Result<String, StoreError> {
    let change = row.change.clone();
    let (record_id, version) = change.record.unzip();
    let delivery = HookDelivery {
        delivery_id: id.to_string(),
        webhook_id: hook.id,
        event,
        time: row.at,
        account_id: change.account_id,
        actor_id: change.actor,
        client_id: change.client,
        other_client_id: change.other,
        record_type: change.record_type,
        record_id,
        version,
        group_id: change.group,
        note_id: change.note,
    };
    serde_json::to_string(&delivery).map_err(|error| StoreError::Internal(error.into()))
}

//! The outbox.

use std::sync::Arc;

use tozstore_crypto::{NoteId, RecordId, Version};

use super::samples::{account_id, client_id, group_id, record_type, time};
use super::{Open, read, write};
use crate::clock::SystemClock;
use crate::store::{Change, ChangeKind};

const KINDS: [ChangeKind; 31] = [
    ChangeKind::AccessKeyDeleted,
    ChangeKind::AccessKeyPut,
    ChangeKind::AccountCreated,
    ChangeKind::AccountDeleted,
    ChangeKind::AccountUpdated,
    ChangeKind::ClientBundlePut,
    ChangeKind::ClientDeleted,
    ChangeKind::ClientRegistered,
    ChangeKind::ClientUpdated,
    ChangeKind::GroupCreated,
    ChangeKind::GroupDeleted,
    ChangeKind::GroupMemberPut,
    ChangeKind::GroupMemberRemoved,
    ChangeKind::GroupShared,
    ChangeKind::GroupUnshared,
    ChangeKind::GroupUpdated,
    ChangeKind::HookCreated,
    ChangeKind::HookDeleted,
    ChangeKind::NoteDeleted,
    ChangeKind::NoteReplaced,
    ChangeKind::NoteWritten,
    ChangeKind::PolicyPut,
    ChangeKind::PolicyWithdrawn,
    ChangeKind::RecordDeleted,
    ChangeKind::RecordUpdated,
    ChangeKind::RecordWritten,
    ChangeKind::RegistrationTokenCreated,
    ChangeKind::RegistrationTokenDeleted,
    ChangeKind::SealedEntryAppended,
    ChangeKind::SealedRecordDeleted,
    ChangeKind::SealedRecordWritten,
];

/// Changes of every kind read back in order, by page, and are removed by age.
pub async fn changes(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    let change_of = |kind| Change {
        actor: Some(client_id(1)),
        client: Some(client_id(2)),
        other: Some(client_id(3)),
        record_type: Some(record_type("a")),
        group: Some(group_id(4)),
        record: Some((RecordId::from_bytes([5; 16]), Version::from_bytes([6; 16]))),
        note: Some(NoteId::from_bytes([7; 16])),
        ..Change::new(kind, account_id(1))
    };
    write(&store, move |tx| {
        for (kind, n) in KINDS.into_iter().zip(0..) {
            let bare = Change::new(kind, account_id(1));
            tx.append_change(time(n), &if n % 2 == 0 { bare } else { change_of(kind) })?;
        }
        Ok(())
    })
    .await
    .unwrap();

    let all = read(&store, |tx| tx.changes_after(0, 100)).await;
    assert_eq!(all.iter().map(|row| row.change.kind).collect::<Vec<_>>(), KINDS);
    assert_eq!((all[1].change.clone(), all[1].at), (change_of(KINDS[1]), time(1)));
    assert_eq!(all[2].change, Change::new(KINDS[2], account_id(1)));
    assert!(all[0].sequence > 0 && all.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
    let after = all[3].sequence;
    assert_eq!(read(&store, move |tx| tx.changes_after(after, 2)).await, all[4..6]);

    assert_eq!(write(&store, |tx| tx.delete_changes_before(time(5), 3)).await.unwrap(), 3);
    assert_eq!(write(&store, |tx| tx.delete_changes_before(time(5), 3)).await.unwrap(), 2);
    assert_eq!(write(&store, |tx| tx.delete_changes_before(time(5), 3)).await.unwrap(), 0);
    assert_eq!(read(&store, |tx| tx.changes_after(0, 100)).await, all[5..]);

    // A sequence is not used twice, even if the last one is removed.
    assert_eq!(write(&store, |tx| tx.delete_changes_before(time(1000), 100)).await.unwrap(), KINDS.len() - 5);
    write(&store, |tx| tx.append_change(time(9), &Change::new(ChangeKind::PolicyPut, account_id(1))))
        .await
        .unwrap();
    let last = all[KINDS.len() - 1].sequence;
    assert_eq!(read(&store, move |tx| tx.changes_after(last, 100)).await.len(), 1);
}

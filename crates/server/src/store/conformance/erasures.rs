//! Erasure of what deleted clients leave behind.

use std::sync::Arc;

use super::samples::{
    access_key, account_id, client, client_id, grant, note, note_id, record, record_type_row, time, type_slot,
};
use super::{Open, read, write};
use crate::clock::SystemClock;
use crate::store::{Change, ChangeKind, GrantSet, RecordGrantRow, RecordReads, Store, StoreError, WriteTx};

const READ: GrantSet = GrantSet { read: true, edit: false, authorizer: false };

/// Each step erases a few rows, and the last one says that nothing is left.
pub async fn erasure_works_in_steps(open: Open<'_>) {
    const LIMIT: usize = 4;
    let store = open(Arc::new(SystemClock));
    assert!(!write(&store, |tx| tx.erase_step(LIMIT)).await.unwrap());
    write(&store, |tx| {
        tx.insert_client(&client(1))?;
        (1..=30).try_for_each(|n| tx.insert_record(&record(n, 1, 1, "a")))?;
        tx.delete_client(client_id(1)).map(drop)
    })
    .await
    .unwrap();
    let mut left = 30;
    for step in 0.. {
        assert!(step < 100, "erasure does not end");
        let more = write(&store, |tx| tx.erase_step(LIMIT)).await.unwrap();
        let now = read(&store, |tx| count(tx, 30)).await;
        assert!(left - now <= LIMIT, "a step erased {} rows", left - now);
        left = now;
        if !more {
            break;
        }
    }
    assert_eq!(left, 0);
}

/// What names a deleted client goes; what does not, stays.
pub async fn erasure_leaves_others_alone(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| {
        (1..=3).try_for_each(|n| tx.insert_client(&client(n)))?;
        // Two pairs of client and deleted client, one that is to stay, for every table.
        for (n, writer, user) in [(1, 1, 1), (2, 2, 1), (3, 1, 2), (4, 2, 2)] {
            tx.insert_record(&record(n, writer, user, "a"))?;
            tx.ensure_record_type(&record_type_row(type_slot(writer, user, "a")))?;
            for reader in [1, 2] {
                tx.insert_access_key(&access_key(type_slot(writer, user, "a"), reader))?;
                tx.put_grants(&grant(type_slot(writer, user, "a"), reader, READ))?;
            }
        }
        for (n, holder, by) in [(4, 1, 2), (4, 3, 1), (4, 2, 2)] {
            tx.put_record_grant(&RecordGrantRow {
                record: record(n, 2, 2, "a").head.id,
                slot: grant(type_slot(2, 2, "a"), holder, READ).slot,
                account_id: account_id(1),
                granted_by: client_id(by),
                created: time(1),
            })?;
        }
        let mut by_authorizer = access_key(type_slot(2, 2, "a"), 3);
        by_authorizer.authorizer = client_id(1);
        tx.insert_access_key(&by_authorizer)?;
        let mut by_authorizer = grant(type_slot(2, 2, "a"), 3, READ);
        by_authorizer.granted_by = client_id(1);
        tx.put_grants(&by_authorizer)?;
        for (actor, about, other) in [(1, 2, 3), (2, 1, 3), (2, 3, 1), (2, 3, 2)] {
            append(tx, ChangeKind::PolicyPut, actor, about, other)?;
        }
        tx.insert_note(&note(1, Some(1)))?;
        tx.insert_note(&note(2, Some(2)))?;
        tx.insert_note(&note(3, None))?;
        append(tx, ChangeKind::ClientDeleted, 1, 1, 1)?;
        tx.delete_client(client_id(1)).map(drop)
    })
    .await
    .unwrap();
    drain(&store).await;

    read(&store, |tx| {
        for (n, writer, user) in [(1, 1, 1), (2, 2, 1), (3, 1, 2), (4, 2, 2)] {
            let stays = writer == 2 && user == 2;
            assert_eq!(tx.record_head(record(n, writer, user, "a").head.id)?.is_some(), stays);
            let slot = type_slot(writer, user, "a");
            assert_eq!(tx.record_type(&slot)?.is_some(), stays);
            for reader in [1, 2, 3] {
                let stays = stays && reader == 2;
                assert_eq!(tx.access_key(&access_key(slot.clone(), reader).slot)?.is_some(), stays);
                assert_eq!(!tx.grants(&grant(slot.clone(), reader, READ).slot)?.is_empty(), stays);
            }
        }
        let readers = [1, 2, 3].map(|n| tx.reads_record(record(4, 2, 2, "a").head.id, client_id(n)));
        assert!(matches!(readers, [Ok(false), Ok(true), Ok(false)]), "{readers:?}");
        let notes = [1, 2, 3].map(|n| tx.note_head(note_id(n)).map(|head| head.is_some()));
        assert!(matches!(notes, [Ok(false), Ok(true), Ok(true)]), "{notes:?}");
        let changes = tx.changes_after(0, 100)?;
        let kinds: Vec<_> = changes.iter().map(|row| (row.change.kind, row.change.actor)).collect();
        let expected =
            [(ChangeKind::PolicyPut, Some(client_id(2))), (ChangeKind::ClientDeleted, Some(client_id(1)))];
        assert_eq!(kinds, expected);
        assert!(tx.client(client_id(2))?.is_some());
        Ok(())
    })
    .await;
}

fn append(
    tx: &mut dyn WriteTx,
    kind: ChangeKind,
    actor: u32,
    about: u32,
    other: u32,
) -> Result<(), StoreError> {
    let change = Change {
        actor: Some(client_id(actor)),
        client: Some(client_id(about)),
        other: Some(client_id(other)),
        ..Change::new(kind, account_id(1))
    };
    tx.append_change(time(1), &change)
}

fn count(tx: &(impl RecordReads + ?Sized), records: u32) -> Result<usize, StoreError> {
    let mut found = 0;
    for n in 1..=records {
        found += usize::from(tx.record_head(record(n, 1, 1, "a").head.id)?.is_some());
    }
    Ok(found)
}

async fn drain(store: &Arc<dyn Store>) {
    for _ in 0..100 {
        if !write(store, |tx| tx.erase_step(3)).await.unwrap() {
            return;
        }
    }
    panic!("erasure does not end");
}

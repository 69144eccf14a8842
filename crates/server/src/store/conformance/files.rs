//! Files: what was announced, and which bytes nobody owns.

use std::sync::Arc;

use tozstore_api::{Plain, Timestamp};
use tozstore_crypto::{FileChecksum, PendingFileId};

use super::samples::{account_id, client, client_id, note, note_to_write, record, time, type_slot};
use super::{Open, assert_refused, read, write};
use crate::blobs::BlobKey;
use crate::clock::SystemClock;
use crate::store::{
    FileContent, FileOwner, NoteRow, NoteUses, PendingFileRow, RecordRow, RecordWithFile, Store, StoredFile,
};

fn key(n: u8) -> BlobKey {
    BlobKey::from_bytes([n; 16])
}

fn content(n: u8) -> FileContent {
    FileContent {
        len_bytes: (1 << 33) + u64::from(n),
        checksum: FileChecksum::from_bytes([n; 16]),
        compression: "raw".into(),
    }
}

fn pending(n: u8, client: u32, expires: u32) -> PendingFileRow {
    let record = record(9, client, client, "a").head;
    let owner = if n.is_multiple_of(3) {
        FileOwner::Note(Box::new(note_to_write(n.into())))
    } else {
        FileOwner::Record(RecordWithFile {
            type_slot: type_slot(client, client, "a"),
            plain: record.plain,
            data: r#"{"field":"value"}"#.into(),
            signature: n.is_multiple_of(2).then(|| "signature".into()),
            replaces: n.is_multiple_of(2).then_some((record.id, record.version)),
        })
    };
    PendingFileRow {
        id: PendingFileId::from_bytes([n; 16]),
        client: client_id(client),
        account_id: account_id(1),
        owner,
        content: content(n),
        key: None,
        expires: time(expires),
    }
}

fn with_file(n: u32, writer: u32, file: u8) -> RecordRow {
    let mut row = record(n, writer, writer, "a");
    row.head.file = Some(StoredFile { key: key(file), content: content(file) });
    row
}

async fn unclaimed(store: &Arc<dyn Store>) -> Vec<BlobKey> {
    let mut keys = read(store, |tx| tx.due_blobs(time(1000), 100)).await;
    keys.sort();
    keys
}

/// Pending files come back as they were, once each, and lapse.
pub async fn pending_files(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| (1..=4).try_for_each(|n| tx.insert_pending_file(&pending(n, 1, n.into()))))
        .await
        .unwrap();
    assert_refused!(write(&store, |tx| tx.insert_pending_file(&pending(1, 2, 1))).await, AlreadyExists);
    for n in 1..=4 {
        let row = pending(n, 1, n.into());
        assert_eq!(
            read(&store, move |tx| tx.pending_file(PendingFileId::from_bytes([n; 16]))).await,
            Some(row)
        );
    }
    let counts = read(&store, |tx| {
        Ok([
            tx.count_pending_files(client_id(1), 9)?,
            tx.count_pending_files(client_id(1), 3)?,
            tx.count_pending_files(client_id(2), 9)?,
        ])
    });
    assert_eq!(counts.await, [4, 3, 0]);

    let id = |n| pending(n, 1, 0).id;
    write(&store, move |tx| tx.attach_blob(id(2), key(20))).await.unwrap();
    write(&store, move |tx| tx.attach_blob(id(2), key(21))).await.unwrap();
    assert_refused!(write(&store, move |tx| tx.attach_blob(id(9), key(9))).await, Missing);
    assert_eq!(unclaimed(&store).await, [key(20)]);
    let deleted = write(&store, |tx| tx.delete_expired_pending_files(time(3), 1));
    assert_eq!(deleted.await.unwrap(), 1);
    let deleted = write(&store, |tx| tx.delete_expired_pending_files(time(3), 9));
    assert_eq!(deleted.await.unwrap(), 2);
    assert_eq!(unclaimed(&store).await, [key(20), key(21)]);
    let deleted =
        write(&store, move |tx| Ok((tx.delete_pending_file(id(4))?, tx.delete_pending_file(id(4))?)));
    assert_eq!(deleted.await.unwrap(), (true, false));
}

/// Bytes are due when they may be removed, and no longer once they are claimed.
pub async fn unclaimed_blobs(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| (1..=3_u8).try_for_each(|n| tx.release_blob(key(n), time(n.into())))).await.unwrap();
    let due = |at: Timestamp, limit| read(&store, move |tx| tx.due_blobs(at, limit));
    assert_eq!(due(time(0), 9).await, []);
    assert_eq!(due(time(2), 9).await.len(), 2);
    assert_eq!(due(time(9), 2).await.len(), 2);
    let claimed = write(&store, |tx| Ok((tx.claim_blob(key(1))?, tx.claim_blob(key(1))?)));
    assert_eq!(claimed.await.unwrap(), (true, false));
    assert_eq!(due(time(2), 9).await, [key(2)]);
    write(&store, |tx| tx.release_blob(key(2), time(5))).await.unwrap();
    assert_eq!(due(time(2), 9).await, []);
}

/// A record lets go of its file when it is removed, when it gets another file, and when its writer is erased; not when
/// it is changed otherwise.
pub async fn records_own_their_files(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| {
        tx.insert_client(&client(1))?;
        tx.insert_client(&client(2))?;
        (1..=3).try_for_each(|n| tx.insert_record(&with_file(n, 1, n as u8)))?;
        tx.insert_record(&record(4, 1, 1, "a"))?;
        tx.insert_record(&with_file(5, 2, 5))?;
        for (n, client) in [(6, 1), (7, 2)] {
            tx.insert_pending_file(&pending(n, client, 900))?;
            tx.attach_blob(pending(n, client, 900).id, key(n))?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let found = read(&store, |tx| {
        let id = with_file(1, 1, 1).head.id;
        Ok((tx.record(id)?, tx.record_head(id)?.and_then(|head| head.file)))
    });
    assert_eq!(found.await, (Some(with_file(1, 1, 1)), with_file(1, 1, 1).head.file));

    let mut changed = with_file(1, 1, 1);
    changed.head.plain = Plain::default();
    write(&store, move |tx| tx.update_record(&changed)).await.unwrap();
    assert_eq!(unclaimed(&store).await, []);
    write(&store, |tx| tx.update_record(&with_file(1, 1, 11))).await.unwrap();
    assert_eq!(unclaimed(&store).await, [key(1)]);
    write(&store, |tx| tx.delete_record(with_file(1, 1, 11).head.id).map(drop)).await.unwrap();
    assert_eq!(unclaimed(&store).await, [key(1), key(11)]);
    write(&store, |tx| tx.update_record(&record(2, 1, 1, "a"))).await.unwrap();
    assert_eq!(unclaimed(&store).await, [key(1), key(2), key(11)]);

    write(&store, |tx| tx.delete_client(client_id(1)).map(drop)).await.unwrap();
    while write(&store, |tx| tx.erase_step(1)).await.unwrap() {}
    assert_eq!(unclaimed(&store).await, [key(1), key(2), key(3), key(6), key(11)]);
    let others = read(&store, |tx| {
        Ok((
            tx.record(with_file(5, 2, 5).head.id)?.is_some(),
            tx.pending_file(pending(7, 2, 900).id)?.is_some(),
        ))
    });
    assert_eq!(others.await, (true, true));
}

fn note_with_file(n: u32, writer: u32, file: u8) -> NoteRow {
    let mut row = note(n, Some(writer));
    row.head.file = Some(StoredFile { key: key(file), content: content(file) });
    row
}

/// A note lets go of its file when it is removed and when its writer is erased; not when it is read.
pub async fn notes_own_their_files(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| {
        tx.insert_client(&client(1))?;
        (1..=3).try_for_each(|n| tx.insert_note(&note_with_file(n, 1, n as u8)))?;
        tx.insert_note(&note(4, Some(1)))?;
        tx.insert_note(&note_with_file(5, 2, 5))
    })
    .await
    .unwrap();
    let row = note_with_file(1, 1, 1);
    let id = row.head.id;
    let found = read(&store, move |tx| Ok((tx.note(id)?, tx.note_head(id)?))).await;
    assert_eq!(found, (Some(row.clone()), Some(row.head)));
    write(&store, move |tx| tx.put_note_uses(id, &NoteUses::default())).await.unwrap();
    assert_eq!(unclaimed(&store).await, []);
    assert!(write(&store, move |tx| tx.delete_note(id)).await.unwrap());
    assert_eq!(unclaimed(&store).await, [key(1)]);
    write(&store, |tx| tx.delete_client(client_id(1)).map(drop)).await.unwrap();
    while write(&store, |tx| tx.erase_step(1)).await.unwrap() {}
    assert_eq!(unclaimed(&store).await, [key(1), key(2), key(3)]);
    assert!(read(&store, |tx| tx.note(note(5, None).head.id)).await.is_some());
}

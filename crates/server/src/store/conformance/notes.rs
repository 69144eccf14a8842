//! Notes.

use std::sync::Arc;

use super::samples::{client_id, hash, note, note_id, record_id, time};
use super::{Open, assert_refused, read, write};
use crate::clock::SystemClock;
use crate::store::{NoteMails, NoteUses};

/// Notes are found by id and name, are unique in both, and only their uses change.
pub async fn notes(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| {
        tx.insert_note(&note(1, Some(1)))?;
        tx.insert_note(&note(2, Some(1)))?;
        tx.insert_note(&note(3, None))
    })
    .await
    .unwrap();
    for (n, writer) in [(1, Some(1)), (2, Some(1)), (3, None)] {
        let row = note(n, writer);
        let found = read(&store, move |tx| Ok((tx.note(note_id(n))?, tx.note_head(note_id(n))?))).await;
        assert_eq!(found, (Some(row.clone()), Some(row.head)));
    }
    let found =
        read(&store, |tx| Ok((tx.note_head_by_name("name 2")?, tx.note_head_by_name("name 1")?))).await;
    assert_eq!(found, (Some(note(2, Some(1)).head), None));
    assert_eq!(read(&store, |tx| tx.note(note_id(9))).await, None);

    let mut same_id = note(5, None);
    same_id.head.id = note_id(1);
    assert_refused!(write(&store, move |tx| tx.insert_note(&same_id)).await, AlreadyExists);
    let mut same_name = note(4, None);
    same_name.head.name = note(2, None).head.name;
    assert_refused!(write(&store, move |tx| tx.insert_note(&same_name)).await, AlreadyExists);

    let mails =
        NoteMails { code: Some((hash(2), time(7))), wrong_codes: 3, sent: 4, last_sent: Some(time(6)) };
    let uses = NoteUses { views: 7, last_read: Some(time(8)), gone: None, code: None, mails };
    let put = uses.clone();
    write(&store, move |tx| tx.put_note_uses(note_id(2), &put)).await.unwrap();
    let mut changed = note(2, Some(1));
    changed.head.uses = uses;
    assert_eq!(read(&store, |tx| tx.note(note_id(2))).await, Some(changed));
    assert_eq!(read(&store, |tx| tx.gone_notes(time(1000), 10)).await, []);
    let uses = NoteUses { code: Some((hash(1), time(9))), gone: Some(time(9)), ..NoteUses::default() };
    write(&store, move |tx| tx.put_note_uses(note_id(3), &uses)).await.unwrap();
    let gone = |at| read(&store, move |tx| Ok(tx.gone_notes(time(at), 10)?.len()));
    assert_eq!((gone(8).await, gone(9).await), (0, 1));
    assert_refused!(write(&store, |tx| tx.put_note_uses(note_id(9), &NoteUses::default())).await, Missing);

    let delete = |n| write(&store, move |tx| tx.delete_note(note_id(n)));
    assert!(delete(2).await.unwrap());
    assert!(!delete(2).await.unwrap());
    assert_eq!(read(&store, |tx| tx.note_head_by_name("name 2")).await, None);
    // The name is free again.
    write(&store, |tx| tx.insert_note(&note(2, None))).await.unwrap();
    assert_eq!(read(&store, |tx| tx.note(note_id(2))).await, Some(note(2, None)));
}

/// Notes of a record are listed in order, by page, of one writer alone; gone ones in order of time.
pub async fn notes_of_a_record(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| {
        [8, 2, 6, 4].into_iter().try_for_each(|n| tx.insert_note(&note(n, Some(1))))?;
        [10, 3].into_iter().try_for_each(|n| tx.insert_note(&note(n, Some(2))))?;
        tx.insert_note(&note(12, None))
    })
    .await
    .unwrap();
    let page =
        |after, limit| read(&store, move |tx| tx.notes_of_record(client_id(1), record_id(1), after, limit));
    let first = page(0, 3).await;
    assert_eq!(first.iter().map(|(_, head)| head.id).collect::<Vec<_>>(), [8, 2, 6].map(note_id));
    let rest = page(first[2].0, 3).await;
    assert_eq!(rest.iter().map(|(_, head)| head.id).collect::<Vec<_>>(), [note_id(4)]);
    assert_eq!(page(rest[0].0, 3).await, []);
    assert_eq!(read(&store, |tx| tx.notes_of_record(client_id(1), record_id(2), 0, 9)).await, []);
    let gone = read(&store, |tx| tx.gone_notes(time(8), 3)).await;
    assert_eq!(gone.iter().map(|head| head.id).collect::<Vec<_>>(), [2, 4, 6].map(note_id));
}

/// Notes by those who are no clients are counted, and their bytes, until they are gone.
pub async fn notes_of_strangers(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    let count = |limit| read(&store, move |tx| tx.strangers_notes(limit));
    assert_eq!(count(9).await, (0, 0));
    write(&store, |tx| {
        (1..=3).try_for_each(|n| tx.insert_note(&note(n, None)))?;
        (4..=6).try_for_each(|n| tx.insert_note(&note(n, Some(1))))
    })
    .await
    .unwrap();
    let bytes = |n| note(n, None).sent_bytes();
    assert_eq!(count(9).await, (3, bytes(1) + bytes(2) + bytes(3)));
    assert_eq!(count(2).await.0, 2);
    write(&store, |tx| tx.put_note_uses(note_id(1), &NoteUses::default())).await.unwrap();
    assert!(write(&store, |tx| tx.delete_note(note_id(2))).await.unwrap());
    assert_eq!(count(9).await, (2, bytes(1) + bytes(3)));
}

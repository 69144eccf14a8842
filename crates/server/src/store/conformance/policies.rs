//! Record types, access keys and grants.

use std::sync::Arc;

use super::samples::{
    access_key, account_id, client_id, grant, record, record_type, record_type_row, time, type_slot,
};
use super::{Open, assert_refused, read, write};
use crate::clock::SystemClock;
use crate::store::{GrantKind, GrantSet, GrantSlot, RecordGrantRow};

const READ: GrantSet = GrantSet { read: true, edit: false, authorizer: false };
const EDIT: GrantSet = GrantSet { read: false, edit: true, authorizer: false };
const ALL: GrantSet = GrantSet { read: true, edit: true, authorizer: true };

/// A record type keeps what it was first used with.
pub async fn record_types(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    let row = record_type_row(type_slot(1, 1, "a"));
    let mut other = row.clone();
    (other.format, other.created) = ("sealed".into(), time(9));
    let first = row.clone();
    assert_eq!(write(&store, move |tx| tx.ensure_record_type(&first)).await.unwrap(), row);
    assert_eq!(write(&store, move |tx| tx.ensure_record_type(&other)).await.unwrap(), row);
    assert_eq!(read(&store, |tx| tx.record_type(&type_slot(1, 1, "a"))).await, Some(row));
    for slot in [type_slot(1, 1, "A"), type_slot(1, 2, "a"), type_slot(2, 1, "a")] {
        assert_eq!(read(&store, move |tx| tx.record_type(&slot)).await, None);
    }
    write(&store, |tx| tx.ensure_record_type(&record_type_row(type_slot(1, 2, "b")))).await.unwrap();
    for (writer, text, expected) in [(1, "a", true), (1, "b", true), (2, "b", false), (1, "c", false)] {
        let in_use = read(&store, move |tx| tx.is_type_in_use(client_id(writer), &record_type(text)));
        assert_eq!(in_use.await, expected, "{writer} {text}");
    }
}

/// An access key is put once and taken away.
pub async fn access_keys(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    let row = access_key(type_slot(1, 1, "a"), 2);
    let slot = row.slot.clone();
    let first = row.clone();
    write(&store, move |tx| tx.insert_access_key(&first)).await.unwrap();
    let mut second = row.clone();
    second.eak = "other".into();
    assert_refused!(write(&store, move |tx| tx.insert_access_key(&second)).await, AlreadyExists);
    let mut of_another = slot.clone();
    of_another.reader = client_id(3);
    let found_slot = slot.clone();
    let found = read(&store, move |tx| Ok((tx.access_key(&found_slot)?, tx.access_key(&of_another)?))).await;
    assert_eq!(found, (Some(row.clone()), None));
    let (found_slot, mut of_another) = (slot.clone(), slot.clone());
    of_another.reader = client_id(3);
    let together = read(&store, move |tx| tx.access_keys(&[of_another.clone(), found_slot.clone()])).await;
    assert_eq!(together, [row]);
    let deleted = write(&store, move |tx| Ok((tx.delete_access_key(&slot)?, tx.delete_access_key(&slot)?)));
    assert_eq!(deleted.await.unwrap(), (true, false));
}

/// Grants are replaced as a set, and keep when they began.
pub async fn grants(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    let slot = grant(type_slot(1, 1, "a"), 2, READ).slot;
    let put = |grants, created| {
        move |tx: &mut dyn super::WriteTx| {
            let mut row = grant(type_slot(1, 1, "a"), 2, grants);
            (row.created, row.granted_by) = (time(created), client_id(created));
            tx.put_grants(&row)
        }
    };
    let current = |tx: &dyn super::ReadTx| {
        let list = tx.grants_to_client(client_id(2), GrantKind::Read, 10)?;
        Ok((tx.grants(&grant(type_slot(1, 1, "a"), 2, READ).slot)?, list))
    };
    write(&store, put(READ, 5)).await.unwrap();
    write(&store, put(ALL, 6)).await.unwrap();
    let (set, listed) = read(&store, current).await;
    assert_eq!((set, listed.len()), (ALL, 1));
    let row = &listed[0];
    assert_eq!((&row.slot, row.grants, row.granted_by, row.created), (&slot, ALL, client_id(6), time(5)));
    write(&store, put(EDIT, 7)).await.unwrap();
    assert_eq!(read(&store, current).await, (EDIT, Vec::new()));
    write(&store, put(GrantSet::default(), 8)).await.unwrap();
    write(&store, put(GrantSet::default(), 8)).await.unwrap();
    assert_eq!(read(&store, current).await, (GrantSet::default(), Vec::new()));
    write(&store, put(READ, 9)).await.unwrap();
    assert_eq!(read(&store, current).await.1[0].created, time(9));
}

/// Listings keep the order in which grants were first given, hold one kind only, and stop at their limit.
pub async fn grants_are_listed_in_order(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    for (writer, text, holder, set) in [
        (1, "b", 9, READ),
        (1, "a", 5, ALL),
        (1, "c", 7, EDIT),
        (2, "a", 5, READ),
        (1, "a", 3, READ),
        (1, "d", 5, READ),
    ] {
        write(&store, move |tx| tx.put_grants(&grant(type_slot(writer, writer, text), holder, set)))
            .await
            .unwrap();
    }
    // Given before, so it keeps its place.
    write(&store, |tx| tx.put_grants(&grant(type_slot(1, 1, "b"), 9, ALL))).await.unwrap();
    let by_writer = |kind, limit| {
        let store = Arc::clone(&store);
        async move {
            let rows = read(&store, move |tx| tx.grants_by_writer(client_id(1), kind, limit)).await;
            rows.into_iter()
                .map(|row| (row.slot.type_slot.record_type.to_string(), row.slot.client))
                .collect::<Vec<_>>()
        }
    };
    let place = |text: &str, holder| (text.to_owned(), client_id(holder));
    let all = [place("b", 9), place("a", 5), place("a", 3), place("d", 5)];
    assert_eq!(by_writer(GrantKind::Read, 10).await, all);
    assert_eq!(by_writer(GrantKind::Read, 2).await, all[..2]);
    assert_eq!(by_writer(GrantKind::Authorizer, 10).await, all[..2]);
    let held = read(&store, |tx| tx.grants_to_client(client_id(5), GrantKind::Read, 10)).await;
    let held: Vec<_> = held.iter().map(|row| row.slot.type_slot.clone()).collect();
    assert_eq!(held, [type_slot(1, 1, "a"), type_slot(2, 2, "a"), type_slot(1, 1, "d")]);
    for (writer, limit, expected) in [
        (None, 10, 3),
        (None, 2, 2),
        (Some(client_id(1)), 10, 2),
        (Some(client_id(1)), 1, 1),
        (Some(client_id(3)), 10, 0),
    ] {
        let counted = read(&store, move |tx| tx.count_grants_to_client(client_id(5), writer, limit)).await;
        assert_eq!(counted, expected, "{writer:?} {limit}");
    }
}

/// Grants for single records are put once, counted, and go with their record.
pub async fn grants_for_records(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    let slot =
        |writer, holder| GrantSlot { type_slot: type_slot(writer, writer, "a"), client: client_id(holder) };
    let id = |n, writer| record(n, writer, writer, "a").head.id;
    let row = move |n, writer, holder| RecordGrantRow {
        record: id(n, writer),
        slot: slot(writer, holder),
        account_id: account_id(1),
        granted_by: client_id(writer),
        created: time(n),
    };
    let count = move |tx: &dyn super::ReadTx| {
        Ok([
            tx.count_record_readers(id(1, 1), 10)?,
            tx.count_record_readers(id(1, 1), 1)?,
            tx.count_record_grants(client_id(8), None, 10)?,
            tx.count_record_grants(client_id(8), None, 2)?,
            tx.count_record_grants(client_id(8), Some(client_id(2)), 10)?,
        ])
    };
    write(&store, move |tx| {
        (1..=2).try_for_each(|n| tx.insert_record(&record(n, 1, 1, "a")))?;
        tx.insert_record(&record(3, 2, 2, "a"))?;
        for grant in [row(1, 1, 8), row(1, 1, 8), row(1, 1, 9), row(2, 1, 8), row(3, 2, 8)] {
            tx.put_record_grant(&grant)?;
        }
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(read(&store, count).await, [2, 1, 3, 2, 1]);
    let reads = move |tx: &dyn super::ReadTx| {
        let asked = [(id(1, 1), 8), (id(1, 1), 9), (id(2, 1), 8), (id(2, 1), 9), (id(3, 2), 8)];
        asked
            .into_iter()
            .map(|(id, client)| tx.reads_record(id, client_id(client)))
            .collect::<Result<Vec<_>, _>>()
    };
    assert_eq!(read(&store, reads).await, [true, true, true, false, true]);
    let deleted = write(&store, move |tx| {
        Ok((tx.delete_record_grant(id(1, 1), client_id(9))?, tx.delete_record_grant(id(1, 1), client_id(9))?))
    });
    assert_eq!(deleted.await.unwrap(), (true, false));
    let of_type = write(&store, move |tx| {
        let other = GrantSlot { type_slot: type_slot(1, 1, "b"), client: client_id(8) };
        Ok((tx.delete_record_grants_of_type(&other)?, tx.delete_record_grants_of_type(&slot(1, 8))?))
    });
    assert_eq!(of_type.await.unwrap(), (0, 2));
    assert_eq!(read(&store, reads).await, [false, false, false, false, true]);
    write(&store, move |tx| tx.delete_record(id(3, 2)).map(drop)).await.unwrap();
    assert_eq!(read(&store, count).await, [0; 5]);
}

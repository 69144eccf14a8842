//! Filling a store, in bulk: transactions of many rows, through the interface that requests use.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use tozstore_server::store::{Change, ChangeKind, Store, StoreError, WriteTx};

use super::data::Data;
use crate::AnyError;

/// Rows of a transaction.
const BATCH: u64 = 2_000;

/// Fills a store up to so many records. One that was filled halfway goes on where it stopped.
pub(crate) async fn load(store: &Arc<dyn Store>, data: Data, name: &str) -> Result<(), AnyError> {
    if is_there(store, data, data.records - 1).await? {
        return Ok(());
    }
    if !is_there(store, data, 0).await? {
        clients(store, data).await?;
    }
    let first = first_missing(store, data).await?;
    let begun = Instant::now();
    let mut at = first;
    while at < data.records {
        let end = (at + BATCH).min(data.records);
        let batch = move |tx: &mut dyn WriteTx| insert(tx, data, at..end);
        store.write::<_, StoreError, _>("load", batch).await?;
        at = end;
        if at.is_multiple_of(BATCH * 50) {
            let rate = (at - first) as f64 / begun.elapsed().as_secs_f64();
            eprintln!("{name}: {at} of {} records, {rate:.0} a second", data.records);
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{name}: {} records were loaded in {seconds:.0} s, {:.0} a second.",
        at - first,
        (at - first) as f64 / seconds
    );
    Ok(())
}

async fn clients(store: &Arc<dyn Store>, data: Data) -> Result<(), StoreError> {
    let mut at = 0;
    while at < data.accounts() {
        let end = (at + BATCH / 10).min(data.accounts());
        let accounts = move |tx: &mut dyn WriteTx| {
            // A load that was cut off here begins again.
            (at..end).try_for_each(|number| unless_there(tx.insert_account(&data.account(number))))
        };
        store.write("load", accounts).await?;
        at = end;
    }
    at = 0;
    while at < data.writers() {
        let end = (at + BATCH / 50).min(data.writers());
        let clients = move |tx: &mut dyn WriteTx| {
            for number in at..end {
                if tx.client(data.client(number).id)?.is_some() {
                    continue;
                }
                tx.insert_client(&data.client(number))?;
                let (types, keys, grants) = data.shares(number);
                types.iter().try_for_each(|row| tx.ensure_record_type(row).map(drop))?;
                keys.iter().try_for_each(|row| tx.insert_access_key(row))?;
                grants.iter().try_for_each(|row| tx.put_grants(row))?;
            }
            Ok(())
        };
        store.write::<_, StoreError, _>("load", clients).await?;
        at = end;
    }
    Ok(())
}

fn unless_there(inserted: Result<(), StoreError>) -> Result<(), StoreError> {
    match inserted {
        Err(StoreError::AlreadyExists(_)) => Ok(()),
        other => other,
    }
}

fn insert(tx: &mut dyn WriteTx, data: Data, numbers: Range<u64>) -> Result<(), StoreError> {
    let mut rows: Vec<_> = numbers.map(|number| data.record(number)).collect();
    for row in &mut rows {
        (row.head.created, row.head.index) = (tx.stamp()?, tx.next_record_index()?);
        row.head.last_modified = row.head.created;
    }
    tx.insert_records(&rows)?;
    rows.iter().try_for_each(|row| {
        let head = &row.head;
        let change = Change {
            actor: Some(head.type_slot.writer),
            client: Some(head.type_slot.writer),
            other: Some(head.type_slot.user),
            record_type: Some(head.type_slot.record_type.clone()),
            record: Some((head.id, head.version)),
            ..Change::new(ChangeKind::RecordWritten, head.account_id)
        };
        tx.append_change(head.created, &change)
    })
}

/// Records are there up to some number: batches are kept as a whole, in their order.
async fn first_missing(store: &Arc<dyn Store>, data: Data) -> Result<u64, StoreError> {
    let (mut low, mut high) = (0, data.records);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_there(store, data, middle).await? { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}

async fn is_there(store: &Arc<dyn Store>, data: Data, number: u64) -> Result<bool, StoreError> {
    let id = data.record_id(number);
    store.read("there", move |tx| Ok(tx.record_head(id)?.is_some())).await
}

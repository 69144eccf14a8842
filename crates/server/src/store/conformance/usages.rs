//! Usage is what is there, whatever happens to records.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::samples::{account, account_id, client, client_id, record};
use super::{Open, read, write};
use crate::blobs::BlobKey;
use crate::clock::SystemClock;
use crate::store::{
    FileContent, RecordRow, Store, StoredFile, Usage, UsageLimits, UsageOwner, UsageRow, WriteTx,
};

const LIMITS: UsageLimits = UsageLimits { records: Some(7), bytes: None, files: Some(u64::MAX >> 1) };

/// A record of one of three writers in two accounts, with texts and a file that depend on `draw`.
fn row(n: u32, draw: u32) -> RecordRow {
    let writer = n % 3 + 1;
    let mut row = record(n, writer, writer, "a");
    row.head.account_id = account_id(if writer == 3 { 2 } else { 1 });
    // Bytes are counted, not characters.
    row.data = format!(r#"{{"a":"{}"}}"#, "\u{e9}".repeat(draw as usize % 50));
    row.head.signature = draw.is_multiple_of(3).then(|| "s".repeat(draw as usize % 7));
    row.head.file = draw.is_multiple_of(4).then(|| StoredFile {
        key: BlobKey::from_bytes([u8::try_from(n).unwrap_or(0); 16]),
        content: FileContent {
            len_bytes: u64::from(draw) * 1_000_000_007,
            checksum: tozstore_crypto::FileChecksum::from_bytes([1; 16]),
            compression: "raw".into(),
        },
    });
    row
}

/// What these records come to, for everybody whose they are.
fn counted<'a>(rows: impl Iterator<Item = &'a RecordRow>) -> BTreeMap<UsageOwner, Usage> {
    let mut sums: BTreeMap<UsageOwner, Usage> = BTreeMap::new();
    for row in rows {
        let owners =
            [UsageOwner::Account(row.head.account_id), UsageOwner::Client(row.head.type_slot.writer)];
        for owner in owners {
            let sum = sums.entry(owner).or_default();
            *sum = sum.changed(Usage::default(), Usage::of(row));
        }
    }
    sums
}

async fn assert_counted(store: &Arc<dyn Store>, rows: &BTreeMap<u32, RecordRow>, step: u32) {
    let expected = counted(rows.values());
    let owners: Vec<_> = (1..=2)
        .map(|n| UsageOwner::Account(account_id(n)))
        .chain((1..=3).map(|n| UsageOwner::Client(client_id(n))))
        .collect();
    for owner in owners {
        let is = read(store, move |tx| tx.usage(owner)).await.usage;
        assert_eq!(is, expected.get(&owner).copied().unwrap_or_default(), "step {step}, {owner:?}");
    }
}

/// Records are written, changed and deleted at random, many at once and some of them in vain; a recount agrees at every
/// step. What is left of a deleted client counts for its account until it is erased, and for nobody after that.
pub async fn usage_is_what_is_there(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    write(&store, |tx| {
        (1..=2).try_for_each(|n| tx.insert_account(&account(n)))?;
        (1..=3).try_for_each(|n| tx.insert_client(&client(n)))
    })
    .await
    .unwrap();
    let mut rows: BTreeMap<u32, RecordRow> = BTreeMap::new();
    let mut seed = 12_345_u32;
    let mut draw = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed >> 8
    };
    for step in 0..60 {
        let mut jobs = Vec::new();
        let numbers: std::collections::BTreeSet<u32> = (0..4).map(|_| draw() % 24 + 1).collect();
        for n in numbers {
            let (kind, is_kept, row) = (draw() % 4, draw() % 5 > 0, row(n, draw()));
            let is_there = rows.contains_key(&n);
            if is_kept && kind == 0 {
                rows.remove(&n);
            } else if is_kept {
                rows.insert(n, row.clone());
            }
            let store = Arc::clone(&store);
            jobs.push(tokio::spawn(async move {
                let job = move |tx: &mut dyn WriteTx| {
                    match (kind, is_there) {
                        (0, _) => tx.delete_record(row.head.id).map(drop)?,
                        (_, true) => tx.update_record(&row)?,
                        (_, false) => tx.insert_record(&row)?,
                    }
                    if is_kept {
                        Ok(())
                    } else {
                        Err(crate::store::StoreError::Missing("the will to keep it"))
                    }
                };
                assert_eq!(write(&store, job).await.is_ok(), is_kept);
            }));
        }
        for job in jobs {
            job.await.unwrap();
        }
        assert_counted(&store, &rows, step).await;
    }
    for row in rows.values().cloned().collect::<Vec<_>>() {
        let id = row.head.id;
        assert_eq!(read(&store, move |tx| tx.record_usage(id)).await, Some(Usage::of(&row)));
    }
    write(&store, |tx| tx.recount_usage()).await.unwrap();
    assert_counted(&store, &rows, 1000).await;
    write(&store, |tx| tx.delete_client(client_id(1)).map(drop)).await.unwrap();
    let gone = UsageOwner::Client(client_id(1));
    assert_eq!(read(&store, move |tx| tx.usage(gone)).await, UsageRow::default());
    while write(&store, |tx| tx.erase_step(5)).await.unwrap() {}
    rows.retain(|_, row| row.head.type_slot.writer != client_id(1));
    assert_counted(&store, &rows, u32::MAX).await;
}

/// Limits are kept beside what is counted, and go with their owner.
pub async fn usage_limits(open: Open<'_>) {
    let store = open(Arc::new(SystemClock));
    let owner = UsageOwner::Account(account_id(1));
    assert_eq!(read(&store, move |tx| tx.usage(owner)).await, UsageRow::default());
    write(&store, move |tx| {
        tx.insert_account(&account(1))?;
        tx.put_usage_limits(owner, LIMITS)?;
        tx.insert_record(&row(1, 1))
    })
    .await
    .unwrap();
    write(&store, |tx| tx.recount_usage()).await.unwrap();
    let is = read(&store, move |tx| tx.usage(owner)).await;
    assert_eq!(is, UsageRow { usage: Usage::of(&row(1, 1)), limits: LIMITS });
    write(&store, move |tx| tx.put_usage_limits(owner, UsageLimits::default())).await.unwrap();
    assert_eq!(read(&store, move |tx| tx.usage(owner)).await.limits, UsageLimits::default());
    write(&store, |tx| tx.delete_account(account_id(1))).await.unwrap();
    assert_eq!(read(&store, move |tx| tx.usage(owner)).await, UsageRow::default());
    // What is deleted after its account is counted for nobody.
    write(&store, |tx| tx.delete_record(row(1, 1).head.id).map(drop)).await.unwrap();
    assert_eq!(read(&store, move |tx| tx.usage(owner)).await, UsageRow::default());
}

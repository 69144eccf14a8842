//! Records and files: what was acknowledged is there, once, whole; what was deleted is gone.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use futures_util::TryStreamExt as _;
use tozstore::{Client, Plain, Query, RecordId, fields};

use crate::ledger::{Failed, Ledger};

const TYPE: &str = "log";
const FILE_TYPE: &str = "file";
const FILE_BYTES: usize = 100_000;

/// What was acknowledged.
#[derive(Clone, Debug)]
pub(crate) enum Written {
    Record(RecordId, String),
    File(RecordId, u8),
    Deleted(RecordId),
}

/// Writes records, reads each back, and deletes some.
pub(crate) async fn write(ledger: Arc<Ledger>, client: Client, task: usize) {
    for n in 0_u64.. {
        if ledger.is_over() {
            return;
        }
        let value = format!("{task}/{n}");
        let write = client.write(TYPE, fields! { "value" => value.clone() }).into_future();
        // A write is not repeated: it may be there, and is not missed if it is not.
        let Ok(record) = ledger.call("write", write).await else { continue };
        let read = ledger.settle("read", || client.read(record.id())).await;
        let is_right = read.is_ok_and(|read| read.field("value") == Some(&value));
        ledger.check(is_right, || format!("{value} is not there after it was acknowledged"));
        let written = if n % 5 == 0 {
            match ledger.settle("delete", || client.delete(record.id(), record.version())).await {
                // Of a deletion that was not settled at first, the next one finds nothing.
                Ok(()) | Err(Failed::NotFound | Failed::Conflict) => Written::Deleted(record.id()),
                Err(Failed::Unsettled) => continue,
            }
        } else {
            Written::Record(record.id(), value)
        };
        ledger.written.lock().unwrap_or_else(PoisonError::into_inner).push(written);
    }
}

/// Writes files, whose bytes go another way than records.
pub(crate) async fn files(ledger: Arc<Ledger>, client: Client, task: usize) {
    for n in 0_u64.. {
        if ledger.is_over() {
            return;
        }
        let seed = (n as u8).wrapping_mul(7).wrapping_add(task as u8);
        let content = vec![seed; FILE_BYTES];
        let write = client.write_file(FILE_TYPE, content.as_slice(), Plain::default(), |_| {});
        if let Ok(file) = ledger.call("write a file", write).await {
            let written = Written::File(file.id(), seed);
            ledger.written.lock().unwrap_or_else(PoisonError::into_inner).push(written);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// Reads everything.
pub(crate) async fn check(ledger: &Ledger, client: &Client) {
    let written = ledger.written.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let all = ledger
        .settle("list", || {
            client.query(Query::new().types([TYPE]).page_size(1000)).records().try_collect::<Vec<_>>()
        })
        .await;
    let Ok(all) = all else { return };
    let mut by_id = BTreeMap::new();
    let mut by_value: BTreeMap<String, usize> = BTreeMap::new();
    for record in &all {
        let value = record.field("value").unwrap_or_default().to_owned();
        *by_value.entry(value.clone()).or_default() += 1;
        by_id.insert(record.id(), value);
    }
    for (value, times) in by_value {
        ledger.check(times == 1, || format!("{value} is there {times} times"));
    }
    for one in written {
        match one {
            Written::Record(id, value) => {
                ledger
                    .check(by_id.get(&id) == Some(&value), || format!("{value} was acknowledged, and lost"));
            }
            Written::Deleted(id) => {
                ledger.check(!by_id.contains_key(&id), || format!("{id} was deleted, and is there"));
            }
            Written::File(id, seed) => {
                let mut content = Vec::new();
                let mut read = async || {
                    content.clear();
                    client.read_file(id, &mut content, |_| {}).await.map(drop)
                };
                let mut outcome = Err(Failed::Unsettled);
                for _ in 0..5 {
                    outcome = ledger.call("read a file", read()).await;
                    if outcome != Err(Failed::Unsettled) {
                        break;
                    }
                }
                let is_right = outcome.is_ok() && content == vec![seed; FILE_BYTES];
                ledger.check(is_right, || format!("the file {id} was acknowledged, and lost: {outcome:?}"));
            }
        }
    }
}

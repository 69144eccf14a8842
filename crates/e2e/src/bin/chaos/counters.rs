//! Versioned updates: each counts up by one, and is done once or not at all.

use std::sync::Arc;

use tozstore::{Client, Fields, Record, RecordId};

use crate::AnyError;
use crate::ledger::{Failed, Ledger};

const TYPE: &str = "counter";

fn number(record: &Record, name: &str) -> u64 {
    record.field(name).and_then(|text| text.parse().ok()).unwrap_or(u64::MAX)
}

fn fields(names: impl IntoIterator<Item = String>) -> Fields {
    let mut fields = Fields::default();
    for name in names {
        fields.insert(name, "0");
    }
    fields
}

/// A record that all tasks count in, each in a field of its own.
pub(crate) async fn shared_record(client: &Client, tasks: usize) -> Result<RecordId, AnyError> {
    Ok(client.write(TYPE, fields((0..tasks).map(|task| format!("t{task}")))).await?.id())
}

/// Counts in a record that nobody else changes: there is no conflict but with oneself.
pub(crate) async fn own(ledger: Arc<Ledger>, client: Client) {
    // Should it be written twice, the first is left alone.
    let write = || client.write(TYPE, fields(["n".to_owned()])).into_future();
    if let Ok(record) = ledger.settle("write a counter", write).await {
        count(&ledger, &client, record.id(), "n", false).await;
    }
}

/// Counts in the record that all change.
pub(crate) async fn shared(ledger: Arc<Ledger>, client: Client, id: RecordId, task: usize) {
    count(&ledger, &client, id, &format!("t{task}"), true).await;
}

async fn count(ledger: &Ledger, client: &Client, id: RecordId, name: &str, is_shared: bool) {
    let mut known = 0;
    let mut in_doubt = false;
    while !ledger.is_over() {
        let Ok(mut record) = ledger.settle("read a counter", || client.read(id)).await else {
            ledger.violation(format!("the counter {id} is gone"));
            return;
        };
        let found = number(&record, name);
        let is_right = found == known || (in_doubt && found == known + 1);
        ledger.check(is_right, || format!("{name} of {id} is {found}, not {known} (in doubt: {in_doubt})"));
        (known, in_doubt) = (found, false);
        // Several in a row, each on the version that the last one left.
        for _ in 0..5 {
            record.set(name, (known + 1).to_string());
            match ledger.call("update a counter", client.update(&mut record)).await {
                Ok(()) => known += 1,
                Err(Failed::Conflict) if is_shared => break,
                Err(Failed::Unsettled) => {
                    in_doubt = true;
                    break;
                }
                Err(failed) => {
                    ledger.violation(format!("{name} of {id}, which nobody else changes: {failed:?}"));
                    break;
                }
            }
        }
    }
    if let Ok(record) = ledger.settle("read a counter", || client.read(id)).await {
        let found = number(&record, name);
        let is_right = found == known || (in_doubt && found == known + 1);
        ledger.check(is_right, || format!("{name} of {id} is {found} in the end, not {known}"));
    }
}

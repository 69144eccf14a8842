//! What the disk and the engine alone allow: rows of 1 KB, committed in batches, with the server's own settings.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::AnyError;

/// Rows a second, `batch` rows a commit, each commit durable (WAL, `synchronous=FULL`).
pub(crate) fn commits_per_second(batch: usize, round: Duration) -> Result<f64, AnyError> {
    let folder = tempfile::tempdir()?;
    let mut connection = Connection::open(folder.path().join("bare.db"))?;
    connection.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
         CREATE TABLE records (record_index INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, writer BLOB NOT NULL,
                               type TEXT NOT NULL, data TEXT NOT NULL);
         CREATE INDEX records_by_writer ON records (writer, type, record_index);",
    )?;
    let data = "x".repeat(1024);
    let begun = Instant::now();
    let mut rows: u64 = 0;
    while begun.elapsed() < round {
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO records VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for _ in 0..batch {
                rows += 1;
                // Ids in time order, as the server's are.
                let id = u128::from(rows).to_be_bytes();
                insert.execute((rows as i64, id, [7_u8; 16], "bench.type", &data))?;
            }
        }
        transaction.commit()?;
    }
    Ok(rows as f64 / begun.elapsed().as_secs_f64())
}

//! Makes a golden database file of today's schema in the folder that is named, for `tests/store_golden.rs`:
//!
//! ```sh
//! cargo run -p tozstore-server --example golden -- crates/server/tests/golden
//! ```

#[path = "../tests/golden/rows.rs"]
mod rows;

use std::path::PathBuf;
use std::sync::Arc;

use tozstore_server::clock::ManualClock;
use tozstore_server::store::{
    Change, ChangeKind, HookDeliveryRow, SqliteOptions, SqliteStore, Store, StoreError, WriteTx,
};

use self::rows::{Problem, Rows, time};

#[tokio::main]
async fn main() -> Result<(), Problem> {
    let folder: PathBuf = std::env::args_os().nth(1).ok_or("name the folder")?.into();
    let made = folder.join("new.db");
    let options = SqliteOptions { readers: 1, ..SqliteOptions::default() };
    let store: Arc<dyn Store> =
        Arc::new(SqliteStore::open(&made, Arc::new(ManualClock::at(time(0))), options)?);
    let rows = Rows::new()?;
    store.write::<_, StoreError, _>("golden rows", move |tx| write(&rows, tx)).await?;
    store.close().await;
    let conn = rusqlite::Connection::open(&made)?;
    let version: i64 = conn.query_row("SELECT max(version) FROM schema_versions", [], |row| row.get(0))?;
    // One small file, without a log beside it: most tables have a row or two, and a page each.
    conn.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA page_size = 1024; VACUUM")?;
    drop(conn);
    std::fs::remove_file(made.with_added_extension("lock"))?;
    std::fs::rename(made, folder.join(format!("schema-{version:04}.db")))?;
    Ok(())
}

/// Writes them all.
fn write(rows: &Rows, tx: &mut dyn WriteTx) -> Result<(), StoreError> {
    tx.insert_account(&rows.account)?;
    tx.insert_registration_token(&rows.token)?;
    rows.clients.iter().try_for_each(|row| tx.insert_client(row))?;
    tx.ensure_record_type(&rows.record_type)?;
    tx.insert_access_key(&rows.access_key)?;
    tx.put_grants(&rows.grant)?;
    for row in &rows.records {
        tx.next_record_index()?;
        tx.insert_record(row)?;
        let mut change = Change::new(ChangeKind::RecordWritten, row.head.account_id);
        change.record = Some((row.head.id, row.head.version));
        tx.append_change(row.head.created, &change)?;
    }
    tx.put_record_grant(&rows.record_grant)?;
    rows.notes.iter().try_for_each(|row| tx.insert_note(row))?;
    tx.insert_group(&rows.group)?;
    tx.put_group_member(&rows.member)?;
    tx.put_group_share(&rows.share)?;
    let hook = tx.insert_hook(&rows.hook)?;
    tx.insert_delivery(&HookDeliveryRow { hook, ..rows.delivery.clone() })
}

//! Makes golden files of today's schemas in the folder that is named, for `tests/store_golden.rs`: a database file of
//! SQLite, and a dump of an empty PostgreSQL database if its address is named too (which needs `pg_dump`):
//!
//! ```sh
//! cargo run -p tozstore-server --example golden -- crates/server/tests/golden postgres://user@127.0.0.1/empty
//! ```

#[path = "../tests/golden/later.rs"]
mod later;
#[path = "../tests/golden/rows.rs"]
mod rows;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tozstore_server::clock::ManualClock;
use tozstore_server::store::raw::RawStore;
use tozstore_server::store::{
    AttemptCount, Change, ChangeKind, HookDeliveryRow, PostgresOptions, PostgresStore, RawPostgres,
    RawSqlite, SqliteOptions, SqliteStore, Store, StoreError, WriteTx,
};

use self::rows::{Problem, Rows, time};

fn main() -> Result<(), Problem> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("name the folder")?;
    sqlite(Path::new(&folder))?;
    arguments.next().map_or(Ok(()), |url| postgres(Path::new(&folder), &url))
}

/// A file of SQLite.
fn sqlite(folder: &Path) -> Result<(), Problem> {
    let made = folder.join("new.db");
    // Even a few records are packed into lists.
    let options = SqliteOptions { readers: 1, packed_entries: 1, ..SqliteOptions::default() };
    let store = SqliteStore::open(&made, Arc::new(ManualClock::at(time(0))), options)?;
    fill(Arc::new(store))?;
    RawSqlite::beside(&made)?.put_hold(&later::hold())?;
    let conn = rusqlite::Connection::open(&made)?;
    let version: i64 = conn.query_row("SELECT max(version) FROM schema_versions", [], |row| row.get(0))?;
    // One small file, without a log beside it: most tables have a row or two, and a page each.
    conn.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA page_size = 1024; VACUUM")?;
    drop(conn);
    std::fs::remove_file(made.with_added_extension("lock"))?;
    std::fs::rename(made, folder.join(format!("schema-{version:04}.db")))?;
    Ok(())
}

/// A dump of PostgreSQL.
fn postgres(folder: &Path, url: &str) -> Result<(), Problem> {
    let store = PostgresStore::open(url, Arc::new(ManualClock::at(time(0))), PostgresOptions::default())?;
    fill(Arc::new(store))?;
    let mut raw = RawPostgres::beside(url, None)?;
    raw.put_hold(&later::hold())?;
    let made = folder.join(format!("postgres-{:04}.sql", raw.schema().1));
    let arguments = ["--no-owner", "--no-privileges", "--inserts", "--file"];
    let dumped = Command::new("pg_dump").args(arguments).arg(made).arg(url).status()?;
    if dumped.success() { Ok(()) } else { Err("pg_dump failed".into()) }
}

/// Fills a store and closes it.
fn fill(store: Arc<dyn Store>) -> Result<(), Problem> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let rows = Rows::new()?;
        store.write::<_, StoreError, _>("golden rows", move |tx| write(&rows, tx)).await?;
        if let Some(shared) = store.shared() {
            for note in later::requests() {
                shared.note_request(note).await?;
            }
            shared.keep_requests(later::requests()[0].signer, 1).await?;
            let change = |_| Ok(AttemptCount { attempts: 2, last_s: 3 });
            shared.change_attempts(later::ATTEMPTS_PLACE, Box::new(change)).await?.map_err(|_| "attempts")?;
            shared.agree(later::AGREED.0, later::AGREED.1, false).await?;
        }
        store.close().await;
        Ok(())
    })
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
    tx.insert_delivery(&HookDeliveryRow { hook, ..rows.delivery.clone() })?;
    later::write(rows, tx)
}

//! Moving all of a store: into an archive and back, and from one engine to another.
//!
//! These functions block. [`run`] gives them a thread outside of any asynchronous runtime, and the runtime in which
//! bytes of files are read and written.

mod backup;
mod blobs;
mod filling;
mod lease;
mod migrate;
mod place;
mod read_only;
mod restore;
mod verify;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tozstore_crypto::StoreId;

pub use backup::{BackedUp, backup};
pub use migrate::{Migrated, migrate};
pub use place::Place;
pub use read_only::{read_only, read_only_off, read_only_on};
pub use restore::{Restored, restore};
pub use verify::{Verified, verify};

use crate::archive::{ArchiveError, TableHead};
use crate::blobs::BlobKey;
use crate::store::StoreError;
use crate::store::raw::{RawRow, RawStore, RawValue};
use crate::store::tables::{Column, Table};

/// Why a store could not be moved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MovingError {
    /// The archive cannot be read or written.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The bytes of a file are missing, or are not what their row says.
    #[error("the bytes of the file {key} {what}")]
    Blob {
        /// Where they lie.
        key: BlobKey,
        /// What is wrong with them.
        what: &'static str,
    },
    /// The place of files failed.
    #[error("the place of files failed: {0}")]
    Blobs(String),
    /// Rows or files that were written are not what was to be written.
    #[error("what was written to {0} is not what was read")]
    Different(String),
    /// The hold on the servers came to an end before the work did.
    #[error("the work was interrupted for so long that servers did not wait for it any more")]
    HoldLost,
    /// There is another key of a server already.
    #[error("there is another server key already, {0}")]
    KeyThere(String),
    /// The store has moved already.
    #[error("the data has moved to {0} already")]
    Moved(String),
    /// What is to be filled is not empty.
    #[error("the store is not empty, or not all of {0} is in it")]
    NotEmpty(String),
    /// Source and destination are one.
    #[error("both places are the same")]
    SamePlace,
    /// Somebody asked for it.
    #[error("the work was stopped")]
    Stopped,
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The archive has a table or a column that this program does not know.
    #[error("the archive has {0}, which this program does not know")]
    Unknown(String),
}

/// How far the work is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub step: &'static str,
    /// Rows so far, in this step.
    pub rows: u64,
    /// Files so far, in this step.
    pub files: u64,
    /// Bytes of files so far, in this step.
    pub file_bytes: u64,
}

/// Told how far the work is: often, so that it must be fast. An error, [`MovingError::Stopped`] as a rule, ends the work.
pub type Watcher<'a> = dyn FnMut(&Progress) -> Result<(), MovingError> + Send + 'a;

/// Runs such work on a thread of its own.
///
/// # Errors
/// The work's own.
pub async fn run<T, F>(work: F) -> Result<T, MovingError>
where
    T: Send + 'static,
    F: FnOnce(&Handle) -> Result<T, MovingError> + Send + 'static,
{
    let (done, outcome) = oneshot::channel();
    let runtime = Handle::current();
    let spawned = std::thread::Builder::new().name("moving".into()).spawn(move || {
        let _ = done.send(work(&runtime));
    });
    spawned.map_err(|error| StoreError::Internal(error.into()))?;
    outcome.await.unwrap_or_else(|_| Err(StoreError::Internal("the work ended early".into()).into()))
}

/// Reads rows, with errors of our own.
fn each_row(
    store: &mut dyn RawStore,
    table: &Table,
    mut take: impl FnMut(RawRow) -> Result<(), MovingError>,
) -> Result<(), MovingError> {
    carry(|taker| store.each_row(table, taker), &mut take)
}

/// The same with some columns of a table.
fn each_with(
    store: &mut dyn RawStore,
    table: &str,
    columns: &'static [Column],
    mut take: impl FnMut(RawRow) -> Result<(), MovingError>,
) -> Result<(), MovingError> {
    carry(|taker| store.each_with(table, columns, taker), &mut take)
}

fn carry(
    read: impl FnOnce(&mut dyn FnMut(RawRow) -> Result<(), StoreError>) -> Result<(), StoreError>,
    take: &mut dyn FnMut(RawRow) -> Result<(), MovingError>,
) -> Result<(), MovingError> {
    let mut failed = None;
    let outcome = read(&mut |row| {
        take(row).map_err(|error| {
            failed = Some(error);
            StoreError::Closed
        })
    });
    failed.map_or(Ok(()), Err)?;
    Ok(outcome?)
}

/// Which store this is.
fn store_id(store: &mut dyn RawStore) -> Result<StoreId, MovingError> {
    let meta = Table::named("meta").ok_or_else(|| corrupt("there is no row of the store"))?;
    let mut found = None;
    each_row(store, meta, |row| {
        if let Some(RawValue::Bytes(bytes)) = row.get(1) {
            found = <[u8; 16]>::try_from(&bytes[..]).ok();
        }
        Ok(())
    })?;
    found.map(StoreId::from_bytes).ok_or_else(|| corrupt("there is no row of the store"))
}

fn corrupt(text: &str) -> MovingError {
    StoreError::Corrupt(text.to_owned()).into()
}

fn table_head(table: &Table) -> TableHead {
    let columns = table.columns.iter().map(|column| (column.name.into(), column.kind.name().into()));
    TableHead { name: table.name.into(), columns: columns.collect() }
}

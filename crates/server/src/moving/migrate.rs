//! Moving from one place to another: files first, beside a server that goes on; then the rows, while it takes no writes.
//!
//! What is cut short in the first phase goes on from the file where it was; in the second, the rows are copied again, as
//! they must be of one moment. Nothing but holds is written to the source.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tozstore_crypto::StoreId;

use super::blobs::{BlobCopy, BlobList, each_piece, is_there, missing};
use super::filling::Filling;
use super::lease::Lease;
use super::{MovingError, Place, Progress, Watcher, each_row, each_with, store_id};
use crate::blobs::{BlobKey, Blobs};
use crate::clock::Clock;
use crate::store::raw::{RawStore, RawValue};
use crate::store::tables::{Column, Kind, TABLES};
use crate::store::{Hold, HoldKind};

/// Seconds for which bytes stay that were being sent while they moved, without being copied.
const UNCLAIMED_S: i64 = 86_400;
const FILE_KEY: &[Column] = &[Column { name: "file_key", kind: Kind::Bytes, absent: None }];

/// A move that was made.
#[derive(Clone, Copy, Debug)]
pub struct Migrated {
    /// Which store it is.
    pub store_id: StoreId,
    /// Rows.
    pub rows: u64,
    /// Files.
    pub files: u64,
    /// Files that were there already, whole.
    pub files_there: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// For how long the source took no writes.
    pub window: Duration,
}

/// Moves what is at `from` to `to`, which must be empty, and marks `from` as moved.
///
/// # Errors
/// Something cannot be read or written, or is not what it should be. No server starts at `to` then, and the one at `from`
/// takes writes again, at the latest when its hold lapses; the same command goes on.
pub fn migrate(
    from: &Place,
    to: &Place,
    clock: &Arc<dyn Clock>,
    runtime: &Handle,
    watcher: &mut Watcher<'_>,
) -> Result<Migrated, MovingError> {
    if from.has_rows_of(to) {
        return Err(MovingError::SamePlace);
    }
    let mut source = from.beside()?;
    let store_id = store_id(&mut *source)?;
    let mut target = to.alone(clock.now())?;
    let what = format!("the move of the store {store_id}");
    let goes_on = |hold: &Hold| hold.kind == HoldKind::Restoring && hold.detail == what;
    if let Some(moved) = source.holds()?.into_iter().find(|hold| hold.kind == HoldKind::Moved)
        && !target.holds()?.iter().any(goes_on)
    {
        return Err(MovingError::Moved(moved.detail));
    }
    let mut filling = Filling::begin(target, &what)?;
    if let Some(key) = from.server_key()? {
        to.put_server_key(&key)?;
    }
    let mut lease = Lease::take(from.beside()?, HoldKind::Files, "a move", Arc::clone(clock))?;
    let mut copier = Copier {
        from: from.blobs()?,
        to: to.blobs()?,
        is_same: from.has_files_of(to),
        runtime,
        done: HashSet::new(),
        progress: Progress { step: "files", ..Progress::default() },
        there: 0,
    };
    source.begin_snapshot()?;
    let list = list_blobs(&mut *source, &mut lease)?;
    source.end_snapshot();
    copier.copy(list, &mut lease, watcher)?;

    let begun = Instant::now();
    let detail = to.shown();
    let mut read_only = Lease::take(from.beside()?, HoldKind::ReadOnly, &detail, Arc::clone(clock))?;
    source.begin_snapshot()?;
    // From here on, nobody lets go of a file.
    lease.end()?;
    let mut list = BlobList::new()?;
    let mut progress = Progress { step: "rows", ..Progress::default() };
    for table in TABLES {
        filling.begin_table(table);
        each_row(&mut *source, table, |row| {
            list.add_of(table, &row)?;
            filling.row(row)?;
            progress.rows += 1;
            watcher(&progress)?;
            read_only.tick()
        })?;
        filling.end_table()?;
    }
    if copier.is_same {
        keep_listed(&mut *source, filling.store(), clock)?;
    }
    source.end_snapshot();
    // Those that came since.
    copier.copy(list, &mut read_only, watcher)?;
    let rows = filling.verify(&mut |progress| {
        watcher(progress)?;
        read_only.tick()
    })?;
    // First this: both refuse writes for a moment, rather than both taking them.
    read_only.stay_as(HoldKind::Moved)?;
    filling.finish()?;
    let Progress { files, file_bytes, .. } = copier.progress;
    let files_there = copier.there;
    Ok(Migrated { store_id, rows, files, files_there, file_bytes, window: begun.elapsed() })
}

/// Copies files, each once.
struct Copier<'a> {
    from: Blobs,
    to: Blobs,
    /// Whether they stay where they are.
    is_same: bool,
    runtime: &'a Handle,
    done: HashSet<BlobKey>,
    progress: Progress,
    there: u64,
}

impl Copier<'_> {
    fn copy(
        &mut self,
        list: BlobList,
        lease: &mut Lease,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), MovingError> {
        list.each(|head| {
            if !self.done.insert(head.key) {
                return Ok(());
            }
            if is_there(&self.to, &head, self.runtime, |_| lease.tick())? {
                self.there += 1;
            } else if self.is_same {
                return Err(missing(&head));
            } else {
                let mut copy = BlobCopy::begin(&self.to, head, self.runtime);
                let found = each_piece(&self.from, &head, self.runtime, |piece| {
                    copy.write(piece)?;
                    lease.tick()
                })?;
                if !found {
                    return Err(missing(&head));
                }
                copy.finish(&self.to)?;
            }
            self.progress.files += 1;
            self.progress.file_bytes += head.len_bytes;
            watcher(&self.progress)?;
            lease.tick()
        })
    }
}

fn list_blobs(source: &mut dyn RawStore, lease: &mut Lease) -> Result<BlobList, MovingError> {
    let mut list = BlobList::new()?;
    for table in TABLES.iter().filter(|table| table.columns.iter().any(|column| column.name == "file_key")) {
        each_row(source, table, |row| {
            list.add_of(table, &row)?;
            lease.tick()
        })?;
    }
    Ok(list)
}

/// Lists at the new place the bytes that stay where they are and that no row will have.
fn keep_listed(
    source: &mut dyn RawStore,
    target: &mut dyn RawStore,
    clock: &Arc<dyn Clock>,
) -> Result<(), MovingError> {
    let due = clock.now().plus_seconds(UNCLAIMED_S);
    for table in ["pending_files", "unclaimed_blobs"] {
        each_with(source, table, FILE_KEY, |row| {
            if let Some(RawValue::Bytes(key)) = row.first()
                && let Ok(key) = <[u8; 16]>::try_from(&key[..])
            {
                target.release_blobs(&[key], due)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

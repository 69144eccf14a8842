//! Backups: one snapshot of the rows, and the files that these name, beside servers that go on.
//!
//! Files are never written again once they are there, but they are removed some time after the row is that has them.
//! A hold keeps servers from that: it is taken before the snapshot, so that what the snapshot names stays.

use std::io::Write;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::blobs::{BlobList, each_piece, missing};
use super::lease::Lease;
use super::{MovingError, Place, Progress, Watcher, each_row, store_id, table_head};
use crate::archive::{ArchiveHeader, ArchiveWriter, Totals};
use crate::clock::Clock;
use crate::store::HoldKind;
use crate::store::tables::TABLES;

/// A backup that was made.
#[derive(Clone, Debug)]
pub struct BackedUp {
    /// What it begins with.
    pub header: ArchiveHeader,
    /// How much it holds.
    pub totals: Totals,
    /// The digest of all: noted down elsewhere, it tells whether somebody changed the archive.
    pub digest: [u8; 32],
}

/// Writes an archive of what is at `place`. With `with_key`, the server's key is in it.
///
/// # Errors
/// Something cannot be read or written, or is not what its row says. The archive is worth nothing then.
pub fn backup<W: Write>(
    place: &Place,
    out: W,
    with_key: bool,
    clock: &Arc<dyn Clock>,
    runtime: &Handle,
    watcher: &mut Watcher<'_>,
) -> Result<(W, BackedUp), MovingError> {
    let blobs = place.blobs()?;
    let key = if with_key { place.server_key()? } else { None };
    let mut store = place.beside()?;
    let mut lease = Lease::take(place.beside()?, HoldKind::Files, "a backup", Arc::clone(clock))?;
    store.begin_snapshot()?;
    let (engine, schema) = store.schema();
    let header = ArchiveHeader {
        store_id: store_id(&mut *store)?,
        created: clock.now(),
        program: env!("CARGO_PKG_VERSION").into(),
        engine: engine.into(),
        schema: schema as u64,
    };
    let mut archive = ArchiveWriter::new(out, &header)?;
    if let Some(key) = key {
        archive.server_key(&key)?;
    }
    let mut list = BlobList::new()?;
    let mut progress = Progress { step: "rows", ..Progress::default() };
    for table in TABLES {
        archive.begin_table(&table_head(table))?;
        each_row(&mut *store, table, |row| {
            list.add_of(table, &row)?;
            archive.row(&row)?;
            progress.rows += 1;
            watcher(&progress)?;
            lease.tick()
        })?;
        archive.end_table()?;
    }
    store.end_snapshot();
    progress = Progress { step: "files", ..progress };
    list.each(|head| {
        archive.begin_blob(&head)?;
        let found = each_piece(&blobs, &head, runtime, |piece| {
            archive.bytes(piece)?;
            progress.file_bytes += piece.len() as u64;
            watcher(&progress)?;
            lease.tick()
        })?;
        progress.files += 1;
        if found { Ok(()) } else { Err(missing(&head)) }
    })?;
    lease.end()?;
    let (out, totals, digest) = archive.finish()?;
    Ok((out, BackedUp { header, totals, digest }))
}

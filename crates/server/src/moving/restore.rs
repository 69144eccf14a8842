//! Restoring an archive into an empty store of either engine.

use std::io::Read;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::blobs::BlobCopy;
use super::filling::Filling;
use super::{MovingError, Place, Progress, Watcher};
use crate::archive::{ArchiveHeader, ArchiveReader, Part, TableHead, Totals};
use crate::clock::Clock;
use crate::store::raw::{RawRow, RawValue};
use crate::store::tables::{Absent, Table};

/// A restore that was made.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What the archive begins with.
    pub header: ArchiveHeader,
    /// How much it held.
    pub totals: Totals,
    /// The digest of all.
    pub digest: [u8; 32],
    /// Whether the server's key was in it.
    pub has_server_key: bool,
}

/// Fills an empty `place` with what an archive holds, and reads all back.
///
/// # Errors
/// The archive is not whole, the place is not empty, or something cannot be written. Servers do not start on the store
/// then; the same command begins anew.
pub fn restore<R: Read>(
    place: &Place,
    input: R,
    clock: &Arc<dyn Clock>,
    runtime: &Handle,
    watcher: &mut Watcher<'_>,
) -> Result<Restored, MovingError> {
    let mut archive = ArchiveReader::new(input)?;
    let header = archive.header().clone();
    let source = format!("the restore of a backup of {} of the store {}", header.created, header.store_id);
    let mut filling = Filling::begin(place.alone(clock.now())?, &source)?;
    let blobs = place.blobs()?;
    let mut progress = Progress { step: "rows", ..Progress::default() };
    let (mut mapping, mut copy, mut left_bytes) = (Vec::new(), None::<BlobCopy<'_>>, 0);
    let mut has_server_key = false;
    let totals = loop {
        match archive.next_part()? {
            Part::ServerKey(key) => {
                place.put_server_key(&key)?;
                has_server_key = true;
            }
            Part::Table(head) => {
                let table = known_table(&head)?;
                mapping = map_columns(table, &head)?;
                filling.begin_table(table);
            }
            Part::Rows(rows) => {
                progress.rows += rows.len() as u64;
                rows.into_iter().try_for_each(|row| filling.row(mapped(row, &mapping)))?;
            }
            Part::TableEnd(_) => drop(filling.end_table()?),
            Part::Blob(head) => {
                progress = Progress { step: "files", ..progress };
                left_bytes = head.len_bytes;
                copy = Some(BlobCopy::begin(&blobs, head, runtime));
            }
            Part::Bytes(bytes) => {
                if let Some(copy) = &mut copy {
                    copy.write(&bytes)?;
                }
                left_bytes = left_bytes.saturating_sub(bytes.len() as u64);
                progress.file_bytes += bytes.len() as u64;
            }
            Part::End(totals) => break totals,
        }
        if left_bytes == 0
            && let Some(copy) = copy.take()
        {
            copy.finish(&blobs)?;
            progress.files += 1;
        }
        watcher(&progress)?;
    };
    filling.verify(watcher)?;
    filling.finish()?;
    Ok(Restored { header, totals, digest: archive.digest().unwrap_or_default(), has_server_key })
}

fn known_table(head: &TableHead) -> Result<&'static Table, MovingError> {
    Table::named(&head.name).ok_or_else(|| MovingError::Unknown(format!("a table {:?}", head.name)))
}

/// Where a value of a row comes from.
enum Source {
    Archive(usize),
    Absent(Absent),
}

fn map_columns(table: &Table, head: &TableHead) -> Result<Vec<Source>, MovingError> {
    let unknown =
        |name: &str| MovingError::Unknown(format!("a column {name:?} of the table {:?}", head.name));
    for (name, kind) in &head.columns {
        let known = table.columns.iter().find(|column| column.name == name);
        if known.is_none_or(|column| column.kind.name() != kind) {
            return Err(unknown(name));
        }
    }
    let place = |name: &str| head.columns.iter().position(|(there, _)| there == name);
    let sources = table.columns.iter().map(|column| match (place(column.name), column.absent) {
        (Some(at), _) => Ok(Source::Archive(at)),
        (None, Some(absent)) => Ok(Source::Absent(absent)),
        (None, None) => Err(super::corrupt(&format!("there is no column {} of {}", column.name, table.name))),
    });
    sources.collect()
}

fn mapped(mut row: RawRow, mapping: &[Source]) -> RawRow {
    let value = |source: &Source| match source {
        Source::Archive(at) => {
            row.get_mut(*at).map_or(RawValue::Null, |value| std::mem::replace(value, RawValue::Null))
        }
        Source::Absent(Absent::Integer(number)) => RawValue::Integer(*number),
        Source::Absent(Absent::Null) => RawValue::Null,
    };
    mapping.iter().map(value).collect()
}

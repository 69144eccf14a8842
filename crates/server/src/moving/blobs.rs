//! Bytes of files on the move: listed outside of memory, read and written with their length and checksum.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Seek as _, Write as _};

use futures_util::StreamExt as _;
use tokio::runtime::Handle;
use tozstore_crypto::{FileChecksum, FileTally, SealedFile};

use super::MovingError;
use crate::archive::{ArchiveError, BlobHead};
use crate::blobs::{BlobKey, BlobWriter, Blobs};
use crate::http;
use crate::store::raw::RawValue;
use crate::store::tables::Table;

const ENTRY_BYTES: usize = 16 + 8 + 16;

/// Files that rows name, in a file without a name: there may be more than memory takes.
pub(super) struct BlobList {
    out: BufWriter<File>,
    count: u64,
}

impl BlobList {
    pub(super) fn new() -> Result<Self, MovingError> {
        let file = tempfile::tempfile().map_err(ArchiveError::Io)?;
        Ok(Self { out: BufWriter::new(file), count: 0 })
    }

    /// Adds the file of a row, if it has one.
    pub(super) fn add_of(&mut self, table: &Table, row: &[RawValue]) -> Result<(), MovingError> {
        let value = |name| {
            let at = table.columns.iter().position(|column| column.name == name)?;
            row.get(at).filter(|value| **value != RawValue::Null)
        };
        let Some(RawValue::Bytes(key)) = value("file_key") else { return Ok(()) };
        let (Some(RawValue::Integer(len)), Some(RawValue::Bytes(checksum))) =
            (value("file_bytes"), value("file_checksum"))
        else {
            return Err(super::corrupt("a row has a file without a length or a checksum"));
        };
        let entry = [&key[..], &len.to_be_bytes(), checksum].concat();
        if entry.len() != ENTRY_BYTES {
            return Err(super::corrupt("a row has a file without a length or a checksum"));
        }
        self.count += 1;
        Ok(self.out.write_all(&entry).map_err(ArchiveError::Io)?)
    }

    /// Gives each file.
    pub(super) fn each(
        self,
        mut take: impl FnMut(BlobHead) -> Result<(), MovingError>,
    ) -> Result<(), MovingError> {
        let mut file = self.out.into_inner().map_err(|error| ArchiveError::Io(error.into_error()))?;
        file.rewind().map_err(ArchiveError::Io)?;
        let mut input = BufReader::new(file);
        for _ in 0..self.count {
            let (mut key, mut len, mut checksum) = ([0; 16], [0; 8], [0; 16]);
            for part in [&mut key[..], &mut len, &mut checksum] {
                input.read_exact(part).map_err(ArchiveError::Io)?;
            }
            take(BlobHead {
                key: BlobKey::from_bytes(key),
                len_bytes: u64::from_be_bytes(len),
                checksum: FileChecksum::from_bytes(checksum),
            })?;
        }
        Ok(())
    }
}

/// Gives the bytes of a file, piece by piece. Returns whether there were any.
///
/// # Errors
/// They are not what was said of them; known at the end.
pub(super) fn each_piece(
    blobs: &Blobs,
    head: &BlobHead,
    runtime: &Handle,
    mut take: impl FnMut(&[u8]) -> Result<(), MovingError>,
) -> Result<bool, MovingError> {
    let Some(mut pieces) = runtime.block_on(blobs.open(head.key)).map_err(failed)? else { return Ok(false) };
    let mut tally = FileTally::new();
    while let Some(piece) = runtime.block_on(pieces.next()) {
        let piece = piece.map_err(|error| MovingError::Blobs(error.to_string()))?;
        tally.count(&piece);
        if tally.len_bytes() > head.len_bytes {
            break;
        }
        take(&piece)?;
    }
    let BlobHead { key, len_bytes, checksum } = *head;
    if tally.finish() == (SealedFile { len_bytes, checksum }) {
        Ok(true)
    } else {
        Err(MovingError::Blob {
            key,
            what: "are not what they were when they came: length or checksum differ",
        })
    }
}

/// Whether this file is there, whole.
pub(super) fn is_there(
    blobs: &Blobs,
    head: &BlobHead,
    runtime: &Handle,
    mut tick: impl FnMut(&[u8]) -> Result<(), MovingError>,
) -> Result<bool, MovingError> {
    match each_piece(blobs, head, runtime, &mut tick) {
        // What is there is not the file: it can be written again.
        Err(MovingError::Blob { .. }) => Ok(false),
        other => other,
    }
}

/// Writes one file.
pub(super) struct BlobCopy<'a> {
    writer: Option<BlobWriter>,
    runtime: &'a Handle,
    head: BlobHead,
}

impl<'a> BlobCopy<'a> {
    pub(super) fn begin(blobs: &Blobs, head: BlobHead, runtime: &'a Handle) -> Self {
        Self { writer: Some(blobs.create(head.key)), runtime, head }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), MovingError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        self.runtime.block_on(writer.write(bytes)).map_err(failed)
    }

    /// Ends it, and reads it back.
    pub(super) fn finish(mut self, blobs: &Blobs) -> Result<(), MovingError> {
        if let Some(writer) = self.writer.take() {
            self.runtime.block_on(writer.finish()).map_err(failed)?;
        }
        if is_there(blobs, &self.head, self.runtime, |_| Ok(()))? {
            Ok(())
        } else {
            Err(MovingError::Different(format!("the file {}", self.head.key)))
        }
    }
}

impl Drop for BlobCopy<'_> {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            self.runtime.block_on(writer.abort());
        }
    }
}

/// The error for a file that rows name and that is not there.
pub(super) const fn missing(head: &BlobHead) -> MovingError {
    MovingError::Blob { key: head.key, what: "are not there" }
}

fn failed(error: http::Error) -> MovingError {
    MovingError::Blobs(error.to_string())
}

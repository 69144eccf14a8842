//! Writes archives.

use std::io::Write;

use super::frames::{FrameKind, FrameWriter};
use super::rows::{RowSum, encode_row};
use super::{ArchiveError, ArchiveHeader, BlobHead, TableHead, Totals};
use crate::store::raw::RawValue;

/// Bytes of rows that are put into one frame, or a little more.
const ROWS_BYTES: usize = 256 * 1024;

/// Writes an archive, part by part, in the order in which [`ArchiveReader`](super::ArchiveReader) gives them.
pub struct ArchiveWriter<W> {
    frames: FrameWriter<W>,
    rows: Vec<u8>,
    sum: RowSum,
    totals: Totals,
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins an archive.
    ///
    /// # Errors
    /// It cannot be written; the same for what follows.
    pub fn new(out: W, header: &ArchiveHeader) -> Result<Self, ArchiveError> {
        let mut frames = FrameWriter::new(out)?;
        frames.put(FrameKind::Header, &json(header)?)?;
        Ok(Self { frames, rows: Vec::new(), sum: RowSum::default(), totals: Totals::default() })
    }

    /// The server's key. Before all tables.
    pub fn server_key(&mut self, key: &[u8; 32]) -> Result<(), ArchiveError> {
        self.frames.put(FrameKind::ServerKey, key)
    }

    /// Begins a table.
    pub fn begin_table(&mut self, table: &TableHead) -> Result<(), ArchiveError> {
        self.sum = RowSum::default();
        self.frames.put(FrameKind::Table, &json(table)?)
    }

    /// Adds a row to the table.
    pub fn row(&mut self, row: &[RawValue]) -> Result<(), ArchiveError> {
        let start = self.rows.len();
        encode_row(row, &mut self.rows);
        self.sum.add_encoded(self.rows.get(start..).unwrap_or_default());
        if self.rows.len() >= ROWS_BYTES { self.flush_rows() } else { Ok(()) }
    }

    /// Ends the table; what its rows come to.
    pub fn end_table(&mut self) -> Result<RowSum, ArchiveError> {
        self.flush_rows()?;
        let RowSum { rows, digest } = self.sum;
        self.totals.tables += 1;
        self.totals.rows += rows;
        self.frames.put(FrameKind::TableEnd, &[&rows.to_be_bytes()[..], &digest].concat())?;
        Ok(self.sum)
    }

    /// Begins a file. Behind all tables.
    pub fn begin_blob(&mut self, head: &BlobHead) -> Result<(), ArchiveError> {
        self.totals.blobs += 1;
        self.totals.blob_bytes += head.len_bytes;
        let len = head.len_bytes.to_be_bytes();
        self.frames.put(FrameKind::Blob, &[head.key.as_bytes(), &len[..], head.checksum.as_bytes()].concat())
    }

    /// Adds bytes to the file, as many in all as were announced.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        if bytes.is_empty() { Ok(()) } else { self.frames.put(FrameKind::Bytes, bytes) }
    }

    /// Ends the archive: what was written to, how much there is, and the digest of all.
    pub fn finish(mut self) -> Result<(W, Totals, [u8; 32]), ArchiveError> {
        let Totals { tables, rows, blobs, blob_bytes } = self.totals;
        let totals = [tables, rows, blobs, blob_bytes].map(u64::to_be_bytes).concat();
        self.frames.put(FrameKind::End, &totals)?;
        let (out, digest) = self.frames.finish()?;
        Ok((out, self.totals, digest))
    }

    fn flush_rows(&mut self) -> Result<(), ArchiveError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        self.frames.put(FrameKind::Rows, &self.rows)?;
        self.rows.clear();
        Ok(())
    }
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, ArchiveError> {
    serde_json::to_vec(value).map_err(|error| ArchiveError::Io(error.into()))
}

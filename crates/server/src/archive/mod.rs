//! Archives: all rows and files of one store in one stream, for backups. docs/formats/archive.md draws the bytes.
//!
//! An archive is written and read front to back, in constant memory, and knows nothing of engines. What is sealed in
//! it is sealed as the store had it.

mod frames;
mod reader;
mod rows;
mod writer;

use std::io;

use serde::{Deserialize, Serialize};
use tozstore_api::Timestamp;
use tozstore_crypto::{FileChecksum, StoreId};
use zeroize::Zeroizing;

pub use frames::{MAGIC, MAX_FRAME_BYTES};
pub use reader::ArchiveReader;
pub use rows::{RowSum, decode_rows, encode_row};
pub use writer::ArchiveWriter;

use crate::blobs::BlobKey;
use crate::store::raw::RawRow;

/// What an archive begins with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveHeader {
    /// Which store it is of.
    pub store_id: StoreId,
    /// When its snapshot was taken.
    pub created: Timestamp,
    /// Version of the program that wrote it.
    pub program: String,
    /// Engine that the rows were in.
    pub engine: String,
    /// Version of the schema of that engine.
    pub schema: u64,
}

/// What the rows of a table begin with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TableHead {
    /// Name of the table.
    pub name: String,
    /// Name and kind of each column: `bytes`, `flag`, `integer` or `text`.
    pub columns: Vec<(String, String)>,
}

/// What the bytes of a file begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobHead {
    /// Where they lay.
    pub key: BlobKey,
    /// How many they are.
    pub len_bytes: u64,
    /// Their MD5, as the client told it that sealed them.
    pub checksum: FileChecksum,
}

/// How much an archive holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Tables.
    pub tables: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// Files.
    pub blobs: u64,
    /// Bytes of all files.
    pub blob_bytes: u64,
}

/// The next part of an archive.
#[derive(Debug)]
pub enum Part {
    /// The server's key.
    ServerKey(Zeroizing<[u8; 32]>),
    /// A table begins.
    Table(TableHead),
    /// Rows of that table.
    Rows(Vec<RawRow>),
    /// The table ends: how many rows it has, and what they come to.
    TableEnd(RowSum),
    /// A file begins.
    Blob(BlobHead),
    /// Bytes of that file. It ends when all are there; they have the checksum then.
    Bytes(Vec<u8>),
    /// The archive ends, and was whole.
    End(Totals),
}

/// Why an archive cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It ends before its end.
    #[error("the archive is cut short")]
    Cut,
    /// A checksum does not fit.
    #[error("the archive is damaged: the checksum of its frame {frame} does not fit")]
    Damaged {
        /// Place of the frame in the archive, from zero.
        frame: u64,
    },
    /// It cannot be read or written.
    #[error("the archive cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// A frame says what none may say there.
    #[error("the archive is malformed: its frame {frame} {what}")]
    Malformed {
        /// Place of the frame in the archive, from zero.
        frame: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// It is of another version of the format.
    #[error("the archive was written by a newer program")]
    Newer,
    /// It is something else.
    #[error("this is not an archive")]
    NoArchive,
    /// A row is larger than a frame may be.
    #[error("a row is larger than the {MAX_FRAME_BYTES} bytes that an archive takes")]
    RowTooLarge,
    /// There is more behind its end.
    #[error("there are bytes behind the end of the archive")]
    Trailing,
}

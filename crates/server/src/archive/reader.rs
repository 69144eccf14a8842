//! Reads archives, strictly: one form alone, and every count and checksum must fit.

use std::collections::HashSet;
use std::io::Read;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tozstore_crypto::{FileChecksum, FileTally, SealedFile};
use zeroize::Zeroizing;

use super::frames::{FrameKind, FrameReader};
use super::rows::{RowSum, decode_rows};
use super::{ArchiveError, ArchiveHeader, BlobHead, Part, TableHead, Totals};
use crate::blobs::BlobKey;
use crate::store::raw::RawValue;

/// Tables, and columns of one, that an archive may have.
const MAX_NAMES: usize = 1000;

/// Reads an archive, part by part. Parts are checked as they come, each by itself; that nothing is missing is known at
/// [`Part::End`].
pub struct ArchiveReader<R> {
    frames: FrameReader<R>,
    header: ArchiveHeader,
    state: State,
    names: HashSet<String>,
    totals: Totals,
    digest: Option<[u8; 32]>,
}

enum State {
    /// Nothing but the header was there.
    Beginning,
    /// Between tables.
    Tables,
    Table {
        kinds: Vec<String>,
        sum: RowSum,
    },
    /// Between files.
    Blobs,
    Blob {
        head: BlobHead,
        tally: FileTally,
    },
    Ended,
}

impl<R: Read> ArchiveReader<R> {
    /// Reads what an archive begins with.
    ///
    /// # Errors
    /// It is none, or damaged.
    pub fn new(input: R) -> Result<Self, ArchiveError> {
        let mut frames = FrameReader::new(input)?;
        let (kind, payload) = frames.next()?;
        let header = Some(payload).filter(|_| kind == FrameKind::Header).and_then(|json| from_json(&json));
        let header = header.ok_or(ArchiveError::Malformed { frame: 0, what: "is no header" })?;
        let (names, totals) = (HashSet::new(), Totals::default());
        Ok(Self { frames, header, state: State::Beginning, names, totals, digest: None })
    }

    /// What it begins with.
    pub const fn header(&self) -> &ArchiveHeader {
        &self.header
    }

    /// The digest of all, once [`Part::End`] was there.
    pub const fn digest(&self) -> Option<[u8; 32]> {
        self.digest
    }

    /// The next part.
    ///
    /// # Errors
    /// The archive is cut short, damaged, or malformed. Nothing of it can be trusted to be all then.
    pub fn next_part(&mut self) -> Result<Part, ArchiveError> {
        let (kind, payload) = self.frames.next()?;
        let frame = self.frames.place();
        let malformed = |what| ArchiveError::Malformed { frame, what };
        let state = std::mem::replace(&mut self.state, State::Ended);
        let (state, part) = match (state, kind) {
            (State::Beginning, FrameKind::ServerKey) => {
                let key = payload.try_into().map_err(|_| malformed("is no key"))?;
                (State::Tables, Part::ServerKey(Zeroizing::new(key)))
            }
            (State::Beginning | State::Tables, FrameKind::Table) => {
                let head: TableHead = from_json(&payload).ok_or_else(|| malformed("names no table"))?;
                let columns: HashSet<&str> = head.columns.iter().map(|(name, _)| name.as_str()).collect();
                let is_new = self.names.len() < MAX_NAMES && self.names.insert(head.name.clone());
                let is_sound = head.columns.len() <= MAX_NAMES && columns.len() == head.columns.len();
                if !is_new || !is_sound {
                    return Err(malformed("names a table, or a column, twice"));
                }
                let kinds = head.columns.iter().map(|(_, kind)| kind.clone()).collect();
                (State::Table { kinds, sum: RowSum::default() }, Part::Table(head))
            }
            (State::Table { kinds, mut sum }, FrameKind::Rows) => {
                let rows = decode_rows(&payload, kinds.len()).ok_or_else(|| malformed("holds no rows"))?;
                for row in &rows {
                    if !row.iter().zip(&kinds).all(|(value, kind)| fits(value, kind)) {
                        return Err(malformed("holds a value of another kind than its column"));
                    }
                    sum.add(row);
                }
                (State::Table { kinds, sum }, Part::Rows(rows))
            }
            (State::Table { sum, .. }, FrameKind::TableEnd) => {
                if payload != [&sum.rows.to_be_bytes()[..], &sum.digest].concat() {
                    return Err(malformed("tells of other rows than there were"));
                }
                self.totals.tables += 1;
                self.totals.rows += sum.rows;
                (State::Tables, Part::TableEnd(sum))
            }
            (State::Beginning | State::Tables | State::Blobs, FrameKind::Blob) => {
                let head = blob_head(&payload).ok_or_else(|| malformed("names no file"))?;
                self.totals.blobs += 1;
                self.totals.blob_bytes = self.totals.blob_bytes.saturating_add(head.len_bytes);
                let tally = FileTally::new();
                (after(head, tally).ok_or_else(|| malformed("has another checksum"))?, Part::Blob(head))
            }
            (State::Blob { head, mut tally }, FrameKind::Bytes) => {
                tally.count(&payload);
                if payload.is_empty() || tally.len_bytes() > head.len_bytes {
                    return Err(malformed("has another length than the file"));
                }
                let state = after(head, tally).ok_or_else(|| malformed("ends a file of another checksum"))?;
                (state, Part::Bytes(payload))
            }
            (State::Beginning | State::Tables | State::Blobs, FrameKind::End) => {
                let Totals { tables, rows, blobs, blob_bytes } = self.totals;
                if payload != [tables, rows, blobs, blob_bytes].map(u64::to_be_bytes).concat() {
                    return Err(malformed("tells of more or less than there was"));
                }
                self.digest = Some(self.frames.finish()?);
                (State::Ended, Part::End(self.totals))
            }
            _ => return Err(malformed("does not belong where it is")),
        };
        self.state = state;
        Ok(part)
    }
}

/// What follows these bytes of a file: more of them, or the next file if they have the checksum.
fn after(head: BlobHead, tally: FileTally) -> Option<State> {
    if tally.len_bytes() < head.len_bytes {
        return Some(State::Blob { head, tally });
    }
    let BlobHead { len_bytes, checksum, .. } = head;
    (tally.finish() == SealedFile { len_bytes, checksum }).then_some(State::Blobs)
}

fn blob_head(payload: &[u8]) -> Option<BlobHead> {
    let (key, rest) = payload.split_first_chunk::<16>()?;
    let (len, checksum) = rest.split_first_chunk::<8>()?;
    Some(BlobHead {
        key: BlobKey::from_bytes(*key),
        len_bytes: u64::from_be_bytes(*len),
        checksum: FileChecksum::from_bytes(checksum.try_into().ok()?),
    })
}

fn fits(value: &RawValue, kind: &str) -> bool {
    match (value, kind) {
        (RawValue::Null, _) => true,
        (RawValue::Bytes(_), kind) => kind == "bytes",
        (RawValue::Integer(0 | 1), "flag") => true,
        (RawValue::Integer(_), kind) => kind == "integer",
        (RawValue::Text(_), kind) => kind == "text",
    }
}

/// Parses JSON of which there is one form alone.
fn from_json<T: DeserializeOwned + Serialize>(json: &[u8]) -> Option<T> {
    let value = serde_json::from_slice(json).ok()?;
    (serde_json::to_vec(&value).ok()? == json).then_some(value)
}

//! Bodies of the sealed format: `docs/formats/sealed.md`, section 19.
//!
//! Most are the encodings of section 2 ([`SealedBody`]), strict to read; answers that report a failure are JSON
//! ([`SealedErrorBody`]). What is signed is verified by who gets it, never here.

mod bundles;
mod censuses;
mod error;
mod logs;
mod records;
mod rows;
mod stages;
mod store;

use tozstore_crypto::ParseError;
use tozstore_crypto::sealed::{Digest, Reader, Writer};

pub use self::bundles::{
    BundleHead, BundleHeads, BundlePage, BundlesOf, MAX_BUNDLE_LOOKUPS, MAX_BUNDLES_PER_PAGE,
};
pub use self::censuses::{
    CENSUS_LEAVES_PER_PAGE, CensusItem, CensusLeaf, CensusLeaves, CensusPage, MAX_CENSUS_LEAVES,
};
pub use self::error::{SealedErrorBody, SealedErrorCode};
pub use self::logs::{
    Append, EntryPage, EntryView, MAX_ENTRIES_PER_PAGE, MAX_LINKS_PER_PAGE, MAX_LOGS_PER_PAGE,
    MAX_WRAPS_IN_ONE_PIECE, OpenedBeneath, OwnLog, OwnLogs, SealedLinks, Share, Shares, WrapStep, WrapSteps,
};
pub use self::records::{
    MAX_RECORDS_PER_PAGE, MAX_RECORDS_PER_READ, MAX_RECORDS_PER_WRITE, MAX_REWRAPS, ReadRecords, RecordPage,
    RecordView, RecordViews, RecordWrite, RecordWrites, Rewrap, RewrapResult, RewrapResults, Rewraps,
    StaleRecord, StaleRecords, WriteResult, WriteResults,
};
pub use self::rows::SealedTypeRows;
pub use self::stages::{MAX_WRAPS_PER_PAGE, MissingWraps, Stage, StageCommit, StageState, WrapPage};
pub use self::store::{SealedLimits, SealedStore};

/// `Content-Type` of encoded bodies.
pub const SEALED_MEDIA_TYPE: &str = "application/vnd.tozstore.sealed";
/// The most bytes of an answer, or nearly so: a list ends before that, but has its first item.
pub const MAX_SEALED_ANSWER_BYTES: usize = 8 << 20;
/// The most bytes of a body.
pub const MAX_SEALED_BODY_BYTES: usize = 8 << 20;

/// A body in its one encoding.
pub trait SealedBody: Sized {
    /// Reads the values in their order.
    ///
    /// # Errors
    /// They have another form, or there are too many.
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError>;

    /// Writes what [`Self::read`] reads.
    fn write(&self, writer: &mut Writer);

    /// Reads a whole body.
    ///
    /// # Errors
    /// As [`Self::read`], or bytes are left over.
    fn from_bytes(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes);
        let body = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(body)
    }

    /// The bytes of the body.
    ///
    /// # Errors
    /// A number, length or count is too large to be written.
    fn to_bytes(&self) -> Result<Vec<u8>, ParseError> {
        let mut writer = Writer::new();
        self.write(&mut writer);
        writer.finish()
    }
}

/// The newest entry of a log, and what has to be done for the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its position.
    pub position: u64,
    /// Its digest.
    pub digest: Digest,
    /// What the server found out.
    pub marks: Marks,
}

/// What the server asks for. Hints: it is for signed entries to say so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Versions are refused until somebody has rotated.
    pub rotation_owed: bool,
    /// Somebody could be given a wrap to a newer key.
    pub follow_owed: bool,
    /// All is refused until the owner has spoken after a restore.
    pub restore_pending: bool,
}

impl Marks {
    /// The byte: 1, 2 and 4.
    pub const fn to_byte(self) -> u8 {
        self.rotation_owed as u8 | (self.follow_owed as u8) << 1 | (self.restore_pending as u8) << 2
    }

    /// Of its byte.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        if byte > 7 {
            return None;
        }
        Some(Self {
            rotation_owed: byte & 1 != 0,
            follow_owed: byte & 2 != 0,
            restore_pending: byte & 4 != 0,
        })
    }
}

impl SealedBody for Head {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            position: reader.u64()?,
            digest: reader.digest()?,
            marks: Marks::from_byte(reader.u8()?).ok_or(ParseError::new("marks of a type"))?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        writer.u64(self.position);
        writer.array(self.digest.as_bytes());
        writer.u8(self.marks.to_byte());
    }
}

/// A presence flag of one byte.
fn read_flag(reader: &mut Reader<'_>) -> Result<bool, ParseError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(ParseError::new("0 or 1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_three_bits() {
        for byte in 0..=u8::MAX {
            assert_eq!(Marks::from_byte(byte).map(Marks::to_byte), (byte < 8).then_some(byte));
        }
        let head = Head {
            position: 7,
            digest: Digest::from_bytes([1; 32]),
            marks: Marks { follow_owed: true, ..Marks::default() },
        };
        let mut bytes = head.to_bytes().unwrap();
        assert_eq!((bytes.len(), Head::from_bytes(&bytes)), (41, Ok(head)));
        bytes.push(0);
        assert!(Head::from_bytes(&bytes).is_err());
    }
}

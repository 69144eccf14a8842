//! The leaves of a census: `/v3/logs/{writer_id}/{record_type}/census`.

use tozstore_crypto::sealed::{Digest, Reader, Writer, census_leaf};
use tozstore_crypto::{ParseError, RecordId};

use super::SealedBody;

/// Leaves of a page that is sent: a power of two, so that a page is a subtree. All pages but the last are full.
pub const CENSUS_LEAVES_PER_PAGE: usize = 1 << 14;
/// Leaves of a page of an answer.
pub const MAX_CENSUS_LEAVES: usize = 5000;

/// A record in a census: `record id, u64 version, digest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CensusLeaf {
    /// The record.
    pub record: RecordId,
    /// Its version.
    pub version: u64,
    /// The digest of that version.
    pub digest: Digest,
}

impl CensusLeaf {
    /// The leaf in the tree.
    pub fn leaf(&self) -> Digest {
        census_leaf(self.record, self.version, &self.digest)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            record: RecordId::from_bytes(reader.array()?),
            version: reader.u64()?,
            digest: reader.digest()?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        writer.array(self.record.as_bytes());
        writer.u64(self.version);
        writer.array(self.digest.as_bytes());
    }
}

/// Leaves of a census that is to be, ascending by record: `list(record id, u64 version, digest)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CensusLeaves(pub Vec<CensusLeaf>);

impl SealedBody for CensusLeaves {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        reader.ascending(CENSUS_LEAVES_PER_PAGE, CensusLeaf::read, |leaf| &leaf.record).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        writer.list(&self.0, |writer, leaf| leaf.write(writer));
    }
}

/// A part of the newest census: `entry digest, list(u8 1, record id, u64 version, digest | u8 0, leaf)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CensusPage {
    /// The entry with the census.
    pub entry: Digest,
    /// Leaves, in the order of the tree.
    pub leaves: Vec<CensusItem>,
}

/// A leaf as one reader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CensusItem {
    /// Of a record that the reader may see.
    Shown(CensusLeaf),
    /// Of another.
    Hidden(Digest),
}

impl CensusItem {
    /// The leaf in the tree.
    pub fn leaf(&self) -> Digest {
        match self {
            Self::Shown(leaf) => leaf.leaf(),
            Self::Hidden(leaf) => *leaf,
        }
    }
}

impl SealedBody for CensusPage {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let item = |reader: &mut Reader<'_>| match reader.u8()? {
            0 => reader.digest().map(CensusItem::Hidden),
            1 => CensusLeaf::read(reader).map(CensusItem::Shown),
            _ => Err(ParseError::new("a leaf of a census")),
        };
        Ok(Self { entry: reader.digest()?, leaves: reader.list(MAX_CENSUS_LEAVES, item)? })
    }

    fn write(&self, writer: &mut Writer) {
        writer.array(self.entry.as_bytes());
        writer.list(&self.leaves, |writer, item| match item {
            CensusItem::Hidden(leaf) => {
                writer.u8(0);
                writer.array(leaf.as_bytes());
            }
            CensusItem::Shown(leaf) => {
                writer.u8(1);
                leaf.write(writer);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_come_back() {
        let leaf = |byte| CensusLeaf {
            record: RecordId::from_bytes([byte; 16]),
            version: 7,
            digest: Digest::from_bytes([byte; 32]),
        };
        let leaves = CensusLeaves(vec![leaf(1), leaf(2)]);
        assert_eq!(CensusLeaves::from_bytes(&leaves.to_bytes().unwrap()), Ok(leaves));
        let twice = CensusLeaves(vec![leaf(1), leaf(1)]);
        assert!(CensusLeaves::from_bytes(&twice.to_bytes().unwrap()).is_err());
        let hidden = CensusItem::Hidden(leaf(1).leaf());
        let page = CensusPage {
            entry: Digest::from_bytes([9; 32]),
            leaves: vec![hidden, CensusItem::Shown(leaf(1))],
        };
        assert_eq!(hidden.leaf(), page.leaves[1].leaf());
        assert_eq!(CensusPage::from_bytes(&page.to_bytes().unwrap()), Ok(page));
    }
}

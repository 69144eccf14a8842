//! Entries whose wraps come in pages: `/v3/stages/{digest}`.

use tozstore_crypto::sealed::{
    Encoded, LINK_BYTES, LogEntry, MAX_CHANGES, Object as _, PrivateChange, Reader, Wrap, Writer,
};
use tozstore_crypto::{ParseError, Signature};

use super::logs::{read_links, read_wraps, write_links, write_wraps};
use super::{OpenedBeneath, SealedBody};

/// Wraps of one page.
pub const MAX_WRAPS_PER_PAGE: usize = 1000;
/// Gaps between pages that came, of which an answer names the first.
const MAX_GAPS: usize = 10_001;

/// An [`super::Append`] without its signature, which comes with the commit, and without its wraps, which come in pages.
/// Only an entry that begins an epoch can be staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The entry, as it will be signed.
    pub entry: Encoded<LogEntry>,
    /// The private changes, in the order of the entry.
    pub private: Vec<PrivateChange>,
    /// What is beneath the type.
    pub beneath: Option<OpenedBeneath>,
    /// A link for each block that has one, in the order of the entry.
    pub links: Vec<(u32, [u8; LINK_BYTES])>,
}

impl SealedBody for Stage {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            entry: Encoded::parse(reader.blob(0..=LogEntry::MAX_BYTES)?)?,
            private: reader.list(MAX_CHANGES, PrivateChange::read)?,
            beneath: reader.opt(OpenedBeneath::read)?,
            links: read_links(reader)?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        writer.blob(self.entry.bytes());
        writer.list(&self.private, |writer, change| change.write(writer));
        writer.opt(self.beneath.as_ref(), |writer, beneath| beneath.write(writer));
        write_links(writer, &self.links);
    }
}

/// A page of wraps: `list(blob(wrap))`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrapPage(pub Vec<Wrap>);

impl SealedBody for WrapPage {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        read_wraps(reader, MAX_WRAPS_PER_PAGE).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        write_wraps(writer, &self.0);
    }
}

/// The signature that a staged entry lacks: it is given last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageCommit(pub Signature);

impl SealedBody for StageCommit {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        reader.signature().map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        writer.array(self.0.as_bytes());
    }
}

/// How far a stage has come: `u32 count, u32 received, list(u32 first, u32 count) missing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageState {
    /// How many wraps the entry has.
    pub count: u32,
    /// How many came.
    pub received: u32,
    /// Which did not, ascending.
    pub missing: Vec<MissingWraps>,
}

/// Wraps of a stage, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingWraps {
    /// The first.
    pub first: u32,
    /// How many.
    pub count: u32,
}

impl SealedBody for StageState {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let read = |reader: &mut Reader<'_>| Ok(MissingWraps { first: reader.u32()?, count: reader.u32()? });
        Ok(Self { count: reader.u32()?, received: reader.u32()?, missing: reader.list(MAX_GAPS, read)? })
    }

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.count);
        writer.u32(self.received);
        writer.list(&self.missing, |writer, gap| {
            writer.u32(gap.first);
            writer.u32(gap.count);
        });
    }
}

#[cfg(test)]
mod tests {
    use tozstore_crypto::sealed::{Beneath, Blind};

    use super::*;

    #[test]
    fn bodies_come_back() {
        let stage = Stage {
            entry: super::super::logs::tests::entry().encoded().clone(),
            private: vec![super::super::logs::tests::private()],
            beneath: Some(OpenedBeneath { blind: Blind::from_bytes([3; 16]), lines: Beneath::default() }),
            links: vec![(0, [4; LINK_BYTES])],
        };
        let bytes = stage.to_bytes().unwrap();
        assert_eq!(Stage::from_bytes(&bytes), Ok(stage));
        assert!(Stage::from_bytes(&bytes[1..]).is_err());
        let state = StageState { count: 9, received: 7, missing: vec![MissingWraps { first: 3, count: 2 }] };
        assert_eq!(StageState::from_bytes(&state.to_bytes().unwrap()), Ok(state));
        assert_eq!(WrapPage::from_bytes(&WrapPage(Vec::new()).to_bytes().unwrap()), Ok(WrapPage(Vec::new())));
    }
}

//! Entries of a type's log: what their author signs (section 6).

use super::{
    Beneath, Blind, BundleChain, Change, Digest, EpochId, Kind, LogPosition, MAX_SEGMENTS, Object,
    PrivateChange, Reader, SegmentHead, Signed, TypePlace, Writer,
};
use crate::label::SealedLabel;
use crate::{ClientId, ParseError, RecordId, StoreId, VerifyError};

/// The most changes of an entry.
pub const MAX_CHANGES: usize = 10_000;
/// The most wraps of an entry with an epoch block: that of the writer, and of all who hold grants.
pub const MAX_WRAPS: u32 = 10_001;
/// The most wraps of an entry without an epoch block.
pub const MAX_WRAPS_WITHOUT_EPOCH: u32 = 1_000;

/// One entry of the log of a type: changes, new epochs and the wraps that they need, all or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The type.
    pub place: TypePlace,
    /// The place in the log, from 0.
    pub position: u64,
    /// The digest of the entry before; none at position 0.
    pub previous: Option<Digest>,
    /// Who signs: the writer, a delegate, or an editor that owes a rotation.
    pub author: ClientId,
    /// The author's bundle, whose key signs.
    pub author_bundle: Digest,
    /// When it was made, in milliseconds since 1970.
    pub made_ms: u64,
    /// The writer's newest bundle, which its own wrap is for.
    pub writer_bundle: Digest,
    /// Changes that every reader sees.
    pub public: Vec<Change>,
    /// Commitments to the others: [`PrivateChange::commitment`].
    pub private: Vec<Digest>,
    /// Epochs that begin here, ascending by segment.
    pub epochs: Vec<EpochBlock>,
    /// How many wraps the entry has.
    pub wrap_count: u32,
    /// The root of the tree of [`super::Wrap::leaf`]s.
    pub wrap_root: Digest,
    /// [`super::Beneath::commitment`].
    pub beneath: Option<Digest>,
    /// Which records there were.
    pub census: Option<Census>,
    /// The restore notice that the entry answers.
    pub notice: Option<NoticeReference>,
}

/// The beginning of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EpochBlock {
    /// Segment, number, and the commitment to the access key.
    pub head: SegmentHead,
    /// The epoch of the same segment whose key this one's opens; none if the segment begins here.
    pub follows: Option<EpochId>,
    /// [`super::link_digest`] of the link to it; none if the segment begins here.
    pub link: Option<Digest>,
}

/// A signed statement of which records there were, and below which epochs nothing is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Census {
    /// How many record versions were counted.
    pub count: u64,
    /// The root of the tree of their leaves.
    pub root: Digest,
    /// For each segment named, the epoch below which nothing is left; ascending by segment.
    pub floors: Vec<(u32, u64)>,
}

/// A restore notice, by sequence and digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NoticeReference {
    /// Its number, from 1; below 2^20.
    pub sequence: u32,
    /// Its digest.
    pub digest: Digest,
}

/// `H("census-leaf"; record id, LE64 version, digest of the version)`: a record in the tree of a census, which ascends
/// by record id and has tombstones too.
pub fn census_leaf(record: RecordId, version: u64, digest: &Digest) -> Digest {
    Digest::of(SealedLabel::CensusLeaf, &[record.as_bytes(), &version.to_le_bytes(), digest.as_bytes()])
}

impl NoticeReference {
    /// Sequences are below this.
    pub const SEQUENCE_END: u32 = 1 << 20;

    /// The number of the first epoch that begins in an entry that names this notice.
    pub const fn first_epoch_number(&self) -> u64 {
        (self.sequence as u64) << 32
    }
}

impl LogEntry {
    /// Whether an epoch of this segment begins here.
    pub fn begins_epoch_of(&self, segment: u32) -> bool {
        self.epochs.iter().any(|block| block.head.segment == segment)
    }

    /// What the bytes alone show to be wrong.
    fn is_plausible(&self) -> bool {
        let most_wraps = if self.epochs.is_empty() { MAX_WRAPS_WITHOUT_EPOCH } else { MAX_WRAPS };
        let beneath_fits = if self.beneath.is_some() {
            !self.epochs.is_empty() || !self.private.is_empty()
        } else {
            self.epochs.is_empty()
        };
        self.previous.is_none() == (self.position == 0)
            && self.public.len() + self.private.len() <= MAX_CHANGES
            && self.wrap_count <= most_wraps
            && beneath_fits
    }
}

impl Object for LogEntry {
    const KIND: Kind = Kind::LogEntry;
    const LABEL: SealedLabel = SealedLabel::LogEntry;
    const MAX_BYTES: usize = 1 << 20;

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let entry = Self {
            place: TypePlace {
                store: StoreId::from_bytes(reader.array()?),
                writer: ClientId::from_bytes(reader.array()?),
                type_name: reader.type_name()?,
            },
            position: reader.u64()?,
            previous: reader.opt(Reader::digest)?,
            author: ClientId::from_bytes(reader.array()?),
            author_bundle: reader.digest()?,
            made_ms: reader.u64()?,
            writer_bundle: reader.digest()?,
            public: reader.list(MAX_CHANGES, |reader| Change::parse(reader.blob(0..=Change::MAX_BYTES)?))?,
            private: reader.list(MAX_CHANGES, Reader::digest)?,
            epochs: reader.ascending(MAX_SEGMENTS, EpochBlock::read, |block| &block.head.segment)?,
            wrap_count: reader.u32()?,
            wrap_root: reader.digest()?,
            beneath: reader.opt(Reader::digest)?,
            census: reader.opt(Census::read)?,
            notice: reader.opt(NoticeReference::read)?,
        };
        if entry.is_plausible() { Ok(entry) } else { Err(ParseError::new("an entry that fits its place")) }
    }

    fn write(&self, writer: &mut Writer) {
        writer.array(self.place.store.as_bytes());
        writer.array(self.place.writer.as_bytes());
        writer.short(self.place.type_name.as_str().as_bytes());
        writer.u64(self.position);
        writer.opt(self.previous, |writer, digest| writer.array(digest.as_bytes()));
        writer.array(self.author.as_bytes());
        writer.array(self.author_bundle.as_bytes());
        writer.u64(self.made_ms);
        writer.array(self.writer_bundle.as_bytes());
        // A change has an encoding; were there none, the empty blob would not be read.
        writer.list(&self.public, |writer, change| writer.blob(&change.to_bytes().unwrap_or_default()));
        writer.list(&self.private, |writer, digest| writer.array(digest.as_bytes()));
        writer.list(&self.epochs, |writer, block| block.write(writer));
        writer.u32(self.wrap_count);
        writer.array(self.wrap_root.as_bytes());
        writer.opt(self.beneath, |writer, digest| writer.array(digest.as_bytes()));
        writer.opt(self.census.as_ref(), |writer, census| census.write(writer));
        writer.opt(self.notice, |writer, notice| notice.write(writer));
    }
}

impl EpochBlock {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let (number, segment) = (reader.u64()?, reader.u32()?);
        let follows = reader.opt(Reader::digest)?.map(EpochId::from_digest);
        let head = SegmentHead { segment, number, canary: reader.digest()? };
        Ok(Self { head, follows, link: reader.opt(Reader::digest)? })
    }

    fn write(&self, writer: &mut Writer) {
        writer.u64(self.head.number);
        writer.u32(self.head.segment);
        writer.opt(self.follows, |writer, epoch| writer.array(epoch.as_bytes()));
        writer.array(self.head.canary.as_bytes());
        writer.opt(self.link, |writer, digest| writer.array(digest.as_bytes()));
    }
}

impl Census {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            count: reader.u64()?,
            root: reader.digest()?,
            floors: reader.ascending(
                MAX_SEGMENTS,
                |reader| Ok((reader.u32()?, reader.u64()?)),
                |(segment, _)| segment,
            )?,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u64(self.count);
        writer.array(self.root.as_bytes());
        writer.list(&self.floors, |writer, (segment, number)| {
            writer.u32(*segment);
            writer.u64(*number);
        });
    }
}

impl NoticeReference {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let notice = Self { sequence: reader.u32()?, digest: reader.digest()? };
        if (1..Self::SEQUENCE_END).contains(&notice.sequence) {
            Ok(notice)
        } else {
            Err(ParseError::new("the sequence of a restore notice"))
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u32(self.sequence);
        writer.array(self.digest.as_bytes());
    }
}

/// An entry whose signature holds, with those of its private changes that were shown. Whether it fits its log says
/// [`super::LogState::apply`].
#[derive(Clone, Debug)]
pub struct VerifiedEntry<'a> {
    signed: &'a Signed<LogEntry>,
    author_sequence: u32,
    /// By index in the entry; what does not parse is there too.
    opened: Vec<(usize, Result<Change, ParseError>)>,
    lines: Option<Beneath>,
}

impl<'a> VerifiedEntry<'a> {
    /// Checks that the author signed the entry with a key of its chain, and that what was `shown` of private changes,
    /// by index and ascending, is what the entry commits to.
    ///
    /// # Errors
    /// One of these does not hold.
    pub fn new(
        signed: &'a Signed<LogEntry>,
        author: &BundleChain,
        shown: &[(u32, PrivateChange)],
    ) -> Result<Self, VerifyError> {
        let entry = signed.object();
        let bundle = author.find(&entry.author_bundle).ok_or(VerifyError)?.object();
        if (entry.author, entry.place.store) != (author.client(), author.store())
            || !shown.is_sorted_by(|(left, _), (right, _)| left < right)
        {
            return Err(VerifyError);
        }
        signed.verify(&bundle.signing_key)?;
        let opened = shown.iter().map(|(index, change)| {
            let index = usize::try_from(*index).map_err(|_| VerifyError)?;
            if entry.private.get(index) == Some(&change.commitment()) {
                Ok((index, Change::parse(&change.change)))
            } else {
                Err(VerifyError)
            }
        });
        Ok(Self {
            signed,
            author_sequence: bundle.sequence,
            opened: opened.collect::<Result<_, _>>()?,
            lines: None,
        })
    }

    /// With the lines of what is beneath, which were shown.
    ///
    /// # Errors
    /// The entry does not commit to them.
    pub fn with_lines(mut self, blind: &Blind, lines: &Beneath) -> Result<Self, VerifyError> {
        let commitment = lines.commitment(blind).map_err(|_| VerifyError)?;
        if self.entry().beneath != Some(commitment) {
            return Err(VerifyError);
        }
        self.lines = Some(lines.clone());
        Ok(self)
    }

    /// The lines of what is beneath, if they were shown.
    pub const fn lines(&self) -> Option<&Beneath> {
        self.lines.as_ref()
    }

    /// The entry.
    pub const fn entry(&self) -> &'a LogEntry {
        self.signed.object()
    }

    /// The entry, with its bytes and signature.
    pub const fn signed(&self) -> &'a Signed<LogEntry> {
        self.signed
    }

    /// Its position and digest: the head of the log, if it fits.
    pub const fn position(&self) -> LogPosition {
        LogPosition { position: self.signed.object().position, digest: self.signed.digest() }
    }

    /// The place of the author's bundle in its chain.
    pub const fn author_sequence(&self) -> u32 {
        self.author_sequence
    }

    /// Whether all private changes were shown.
    pub fn is_complete(&self) -> bool {
        self.opened.len() == self.entry().private.len()
    }

    /// The private changes that were shown, by index.
    pub fn opened(&self) -> &[(usize, Result<Change, ParseError>)] {
        &self.opened
    }
}

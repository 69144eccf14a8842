//! Entries of a group's log: what a manager signs (section 10).

use super::log_entry::{MAX_CHANGES, MAX_WRAPS, MAX_WRAPS_WITHOUT_EPOCH};
use super::{
    Beneath, BundleChain, Digest, GroupChange, GroupGeneration, GroupPlace, Kind, LogPosition,
    NoticeReference, Object, Reader, Signed, WrapPublicKey, Writer,
};
use crate::label::SealedLabel;
use crate::{ClientId, GroupId, ParseError, StoreId, VerifyError};

/// One entry of the log of a group: changes, a new key and the wraps that they need, all or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupEntry {
    /// The group.
    pub place: GroupPlace,
    /// The place in the log, from 0.
    pub position: u64,
    /// The digest of the entry before; none at position 0.
    pub previous: Option<Digest>,
    /// Who signs: a manager.
    pub author: ClientId,
    /// The author's bundle, whose key signs.
    pub author_bundle: Digest,
    /// When it was made, in milliseconds since 1970.
    pub made_ms: u64,
    /// What changes.
    pub changes: Vec<GroupChange>,
    /// The group's new key.
    pub key: Option<KeyBlock>,
    /// How many wraps the entry has.
    pub wrap_count: u32,
    /// The root of the tree of [`super::Wrap::leaf`]s.
    pub wrap_root: Digest,
    /// What the author verified of all that is beneath, if it wraps to groups.
    pub beneath: Option<Beneath>,
    /// The restore notice that the entry answers.
    pub notice: Option<NoticeReference>,
}

/// The beginning of a generation of a group's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyBlock {
    /// Its number, and the commitment to its secret.
    pub generation: GroupGeneration,
    /// What others wrap keys to.
    pub public_key: WrapPublicKey,
    /// The generation whose secret this one's opens, and [`super::link_digest`] of the link; none for the first.
    pub follows: Option<(u64, Digest)>,
}

impl GroupEntry {
    /// What the bytes alone show to be wrong.
    fn is_plausible(&self) -> bool {
        let most_wraps = if self.key.is_none() { MAX_WRAPS_WITHOUT_EPOCH } else { MAX_WRAPS };
        let lists_beneath = self.key.is_some() || self.changes.iter().any(GroupChange::wraps_to_group);
        self.previous.is_none() == (self.position == 0)
            && self.wrap_count <= most_wraps
            && self.beneath.is_some() == lists_beneath
    }
}

impl Object for GroupEntry {
    const KIND: Kind = Kind::GroupEntry;
    const LABEL: SealedLabel = SealedLabel::GroupEntry;
    const MAX_BYTES: usize = 1 << 20;

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let entry = Self {
            place: GroupPlace {
                store: StoreId::from_bytes(reader.array()?),
                group: GroupId::from_bytes(reader.array()?),
            },
            position: reader.u64()?,
            previous: reader.opt(Reader::digest)?,
            author: ClientId::from_bytes(reader.array()?),
            author_bundle: reader.digest()?,
            made_ms: reader.u64()?,
            changes: reader.list(MAX_CHANGES, GroupChange::read)?,
            key: reader.opt(KeyBlock::read)?,
            wrap_count: reader.u32()?,
            wrap_root: reader.digest()?,
            beneath: reader.opt(Beneath::read)?,
            notice: reader.opt(NoticeReference::read)?,
        };
        if entry.is_plausible() { Ok(entry) } else { Err(ParseError::new("an entry that fits its place")) }
    }

    fn write(&self, writer: &mut Writer) {
        writer.array(self.place.store.as_bytes());
        writer.array(self.place.group.as_bytes());
        writer.u64(self.position);
        writer.opt(self.previous, |writer, digest| writer.array(digest.as_bytes()));
        writer.array(self.author.as_bytes());
        writer.array(self.author_bundle.as_bytes());
        writer.u64(self.made_ms);
        writer.list(&self.changes, |writer, change| change.write(writer));
        writer.opt(self.key.as_ref(), |writer, block| block.write(writer));
        writer.u32(self.wrap_count);
        writer.array(self.wrap_root.as_bytes());
        writer.opt(self.beneath.as_ref(), |writer, lines| lines.write(writer));
        writer.opt(self.notice, |writer, notice| notice.write(writer));
    }
}

impl KeyBlock {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let generation = reader.u64()?;
        let public_key = WrapPublicKey::from_bytes(reader.array()?)?;
        let generation = GroupGeneration { generation, canary: reader.digest()? };
        let follows = reader.opt(|reader| Ok((reader.u64()?, reader.digest()?)))?;
        Ok(Self { generation, public_key, follows })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u64(self.generation.generation);
        writer.array(self.public_key.as_bytes());
        writer.array(self.generation.canary.as_bytes());
        writer.opt(self.follows, |writer, (generation, link)| {
            writer.u64(generation);
            writer.array(link.as_bytes());
        });
    }
}

/// An entry whose signature holds. Whether it fits its log says [`super::GroupState::apply`].
#[derive(Clone, Copy, Debug)]
pub struct VerifiedGroupEntry<'a> {
    signed: &'a Signed<GroupEntry>,
    author_sequence: u32,
}

impl<'a> VerifiedGroupEntry<'a> {
    /// Checks that the author signed the entry with a key of its chain.
    ///
    /// # Errors
    /// It did not.
    pub fn new(signed: &'a Signed<GroupEntry>, author: &BundleChain) -> Result<Self, VerifyError> {
        let entry = signed.object();
        let bundle = author.find(&entry.author_bundle).ok_or(VerifyError)?.object();
        if (entry.author, entry.place.store) != (author.client(), author.store()) {
            return Err(VerifyError);
        }
        signed.verify(&bundle.signing_key)?;
        Ok(Self { signed, author_sequence: bundle.sequence })
    }

    /// The entry.
    pub const fn entry(&self) -> &'a GroupEntry {
        self.signed.object()
    }

    /// Its position and digest: the head of the log, if it fits.
    pub const fn position(&self) -> LogPosition {
        LogPosition { position: self.signed.object().position, digest: self.signed.digest() }
    }

    /// The place of the author's bundle in its chain.
    pub const fn author_sequence(&self) -> u32 {
        self.author_sequence
    }
}

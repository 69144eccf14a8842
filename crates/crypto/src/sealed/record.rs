//! Record versions: what their author signs (section 8).

use super::{Digest, Kind, Object, Plain, Reader, RecordFields, RecordPlace, TypePlace, Writer};
use crate::label::SealedLabel;
use crate::{ClientId, ParseError, RecordId, StoreId};

/// One version of a record, without its fields: their digest stands for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordVersion {
    /// Which version of which record.
    pub place: RecordPlace,
    /// The digest of the version before; none for version 1.
    pub previous: Option<Digest>,
    /// Whether it is there or deleted.
    pub state: RecordState,
    /// Who signed: the writer, or an editor.
    pub author: ClientId,
    /// The author's bundle, whose key signed.
    pub author_bundle: Digest,
    /// The head of the type's log as the author saw it: by which right it wrote.
    pub basis: LogPosition,
    /// When it was written, in milliseconds since 1970.
    pub written_ms: u64,
    /// [`super::DataKey::commitment`]; zeros in a tombstone.
    pub key_commitment: Digest,
    /// [`RecordFields::digest`].
    pub fields: Digest,
    /// [`Plain::digest`].
    pub plain: Digest,
    /// The file, if the record is one.
    pub file: Option<FileDescriptor>,
}

/// Whether a record is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RecordState {
    /// It is.
    Live = 1,
    /// It was deleted; nothing follows.
    Deleted = 2,
}

/// An entry of a log, by position and digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogPosition {
    /// Its position.
    pub position: u64,
    /// Its digest.
    pub digest: Digest,
}

/// The bytes of a file record (section 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileDescriptor {
    /// Bytes of plaintext in each chunk but the last: a power of two from 4 KiB to 1 MiB.
    pub chunk_bytes: u32,
    /// Bytes of the file.
    pub length: u64,
    /// The root of the tree of its chunks.
    pub root: Digest,
}

impl RecordVersion {
    /// The key commitment of a tombstone.
    pub const NO_KEY: Digest = Digest::from_bytes([0; 32]);

    /// What a tombstone may not have.
    fn is_plausible(&self) -> bool {
        let place_fits = self.place.version >= 1 && (self.place.version == 1) == self.previous.is_none();
        let has_nothing = self.key_commitment == Self::NO_KEY
            && self.fields == RecordFields::default().digest()
            && self.plain == Plain::default().digest()
            && self.file.is_none();
        let is_tombstone = has_nothing && self.author == self.place.record_type.writer;
        place_fits && (self.state == RecordState::Live || is_tombstone)
    }
}

impl Object for RecordVersion {
    const KIND: Kind = Kind::RecordVersion;
    const LABEL: SealedLabel = SealedLabel::RecordVersion;
    const MAX_BYTES: usize = 4 << 10;

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let record_type = TypePlace {
            store: StoreId::from_bytes(reader.array()?),
            writer: ClientId::from_bytes(reader.array()?),
            type_name: reader.type_name()?,
        };
        let record = RecordId::from_bytes(reader.array()?);
        let version = Self {
            place: RecordPlace { record_type, record, version: reader.u64()? },
            previous: reader.opt(Reader::digest)?,
            state: match reader.u8()? {
                1 => RecordState::Live,
                2 => RecordState::Deleted,
                _ => return Err(ParseError::new("the state of a record")),
            },
            author: ClientId::from_bytes(reader.array()?),
            author_bundle: reader.digest()?,
            basis: LogPosition { position: reader.u64()?, digest: reader.digest()? },
            written_ms: reader.u64()?,
            key_commitment: reader.digest()?,
            fields: reader.digest()?,
            plain: reader.digest()?,
            file: reader.opt(FileDescriptor::read)?,
        };
        if version.is_plausible() {
            Ok(version)
        } else {
            Err(ParseError::new("a version that fits its place and state"))
        }
    }

    fn write(&self, writer: &mut Writer) {
        writer.array(self.place.record_type.store.as_bytes());
        writer.array(self.place.record_type.writer.as_bytes());
        writer.short(self.place.record_type.type_name.as_str().as_bytes());
        writer.array(self.place.record.as_bytes());
        writer.u64(self.place.version);
        writer.opt(self.previous, |writer, digest| writer.array(digest.as_bytes()));
        writer.u8(self.state as u8);
        writer.array(self.author.as_bytes());
        writer.array(self.author_bundle.as_bytes());
        writer.u64(self.basis.position);
        writer.array(self.basis.digest.as_bytes());
        writer.u64(self.written_ms);
        writer.array(self.key_commitment.as_bytes());
        writer.array(self.fields.as_bytes());
        writer.array(self.plain.as_bytes());
        writer.opt(self.file, |writer, file| file.write(writer));
    }
}

impl FileDescriptor {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let file = Self { chunk_bytes: reader.u32()?, length: reader.u64()?, root: reader.digest()? };
        if file.chunk_bytes.is_power_of_two() && (4 << 10..=1 << 20).contains(&file.chunk_bytes) {
            Ok(file)
        } else {
            Err(ParseError::new("a chunk length: a power of two from 4 KiB to 1 MiB"))
        }
    }

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.chunk_bytes);
        writer.u64(self.length);
        writer.array(self.root.as_bytes());
    }
}

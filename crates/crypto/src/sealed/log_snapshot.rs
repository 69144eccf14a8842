//! A log's state as bytes: what a server stores, and goes on from without reading the whole log.

use super::log_entry::MAX_WRAPS;
use super::log_state::{HeldGrant, LogState};
use super::{
    Digest, Epoch, EpochId, Grant, LogPosition, MAX_SEGMENTS, Migration, Reader, SegmentHead, Settings, Span,
    Subject, TypePlace, Writer,
};
use crate::{ClientId, ParseError};

/// The form of these bytes, which are nobody's but the store's. Form 1 has no span.
const FORM: u8 = 2;
/// Nobody is in more lists than there are entries in a log.
const MAX_ENTRIES: usize = 1_000_000;

impl LogState {
    /// The state, to be stored. It has no place: that is the row that it stands in.
    ///
    /// # Errors
    /// None that can happen: every number was read from an entry.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ParseError> {
        let mut writer = Writer::new();
        writer.u8(FORM);
        writer.opt(self.head, |writer, head| head.write(writer));
        writer.opt(self.settings, |writer, settings| settings.write(writer));
        writer.opt(self.migration, |writer, step| writer.u8(step as u8));
        writer.opt(self.writer_bundle, |writer, digest| writer.array(digest.as_bytes()));
        let grants: Vec<_> = self.grants.iter().collect();
        writer.list(&grants, |writer, (subject, held)| {
            subject.write(writer);
            held.grant.write(writer);
            writer.array(held.given_by.as_bytes());
            writer.list(&held.lowered_by, |writer, client| writer.array(client.as_bytes()));
        });
        writer.u64(self.unseen);
        let writing: Vec<_> = self.writing.iter().collect();
        writer.list(&writing, |writer, (client, changes)| {
            writer.array(client.as_bytes());
            writer.list(changes, |writer, (position, may)| {
                writer.u64(*position);
                writer.u8(u8::from(*may));
            });
        });
        let sequences: Vec<_> = self.author_sequences.iter().collect();
        writer.list(&sequences, |writer, (client, sequence)| {
            writer.array(client.as_bytes());
            writer.u32(**sequence);
        });
        writer.list(&self.heads, |writer, epoch| epoch.write(writer));
        writer.u64(self.next_number);
        writer.u32(self.last_notice);
        let floors: Vec<_> = self.floors.iter().collect();
        writer.list(&floors, |writer, (segment, number)| {
            writer.u32(**segment);
            writer.u64(**number);
        });
        writer.opt(self.census, |writer, census| census.write(writer));
        self.span.write(&mut writer);
        writer.finish()
    }

    /// A stored state of that type.
    ///
    /// # Errors
    /// These are other bytes.
    pub fn from_bytes(place: TypePlace, bytes: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes);
        let form = reader.u8()?;
        if !(1..=FORM).contains(&form) {
            return Err(ParseError::new("the stored state of a log"));
        }
        let state = Self {
            place,
            head: reader.opt(LogPosition::read)?,
            settings: reader.opt(Settings::read)?,
            migration: reader.opt(read_migration)?,
            writer_bundle: reader.opt(Reader::digest)?,
            grants: reader
                .list(MAX_WRAPS as usize, |reader| Ok((Subject::read(reader)?, read_held(reader)?)))?
                .into_iter()
                .collect(),
            unseen: reader.u64()?,
            writing: reader
                .list(MAX_ENTRIES, |reader| {
                    let client = ClientId::from_bytes(reader.array()?);
                    Ok((client, reader.list(MAX_ENTRIES, |reader| Ok((reader.u64()?, reader.u8()? == 1)))?))
                })?
                .into_iter()
                .collect(),
            author_sequences: reader
                .list(MAX_ENTRIES, |reader| Ok((ClientId::from_bytes(reader.array()?), reader.u32()?)))?
                .into_iter()
                .collect(),
            heads: reader.list(MAX_SEGMENTS, Epoch::read)?,
            next_number: reader.u64()?,
            last_notice: reader.u32()?,
            floors: reader
                .list(MAX_SEGMENTS, |reader| Ok((reader.u32()?, reader.u64()?)))?
                .into_iter()
                .collect(),
            census: reader.opt(LogPosition::read)?,
            span: if form == 1 { Span::default() } else { Span::read(&mut reader)? },
        };
        reader.finish()?;
        Ok(state)
    }
}

impl Epoch {
    /// Reads an epoch, as a store keeps it.
    ///
    /// # Errors
    /// It has another form.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            head: SegmentHead { segment: reader.u32()?, number: reader.u64()?, canary: reader.digest()? },
            entry: LogPosition::read(reader)?,
            follows: reader.opt(Reader::digest)?.map(EpochId::from_digest),
            link: reader.opt(Reader::digest)?,
        })
    }

    /// Writes what [`Self::read`] reads.
    pub fn write(&self, writer: &mut Writer) {
        writer.u32(self.head.segment);
        writer.u64(self.head.number);
        writer.array(self.head.canary.as_bytes());
        self.entry.write(writer);
        writer.opt(self.follows, |writer, epoch| writer.array(epoch.as_bytes()));
        writer.opt(self.link, |writer, digest: Digest| writer.array(digest.as_bytes()));
    }
}

impl LogPosition {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self { position: reader.u64()?, digest: reader.digest()? })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u64(self.position);
        writer.array(self.digest.as_bytes());
    }
}

fn read_migration(reader: &mut Reader<'_>) -> Result<Migration, ParseError> {
    match reader.u8()? {
        1 => Ok(Migration::Done),
        2 => Ok(Migration::GivenUp),
        3 => Ok(Migration::BegunAgain),
        _ => Err(ParseError::new("a step of a migration")),
    }
}

fn read_held(reader: &mut Reader<'_>) -> Result<HeldGrant, ParseError> {
    Ok(HeldGrant {
        grant: Grant::read(reader)?,
        given_by: ClientId::from_bytes(reader.array()?),
        lowered_by: reader.list(MAX_ENTRIES, |reader| reader.array().map(ClientId::from_bytes))?,
    })
}

//! The state of a group's log as bytes: what a server stores, and goes on from without reading the whole log.

use super::group_state::{GroupKey, HeldMember};
use super::log_entry::MAX_WRAPS;
use super::{
    GroupPlace, GroupSettings, GroupState, KeyBlock, LogPosition, Member, Reader, Span, Subject, TakenIn,
    Writer,
};
use crate::{ClientId, ParseError};

/// The form of these bytes, which are nobody's but the store's.
const FORM: u8 = 1;
/// Nobody is in more lists than there are entries in a log.
const MAX_ENTRIES: usize = 1_000_000;

impl GroupState {
    /// The state, to be stored. It has no place: that is the row that it stands in.
    ///
    /// # Errors
    /// None that can happen: every number was read from an entry.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ParseError> {
        let mut writer = Writer::new();
        writer.u8(FORM);
        writer.opt(self.head, |writer, head| head.write(writer));
        writer.opt(self.settings.as_ref(), |writer, settings| settings.write(writer));
        let members: Vec<_> = self.members.iter().collect();
        writer.list(&members, |writer, (subject, held)| {
            subject.write(writer);
            held.member.write(writer);
            writer.opt(held.taken_in.as_ref(), |writer, taken| taken.write(writer));
        });
        let sequences: Vec<_> = self.author_sequences.iter().collect();
        writer.list(&sequences, |writer, (client, sequence)| {
            writer.array(client.as_bytes());
            writer.u32(**sequence);
        });
        writer.opt(self.newest_key.as_ref(), |writer, key| key.write(writer));
        writer.u64(self.next_generation);
        writer.u32(self.last_notice);
        for position in [self.exposed_at, self.group_added_at, self.settled_at] {
            writer.opt(position, Writer::u64);
        }
        self.span.write(&mut writer);
        writer.finish()
    }

    /// A stored state of that group.
    ///
    /// # Errors
    /// These are other bytes.
    pub fn from_bytes(place: GroupPlace, bytes: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORM {
            return Err(ParseError::new("the stored state of a group"));
        }
        let state = Self {
            place,
            head: reader.opt(LogPosition::read)?,
            settings: reader.opt(GroupSettings::read)?,
            members: reader.list(MAX_WRAPS as usize, read_member)?.into_iter().collect(),
            author_sequences: reader
                .list(MAX_ENTRIES, |reader| Ok((ClientId::from_bytes(reader.array()?), reader.u32()?)))?
                .into_iter()
                .collect(),
            newest_key: reader.opt(GroupKey::read)?,
            next_generation: reader.u64()?,
            last_notice: reader.u32()?,
            exposed_at: reader.opt(Reader::u64)?,
            group_added_at: reader.opt(Reader::u64)?,
            settled_at: reader.opt(Reader::u64)?,
            span: Span::read(&mut reader)?,
        };
        reader.finish()?;
        Ok(state)
    }
}

impl GroupKey {
    /// Reads a generation, as a store keeps it.
    ///
    /// # Errors
    /// It has another form.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let block = KeyBlock::read(reader)?;
        Ok(Self::of_block(&block, LogPosition::read(reader)?))
    }

    /// Writes what [`Self::read`] reads.
    pub fn write(&self, writer: &mut Writer) {
        let block = KeyBlock {
            generation: self.generation,
            public_key: self.public_key.clone(),
            follows: self.follows,
        };
        block.write(writer);
        self.entry.write(writer);
    }
}

fn read_member(reader: &mut Reader<'_>) -> Result<(Subject, HeldMember), ParseError> {
    let (subject, member) = (Subject::read(reader)?, Member::read(reader)?);
    Ok((subject, HeldMember { member, taken_in: reader.opt(TakenIn::read)? }))
}

//! What the author of an entry verified of all that is beneath a type's grants (section 6, `beneath`; section 10).

use super::log_change::Blind;
use super::{Digest, LogPosition, Reader, Subject, Writer};
use crate::label::SealedLabel;
use crate::{ClientId, GroupId, ParseError};

/// The most lines of an entry.
pub(super) const MAX_LINES: usize = 16_384;

/// What one line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BeneathKey {
    /// A client that is exposed in a group, or holds a grant and was deleted.
    Client(ClientId),
    /// A group beneath.
    Group(GroupId),
    /// A group that got no wrap.
    LeftOut(GroupId),
}

impl BeneathKey {
    /// The client or group that it is about.
    pub const fn subject(&self) -> Subject {
        match self {
            Self::Client(client) => Subject::Client(*client),
            Self::Group(group) | Self::LeftOut(group) => Subject::Group(*group),
        }
    }
}

/// One line: the state in which the author saw a client or group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BeneathLine {
    /// What it is about.
    pub key: BeneathKey,
    /// Of a client its newest bundle, zeros if it was deleted; of a group its head.
    pub seen: LogPosition,
}

/// All lines of an entry, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beneath(Vec<BeneathLine>);

impl Beneath {
    /// Puts lines in order.
    ///
    /// # Errors
    /// There are too many, or two about one thing.
    pub fn new(mut lines: Vec<BeneathLine>) -> Result<Self, ParseError> {
        lines.sort_by_key(|line| line.key);
        let is_strict = lines.is_sorted_by(|left, right| left.key < right.key);
        if is_strict && lines.len() <= MAX_LINES {
            Ok(Self(lines))
        } else {
            Err(ParseError::new("lines that ascend"))
        }
    }

    /// The lines.
    pub fn lines(&self) -> &[BeneathLine] {
        &self.0
    }

    /// Reads a list of lines.
    ///
    /// # Errors
    /// It has another form.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        reader.ascending(MAX_LINES, BeneathLine::read, |line| &line.key).map(Self)
    }

    /// Writes what [`Self::read`] reads.
    pub fn write(&self, writer: &mut Writer) {
        writer.list(&self.0, |writer, line| line.write(writer));
    }

    /// `H("beneath"; blind, lines)`: what stands for them in the entry.
    ///
    /// # Errors
    /// A position is too large to be written.
    pub fn commitment(&self, blind: &Blind) -> Result<Digest, ParseError> {
        let mut writer = Writer::new();
        self.write(&mut writer);
        Ok(Digest::of(SealedLabel::Beneath, &[blind.as_bytes(), &writer.finish()?]))
    }
}

impl BeneathLine {
    /// The line about a client that holds a grant and was deleted.
    pub const fn of_deleted(client: ClientId) -> Self {
        let seen = LogPosition { position: 0, digest: Digest::from_bytes([0; 32]) };
        Self { key: BeneathKey::Client(client), seen }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let key = match reader.u8()? {
            1 => BeneathKey::Client(ClientId::from_bytes(reader.array()?)),
            2 => BeneathKey::Group(GroupId::from_bytes(reader.array()?)),
            3 => BeneathKey::LeftOut(GroupId::from_bytes(reader.array()?)),
            _ => return Err(ParseError::new("a line of what is beneath")),
        };
        Ok(Self { key, seen: LogPosition { position: reader.u64()?, digest: reader.digest()? } })
    }

    fn write(&self, writer: &mut Writer) {
        let (kind, id) = match &self.key {
            BeneathKey::Client(id) => (1, id.as_bytes()),
            BeneathKey::Group(id) => (2, id.as_bytes()),
            BeneathKey::LeftOut(id) => (3, id.as_bytes()),
        };
        writer.u8(kind);
        writer.array(id);
        writer.u64(self.seen.position);
        writer.array(self.seen.digest.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_in_one_order_and_come_back() {
        let group = GroupId::from_bytes([1; 16]);
        let seen = LogPosition { position: 4, digest: Digest::from_bytes([4; 32]) };
        let lines = vec![
            BeneathLine { key: BeneathKey::LeftOut(group), seen },
            BeneathLine { key: BeneathKey::Group(group), seen },
            BeneathLine::of_deleted(ClientId::from_bytes([7; 16])),
        ];
        let beneath = Beneath::new(lines.clone()).unwrap();
        let mut writer = Writer::new();
        beneath.write(&mut writer);
        let bytes = writer.finish().unwrap();
        assert_eq!(Beneath::read(&mut Reader::new(&bytes)), Ok(beneath.clone()));
        assert!(Beneath::new([&lines[..], &lines[..1]].concat()).is_err());
        let mut swapped = Writer::new();
        swapped.list(&lines, |writer, line| line.write(writer));
        assert!(Beneath::read(&mut Reader::new(&swapped.finish().unwrap())).is_err());
        let blind = Blind::from_bytes([1; 16]);
        assert_ne!(beneath.commitment(&blind), Beneath::default().commitment(&blind));
        assert_ne!(beneath.commitment(&blind), beneath.commitment(&Blind::from_bytes([2; 16])));
    }
}

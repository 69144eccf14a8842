//! Changes that an entry of a group's log makes: settings, members, removes (section 10).

use super::{Digest, Known, Reader, Subject, Writer};
use crate::ParseError;

/// One change in an entry of a group's log. Whoever may read the log sees all of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GroupChange {
    /// What holds for good. At position 0, and only there.
    Settings(GroupSettings),
    /// The subject is a member from here on, in this way.
    Member(Subject, Member),
    /// The subject is no member from here on.
    Remove(Subject),
    /// The member stays, and is wrapped to this newer bundle or group entry.
    Follow(Subject, Digest),
}

/// What holds for a group for good.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupSettings {
    /// Whether only members whose keys were compared are let in.
    pub is_verified_only: bool,
    /// What its creator called it: 1 to 256 bytes.
    pub name: String,
}

/// How a subject is a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// The bundle, or the group entry, with the key that wraps are made for.
    pub head: Digest,
    /// What it may do.
    pub role: Role,
    /// How well the author knew whose key that is.
    pub known: Known,
}

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Role {
    /// Read what is shared with the group.
    Member = 1,
    /// Append to the group's log too. A client, never a group.
    Manager = 2,
}

impl GroupChange {
    /// Reads a change.
    ///
    /// # Errors
    /// It is not the one encoding of a change.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(match reader.u8()? {
            1 => Self::Settings(GroupSettings::read(reader)?),
            2 => Self::Member(Subject::read(reader)?, Member::read(reader)?),
            3 => Self::Remove(Subject::read(reader)?),
            4 => Self::Follow(Subject::read(reader)?, reader.digest()?),
            _ => return Err(ParseError::new("a change of a group's log")),
        })
    }

    /// Writes what [`Self::read`] reads.
    pub fn write(&self, writer: &mut Writer) {
        match self {
            Self::Settings(settings) => {
                writer.u8(1);
                settings.write(writer);
            }
            Self::Member(subject, member) => {
                writer.u8(2);
                subject.write(writer);
                member.write(writer);
            }
            Self::Remove(subject) => {
                writer.u8(3);
                subject.write(writer);
            }
            Self::Follow(subject, head) => {
                writer.u8(4);
                subject.write(writer);
                writer.array(head.as_bytes());
            }
        }
    }

    /// Whose membership it is about.
    pub const fn subject(&self) -> Option<Subject> {
        match self {
            Self::Member(subject, _) | Self::Remove(subject) | Self::Follow(subject, _) => Some(*subject),
            Self::Settings(_) => None,
        }
    }

    /// Whether it hands the group's secret to a group.
    pub const fn wraps_to_group(&self) -> bool {
        matches!(self, Self::Member(Subject::Group(_), _) | Self::Follow(Subject::Group(_), _))
    }
}

impl GroupSettings {
    /// The most bytes of a name.
    pub const MAX_NAME_BYTES: usize = 256;

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let is_verified_only = match reader.u8()? {
            0 => false,
            2 => true,
            _ => return Err(ParseError::new("settings of a group")),
        };
        Ok(Self { is_verified_only, name: reader.text(1..=Self::MAX_NAME_BYTES)?.to_owned() })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u8(if self.is_verified_only { 2 } else { 0 });
        writer.short(self.name.as_bytes());
    }
}

impl Member {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            head: reader.digest()?,
            role: match reader.u8()? {
                1 => Role::Member,
                2 => Role::Manager,
                _ => return Err(ParseError::new("what a member may do")),
            },
            known: Known::from_byte(reader.u8()?).ok_or(ParseError::new("how well a key is known"))?,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.array(self.head.as_bytes());
        writer.u8(self.role as u8);
        writer.u8(self.known.to_byte());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientId, GroupId};

    fn bytes_of(change: &GroupChange) -> Vec<u8> {
        let mut writer = Writer::new();
        change.write(&mut writer);
        writer.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<GroupChange, ParseError> {
        let mut reader = Reader::new(bytes);
        let change = GroupChange::read(&mut reader)?;
        reader.finish()?;
        Ok(change)
    }

    #[test]
    fn changes_come_back_and_no_other_bytes_are_the_same_change() {
        let (client, group) =
            (Subject::Client(ClientId::from_bytes([1; 16])), Subject::Group(GroupId::from_bytes([2; 16])));
        let head = Digest::from_bytes([9; 32]);
        for change in [
            GroupChange::Settings(GroupSettings { is_verified_only: true, name: "ward".into() }),
            GroupChange::Settings(GroupSettings { is_verified_only: false, name: "é".into() }),
            GroupChange::Member(client, Member { head, role: Role::Manager, known: Known::Compared }),
            GroupChange::Member(group, Member { head, role: Role::Member, known: Known::FirstContact }),
            GroupChange::Remove(group),
            GroupChange::Follow(client, head),
        ] {
            let bytes = bytes_of(&change);
            assert_eq!(read(&bytes), Ok(change.clone()));
            for at in 0..bytes.len() {
                assert!(read(&bytes[..at]).is_err());
                let mut other = bytes.clone();
                other[at] ^= 0x40;
                assert_ne!(read(&other), Ok(change.clone()));
            }
        }
    }

    #[test]
    fn what_no_change_has_is_refused() {
        for bytes in [&[0][..], &[5], &[1, 1, 1, 0, b'a'], &[1, 2, 0, 0], &[1, 4, 1, 0, b'a'], &[3, 3]] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
        let long = GroupSettings { is_verified_only: false, name: "a".repeat(257) };
        assert!(read(&bytes_of(&GroupChange::Settings(long))).is_err());
    }
}

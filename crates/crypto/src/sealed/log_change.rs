//! Changes that an entry of a type's log makes: settings, grants, removes (section 6).

use std::fmt;

use super::{Digest, Known, Reader, Subject, Writer};
use crate::label::SealedLabel;
use crate::{ParseError, primitives};

/// One change in an entry of a type's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// What holds for good. At position 0, and only there.
    Settings(Settings),
    /// The subject holds this grant from here on, in the place of an older one.
    Grant(Subject, Grant),
    /// The subject holds nothing from here on.
    Remove(Subject),
    /// The subject's grant stays, and is wrapped to this newer bundle or group entry.
    Follow(Subject, Digest),
    /// A step of moving the type from the interop format.
    Migration(Migration),
    /// All grants that give reading alone end, but for those that the same entry makes.
    Reset,
}

/// What holds for a type for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// The commitment to the name key, if names of fields are hidden.
    pub name_key: Option<Digest>,
    /// Whether only readers whose keys were compared get grants.
    pub is_verified_only: bool,
    /// Whether the type is being moved from the interop format.
    pub is_migrating: bool,
}

/// A step of moving a type from the interop format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Migration {
    /// It is done; there is no way back.
    Done = 1,
    /// It was given up: the type is written as interop again.
    GivenUp = 2,
    /// It was begun again.
    BegunAgain = 3,
}

/// What a subject may do, and the keys that it gets for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// The bundle, or the group entry, with the key that wraps are made for.
    pub head: Digest,
    /// What it may do.
    pub rights: Rights,
    /// The first segment that it may read.
    pub from_segment: u32,
    /// How well the author knew whose key that is.
    pub known: Known,
}

/// Rights, as bits. Reading is in all of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rights(u8);

impl Rights {
    /// To read.
    pub const READ: Self = Self(1);
    /// To write versions of records, and to read.
    pub const EDIT: Self = Self(1 | 2);
    /// To grant reading, and to read.
    pub const SHARE: Self = Self(1 | 4);
    /// To take reading away, and to read.
    pub const REVOKE: Self = Self(1 | 8);
    /// To begin epochs, and to read.
    pub const ROTATE: Self = Self(1 | 16);

    /// Of their byte.
    ///
    /// # Errors
    /// There is no such right, or reading is not among them.
    pub const fn from_byte(byte: u8) -> Result<Self, ParseError> {
        if byte & 1 == 1 && byte < 32 { Ok(Self(byte)) } else { Err(ParseError::new("rights with reading")) }
    }

    /// As they stand in grants.
    pub const fn to_byte(self) -> u8 {
        self.0
    }

    /// These and those.
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether those are among these.
    pub const fn contain(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether there is none but reading.
    pub const fn is_read_only(self) -> bool {
        self.0 == Self::READ.0
    }

    /// Whether one of them makes a delegate: to share, revoke or rotate.
    pub const fn is_delegate(self) -> bool {
        self.0 & (4 | 8 | 16) != 0
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [
            ("edit", Self::EDIT),
            ("share", Self::SHARE),
            ("revoke", Self::REVOKE),
            ("rotate", Self::ROTATE),
        ];
        f.write_str("read")?;
        named.iter().filter(|(_, right)| self.contain(*right)).try_for_each(|(name, _)| write!(f, "+{name}"))
    }
}

/// What hides a private change or a list of lines from who is not shown it: 16 random bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Blind([u8; 16]);

impl Blind {
    /// A fresh one, for each change.
    pub fn generate() -> Self {
        Self(*primitives::random_array())
    }

    /// One that was sent.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Blind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(_) = self;
        f.write_str("Blind")
    }
}

/// A private change as it is sent beside its entry, which has a commitment to it. Not every one parses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateChange {
    /// What hides it.
    pub blind: Blind,
    /// The change, encoded.
    pub change: Vec<u8>,
}

impl PrivateChange {
    /// Hides a change.
    ///
    /// # Errors
    /// The change has no encoding: a number is too large.
    pub fn new(change: &Change) -> Result<Self, ParseError> {
        Ok(Self { blind: Blind::generate(), change: change.to_bytes()? })
    }

    /// Reads `blind, blob(change)`.
    ///
    /// # Errors
    /// It has another form.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let blind = Blind(reader.array()?);
        Ok(Self { blind, change: reader.blob(0..=Change::MAX_BYTES)?.to_vec() })
    }

    /// Writes what [`Self::read`] reads.
    pub fn write(&self, writer: &mut Writer) {
        writer.array(&self.blind.0);
        writer.blob(&self.change);
    }

    /// `H("change"; blind, change)`: what stands for it in the entry.
    pub fn commitment(&self) -> Digest {
        Digest::of(SealedLabel::Change, &[&self.blind.0, &self.change])
    }
}

impl Change {
    /// The most bytes of a change.
    pub const MAX_BYTES: usize = 128;

    /// Reads a change.
    ///
    /// # Errors
    /// It is not the one encoding of a change.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes);
        let change = match reader.u8()? {
            1 => Self::Settings(Settings::read(&mut reader)?),
            2 => Self::Grant(Subject::read(&mut reader)?, Grant::read(&mut reader)?),
            3 => Self::Remove(Subject::read(&mut reader)?),
            4 => Self::Follow(Subject::read(&mut reader)?, reader.digest()?),
            5 => Self::Migration(match reader.u8()? {
                1 => Migration::Done,
                2 => Migration::GivenUp,
                3 => Migration::BegunAgain,
                _ => return Err(ParseError::new("a step of a migration")),
            }),
            6 => Self::Reset,
            _ => return Err(ParseError::new("a change of a type's log")),
        };
        reader.finish()?;
        Ok(change)
    }

    /// What [`Self::parse`] reads.
    ///
    /// # Errors
    /// None that can happen: a change has an encoding.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ParseError> {
        let mut writer = Writer::new();
        match self {
            Self::Settings(settings) => {
                writer.u8(1);
                settings.write(&mut writer);
            }
            Self::Grant(subject, grant) => {
                writer.u8(2);
                subject.write(&mut writer);
                grant.write(&mut writer);
            }
            Self::Remove(subject) => {
                writer.u8(3);
                subject.write(&mut writer);
            }
            Self::Follow(subject, head) => {
                writer.u8(4);
                subject.write(&mut writer);
                writer.array(head.as_bytes());
            }
            Self::Migration(step) => {
                writer.u8(5);
                writer.u8(*step as u8);
            }
            Self::Reset => writer.u8(6),
        }
        writer.finish()
    }

    /// Whose grant it gives, takes or follows.
    pub const fn subject(&self) -> Option<Subject> {
        match self {
            Self::Grant(subject, _) | Self::Remove(subject) | Self::Follow(subject, _) => Some(*subject),
            Self::Settings(_) | Self::Migration(_) | Self::Reset => None,
        }
    }
}

impl Settings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let (flags, name_key) = (reader.u8()?, reader.opt(Reader::digest)?);
        if flags < 8 && (flags & 1 == 1) == name_key.is_some() {
            Ok(Self { name_key, is_verified_only: flags & 2 != 0, is_migrating: flags & 4 != 0 })
        } else {
            Err(ParseError::new("settings of a type"))
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        let bits = [self.name_key.is_some(), self.is_verified_only, self.is_migrating];
        writer.u8(bits.iter().rev().fold(0, |flags, bit| flags << 1 | u8::from(*bit)));
        writer.opt(self.name_key, |writer, digest| writer.array(digest.as_bytes()));
    }
}

impl Grant {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            head: reader.digest()?,
            rights: Rights::from_byte(reader.u8()?)?,
            from_segment: reader.u32()?,
            known: Known::from_byte(reader.u8()?).ok_or(ParseError::new("how well a key is known"))?,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.array(self.head.as_bytes());
        writer.u8(self.rights.to_byte());
        writer.u32(self.from_segment);
        writer.u8(self.known.to_byte());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientId, GroupId};

    const HEAD: Digest = Digest::from_bytes([9; 32]);

    #[test]
    fn changes_come_back_and_no_other_bytes_are_the_same_change() {
        let (client, group) =
            (Subject::Client(ClientId::from_bytes([1; 16])), Subject::Group(GroupId::from_bytes([2; 16])));
        let grant = Grant { head: HEAD, rights: Rights::EDIT, from_segment: 3, known: Known::Compared };
        let settings = Settings { name_key: Some(HEAD), is_verified_only: true, is_migrating: false };
        for change in [
            Change::Settings(settings),
            Change::Settings(Settings { name_key: None, ..settings }),
            Change::Grant(client, grant),
            Change::Remove(group),
            Change::Follow(group, HEAD),
            Change::Migration(Migration::GivenUp),
            Change::Reset,
        ] {
            let bytes = change.to_bytes().unwrap();
            assert!(bytes.len() <= Change::MAX_BYTES);
            assert_eq!(Change::parse(&bytes), Ok(change));
            for at in 0..bytes.len() {
                assert!(Change::parse(&bytes[..at]).is_err());
                let mut other = bytes.clone();
                other[at] ^= 0x40;
                assert_ne!(Change::parse(&other), Ok(change));
            }
            assert!(Change::parse(&[&bytes[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn what_no_change_has_is_refused() {
        for bytes in [&[0][..], &[7], &[5, 0], &[5, 4], &[1, 8, 0], &[1, 1, 0], &[1, 2, 2], &[3, 3], &[6, 6]]
        {
            assert!(Change::parse(bytes).is_err(), "{bytes:?}");
        }
        for rights in [0, 2, 30, 32, 33] {
            assert!(Rights::from_byte(rights).is_err(), "{rights}");
        }
        assert!(Rights::EDIT.with(Rights::SHARE).contain(Rights::EDIT));
        assert!(!Rights::EDIT.is_delegate() && Rights::ROTATE.is_delegate() && Rights::READ.is_read_only());
        assert_eq!(format!("{:?}", Rights::EDIT.with(Rights::REVOKE)), "read+edit+revoke");
    }

    #[test]
    fn a_private_change_is_committed_to_with_its_blind() {
        let change = PrivateChange::new(&Change::Remove(Subject::Client(ClientId::random()))).unwrap();
        let again = PrivateChange { blind: Blind::generate(), ..change.clone() };
        assert_ne!(change.commitment(), again.commitment());
        let mut writer = Writer::new();
        change.write(&mut writer);
        assert_eq!(PrivateChange::read(&mut Reader::new(&writer.finish().unwrap())), Ok(change));
    }
}

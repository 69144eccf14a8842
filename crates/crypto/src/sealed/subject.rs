//! Who holds a grant in a type, or is a member of a group.

use super::{Reader, Writer};
use crate::{ClientId, GroupId, ParseError};

/// Who holds a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A client.
    Client(ClientId),
    /// A group of clients.
    Group(GroupId),
}

impl Subject {
    /// The client that it is.
    pub const fn client(&self) -> Option<ClientId> {
        match self {
            Self::Client(client) => Some(*client),
            Self::Group(_) => None,
        }
    }

    /// The group that it is.
    pub const fn group(&self) -> Option<GroupId> {
        match self {
            Self::Client(_) => None,
            Self::Group(group) => Some(*group),
        }
    }

    /// Kind and id.
    pub fn to_bytes(self) -> [u8; 17] {
        let (kind, id) = match &self {
            Self::Client(id) => (1, id.as_bytes()),
            Self::Group(id) => (2, id.as_bytes()),
        };
        let mut bytes = [kind; 17];
        bytes[1..].copy_from_slice(id);
        bytes
    }

    /// Reads kind and id.
    ///
    /// # Errors
    /// There is no such kind.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        match reader.u8()? {
            1 => reader.array().map(ClientId::from_bytes).map(Self::Client),
            2 => reader.array().map(GroupId::from_bytes).map(Self::Group),
            _ => Err(ParseError::new("a client or group")),
        }
    }

    /// Writes what [`Self::read`] reads.
    pub fn write(self, writer: &mut Writer) {
        writer.array(&self.to_bytes());
    }
}

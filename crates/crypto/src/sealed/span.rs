//! What the entries of a type or group list of all that is beneath it, from its newest key on (section 10, *Beneath*).

use std::collections::{BTreeMap, BTreeSet};

use super::log_beneath::MAX_LINES;
use super::{Beneath, BeneathKey, Digest, LogPosition, Reader, Writer};
use crate::{ClientId, GroupId, ParseError};

/// The lines of a holder's entries from its newest key block on; of a type, from the newest block of the current
/// segment on. What an entry lists again says nothing new: the first one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Of a type: the writer's bundle that the first entry names.
    writer_bundle: Option<Digest>,
    /// Of the entry that begins it, then of those that list a group which none before did.
    entries: Vec<Listed>,
    /// Whether lines of an entry were not shown.
    is_partial: bool,
}

/// What one entry lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Listed {
    groups: BTreeMap<GroupId, LogPosition>,
    left_out: BTreeSet<GroupId>,
    clients: BTreeMap<ClientId, LogPosition>,
}

/// How a group was taken in: its line, and the lines of clients in the same entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenIn {
    /// The state of the group that the author saw.
    pub seen: LogPosition,
    /// Exposed clients that the author took into account.
    pub clients: BTreeMap<ClientId, LogPosition>,
}

impl Span {
    /// Of a log without entries.
    pub(super) const NOTHING: Self = Self { writer_bundle: None, entries: Vec::new(), is_partial: false };

    /// Begins with a key block. `lines` are none if they were not shown.
    pub(super) fn begin(writer_bundle: Option<Digest>, lines: Option<&Beneath>) -> Self {
        let first = lines.map(Listed::of).unwrap_or_default();
        Self { writer_bundle, entries: vec![first], is_partial: lines.is_none() }
    }

    /// Goes on with an entry that adds or follows a group.
    pub(super) fn go_on(&mut self, lines: Option<&Beneath>) {
        let Some(lines) = lines else {
            self.is_partial = true;
            return;
        };
        let mut listed = Listed::of(lines);
        listed.groups.retain(|group, _| !self.entries.iter().any(|entry| entry.groups.contains_key(group)));
        listed.left_out.retain(|group| !self.entries.iter().any(|entry| entry.left_out.contains(group)));
        if !listed.groups.is_empty() || !listed.left_out.is_empty() {
            self.entries.push(listed);
        }
    }

    /// By which entry a group was taken in: the first that lists it.
    pub(super) fn taken_in(&self, group: GroupId) -> Option<TakenIn> {
        let entry = self.entries.iter().find(|entry| entry.groups.contains_key(&group))?;
        Some(TakenIn { seen: *entry.groups.get(&group)?, clients: entry.clients.clone() })
    }

    /// Whether a group was left out, and not taken in since.
    pub(super) fn is_left_out(&self, group: GroupId) -> bool {
        self.entries.iter().any(|entry| entry.left_out.contains(&group))
            && !self.entries.iter().any(|entry| entry.groups.contains_key(&group))
    }

    /// The line about a client in the first entry.
    pub(super) fn first_line(&self, client: ClientId) -> Option<&LogPosition> {
        self.entries.first()?.clients.get(&client)
    }

    pub(super) const fn writer_bundle(&self) -> Option<&Digest> {
        self.writer_bundle.as_ref()
    }

    pub(super) const fn is_partial(&self) -> bool {
        self.is_partial
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            writer_bundle: reader.opt(Reader::digest)?,
            entries: reader.list(MAX_LINES, Listed::read)?,
            is_partial: reader.u8()? == 1,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.opt(self.writer_bundle, |writer, digest| writer.array(digest.as_bytes()));
        writer.list(&self.entries, |writer, entry| entry.write(writer));
        writer.u8(u8::from(self.is_partial));
    }
}

impl TakenIn {
    /// How the entry with these lines took the group in.
    pub(super) fn of(lines: &Beneath, group: GroupId) -> Option<Self> {
        let mut listed = Listed::of(lines);
        Some(Self { seen: listed.groups.remove(&group)?, clients: listed.clients })
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self { seen: LogPosition::read(reader)?, clients: read_clients(reader)? })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        self.seen.write(writer);
        write_clients(writer, &self.clients);
    }
}

impl Listed {
    fn of(lines: &Beneath) -> Self {
        let mut listed = Self::default();
        for line in lines.lines() {
            match line.key {
                BeneathKey::Client(client) => drop(listed.clients.insert(client, line.seen)),
                BeneathKey::Group(group) => drop(listed.groups.insert(group, line.seen)),
                BeneathKey::LeftOut(group) => drop(listed.left_out.insert(group)),
            }
        }
        listed
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let group = |reader: &mut Reader<'_>| reader.array().map(GroupId::from_bytes);
        let groups = reader.list(MAX_LINES, |reader| Ok((group(reader)?, LogPosition::read(reader)?)))?;
        let left_out = reader.list(MAX_LINES, group)?;
        Ok(Self {
            groups: groups.into_iter().collect(),
            left_out: left_out.into_iter().collect(),
            clients: read_clients(reader)?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        let groups: Vec<_> = self.groups.iter().collect();
        writer.list(&groups, |writer, (group, seen)| {
            writer.array(group.as_bytes());
            seen.write(writer);
        });
        let left_out: Vec<_> = self.left_out.iter().collect();
        writer.list(&left_out, |writer, group| writer.array(group.as_bytes()));
        write_clients(writer, &self.clients);
    }
}

fn read_clients(reader: &mut Reader<'_>) -> Result<BTreeMap<ClientId, LogPosition>, ParseError> {
    let clients = reader
        .list(MAX_LINES, |reader| Ok((ClientId::from_bytes(reader.array()?), LogPosition::read(reader)?)))?;
    Ok(clients.into_iter().collect())
}

fn write_clients(writer: &mut Writer, clients: &BTreeMap<ClientId, LogPosition>) {
    let clients: Vec<_> = clients.iter().collect();
    writer.list(&clients, |writer, (client, seen)| {
        writer.array(client.as_bytes());
        seen.write(writer);
    });
}

//! The log of a type: `/v3/logs/{writer_id}/{record_type}`.

use tozstore_crypto::sealed::{
    Beneath, Blind, Digest, LINK_BYTES, LogEntry, MAX_CHANGES, MAX_SEGMENTS, PrivateChange, Reader, Signed,
    TypeName, Wrap, Writer,
};
use tozstore_crypto::{ClientId, GroupId, ParseError};

use super::{Head, SealedBody};

/// Wraps of an entry that is sent in one piece: more are staged.
pub const MAX_WRAPS_IN_ONE_PIECE: usize = 1000;
/// Entries of a page.
pub const MAX_ENTRIES_PER_PAGE: usize = 500;
/// Links of a page.
pub const MAX_LINKS_PER_PAGE: usize = 1000;
/// Types of a page.
pub const MAX_LOGS_PER_PAGE: usize = 500;

/// Bytes of a wrap with the keys of as many segments as there may be.
pub(super) const MAX_WRAP_BYTES: usize = 12 << 10;
/// Digests of a path, and more: there are fewer than 2^32 leaves.
const MAX_PATH: usize = 64;
/// Groups through which one client reads one type.
const MAX_GROUPS: usize = 256;
/// Steps from the caller's own wrap to that of the type, or older wraps of the writer.
const MAX_STEPS: usize = 10;

/// An entry with all that lies beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// The entry, with the author's signature.
    pub entry: Signed<LogEntry>,
    /// The private changes, in the order of the entry.
    pub private: Vec<PrivateChange>,
    /// What is beneath the type, if the entry commits to it.
    pub beneath: Option<OpenedBeneath>,
    /// A link for each block that has one, in the order of the entry.
    pub links: Vec<(u32, [u8; LINK_BYTES])>,
    /// The wraps, by ascending subject; at most [`MAX_WRAPS_IN_ONE_PIECE`].
    pub wraps: Vec<Wrap>,
}

/// What is beneath a type, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedBeneath {
    /// What keeps others from guessing it.
    pub blind: Blind,
    /// The lines.
    pub lines: Beneath,
}

impl SealedBody for Append {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            entry: Signed::read(reader)?,
            private: reader.list(MAX_CHANGES, PrivateChange::read)?,
            beneath: reader.opt(OpenedBeneath::read)?,
            links: read_links(reader)?,
            wraps: read_wraps(reader, MAX_WRAPS_IN_ONE_PIECE)?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        self.entry.write(writer);
        writer.list(&self.private, |writer, change| change.write(writer));
        writer.opt(self.beneath.as_ref(), |writer, beneath| beneath.write(writer));
        write_links(writer, &self.links);
        write_wraps(writer, &self.wraps);
    }
}

impl OpenedBeneath {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self { blind: Blind::from_bytes(reader.array()?), lines: Beneath::read(reader)? })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.array(self.blind.as_bytes());
        self.lines.write(writer);
    }
}

/// A part of a log: `Head, list(EntryView)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryPage {
    /// The head of the log at this moment.
    pub head: Head,
    /// Entries, by ascending position.
    pub entries: Vec<EntryView>,
}

/// An entry as one reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryView {
    /// The entry, with the author's signature.
    pub entry: Signed<LogEntry>,
    /// The private changes that the caller may see, with their places among those of the entry; ascending.
    pub private: Vec<(u32, PrivateChange)>,
    /// What is beneath the type, for those who may have to make wraps.
    pub beneath: Option<OpenedBeneath>,
}

impl SealedBody for EntryPage {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self { head: Head::read(reader)?, entries: reader.list(MAX_ENTRIES_PER_PAGE, EntryView::read)? })
    }

    fn write(&self, writer: &mut Writer) {
        self.head.write(writer);
        writer.list(&self.entries, |writer, entry| entry.write(writer));
    }
}

impl SealedBody for EntryView {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let read_shown = |reader: &mut Reader<'_>| Ok((reader.u32()?, PrivateChange::read(reader)?));
        Ok(Self {
            entry: Signed::read(reader)?,
            private: reader.ascending(MAX_CHANGES, read_shown, |(index, _)| index)?,
            beneath: reader.opt(OpenedBeneath::read)?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        self.entry.write(writer);
        writer.list(&self.private, |writer, (index, change)| {
            writer.u32(*index);
            change.write(writer);
        });
        writer.opt(self.beneath.as_ref(), |writer, beneath| beneath.write(writer));
    }
}

/// How the caller gets to the keys of a type, from its own wrap on; or the writer's own wraps, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrapSteps(pub Vec<WrapStep>);

/// One wrap, with its way to the root in the signed entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrapStep {
    /// 2 the log of a type, 3 of a group.
    pub kind: u8,
    /// The writer, or the group.
    pub id: [u8; 16],
    /// The position of the entry.
    pub position: u64,
    /// The place of the wrap among those of the entry.
    pub index: u32,
    /// How many there are.
    pub count: u32,
    /// The wrap.
    pub wrap: Wrap,
    /// From its neighbour up.
    pub path: Vec<Digest>,
}

impl WrapStep {
    /// The log of a type.
    pub const LOG: u8 = 2;
    /// The log of a group.
    pub const GROUP: u8 = 3;
}

impl SealedBody for WrapSteps {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let read = |reader: &mut Reader<'_>| {
            Ok(WrapStep {
                kind: match reader.u8()? {
                    kind @ (WrapStep::LOG | WrapStep::GROUP) => kind,
                    _ => return Err(ParseError::new("the log of a type or group")),
                },
                id: reader.array()?,
                position: reader.u64()?,
                index: reader.u32()?,
                count: reader.u32()?,
                wrap: read_wrap(reader)?,
                path: reader.list(MAX_PATH, Reader::digest)?,
            })
        };
        reader.list(MAX_STEPS, read).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        writer.list(&self.0, |writer, step| {
            writer.u8(step.kind);
            writer.array(&step.id);
            writer.u64(step.position);
            writer.u32(step.index);
            writer.u32(step.count);
            write_wrap(writer, &step.wrap);
            writer.list(&step.path, |writer, digest| writer.array(digest.as_bytes()));
        });
    }
}

/// Links of one segment, by falling number of the newer epoch: `list(u64 number, link)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedLinks(pub Vec<(u64, [u8; LINK_BYTES])>);

impl SealedBody for SealedLinks {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        reader.list(MAX_LINKS_PER_PAGE, |reader| Ok((reader.u64()?, reader.array()?))).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        writer.list(&self.0, |writer, (number, link)| {
            writer.u64(*number);
            writer.array(link);
        });
    }
}

/// The caller's own types, ascending by name: `list(text type, Head)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnLogs(pub Vec<OwnLog>);

/// One of the caller's own types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnLog {
    /// Its name.
    pub type_name: TypeName,
    /// The head of its log.
    pub head: Head,
}

impl SealedBody for OwnLogs {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let read = |reader: &mut Reader<'_>| {
            Ok(OwnLog { type_name: reader.type_name()?, head: Head::read(reader)? })
        };
        reader.list(MAX_LOGS_PER_PAGE, read).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        writer.list(&self.0, |writer, log| {
            writer.short(log.type_name.as_str().as_bytes());
            log.head.write(writer);
        });
    }
}

/// Types of others that the caller may read, ascending by writer and name: hints, not facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares(pub Vec<Share>);

/// A type of another client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Whose it is.
    pub writer: ClientId,
    /// Its name.
    pub type_name: TypeName,
    /// The rights of the caller's own grant; 0 if it reads through groups alone.
    pub rights: u8,
    /// The groups through which it reads.
    pub groups: Vec<GroupId>,
}

impl SealedBody for Shares {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let read = |reader: &mut Reader<'_>| {
            Ok(Share {
                writer: ClientId::from_bytes(reader.array()?),
                type_name: reader.type_name()?,
                rights: reader.u8()?,
                groups: reader.list(MAX_GROUPS, |reader| reader.array().map(GroupId::from_bytes))?,
            })
        };
        reader.list(MAX_LOGS_PER_PAGE, read).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        writer.list(&self.0, |writer, share| {
            writer.array(share.writer.as_bytes());
            writer.short(share.type_name.as_str().as_bytes());
            writer.u8(share.rights);
            writer.list(&share.groups, |writer, group| writer.array(group.as_bytes()));
        });
    }
}

pub(super) fn read_links(reader: &mut Reader<'_>) -> Result<Vec<(u32, [u8; LINK_BYTES])>, ParseError> {
    reader.list(MAX_SEGMENTS, |reader| Ok((reader.u32()?, reader.array()?)))
}

pub(super) fn write_links(writer: &mut Writer, links: &[(u32, [u8; LINK_BYTES])]) {
    writer.list(links, |writer, (segment, link)| {
        writer.u32(*segment);
        writer.array(link);
    });
}

pub(super) fn read_wraps(reader: &mut Reader<'_>, most: usize) -> Result<Vec<Wrap>, ParseError> {
    reader.list(most, read_wrap)
}

pub(super) fn write_wraps(writer: &mut Writer, wraps: &[Wrap]) {
    writer.list(wraps, write_wrap);
}

fn read_wrap(reader: &mut Reader<'_>) -> Result<Wrap, ParseError> {
    let mut inner = Reader::new(reader.blob(0..=MAX_WRAP_BYTES)?);
    let wrap = Wrap::read(&mut inner)?;
    inner.finish()?;
    Ok(wrap)
}

fn write_wrap(writer: &mut Writer, wrap: &Wrap) {
    let mut inner = Writer::new();
    wrap.write(&mut inner);
    // A wrap has an encoding; if it had none, no reader would take what stands here instead.
    writer.blob(&inner.finish().unwrap_or_default());
}

#[cfg(test)]
pub(super) mod tests {
    use tozstore_crypto::StoreId;
    use tozstore_crypto::sealed::{BeneathLine, Change, ClientKeys, Encoded, Subject, TypePlace};

    use super::*;

    fn wrap(byte: u8) -> Wrap {
        let mut writer = Writer::new();
        writer.u8(1);
        writer.array(&[byte; 16]);
        writer.array(&[byte; 32]);
        writer.u32(0);
        writer.array(&[byte; 1120]);
        writer.blob(&[byte; 60]);
        Wrap::read(&mut Reader::new(&writer.finish().unwrap())).unwrap()
    }

    pub(in super::super) fn entry() -> Signed<LogEntry> {
        let place = TypePlace {
            store: StoreId::from_bytes([1; 16]),
            writer: ClientId::from_bytes([2; 16]),
            type_name: "notes".parse().unwrap(),
        };
        let entry = LogEntry {
            place,
            position: 1,
            previous: Some(Digest::from_bytes([3; 32])),
            author: ClientId::from_bytes([2; 16]),
            author_bundle: Digest::from_bytes([4; 32]),
            made_ms: 5,
            writer_bundle: Digest::from_bytes([4; 32]),
            public: vec![Change::Reset],
            private: Vec::new(),
            epochs: Vec::new(),
            wrap_count: 0,
            wrap_root: Digest::from_bytes([6; 32]),
            beneath: None,
            census: None,
            notice: None,
        };
        Encoded::new(&entry).unwrap().sign(&ClientKeys::from_bytes(&[7; 64]).signing_key())
    }

    pub(in super::super) fn private() -> PrivateChange {
        PrivateChange::new(&Change::Remove(Subject::Client(ClientId::from_bytes([8; 16])))).unwrap()
    }

    fn sample() -> Append {
        let lines = Beneath::new(vec![BeneathLine::of_deleted(ClientId::from_bytes([5; 16]))]).unwrap();
        Append {
            entry: entry(),
            private: vec![private()],
            beneath: Some(OpenedBeneath { blind: Blind::from_bytes([4; 16]), lines }),
            links: vec![(7, [8; LINK_BYTES])],
            wraps: vec![wrap(1), wrap(2)],
        }
    }

    #[test]
    fn an_entry_comes_back_with_all_that_lies_beside_it() {
        let append = sample();
        let bytes = append.to_bytes().unwrap();
        assert_eq!(Append::from_bytes(&bytes), Ok(append));
        for len in 0..bytes.len() {
            assert!(Append::from_bytes(&bytes[..len]).is_err(), "{len}");
        }
        let too_many = Append { wraps: vec![wrap(1); MAX_WRAPS_IN_ONE_PIECE + 1], ..sample() };
        assert!(Append::from_bytes(&too_many.to_bytes().unwrap()).is_err());
    }

    #[test]
    fn answers_come_back() {
        let head =
            Head { position: 1, digest: Digest::from_bytes([1; 32]), marks: super::super::Marks::default() };
        let view = EntryView { entry: entry(), private: vec![(4, private())], beneath: None };
        let page = EntryPage { head, entries: vec![view.clone()] };
        assert_eq!(EntryPage::from_bytes(&page.to_bytes().unwrap()), Ok(page));
        let twice = EntryView { private: [&view.private[..], &view.private[..]].concat(), ..view };
        assert!(EntryView::from_bytes(&twice.to_bytes().unwrap()).is_err());

        let path = vec![Digest::from_bytes([3; 32]); 2];
        let step = WrapStep { kind: 2, id: [1; 16], position: 2, index: 1, count: 4, wrap: wrap(1), path };
        let steps = WrapSteps(vec![step]);
        assert_eq!(WrapSteps::from_bytes(&steps.to_bytes().unwrap()), Ok(steps));
        let type_name: TypeName = "notes".parse().unwrap();
        let own = OwnLogs(vec![OwnLog { type_name: type_name.clone(), head }]);
        assert_eq!(OwnLogs::from_bytes(&own.to_bytes().unwrap()), Ok(own));
        let shares = Shares(vec![Share {
            writer: ClientId::from_bytes([1; 16]),
            type_name,
            rights: 1,
            groups: vec![GroupId::from_bytes([2; 16])],
        }]);
        assert_eq!(Shares::from_bytes(&shares.to_bytes().unwrap()), Ok(shares));
        let links = SealedLinks(vec![(2, [1; LINK_BYTES])]);
        assert_eq!(SealedLinks::from_bytes(&links.to_bytes().unwrap()), Ok(links));
    }
}

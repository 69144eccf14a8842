//! Logs of types: heads, states, entries, epochs, and who may read.
//!
//! A key begins with the name of the type and U+0000, which no name has: the *type key*.

use tozstore_api::Timestamp;
use tozstore_api::sealed::{EntryView, Head, Marks, SealedBody as _};
use tozstore_crypto::sealed::{
    Digest, Epoch, EpochId, LINK_BYTES, LogPosition, LogState, Reader, Rights, Subject, TypeName, TypePlace,
    Writer,
};
use tozstore_crypto::{AccountId, ClientId, ParseError};

use super::{SealedKey, SealedReads, SealedRun, SealedTable, SealedWrites, StoreError};

/// The head of a log, and what a record write asks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// The newest entry, and marks that are set. Others may be due: see [`super::SealedTable::Exposures`].
    pub head: Head,
    /// When the newest epoch of the current segment began, by the store.
    pub epoch_since: Timestamp,
    /// The epoch under which records are written.
    pub current: EpochPlace,
}

/// An epoch by its name and place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochPlace {
    /// Its name.
    pub id: EpochId,
    /// Its segment.
    pub segment: u32,
    /// Its number.
    pub number: u64,
}

impl EpochPlace {
    /// Of an epoch.
    pub fn of(epoch: &Epoch) -> Self {
        Self { id: epoch.id(), segment: epoch.head.segment, number: epoch.head.number }
    }
}

impl LogRow {
    /// The newest entry.
    pub const fn position(&self) -> LogPosition {
        LogPosition { position: self.head.position, digest: self.head.digest }
    }
}

/// A grant that is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedGrantRow {
    /// What it gives.
    pub rights: Rights,
    /// From which segment on.
    pub from_segment: u32,
    /// The sequence of the bundle that it names.
    pub head_sequence: u32,
    /// The digest of that bundle.
    pub head: Digest,
    /// When it was given, by the store.
    pub since: Timestamp,
}

/// Whether the writer has a log for this type: then all of it is sealed.
///
/// # Errors
/// The store failed.
pub fn is_sealed(tx: &(impl SealedReads + ?Sized), writer: ClientId, name: &str) -> Result<bool, StoreError> {
    // What cannot name a sealed type names none.
    let Ok(name) = name.parse::<TypeName>() else { return Ok(false) };
    Ok(tx.sealed_row(SealedTable::Logs, &key_of(writer, &name, &[]))?.is_some())
}

/// The head of a log.
///
/// # Errors
/// The store failed.
pub fn log_row(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    name: &TypeName,
) -> Result<Option<LogRow>, StoreError> {
    let value = tx.sealed_row(SealedTable::Logs, &key_of(writer, name, &[]))?;
    value.map(|value| read_log(&value)).transpose()
}

/// At most `limit` heads of logs of a writer, ascending by name, behind that one or from the first on.
///
/// # Errors
/// The store failed.
pub fn logs_of(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    after: Option<&TypeName>,
    limit: usize,
) -> Result<Vec<(TypeName, LogRow)>, StoreError> {
    let mut run = SealedRun::of_prefix(writer, &[]);
    if let Some(after) = after {
        run = run.after(&type_key(after, &[]));
    }
    let rows = tx.sealed_rows(SealedTable::Logs, &run, false, limit)?;
    rows.iter().map(|(key, value)| Ok((name_in(key)?, read_log(value)?))).collect()
}

/// Puts the head of a log.
///
/// # Errors
/// The store failed.
pub fn put_log(
    tx: &mut (impl SealedWrites + ?Sized),
    (writer, name): (ClientId, &TypeName),
    account: AccountId,
    row: &LogRow,
) -> Result<(), StoreError> {
    let mut encoding = Writer::new();
    row.head.write(&mut encoding);
    encoding.array(&row.epoch_since.micros().to_be_bytes());
    encoding.array(row.current.id.as_bytes());
    encoding.u32(row.current.segment);
    encoding.u64(row.current.number);
    let value = encoding.finish().map_err(corrupt("the head of a log"))?;
    tx.put_sealed_row(SealedTable::Logs, &key_of(writer, name, &[]), account, &value)
}

/// The state of a log, or that of none.
///
/// # Errors
/// The store failed.
pub fn log_state(tx: &(impl SealedReads + ?Sized), place: &TypePlace) -> Result<LogState, StoreError> {
    match tx.sealed_row(SealedTable::LogStates, &key_of(place.writer, &place.type_name, &[]))? {
        Some(value) => LogState::from_bytes(place.clone(), &value).map_err(corrupt("the state of a log")),
        None => Ok(LogState::new(place.clone())),
    }
}

/// Puts the state of a log.
///
/// # Errors
/// The store failed.
pub fn put_log_state(
    tx: &mut (impl SealedWrites + ?Sized),
    account: AccountId,
    state: &LogState,
) -> Result<(), StoreError> {
    let key = key_of(state.place().writer, &state.place().type_name, &[]);
    let value = state.to_bytes().map_err(corrupt("the state of a log"))?;
    tx.put_sealed_row(SealedTable::LogStates, &key, account, &value)
}

/// An entry with all its private changes.
///
/// # Errors
/// The store failed.
pub fn log_entry(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    name: &TypeName,
    position: u64,
) -> Result<Option<EntryView>, StoreError> {
    let key = key_of(writer, name, &position.to_be_bytes());
    let value = tx.sealed_row(SealedTable::Entries, &key)?;
    value.map(|value| EntryView::from_bytes(&value).map_err(corrupt("an entry"))).transpose()
}

/// At most `limit` entries from that position on.
///
/// # Errors
/// The store failed.
pub fn log_entries(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    name: &TypeName,
    from: u64,
    limit: usize,
) -> Result<Vec<EntryView>, StoreError> {
    let mut run = SealedRun::of_prefix(writer, &type_key(name, &[]));
    run.from = type_key(name, &from.to_be_bytes());
    let rows = tx.sealed_rows(SealedTable::Entries, &run, false, limit)?;
    rows.iter().map(|(_, value)| EntryView::from_bytes(value).map_err(corrupt("an entry"))).collect()
}

/// Adds an entry.
///
/// # Errors
/// The store failed.
pub fn insert_log_entry(
    tx: &mut (impl SealedWrites + ?Sized),
    account: AccountId,
    view: &EntryView,
) -> Result<(), StoreError> {
    let entry = view.entry.object();
    let key = key_of(entry.place.writer, &entry.place.type_name, &entry.position.to_be_bytes());
    let value = view.to_bytes().map_err(corrupt("an entry"))?;
    tx.put_sealed_row(SealedTable::Entries, &key, account, &value)
}

/// The epoch of that number.
///
/// # Errors
/// The store failed.
pub fn epoch_numbered(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    name: &TypeName,
    number: u64,
) -> Result<Option<Epoch>, StoreError> {
    let value = tx.sealed_row(SealedTable::Epochs, &key_of(writer, name, &number.to_be_bytes()))?;
    value.map(|value| read_epoch(&value)).transpose()
}

/// Epochs one asks for one by one to find one by its name.
const EPOCHS_PER_PAGE: usize = 1000;
/// Epochs that are looked at for that: a writer passes over broken ones, which are the newest.
const MAX_EPOCHS_SEARCHED: usize = 20_000;

/// The epoch of that name, if it is not too long ago.
///
/// # Errors
/// The store failed.
pub fn epoch_named(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    name: &TypeName,
    id: &EpochId,
) -> Result<Option<Epoch>, StoreError> {
    let mut run = SealedRun::of_prefix(writer, &type_key(name, &[]));
    for _ in 0..MAX_EPOCHS_SEARCHED / EPOCHS_PER_PAGE {
        let rows = tx.sealed_rows(SealedTable::Epochs, &run, true, EPOCHS_PER_PAGE)?;
        for (_, value) in &rows {
            let epoch = read_epoch(value)?;
            if epoch.id() == *id {
                return Ok(Some(epoch));
            }
        }
        match rows.last() {
            Some((key, _)) if rows.len() == EPOCHS_PER_PAGE => run = run.before(key),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// At most `limit` epochs, the newest first.
///
/// # Errors
/// The store failed.
pub fn epochs_falling(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    name: &TypeName,
    limit: usize,
) -> Result<Vec<Epoch>, StoreError> {
    let run = SealedRun::of_prefix(writer, &type_key(name, &[]));
    let rows = tx.sealed_rows(SealedTable::Epochs, &run, true, limit)?;
    rows.iter().map(|(_, value)| read_epoch(value)).collect()
}

/// Adds an epoch, with the link to the one that it follows.
///
/// # Errors
/// The store failed.
pub fn insert_epoch(
    tx: &mut (impl SealedWrites + ?Sized),
    (writer, name): (ClientId, &TypeName),
    account: AccountId,
    epoch: &Epoch,
    link: Option<&[u8; LINK_BYTES]>,
) -> Result<(), StoreError> {
    let mut encoding = Writer::new();
    epoch.write(&mut encoding);
    let value = encoding.finish().map_err(corrupt("an epoch"))?;
    let number = epoch.head.number.to_be_bytes();
    tx.put_sealed_row(SealedTable::Epochs, &key_of(writer, name, &number), account, &value)?;
    let Some(link) = link else { return Ok(()) };
    let place = [&epoch.head.segment.to_be_bytes()[..], &number].concat();
    tx.put_sealed_row(SealedTable::Links, &key_of(writer, name, &place), account, link)
}

/// Links of a segment, by falling number of their newer epochs, below that number.
///
/// # Errors
/// The store failed.
pub fn links_below(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    name: &TypeName,
    (segment, below): (u32, u64),
    limit: usize,
) -> Result<Vec<(u64, [u8; LINK_BYTES])>, StoreError> {
    let prefix = type_key(name, &segment.to_be_bytes());
    let end = [&prefix[..], &below.to_be_bytes()].concat();
    let run = SealedRun::of_prefix(writer, &prefix).before(&end);
    let rows = tx.sealed_rows(SealedTable::Links, &run, true, limit)?;
    let read = |(key, link): &(Vec<u8>, Vec<u8>)| {
        let number = key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes));
        number.zip(link.as_slice().try_into().ok()).ok_or_else(|| StoreError::Corrupt("a link".into()))
    };
    rows.iter().map(read).collect()
}

/// What the subject holds.
///
/// # Errors
/// The store failed.
pub fn sealed_grant(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    name: &TypeName,
    subject: Subject,
) -> Result<Option<SealedGrantRow>, StoreError> {
    let value = tx.sealed_row(SealedTable::Grants, &key_of(writer, name, &subject.to_bytes()))?;
    value.map(|value| read_grant(&value)).transpose()
}

/// Who holds what, by ascending subject, at most `limit`.
///
/// # Errors
/// The store failed.
pub fn sealed_grants(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    name: &TypeName,
    limit: usize,
) -> Result<Vec<(Subject, SealedGrantRow)>, StoreError> {
    let run = SealedRun::of_prefix(writer, &type_key(name, &[]));
    let rows = tx.sealed_rows(SealedTable::Grants, &run, false, limit)?;
    let read = |(key, value): &(Vec<u8>, Vec<u8>)| {
        let subject = key.last_chunk::<17>().map(|bytes| Subject::read(&mut Reader::new(bytes)));
        let subject = subject.ok_or_else(|| StoreError::Corrupt("a grant".into()))?;
        Ok((subject.map_err(corrupt("a grant"))?, read_grant(value)?))
    };
    rows.iter().map(read).collect()
}

/// Puts a grant, and the hint for its subject.
///
/// # Errors
/// The store failed.
pub fn put_sealed_grant(
    tx: &mut (impl SealedWrites + ?Sized),
    (writer, name): (ClientId, &TypeName),
    account: AccountId,
    subject: Subject,
    row: &SealedGrantRow,
) -> Result<(), StoreError> {
    let mut encoding = Writer::new();
    encoding.u8(row.rights.to_byte());
    encoding.u32(row.from_segment);
    encoding.u32(row.head_sequence);
    encoding.array(row.head.as_bytes());
    encoding.array(&row.since.micros().to_be_bytes());
    let value = encoding.finish().map_err(corrupt("a grant"))?;
    tx.put_sealed_row(SealedTable::Grants, &key_of(writer, name, &subject.to_bytes()), account, &value)?;
    if let Some(twin) = twin_of_grant(writer, &type_key(name, &subject.to_bytes())) {
        tx.put_sealed_row(SealedTable::Shares, &twin, account, &[row.rights.to_byte()])?;
        // From now on, what this client signed may have to be verified when it is gone.
        tx.put_sealed_row(SealedTable::Named, &SealedKey::new(twin.owner, Vec::new()), account, &[])?;
    }
    Ok(())
}

/// Removes a grant, with its hint.
///
/// # Errors
/// The store failed.
pub fn delete_sealed_grant(
    tx: &mut (impl SealedWrites + ?Sized),
    writer: ClientId,
    name: &TypeName,
    subject: Subject,
) -> Result<(), StoreError> {
    let key = key_of(writer, name, &subject.to_bytes());
    tx.delete_sealed_row(SealedTable::Grants, &key)?;
    if let Some(twin) = twin_of_grant(writer, &key.key) {
        tx.delete_sealed_row(SealedTable::Shares, &twin)?;
    }
    Ok(())
}

/// At most `limit` types that a client may read by grants of its own, ascending by writer and name.
///
/// # Errors
/// The store failed.
pub fn shares_with(
    tx: &(impl SealedReads + ?Sized),
    client: ClientId,
    after: Option<(ClientId, &TypeName)>,
    limit: usize,
) -> Result<Vec<(ClientId, TypeName, u8)>, StoreError> {
    let mut run = SealedRun::of_prefix(client, &[]);
    if let Some((writer, name)) = after {
        run = run.after(&[&writer.as_bytes()[..], &type_key(name, &[])].concat());
    }
    let rows = tx.sealed_rows(SealedTable::Shares, &run, false, limit)?;
    let read = |(key, value): &(Vec<u8>, Vec<u8>)| {
        let (writer, type_key) = shared_type(key).ok_or_else(|| StoreError::Corrupt("a share".into()))?;
        Ok((writer, name_in(type_key)?, value.first().copied().unwrap_or_default()))
    };
    rows.iter().map(read).collect()
}

/// The head of a log, and what a client holds of the type.
pub(super) fn log_and_grant(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    type_key: &[u8],
    client: ClientId,
) -> Result<Option<(LogRow, Option<SealedGrantRow>)>, StoreError> {
    let Some(value) = tx.sealed_row(SealedTable::Logs, &SealedKey::new(writer, type_key))? else {
        return Ok(None);
    };
    let grant = sealed_grant(tx, writer, &name_in(type_key)?, Subject::Client(client))?;
    Ok(Some((read_log(&value)?, grant)))
}

/// Sets the mark of a rotation that is owed, if there is such a log.
pub(super) fn mark_owed(
    tx: &mut (impl SealedReads + SealedWrites + ?Sized),
    writer: ClientId,
    type_key: &[u8],
    account: AccountId,
) -> Result<(), StoreError> {
    mark(tx, writer, type_key, account, |marks| marks.rotation_owed = true)
}

/// Changes the marks of a log, if there is one. The account of a row that is there stays.
pub(super) fn mark(
    tx: &mut (impl SealedReads + SealedWrites + ?Sized),
    writer: ClientId,
    type_key: &[u8],
    account: AccountId,
    change: impl FnOnce(&mut Marks),
) -> Result<(), StoreError> {
    let Some(value) = tx.sealed_row(SealedTable::Logs, &SealedKey::new(writer, type_key))? else {
        return Ok(());
    };
    let mut row = read_log(&value)?;
    change(&mut row.head.marks);
    put_log(tx, (writer, &name_in(type_key)?), account, &row)
}

/// The place of the hint that a grant has for its subject.
pub(super) fn twin_of_grant(writer: ClientId, grant_key: &[u8]) -> Option<SealedKey> {
    let (type_key, subject) = grant_key.split_last_chunk::<17>()?;
    let owner = ClientId::from_bytes(*subject.last_chunk::<16>()?);
    Some(SealedKey::new(owner, [&writer.as_bytes()[..], type_key].concat()))
}

/// Writer and type key of a hint.
pub(super) fn shared_type(share_key: &[u8]) -> Option<(ClientId, &[u8])> {
    let (writer, type_key) = share_key.split_first_chunk::<16>()?;
    Some((ClientId::from_bytes(*writer), type_key))
}

/// The key of a row of this type: its name, U+0000, and what orders it.
pub(super) fn type_key(name: &TypeName, rest: &[u8]) -> Vec<u8> {
    [name.as_str().as_bytes(), &[0], rest].concat()
}

/// The same, with the writer.
pub(super) fn key_of(writer: ClientId, name: &TypeName, rest: &[u8]) -> SealedKey {
    SealedKey::new(writer, type_key(name, rest))
}

/// The error for a row that does not read back.
pub(super) fn corrupt(what: &'static str) -> impl Fn(ParseError) -> StoreError {
    move |error| StoreError::Corrupt(format!("{what}: {error}"))
}

fn name_in(type_key: &[u8]) -> Result<TypeName, StoreError> {
    let name = type_key.split(|byte| *byte == 0).next().unwrap_or_default();
    let name = std::str::from_utf8(name).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    name.parse().map_err(corrupt("the name of a type"))
}

fn read_log(value: &[u8]) -> Result<LogRow, StoreError> {
    let mut reader = Reader::new(value);
    let read = |reader: &mut Reader<'_>| {
        Ok::<_, ParseError>(LogRow {
            head: Head::read(reader)?,
            epoch_since: Timestamp::from_micros(i64::from_be_bytes(reader.array()?)),
            current: EpochPlace {
                id: EpochId::from_digest(reader.digest()?),
                segment: reader.u32()?,
                number: reader.u64()?,
            },
        })
    };
    let row = read(&mut reader).map_err(corrupt("the head of a log"))?;
    reader.finish().map_err(corrupt("the head of a log"))?;
    Ok(row)
}

fn read_epoch(value: &[u8]) -> Result<Epoch, StoreError> {
    Epoch::read(&mut Reader::new(value)).map_err(corrupt("an epoch"))
}

fn read_grant(value: &[u8]) -> Result<SealedGrantRow, StoreError> {
    let mut reader = Reader::new(value);
    let read = |reader: &mut Reader<'_>| {
        Ok::<_, ParseError>(SealedGrantRow {
            rights: Rights::from_byte(reader.u8()?)?,
            from_segment: reader.u32()?,
            head_sequence: reader.u32()?,
            head: reader.digest()?,
            since: Timestamp::from_micros(i64::from_be_bytes(reader.array()?)),
        })
    };
    read(&mut reader).map_err(corrupt("a grant"))
}

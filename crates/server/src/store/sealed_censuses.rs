//! Leaves of censuses: of the newest of a type, and of one that is to be.
//!
//! Behind the type key stands a byte that says what a row is, then the root of the tree. Rows of nobody are in the order in
//! which a census that is to be was touched, for the sweep.

use tozstore_api::Timestamp;
use tozstore_api::sealed::{CensusLeaves, SealedBody as _};
use tozstore_crypto::sealed::{Digest, Reader, Subject, Tree, TypeName, Writer};
use tozstore_crypto::{AccountId, ClientId, ParseError, RecordId};

use super::sealed_bundles::OF_NOBODY;
use super::sealed_logs::{corrupt, key_of, type_key};
use super::{RecordIndex, SealedKey, SealedReads, SealedRun, SealedTable, SealedWrites, StoreError};

/// Pages of one census: more than 200 million records.
pub const MAX_CENSUS_PAGES: usize = 1 << 14;
/// Rows of one kind that a census makes needless and that go at once.
const MAX_CLEARED: usize = 10_000;
/// Censuses of a type: the newest, and those that are to be.
const MAX_CENSUSES: usize = 16;

const HEAD: u8 = 0;
const PAGE: u8 = 1;

/// A census without its leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CensusRow {
    /// The root of the tree.
    pub root: Digest,
    /// The place of the newest record of the type when the first page came.
    pub began: RecordIndex,
    /// When a page came last.
    pub touched: Timestamp,
    /// The pages, in their order.
    pub pages: Vec<CensusPageRow>,
    /// Whether an entry of the log has it.
    pub is_committed: bool,
}

/// A page of leaves, which is a subtree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CensusPageRow {
    /// How many leaves.
    pub count: u32,
    /// Its root.
    pub root: Digest,
    /// The record of its first leaf.
    pub first: RecordId,
    /// That of its last.
    pub last: RecordId,
}

impl CensusRow {
    /// How many leaves came.
    pub fn count(&self) -> u64 {
        self.pages.iter().map(|page| u64::from(page.count)).sum()
    }

    /// Whether all leaves are there.
    pub fn is_whole(&self) -> bool {
        Tree::of(self.pages.iter().map(|page| page.root)).root() == self.root
    }
}

/// The census with that root.
///
/// # Errors
/// The store failed.
pub fn census(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    name: &TypeName,
    root: Digest,
) -> Result<Option<CensusRow>, StoreError> {
    let value = tx.sealed_row(SealedTable::LogStates, &head_key(writer, name, root))?;
    value.map(|value| read_head(root, &value)).transpose()
}

/// The leaves of a page.
///
/// # Errors
/// The store failed.
pub fn census_page(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    name: &TypeName,
    root: Digest,
    page: usize,
) -> Result<Option<CensusLeaves>, StoreError> {
    let value = tx.sealed_row(SealedTable::LogStates, &page_key(writer, name, root, page))?;
    value.map(|value| CensusLeaves::from_bytes(&value).map_err(corrupt("leaves of a census"))).transpose()
}

/// Adds the next page to a census. If it is the first, others that are to be make room.
///
/// # Errors
/// The store failed.
pub fn push_census_page(
    tx: &mut (impl SealedReads + SealedWrites + ?Sized),
    (writer, name): (ClientId, &TypeName),
    account: AccountId,
    row: &CensusRow,
    now: Timestamp,
    leaves: &CensusLeaves,
) -> Result<(), StoreError> {
    if row.pages.is_empty() {
        clear_censuses(tx, writer, name, |other| !other.is_committed)?;
    }
    let (Some(first), Some(last)) = (leaves.0.first(), leaves.0.last()) else { return Ok(()) };
    let value = leaves.to_bytes().map_err(corrupt("leaves of a census"))?;
    tx.put_sealed_row(
        SealedTable::LogStates,
        &page_key(writer, name, row.root, row.pages.len()),
        account,
        &value,
    )?;
    tx.delete_sealed_row(SealedTable::LogStates, &sweep_key(writer, name, row))?;
    let mut row = CensusRow { touched: now, ..row.clone() };
    row.pages.push(CensusPageRow {
        count: u32::try_from(leaves.0.len()).unwrap_or(u32::MAX),
        root: Tree::of(leaves.0.iter().map(|leaf| leaf.leaf())).root(),
        first: first.record,
        last: last.record,
    });
    put_head(tx, (writer, name), account, &row)?;
    tx.put_sealed_row(SealedTable::LogStates, &sweep_key(writer, name, &row), account, &[])
}

/// Keeps the leaves of a census that is in the log now, and removes those of others, and what it says is not needed any
/// more: older wraps of the writer, and links to epochs below the floors.
///
/// # Errors
/// The store failed.
pub fn commit_census(
    tx: &mut (impl SealedReads + SealedWrites + ?Sized),
    (writer, name): (ClientId, &TypeName),
    account: AccountId,
    row: &CensusRow,
    floors: &[(u32, u64)],
) -> Result<(), StoreError> {
    clear_censuses(tx, writer, name, |other| other.root != row.root)?;
    tx.delete_sealed_row(SealedTable::LogStates, &sweep_key(writer, name, row))?;
    put_head(tx, (writer, name), account, &CensusRow { is_committed: true, ..row.clone() })?;
    for (segment, floor) in floors {
        let prefix = type_key(name, &segment.to_be_bytes());
        // The link of the floor itself leads below it.
        let end = [&prefix[..], &(floor + 1).to_be_bytes()].concat();
        let run = SealedRun::of_prefix(writer, &prefix).before(&end);
        tx.delete_sealed_rows(SealedTable::Links, &run, MAX_CLEARED)?;
    }
    let own = type_key(name, &Subject::Client(writer).to_bytes());
    let wraps = SealedRun::of_prefix(writer, &own);
    if let Some((newest, _)) = tx.sealed_rows(SealedTable::Wraps, &wraps, true, 1)?.pop() {
        tx.delete_sealed_rows(SealedTable::Wraps, &wraps.before(&newest), MAX_CLEARED)?;
    }
    Ok(())
}

/// Removes a census that is to be and that nobody touched since `oldest`. Returns whether there was one.
///
/// # Errors
/// The store failed.
pub fn sweep_census(
    tx: &mut (impl SealedReads + SealedWrites + ?Sized),
    oldest: Timestamp,
) -> Result<bool, StoreError> {
    let all = SealedRun::of_prefix(OF_NOBODY, &[]);
    let Some((place, _)) = tx.sealed_rows(SealedTable::LogStates, &all, false, 1)?.pop() else {
        return Ok(false);
    };
    let parts = place.split_first_chunk::<8>().and_then(|(touched, rest)| {
        let (writer, rest) = rest.split_first_chunk::<16>()?;
        let (type_key, root) = rest.split_last_chunk::<32>()?;
        let name = std::str::from_utf8(type_key.strip_suffix(&[0])?).ok()?.parse::<TypeName>().ok()?;
        let touched = i64::from_be_bytes(*touched);
        Some((touched, ClientId::from_bytes(*writer), name, Digest::from_bytes(*root)))
    });
    let (touched, writer, name, root) = parts.ok_or_else(|| StoreError::Corrupt("a census".into()))?;
    if touched >= oldest.micros() {
        return Ok(false);
    }
    clear_censuses(tx, writer, &name, |row| row.root == root && !row.is_committed)?;
    // That of a writer that was erased has no other row.
    tx.delete_sealed_row(SealedTable::LogStates, &SealedKey::new(OF_NOBODY, place))?;
    Ok(true)
}

fn clear_censuses(
    tx: &mut (impl SealedReads + SealedWrites + ?Sized),
    writer: ClientId,
    name: &TypeName,
    which: impl Fn(&CensusRow) -> bool,
) -> Result<(), StoreError> {
    let prefix = type_key(name, &[HEAD]);
    let heads =
        tx.sealed_rows(SealedTable::LogStates, &SealedRun::of_prefix(writer, &prefix), false, MAX_CENSUSES)?;
    for (key, value) in heads {
        let root = key.last_chunk().ok_or_else(|| StoreError::Corrupt("a census".into()))?;
        let row = read_head(Digest::from_bytes(*root), &value)?;
        if which(&row) {
            tx.delete_sealed_row(SealedTable::LogStates, &head_key(writer, name, row.root))?;
            tx.delete_sealed_row(SealedTable::LogStates, &sweep_key(writer, name, &row))?;
            let pages = type_key(name, &[&[PAGE][..], row.root.as_bytes()].concat());
            let pages = SealedRun::of_prefix(writer, &pages);
            tx.delete_sealed_rows(SealedTable::LogStates, &pages, MAX_CENSUS_PAGES)?;
        }
    }
    Ok(())
}

fn put_head(
    tx: &mut (impl SealedWrites + ?Sized),
    (writer, name): (ClientId, &TypeName),
    account: AccountId,
    row: &CensusRow,
) -> Result<(), StoreError> {
    let mut encoding = Writer::new();
    encoding.u64(row.began.0);
    encoding.array(&row.touched.micros().to_be_bytes());
    encoding.u8(row.is_committed.into());
    encoding.list(&row.pages, |encoding, page| {
        encoding.u32(page.count);
        encoding.array(page.root.as_bytes());
        encoding.array(page.first.as_bytes());
        encoding.array(page.last.as_bytes());
    });
    let value = encoding.finish().map_err(corrupt("a census"))?;
    tx.put_sealed_row(SealedTable::LogStates, &head_key(writer, name, row.root), account, &value)
}

fn read_head(root: Digest, value: &[u8]) -> Result<CensusRow, StoreError> {
    let mut reader = Reader::new(value);
    let page = |reader: &mut Reader<'_>| {
        Ok(CensusPageRow {
            count: reader.u32()?,
            root: reader.digest()?,
            first: RecordId::from_bytes(reader.array()?),
            last: RecordId::from_bytes(reader.array()?),
        })
    };
    let read = |reader: &mut Reader<'_>| {
        Ok::<_, ParseError>(CensusRow {
            root,
            began: RecordIndex(reader.u64()?),
            touched: Timestamp::from_micros(i64::from_be_bytes(reader.array()?)),
            is_committed: reader.u8()? == 1,
            pages: reader.list(MAX_CENSUS_PAGES, page)?,
        })
    };
    let row = read(&mut reader).map_err(corrupt("a census"))?;
    reader.finish().map_err(corrupt("a census"))?;
    Ok(row)
}

fn head_key(writer: ClientId, name: &TypeName, root: Digest) -> SealedKey {
    key_of(writer, name, &[&[HEAD][..], root.as_bytes()].concat())
}

fn page_key(writer: ClientId, name: &TypeName, root: Digest, page: usize) -> SealedKey {
    let page = u32::try_from(page).unwrap_or(u32::MAX).to_be_bytes();
    key_of(writer, name, &[&[PAGE][..], root.as_bytes(), &page].concat())
}

fn sweep_key(writer: ClientId, name: &TypeName, row: &CensusRow) -> SealedKey {
    let place = [
        &row.touched.micros().to_be_bytes()[..],
        writer.as_bytes(),
        &type_key(name, &[]),
        row.root.as_bytes(),
    ];
    SealedKey::new(OF_NOBODY, place.concat())
}

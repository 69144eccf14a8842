//! Entries that are to be, and their wraps, which come in pages.
//!
//! An author's rows in [`SealedTable::Stages`] begin with a byte that says what they are; those of nobody are in the
//! order in which stages were touched, for the sweep.

use tozstore_api::Timestamp;
use tozstore_api::sealed::{SealedBody as _, Stage, WrapPage};
use tozstore_crypto::sealed::{Digest, Reader, TypeName, Wrap, Writer};
use tozstore_crypto::{AccountId, ClientId, ParseError};

use super::sealed_bundles::OF_NOBODY;
use super::sealed_logs::corrupt;
use super::{SealedKey, SealedReads, SealedRun, SealedTable, SealedWrites, StoreError};

/// Pages of one stage.
pub const MAX_STAGE_PAGES: usize = 200;

/// A stage without the entry and its wraps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageRow {
    /// Who stages.
    pub author: ClientId,
    /// The digest of the entry, which names the stage.
    pub digest: Digest,
    /// When it was touched last.
    pub touched: Timestamp,
    /// Whose type it is for.
    pub writer: ClientId,
    /// The type.
    pub name: TypeName,
    /// The entry that it comes behind; none at position 0.
    pub previous: Option<Digest>,
    /// Whether the entry is in the log. Then nothing else is left of it.
    pub is_committed: bool,
    /// The pages that came, ascending: the place of the first wrap, and how many.
    pub pages: Vec<(u32, u32)>,
}

/// What a row of an author is: a stage under way, one that was committed, or the entry of the first.
const LIVING: u8 = 0;
const COMMITTED: u8 = 1;
const BODY: u8 = 2;

/// The stage of that name.
///
/// # Errors
/// The store failed.
pub fn stage(
    tx: &(impl SealedReads + ?Sized),
    author: ClientId,
    digest: Digest,
) -> Result<Option<StageRow>, StoreError> {
    for kind in [LIVING, COMMITTED] {
        if let Some(value) = tx.sealed_row(SealedTable::Stages, &key(author, kind, digest))? {
            return read_stage(author, digest, kind == COMMITTED, &value).map(Some);
        }
    }
    Ok(None)
}

/// What was staged.
///
/// # Errors
/// The store failed.
pub fn stage_body(
    tx: &(impl SealedReads + ?Sized),
    author: ClientId,
    digest: Digest,
) -> Result<Option<Stage>, StoreError> {
    let value = tx.sealed_row(SealedTable::Stages, &key(author, BODY, digest))?;
    value.map(|value| Stage::from_bytes(&value).map_err(corrupt("a stage"))).transpose()
}

/// At most `limit` stages of an author that were not committed.
///
/// # Errors
/// The store failed.
pub fn stages_of(
    tx: &(impl SealedReads + ?Sized),
    author: ClientId,
    limit: usize,
) -> Result<Vec<StageRow>, StoreError> {
    let rows = tx.sealed_rows(SealedTable::Stages, &SealedRun::of_prefix(author, &[LIVING]), false, limit)?;
    let read = |(key, value): &(Vec<u8>, Vec<u8>)| {
        let digest = key.last_chunk().ok_or_else(|| StoreError::Corrupt("a stage".into()))?;
        read_stage(author, Digest::from_bytes(*digest), false, value)
    };
    rows.iter().map(read).collect()
}

/// Adds a stage.
///
/// # Errors
/// The store failed.
pub fn insert_stage(
    tx: &mut (impl SealedWrites + ?Sized),
    account: AccountId,
    row: &StageRow,
    body: &Stage,
) -> Result<(), StoreError> {
    let value = body.to_bytes().map_err(corrupt("a stage"))?;
    tx.put_sealed_row(SealedTable::Stages, &key(row.author, BODY, row.digest), account, &value)?;
    put_head(tx, account, row)
}

/// Puts a stage in the place of what it was, which was touched at `older`.
///
/// # Errors
/// The store failed.
pub fn touch_stage(
    tx: &mut (impl SealedWrites + ?Sized),
    account: AccountId,
    older: Timestamp,
    row: &StageRow,
) -> Result<(), StoreError> {
    tx.delete_sealed_row(SealedTable::Stages, &sweep_key(row, older))?;
    put_head(tx, account, row)
}

/// The wraps of a stage, in their order.
///
/// # Errors
/// The store failed.
pub fn stage_wraps(tx: &(impl SealedReads + ?Sized), row: &StageRow) -> Result<Vec<Wrap>, StoreError> {
    let run = SealedRun::of_prefix(row.author, row.digest.as_bytes());
    let mut wraps = Vec::new();
    for (_, value) in tx.sealed_rows(SealedTable::StageWraps, &run, false, MAX_STAGE_PAGES)? {
        wraps.extend(WrapPage::from_bytes(&value).map_err(corrupt("a page of wraps"))?.0);
    }
    Ok(wraps)
}

/// The page that begins with that wrap.
///
/// # Errors
/// The store failed.
pub fn stage_page(
    tx: &(impl SealedReads + ?Sized),
    row: &StageRow,
    first: u32,
) -> Result<Option<WrapPage>, StoreError> {
    let value = tx.sealed_row(SealedTable::StageWraps, &page_key(row, first))?;
    value.map(|value| WrapPage::from_bytes(&value).map_err(corrupt("a page of wraps"))).transpose()
}

/// Adds a page of wraps. The row of the stage is told apart: [`touch_stage`].
///
/// # Errors
/// The store failed.
pub fn insert_stage_page(
    tx: &mut (impl SealedWrites + ?Sized),
    account: AccountId,
    row: &StageRow,
    first: u32,
    page: &WrapPage,
) -> Result<(), StoreError> {
    let value = page.to_bytes().map_err(corrupt("a page of wraps"))?;
    tx.put_sealed_row(SealedTable::StageWraps, &page_key(row, first), account, &value)
}

/// Removes a stage with its pages, if it is there.
///
/// # Errors
/// The store failed.
pub fn delete_stage(
    tx: &mut (impl SealedReads + SealedWrites + ?Sized),
    author: ClientId,
    digest: Digest,
) -> Result<(), StoreError> {
    if let Some(row) = stage(tx, author, digest)? {
        tx.delete_sealed_row(SealedTable::Stages, &sweep_key(&row, row.touched))?;
    }
    for kind in [LIVING, COMMITTED, BODY] {
        tx.delete_sealed_row(SealedTable::Stages, &key(author, kind, digest))?;
    }
    let run = SealedRun::of_prefix(author, digest.as_bytes());
    tx.delete_sealed_rows(SealedTable::StageWraps, &run, MAX_STAGE_PAGES).map(drop)
}

/// Removes all of a stage whose entry is in the log, but for a row that says so to who asks again.
///
/// # Errors
/// The store failed.
pub fn commit_stage(
    tx: &mut (impl SealedReads + SealedWrites + ?Sized),
    account: AccountId,
    row: &StageRow,
    now: Timestamp,
) -> Result<(), StoreError> {
    delete_stage(tx, row.author, row.digest)?;
    let row = StageRow { touched: now, is_committed: true, pages: Vec::new(), ..row.clone() };
    put_head(tx, account, &row)
}

/// Removes a stage that nobody touched since `oldest`. Returns whether there was one.
///
/// # Errors
/// The store failed.
pub fn sweep_stage(
    tx: &mut (impl SealedReads + SealedWrites + ?Sized),
    oldest: Timestamp,
) -> Result<bool, StoreError> {
    let all = SealedRun::of_prefix(OF_NOBODY, &[]);
    let Some((place, _)) = tx.sealed_rows(SealedTable::Stages, &all, false, 1)?.pop() else {
        return Ok(false);
    };
    let parts = place.split_first_chunk::<8>().and_then(|(touched, rest)| {
        let (author, digest) = rest.split_first_chunk::<16>()?;
        let digest = Digest::from_bytes(digest.try_into().ok()?);
        Some((i64::from_be_bytes(*touched), ClientId::from_bytes(*author), digest))
    });
    let (touched, author, digest) = parts.ok_or_else(|| StoreError::Corrupt("a stage".into()))?;
    if touched >= oldest.micros() {
        return Ok(false);
    }
    delete_stage(tx, author, digest)?;
    // That of an author that was erased has no other row.
    tx.delete_sealed_row(SealedTable::Stages, &SealedKey::new(OF_NOBODY, place))?;
    Ok(true)
}

fn put_head(
    tx: &mut (impl SealedWrites + ?Sized),
    account: AccountId,
    row: &StageRow,
) -> Result<(), StoreError> {
    let mut writer = Writer::new();
    writer.array(&row.touched.micros().to_be_bytes());
    writer.array(row.writer.as_bytes());
    writer.short(row.name.as_str().as_bytes());
    writer.opt(row.previous, |writer, digest| writer.array(digest.as_bytes()));
    writer.list(&row.pages, |writer, (first, count)| {
        writer.u32(*first);
        writer.u32(*count);
    });
    let value = writer.finish().map_err(corrupt("a stage"))?;
    let kind = if row.is_committed { COMMITTED } else { LIVING };
    tx.put_sealed_row(SealedTable::Stages, &key(row.author, kind, row.digest), account, &value)?;
    tx.put_sealed_row(SealedTable::Stages, &sweep_key(row, row.touched), account, &[])
}

fn key(author: ClientId, kind: u8, digest: Digest) -> SealedKey {
    SealedKey::new(author, [&[kind][..], digest.as_bytes()].concat())
}

fn page_key(row: &StageRow, first: u32) -> SealedKey {
    SealedKey::new(row.author, [&row.digest.as_bytes()[..], &first.to_be_bytes()].concat())
}

fn sweep_key(row: &StageRow, touched: Timestamp) -> SealedKey {
    let touched = touched.micros().to_be_bytes();
    SealedKey::new(OF_NOBODY, [&touched[..], row.author.as_bytes(), row.digest.as_bytes()].concat())
}

fn read_stage(
    author: ClientId,
    digest: Digest,
    is_committed: bool,
    value: &[u8],
) -> Result<StageRow, StoreError> {
    let mut reader = Reader::new(value);
    let read = |reader: &mut Reader<'_>| {
        Ok::<_, ParseError>(StageRow {
            author,
            digest,
            touched: Timestamp::from_micros(i64::from_be_bytes(reader.array()?)),
            writer: ClientId::from_bytes(reader.array()?),
            name: reader.type_name()?,
            previous: reader.opt(Reader::digest)?,
            is_committed,
            pages: reader.list(MAX_STAGE_PAGES, |reader| Ok((reader.u32()?, reader.u32()?)))?,
        })
    };
    let row = read(&mut reader).map_err(corrupt("a stage"))?;
    reader.finish().map_err(corrupt("a stage"))?;
    Ok(row)
}

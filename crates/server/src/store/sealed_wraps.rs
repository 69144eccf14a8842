//! Wraps of access keys: for each subject of a type the newest, of the writer older ones too.

use tozstore_api::sealed::{SealedBody as _, WrapStep, WrapSteps};
use tozstore_crypto::sealed::{Digest, Subject, TypeName, Wrap};
use tozstore_crypto::{AccountId, ClientId};

use super::sealed_logs::{corrupt, key_of, type_key};
use super::{SealedReads, SealedRun, SealedTable, SealedWrites, StoreError};

/// A wrap with its way to the root in the signed entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrapRow {
    /// The position of the entry.
    pub position: u64,
    /// Its place among the wraps of the entry.
    pub index: u32,
    /// How many there are.
    pub count: u32,
    /// The wrap.
    pub wrap: Wrap,
    /// From its neighbour up.
    pub path: Vec<Digest>,
}

/// The newest wrap for a subject.
///
/// # Errors
/// The store failed.
pub fn newest_wrap(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    name: &TypeName,
    subject: Subject,
) -> Result<Option<WrapStep>, StoreError> {
    let run = SealedRun::of_prefix(writer, &type_key(name, &subject.to_bytes()));
    Ok(read(tx, &run, 1)?.pop())
}

/// Wraps for a subject of entries before that position, the newest first.
///
/// # Errors
/// The store failed.
pub fn wraps_below(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    name: &TypeName,
    subject: Subject,
    below: u64,
    limit: usize,
) -> Result<Vec<WrapStep>, StoreError> {
    let prefix = type_key(name, &subject.to_bytes());
    let end = [&prefix[..], &below.to_be_bytes()].concat();
    read(tx, &SealedRun::of_prefix(writer, &prefix).before(&end), limit)
}

/// Puts a wrap. It takes the place of older ones for the same reader; the writer keeps them, to repair what others broke.
///
/// # Errors
/// The store failed.
pub fn put_wrap(
    tx: &mut (impl SealedWrites + ?Sized),
    (writer, name): (ClientId, &TypeName),
    account: AccountId,
    row: &WrapRow,
) -> Result<(), StoreError> {
    let subject = row.wrap.subject;
    // One place for all wraps of a reader, and the last: it is newer than any that has one of its own.
    let place = if subject == Subject::Client(writer) { row.position } else { u64::MAX };
    let step = WrapStep {
        kind: WrapStep::LOG,
        id: *writer.as_bytes(),
        position: row.position,
        index: row.index,
        count: row.count,
        wrap: row.wrap.clone(),
        path: row.path.clone(),
    };
    let value = WrapSteps(vec![step]).to_bytes().map_err(corrupt("a wrap"))?;
    let place = [&subject.to_bytes()[..], &place.to_be_bytes()].concat();
    tx.put_sealed_row(SealedTable::Wraps, &key_of(writer, name, &place), account, &value)
}

/// Removes all wraps for a subject.
///
/// # Errors
/// The store failed.
pub fn delete_wraps(
    tx: &mut (impl SealedWrites + ?Sized),
    writer: ClientId,
    name: &TypeName,
    subject: Subject,
) -> Result<(), StoreError> {
    // A reader has one: each takes the place of the one before. Older versions of this program kept a few.
    let run = SealedRun::of_prefix(writer, &type_key(name, &subject.to_bytes()));
    tx.delete_sealed_rows(SealedTable::Wraps, &run, MAX_READER_WRAPS).map(drop)
}

const MAX_READER_WRAPS: usize = 16;

fn read(
    tx: &(impl SealedReads + ?Sized),
    run: &SealedRun,
    limit: usize,
) -> Result<Vec<WrapStep>, StoreError> {
    let mut steps = Vec::new();
    for (_, value) in tx.sealed_rows(SealedTable::Wraps, run, true, limit)? {
        steps.extend(WrapSteps::from_bytes(&value).map_err(corrupt("a wrap"))?.0);
    }
    Ok(steps)
}

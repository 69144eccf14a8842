//! Newest versions of sealed records.
//!
//! A version and its key lie in one row, its fields in another, and a third has its place in the order of writing.

use tozstore_api::sealed::RecordView;
use tozstore_crypto::sealed::{
    Digest, EpochId, FieldName, Plain, Reader, RecordFields, RecordState, RecordVersion, SealedRecord,
    Signed, TypeName, WrappedDataKey, Writer,
};
use tozstore_crypto::{AccountId, ClientId, ParseError, RecordId};

use super::sealed_logs::{corrupt, key_of, type_key};
use super::{EpochPlace, RecordIndex, SealedReads, SealedRun, SealedTable, SealedWrites, StoreError};

/// Digests of versions that are kept to tell a write that comes again from another one.
const KEPT_DIGESTS: usize = 16;

/// A record without its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRecordRow {
    /// Its place in the order of writing, new at every version.
    pub index: RecordIndex,
    /// The newest version.
    pub version: Signed<RecordVersion>,
    /// Plain metadata.
    pub plain: Plain,
    /// Its data key under an epoch; zeros of a tombstone.
    pub key: WrappedDataKey,
    /// The data key that a delegate replaced, until the writer has opened it and replaced it too.
    pub original: Option<WrappedDataKey>,
    /// The epoch of `key`; of a tombstone, the one that was current when its author wrote.
    pub epoch: EpochPlace,
    /// Digests of the last versions, this one at the end.
    pub digests: Vec<Digest>,
}

impl SealedRecordRow {
    /// Whether it was deleted.
    pub fn is_deleted(&self) -> bool {
        self.version.object().state == RecordState::Deleted
    }

    /// The digests with that of the next version.
    pub fn with_digest(older: &[Digest], next: Digest) -> Vec<Digest> {
        let first = (older.len() + 1).saturating_sub(KEPT_DIGESTS);
        older.iter().copied().chain([next]).skip(first).collect()
    }
}

/// A record in the order of writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedRecordPlace {
    /// Its place.
    pub index: RecordIndex,
    /// The record.
    pub record: RecordId,
    /// Whether it was deleted.
    pub deleted: bool,
    /// The segment whose readers see it.
    pub segment: u32,
}

/// A record, without its fields.
///
/// # Errors
/// The store failed.
pub fn sealed_record(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    name: &TypeName,
    record: RecordId,
) -> Result<Option<SealedRecordRow>, StoreError> {
    let value = tx.sealed_row(SealedTable::Records, &key_of(writer, name, record.as_bytes()))?;
    value.map(|value| read_row(&value)).transpose()
}

/// A record as a reader gets it: of fields that are not wanted the leaves alone.
///
/// # Errors
/// The store failed.
pub fn record_view(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    name: &TypeName,
    row: SealedRecordRow,
    is_wanted: impl Fn(&FieldName) -> bool,
) -> Result<RecordView, StoreError> {
    let record = row.version.object().place.record;
    let value = tx.sealed_row(SealedTable::Fields, &key_of(writer, name, record.as_bytes()))?;
    let fields = match value {
        Some(value) => {
            let mut reader = Reader::new(&value);
            let fields = RecordFields::read(&mut reader).map_err(corrupt("the fields of a record"))?;
            reader.finish().map_err(corrupt("the fields of a record"))?;
            fields.project(is_wanted)
        }
        None => RecordFields::default(),
    };
    let record = SealedRecord { version: row.version, fields, plain: row.plain };
    Ok(RecordView { record, key: row.key, census: None })
}

/// At most `limit` records of a type behind that place, in the order of writing.
///
/// # Errors
/// The store failed.
pub fn sealed_records_after(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    name: &TypeName,
    after: RecordIndex,
    limit: usize,
) -> Result<Vec<SealedRecordPlace>, StoreError> {
    let run = SealedRun::of_prefix(writer, &type_key(name, &[]));
    let run = run.after(&type_key(name, &after.0.to_be_bytes()));
    let rows = tx.sealed_rows(SealedTable::RecordOrder, &run, false, limit)?;
    let read = |(key, value): &(Vec<u8>, Vec<u8>)| {
        let index = key.last_chunk().map(|bytes| RecordIndex(u64::from_be_bytes(*bytes)));
        let mut reader = Reader::new(value);
        let read = |reader: &mut Reader<'_>| {
            Ok::<_, ParseError>((RecordId::from_bytes(reader.array()?), reader.u8()? == 1, reader.u32()?))
        };
        let (record, deleted, segment) = read(&mut reader).map_err(corrupt("the place of a record"))?;
        let index = index.ok_or_else(|| StoreError::Corrupt("the place of a record".into()))?;
        Ok(SealedRecordPlace { index, record, deleted, segment })
    };
    rows.iter().map(read).collect()
}

/// The place of the record of a type that was written last; 0 if there is none.
///
/// # Errors
/// The store failed.
pub fn newest_record_index(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    name: &TypeName,
) -> Result<RecordIndex, StoreError> {
    let run = SealedRun::of_prefix(writer, &type_key(name, &[]));
    let rows = tx.sealed_rows(SealedTable::RecordOrder, &run, true, 1)?;
    let index = rows.first().and_then(|(key, _)| key.last_chunk());
    Ok(RecordIndex(index.map_or(0, |bytes| u64::from_be_bytes(*bytes))))
}

/// At most `limit` records behind that id, by ascending ids, without their fields.
///
/// # Errors
/// The store failed.
pub fn sealed_records_by_id(
    tx: &(impl SealedReads + ?Sized),
    writer: ClientId,
    name: &TypeName,
    after: Option<RecordId>,
    limit: usize,
) -> Result<Vec<SealedRecordRow>, StoreError> {
    let mut run = SealedRun::of_prefix(writer, &type_key(name, &[]));
    if let Some(after) = after {
        run = run.after(&type_key(name, after.as_bytes()));
    }
    let rows = tx.sealed_rows(SealedTable::Records, &run, false, limit)?;
    rows.iter().map(|(_, value)| read_row(value)).collect()
}

/// Puts a version in the place of the one before. Without fields, those that are there stay: its key alone changes.
///
/// # Errors
/// The store failed.
pub fn put_sealed_record(
    tx: &mut (impl SealedReads + SealedWrites + ?Sized),
    account: AccountId,
    row: &SealedRecordRow,
    fields: Option<&RecordFields>,
) -> Result<(), StoreError> {
    let place = &row.version.object().place;
    let (writer, name) = (place.record_type.writer, &place.record_type.type_name);
    let record_key = key_of(writer, name, place.record.as_bytes());
    if let Some(older) = sealed_record(tx, writer, name, place.record)? {
        let order = key_of(writer, name, &older.index.0.to_be_bytes());
        tx.delete_sealed_row(SealedTable::RecordOrder, &order)?;
    }
    tx.put_sealed_row(SealedTable::Records, &record_key, account, &write_row(row)?)?;
    let mut order = Writer::new();
    order.array(place.record.as_bytes());
    order.u8(row.is_deleted().into());
    order.u32(row.epoch.segment);
    let order = order.finish().map_err(corrupt("the place of a record"))?;
    let order_key = key_of(writer, name, &row.index.0.to_be_bytes());
    tx.put_sealed_row(SealedTable::RecordOrder, &order_key, account, &order)?;
    match fields {
        Some(_) if row.is_deleted() => tx.delete_sealed_row(SealedTable::Fields, &record_key).map(drop),
        Some(fields) => {
            let mut encoding = Writer::new();
            fields.write(&mut encoding);
            let value = encoding.finish().map_err(corrupt("the fields of a record"))?;
            tx.put_sealed_row(SealedTable::Fields, &record_key, account, &value)
        }
        None => Ok(()),
    }
}

fn write_row(row: &SealedRecordRow) -> Result<Vec<u8>, StoreError> {
    let mut writer = Writer::new();
    writer.u64(row.index.0);
    row.version.write(&mut writer);
    row.plain.write(&mut writer);
    writer.array(row.key.epoch().as_bytes());
    writer.array(row.key.sealed());
    writer.array(row.epoch.id.as_bytes());
    writer.u32(row.epoch.segment);
    writer.u64(row.epoch.number);
    writer.list(&row.digests, |writer, digest| writer.array(digest.as_bytes()));
    writer.opt(row.original.as_ref(), |writer, original| {
        writer.array(original.epoch().as_bytes());
        writer.array(original.sealed());
    });
    writer.finish().map_err(corrupt("a record"))
}

fn read_row(value: &[u8]) -> Result<SealedRecordRow, StoreError> {
    let mut reader = Reader::new(value);
    let read = |reader: &mut Reader<'_>| {
        let key = |reader: &mut Reader<'_>| {
            Ok(WrappedDataKey::new(EpochId::from_digest(reader.digest()?), &reader.array()?))
        };
        Ok::<_, ParseError>(SealedRecordRow {
            index: RecordIndex(reader.u64()?),
            version: Signed::read(reader)?,
            plain: Plain::read(reader)?,
            key: key(reader)?,
            epoch: EpochPlace {
                id: EpochId::from_digest(reader.digest()?),
                segment: reader.u32()?,
                number: reader.u64()?,
            },
            digests: reader.list(KEPT_DIGESTS, Reader::digest)?,
            // Rows of older versions of this program end here.
            original: if reader.is_at_end() { None } else { reader.opt(key)? },
        })
    };
    let row = read(&mut reader).map_err(corrupt("a record"))?;
    reader.finish().map_err(corrupt("a record"))?;
    Ok(row)
}

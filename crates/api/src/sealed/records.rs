//! Records: `/v3/records/{writer_id}/{record_type}`.

use tozstore_crypto::sealed::{
    Digest, EpochId, FieldBody, FieldName, MAX_FIELDS, MAX_SEALED_BYTES, MIN_SEALED_BYTES, Plain, Reader,
    RecordFields, RecordVersion, SealedRecord, Signed, WrappedDataKey, Writer,
};
use tozstore_crypto::{ParseError, RecordId};

use super::{SealedBody, SealedErrorCode};

/// Versions that are written at once.
pub const MAX_RECORDS_PER_WRITE: usize = 100;
/// Records that are read at once.
pub const MAX_RECORDS_PER_READ: usize = 100;
/// Records of a page.
pub const MAX_RECORDS_PER_PAGE: usize = 1000;
/// Wrapped data keys that are exchanged at once.
pub const MAX_REWRAPS: usize = 1000;

/// Digests of a path, and more.
const MAX_PATH: usize = 64;
/// A reason in the results of a write.
const MAX_CODE_BYTES: usize = 64;

/// A version that is to be: `blob(version), signature, epoch id, wrapped key 72, list(short name, blob sealed), map
/// plain, opt(upload id)`. Of a tombstone, zeros for epoch and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordWrite {
    /// The version with its fields, all sealed, and plain metadata.
    pub record: SealedRecord,
    /// Its data key under an epoch.
    pub key: WrappedDataKey,
    /// The upload that has its file.
    pub upload: Option<[u8; 16]>,
}

/// A version as a reader gets it: `blob(version), signature, epoch id, wrapped key 72, list(Field), map plain, opt(u64
/// index, list path)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordView {
    /// The version with its fields, sealed or as leaves, and plain metadata.
    pub record: SealedRecord,
    /// Its data key under an epoch; zeros of a tombstone.
    pub key: WrappedDataKey,
    /// Its index in the newest census and the path from there, if the author may no longer write.
    pub census: Option<(u64, Vec<Digest>)>,
}

/// The epoch and key of a tombstone.
fn no_key() -> WrappedDataKey {
    WrappedDataKey::new(EpochId::from_digest(Digest::from_bytes([0; 32])), &[0; WrappedDataKey::SEALED_BYTES])
}

impl RecordWrite {
    /// Of a tombstone.
    pub fn of_tombstone(record: SealedRecord) -> Self {
        Self { record, key: no_key(), upload: None }
    }

    /// Whether epoch and key are those of a tombstone.
    pub fn has_no_key(&self) -> bool {
        self.key == no_key()
    }
}

impl SealedBody for RecordWrite {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let version = Signed::<RecordVersion>::read(reader)?;
        let key = read_key(reader)?;
        let fields = reader.ascending(MAX_FIELDS, read_field, |(name, _)| name)?;
        let fields =
            fields.into_iter().map(|(name, sealed)| (name, FieldBody::Sealed(sealed.to_vec()))).collect();
        Ok(Self {
            record: SealedRecord { version, fields: RecordFields::new(fields)?, plain: Plain::read(reader)? },
            key,
            upload: reader.opt(Reader::array)?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        self.record.version.write(writer);
        write_key(writer, &self.key);
        let fields: Vec<_> = self.record.fields.iter().collect();
        writer.list(&fields, |writer, (name, body)| {
            writer.short(name.as_bytes());
            // A leaf alone is nothing that could be written: no server takes what stands here instead.
            writer.blob(match body {
                FieldBody::Sealed(sealed) => sealed,
                FieldBody::Leaf(_) => &[],
            });
        });
        self.record.plain.write(writer);
        writer.opt(self.upload, |writer, upload| writer.array(&upload));
    }
}

impl SealedBody for RecordView {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let version = Signed::<RecordVersion>::read(reader)?;
        let key = read_key(reader)?;
        let (fields, plain) = (RecordFields::read(reader)?, Plain::read(reader)?);
        let read_leaf = |reader: &mut Reader<'_>| Ok((reader.u64()?, reader.list(MAX_PATH, Reader::digest)?));
        Ok(Self { record: SealedRecord { version, fields, plain }, key, census: reader.opt(read_leaf)? })
    }

    fn write(&self, writer: &mut Writer) {
        self.record.version.write(writer);
        write_key(writer, &self.key);
        self.record.fields.write(writer);
        self.record.plain.write(writer);
        writer.opt(self.census.as_ref(), |writer, (index, path)| {
            writer.u64(*index);
            writer.list(path, |writer, digest| writer.array(digest.as_bytes()));
        });
    }
}

/// Versions that are written one by one: each on its own is there or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordWrites(pub Vec<RecordWrite>);

impl SealedBody for RecordWrites {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        reader.list(MAX_RECORDS_PER_WRITE, RecordWrite::read).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        writer.list(&self.0, |writer, record| record.write(writer));
    }
}

/// What became of each of [`RecordWrites`]: `list(u16 status, text code)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteResults(pub Vec<WriteResult>);

/// What became of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteResult {
    /// The status that the write alone would have had: 200 and 201 are success.
    pub status: u16,
    /// The reason as in [`super::SealedErrorBody`]; empty of success.
    pub code: String,
}

impl WriteResult {
    /// The reason, if it is one that this program knows.
    pub fn error_code(&self) -> Option<SealedErrorCode> {
        serde_json::from_value(serde_json::Value::String(self.code.clone())).ok()
    }
}

impl SealedBody for WriteResults {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let read = |reader: &mut Reader<'_>| {
            Ok(WriteResult { status: reader.u16()?, code: reader.text(0..=MAX_CODE_BYTES)?.to_owned() })
        };
        reader.list(MAX_RECORDS_PER_WRITE, read).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        writer.list(&self.0, |writer, result| {
            writer.u16(result.status);
            writer.short(result.code.as_bytes());
        });
    }
}

/// Which records are read: `list(id)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRecords(pub Vec<RecordId>);

impl SealedBody for ReadRecords {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        reader.list(MAX_RECORDS_PER_READ, |reader| reader.array().map(RecordId::from_bytes)).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        writer.list(&self.0, |writer, id| writer.array(id.as_bytes()));
    }
}

/// As many of the records as fit, from the first on: `list(id, opt(RecordView))`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordViews(pub Vec<(RecordId, Option<RecordView>)>);

impl SealedBody for RecordViews {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let read = |reader: &mut Reader<'_>| {
            Ok((RecordId::from_bytes(reader.array()?), reader.opt(<RecordView as SealedBody>::read)?))
        };
        reader.list(MAX_RECORDS_PER_READ, read).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        writer.list(&self.0, |writer, (id, view)| {
            writer.array(id.as_bytes());
            writer.opt(view.as_ref(), |writer, view| view.write(writer));
        });
    }
}

/// A page of records: `u64 next, list(RecordView)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPage {
    /// Where the next page begins; 0 if there is none.
    pub next: u64,
    /// The records, the ones that were written last at the end.
    pub records: Vec<RecordView>,
}

impl SealedBody for RecordPage {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            next: reader.u64()?,
            records: reader.list(MAX_RECORDS_PER_PAGE, <RecordView as SealedBody>::read)?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        writer.u64(self.next);
        writer.list(&self.records, |writer, record| record.write(writer));
    }
}

/// Records whose data keys hang on an older epoch than their segment's newest: `u64 left, opt(record id) next,
/// list(blob(version), signature, epoch id, wrapped key)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleRecords {
    /// How many there are, those of this page among them: of the first page, in the first 100,000 records; of later ones,
    /// on the page.
    pub left: u64,
    /// Behind which record the next page begins; none if this is the last.
    pub next: Option<RecordId>,
    /// The first of them, ascending by record id.
    pub records: Vec<StaleRecord>,
}

/// What a re-wrap needs of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleRecord {
    /// Its version.
    pub version: Signed<RecordVersion>,
    /// Its data key.
    pub key: WrappedDataKey,
}

impl SealedBody for StaleRecords {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let read = |reader: &mut Reader<'_>| {
            Ok(StaleRecord { version: Signed::read(reader)?, key: read_key(reader)? })
        };
        Ok(Self {
            left: reader.u64()?,
            next: reader.opt(|reader| reader.array().map(RecordId::from_bytes))?,
            records: reader.list(MAX_RECORDS_PER_PAGE, read)?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        writer.u64(self.left);
        writer.opt(self.next, |writer, next| writer.array(next.as_bytes()));
        writer.list(&self.records, |writer, record| {
            record.version.write(writer);
            write_key(writer, &record.key);
        });
    }
}

/// Wrapped data keys that are to be exchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewraps(pub Vec<Rewrap>);

/// `record id, u64 version, digest H("rewrap"; old epoch id, old wrapped key), new epoch id, new wrapped key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrap {
    /// The record.
    pub record: RecordId,
    /// Its version.
    pub version: u64,
    /// [`WrappedDataKey::digest`] of what is replaced.
    pub replaces: Digest,
    /// What replaces it.
    pub key: WrappedDataKey,
}

impl SealedBody for Rewraps {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let read = |reader: &mut Reader<'_>| {
            Ok(Rewrap {
                record: RecordId::from_bytes(reader.array()?),
                version: reader.u64()?,
                replaces: reader.digest()?,
                key: read_key(reader)?,
            })
        };
        reader.list(MAX_REWRAPS, read).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        writer.list(&self.0, |writer, rewrap| {
            writer.array(rewrap.record.as_bytes());
            writer.u64(rewrap.version);
            writer.array(rewrap.replaces.as_bytes());
            write_key(writer, &rewrap.key);
        });
    }
}

/// What became of each of [`Rewraps`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewrapResults(pub Vec<RewrapResult>);

/// What became of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RewrapResult {
    /// It was exchanged.
    Done = 0,
    /// The record or its wrapped key changed, or the new epoch is not the head of its segment.
    Changed = 1,
    /// It was so already.
    Same = 2,
}

impl SealedBody for RewrapResults {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let read = |reader: &mut Reader<'_>| match reader.u8()? {
            0 => Ok(RewrapResult::Done),
            1 => Ok(RewrapResult::Changed),
            2 => Ok(RewrapResult::Same),
            _ => Err(ParseError::new("the result of a re-wrap")),
        };
        reader.list(MAX_REWRAPS, read).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        writer.list(&self.0, |writer, result| writer.u8(*result as u8));
    }
}

fn read_field<'a>(reader: &mut Reader<'a>) -> Result<(FieldName, &'a [u8]), ParseError> {
    let name = FieldName::from_bytes(reader.short(1..=FieldName::MAX_BYTES)?)?;
    Ok((name, reader.blob(MIN_SEALED_BYTES..=MAX_SEALED_BYTES)?))
}

fn read_key(reader: &mut Reader<'_>) -> Result<WrappedDataKey, ParseError> {
    let epoch = EpochId::from_digest(reader.digest()?);
    Ok(WrappedDataKey::new(epoch, &reader.array()?))
}

fn write_key(writer: &mut Writer, key: &WrappedDataKey) {
    writer.array(key.epoch().as_bytes());
    writer.array(key.sealed());
}

#[cfg(test)]
mod tests {
    use tozstore_crypto::sealed::{
        ClientKeys, DataKey, FieldForm, FieldToSeal, LogPosition, Names, RecordDraft, RecordPlace, TypePlace,
    };
    use tozstore_crypto::{ClientId, StoreId};

    use super::*;

    fn draft() -> RecordDraft {
        let writer = ClientId::from_bytes([2; 16]);
        let record_type =
            TypePlace { store: StoreId::from_bytes([1; 16]), writer, type_name: "notes".parse().unwrap() };
        RecordDraft {
            place: RecordPlace { record_type, record: RecordId::from_bytes([3; 16]), version: 1 },
            previous: None,
            author: writer,
            author_bundle: Digest::from_bytes([4; 32]),
            basis: LogPosition { position: 0, digest: Digest::from_bytes([5; 32]) },
            written_ms: 1,
        }
    }

    fn write() -> RecordWrite {
        let key = ClientKeys::from_bytes(&[7; 64]).signing_key();
        let field = |name| FieldToSeal { name, form: FieldForm::Text, value: b"value" };
        let plain = Plain::new(vec![("a".to_owned(), "b".to_owned())]).unwrap();
        let record =
            draft().seal(Names::Shown, &[field("a"), field("b")], plain, None, &DataKey::generate(), &key);
        let key = WrappedDataKey::new(EpochId::from_digest(Digest::from_bytes([6; 32])), &[7; 72]);
        RecordWrite { record: record.unwrap(), key, upload: Some([8; 16]) }
    }

    #[test]
    fn a_version_is_written_and_read() {
        let write = write();
        let bytes = write.to_bytes().unwrap();
        assert_eq!(RecordWrite::from_bytes(&bytes), Ok(write.clone()));
        for len in 0..bytes.len() {
            assert!(RecordWrite::from_bytes(&bytes[..len]).is_err(), "{len}");
        }
        let mut record = write.record.clone();
        record.fields = record.fields.project(|_| false);
        // Leaves are for readers.
        let leaves = RecordWrite { record: record.clone(), ..write.clone() };
        assert!(RecordWrite::from_bytes(&leaves.to_bytes().unwrap()).is_err());
        let view =
            RecordView { record, key: write.key, census: Some((3, vec![Digest::from_bytes([1; 32])])) };
        assert_eq!(RecordView::from_bytes(&view.to_bytes().unwrap()), Ok(view.clone()));
        let page = RecordPage { next: 7, records: vec![view.clone()] };
        assert_eq!(RecordPage::from_bytes(&page.to_bytes().unwrap()), Ok(page));
        let views = RecordViews(vec![
            (RecordId::from_bytes([1; 16]), Some(view)),
            (RecordId::from_bytes([2; 16]), None),
        ]);
        assert_eq!(RecordViews::from_bytes(&views.to_bytes().unwrap()), Ok(views));
    }

    #[test]
    fn a_tombstone_has_no_key() {
        let key = ClientKeys::from_bytes(&[7; 64]).signing_key();
        let tombstone = RecordWrite::of_tombstone(draft().delete(&key).unwrap());
        assert!(tombstone.has_no_key() && !write().has_no_key());
        assert_eq!(RecordWrite::from_bytes(&tombstone.to_bytes().unwrap()), Ok(tombstone));
    }

    #[test]
    fn lists_have_limits() {
        let results = WriteResults(vec![WriteResult { status: 409, code: "epoch_old".to_owned() }]);
        assert_eq!(results.0[0].error_code(), Some(SealedErrorCode::EpochOld));
        assert_eq!(WriteResults::from_bytes(&results.to_bytes().unwrap()), Ok(results));
        let one = write();
        let rewrap = Rewrap {
            record: RecordId::from_bytes([1; 16]),
            version: 1,
            replaces: one.key.digest(),
            key: one.key.clone(),
        };
        let rewraps = Rewraps(vec![rewrap.clone(); 2]);
        assert_eq!(Rewraps::from_bytes(&rewraps.to_bytes().unwrap()), Ok(rewraps));
        assert!(Rewraps::from_bytes(&Rewraps(vec![rewrap; MAX_REWRAPS + 1]).to_bytes().unwrap()).is_err());
        let results = RewrapResults(vec![RewrapResult::Done, RewrapResult::Changed, RewrapResult::Same]);
        assert_eq!(RewrapResults::from_bytes(&results.to_bytes().unwrap()), Ok(results));
        let stale = StaleRecords {
            left: 9,
            next: Some(RecordId::from_bytes([2; 16])),
            records: vec![StaleRecord { version: one.record.version, key: one.key }],
        };
        assert_eq!(StaleRecords::from_bytes(&stale.to_bytes().unwrap()), Ok(stale));
    }
}

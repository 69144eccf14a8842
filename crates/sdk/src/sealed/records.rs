//! Sealed records: written, read, changed and deleted.

use std::fmt;

use tozstore_api::paths;
use tozstore_api::sealed::{RecordView, RecordWrite, SealedErrorCode};
use tozstore_crypto::sealed::{
    DataKey, Digest, EpochId, FieldBody, FieldContent, FieldForm, FieldToSeal, Names, Plain, RecordDraft,
    RecordPlace, RecordState, RememberedRecord, SealedRecord as SealedVersion, Standing, VersionError,
    WrappedDataKey, census_leaf, verify_path,
};
use tozstore_crypto::{ClientId, RecordId};

use super::open_type::OpenType;
use super::wire::{Refusal, now_ms};
use super::{SealedClient, TypeOptions, backwards};
use crate::{Error, Fields, UntrustedData};

/// A sealed record, verified and opened.
pub struct SealedRecord {
    place: RecordPlace,
    digest: Digest,
    author: ClientId,
    written_ms: u64,
    fields: Vec<FieldContent>,
    plain: Vec<(String, String)>,
    is_deleted: bool,
    is_author_revoked: bool,
}

impl SealedRecord {
    /// Its id, drawn by its writer.
    pub fn id(&self) -> RecordId {
        self.place.record
    }

    /// Whose type it is in.
    pub fn writer(&self) -> ClientId {
        self.place.record_type.writer
    }

    /// Its type.
    pub fn record_type(&self) -> &str {
        self.place.record_type.type_name.as_str()
    }

    /// Its version, counted from 1.
    pub fn version(&self) -> u64 {
        self.place.version
    }

    /// The digest of this version.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Who signed this version: the writer, or an editor.
    pub fn author(&self) -> ClientId {
        self.author
    }

    /// When it was written by its author's clock, in milliseconds since 1970.
    pub fn written_ms(&self) -> u64 {
        self.written_ms
    }

    /// The value of a field, if it is text or JSON.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.name == name)?.expose_text()
    }

    /// All fields.
    pub fn fields(&self) -> &[FieldContent] {
        &self.fields
    }

    /// Plain metadata, which the server reads.
    pub fn plain(&self) -> &[(String, String)] {
        &self.plain
    }

    /// Whether it was deleted. Then it has no fields.
    pub fn is_deleted(&self) -> bool {
        self.is_deleted
    }

    /// Whether its author may not write any more, and no census says that the version is from before: it may have been
    /// made since, by the author together with the server.
    pub fn is_author_revoked(&self) -> bool {
        self.is_author_revoked
    }
}

impl fmt::Debug for SealedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedRecord")
            .field("place", &self.place)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

/// Tries of one write: each is under a newer epoch, or on a newer head of the log.
const MAX_TRIES: u32 = 8;

impl SealedClient {
    /// Writes a record of this client's own type, which is made if it is not there.
    ///
    /// # Errors
    /// [`Error::Refused`] if the type is interop; [`Error::Caller`] if a name or value cannot be sealed.
    pub async fn write(&self, record_type: &str, fields: Fields) -> Result<SealedRecord, Error> {
        self.write_in(self.id(), record_type, fields, Vec::new()).await
    }

    /// Writes a record with plain metadata, in a type of one's own or one that this client may edit.
    ///
    /// # Errors
    /// As for [`Self::write`].
    pub async fn write_in(
        &self,
        writer: ClientId,
        record_type: &str,
        fields: Fields,
        plain: Vec<(String, String)>,
    ) -> Result<SealedRecord, Error> {
        let record_type = self.place(writer, record_type)?;
        let place = RecordPlace { record_type, record: new_record_id()?, version: 1 };
        self.put_version(place, None, &fields, plain).await
    }

    /// Writes the next version of a record: these fields in the place of those it had, with the same plain metadata.
    ///
    /// # Errors
    /// [`Error::Conflict`] if somebody else wrote a version since it was read.
    pub async fn update(&self, record: &SealedRecord, fields: Fields) -> Result<SealedRecord, Error> {
        let place = RecordPlace { version: record.version() + 1, ..record.place.clone() };
        self.put_version(place, Some(record.digest), &fields, record.plain.clone()).await
    }

    /// Deletes a record of this client's own type, for good: a tombstone stays.
    ///
    /// # Errors
    /// [`Error::Conflict`] if somebody else wrote a version since it was read.
    pub async fn delete(&self, record: &SealedRecord) -> Result<(), Error> {
        let open = self.open_type(&record.place.record_type);
        let mut open = open.lock().await;
        self.follow(&mut open).await?;
        let place = RecordPlace { version: record.version() + 1, ..record.place.clone() };
        for _ in 0..MAX_TRIES {
            let draft = self.draft_version(&open, place.clone(), Some(record.digest))?;
            let tombstone = draft
                .delete(&self.0.keys.signing_key())
                .map_err(|_| Error::Caller("a record is deleted by its writer".to_owned()))?;
            let target = paths::sealed_record(
                place.record_type.writer,
                &place.record_type.type_name,
                place.record,
                &[],
            );
            match self.put(target, &RecordWrite::of_tombstone(tombstone.clone())).await {
                Ok(_) => return self.remember(&tombstone),
                Err(refusal) => self.make_way(&mut open, refusal).await?,
            }
        }
        Err(Error::Conflict)
    }

    /// Reads a record, as the newest version that the server shows.
    ///
    /// # Errors
    /// [`UntrustedData`] in one of its ways if anything about it does not hold.
    pub async fn read(
        &self,
        writer: ClientId,
        record_type: &str,
        record: RecordId,
    ) -> Result<SealedRecord, Error> {
        let place = self.place(writer, record_type)?;
        let open = self.open_type(&place);
        let mut open = open.lock().await;
        self.follow_once(&mut open).await?;
        let target = paths::sealed_record(writer, &place.type_name, record, &[]);
        let mut asked: Result<RecordView, Refusal> = self.get(target.clone()).await;
        let was_seen = self.state().record(&place, record).is_some();
        if was_seen && asked.as_ref().is_err_and(Refusal::is_not_found) {
            // A record does not go away. Or is this client to read no more? The log tells.
            self.follow(&mut open).await?;
            asked = self.get(target).await;
        }
        let view = asked.map_err(|refusal| {
            let seen = self.state().check_record(&place, record, None);
            match seen {
                Err(source) if refusal.is_not_found() && self.reads_all(&open) => {
                    backwards(format!("record {record}"), source)
                }
                _ => refusal.naming("this sealed record"),
            }
        })?;
        let opened = self.open_view(&mut open, Some(record), &view).await?;
        self.save_state()?;
        Ok(opened)
    }

    /// Follows the log if nothing of it was read yet: else what is read asks for more by itself.
    pub(super) async fn follow_once(&self, open: &mut OpenType) -> Result<(), Error> {
        if open.log.state().head().is_none() {
            self.follow(open).await?;
        }
        Ok(())
    }

    /// Verifies a version, in the order of section 8, and opens it.
    pub(super) async fn open_view(
        &self,
        open: &mut OpenType,
        record: Option<RecordId>,
        view: &RecordView,
    ) -> Result<SealedRecord, Error> {
        let version = view.record.version.object();
        let is_false = |reason: &dyn fmt::Display| {
            let (record, reason) = (version.place.record, reason.to_string());
            Error::from(UntrustedData::SealedRecordFalse { record, reason })
        };
        let is_asked = version.place.record_type == *open.place()
            && record.is_none_or(|record| record == version.place.record);
        if !is_asked {
            return Err(UntrustedData::WrongAnswer("record").into());
        }
        let author = self.author_chain(version.author, &version.author_bundle).await?;
        let verified = view.record.verify(&version.place, &author).map_err(|error| is_false(&error))?;
        // All are asked for. A leaf in the place of one has the digest that was signed, and would look like no field.
        if view.record.fields.iter().any(|(_, body)| matches!(body, FieldBody::Leaf(_))) {
            return Err(is_false(&"a field was left out"));
        }
        let is_deleted = version.state == RecordState::Deleted;
        let epoch = (!is_deleted).then(|| view.key.epoch());
        let mut judged = open.log.judge_version(version, epoch.as_ref(), &author);
        if matches!(judged, Err(VersionError::BasisUnknown | VersionError::EpochUnknown)) {
            // It was written on an entry that was not read yet.
            self.follow(open).await?;
            judged = open.log.judge_version(version, epoch.as_ref(), &author);
        }
        let standing = judged.map_err(|error| is_false(&error))?;
        let (number, digest) = (version.place.version, view.record.version.digest());
        self.state()
            .check_record(open.place(), version.place.record, Some((number, digest)))
            .map_err(|source| backwards(format!("record {}", version.place.record), source))?;
        if standing == Standing::CountedOrRefused {
            let counted =
                open.log.census().zip(view.census.as_ref()).is_some_and(|((_, census), (index, path))| {
                    let leaf = census_leaf(version.place.record, number, &digest);
                    verify_path(&census.root, &leaf, *index, census.count, path).is_ok()
                });
            if !counted {
                return Err(is_false(&"its author may not write any more, and no census has it"));
            }
        }
        let fields = if is_deleted {
            Vec::new()
        } else {
            let epoch = view.key.epoch();
            let wrapping_key = self.access_key(open, &epoch).await?.wrapping_key(epoch);
            let data_key =
                verified.open_data_key(&wrapping_key, &view.key).map_err(|error| is_false(&error))?;
            verified.open_fields(names(open), &data_key).map_err(|error| is_false(&error))?
        };
        // What is remembered, a completion takes for genuine: not what a former author may have signed since.
        if standing != Standing::Former {
            let seen = RememberedRecord { version: number, digest, state: version.state, used_ms: now_ms() };
            self.state().remember_record(open.place(), version.place.record, seen);
        }
        Ok(SealedRecord {
            place: version.place.clone(),
            digest,
            author: version.author,
            written_ms: version.written_ms,
            fields,
            plain: verified.plain().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            is_deleted,
            is_author_revoked: standing == Standing::Former,
        })
    }

    /// Seals a version once, and sends it until it is taken. Under a newer epoch its data key alone is wrapped anew.
    async fn put_version(
        &self,
        place: RecordPlace,
        previous: Option<Digest>,
        fields: &Fields,
        plain: Vec<(String, String)>,
    ) -> Result<SealedRecord, Error> {
        let open = self.open_type(&place.record_type);
        let mut open = open.lock().await;
        if open.log.state().head().is_none() {
            match self.follow(&mut open).await {
                Err(Error::NotFound(_)) if place.record_type.writer == self.id() => {
                    self.begin(&mut open, TypeOptions::default()).await?;
                }
                followed => drop(followed?),
            }
        }
        self.open_keys(&mut open).await?;
        let unsealable = |error: tozstore_crypto::ParseError| Error::Caller(error.to_string());
        let data_key = DataKey::generate();
        let to_seal: Vec<_> = fields
            .iter()
            .map(|(name, value)| FieldToSeal { name, form: FieldForm::Text, value: value.as_bytes() })
            .collect();
        let plain_map = Plain::new(plain.clone()).map_err(unsealable)?;
        let seal = |open: &OpenType, draft: RecordDraft| {
            let key = self.0.keys.signing_key();
            draft.seal(names(open), &to_seal, plain_map.clone(), None, &data_key, &key).map_err(unsealable)
        };
        let mut sealed = seal(&open, self.draft_version(&open, place.clone(), previous)?)?;
        let target =
            paths::sealed_record(place.record_type.writer, &place.record_type.type_name, place.record, &[]);
        for _ in 0..MAX_TRIES {
            let key = self.wrap_for_current(&mut open, &place, &data_key).await?;
            match self.put(target.clone(), &RecordWrite { record: sealed.clone(), key, upload: None }).await {
                Ok(_) => {
                    self.remember(&sealed)?;
                    let version = sealed.version.object();
                    return Ok(SealedRecord {
                        digest: sealed.version.digest(),
                        author: version.author,
                        written_ms: version.written_ms,
                        fields: open_own(&open, &sealed, &data_key)?,
                        place,
                        plain,
                        is_deleted: false,
                        is_author_revoked: false,
                    });
                }
                Err(refusal) => {
                    let is_basis = refusal.code() == Some(SealedErrorCode::BasisUnknown);
                    self.make_way(&mut open, refusal).await?;
                    if is_basis {
                        sealed = seal(&open, self.draft_version(&open, place.clone(), previous)?)?;
                    }
                }
            }
        }
        Err(Error::Conflict)
    }

    fn draft_version(
        &self,
        open: &OpenType,
        place: RecordPlace,
        previous: Option<Digest>,
    ) -> Result<RecordDraft, Error> {
        let state = open.log.state();
        if !state.may_write(self.id()) {
            return Err(Error::Caller("this client may not write records of this type".to_owned()));
        }
        Ok(RecordDraft {
            place,
            previous,
            author: self.id(),
            author_bundle: self.fingerprint(),
            basis: state.head().ok_or(Error::NotFound("the log of this type"))?,
            written_ms: now_ms(),
        })
    }

    async fn wrap_for_current(
        &self,
        open: &mut OpenType,
        place: &RecordPlace,
        data_key: &DataKey,
    ) -> Result<WrappedDataKey, Error> {
        let current: EpochId =
            open.log.state().current().ok_or(Error::NotFound("an epoch of this type"))?.id();
        Ok(self.access_key(open, &current).await?.wrapping_key(current).wrap(place, data_key))
    }

    /// Does what a refused write asks for, so that it can be sent again.
    async fn make_way(&self, open: &mut OpenType, refusal: Refusal) -> Result<(), Error> {
        match refusal.code() {
            Some(SealedErrorCode::EpochOld | SealedErrorCode::BasisUnknown) => {
                self.follow(open).await?;
                self.open_keys(open).await
            }
            Some(SealedErrorCode::RotationOwed) => {
                let decide = |open: &OpenType| Ok(Some(self.rotation(open, Vec::new())));
                self.append(open, decide).await.map(|_| ())
            }
            _ => Err(refusal.into()),
        }
    }

    /// Remembers what was written before it is acknowledged.
    fn remember(&self, sealed: &SealedVersion) -> Result<(), Error> {
        let version = sealed.version.object();
        let seen = RememberedRecord {
            version: version.place.version,
            digest: sealed.version.digest(),
            state: version.state,
            used_ms: now_ms(),
        };
        self.state().remember_record(&version.place.record_type, version.place.record, seen);
        self.save_state()
    }
}

pub(super) fn names(open: &OpenType) -> Names<'_> {
    open.ring.name_key().map_or(Names::Shown, Names::Hidden)
}

/// What was just sealed, opened again: what is given back is what is in the record.
fn open_own(open: &OpenType, sealed: &SealedVersion, data_key: &DataKey) -> Result<Vec<FieldContent>, Error> {
    sealed
        .open_own_fields(names(open), data_key)
        .map_err(|_| Error::Caller("a field does not open again".to_owned()))
}

/// A UUIDv7 (RFC 9562, section 5.7), so that records of a type stand in the order of their making.
fn new_record_id() -> Result<RecordId, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Caller(format!("the system gives no random numbers: {error}")))?;
    bytes[..6].copy_from_slice(&now_ms().to_be_bytes()[2..]);
    bytes[6] = bytes[6] & 0x0f | 0x70;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(RecordId::from_bytes(bytes))
}

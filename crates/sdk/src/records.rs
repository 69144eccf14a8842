//! Records: written, read, changed and deleted.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;

use http::Method;
use tozstore_api::{
    BatchRequest, BatchResponse, ListedRecord, MAX_BATCH_RECORDS, NoFile, Plain, Record as SealedRecord,
    RecordData, RecordMeta, RecordType, RecordWrite, RecordWriteMeta, Timestamp, paths,
};
use tozstore_crypto::{
    ClientId, RecordAuthenticity, RecordId, RecordToSign, Signature, Version, open_field, seal_fields,
};

use crate::keyring::OpenedKey;
use crate::known_keys::KeySlot;
use crate::transport::Request;
use crate::{Client, Error, Fields, UntrustedData};

/// A record, opened.
///
/// Its fields were sealed on the way; its plain metadata, its type and the names of its fields were not: the server
/// reads and searches those.
pub struct Record {
    meta: RecordMeta,
    fields: Fields,
    signature: Option<String>,
    completeness: Completeness,
}

/// Which fields of a record are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// All of them.
    Whole,
    /// Those that were asked for.
    SomeFields,
    /// None: a search without data.
    NoFields,
}

impl Record {
    /// Its id, given by the server.
    pub fn id(&self) -> RecordId {
        self.meta.record_id
    }

    /// Its version, new at every change.
    pub fn version(&self) -> Version {
        self.meta.version
    }

    /// The client that wrote it.
    pub fn writer(&self) -> ClientId {
        self.meta.writer_id
    }

    /// Whom it is about: the writer, in practice.
    pub fn user(&self) -> ClientId {
        self.meta.user_id
    }

    /// Its type.
    pub fn record_type(&self) -> &str {
        self.meta.record_type.as_str()
    }

    /// When it was written, by the server's clock.
    pub fn created(&self) -> Timestamp {
        self.meta.created
    }

    /// When it was changed last, by the server's clock.
    pub fn last_modified(&self) -> Timestamp {
        self.meta.last_modified
    }

    /// Its plain metadata, which the server reads.
    pub fn plain(&self) -> &Plain {
        &self.meta.plain
    }

    /// Its plain metadata, to be changed by [`Client::update`].
    pub fn plain_mut(&mut self) -> &mut Plain {
        &mut self.meta.plain
    }

    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.value(name)
    }

    /// All fields.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// All fields, to be changed by [`Client::update`].
    pub fn fields_mut(&mut self) -> &mut Fields {
        &mut self.fields
    }

    /// Adds a field or replaces its value, here; [`Client::update`] writes it.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.fields.insert(name, value);
    }

    /// Which of its fields are here. Only a whole record can be updated.
    pub fn completeness(&self) -> Completeness {
        self.completeness
    }

    /// Its file, if it has one.
    pub fn file(&self) -> Option<crate::File> {
        crate::File::of(self.meta.clone())
    }

    /// The signature that came with it, unchecked: see [`Client::verify_signature`].
    pub fn signature(&self) -> Option<&str> {
        self.signature.as_deref()
    }

    pub(crate) fn slot(&self) -> KeySlot {
        slot_of(&self.meta)
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { meta, fields, signature: _, completeness } = self;
        f.debug_struct("Record")
            .field("id", &meta.record_id)
            .field("version", &meta.version)
            .field("writer", &meta.writer_id)
            .field("type", &meta.record_type.as_str())
            .field("fields", fields)
            .field("completeness", completeness)
            .finish_non_exhaustive()
    }
}

/// A record that is about to be written, see [`Client::write`]. Await it to write it.
#[must_use = "a record is written when this is awaited"]
pub struct Write {
    client: Client,
    record_type: String,
    fields: Result<Fields, Error>,
    plain: Plain,
}

impl Write {
    pub(crate) fn new(client: &Client, record_type: &str, fields: Result<Fields, Error>) -> Self {
        Self { client: client.clone(), record_type: record_type.to_owned(), fields, plain: Plain::default() }
    }

    /// Adds an entry of plain metadata, which the server reads and searches.
    pub fn plain(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.plain.insert(name, value);
        self
    }

    /// Adds many entries of plain metadata.
    pub fn plain_entries<K: Into<String>, V: Into<String>>(
        mut self,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        for (name, value) in entries {
            self.plain.insert(name, value);
        }
        self
    }
}

impl IntoFuture for Write {
    type Output = Result<Record, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let record_type = Client::checked_type(&self.record_type)?;
            self.client.write_record(record_type, self.fields?, self.plain).await
        })
    }
}

impl Client {
    /// Writes a record: `client.write("note", fields! { "text" => "…" }).plain("folder", "a").await?`.
    ///
    /// Values are sealed here. Type, names of fields and plain metadata are not.
    ///
    /// # Errors
    /// [`Error::Unanswered`] if the connection broke: the record may be there. A write is never repeated by itself,
    /// since that could make two records.
    pub fn write(&self, record_type: &str, fields: impl Into<Fields>) -> Write {
        Write::new(self, record_type, Ok(fields.into()))
    }

    /// Reads a record.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not there or not shared with this client, [`Error::Untrusted`] if it does not
    /// open.
    pub async fn read(&self, record_id: RecordId) -> Result<Record, Error> {
        self.open(self.read_sealed(record_id, &[]).await?, Completeness::Whole).await
    }

    /// Reads some fields of a record. Names that it does not have are left out.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub async fn read_fields(&self, record_id: RecordId, names: &[&str]) -> Result<Record, Error> {
        if names.is_empty() {
            return Err(Error::Caller("name at least one field".to_owned()));
        }
        self.open(self.read_sealed(record_id, names).await?, Completeness::SomeFields).await
    }

    /// Reads many records. Those that are not there or not shared with this client are left out; the others come in
    /// the order of `record_ids`.
    ///
    /// # Errors
    /// As for [`read`](Self::read), save that nothing is not found.
    pub async fn read_many(&self, record_ids: &[RecordId]) -> Result<Vec<Record>, Error> {
        let mut records = Vec::with_capacity(record_ids.len());
        for chunk in record_ids.chunks(MAX_BATCH_RECORDS) {
            let body = BatchRequest { record_ids: chunk.to_vec(), include_data: true };
            let answer = self.send(Request::get(paths::RECORDS.to_owned()).json(&body)?).await?;
            let found: BatchResponse = answer.json()?;
            for listed in found.records {
                if !chunk.contains(&listed.meta.record_id) {
                    return Err(UntrustedData::WrongAnswer("record").into());
                }
                records.push(self.open_listed(listed, true).await?);
            }
        }
        Ok(records)
    }

    /// Writes a changed record back: all of its fields and plain metadata. Its version and date are renewed.
    ///
    /// # Errors
    /// [`Error::Conflict`] if somebody changed it since it was read; `record` is as it was then, and so is the server's
    /// but for that change. An update that was repeated, because the connection broke, and that was done is never a
    /// conflict: if it cannot be told, since others changed the record too, that is [`Error::Unanswered`].
    pub async fn update(&self, record: &mut Record) -> Result<(), Error> {
        let path = if record.writer() == self.id() {
            paths::record_safe(record.id(), record.version())
        } else {
            paths::record_edit(record.id(), record.version())
        };
        self.update_at(path, record).await
    }

    /// Writes a changed record back to one of the paths that take it.
    pub(crate) async fn update_at(&self, path: String, record: &mut Record) -> Result<(), Error> {
        if record.completeness != Completeness::Whole {
            return Err(Error::Caller(
                "only some fields of this record were read: an update would drop the others".to_owned(),
            ));
        }
        let key = if record.writer() == self.id() {
            self.own_key(&record.meta.record_type).await?
        } else {
            self.key_to_read(&record.slot(), Some(record.id())).await?
        };
        let body = self.seal(&record.meta, &record.fields, &key);
        let stored: SealedRecord = match self.send(Request::put(path).json(&body)?).await {
            Ok(answer) => answer.json()?,
            // An earlier try may have been done although its answer was lost. Sealed fields are never the same twice:
            // if the server has ours, it was.
            Err(failure) if failure.status == Some(409) && failure.was_repeated => {
                let stored = self.read_sealed(record.id(), &[]).await?;
                if stored.data != body.data {
                    // Somebody was first, or came after ours.
                    return Err(Error::Unanswered(
                        "somebody changed the record meanwhile, so it cannot be told".to_owned(),
                    ));
                }
                stored
            }
            Err(failure) => return Err(failure.naming("the record")),
        };
        check_stored(&stored, &body)?;
        if stored.meta.record_id != record.id() {
            return Err(UntrustedData::WrongAnswer("record").into());
        }
        record.meta = stored.meta;
        record.signature = stored.rec_sig;
        Ok(())
    }

    /// Deletes a record if it still has this version.
    ///
    /// # Errors
    /// [`Error::Conflict`] if somebody changed it since.
    pub async fn delete(&self, record_id: RecordId, version: Version) -> Result<(), Error> {
        self.delete_at(record_id, paths::record_safe(record_id, version)).await
    }

    /// Deletes a record whatever its version.
    ///
    /// # Errors
    /// [`Error::Refused`] if it is not there or not this client's: the server does not say which.
    pub async fn delete_any(&self, record_id: RecordId) -> Result<(), Error> {
        self.delete_at(record_id, paths::record(record_id, &[])).await
    }

    /// Checks the signature of a record, if it has one: most clients write none, and this one only if told to. The
    /// writer's key comes from the server unless it is known. What is covered: type, writer, user, plain metadata and
    /// fields; not the record's id, version and dates.
    ///
    /// # Errors
    /// [`Error::Untrusted`] if there is a signature and it is not the writer's for this record.
    pub async fn verify_signature(&self, record: &Record) -> Result<RecordAuthenticity, Error> {
        if record.completeness != Completeness::Whole {
            return Err(Error::Caller("a signature covers all fields, and only some were read".to_owned()));
        }
        let Some(signature) = record.signature() else { return Ok(RecordAuthenticity::Unsigned) };
        let false_signature = || UntrustedData::SignatureFalse { record: record.id() };
        let signature: Signature = signature.parse().map_err(|_| false_signature())?;
        let key = if record.writer() == self.id() {
            self.credentials().public_signing_key()
        } else {
            self.info(record.writer()).await?.signing_key
        };
        let key = key.ok_or_else(false_signature)?;
        let verdict = with_record_to_sign(&record.meta, &record.fields, |to_sign| {
            to_sign.verify(Some(&signature), &key)
        });
        Ok(verdict.map_err(|_| false_signature())?)
    }

    async fn write_record(
        &self,
        record_type: RecordType,
        fields: Fields,
        plain: Plain,
    ) -> Result<Record, Error> {
        if fields.is_empty() {
            return Err(Error::Caller("a record has at least one field".to_owned()));
        }
        let key = self.own_key(&record_type).await?;
        // Id, version and dates are the server's; they are not part of what is sent.
        let nothing = [0; 16];
        let meta = RecordMeta {
            record_id: RecordId::from_bytes(nothing),
            version: Version::from_bytes(nothing),
            writer_id: self.id(),
            user_id: self.id(),
            record_type,
            plain,
            created: Timestamp::default(),
            last_modified: Timestamp::default(),
            file_meta: None,
        };
        let body = self.seal(&meta, &fields, &key);
        let answer = self.send(Request::post(paths::RECORDS.to_owned()).json(&body)?).await?;
        let stored: SealedRecord = answer.json()?;
        check_stored(&stored, &body)?;
        Ok(Record { meta: stored.meta, fields, signature: stored.rec_sig, completeness: Completeness::Whole })
    }

    /// Opens a record of a listing. Without data it has no fields.
    pub(crate) async fn open_listed(&self, listed: ListedRecord, with_data: bool) -> Result<Record, Error> {
        let ListedRecord { meta, record_data, access_key, rec_sig, group_access_key } = listed;
        if !with_data {
            let completeness = Completeness::NoFields;
            return Ok(Record { meta, fields: Fields::default(), signature: rec_sig, completeness });
        }
        let data = record_data.ok_or(UntrustedData::WrongAnswer("amount of data"))?;
        let slot = slot_of(&meta);
        let key =
            self.key_from(&slot, meta.record_id, access_key.as_ref(), group_access_key.as_ref()).await?;
        let fields = open_all(&meta, &data, &key)?;
        Ok(Record { meta, fields, signature: rec_sig, completeness: Completeness::Whole })
    }

    pub(crate) async fn read_sealed(
        &self,
        record_id: RecordId,
        names: &[&str],
    ) -> Result<SealedRecord, Error> {
        let request = Request::get(paths::record(record_id, names));
        let answer = self.send(request).await.map_err(|failure| failure.naming("the record"))?;
        let sealed: SealedRecord = answer.json()?;
        if sealed.meta.record_id != record_id {
            return Err(UntrustedData::WrongAnswer("record").into());
        }
        Ok(sealed)
    }

    async fn open(&self, sealed: SealedRecord, completeness: Completeness) -> Result<Record, Error> {
        let key = self.key_to_read(&slot_of(&sealed.meta), Some(sealed.meta.record_id)).await?;
        let fields = open_all(&sealed.meta, &sealed.data, &key)?;
        Ok(Record { meta: sealed.meta, fields, signature: sealed.rec_sig, completeness })
    }

    fn seal(&self, meta: &RecordMeta, fields: &Fields, key: &OpenedKey) -> RecordWrite {
        let rec_sig = match self.credentials().signing_key() {
            Some(pair) if self.signs_records() => {
                Some(with_record_to_sign(meta, fields, |to_sign| to_sign.sign(pair)).to_string())
            }
            _ => None,
        };
        let data: RecordData = seal_fields(&key.key, fields.iter());
        RecordWrite {
            meta: RecordWriteMeta {
                writer_id: meta.writer_id,
                user_id: meta.user_id,
                record_type: meta.record_type.clone(),
                plain: meta.plain.clone(),
                file_meta: NoFile,
            },
            data,
            rec_sig,
        }
    }

    async fn delete_at(&self, record_id: RecordId, path: String) -> Result<(), Error> {
        let failure = match self.send(Request::new(Method::DELETE, path)).await {
            Ok(_) => return Ok(()),
            Err(failure) => failure,
        };
        // An earlier try may have been done although its answer was lost.
        let is_gone = matches!(failure.status, Some(403 | 404 | 409))
            && failure.was_repeated
            && matches!(self.read_sealed(record_id, &["-"]).await, Err(Error::NotFound(_)));
        if is_gone { Ok(()) } else { Err(failure.naming("the record")) }
    }
}

pub(crate) fn slot_of(meta: &RecordMeta) -> KeySlot {
    KeySlot { writer: meta.writer_id, user: meta.user_id, record_type: meta.record_type.clone() }
}

fn open_all(meta: &RecordMeta, data: &RecordData, key: &Arc<OpenedKey>) -> Result<Fields, UntrustedData> {
    let mut fields = Fields::default();
    for (name, sealed) in data.fields() {
        let value = open_field(&key.key, sealed)
            .map_err(|_| UntrustedData::FieldUnreadable { record: meta.record_id, field: name.to_owned() })?;
        fields.insert_secret(name.to_owned(), value);
    }
    Ok(fields)
}

/// The server must have stored what was sent.
fn check_stored(stored: &SealedRecord, sent: &RecordWrite) -> Result<(), UntrustedData> {
    let meta = &stored.meta;
    let same = meta.writer_id == sent.meta.writer_id
        && meta.user_id == sent.meta.user_id
        && meta.record_type == sent.meta.record_type
        && stored.data == sent.data;
    if same { Ok(()) } else { Err(UntrustedData::WrongAnswer("record")) }
}

fn with_record_to_sign<T>(
    meta: &RecordMeta,
    fields: &Fields,
    use_it: impl FnOnce(RecordToSign<'_>) -> T,
) -> T {
    let plain: Vec<_> = meta.plain.entries().collect();
    let data: Vec<_> = fields.iter().collect();
    use_it(RecordToSign {
        writer_id: meta.writer_id,
        user_id: meta.user_id,
        record_type: meta.record_type.as_str(),
        plain: &plain,
        data: Some(&data),
    })
}

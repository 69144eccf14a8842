//! Notes: fields sealed for the holder of one pair of keys, who needs not be a client.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;

use http::Method;
use tokio::io::AsyncRead;
use tozstore_api::{
    ChallengeNote, ChallengedNote, ExtendedPolicies, MAX_NOTE_NAME_BYTES, Note as AnsweredNote, NoteWrite,
    Plain, PrimeNote, PrimedNote, SecretText, Timestamp, UNLIMITED_VIEWS, paths,
};
use tozstore_crypto::{
    ClientId, EncryptionPrivateKey, EncryptionPublicKey, NoteError, NoteId, NoteToSeal, NoteWriter,
    SealedNote, SigningKeyPair, SigningPublicKey,
};

use crate::client::sign;
use crate::file_bytes::Progress;
use crate::note_files::{self, Content, NoteFile, Report};
use crate::transport::{Answer, Failure, Repeat, Request, Transport};
use crate::{Client, Error, Fields, Limits, UntrustedData};

/// Somebody with a pair of keys who is no client of the server: writes notes without names, and reads those that are
/// for its keys. Cheap to clone.
#[derive(Clone)]
pub struct Stranger(Arc<StrangerParts>);

struct StrangerParts {
    transport: Transport,
    encryption_key: EncryptionPrivateKey,
    signing_key: SigningKeyPair,
}

impl Stranger {
    /// Somebody with fresh keys. They are gone with it.
    ///
    /// # Errors
    /// [`Error::Caller`] if the address is none.
    pub fn generate(api_url: &str) -> Result<Self, Error> {
        Self::new(api_url, EncryptionPrivateKey::generate(), SigningKeyPair::generate())
    }

    /// Somebody with these keys.
    ///
    /// # Errors
    /// [`Error::Caller`] if the address is none.
    pub fn new(
        api_url: &str,
        encryption_key: EncryptionPrivateKey,
        signing_key: SigningKeyPair,
    ) -> Result<Self, Error> {
        let transport = Transport::new(api_url, Limits::default())?;
        Ok(Self(Arc::new(StrangerParts { transport, encryption_key, signing_key })))
    }

    /// The public keys, to be given to those who write notes for it, or expect notes from it.
    pub fn public_keys(&self) -> NoteWriter {
        NoteWriter {
            encryption_key: self.0.encryption_key.public_key(),
            signing_key: self.0.signing_key.public_key(),
        }
    }

    /// As [`Client::write_note`]. A name is not for strangers.
    pub fn write_note(&self, recipient: NoteWriter, fields: impl Into<Fields>) -> WriteNote {
        WriteNote::new(Actor::Stranger(self.clone()), NoteRecipient::Keys(recipient), fields.into())
    }

    /// As [`Client::read_note`].
    ///
    /// # Errors
    /// The same.
    pub async fn read_note(&self, id: NoteId, writer: ExpectedWriter) -> Result<Note, Error> {
        Actor::Stranger(self.clone()).read(&Wanted::Id(id), writer, None).await
    }

    /// As [`Client::read_note_by_name`].
    ///
    /// # Errors
    /// The same.
    pub async fn read_note_by_name(&self, name: &str, writer: ExpectedWriter) -> Result<Note, Error> {
        Actor::Stranger(self.clone()).read(&Wanted::Name(name), writer, None).await
    }

    /// As [`Client::note_views`].
    ///
    /// # Errors
    /// The same.
    pub async fn note_views(&self, id: NoteId) -> Result<Option<u64>, Error> {
        Actor::Stranger(self.clone()).views(id).await
    }

    /// As [`Client::delete_note`].
    ///
    /// # Errors
    /// The same.
    pub async fn delete_note(&self, id: NoteId) -> Result<(), Error> {
        Actor::Stranger(self.clone()).delete(id).await
    }
}

impl fmt::Debug for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stranger").field("public_keys", &self.public_keys()).finish_non_exhaustive()
    }
}

/// For whom a note is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum NoteRecipient {
    /// A client. Its keys come from the server unless they are known: see [`crate::ClientInfo::fingerprint`].
    Client(ClientId),
    /// Whoever holds these keys.
    Keys(NoteWriter),
}

impl From<ClientId> for NoteRecipient {
    fn from(id: ClientId) -> Self {
        Self::Client(id)
    }
}

impl From<NoteWriter> for NoteRecipient {
    fn from(keys: NoteWriter) -> Self {
        Self::Keys(keys)
    }
}

/// By whom a note must be. A note carries its writer's keys with it: unless the reader knows which to expect, it may be
/// by anybody, the server included.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ExpectedWriter {
    /// By anybody.
    Anyone,
    /// By this client. Its keys come from the server unless they are known.
    Client(ClientId),
    /// By whoever holds these keys.
    Keys(NoteWriter),
}

/// A note, opened: every field was signed by [`writer`](Self::writer). Left out fields, and everything beside the fields,
/// are covered by no signature.
pub struct Note {
    meta: NoteMeta,
    fields: Fields,
    writer: NoteWriter,
    file: Option<NoteFile>,
}

impl Note {
    /// What the server says of it.
    pub const fn meta(&self) -> &NoteMeta {
        &self.meta
    }

    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.value(name)
    }

    /// All fields.
    pub const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The file that goes with it. That there is none is the server's word.
    pub const fn file(&self) -> Option<&NoteFile> {
        self.file.as_ref()
    }

    /// Who wrote it: the keys that it carries, which are proven only if they were expected.
    pub const fn writer(&self) -> NoteWriter {
        self.writer
    }
}

impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Note").field("meta", &self.meta).field("fields", &self.fields).finish_non_exhaustive()
    }
}

/// What the server says of a note. Nothing of it is proven.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NoteMeta {
    /// Its id.
    pub id: NoteId,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The client that wrote it, if it was one.
    pub client_id: Option<ClientId>,
    /// Plain metadata.
    pub plain: Plain,
    /// When it was written.
    pub created: Timestamp,
    /// How often it may be read, if that is limited.
    pub max_views: Option<u64>,
    /// How often it was read.
    pub views: u64,
    /// Until when it may be read, if it lapses.
    pub expires: Option<Timestamp>,
}

/// A note that is about to be written. Await it to write it.
#[must_use = "a note is written when this is awaited"]
pub struct WriteNote {
    actor: Actor,
    recipient: NoteRecipient,
    fields: Fields,
    name: String,
    replace: bool,
    plain: Plain,
    max_views: i64,
    expires: Option<Timestamp>,
    policies: ExtendedPolicies,
    file: Option<Content>,
    report: Option<Report>,
}

impl WriteNote {
    fn new(actor: Actor, recipient: NoteRecipient, fields: Fields) -> Self {
        Self {
            actor,
            recipient,
            fields,
            name: String::new(),
            replace: false,
            plain: Plain::default(),
            max_views: UNLIMITED_VIEWS,
            expires: None,
            policies: ExtendedPolicies::default(),
            file: None,
            report: None,
        }
    }

    /// Its name, by which it can be read and replaced. No other note on the server has the same, and everybody can find
    /// out whether one has.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds an entry of plain metadata, which the server reads.
    pub fn plain(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.plain.insert(name, value);
        self
    }

    /// How often it may be read, at least once. The server counts.
    pub fn max_views(mut self, views: u32) -> Self {
        self.max_views = i64::from(views.max(1));
        self
    }

    /// Until when it may be read, by the server's clock.
    pub fn expires(mut self, at: Timestamp) -> Self {
        self.expires = Some(at);
        self
    }

    /// What the server asks of a reader besides the key.
    pub fn policies(mut self, policies: ExtendedPolicies) -> Self {
        self.policies = policies;
        self
    }

    /// A file that goes with it: all that `content` gives, sealed here in constant memory. The sealed bytes are kept in a
    /// temporary file until they are sent (see `TMPDIR`). Such a note takes the place of no other, and is not for
    /// strangers to write.
    pub fn file(mut self, content: impl AsyncRead + Send + Unpin + 'static) -> Self {
        self.file = Some(Box::new(content));
        self
    }

    /// Is called as the bytes of the file are sent.
    pub fn progress(mut self, report: impl FnMut(Progress) + Send + 'static) -> Self {
        self.report = Some(Box::new(report));
        self
    }
}

impl IntoFuture for WriteNote {
    type Output = Result<NoteMeta, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.send().await })
    }
}

impl WriteNote {
    async fn send(self) -> Result<NoteMeta, Error> {
        let Self {
            actor,
            recipient,
            fields,
            name,
            replace,
            plain,
            max_views,
            expires,
            policies,
            file,
            report,
        } = self;
        if fields.is_empty() && file.is_none() {
            return Err(Error::Caller("a note has at least one field, or a file".to_owned()));
        }
        if name.len() > MAX_NOTE_NAME_BYTES || replace && name.is_empty() {
            return Err(Error::Caller(format!("the name of a note has 1 to {MAX_NOTE_NAME_BYTES} bytes")));
        }
        if !name.is_empty() && matches!(actor, Actor::Stranger(_)) {
            return Err(Error::Caller("only clients give names to notes".to_owned()));
        }
        if file.is_some() && (replace || matches!(actor, Actor::Stranger(_))) {
            return Err(Error::Caller(
                "a note with a file is written by a client, and not in place of another: delete that one"
                    .to_owned(),
            ));
        }
        let recipient = actor.keys_of(recipient).await?;
        let pairs: Vec<_> = fields.iter().collect();
        let (encryption_key, signing_key) = actor.keys()?;
        let (sealed, access_key) = NoteToSeal {
            fields: &pairs,
            writer_encryption_key: encryption_key,
            writer_signing_key: signing_key,
            recipient_encryption_key: &recipient.encryption_key,
            recipient_signing_key: &recipient.signing_key,
        }
        .seal()
        .map_err(|error| Error::Caller(error.to_string()))?;
        let body = NoteWrite {
            id_string: name,
            mode: sealed.mode,
            recipient_signing_key: sealed.recipient_signing_key,
            writer_signing_key: sealed.writer_signing_key,
            writer_encryption_key: sealed.writer_encryption_key.to_string(),
            encrypted_access_key: sealed.encrypted_access_key.to_string(),
            note_type: String::new(),
            data: sealed.data.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            plain,
            file_meta: Plain::default(),
            signature: sealed.signature,
            max_views,
            expiration: expires,
            expires: expires.is_some(),
            eacp: policies,
            record_id: None,
            is_secret: false,
        };
        let (answer, body) = match file {
            Some(content) => note_files::write(&actor, body, &access_key, content, report).await?,
            None => {
                let target = paths::NOTES.to_owned();
                let request = if replace { Request::put(target) } else { Request::post(target) };
                (actor.send_note(request.json(&body)?).await?, body)
            }
        };
        let written: AnsweredNote = answer.json()?;
        if written.data != body.data || written.id_string != body.id_string {
            return Err(UntrustedData::WrongAnswer("note").into());
        }
        Ok(meta(written))
    }
}

impl Client {
    /// Writes a note: `client.write_note(recipient, fields! { "text" => "…" }).max_views(1).await?`.
    ///
    /// Values are sealed here, for the recipient alone: not even this client can read them again.
    ///
    /// # Errors
    /// [`Error::Refused`] (409) if there is a note of that name, [`Error::Unanswered`] if the connection broke: the note may
    /// be there.
    pub fn write_note(&self, recipient: impl Into<NoteRecipient>, fields: impl Into<Fields>) -> WriteNote {
        WriteNote::new(Actor::Client(self.clone()), recipient.into(), fields.into())
    }

    /// Writes a note in place of this client's note of that name, if there is one.
    ///
    /// # Errors
    /// As for [`write_note`](Self::write_note); [`Error::Refused`] if the name is that of another client's note.
    pub fn replace_note(
        &self,
        name: &str,
        recipient: impl Into<NoteRecipient>,
        fields: impl Into<Fields>,
    ) -> WriteNote {
        WriteNote { replace: true, ..self.write_note(recipient, fields).name(name) }
    }

    /// Reads a note for this client. That counts as a view, and is never repeated by itself.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not there, or no longer; [`Error::Credentials`] if it is for other keys, or asks for
    /// more than a key; [`Error::Untrusted`] if it does not open, or is by another writer than expected.
    pub async fn read_note(&self, id: NoteId, writer: ExpectedWriter) -> Result<Note, Error> {
        Actor::Client(self.clone()).read(&Wanted::Id(id), writer, None).await
    }

    /// Reads a note that asks for a code, with the code.
    ///
    /// # Errors
    /// As for [`read_note`](Self::read_note).
    pub async fn read_note_with_code(
        &self,
        id: NoteId,
        writer: ExpectedWriter,
        code: &str,
    ) -> Result<Note, Error> {
        Actor::Client(self.clone()).read(&Wanted::Id(id), writer, Some(NoteCode::Given(code))).await
    }

    /// Asks the server to send the code that a note wants by e-mail, to the address that its writer named. Says until when
    /// that code is good; none if the note asks for none.
    ///
    /// # Errors
    /// [`Error::Refused`] (429) if too many were sent, [`Error::Server`] (501) if this server sends no mail; otherwise as
    /// for [`read_note`](Self::read_note).
    pub async fn challenge_note(&self, id: NoteId) -> Result<Option<Timestamp>, Error> {
        let mut request = Request::new(Method::PATCH, Wanted::Id(id).target(paths::NOTE_CHALLENGE));
        // It sends a mail.
        request.repeat = Repeat::Doubles;
        let answer = self.send_signed(request.json(&ChallengeNote::default())?).await;
        let challenged: ChallengedNote = answer.map_err(|failure| failure.naming("the note"))?.json()?;
        Ok(challenged.email_eacp.map(|mailed| mailed.expires_at))
    }

    /// Reads a note that asks for a code sent by e-mail, with that code: see [`challenge_note`](Self::challenge_note).
    ///
    /// # Errors
    /// As for [`read_note`](Self::read_note).
    pub async fn read_note_with_mailed_code(
        &self,
        id: NoteId,
        writer: ExpectedWriter,
        code: &str,
    ) -> Result<Note, Error> {
        Actor::Client(self.clone()).read(&Wanted::Id(id), writer, Some(NoteCode::Mailed(code))).await
    }

    /// A code that opens a note of this client once, for ten minutes: see
    /// [`read_note_with_code`](Self::read_note_with_code). It takes the place of an older one.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the note is not there or not this client's, [`Error::Refused`] if it asks for no code.
    pub async fn prime_note(&self, id: NoteId) -> Result<SecretText, Error> {
        let request = Request::new(Method::PATCH, Wanted::Id(id).target(paths::NOTE_PRIME));
        let answer = self.send_signed(request.json(&PrimeNote::default())?).await;
        let primed: PrimedNote = answer.map_err(|failure| failure.naming("the note"))?.json()?;
        Ok(primed.otp.password)
    }

    /// Reads a note for this client by its name. What is under a name is the server's word: another note of the same
    /// writer, or an older one, may be given out instead.
    ///
    /// # Errors
    /// As for [`read_note`](Self::read_note).
    pub async fn read_note_by_name(&self, name: &str, writer: ExpectedWriter) -> Result<Note, Error> {
        Actor::Client(self.clone()).read(&Wanted::Name(name), writer, None).await
    }

    /// How often a note can still be read; none for as often as one likes.
    ///
    /// # Errors
    /// As for [`read_note`](Self::read_note).
    pub async fn note_views(&self, id: NoteId) -> Result<Option<u64>, Error> {
        Actor::Client(self.clone()).views(id).await
    }

    /// Deletes a note that this client wrote.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not there or not this client's.
    pub async fn delete_note(&self, id: NoteId) -> Result<(), Error> {
        Actor::Client(self.clone()).delete(id).await
    }
}

/// Who acts.
pub(crate) enum Actor {
    Client(Client),
    Stranger(Stranger),
}

/// What opens a note besides the key.
#[derive(Clone, Copy)]
enum NoteCode<'a> {
    /// By the writer.
    Given(&'a str),
    /// By e-mail.
    Mailed(&'a str),
}

/// Which note.
enum Wanted<'a> {
    Id(NoteId),
    Name(&'a str),
}

impl Actor {
    fn keys(&self) -> Result<(&EncryptionPrivateKey, &SigningKeyPair), Error> {
        match self {
            Self::Client(client) => {
                let credentials = client.credentials();
                let none = || Error::Credentials("these credentials have no signing key".to_owned());
                Ok((credentials.encryption_key(), credentials.signing_key().ok_or_else(none)?))
            }
            Self::Stranger(stranger) => Ok((&stranger.0.encryption_key, &stranger.0.signing_key)),
        }
    }

    async fn send(&self, request: Request) -> Result<Answer, Failure> {
        match self {
            Self::Client(client) => client.send_signed(request).await,
            Self::Stranger(stranger) => {
                let sign = |request: &Request| sign(request, None, &stranger.0.signing_key);
                stranger.0.transport.send_signed(&request, &sign).await
            }
        }
    }

    /// Sends a request that writes a note.
    pub(crate) async fn send_note(&self, mut request: Request) -> Result<Answer, Error> {
        request.repeat = Repeat::Doubles;
        self.send(request).await.map_err(|failure| match failure.error {
            // Nothing was read before that could have changed since.
            Error::Conflict => Error::Refused {
                status: 409,
                message: "there is a note of this name".to_owned(),
                request_id: failure.request_id,
            },
            error => error,
        })
    }

    pub(crate) fn transport(&self) -> &Transport {
        match self {
            Self::Client(client) => client.transport(),
            Self::Stranger(stranger) => &stranger.0.transport,
        }
    }

    async fn keys_of(&self, recipient: NoteRecipient) -> Result<NoteWriter, Error> {
        match (recipient, self) {
            (NoteRecipient::Keys(keys), _) => Ok(keys),
            (NoteRecipient::Client(id), Self::Client(client)) => client.note_keys_of(id).await,
            (NoteRecipient::Client(_), Self::Stranger(_)) => {
                Err(Error::Caller("only a client can look up the keys of a client".to_owned()))
            }
        }
    }

    async fn read(
        &self,
        wanted: &Wanted<'_>,
        writer: ExpectedWriter,
        code: Option<NoteCode<'_>>,
    ) -> Result<Note, Error> {
        let pinned = match writer {
            ExpectedWriter::Anyone => None,
            ExpectedWriter::Client(id) => Some(self.keys_of(NoteRecipient::Client(id)).await?),
            ExpectedWriter::Keys(keys) => Some(keys),
        };
        let mut target = wanted.target(paths::NOTES);
        if let Some(code) = code {
            let (name, code) = match code {
                NoteCode::Given(code) => ("tozny_otp", code),
                NoteCode::Mailed(code) => ("email_otp", code),
            };
            target.push_str(&format!("&{name}={}", paths::segment(code)));
        }
        let mut request = Request::get(target);
        // It counts as a view.
        request.repeat = Repeat::Doubles;
        let answer = self.send(request).await.map_err(|failure| failure.naming("the note"))?;
        let (note, sealed): (AnsweredNote, SealedNote) = (answer.json()?, answer.json()?);
        let is_wanted = match wanted {
            Wanted::Id(id) => note.note_id == *id,
            Wanted::Name(name) => note.id_string == *name,
        };
        let (encryption_key, signing_key) = self.keys()?;
        if !is_wanted || sealed.recipient_signing_key != signing_key.public_key() {
            return Err(UntrustedData::WrongAnswer("note").into());
        }
        let id = note.note_id;
        let opened = sealed.open(encryption_key, pinned.as_ref()).map_err(|error| match error {
            NoteError::OtherWriter => UntrustedData::NoteByOtherWriter { note: id },
            NoteError::Verify(_) => UntrustedData::NoteSignatureFalse { note: id },
            _ => UntrustedData::NoteUnreadable { note: id },
        })?;
        let mut fields = Fields::default();
        for (name, value) in opened.fields.iter() {
            fields.insert(name, value);
        }
        let file = NoteFile::of(&note, opened.access_key, self.transport());
        Ok(Note { meta: meta(note), fields, writer: opened.writer, file })
    }

    async fn views(&self, id: NoteId) -> Result<Option<u64>, Error> {
        let request = Request::get(Wanted::Id(id).target(paths::NOTE_VIEWS));
        let left: i64 = self.send(request).await.map_err(|failure| failure.naming("the note"))?.json()?;
        Ok(u64::try_from(left).ok())
    }

    async fn delete(&self, id: NoteId) -> Result<(), Error> {
        match self.send(Request::delete(paths::note(id))).await {
            // An earlier try was done, and its answer lost.
            Err(failure) if failure.was_repeated && failure.is_not_found() => Ok(()),
            Err(failure) => Err(failure.naming("the note")),
            Ok(_) => Ok(()),
        }
    }
}

impl Wanted<'_> {
    fn target(&self, path: &str) -> String {
        match self {
            Self::Id(id) => format!("{path}?note_id={id}"),
            Self::Name(name) => format!("{path}?id_string={}", paths::segment(name)),
        }
    }
}

impl Client {
    async fn note_keys_of(&self, id: ClientId) -> Result<NoteWriter, Error> {
        let (encryption_key, signing_key): (EncryptionPublicKey, Option<SigningPublicKey>) =
            if id == self.id() {
                (self.credentials().public_key(), self.credentials().public_signing_key())
            } else {
                let info = self.info(id).await?;
                let none = || Error::Caller(format!("client {id} has no Curve25519 key"));
                (info.public_key.ok_or_else(none)?, info.signing_key)
            };
        let none = || Error::Caller(format!("client {id} has no signing key, which notes need"));
        Ok(NoteWriter { encryption_key, signing_key: signing_key.ok_or_else(none)? })
    }
}

fn meta(note: AnsweredNote) -> NoteMeta {
    NoteMeta {
        id: note.note_id,
        name: Some(note.id_string).filter(|name| !name.is_empty()),
        client_id: note.client_id,
        plain: note.plain,
        created: note.created_at,
        max_views: u64::try_from(note.max_views).ok().filter(|most| *most > 0),
        views: note.views,
        expires: note.expiration.filter(|_| note.expires),
    }
}

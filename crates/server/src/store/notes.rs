//! Notes: sealed fields for the holder of one signing key.

use tozstore_api::{ExtendedPolicies, Plain, Timestamp};
use tozstore_crypto::{AccountId, ClientId, NoteId, RecordId, SigningPublicKey};

use super::{StoreError, StoredFile};

/// A note.
#[derive(Clone, Debug, PartialEq)]
pub struct NoteRow {
    /// All but the data.
    pub head: NoteHead,
    /// The sealed fields: a JSON object of strings, as it was sent. The server does not read it.
    pub data: String,
}

/// A note without its data. It never changes, save for its [`uses`](Self::uses).
#[derive(Clone, Debug, PartialEq)]
pub struct NoteHead {
    /// Its id.
    pub id: NoteId,
    /// Its name; unique.
    pub name: Option<String>,
    /// The client that wrote it, and its account; none if it was nobody that the server knows.
    pub writer: Option<(ClientId, AccountId)>,
    /// Who may read it.
    pub recipient_key: SigningPublicKey,
    /// Who says that it wrote it.
    pub writer_key: SigningPublicKey,
    /// Short texts that the server passes on.
    pub texts: NoteTexts,
    /// Plain metadata.
    pub plain: Plain,
    /// What the writer says of a file.
    pub file_meta: Plain,
    /// The file, if there is one.
    pub file: Option<StoredFile>,
    /// What a reader must show besides the key.
    pub policies: ExtendedPolicies,
    /// How often it may be read, if that is limited.
    pub max_views: Option<u64>,
    /// Until when it may be read, as it was sent.
    pub expiration: Option<Timestamp>,
    /// Whether the writer said that it lapses.
    pub expires: bool,
    /// The record that it goes with.
    pub record: Option<RecordId>,
    /// As it was sent.
    pub is_secret: bool,
    /// Format and suite, as in [`RecordTypeRow`](super::RecordTypeRow).
    pub format: String,
    /// Suite of primitives.
    pub suite: String,
    /// When it was written.
    pub created: Timestamp,
    /// What became of it since.
    pub uses: NoteUses,
}

/// Texts of a note that the server does not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteTexts {
    /// Name of the way of sealing.
    pub mode: String,
    /// Its type; empty for none.
    pub note_type: String,
    /// The writer's public encryption key.
    pub writer_encryption_key: String,
    /// The wrapped access key.
    pub encrypted_access_key: String,
    /// The writer's signature.
    pub signature: String,
}

/// What changes about a note. Kept apart from it, so that counting a view does not write the note again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoteUses {
    /// How often it was read.
    pub views: u64,
    /// When it was read last.
    pub last_read: Option<Timestamp>,
    /// From when on it is as if it were not there. It is removed some time after.
    pub gone: Option<Timestamp>,
    /// BLAKE2b-256 of a code that opens it once, and when that lapses.
    pub code: Option<([u8; 32], Timestamp)>,
    /// What was sent by e-mail.
    pub mails: NoteMails,
}

/// Mails about a note.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoteMails {
    /// BLAKE2b-256 of the code that was sent last, and when that lapses.
    pub code: Option<([u8; 32], Timestamp)>,
    /// Codes that were tried since and were not it.
    pub wrong_codes: u32,
    /// How many codes were sent.
    pub sent: u32,
    /// When the last one was.
    pub last_sent: Option<Timestamp>,
}

impl NoteRow {
    /// Bytes of what the writer sent, or nearly so.
    pub fn sent_bytes(&self) -> u64 {
        let NoteHead { texts, plain, file_meta, policies, .. } = &self.head;
        let NoteTexts { mode, note_type, writer_encryption_key, encrypted_access_key, signature } = texts;
        let texts = [mode, note_type, writer_encryption_key, encrypted_access_key, signature];
        let json = [plain.to_json(), file_meta.to_json(), policies.to_json()];
        let lens = texts.into_iter().chain(&json).map(String::len).chain([self.data.len()]);
        lens.map(|len| len as u64).sum()
    }
}

/// Reading notes.
pub trait NoteReads {
    /// The note with this id.
    fn note(&self, id: NoteId) -> Result<Option<NoteRow>, StoreError>;

    /// The note with this id, without its data.
    fn note_head(&self, id: NoteId) -> Result<Option<NoteHead>, StoreError>;

    /// The note with this name, without its data.
    fn note_head_by_name(&self, name: &str) -> Result<Option<NoteHead>, StoreError>;

    /// At most `limit` notes of a writer that go with a record, behind this place, each with its place: above zero,
    /// growing in the order in which they were written.
    fn notes_of_record(
        &self,
        writer: ClientId,
        record: RecordId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, NoteHead)>, StoreError>;

    /// How many notes there are by those who are no clients, counted up to `limit`, and how many bytes those have that
    /// were counted.
    fn strangers_notes(&self, limit: usize) -> Result<(usize, u64), StoreError>;

    /// At most `limit` notes that are gone by `now`.
    fn gone_notes(&self, now: Timestamp, limit: usize) -> Result<Vec<NoteHead>, StoreError>;
}

/// Writing notes.
pub trait NoteWrites {
    /// Adds a note. [`StoreError::AlreadyExists`] if its id or its name is taken.
    fn insert_note(&mut self, row: &NoteRow) -> Result<(), StoreError>;

    /// Replaces what changes about a note. [`StoreError::Missing`] if there is none.
    fn put_note_uses(&mut self, id: NoteId, uses: &NoteUses) -> Result<(), StoreError>;

    /// Removes a note and lets go of its file. Returns whether it was there.
    fn delete_note(&mut self, id: NoteId) -> Result<bool, StoreError>;
}

//! Files: what was announced and is not committed yet, and which bytes nobody owns.
//!
//! Bytes lie under fresh keys elsewhere. Every key is in the list of unclaimed ones from before its first byte is
//! written until a pending file, a record or a note has it, and again once that lets go of it: what is on the list longer than
//! it may be is removed, and nothing else ever is. Removing, replacing or erasing a record, a note or a pending file
//! lets go of its bytes in the same transaction.

use tozstore_api::{NoteWrite, Plain, Timestamp};
use tozstore_crypto::{AccountId, ClientId, FileChecksum, PendingFileId, RecordId, Version};

use super::{RecordTypeSlot, StoreError};
use crate::blobs::BlobKey;

/// The file of a record or a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Where its bytes lie.
    pub key: BlobKey,
    /// What they are.
    pub content: FileContent,
}

/// What the sealed bytes of a file are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileContent {
    /// How many.
    pub len_bytes: u64,
    /// Their MD5.
    pub checksum: FileChecksum,
    /// How the plaintext is compressed, as the client says.
    pub compression: String,
}

/// A file that was announced.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingFileRow {
    /// Its id, which is not that of the record or note to be.
    pub id: PendingFileId,
    /// Who announced it, and may commit it.
    pub client: ClientId,
    /// Account of that client.
    pub account_id: AccountId,
    /// What has the file once it is committed.
    pub owner: FileOwner,
    /// What the bytes are to be.
    pub content: FileContent,
    /// The bytes, once they are there and checked.
    pub key: Option<BlobKey>,
    /// When it lapses.
    pub expires: Timestamp,
}

/// What is to have a file.
#[derive(Clone, Debug, PartialEq)]
pub enum FileOwner {
    /// A new note.
    Note(Box<NoteWrite>),
    /// A new record, or a new version of one.
    Record(RecordWithFile),
}

/// A record that is to have a file.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordWithFile {
    /// Writer, user and type of the record.
    pub type_slot: RecordTypeSlot,
    /// Its plain metadata.
    pub plain: Plain,
    /// Its sealed fields.
    pub data: String,
    /// Its signature.
    pub signature: Option<String>,
    /// The record whose file it replaces, at this version; none for a new record.
    pub replaces: Option<(RecordId, Version)>,
}

/// Reading files.
pub trait FileReads {
    /// The pending file with this id, lapsed or not.
    fn pending_file(&self, id: PendingFileId) -> Result<Option<PendingFileRow>, StoreError>;

    /// How many files this client announced and has not committed, counted up to `limit`.
    fn count_pending_files(&self, client: ClientId, limit: usize) -> Result<usize, StoreError>;

    /// At most `limit` keys whose bytes are to be removed by now.
    fn due_blobs(&self, now: Timestamp, limit: usize) -> Result<Vec<BlobKey>, StoreError>;
}

/// Writing files.
pub trait FileWrites {
    /// Adds a pending file without bytes. [`StoreError::AlreadyExists`] if its id is taken.
    fn insert_pending_file(&mut self, row: &PendingFileRow) -> Result<(), StoreError>;

    /// Gives a pending file its bytes, and lets go of those that it had. [`StoreError::Missing`] if it is not there.
    /// The key must have been claimed.
    fn attach_blob(&mut self, id: PendingFileId, key: BlobKey) -> Result<(), StoreError>;

    /// Removes a pending file and lets go of its bytes. Returns whether it was there.
    fn delete_pending_file(&mut self, id: PendingFileId) -> Result<bool, StoreError>;

    /// Removes at most `limit` pending files that lapsed, and lets go of their bytes. Returns how many.
    fn delete_expired_pending_files(&mut self, now: Timestamp, limit: usize) -> Result<usize, StoreError>;

    /// Puts a key on the list of unclaimed ones; its bytes may be removed from `due` on.
    fn release_blob(&mut self, key: BlobKey, due: Timestamp) -> Result<(), StoreError>;

    /// Takes a key off that list. Returns whether it was on it.
    fn claim_blob(&mut self, key: BlobKey) -> Result<bool, StoreError>;
}

/// When bytes may be removed that nobody is to claim any more: at once.
pub(super) const DUE_AT_ONCE: Timestamp = Timestamp::from_micros(0);

//! The outbox: one row for each change, in the transaction that makes it, for feeds and audit.

use tozstore_api::{RecordType, Timestamp};
use tozstore_crypto::{AccountId, ClientId, GroupId, NoteId, RecordId, Version};

use super::StoreError;

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// An access key was removed.
    AccessKeyDeleted,
    /// An access key was put.
    AccessKeyPut,
    /// An account was created.
    AccountCreated,
    /// An account was deleted.
    AccountDeleted,
    /// An account's profile or metadata was changed.
    AccountUpdated,
    /// A client put a bundle of keys.
    ClientBundlePut,
    /// A client was deleted.
    ClientDeleted,
    /// A client was registered.
    ClientRegistered,
    /// A client was enabled, disabled, given a key or marked as backed up.
    ClientUpdated,
    /// A group was created.
    GroupCreated,
    /// A group was deleted, with its members and shares.
    GroupDeleted,
    /// A member was added to a group, or its key or capabilities were changed.
    GroupMemberPut,
    /// A member was removed from a group.
    GroupMemberRemoved,
    /// A record type was shared with a group.
    GroupShared,
    /// A record type was withdrawn from a group.
    GroupUnshared,
    /// A group was described anew.
    GroupUpdated,
    /// A hook was created.
    HookCreated,
    /// A hook was deleted.
    HookDeleted,
    /// A note was deleted, or was gone and swept away.
    NoteDeleted,
    /// A note was replaced by another of the same name.
    NoteReplaced,
    /// A note was written.
    NoteWritten,
    /// Grants were given. In what older versions wrote, they may have been withdrawn.
    PolicyPut,
    /// Grants were withdrawn, and none given.
    PolicyWithdrawn,
    /// A record was deleted.
    RecordDeleted,
    /// A record was changed.
    RecordUpdated,
    /// A record was written.
    RecordWritten,
    /// A registration token was created.
    RegistrationTokenCreated,
    /// A registration token was deleted.
    RegistrationTokenDeleted,
    /// An entry was appended to the log of a sealed type.
    SealedEntryAppended,
    /// A sealed record was deleted.
    SealedRecordDeleted,
    /// A version of a sealed record was written.
    SealedRecordWritten,
}

/// Stands for the owner of what nobody owns: notes by those whom the server does not know.
pub const NOBODY: AccountId = AccountId::from_bytes([0; 16]);

/// A change: what, by whom, to what. Ids only, never content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What changed.
    pub kind: ChangeKind,
    /// The account that owns it; [`NOBODY`] if none does.
    pub account_id: AccountId,
    /// The client that did it, if a client did.
    pub actor: Option<ClientId>,
    /// The writer that it belongs to, or the client that it is about.
    pub client: Option<ClientId>,
    /// The other client: the reader of a key, the holder of a grant.
    pub other: Option<ClientId>,
    /// The record type.
    pub record_type: Option<RecordType>,
    /// The group.
    pub group: Option<GroupId>,
    /// The record and its new version (its last one if it was deleted).
    pub record: Option<(RecordId, Version)>,
    /// The note.
    pub note: Option<NoteId>,
}

impl Change {
    /// A change with no more than its kind and account.
    pub const fn new(kind: ChangeKind, account_id: AccountId) -> Self {
        Self {
            kind,
            account_id,
            actor: None,
            client: None,
            other: None,
            record_type: None,
            group: None,
            record: None,
            note: None,
        }
    }
}

/// A change in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    /// Its place: above zero, growing; gaps are allowed.
    pub sequence: u64,
    /// When it was made.
    pub at: Timestamp,
    /// The change.
    pub change: Change,
}

/// Reading the outbox.
pub trait ChangeReads {
    /// At most `limit` changes behind this place.
    fn changes_after(&self, sequence: u64, limit: usize) -> Result<Vec<ChangeRow>, StoreError>;
}

/// Writing the outbox.
pub trait ChangeWrites {
    /// Adds a change at the moment `at`.
    fn append_change(&mut self, at: Timestamp, change: &Change) -> Result<(), StoreError>;

    /// Removes at most `limit` changes made before a moment; returns how many.
    fn delete_changes_before(&mut self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}

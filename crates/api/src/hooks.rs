//! Hooks: `/v1/hook`. The server tells an address of what changed in an account.

use serde::{Deserialize, Serialize};
use tozstore_crypto::{AccountId, ClientId, GroupId, NoteId, RecordId, Version};

use crate::{RecordType, SecretText, Timestamp};

/// Bytes that the address of a hook may have.
pub const MAX_HOOK_URL_BYTES: usize = 2048;
/// Triggers that one hook may have.
pub const MAX_HOOK_TRIGGERS: usize = 64;

/// Header of a delivery that names it: the same for every try.
pub const HOOK_ID_HEADER: &str = "webhook-id";
/// Header of a delivery with the time of the try, in seconds since 1970.
pub const HOOK_TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// Header of a delivery with its signature.
pub const HOOK_SIGNATURE_HEADER: &str = "webhook-signature";

/// A hook that is to be: `POST /v1/hook`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewHook {
    /// Where deliveries go: `http` or `https`, at most [`MAX_HOOK_URL_BYTES`].
    pub webhook_url: String,
    /// What is delivered, at most [`MAX_HOOK_TRIGGERS`].
    pub triggers: Vec<HookTrigger>,
}

/// Whether deliveries are made for one kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HookTrigger {
    /// Whether they are.
    pub enabled: bool,
    /// The kind of change.
    pub api_event: HookEvent,
}

/// A hook, as its account sees it.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hook {
    /// Its id.
    pub webhook_id: u64,
    /// Where deliveries go.
    pub webhook_url: String,
    /// What is delivered.
    pub triggers: Vec<HookTrigger>,
    /// What deliveries are signed with: in the answer to its creation, and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretText>,
}

/// The hooks of an account: `GET /v1/hook`.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HookList {
    /// In the order in which they were made.
    pub hooks: Vec<Hook>,
}

/// A kind of change that is delivered. Names are never changed: hooks and their receivers keep them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HookEvent {
    /// An access key was removed.
    AccessKeyDeleted,
    /// An access key was put for a reader.
    AccessKeyPut,
    /// The account's profile or metadata was changed.
    AccountUpdated,
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
    /// A note was deleted, or was gone and swept away.
    NoteDeleted,
    /// A note was replaced by another of the same name.
    NoteReplaced,
    /// A note was written.
    NoteWritten,
    /// A client was granted more on a record type: to read, to edit, to share on behalf of the writer.
    PolicyGranted,
    /// Grants were withdrawn from a client, or given up by it.
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
}

/// The body of a delivery. Ids and names that the server sees anyway; of what is sealed, nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookDelivery {
    /// Names the delivery: the same for every try.
    pub delivery_id: String,
    /// The hook.
    pub webhook_id: u64,
    /// What changed.
    pub event: HookEvent,
    /// When it changed.
    pub time: Timestamp,
    /// The account that owns it.
    pub account_id: AccountId,
    /// The client that did it, if a client did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<ClientId>,
    /// The writer that it belongs to, or the client that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// The other client: the reader of a key, the holder of a grant, the member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_client_id: Option<ClientId>,
    /// The record type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_type: Option<RecordType>,
    /// The record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_id: Option<RecordId>,
    /// The record's new version; its last one if it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    /// The note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note_id: Option<NoteId>,
}

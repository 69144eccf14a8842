//! The HTTP contract of TozStore: paths, bodies, error codes. No I/O.
//!
//! A member that is null counts as absent, members that are not known are ignored, and ids are taken in either case and
//! written in lower case.

mod absent;
mod access_keys;
mod accounts;
mod clients;
mod error;
mod files;
mod groups;
mod hooks;
mod key_set;
mod note_files;
mod note_policies;
mod notes;
pub mod paths;
mod plain;
mod policies;
mod record_type;
mod records;
mod registration;
mod registration_tokens;
#[cfg(feature = "openapi")]
mod schemas;
pub mod sealed;
mod search;
mod secret_text;
mod share_pages;
mod term_search;
mod timestamp;
mod tokens;

pub use access_keys::{AccessKey, MAX_ACCESS_KEY_BYTES, PutAccessKey};
pub use accounts::{
    Account, AccountChange, AccountClient, AccountSession, AnswerChallenge, AskChallenge, Challenge,
    ChangeProfile, ChangedProfile, CreateAccount, KEY_PAPER, KEY_PASSWORD, MAX_PROFILE_META_BYTES,
    MAX_PROFILE_TEXT_BYTES, MAX_SALT_BYTES, NewAccount, NewProfile, Profile, ProfileChange, ReplaceQueen,
};
pub use clients::{
    AddSigningKey, Client, ClientInfo, ClientKeys, ClientKeysAnswer, ClientKeysQuery, ClientList,
    EnableClient, MAX_CLIENT_LOOKUPS, MAX_CLIENTS_PER_PAGE,
};
pub use error::ErrorBody;
pub use files::{
    FileMeta, FileMetaWrite, FileUpdate, FileUpdateMeta, FileWrite, FileWriteMeta, ListFiles,
    MAX_COMPRESSION_BYTES, MAX_FILE_BYTES, PendingFile, RAW,
};
pub use groups::{
    AccessKeyWrapper, AddMembers, AllowedEdit, AllowedReaders, Capability, CapabilityGroups, CapabilitySet,
    CreateGroup, DEFAULT_GROUP_PAGE, DescribeGroup, GROUP_SHARING, Group, GroupAccessKey, GroupCapabilities,
    GroupIds, GroupList, GroupMember, GroupRecord, GroupRecords, GroupsByCapability, GroupsById,
    MAX_GROUP_DESCRIPTION_BYTES, MAX_GROUP_LOOKUPS, MAX_GROUP_NAME_BYTES, MAX_GROUP_PAGE,
    MAX_GROUP_PUBLIC_KEY_BYTES, MAX_MEMBERS_PER_REQUEST, MemberCapabilities, MemberList, MemberName,
    MembersByGroup, MembershipKeyAnswer, OwnedGroups, RecordsByGroup, RemoveMembers, ShareWithGroup,
    UnshareWithGroup, UpdateMembers,
};
pub use hooks::{
    HOOK_ID_HEADER, HOOK_SIGNATURE_HEADER, HOOK_TIMESTAMP_HEADER, Hook, HookDelivery, HookEvent, HookList,
    HookTrigger, MAX_HOOK_TRIGGERS, MAX_HOOK_URL_BYTES, NewHook,
};
pub use key_set::{CURVE25519, ED25519, KeySet};
pub use note_files::{NOTE_FILE_URL, NoteFileError, NoteFileMeta};
pub use note_policies::{
    EmailPolicy, ExtendedPolicies, LastAccessPolicy, MAX_EXTENDED_POLICY_BYTES, OneTimeCodePolicy,
};
pub use notes::{
    ChallengeNote, ChallengedNote, MAX_NOTE_NAME_BYTES, MAX_NOTE_TEXT_BYTES, MAX_NOTES_PER_PAGE,
    MailChallenge, MailedChallenge, Note, NoteAnswer, NoteWrite, OneTimeCode, PrimeNote, PrimeOneTimeCode,
    PrimedNote, RecordNote, RecordNotes, UNLIMITED_VIEWS,
};
pub use plain::{MAX_PLAIN_ENTRIES, MAX_PLAIN_NAME_BYTES, MAX_PLAIN_VALUE_BYTES, Plain, PlainExpression};
pub use policies::{Authorization, Grant, GrantList, IncomingShare, OutgoingShare, PolicyChange};
pub use record_type::{RecordType, RecordTypeError};
pub use records::{
    BatchRequest, BulkDelete, BulkDeleted, MAX_BATCH_RECORDS, MAX_FIELD_NAME_BYTES, MAX_RECORD_BODY_BYTES,
    MAX_RECORD_FIELDS, MAX_RECORD_SIGNATURE_BYTES, NoFile, NotDeleted, Record, RecordData, RecordMeta,
    RecordWrite, RecordWriteMeta,
};
pub use registration::{
    BACKUP_CLIENT_HEADER, GENERAL_CLIENT, MAX_CLIENT_NAME_BYTES, NewClient, RegisterClient, RegisteredClient,
};
pub use registration_tokens::{
    MAX_PERMISSIONS_BYTES, MAX_TOKEN_NAME_BYTES, NewRegistrationToken, Permissions, RegistrationToken,
};
pub use search::{
    BatchResponse, DEFAULT_SEARCH_COUNT, ListedRecord, MAX_SEARCH_COUNT, MAX_SEARCH_VALUES, SearchRequest,
    SearchResponse,
};
pub use secret_text::SecretText;
pub use share_pages::{
    AuthorizationPage, DEFAULT_SHARES_PER_PAGE, IncomingPageAuthorization, IncomingPageShare,
    MAX_SHARES_PER_PAGE, OutgoingPageAuthorization, OutgoingPageShare, SharePage, SharePageRequest,
};
pub use term_search::{
    Condition, DEFAULT_TERM_SEARCH_LIMIT, FoundRecord, MAX_PATTERN_BYTES, MAX_TERM_SEARCH_LIMIT,
    MAX_TERM_SEARCH_PATTERNS, MAX_TERM_SEARCH_TERMS, MAX_TERM_SEARCH_TOTAL, RangeKey, SearchOrder,
    SearchRange, SearchTerms, SharingModel, TermFilter, TermSearchRequest, TermSearchResponse, TermStrategy,
};
pub use timestamp::{Timestamp, TimestampError};
pub use tokens::{AccessToken, BEARER, ValidateToken, ValidatedAccountToken, ValidatedToken};

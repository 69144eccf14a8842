//! The client SDK of TozStore, an end-to-end encrypted record store.
//!
//! ```no_run
//! # async fn example() -> Result<(), tozstore::Error> {
//! let client = tozstore::Client::new(tozstore::Credentials::load("client.json")?)?;
//! let note = client.write("note", tozstore::fields! { "text" => "nobody else reads this" }).await?;
//! let again = client.read(note.id()).await?;
//! assert_eq!(again.field("text"), Some("nobody else reads this"));
//! client.share("note", "a1111111-1111-4111-8111-111111111111".parse().expect("an id")).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is where
//!
//! - A [`Client`] reads and writes records, searches them with a [`Query`] or a [`Search`], shares their types, names authorizers.
//! - It makes groups and lets members in; what is shared with a group is read by those members who may read.
//! - [`Credentials`] are what a client is. They come from [`Client::register`], with a registration token.
//! - An [`Account`] makes registration tokens and administers its clients.
//! - [`Client::sealed`] gives its [sealed types](SealedClient), from which a reader can be shut out for good.
//! - [`Error`] says whose fault it was and what to do; nothing else ends a call early.
//!
//! # What is sealed
//!
//! The values of a record's fields. Its type, the names of its fields, its plain metadata, its size, and with whom it
//! is shared are not; [`Client::explain`] shows it for one record.

mod account_sessions;
mod accounts;
mod authorizers;
mod client;
mod clients;
mod credentials;
mod error;
mod explain;
mod fields;
mod file_bytes;
mod files;
mod groups;
mod hooks;
mod json;
mod keyring;
mod known_keys;
mod logins;
mod note_files;
mod notes;
mod policies;
mod profiles;
mod query;
mod records;
mod registration;
mod registration_tokens;
mod sealed;
mod term_search;
mod token;
mod transport;

pub use self::sealed::{
    CensusCompared, CensusTaken, ChangeState, CompleteOptions, Completion, CompletionProgress, Contact,
    FileStateStore, HeldReason, HeldRecord, LeakedRecord, MemoryStateStore, SealedClient, SealedGrant,
    SealedPage, SealedRecord, ShareFrom, Shared, StateStore, TypeOptions,
};
pub use tozstore_api::sealed::SealedTypeRows;
pub use tozstore_api::{
    AllowedEdit as GroupShare, Authorization, Capability, CapabilitySet, ExtendedPolicies, HookDelivery,
    HookEvent, IncomingShare, LastAccessPolicy, OneTimeCodePolicy, OutgoingShare, Plain, PlainExpression,
    SecretText as Secret, Timestamp,
};
pub use tozstore_crypto::sealed::{
    Backwards, ContactCard, Digest as Fingerprint, FieldContent, FieldForm, Known, LogPosition, Rights,
};
pub use tozstore_crypto::{
    AccountId, ClientId, EncryptionPrivateKey, EncryptionPublicKey, GroupId, HookSecret, NoteId, NoteWriter,
    RecordAuthenticity, RecordId, SigningKeyPair, SigningPublicKey, Version,
};

pub use account_sessions::AccountSession;
pub use accounts::{Account, NewAccount};
pub use client::{Client, ClientBuilder};
pub use clients::{ClientDetails, ClientInfo};
pub use credentials::Credentials;
pub use error::{Error, Fault, UntrustedData};
pub use explain::{Explanation, Reader, Route, SeenMember};
pub use fields::Fields;
pub use file_bytes::Progress;
pub use files::File;
pub use groups::{Group, GroupMember, GroupOptions};
pub use hooks::Hook;
pub use keyring::KeyTrust;
pub use known_keys::KnownKeys;
pub use logins::password_advice;
pub use note_files::NoteFile;
pub use notes::{ExpectedWriter, Note, NoteMeta, NoteRecipient, Stranger, WriteNote};
pub use query::{Page, Pages, Query, Records};
pub use records::{Completeness, Record, Write};
pub use registration::{RegisterOptions, Registration};
pub use registration_tokens::{RegistrationToken, TokenOptions};
pub use term_search::{Search, SearchPage, SearchPages, Terms};
pub use transport::Limits;

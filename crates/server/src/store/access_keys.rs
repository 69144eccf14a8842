//! Encrypted access keys: one for each (writer, user, reader, type).

use tozstore_api::Timestamp;
use tozstore_crypto::{AccountId, ClientId};

use super::{RecordTypeSlot, StoreError};

/// Place of one encrypted access key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeySlot {
    /// What the key opens.
    pub type_slot: RecordTypeSlot,
    /// Whom it is encrypted for.
    pub reader: ClientId,
}

/// An encrypted access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKeyRow {
    /// Its place.
    pub slot: KeySlot,
    /// Account of the writer.
    pub account_id: AccountId,
    /// The encrypted key, as it was sent. The server does not read it.
    pub eak: String,
    /// The client that encrypted and sent it.
    pub authorizer: ClientId,
    /// Format and suite, as in [`RecordTypeRow`](super::RecordTypeRow).
    pub format: String,
    /// Suite of primitives.
    pub suite: String,
    /// When it was put.
    pub created: Timestamp,
}

/// Reading access keys.
pub trait AccessKeyReads {
    /// The key in this place.
    fn access_key(&self, slot: &KeySlot) -> Result<Option<AccessKeyRow>, StoreError>;

    /// The keys in these places, in any order. What is not there is left out. For a few thousand places at most: one call
    /// costs less than one of [`access_key`](Self::access_key) for each.
    fn access_keys(&self, slots: &[KeySlot]) -> Result<Vec<AccessKeyRow>, StoreError>;
}

/// Writing access keys.
pub trait AccessKeyWrites {
    /// Adds a key. [`StoreError::AlreadyExists`], and no change, if the place is taken.
    fn insert_access_key(&mut self, row: &AccessKeyRow) -> Result<(), StoreError>;

    /// Removes a key. Returns whether it was there.
    fn delete_access_key(&mut self, slot: &KeySlot) -> Result<bool, StoreError>;
}

//! Clients: holders of keys and API credentials.

use tozstore_api::{KeySet, Timestamp};
use tozstore_crypto::{AccountId, ClientId};

use super::StoreError;

/// A client.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientRow {
    /// Its id.
    pub id: ClientId,
    /// The account that it belongs to.
    pub account_id: AccountId,
    /// Name, free text, not unique.
    pub name: String,
    /// Kind of client, `general` unless its token allowed another.
    pub kind: String,
    /// Public encryption keys.
    pub public_key: KeySet,
    /// Public signing keys; empty if it has none.
    pub signing_key: KeySet,
    /// Name of its API credential; unique.
    pub api_key_id: String,
    /// Hash of its API secret.
    pub api_secret_hash: [u8; 32],
    /// Whether it may do anything at all.
    pub enabled: bool,
    /// Whether its credentials were backed up to the account.
    pub has_backup: bool,
    /// Hash of the registration token that it was registered with; none for the first client of an account.
    pub registered_with: Option<[u8; 32]>,
    /// When it was registered.
    pub created: Timestamp,
    /// Access tokens issued before this moment are dead.
    pub tokens_valid_after: Timestamp,
}

/// Reading clients.
pub trait ClientReads {
    /// The client with this id.
    fn client(&self, id: ClientId) -> Result<Option<ClientRow>, StoreError>;

    /// Those of these clients that are there, with an account that is there, in any order. What others left behind is
    /// waiting to be erased. For a few thousand ids at most: one call costs little more than one of
    /// [`client`](Self::client).
    fn living_clients(&self, ids: &[ClientId]) -> Result<Vec<ClientRow>, StoreError>;

    /// The client with this API key id.
    fn client_by_api_key(&self, api_key_id: &str) -> Result<Option<ClientRow>, StoreError>;

    /// At most `limit` clients of an account in order of registration, those after position `after`. Positions are
    /// above zero, grow, and never change.
    fn clients_of(
        &self,
        account: AccountId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, ClientRow)>, StoreError>;
}

/// Writing clients.
pub trait ClientWrites {
    /// Adds a client. [`StoreError::AlreadyExists`] if its id or API key id is taken.
    fn insert_client(&mut self, row: &ClientRow) -> Result<(), StoreError>;

    /// Replaces the row with this id. [`StoreError::Missing`] if there is none.
    fn update_client(&mut self, row: &ClientRow) -> Result<(), StoreError>;

    /// Removes a client's row and queues the erasure of all that it owns and all that names it
    /// ([`ErasureWrites`](super::ErasureWrites)). Returns whether it was there.
    fn delete_client(&mut self, id: ClientId) -> Result<bool, StoreError>;
}

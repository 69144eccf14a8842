//! Registration tokens: who may register clients with an account.

use tozstore_api::Timestamp;
use tozstore_crypto::AccountId;

use super::StoreError;

/// A registration token. The token itself is not among its fields, only its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationTokenRow {
    /// Hash of the token; unique.
    pub hash: [u8; 32],
    /// The token, sealed under a key that the store does not hold, so that its owner can list it.
    pub sealed: String,
    /// The account whose clients it registers.
    pub account_id: AccountId,
    /// Name, if it was given one.
    pub name: Option<String>,
    /// What it permits: the JSON object as it was sent.
    pub permissions: String,
    /// Registrations that it allows; no limit if none.
    pub total_uses_allowed: Option<u64>,
    /// Registrations that it was used for.
    pub uses: u64,
    /// When it was created.
    pub created: Timestamp,
}

/// Reading registration tokens.
pub trait RegistrationTokenReads {
    /// The token with this hash.
    fn registration_token(&self, hash: &[u8; 32]) -> Result<Option<RegistrationTokenRow>, StoreError>;

    /// At most `limit` tokens of an account, in the order in which they were made.
    fn registration_tokens_of(
        &self,
        account: AccountId,
        limit: usize,
    ) -> Result<Vec<RegistrationTokenRow>, StoreError>;
}

/// Writing registration tokens.
pub trait RegistrationTokenWrites {
    /// Adds a token. [`StoreError::AlreadyExists`] if its hash is taken.
    fn insert_registration_token(&mut self, row: &RegistrationTokenRow) -> Result<(), StoreError>;

    /// Counts one more use. [`StoreError::Missing`] if the token is not there.
    fn count_registration_token_use(&mut self, hash: &[u8; 32]) -> Result<(), StoreError>;

    /// Removes a token. Returns whether it was there.
    fn delete_registration_token(&mut self, hash: &[u8; 32]) -> Result<bool, StoreError>;
}

//! Accounts, and the login challenges that were answered.

use tozstore_api::{KeySet, Timestamp};
use tozstore_crypto::{AccountId, ClientId};

use super::StoreError;

/// An account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountRow {
    /// Its id.
    pub id: AccountId,
    /// Name of its owner.
    pub name: String,
    /// The e-mail address as it was typed.
    pub email: String,
    /// The e-mail address in lower case; unique among accounts.
    pub email_key: String,
    /// Salts of the password and the paper key, as the client sent them. The server does not read them.
    pub salts: AccountSalts,
    /// Key that logins by password are signed with.
    pub signing_key: KeySet,
    /// Key that logins by paper key are signed with.
    pub paper_signing_key: KeySet,
    /// Company, may be empty.
    pub company: String,
    /// Plan, as the client named it.
    pub plan: String,
    /// Public encryption key of the account as it was created.
    pub public_key: KeySet,
    /// Public signing key of the account as it was created.
    pub account_signing_key: KeySet,
    /// The client that administers the account and receives backups.
    pub queen: ClientId,
    /// Profile metadata: a JSON object that only the client reads.
    pub meta: Option<String>,
    /// When the account was created.
    pub created: Timestamp,
    /// Account tokens issued before this moment are dead.
    pub tokens_valid_after: Timestamp,
    /// Save for the one issued at this moment: that of the session which cancelled the others.
    pub kept_token: Option<Timestamp>,
}

/// Salts for the key derivations of an account, base64url text that the server passes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountSalts {
    /// For the signing key from the password.
    pub auth: String,
    /// For the encryption key from the password.
    pub enc: String,
    /// For the signing key from the paper key.
    pub paper_auth: String,
    /// For the encryption key from the paper key.
    pub paper_enc: String,
}

/// A login challenge that was answered. It is kept until it lapses, so that it is not answered twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeRow {
    /// BLAKE2b-256 of the challenge bytes; unique.
    pub hash: [u8; 32],
    /// Who answered it.
    pub account_id: AccountId,
    /// When it lapses.
    pub expires: Timestamp,
}

/// Reading accounts.
pub trait AccountReads {
    /// The account with this id.
    fn account(&self, id: AccountId) -> Result<Option<AccountRow>, StoreError>;

    /// The account with this lower-case e-mail address.
    fn account_by_email(&self, email_key: &str) -> Result<Option<AccountRow>, StoreError>;
}

/// Writing accounts.
pub trait AccountWrites {
    /// Adds an account. [`StoreError::AlreadyExists`] if its id or its e-mail address is taken.
    fn insert_account(&mut self, row: &AccountRow) -> Result<(), StoreError>;

    /// Replaces the row with this id. [`StoreError::AlreadyExists`] if the e-mail address belongs to another account.
    fn update_account(&mut self, row: &AccountRow) -> Result<(), StoreError>;

    /// Removes an account's row, its challenges, its registration tokens and its hooks. Its clients are not touched.
    fn delete_account(&mut self, id: AccountId) -> Result<(), StoreError>;

    /// Adds a challenge.
    fn insert_challenge(&mut self, row: &ChallengeRow) -> Result<(), StoreError>;

    /// Removes a challenge and returns it, lapsed or not.
    fn take_challenge(&mut self, hash: &[u8; 32]) -> Result<Option<ChallengeRow>, StoreError>;

    /// Removes at most `limit` challenges that have lapsed by `now`; returns how many.
    fn delete_expired_challenges(&mut self, now: Timestamp, limit: usize) -> Result<usize, StoreError>;
}

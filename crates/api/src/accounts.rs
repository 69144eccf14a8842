//! Accounts: creation, login, profile.

use serde::{Deserialize, Serialize};
use tozstore_crypto::{AccountId, ClientId};

use crate::{KeySet, SecretText};

/// Bytes that a name, an e-mail address, a company or a plan may have.
pub const MAX_PROFILE_TEXT_BYTES: usize = 512;
/// Bytes that a salt may have as text.
pub const MAX_SALT_BYTES: usize = 128;
/// Bytes that the metadata of a profile may have as JSON.
pub const MAX_PROFILE_META_BYTES: usize = 64 * 1024;

/// Signs a login with the key that is derived from the password.
pub const KEY_PASSWORD: &str = "password";
/// Signs a login with the key that is derived from the paper key.
pub const KEY_PAPER: &str = "paper";

/// An account that is to be: `POST /v1/account/profile`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateAccount {
    /// Who owns it, and how logins are checked.
    pub profile: NewProfile,
    /// The account, and the keys of its first client.
    pub account: NewAccount,
}

/// The profile of an account that is to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewProfile {
    /// Name of its owner.
    pub name: String,
    /// E-mail address, unique in any spelling.
    pub email: String,
    /// Salt of the signing key from the password.
    pub auth_salt: String,
    /// Salt of the encryption key from the password.
    pub enc_salt: String,
    /// Salt of the signing key from the paper key.
    pub paper_auth_salt: String,
    /// Salt of the encryption key from the paper key.
    pub paper_enc_salt: String,
    /// Key that checks logins by password.
    pub signing_key: KeySet,
    /// Key that checks logins by paper key.
    pub paper_signing_key: KeySet,
}

/// The rest of an account that is to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewAccount {
    /// Company, may be empty.
    #[serde(default)]
    pub company: Option<String>,
    /// Plan, as the client names it.
    #[serde(default)]
    pub plan: Option<String>,
    /// Public encryption key of its first client.
    pub public_key: KeySet,
    /// Public signing key of its first client.
    #[serde(default)]
    pub signing_key: KeySet,
}

/// A session of an account: answered to its creation and to a login.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccountSession {
    /// The account token, for `Authorization: Bearer <token>` below `/v1/account`.
    pub token: SecretText,
    /// The profile.
    pub profile: Profile,
    /// The account.
    pub account: Account,
}

/// A profile, answered to a change of it.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangedProfile {
    /// The profile.
    pub profile: Profile,
    /// The account.
    pub account: Account,
}

/// A profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Profile {
    /// The account's id.
    pub id: AccountId,
    /// Name of its owner.
    pub name: String,
    /// E-mail address as it was typed.
    pub email: String,
    /// Salt of the signing key from the password.
    pub auth_salt: String,
    /// Salt of the encryption key from the password.
    pub enc_salt: String,
    /// Salt of the signing key from the paper key.
    pub paper_auth_salt: String,
    /// Salt of the encryption key from the paper key.
    pub paper_enc_salt: String,
    /// Key that checks logins by password.
    pub signing_key: KeySet,
    /// Key that checks logins by paper key.
    pub paper_signing_key: KeySet,
    /// Whether the address was checked. No mail is ever sent, so every address counts as checked.
    pub verified: bool,
}

/// An account.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Account {
    /// Company, may be empty.
    pub company: String,
    /// Plan.
    pub plan: String,
    /// Public encryption key of the account as it was created.
    pub public_key: KeySet,
    /// Public signing key of the account as it was created.
    pub signing_key: KeySet,
    /// Its administering client.
    pub client: AccountClient,
}

/// The client that administers an account.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccountClient {
    /// Its id.
    pub client_id: ClientId,
    /// Its name.
    pub name: String,
    /// Its public encryption keys.
    pub public_key: KeySet,
    /// Its public signing keys.
    pub signing_key: KeySet,
    /// Name of its API credential.
    pub api_key_id: String,
    /// Its API secret: in the answer to its creation, and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub api_secret: Option<SecretText>,
    /// Whether it may do anything.
    pub enabled: bool,
}

/// Asks for a login challenge: `POST /v1/account/challenge`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AskChallenge {
    /// E-mail address, in any spelling.
    pub email: String,
}

/// A login challenge. It looks the same for addresses that have no account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Challenge {
    /// Bytes to sign, base64url.
    pub challenge: String,
    /// Salt of the signing key from the password.
    pub auth_salt: String,
    /// Salt of the signing key from the paper key.
    pub paper_auth_salt: String,
}

/// Answers a login challenge: `POST /v1/account/auth`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AnswerChallenge {
    /// E-mail address, in any spelling.
    pub email: String,
    /// The challenge, as it came.
    pub challenge: String,
    /// Ed25519 signature over the decoded challenge, base64url.
    pub response: String,
    /// Which key signed: [`KEY_PASSWORD`] or [`KEY_PAPER`].
    pub keyid: String,
}

/// A change of an account: `PATCH /v1/account/profile`. What is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangeProfile {
    /// Changes of the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileChange>,
    /// Changes of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountChange>,
}

/// A change of a profile. What is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ProfileChange {
    /// Name of its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// E-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Salt of the signing key from the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_salt: Option<String>,
    /// Salt of the encryption key from the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enc_salt: Option<String>,
    /// Salt of the signing key from the paper key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paper_auth_salt: Option<String>,
    /// Salt of the encryption key from the paper key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paper_enc_salt: Option<String>,
    /// Key that checks logins by password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_key: Option<KeySet>,
    /// Key that checks logins by paper key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paper_signing_key: Option<KeySet>,
}

/// A change of the rest of an account. What is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AccountChange {
    /// Company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// Plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

/// Puts a new client in the place of the one that administers the account: `POST /v1/account/e3db/clients/queen`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReplaceQueen {
    /// The new client.
    pub client: crate::NewClient,
}
